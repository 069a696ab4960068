package policy

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDocuments runs testdata/documents.txt.
func TestDocuments(t *testing.T) {
	text, err := os.ReadFile("testdata/documents.txt")
	if err != nil {
		t.Fatal(err)
	}
	short := strings.NewReplacer(
		"{S", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b"`,
		"{V", `{"Version":"2012-10-17"`, ",V", `,"Version":"2012-10-17"`)
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 3 {
			t.Fatalf("line %d: want three columns", i+1)
		}
		doc, want := short.Replace(strings.TrimSpace(f[1])), strings.TrimSpace(f[2])
		if got := verdict(t, strings.TrimSpace(f[0]), doc); got != want {
			t.Errorf("line %d: %s\n got %s\nwant %s", i+1, doc, got, want)
		}
	}
}

func verdict(t *testing.T, name, doc string) string {
	typ, ok := map[string]Type{
		"managed": Identity, "identity": Identity, "resource": Resource, "trust": Trust,
		"scp": SCP, "rcp": RCP, "endpoint": Endpoint,
	}[name]
	if !ok {
		t.Fatalf("unknown type %q", name)
	}
	d, err := Parse([]byte(doc))
	if err == nil && name == "managed" {
		err = d.CheckVersion()
	}
	if err == nil {
		err = d.Check(typ)
	}
	if err == nil {
		return "ok"
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%T is not an *Error", err)
	}
	return e.MessageFor(typ)
}

func TestPositions(t *testing.T) {
	d, err := Parse([]byte("{\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Sid\": \"é\"}, {\"Effect\": \"Deny\"}\n  ]\n}"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]Position{
		{{3, 5, 23}, {3, 36, 55}},
		{{3, 38, 57}, {3, 56, 75}},
	} {
		if s := d.Statements[i]; s.Start != want[0] || s.End != want[1] {
			t.Errorf("statement %d is at %v to %v, want %v", i, s.Start, s.End, want)
		}
	}
	_, err = Parse([]byte("{\n  \"Version\": \"2012-10-17\",\n  \"Statment\": []}"))
	if e, ok := errors.AsType[*Error](err); !ok || e.Position.Line != 3 || e.Position.Column != 3 {
		t.Errorf("the misspelt element is reported at %+v", err)
	}
}

func TestParseBounds(t *testing.T) {
	if _, err := Parse([]byte(`{"Statement":{"Effect":"Allow"}}` + strings.Repeat(" ", MaxSize))); err == nil {
		t.Error("a document above MaxSize was read")
	}
	if _, err := Parse([]byte("{\"Id\":\"\xff\",\"Statement\":{\"Effect\":\"Allow\"}}")); err == nil {
		t.Error("invalid UTF-8 was read")
	}
	for _, deep := range []string{"[", "{\"Statement\":[", "{\"Statement\":{\"Condition\":{\"a\":{\"b\":["} {
		if _, err := Parse([]byte(strings.Repeat(deep, MaxSize/len(deep)))); err == nil {
			t.Errorf("%q repeated was read", deep)
		}
	}
}

func TestContextKeys(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::${aws:username}/${s3:prefix, 'x'}/${*}"],
		 "Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/team}"},"Bool":{"AWS:USERNAME":"true"}}},
		{"Effect":"Deny","Action":"*","NotResource":"${a}","Condition":{"Null":{"aws:TokenIssueTime":"true"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"AWS:USERNAME", "a", "aws:PrincipalTag/team", "aws:ResourceTag/team", "aws:TokenIssueTime", "s3:prefix"}
	if got := d.ContextKeys(); !slices.Equal(got, want) {
		t.Errorf("ContextKeys = %q, want %q", got, want)
	}
	d.Version = Version2008
	want = []string{"AWS:USERNAME", "aws:PrincipalTag/team", "aws:TokenIssueTime"}
	if got := d.ContextKeys(); !slices.Equal(got, want) {
		t.Errorf("ContextKeys in the old version = %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"*"},"Action":["s3:*"],"Resource":"*","Condition":{"Bool":{"a":[true,1,"x"]}}}]}`))
	f.Add([]byte(`{"Statement":{"Effect":"Deny","NotAction":"\u00e9\ud83d\ude00","NotResource":"arn:aws:s3:::${a, 'b'}*"}}`))
	f.Add([]byte(`{"Statement":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Position.Offset > len(text) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		r := benchRequest("s3:GetObject", "arn:aws:s3:::b/k")
		for _, typ := range []Type{Identity, Resource, Trust, SCP, RCP, Endpoint} {
			d.Check(typ)
			set := Compile(Labelled{Source{Type: typ}, d})
			b := &Bindings{Identity: set, Resource: set}
			if e := Explain(r, b); e.Decision != Decide(r, b) {
				t.Fatal("Explain and Decide differ")
			}
		}
		d.ContextKeys()
	})
}
