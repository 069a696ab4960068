package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
)

type policyCmd struct {
	Explain  policyExplainCmd  `cmd:"" help:"Tell why a request was or would be denied, statement by statement, and the smallest change that would allow it."`
	Test     policyTestCmd     `cmd:"" help:"Run a file of requests with expected decisions."`
	Lint     policyLintCmd     `cmd:"" help:"Find faults in policy documents, as Access Analyzer's policy validation does."`
	Generate policyGenerateCmd `cmd:"" help:"Write least-privilege policies from CloudTrail files: what was done becomes what is allowed."`
	Diff     policyDiffCmd     `cmd:"" help:"Show what a new policy grants that the old one did not; fails if there is anything."`
	Minimise policyMinimiseCmd `cmd:"" help:"Print a policy without the statements, actions and resources that others cover."`
}

// question is one request with the policies that bear on it.
type question struct {
	Principal string            `help:"ARN of who asks, by default arn:aws:iam::111122223333:user/alice." json:"principal"`
	Action    string            `help:"What, as service:Name." json:"action"`
	Resource  string            `help:"ARN of on what." default:"*" json:"resource"`
	Context   map[string]string `help:"Condition keys: aws:SourceIp=203.0.113.7. Several values are separated by commas." json:"context" placeholder:"KEY=VALUE"`
	Identity  []string          `help:"Identity-based policy files." type:"existingfile" json:"identity" placeholder:"FILE"`
	ResourceP string            `name:"resource-policy" help:"Resource-based policy file." type:"existingfile" json:"resourcePolicy" placeholder:"FILE"`
	Boundary  string            `help:"Permissions boundary file." type:"existingfile" json:"boundary" placeholder:"FILE"`
	Session   []string          `help:"Session policy files." type:"existingfile" json:"session" placeholder:"FILE"`
	SCP       []string          `help:"Service control policy files, one level each, from the root down." type:"existingfile" json:"scp" placeholder:"FILE"`
	RCP       []string          `help:"Resource control policy files, one level each, from the root down." type:"existingfile" json:"rcp" placeholder:"FILE"`
}

// request builds what policy.Decide wants.
func (q *question) request() (*policy.Request, *policy.Bindings, error) {
	r := &policy.Request{Action: q.Action, Resource: q.Resource}
	if r.Resource == "" {
		r.Resource = "*"
	}
	if q.Principal == "" {
		q.Principal = "arn:aws:iam::111122223333:user/alice"
	}
	p, err := arn.Parse(q.Principal)
	if err != nil {
		return nil, nil, fmt.Errorf("principal %q: %w", q.Principal, err)
	}
	r.Principal = principal(p, q.Principal)
	if a, err := arn.Parse(r.Resource); err == nil {
		r.ResourceAccount = a.Account
	}
	r.Context.Set("aws:PrincipalArn", q.Principal)
	r.Context.Set("aws:PrincipalAccount", p.Account)
	if r.Principal.Kind == policy.User {
		r.Context.Set("aws:username", q.Principal[strings.LastIndexByte(q.Principal, '/')+1:])
	}
	r.Context.SetPairs(q.pairs())
	b := &policy.Bindings{}
	if b.Identity, err = compile(policy.Identity, q.Identity...); err != nil {
		return nil, nil, err
	}
	for _, set := range []struct {
		to    **policy.Set
		t     policy.Type
		files []string
	}{
		{&b.Resource, policy.Resource, nonempty(q.ResourceP)},
		{&b.Boundary, policy.Boundary, nonempty(q.Boundary)},
		{&b.Session, policy.Session, q.Session},
	} {
		if len(set.files) == 0 {
			continue
		}
		if *set.to, err = compile(set.t, set.files...); err != nil {
			return nil, nil, err
		}
	}
	if b.SCP, err = levels(policy.SCP, q.SCP); err != nil {
		return nil, nil, err
	}
	b.RCP, err = levels(policy.RCP, q.RCP)
	return r, b, err
}

