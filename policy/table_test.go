package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/arn"
)

// The decision tables in testdata/decide are written in a small language.
// Lines that begin in the first column open a block, indented lines belong to
// it, # begins a comment line.
//
//	policy NAME            a document follows, indented
//	who NAME KIND …        a principal: root ACCOUNT | user ARN | role SESSION-ARN ROLE-ARN |
//	                       federated ARN USER-ARN | service NAME… | anonymous | web PROVIDER | saml PROVIDER
//	given                  lines that hold for all cases up to the next given
//	case TITLE             one question with its answer
//
// Lines of given and case:
//
//	who NAME               action NAME            resource ARN          owner ACCOUNT
//	key NAME = VALUE       key NAME = [A, B]      (a multivalued key)
//	identity|boundary|session|endpoint|resource|trust|keypolicy POLICY, …   ("none": attached but empty)
//	scp|rcp POLICY, … / POLICY, …    levels from the root
//	grant NAME             same-org
//	allowed [by TYPE] [SID]     denied by TYPE     explicitly denied by TYPE [SID]
//	message TEXT
func TestTables(t *testing.T) {
	files, err := filepath.Glob("testdata/decide/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no tables", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runTable(t, file, string(text))
		})
	}
}

type table struct {
	t        *testing.T
	policies map[string]string
	who      map[string]Principal
	given    []string
}

func runTable(t *testing.T, file, text string) {
	tb := &table{t: t, policies: map[string]string{}, who: map[string]Principal{}}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		head, start := lines[i], i
		i++
		if strings.TrimSpace(head) == "" || strings.HasPrefix(head, "#") {
			continue
		}
		var body []string
		for ; i < len(lines) && (strings.HasPrefix(lines[i], " ") || strings.HasPrefix(lines[i], "#")); i++ {
			if !strings.HasPrefix(strings.TrimSpace(lines[i]), "#") {
				body = append(body, strings.TrimSpace(lines[i]))
			}
		}
		word, rest, _ := strings.Cut(head, " ")
		switch word {
		case "policy":
			tb.policies[rest] = strings.Join(body, "\n")
		case "who":
			name, def, _ := strings.Cut(rest, " ")
			tb.who[name] = parseWho(t, def)
		case "given":
			tb.given = body
		case "case":
			t.Run(rest, func(t *testing.T) { tb.run(t, fmt.Sprintf("%s:%d", file, start+1), body) })
		default:
			t.Fatalf("%s:%d: unknown block %q", file, start+1, word)
		}
	}
}

func parseWho(t *testing.T, def string) Principal {
	f := strings.Fields(def)
	p := Principal{}
	switch f[0] {
	case "anonymous":
		return p
	case "root":
		return Principal{Kind: Root, Account: f[1], ARN: "arn:aws:iam::" + f[1] + ":root", ID: f[1]}
	case "service":
		return Principal{Kind: Service, Names: f[1:]}
	case "web":
		return Principal{Kind: WebIdentity, Names: f[1:]}
	case "saml":
		return Principal{Kind: SAML, Names: f[1:]}
	case "user":
		p.Kind, p.ID = User, "AIDAEXAMPLE"
	case "role", "linked":
		p.Kind, p.Issuer, p.ID, p.ServiceLinked = Role, f[2], "AROAEXAMPLE:session", f[0] == "linked"
	case "federated":
		p.Kind, p.Issuer = FederatedUser, f[2]
	default:
		t.Fatalf("unknown kind of principal %q", f[0])
	}
	a, err := arn.Parse(f[1])
	if err != nil {
		t.Fatal(err)
	}
	p.ARN, p.Account = f[1], a.Account
	return p
}

