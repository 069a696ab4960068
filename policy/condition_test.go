package policy

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestConditions runs testdata/conditions.txt, one condition a line.
func TestConditions(t *testing.T) {
	text, err := os.ReadFile("testdata/conditions.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 3 {
			t.Fatalf("line %d: want three columns", i+1)
		}
		cases++
		doc := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + f[0] + `}}`
		d, err := Parse([]byte(doc))
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		set := Compile(Labelled{Source{Type: Identity}, d})
		r := &Request{Principal: Principal{Kind: User, Account: "1", ARN: "arn:aws:iam::1:user/u"}, Action: "a:B", Resource: "*"}
		setKeys(t, &r.Context, strings.TrimSpace(f[1]))
		want := strings.TrimSpace(f[2]) == "yes"
		b := &Bindings{Identity: set}
		if got := Decide(r, b).Allowed; got != want {
			t.Errorf("line %d: %s in %s: %v, want %v", i+1, f[0], f[1], got, want)
		}
		e := Explain(r, b)
		if tr := e.Layers[0].Statements[0]; tr.Matched != want || !tr.Action || !tr.Resource {
			t.Errorf("line %d: explained as %+v", i+1, tr)
		}
	}
	if cases < 100 {
		t.Errorf("only %d cases", cases)
	}
}

func setKeys(t *testing.T, c *Context, text string) {
	if text == "-" {
		return
	}
	for def := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(def), "=")
		if !ok {
			t.Fatalf("bad context %q", def)
		}
		if s, ok := strings.CutPrefix(value, "date:"); ok {
			at, err := time.Parse(time.RFC3339, s)
			if err != nil {
				t.Fatal(err)
			}
			c.SetTime(name, at)
		} else if s, ok := strings.CutPrefix(value, "number:"); ok {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			c.SetInt(name, n)
		} else {
			setKey(c, name+" = "+value)
		}
	}
}

func TestContext(t *testing.T) {
	var c Context
	c.Set("aws:username", "bob")
	mark := c.Mark()
	c.Set("AWS:USERNAME", "alice")
	c.SetBool("aws:SecureTransport", true)
	c.SetTags("aws:PrincipalTag/", []Tag{{"Team", "red"}, {"team", "blue"}})
	c.SetTagKeys("aws:TagKeys", []Tag{{"a", ""}, {"b", ""}})
	c.SetFunc("kms:EncryptionContext:", func(name string) (string, bool) { return name + "!", name == "app" })
	c.SetTime("aws:CurrentTime", time.Unix(0, 0))
	for name, want := range map[string]string{
		"aws:username": "alice", "aws:securetransport": "true", "aws:PrincipalTag/Team": "red",
		"aws:principaltag/team": "blue", "aws:PrincipalTag/TEAM": "red", "aws:TagKeys": "a,b",
		"kms:EncryptionContext:app": "app!", "aws:CurrentTime": "1970-01-01T00:00:00Z",
		"kms:EncryptionContext:other": "", "aws:PrincipalTag/": "", "nokey": "",
	} {
		v, ok := c.Get(name)
		if got := strings.Join(v.Values, ","); got != want || ok != (want != "") {
			t.Errorf("%s = %q, %v; want %q", name, got, ok, want)
		}
	}
	if v, _ := c.Get("aws:TagKeys"); !v.Multi {
		t.Error("aws:TagKeys is not multivalued")
	}
	c.Reset(mark)
	if v, _ := c.Get("aws:username"); v.Values[0] != "bob" {
		t.Errorf("after Reset aws:username = %v", v)
	}
	if _, ok := c.Get("aws:SecureTransport"); ok {
		t.Error("a key survived Reset")
	}
}