// pairs are the condition keys of the question.
func (q *question) pairs() []policy.Pair {
	var out []policy.Pair
	for k, v := range q.Context {
		list := strings.Split(v, ",")
		out = append(out, policy.Pair{Key: k, Values: list, Multi: len(list) > 1})
	}
	return out
}

func nonempty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func levels(t policy.Type, files []string) ([]*policy.Set, error) {
	var out []*policy.Set
	for _, f := range files {
		s, err := compile(t, f)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// principal reads the kind of a principal from its ARN.
func principal(a arn.ARN, text string) policy.Principal {
	p := policy.Principal{Account: a.Account, ARN: text}
	kind, rest := a.Type()
	switch {
	case a.Service == "iam" && a.Resource == "root":
		p.Kind = policy.Root
	case kind == "assumed-role":
		p.Kind = policy.Role
		name, _, _ := strings.Cut(rest, "/")
		p.Issuer = arn.New("iam", "", a.Account, "role/"+name)
	case kind == "role":
		p.Kind, p.Issuer = policy.Role, text
		p.ARN = arn.New("sts", "", a.Account, "assumed-role/"+rest[strings.LastIndexByte(rest, '/')+1:]+"/session")
	case kind == "federated-user":
		p.Kind = policy.FederatedUser
	default:
		p.Kind = policy.User
	}
	return p
}

func compile(t policy.Type, files ...string) (*policy.Set, error) {
	var all []policy.Labelled
	for _, f := range files {
		doc, err := readPolicy(f, t)
		if err != nil {
			return nil, err
		}
		all = append(all, policy.Labelled{Source: policy.Source{Type: t, Name: f}, Document: doc})
	}
	return policy.Compile(all...), nil
}

func readPolicy(file string, t policy.Type) (*policy.Document, error) {
	return readChecked(file, func(doc *policy.Document) error { return doc.Check(t) })
}

// readChecked reads a policy; errors tell the file and the place in it.
func readChecked(file string, check func(*policy.Document) error) (*policy.Document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := policy.Parse(text)
	if err == nil {
		err = check(doc)
	}
	if err != nil {
		if e, ok := errors.AsType[*policy.Error](err); ok && e.Position.Line > 0 {
			return nil, fmt.Errorf("%s:%d:%d: %s", file, e.Position.Line, e.Position.Column, e.Message)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return doc, nil
}

type policyTestCmd struct {
	Files []string `arg:"" type:"existingfile" help:"JSON files: a list of {\"name\", \"principal\", \"action\", \"resource\", \"context\", \"identity\": [files], …, \"expect\": \"allowed\" or \"denied\"}."`
}

type policyCase struct {
	Name   string `json:"name"`
	Expect string `json:"expect"`
	question
}

func (c *policyTestCmd) Run(env Env) error {
	passed, failed := 0, 0
	for _, file := range c.Files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		dec := json.NewDecoder(f)
		dec.DisallowUnknownFields()
		var cases []policyCase
		err = errors.Join(dec.Decode(&cases), f.Close())
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for i := range cases {
			ok, err := cases[i].run(env)
			if err != nil {
				return fmt.Errorf("%s: case %d (%s): %w", file, i+1, cases[i].Name, err)
			}
			if ok {
				passed++
			} else {
				failed++
			}
		}
	}
	fmt.Fprintf(env.Out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return errSaid
	}
	return nil
}

func (c *policyCase) run(env Env) (bool, error) {
	if c.Expect != "allowed" && c.Expect != "denied" {
		return false, fmt.Errorf("expect is %q: want allowed or denied", c.Expect)
	}
	r, b, err := c.request()
	if err != nil {
		return false, err
	}
	d := policy.Decide(r, b)
	if d.Allowed == (c.Expect == "allowed") {
		return true, nil
	}
	fmt.Fprintf(env.Out, "FAIL %s: want %s\n", c.Name, c.Expect)
	return false, printStory(env.Out, &story{Decisions: []*explain.Tree{explain.New(r, b)}})
}
