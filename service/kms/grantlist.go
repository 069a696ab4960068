package kms

import (
	"context"
	"errors"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// ListGrants lists the grants of a key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html
func (s *Service) ListGrants(ctx context.Context, in *api.ListGrantsRequest) (*api.ListGrantsResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.Limit, in.Marker, 50, 100)
	if err != nil {
		return nil, err
	}
	if in.GranteePrincipal != nil && in.GranteeServicePrincipal != nil {
		return nil, invalid("You can specify GranteePrincipal or GranteeServicePrincipal, but not both.")
	}
	if in.GrantId != nil {
		return s.oneGrant(ctx, t, in)
	}
	grantee := ""
	if in.GranteeServicePrincipal != nil {
		grantee = *in.GranteeServicePrincipal
	} else if in.GranteePrincipal != nil {
		if grantee, err = s.bindGrantee(ctx, in.GranteePrincipal); err != nil {
			return nil, err
		}
	}
	var entries []store.Entry[grant]
	var next *string
	if grantee != "" {
		entries, next, err = pageBy(ctx, s.Store, &s.grants, "grantee", t.path()+"|"+grantee, p)
	} else {
		entries, next, err = pageOf(ctx, s.Store, &s.grants, t.path()+"/", p)
	}
	if err != nil {
		return nil, err
	}
	return s.grantList(ctx, entries, next)
}

// oneGrant answers ListGrants for one grant id, if it fits the other filters.
func (s *Service) oneGrant(ctx context.Context, t *target, in *api.ListGrantsRequest) (*api.ListGrantsResponse, error) {
	g, err := s.grants.Get(ctx, s.Store, t.path()+"/"+*in.GrantId)
	if errors.Is(err, store.ErrNotFound) {
		return s.grantList(ctx, nil, nil)
	} else if err != nil {
		return nil, err
	}
	shown, err := s.shownGrant(ctx, g)
	if err != nil {
		return nil, err
	}
	if in.GranteePrincipal != nil && (shown.GranteePrincipal == nil || *shown.GranteePrincipal != *in.GranteePrincipal) ||
		in.GranteeServicePrincipal != nil && g.GranteeService != *in.GranteeServicePrincipal {
		return s.grantList(ctx, nil, nil)
	}
	return s.grantList(ctx, []store.Entry[grant]{{ID: g.id(), Value: g}}, nil)
}

func (s *Service) grantList(ctx context.Context, entries []store.Entry[grant], next *string) (*api.ListGrantsResponse, error) {
	out := &api.ListGrantsResponse{Grants: []api.GrantListEntry{}, NextMarker: next, Truncated: new(next != nil)}
	for _, e := range entries {
		shown, err := s.shownGrant(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out.Grants = append(out.Grants, *shown)
	}
	return out, nil
}

func (s *Service) shownGrant(ctx context.Context, g *grant) (*api.GrantListEntry, error) {
	account, region, id := splitPath(g.Key)
	out := &api.GrantListEntry{
		KeyId: new(keyARN(account, region, id)), GrantId: &g.ID, Name: new(g.Name), CreationDate: g.Created, IssuingAccount: &g.Issuer, Operations: g.Operations,
	}
	for _, f := range []struct {
		to   **string
		from string
	}{{&out.GranteePrincipal, g.Grantee}, {&out.RetiringPrincipal, g.Retiring}} {
		if f.from == "" {
			continue
		}
		shown, err := s.ShowPrincipal(ctx, f.from)
		if err != nil {
			return nil, err
		}
		*f.to = &shown
	}
	if g.GranteeService != "" {
		out.GranteeServicePrincipal = &g.GranteeService
	}
	if g.RetiringService != "" {
		out.RetiringServicePrincipal = &g.RetiringService
	}
	out.Constraints = g.constraints()
	return out, nil
}

// constraints are the grant's, or nil.
func (g *grant) constraints() *api.GrantConstraints {
	if g.Equals == nil && g.Subset == nil && g.SourceARN == "" {
		return nil
	}
	out := &api.GrantConstraints{EncryptionContextEquals: g.Equals, EncryptionContextSubset: g.Subset}
	if g.SourceARN != "" {
		out.SourceArn = &g.SourceARN
	}
	return out
}

// ListRetirableGrants lists the grants in the Region that a principal of the
// account may retire, on keys of other accounts too.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html
func (s *Service) ListRetirableGrants(ctx context.Context, in *api.ListRetirableGrantsRequest) (*api.ListGrantsResponse, error) {
	p, err := newPage(in.Limit, in.Marker, 50, 100)
	if err != nil {
		return nil, err
	}
	if (in.RetiringPrincipal == nil) == (in.RetiringServicePrincipal == nil) {
		return nil, invalid("You must specify exactly one of RetiringPrincipal and RetiringServicePrincipal.")
	}
	call := caller.From(ctx)
	value := ""
	if in.RetiringServicePrincipal != nil {
		if call.Identity.Kind != caller.Service {
			return nil, invalid("RetiringServicePrincipal can be used by service principals only.")
		}
		value = retiringIn(call.Identity.Account, call.Region, *in.RetiringServicePrincipal)
	} else {
		name, err := s.bindGrantee(ctx, in.RetiringPrincipal)
		if err != nil {
			return nil, err
		}
		if a, err := arn.Parse(*in.RetiringPrincipal); err != nil || a.Account != call.Identity.Account {
			return nil, invalid("RetiringPrincipal must be a principal of your account.")
		}
		value = retiringIn("", call.Region, name)
	}
	entries, next, err := pageBy(ctx, s.Store, &s.grants, "retiring", value, p)
	if err != nil {
		return nil, err
	}
	return s.grantList(ctx, entries, next)
}
