package wire

import (
	"strings"
	"testing"
	"time"
)

func TestRecord(t *testing.T) {
	secret, n, next := "correct horse", int32(7), &sink{Name: "b"}
	in := &sink{
		Name: "a", Kind: "BASIC", Count: &n, Secret: &secret, Next: next,
		When: time.Date(2026, 11, 23, 14, 5, 6, 0, time.UTC), Tags: []tag{{"k", "v"}}, Labels: map[string]string{"B": "2", "A": "1"},
	}
	const want = `{"name":"a","kind":"BASIC","count":7,"when":"Nov 23, 2026 2:05:06 PM","tags":[{"key":"k","value":"v"}],"labels":{"A":"1","B":"2"},"next":{"name":"b"}%}`
	for name, hiding := range map[string]string{
		"iam": "", "sts": "", "kms": "", "secretsmanager": "",
		"sns": `,"secret":"HIDDEN_DUE_TO_SECURITY_REASONS"`,
	} {
		op := sinkOp(name, JSON11)
		for _, got := range []string{string(op.AppendInput(nil, in)), string(op.AppendOutput(nil, in))} {
			if want := strings.Replace(want, "%", hiding, 1); got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
			if strings.Contains(got, secret) {
				t.Errorf("%s records the secret", name)
			}
		}
	}
	op := emptyOp()
	if got := string(op.AppendInput(nil, &struct{}{})); got != "null" {
		t.Errorf("an input without members: %s", got)
	}
}

// TestSecretsInErrors: neither a violated constraint nor a malformed value
// quotes a sensitive member.
func TestSecretsInErrors(t *testing.T) {
	for _, name := range []string{"json", "sts", "iam", "ec2"} {
		op := namedOp(name)
		body := `Name=a&Secret=hunter2`
		if name == "json" {
			body = `{"Name":"a","Secret":"hunter2"}`
		}
		_, err := op.Decode(&Request{Body: []byte(body)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("a", "b")
	op := sinkOp("sns", JSON11)
	f.Fuzz(func(t *testing.T, name, secret string) {
		b := op.AppendInput(nil, &sink{Name: name, Secret: &secret})
		r := newJSONReader(b)
		if err := r.skip(0); err != nil || r.end() != nil {
			t.Fatalf("no JSON: %q: %v", b, err)
		}
	})
}
