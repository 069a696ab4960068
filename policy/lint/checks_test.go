package lint

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/policy/reference"
)

var testReference = reference.Open()

// plain are the statements that a line of testdata/checks.txt changes, and what
// they are policies of.
var plain = map[string]struct {
	opt       Options
	statement string
}{
	"identity":    {Options{Type: Identity}, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`},
	"resource":    {Options{Type: Resource}, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:111122223333:q"}`},
	"bucket":      {Options{Type: Resource, ResourceType: Bucket}, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`},
	"accesspoint": {Options{Type: Resource, ResourceType: AccessPoint}, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:us-east-1:111122223333:accesspoint/a/object/*"}`},
	"mrap":        {Options{Type: Resource, ResourceType: MultiRegionAccessPoint}, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3::111122223333:accesspoint/m.mrap","arn:aws:s3::111122223333:accesspoint/m.mrap/object/*"]}`},
	"lambda":      {Options{Type: Resource, ResourceType: ObjectLambda}, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3-object-lambda:GetObject","Resource":"arn:aws:s3-object-lambda:us-east-1:111122223333:accesspoint/a"}`},
	"table":       {Options{Type: Resource, ResourceType: Table}, `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:us-east-1:111122223333:table/t"}`},
	"trust":       {Options{Type: Resource, ResourceType: RoleTrust}, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/r"},"Action":"sts:AssumeRole"}`},
	"scp":         {Options{Type: ServiceControl}, `{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}`},
	"rcp":         {Options{Type: ResourceControl}, `{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"}`},
}

// document makes a document of a line of testdata/checks.txt.
func makeDocument(t *testing.T, kind, line string) string {
	t.Helper()
	if doc, ok := strings.CutPrefix(line, "doc: "); ok {
		return doc
	}
	var s, changes map[string]any
	for text, to := range map[string]*map[string]any{plain[kind].statement: &s, line: &changes} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	for k, v := range changes {
		if s[k] = v; v == nil {
			delete(s, k)
		}
	}
	out, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{s}})
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.ReplaceAll(string(out), `\u003c`, "<")
	if before, after, found := strings.Cut(doc, "%"); found { // %n: n letters
		var n int
		if _, err := fmt.Sscanf(after, "%d", &n); err != nil {
			t.Fatal(err)
		}
		doc = before + strings.Repeat("x", n) + strings.TrimLeft(after, "0123456789")
	}
	return doc
}

// TestChecks: each check that is done finds what it must and nothing else.
func TestChecks(t *testing.T) {
	for kind, p := range plain { // nothing is wrong with the plain statements
		p.opt.Reference = testReference
		if found := Validate([]byte(makeDocument(t, kind, "{}")), p.opt); len(found) > 0 {
			t.Errorf("plain %s policy: %+v", kind, found)
		}
	}
	f, err := os.Open("testdata/checks.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	positive, negative := map[string]int{}, map[string]int{}
	var code, kind string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		rest, yes := strings.CutPrefix(line, "+ ")
		rest, no := strings.CutPrefix(rest, "- ")
		if !yes && !no {
			code, kind, _ = strings.Cut(line, " ")
			if plain[kind].statement == "" {
				t.Fatalf("no type %q", kind)
			}
			continue
		}
		rest, message, exact := strings.Cut(rest, " => ")
		opt := plain[kind].opt
		opt.Reference = testReference
		doc := makeDocument(t, kind, rest)
		found := Validate([]byte(doc), opt)
		wellFormed(t, doc, found)
		i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == code && (!exact || f.Details == message) })
		switch {
		case yes && i < 0:
			t.Errorf("%s: not found in %s %s\n%+v", code, kind, doc, found)
		case no && i >= 0:
			t.Errorf("%s: found in %s %s\n%+v", code, kind, doc, found[i])
		}
		if yes {
			positive[code]++
		} else {
			negative[code]++
		}
	}
	for code := range checks {
		if positive[code] == 0 || negative[code] == 0 {
			t.Errorf("%s: no policy that it finds, or none that it does not", code)
		}
	}
	for code := range positive {
		if _, ok := checks[code]; !ok {
			t.Errorf("%s is no check", code)
		}
	}
}

// wellFormed: every finding is complete and points into the document.
func wellFormed(t *testing.T, doc string, found []Finding) {
	t.Helper()
	last := -1
	for _, f := range found {
		if f.Details == "" || f.Type == "" || f.LearnMore == "" || len(f.Locations) == 0 || strings.Contains(f.Details, "%!") {
			t.Errorf("%s: %+v", doc, f)
		}
		for _, l := range f.Locations {
			start, end := l.Span.Start, l.Span.End
			if start.Offset < 0 || end.Offset < start.Offset || end.Offset > len([]rune(doc)) || start.Line < 1 || start.Column < 0 || l.Path == nil {
				t.Errorf("%s: %s is at %+v", doc, f.Code, l)
			}
		}
		if f.Locations[0].Span.Start.Offset < last {
			t.Errorf("%s: findings are not in the order of the text", doc)
		}
		last = f.Locations[0].Span.Start.Offset
	}
}

// TestSpec: spec/validate.txt lists AWS's checks, and says done of those that
// are.
func TestSpec(t *testing.T) {
	text, err := os.ReadFile("../../spec/validate.txt")
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		code, state, _ := strings.Cut(strings.TrimSpace(line), " ")
		if code == "" || code == "#" {
			continue
		}
		reason, absent := strings.CutPrefix(state, "absent: ")
		switch {
		case state == "done":
			done[code] = true
		case !absent || reason == "":
			t.Errorf("%q: want done, or absent: and a reason", line)
		}
		if _, ok := checks[code]; ok != (state == "done") {
			t.Errorf("%s: the list says %q, the code has it: %v", code, state, ok)
		}
	}
	for code := range checks {
		if !done[code] {
			t.Errorf("%s is not listed", code)
		}
	}
}
