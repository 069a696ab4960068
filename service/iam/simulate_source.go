package iam

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// source is whom SimulatePrincipalPolicy is about, with the policies that
// decide for it.
type source struct {
	*bearer
	policies  []sourcePolicy // its own, then those of its groups
	boundedBy *sourcePolicy
}

// sourcePolicy is a policy as the simulator names it.
type sourcePolicy struct {
	id     string // SourcePolicyId
	text   string
	arn    string // of a managed policy
	kind   kind   // whom an inline policy belongs to, …
	owner  string // … by name
	inline string // and the policy's own name
}

// sourceOf reads the ARN of a user, group or role of the caller's account.
func sourceOf(ctx context.Context, name string) (kind, string, error) {
	unclear := invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", name)
	a, err := arn.Parse(name)
	if err != nil || a.Partition != arn.Partition || a.Service != "iam" || a.Region != "" || !arn.IsAccount(a.Account) {
		return "", "", unclear
	}
	k, rest := a.Type()
	rest = rest[strings.LastIndexByte(rest, '/')+1:]
	if rest == "" || kind(k) != aUser && kind(k) != aGroup && kind(k) != aRole {
		return "", "", unclear
	}
	if a.Account != accountOf(ctx) {
		return "", "", invalidInput("Invalid Policy Source Arn: caller's account %s does not have access to policies in account %s", accountOf(ctx), a.Account)
	}
	return kind(k), rest, nil
}

// source reads a user, group or role with its policies. Policies that cannot
// be read are no answer: "the request failed because a provided policy could
// not be successfully evaluated".
func (s *Service) source(ctx context.Context, r store.Reader, name string) (*source, error) {
	k, short, err := sourceOf(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := s.bearer(ctx, r, k, short)
	if err != nil {
		return nil, err
	}
	if b.ARN() != name {
		return nil, noSuch(string(k), short)
	}
	src := &source{bearer: b}
	if err := s.gather(ctx, r, src, b); err != nil {
		return nil, err
	}
	if k == aUser {
		u, err := s.user(ctx, r, short)
		if err != nil {
			return nil, err
		}
		for _, g := range u.Groups {
			of, err := s.bearer(ctx, r, aGroup, g)
			if err != nil {
				return nil, unreadable("group "+g, err)
			}
			if err := s.gather(ctx, r, src, of); err != nil {
				return nil, err
			}
		}
	}
	if b.boundary != "" {
		p, err := s.managedSource(ctx, r, b.boundary)
		if err != nil {
			return nil, err
		}
		src.boundedBy = &p
	}
	return src, nil
}

// gather adds the inline and attached policies of b to src.
func (s *Service) gather(ctx context.Context, r store.Reader, src *source, b *bearer) error {
	for _, name := range slices.Sorted(maps.Keys(b.Inline)) {
		src.policies = append(src.policies, sourcePolicy{
			id: string(b.kind) + "_" + b.Name + "_" + name, text: b.Inline[name], kind: b.kind, owner: b.Name, inline: name,
		})
	}
	for _, name := range b.Attached {
		p, err := s.managedSource(ctx, r, name)
		if err != nil {
			return err
		}
		src.policies = append(src.policies, p)
	}
	return nil
}

func (s *Service) managedSource(ctx context.Context, r store.Reader, name string) (sourcePolicy, error) {
	text, err := s.document(ctx, r, name)
	if err != nil {
		return sourcePolicy{}, unreadable("policy "+name, err)
	}
	return sourcePolicy{id: name[strings.LastIndexByte(name, '/')+1:], text: text, arn: name}, nil
}

func unreadable(what string, err error) *wire.Error {
	return wire.Errorf("PolicyEvaluation", "The %s could not be evaluated.", what).WithStatus(500).With(err)
}

// adopt makes the policies of src those of the simulation.
func (m *simulation) adopt(src *source) error {
	m.source = src.bearer
	for i := range src.policies {
		if err := m.hold(policy.Identity, &src.policies[i]); err != nil {
			return unreadable("policy "+src.policies[i].id, err)
		}
	}
	if src.boundedBy != nil {
		if err := m.hold(policy.Boundary, src.boundedBy); err != nil {
			return unreadable("policy "+src.boundedBy.id, err)
		}
	}
	return nil
}

// hold parses a policy and keeps it with those of its type.
func (m *simulation) hold(t policy.Type, p *sourcePolicy) error {
	doc, err := policy.Parse([]byte(p.text))
	if err != nil {
		return err
	}
	m.held[t] = append(m.held[t], m.label(t, p, doc))
	return nil
}

func (m *simulation) label(t policy.Type, p *sourcePolicy, doc *policy.Document) policy.Labelled {
	m.statements += len(doc.Statements)
	m.mark(p.text, doc)
	return policy.Labelled{Source: policy.Source{Type: t, ARN: p.arn, Name: p.id, Managed: p.arn != ""}, Document: doc}
}

// mark remembers where AWS says that each statement starts: behind the bracket
// of the list, behind the statement before, or, of a statement outside a list,
// behind its own brace.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_Statement.html
func (m *simulation) mark(text string, doc *policy.Document) {
	for i := range doc.Statements {
		st := &doc.Statements[i]
		if i > 0 {
			m.starts[st] = doc.Statements[i-1].End
			continue
		}
		before := strings.TrimRight(text[:st.Start.Offset], " \t\r\n")
		if strings.HasSuffix(before, "[") {
			line := before[strings.LastIndexByte(before, '\n')+1:]
			m.starts[st] = policy.Position{Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(line), Offset: len(before)}
			continue
		}
		at := st.Start
		at.Column, at.Offset = at.Column+1, at.Offset+1
		m.starts[st] = at
	}
}

func apiPosition(p policy.Position) *iamapi.Position {
	return &iamapi.Position{Line: new(int32(p.Line)), Column: new(int32(p.Column))}
}

// given parses a policy of the request. A document that AWS would not store is
// the caller's mistake; where is the input's name.
func (m *simulation) given(t policy.Type, where, text string) error {
	doc, err := policy.Parse([]byte(text))
	if err == nil {
		err = doc.Check(t)
	}
	if err != nil {
		return notAPolicy(where, t, err)
	}
	m.held[t] = append(m.held[t], m.label(t, &sourcePolicy{id: where, text: text}, doc))
	return nil
}

func notAPolicy(where string, t policy.Type, err error) error {
	if e, ok := errors.AsType[*policy.Error](err); ok {
		return invalidInput("%s: %s", where, e.MessageFor(t))
	}
	return err
}
