package organizations

import (
	"context"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) hierarchyRules() policy.Rules {
	return policy.Rules{
		"ListAccountsForParent":            onTarget(s, "ListAccountsForParent", readers, func(in *api.ListAccountsForParentRequest) string { return in.ParentId }),
		"ListOrganizationalUnitsForParent": onTarget(s, "ListOrganizationalUnitsForParent", readers, func(in *api.ListOrganizationalUnitsForParentRequest) string { return in.ParentId }),
		"ListChildren":                     onTarget(s, "ListChildren", readers, func(in *api.ListChildrenRequest) string { return in.ParentId }),
		"ListParents":                      onTarget(s, "ListParents", readers, func(in *api.ListParentsRequest) string { return in.ChildId }),
	}
}

// parent reads the organization and checks that it has the root or OU.
func (s *Service) parent(ctx context.Context, r store.Reader, id string) (*organization, error) {
	o, err := s.in(ctx, r)
	if err != nil {
		return nil, err
	}
	_, err = s.chain(ctx, r, o, id)
	return o, err
}

// ListAccountsForParent lists the accounts directly below a root or OU.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html
func (s *Service) ListAccountsForParent(ctx context.Context, in *api.ListAccountsForParentRequest) (*api.ListAccountsForParentResponse, error) {
	o, err := s.parent(ctx, s.Store, in.ParentId)
	if err != nil {
		return nil, err
	}
	accounts, next, err := s.listAccounts(ctx, o, "parent", o.ID+"/"+in.ParentId, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListAccountsForParentResponse{Accounts: accounts, NextToken: next}, nil
}

// ListOrganizationalUnitsForParent lists the OUs directly below a root or OU.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOrganizationalUnitsForParent.html
func (s *Service) ListOrganizationalUnitsForParent(ctx context.Context, in *api.ListOrganizationalUnitsForParentRequest) (*api.ListOrganizationalUnitsForParentResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.parent(ctx, s.Store, in.ParentId)
	if err != nil {
		return nil, err
	}
	list, next, err := pageBy(ctx, s.Store, &s.units, "parent", o.ID+"/"+in.ParentId, p)
	if err != nil {
		return nil, err
	}
	out := &api.ListOrganizationalUnitsForParentResponse{OrganizationalUnits: []api.OrganizationalUnit{}, NextToken: next}
	for _, u := range list {
		out.OrganizationalUnits = append(out.OrganizationalUnits, *apiUnit(o, u))
	}
	return out, nil
}

// ListChildren lists the ids of the accounts or OUs directly below a root or OU.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListChildren.html
func (s *Service) ListChildren(ctx context.Context, in *api.ListChildrenRequest) (*api.ListChildrenResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.parent(ctx, s.Store, in.ParentId)
	if err != nil {
		return nil, err
	}
	by := s.accounts.By
	if in.ChildType == api.ChildType_ORGANIZATIONAL_UNIT {
		by = s.units.By
	}
	ids, err := by(ctx, s.Store, "parent", o.ID+"/"+in.ParentId, p.after, p.limit+1)
	if err != nil {
		return nil, err
	}
	out := &api.ListChildrenResponse{Children: []api.Child{}}
	if len(ids) > p.limit {
		ids = ids[:p.limit]
		out.NextToken = tokenAfter(ids[len(ids)-1])
	}
	for _, id := range ids {
		out.Children = append(out.Children, api.Child{Id: new(strings.TrimPrefix(id, o.ID+"/")), Type: in.ChildType})
	}
	return out, nil
}

// ListParents tells what an account or OU is directly below.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html
func (s *Service) ListParents(ctx context.Context, in *api.ListParentsRequest) (*api.ListParentsResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	parent, err := s.parentOf(ctx, s.Store, o, in.ChildId)
	if err != nil {
		return nil, err
	}
	one := api.Parent{Id: &parent, Type: api.ParentType_ORGANIZATIONAL_UNIT}
	if isRoot(parent) {
		one.Type = api.ParentType_ROOT
	}
	parents, next := cut(p, []api.Parent{one}, func(p api.Parent) string { return *p.Id })
	return &api.ListParentsResponse{Parents: parents, NextToken: next}, nil
}

func (s *Service) parentOf(ctx context.Context, r store.Reader, o *organization, child string) (string, error) {
	none := wire.Errorf("ChildNotFoundException", "You specified a child that doesn't exist.")
	if isUnit(child) {
		u, err := s.units.Get(ctx, r, o.ID+"/"+child)
		if u, err = found(u, err, none); err != nil {
			return "", err
		}
		return u.parent(), nil
	}
	a, err := s.accounts.Get(ctx, r, child)
	if err == nil && a.Org != o.ID {
		err = store.ErrNotFound
	}
	if a, err = found(a, err, none); err != nil {
		return "", err
	}
	return a.Parent, nil
}
