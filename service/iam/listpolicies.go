package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) bearersRules() policy.Rules {
	return policy.Rules{
		"ListEntitiesForPolicy": onPolicy(s, "ListEntitiesForPolicy", func(in *iamapi.ListEntitiesForPolicyRequest) string { return in.PolicyArn }),
	}
}

// usageType says how an entity uses a managed policy.
type usageType = iamapi.PolicyUsageType

const (
	asPermissions = iamapi.PolicyUsageType_PermissionsPolicy
	asBoundary    = iamapi.PolicyUsageType_PermissionsBoundary
)

// bearerID names a user, group or role of an account: "user/alice" with the
// folded name.
type bearerID string

func (id bearerID) split() (kind, string) {
	k, name, _ := strings.Cut(string(id), "/")
	return kind(k), name
}

// bearersOf returns who in the caller's account uses a managed policy, sorted.
func (s *Service) bearersOf(ctx context.Context, r store.Reader, arn string, u usageType) ([]bearerID, error) {
	account := accountOf(ctx)
	value := account + "/" + arn
	var out []bearerID
	add := func(k kind, ids []string, err error) error {
		for _, id := range ids {
			out = append(out, bearerID(string(k)+"/"+strings.TrimPrefix(id, account+"/")))
		}
		return err
	}
	index := "policy"
	if u == asBoundary {
		index = "boundary"
	} else {
		ids, err := s.groups.By(ctx, r, index, value, "", 0)
		if add(aGroup, ids, err) != nil {
			return nil, err
		}
	}
	ids, err := s.roles.By(ctx, r, index, value, "", 0)
	if add(aRole, ids, err) != nil {
		return nil, err
	}
	ids, err = s.users.By(ctx, r, index, value, "", 0)
	return out, add(aUser, ids, err)
}

// policyCounts counts who in the caller's account uses each managed policy, by
// ARN. It reads the indexes themselves, whose layout store.Collection tells,
// because an account may have thousands of policies.
func (s *Service) policyCounts(ctx context.Context, r store.Reader, u usageType) (map[string]int, error) {
	indexes := []string{s.users.Name + ".policy/", s.groups.Name + ".policy/", s.roles.Name + ".policy/"}
	if u == asBoundary {
		indexes = []string{s.users.Name + ".boundary/", s.roles.Name + ".boundary/"}
	}
	out := map[string]int{}
	for _, index := range indexes {
		prefix := index + accountOf(ctx) + "/"
		items, err := r.List(ctx, store.Range{Prefix: prefix})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			arn, _, _ := strings.Cut(item.Key[len(prefix):], "\x00")
			out[arn]++
		}
	}
	return out, nil
}

// ListPolicies lists the account's managed policies, then AWS's, each in the
// order of their names. As on AWS the list leaves out tags and descriptions.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html
func (s *Service) ListPolicies(ctx context.Context, in *iamapi.ListPoliciesRequest) (*iamapi.ListPoliciesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	attached, err := s.policyCounts(ctx, s.Store, asPermissions)
	if err != nil {
		return nil, err
	}
	bounding, err := s.policyCounts(ctx, s.Store, asBoundary)
	if err != nil {
		return nil, err
	}
	keep := func(arn, path string) bool {
		if in.PathPrefix != nil && !strings.HasPrefix(path, *in.PathPrefix) {
			return false
		}
		switch {
		case in.PolicyUsageFilter == asBoundary:
			return bounding[arn] > 0
		case in.PolicyUsageFilter == asPermissions || in.OnlyAttached != nil && *in.OnlyAttached:
			return attached[arn] > 0
		}
		return true
	}
	out := &iamapi.ListPoliciesResponse{Policies: []iamapi.Policy{}, IsTruncated: new(false)}
	if in.Scope != iamapi.PolicyScopeType_AWS {
		local, truncated, marker, err := listPage(ctx, s.Store, &s.policies, accountOf(ctx), p, func(m *managedPolicy) bool { return keep(m.ARN(), m.Path) })
		if err != nil {
			return nil, err
		}
		for _, m := range local {
			out.Policies = append(out.Policies, *m.api())
		}
		out.IsTruncated, out.Marker = truncated, marker
	}
	if in.Scope != iamapi.PolicyScopeType_Local && !*out.IsTruncated {
		s.listManaged(p, out, keep)
	}
	for i := range out.Policies {
		v := &out.Policies[i]
		v.AttachmentCount, v.PermissionsBoundaryUsageCount = new(int32(attached[*v.Arn])), new(int32(bounding[*v.Arn]))
	}
	return out, nil
}

// listManaged fills the page with AWS's policies. In markers their names begin
// with a tilde, which no name has and which sorts after all names.
func (s *Service) listManaged(p page, out *iamapi.ListPoliciesResponse, keep func(arn, path string) bool) {
	last := ""
	if n := len(out.Policies); n > 0 {
		last = fold(*out.Policies[n-1].PolicyName)
	}
	for _, m := range s.Managed.Policies() {
		place := "~" + m.Name
		if place <= p.after || !keep(m.ARN(), m.Path) {
			continue
		}
		if len(out.Policies) == p.limit {
			out.IsTruncated, out.Marker = new(true), markerFor(last)
			return
		}
		out.Policies = append(out.Policies, *apiManaged(&m))
		last = place
	}
}

// ListEntitiesForPolicy lists who uses a managed policy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
func (s *Service) ListEntitiesForPolicy(ctx context.Context, in *iamapi.ListEntitiesForPolicyRequest) (*iamapi.ListEntitiesForPolicyResponse, error) {
	if err := checkPolicyARN(in.PolicyArn); err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	if _, ok := s.Managed.Lookup(in.PolicyArn); !ok {
		if _, err := s.ownPolicy(ctx, s.Store, in.PolicyArn); err != nil {
			return nil, err
		}
	}
	who := map[bearerID]*bearer{} // an entity may use a policy both ways
	for _, u := range []usageType{asPermissions, asBoundary} {
		if in.PolicyUsageFilter != "" && in.PolicyUsageFilter != u {
			continue
		}
		ids, err := s.bearersOf(ctx, s.Store, in.PolicyArn, u)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			k, name := id.split()
			if in.EntityFilter != "" && !strings.EqualFold(string(in.EntityFilter), string(k)) {
				continue
			}
			b, err := s.bearer(ctx, s.Store, k, name)
			if isNoSuchEntity(err) {
				continue // deleted since the index was read
			} else if err != nil {
				return nil, err
			}
			if in.PathPrefix == nil || strings.HasPrefix(b.Path, *in.PathPrefix) {
				who[id] = b
			}
		}
	}
	ids, truncated, marker := cut(p, slices.Sorted(maps.Keys(who)), func(id bearerID) string { return string(id) })
	out := &iamapi.ListEntitiesForPolicyResponse{
		PolicyGroups: []iamapi.PolicyGroup{}, PolicyUsers: []iamapi.PolicyUser{}, PolicyRoles: []iamapi.PolicyRole{},
		IsTruncated: truncated, Marker: marker,
	}
	for _, id := range ids {
		switch b := who[id]; b.kind {
		case aGroup:
			out.PolicyGroups = append(out.PolicyGroups, iamapi.PolicyGroup{GroupName: &b.Name, GroupId: &b.ID})
		case aUser:
			out.PolicyUsers = append(out.PolicyUsers, iamapi.PolicyUser{UserName: &b.Name, UserId: &b.ID})
		case aRole:
			out.PolicyRoles = append(out.PolicyRoles, iamapi.PolicyRole{RoleName: &b.Name, RoleId: &b.ID})
		}
	}
	return out, nil
}
