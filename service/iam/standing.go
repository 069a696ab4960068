package iam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Standing is what a user or role may do: its compiled policies. It is shared
// and must not be changed.
type Standing struct {
	Principal policy.Principal
	Identity  *policy.Set
	Boundary  *policy.Set // nil: no boundary
	Tags      []policy.Tag
}

// Standing returns the standing of the user or role with the unique id; nil if
// there is none any more.
func (s *Service) Standing(ctx context.Context, id string) (*Standing, error) {
	return s.standings.Get(ctx, id)
}

// SessionSet compiles session policies: an inline document and the ARNs of
// managed policies. It returns nil if there are neither.
func (s *Service) SessionSet(ctx context.Context, inline string, arns []string) (*policy.Set, error) {
	if inline == "" && len(arns) == 0 {
		return nil, nil
	}
	key, err := json.Marshal(sessionKey{inline, arns})
	if err != nil {
		return nil, err
	}
	return s.sessions.Get(ctx, string(key))
}

type sessionKey struct {
	Inline string
	ARNs   []string
}

func (s *Service) loadSession(ctx context.Context, r store.Reader, key string) (*policy.Set, error) {
	var k sessionKey
	if err := json.Unmarshal([]byte(key), &k); err != nil {
		return nil, err
	}
	var all []policy.Labelled
	if k.Inline != "" {
		doc, err := policy.Parse([]byte(k.Inline))
		if err != nil {
			return nil, err
		}
		all = append(all, policy.Labelled{Source: policy.Source{Type: policy.Session, Name: "session policy"}, Document: doc})
	}
	return s.compileAll(ctx, r, policy.Session, all, k.ARNs)
}

func (s *Service) loadStanding(ctx context.Context, r store.Reader, id string) (*Standing, error) {
	switch {
	case strings.HasPrefix(id, userPrefix):
		e, err := s.users.OneBy(ctx, r, "id", id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return s.userStanding(ctx, r, e.Value)
	case strings.HasPrefix(id, rolePrefix):
		e, err := s.roles.OneBy(ctx, r, "id", id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return s.roleStanding(ctx, r, e.Value)
	}
	return nil, nil
}

func (s *Service) userStanding(ctx context.Context, r store.Reader, u *user) (*Standing, error) {
	all, err := inlined(u.ARN(), &u.holder)
	if err != nil {
		return nil, err
	}
	arns := slices.Clone(u.Attached)
	for _, name := range u.Groups {
		g, err := s.groups.Get(ctx, r, u.Account+"/"+name)
		if err != nil {
			return nil, fmt.Errorf("iam: group %s of user %s: %w", name, u.Name, err)
		}
		more, err := inlined(g.ARN(), &g.holder)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
		for _, name := range g.Attached {
			if !slices.Contains(arns, name) {
				arns = append(arns, name)
			}
		}
	}
	identity, err := s.compileAll(ctx, r, policy.Identity, all, arns)
	if err != nil {
		return nil, err
	}
	boundary, err := s.boundary(ctx, r, u.Boundary)
	if err != nil {
		return nil, err
	}
	return &Standing{
		Principal: policy.Principal{Kind: policy.User, Account: u.Account, ARN: u.ARN(), ID: u.ID},
		Identity:  identity,
		Boundary:  boundary,
		Tags:      policyTags(u.Tags),
	}, nil
}

func (s *Service) roleStanding(ctx context.Context, r store.Reader, ro *role) (*Standing, error) {
	all, err := inlined(ro.ARN(), &ro.holder)
	if err != nil {
		return nil, err
	}
	identity, err := s.compileAll(ctx, r, policy.Identity, all, ro.Attached)
	if err != nil {
		return nil, err
	}
	boundary, err := s.boundary(ctx, r, ro.Boundary)
	if err != nil {
		return nil, err
	}
	return &Standing{
		Principal: policy.Principal{
			Kind: policy.Role, Account: ro.Account, Issuer: ro.ARN(), ID: ro.ID,
			ServiceLinked: strings.HasPrefix(ro.Path, "/aws-service-role/"),
		},
		Identity: identity,
		Boundary: boundary,
		Tags:     policyTags(ro.Tags),
	}, nil
}

// held returns the inline and attached policies of an entity.
func (s *Service) held(ctx context.Context, r store.Reader, owner string, h *holder) ([]policy.Labelled, error) {
	all, err := inlined(owner, h)
	if err != nil {
		return nil, err
	}
	managed, err := s.attached(ctx, r, policy.Identity, h.Attached)
	return append(all, managed...), err
}

// inlined returns the inline policies of an entity.
func inlined(owner string, h *holder) ([]policy.Labelled, error) {
	var all []policy.Labelled
	for _, name := range slices.Sorted(maps.Keys(h.Inline)) {
		doc, err := policy.Parse([]byte(h.Inline[name]))
		if err != nil {
			return nil, fmt.Errorf("iam: inline policy %s of %s: %w", name, owner, err)
		}
		all = append(all, policy.Labelled{Source: policy.Source{Type: policy.Identity, ARN: owner, Name: name}, Document: doc})
	}
	return all, nil
}

// attached returns managed policies by ARN. A policy cannot be deleted while it
// is attached, so one that is missing is an error and nothing is allowed.
func (s *Service) attached(ctx context.Context, r store.Reader, t policy.Type, arns []string) ([]policy.Labelled, error) {
	var all []policy.Labelled
	for _, name := range arns {
		text, err := s.document(ctx, r, name)
		if err != nil {
			return nil, fmt.Errorf("iam: policy %s: %w", name, err)
		}
		one, err := managedLabel(t, name, text)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// document returns the default version's text of a managed policy, AWS's or the
// customer's, or ErrNotFound.
func (s *Service) document(ctx context.Context, r store.Reader, name string) (string, error) {
	if _, text, ok := s.Managed.Get(name); ok {
		return text, nil
	}
	p, err := s.managedPolicy(ctx, r, name)
	if err != nil {
		return "", err
	}
	for _, v := range p.Versions {
		if v.Number == p.Default {
			return v.Document, nil
		}
	}
	return "", fmt.Errorf("iam: policy %s has no version v%d", name, p.Default)
}

// managedPolicy reads the customer managed policy with exactly this ARN, or
// returns ErrNotFound.
func (s *Service) managedPolicy(ctx context.Context, r store.Reader, name string) (*managedPolicy, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "policy/") {
		return nil, store.ErrNotFound
	}
	p, err := s.policies.Get(ctx, r, recordID(a.Account, a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]))
	if err != nil {
		return nil, err
	}
	if p.ARN() != name {
		return nil, store.ErrNotFound
	}
	return p, nil
}

func (s *Service) boundary(ctx context.Context, r store.Reader, name string) (*policy.Set, error) {
	if name == "" {
		return nil, nil
	}
	return s.compileAll(ctx, r, policy.Boundary, nil, []string{name})
}

// checkBoundary refuses a permissions boundary that is not a managed policy of
// AWS or of the account.
func (s *Service) checkBoundary(ctx context.Context, r store.Reader, account, name string) error {
	a, err := arn.Parse(name)
	if err != nil {
		return wire.Errorf("ValidationError", "Invalid ARN:  Could not be parsed!")
	}
	absent := wire.Errorf("NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", name).WithStatus(404)
	if a.Account != "aws" && a.Account != account {
		return absent
	}
	if _, err := s.document(ctx, r, name); errors.Is(err, store.ErrNotFound) {
		return absent
	} else if err != nil {
		return err
	}
	return nil
}