// run builds the request of one case and compares the answer.
func (tb *table) run(t *testing.T, at string, body []string) {
	r, b := &Request{Resource: "*"}, &Bindings{}
	sameOrg, checked := false, false
	var expect, message []string
	for _, line := range append(append([]string{}, tb.given...), body...) {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "who":
			p, ok := tb.who[rest]
			if !ok {
				t.Fatalf("%s: nobody is called %q", at, rest)
			}
			r.Principal = p
		case "action":
			r.Action = rest
		case "resource":
			if strings.HasPrefix(rest, "arn:") || rest == "*" {
				r.Resource = rest
			} else {
				b.Resource, b.Authority = tb.set(t, at, Resource, rest), Shared
			}
		case "owner":
			r.ResourceAccount = rest
		case "key":
			setKey(&r.Context, rest)
		case "identity":
			b.Identity = tb.set(t, at, Identity, rest)
		case "boundary":
			b.Boundary = tb.set(t, at, Boundary, rest)
		case "session":
			b.Session = tb.set(t, at, Session, rest)
		case "endpoint":
			b.Endpoint = tb.set(t, at, Endpoint, rest)
		case "trust":
			b.Resource, b.Authority = tb.set(t, at, Trust, rest), RoleTrust
		case "keypolicy":
			b.Resource, b.Authority = tb.set(t, at, Resource, rest), Key
		case "scp":
			b.SCP = tb.levels(t, at, SCP, rest)
		case "rcp":
			b.RCP = tb.levels(t, at, RCP, rest)
		case "grant":
			b.Grant = &Source{Type: Grant, Name: rest}
		case "same-org":
			sameOrg = true
		case "message":
			message = append(message, rest)
		case "allowed", "denied", "explicitly":
			expect = append(expect, line)
		default:
			t.Fatalf("%s: unknown line %q", at, line)
		}
	}
	d := Decide(r, b)
	for _, want := range expect {
		checked = true
		if got := d.describe(); !strings.HasPrefix(got+" ", want+" ") {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	for _, want := range message {
		checked = true
		if got := d.Message(r, sameOrg); got != want {
			t.Errorf("%s: message\n%s, want\n%s", at, got, want)
		}
	}
	if !checked {
		t.Errorf("%s: the case expects nothing", at)
	}
	checkExplanation(t, 0, Explain(r, b), d)
}

// describe says the decision in the words of the tables.
func (d Decision) describe() string {
	s := "denied"
	if d.Allowed {
		s = "allowed"
	}
	if d.Explicit {
		s = "explicitly denied"
	}
	if d.Type != None {
		s += " by " + d.Type.String()
	}
	if d.Statement != nil && d.Statement.Statement.Sid != "" {
		s += " " + d.Statement.Statement.Sid
	}
	return s
}

func setKey(c *Context, def string) {
	name, value, _ := strings.Cut(def, " = ")
	if inner, ok := strings.CutPrefix(value, "["); ok {
		var list []string
		for v := range strings.SplitSeq(strings.TrimSuffix(inner, "]"), ",") {
			if v = strings.TrimSpace(v); v != "" {
				list = append(list, v)
			}
		}
		c.SetAll(name, list)
		return
	}
	c.Set(name, value)
}

func (tb *table) levels(t *testing.T, at string, typ Type, names string) []*Set {
	var out []*Set
	for level := range strings.SplitSeq(names, "/") {
		out = append(out, tb.set(t, at, typ, strings.TrimSpace(level)))
	}
	return out
}

func (tb *table) set(t *testing.T, at string, typ Type, names string) *Set {
	var in []Labelled
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		if name == "none" {
			continue
		}
		text, ok := tb.policies[name]
		if !ok {
			t.Fatalf("%s: no policy is called %q", at, name)
		}
		d, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: policy %s: %v", at, name, err)
		}
		if err := d.Check(typ); err != nil {
			t.Fatalf("%s: policy %s as %s: %v", at, name, typ, err)
		}
		in = append(in, Labelled{Source{Type: typ, Name: name, ARN: "arn:aws:iam::111122223333:policy/" + name, Managed: !strings.HasPrefix(name, "inline")}, d})
	}
	return Compile(in...)
}
