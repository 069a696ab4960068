package analysis

import (
	"encoding/json"
	"testing"

	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

func parse(t testing.TB, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

func docs(t testing.TB, text string) []*policy.Document {
	return []*policy.Document{parse(t, text)}
}

// statements wraps statements into a document.
func statements(list string) string { return `{"Version":"2012-10-17","Statement":[` + list + `]}` }

var known = &Analyzer{Reference: reference.Open()}

func show(w *Witness) string {
	if w == nil {
		return "no witness"
	}
	b, err := json.Marshal(map[string]any{"principal": w.Request.Principal.ARN, "action": w.Request.Action, "resource": w.Request.Resource, "context": w.Context})
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestNoNewAccessIdentity(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		pass           bool
	}{
		{"same", `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, true},
		{"wider action", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`, false},
		{"case", `{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, true},
		{"split by conditions",
			`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, true},
		{"absent key",
			`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":["true","false"]}}}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, false},
		{"networks", `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/9","10.128.0.0/9"]}}}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, true},
		{"networks less one", `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/9","10.128.0.0/10"]}}}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, false},
		{"deny dropped", `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, false},
		{"deny instead of list", `{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"*"}`,
			`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`, true},
		{"variable", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/x/*"}`, true},
		{"variable to star", `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}`, false},
		{"tag equality", `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/t":"${aws:PrincipalTag/t}"}}}`,
			`{"Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/t":"${aws:PrincipalTag/t}"}}}`, true},
		{"tag equality dropped", `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/t":"${aws:PrincipalTag/t}"}}}`,
			`{"Effect":"Allow","Action":"s3:Get*","Resource":"*","Condition":{"Null":{"aws:ResourceTag/t":"false"}}}`, false},
		{"all values", `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}}`,
			`{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]},"Null":{"aws:TagKeys":"false"}}}`, true},
		{"any value", `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}}`,
			`{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}}`, false},
	} {
		r, err := known.NoNewAccess(docs(t, statements(c.old)), docs(t, statements(c.new)), policy.Identity)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.Pass != c.pass {
			t.Errorf("%s: pass = %v, %s", c.name, r.Pass, show(r.Witness))
		}
		t.Logf("%s: %s", c.name, show(r.Witness))
	}
}
