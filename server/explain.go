package server

import (
	"context"
	"errors"
	"iter"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/policy"
	"bartizan.dev/service/iamtoolbox"
)

// asker makes requests that nobody has made, for explanations.
type asker struct {
	directory *directory
	// policyOf is the resource's own policy, with what it must do.
	policyOf func(ctx context.Context, action, resource string) (*policy.Set, policy.Authority, error)
	controls func(prefix string) bool
}

// ask gives a question the policies of now: the principal's, its
// organization's, and the resource's own.
func (a *asker) ask(ctx context.Context, q iamtoolbox.Question) (*policy.Request, *policy.Bindings, error) {
	id, err := a.identity(ctx, q.Principal)
	if err != nil {
		return nil, nil, err
	}
	standing, err := a.directory.Standing(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	r := &policy.Request{Principal: standing.Principal, Action: q.Action, Resource: q.Resource, ResourceAccount: id.Account}
	b := &policy.Bindings{Identity: standing.Identity, Boundary: standing.Boundary, Session: standing.Session}
	now := a.directory.now()
	r.Context.SetTime("aws:CurrentTime", now)
	r.Context.SetInt("aws:EpochTime", now.Unix())
	gateway.PrincipalConditions(&r.Context, id, standing, now)
	if res, err := arn.Parse(q.Resource); err == nil && arn.IsAccount(res.Account) {
		r.ResourceAccount = res.Account
	}
	r.Context.Set("aws:ResourceAccount", r.ResourceAccount)
	own, err := a.directory.Bounds(ctx, id.Account)
	if err != nil {
		return nil, nil, err
	}
	if own != nil {
		b.SCP = own.SCP
	}
	if own != nil && own.Organization != "" {
		r.Context.Set("aws:PrincipalOrgID", own.Organization)
		r.Context.SetAll("aws:PrincipalOrgPaths", own.Paths)
	}
	owner, err := a.directory.Bounds(ctx, r.ResourceAccount)
	if err != nil {
		return nil, nil, err
	}
	if q.Account != "" && q.Account != r.ResourceAccount && !sameOrganization(own, owner) {
		return nil, nil, iamtoolbox.ErrForeign
	}
	if err := a.owner(ctx, r, b, owner); err != nil {
		return nil, nil, err
	}
	r.Context.SetPairs(q.Context)
	return r, b, nil
}

func sameOrganization(a, b *gateway.Bounds) bool {
	return a != nil && b != nil && a.Organization != "" && a.Organization == b.Organization
}

// allows returns those of the actions that a principal may do on a resource now.
func (a *asker) allows(ctx context.Context, principal, resource string, actions []string) (out []string, err error) {
	for _, action := range actions {
		r, b, err := a.ask(ctx, iamtoolbox.Question{Principal: principal, Action: action, Resource: resource})
		if errors.Is(err, iamtoolbox.ErrNoPrincipal) { // deleted meanwhile
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if policy.Decide(r, b).Allowed {
			out = append(out, action)
		}
	}
	return out, nil
}

// owner adds what the resource's side says.
func (a *asker) owner(ctx context.Context, r *policy.Request, b *policy.Bindings, owner *gateway.Bounds) (err error) {
	if b.Resource, b.Authority, err = a.policyOf(ctx, r.Action, r.Resource); err != nil || owner == nil {
		return err
	}
	if owner.Organization != "" {
		r.Context.Set("aws:ResourceOrgID", owner.Organization)
		r.Context.SetAll("aws:ResourceOrgPaths", owner.Paths)
	}
	if prefix, _, ok := strings.Cut(r.Action, ":"); ok && a.controls(prefix) {
		b.RCP = owner.RCP
	}
	return nil
}

// identity is the principal as if it had signed: a user, a role in a session
// without policies of its own, or an account's root user.
func (a *asker) identity(ctx context.Context, name string) (*caller.Identity, error) {
	p, err := arn.Parse(name)
	if err != nil {
		return nil, iamtoolbox.ErrNoPrincipal
	}
	if p.Service == "iam" && p.Resource == "root" && arn.IsAccount(p.Account) {
		return &caller.Identity{Kind: caller.Root, Account: p.Account, ID: p.Account, ARN: name}, nil
	}
	id, err := a.directory.iam.PrincipalID(ctx, name)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, iamtoolbox.ErrNoPrincipal
	}
	short := name[strings.LastIndexByte(name, '/')+1:]
	if kind, _ := p.Type(); kind == "user" {
		return &caller.Identity{Kind: caller.User, Account: p.Account, ID: id, ARN: name, Name: short}, nil
	}
	const session = "question"
	return &caller.Identity{
		Kind: caller.Role, Account: p.Account, ID: id + ":" + session, Name: session,
		ARN:     arn.New("sts", "", p.Account, "assumed-role/"+short+"/"+session),
		Session: &caller.Session{IssuerARN: name, IssuerID: id, IssuerName: short, Issued: a.directory.now()},
	}, nil
}

// rolePolicy is the policy of the only resources that have one so far: the
// trust policy of a role that is to be assumed.
func (s *Server) rolePolicy(ctx context.Context, action, resource string) (*policy.Set, policy.Authority, error) {
	switch strings.ToLower(action) {
	case "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity":
	default:
		return nil, policy.Shared, nil
	}
	r, err := s.iam.Role(ctx, resource)
	if err != nil || r == nil {
		return nil, policy.RoleTrust, err
	}
	return r.Trust, policy.RoleTrust, nil
}

// askable yields the accounts whose denials an account may ask about, its own
// and those of its organization; "" may ask about all.
func (s *Server) askable(ctx context.Context, account string) (string, iter.Seq2[string, error], error) {
	if account == "" {
		return "", s.everyAccount(ctx), nil
	}
	b, err := s.organizations.Bounds(ctx, account)
	if err != nil {
		return "", nil, err
	}
	organization := ""
	if b != nil {
		organization = b.Organization
	}
	return organization, func(yield func(string, error) bool) {
		if !yield(account, nil) || organization == "" {
			return
		}
		for m, err := range s.organizations.Accounts(ctx, organization) {
			if m.ID != account && !yield(m.ID, err) {
				return
			}
		}
	}, nil
}

// everyAccount yields all accounts, a page at a time.
func (s *Server) everyAccount(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		const page = 500
		for after := ""; ; {
			list, err := s.iam.Accounts(ctx, after, page)
			if err != nil {
				yield("", err)
				return
			}
			for _, a := range list {
				if !yield(a, nil) {
					return
				}
				after = a
			}
			if len(list) < page {
				return
			}
		}
	}
}
