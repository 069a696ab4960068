package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

func (s *Service) accountRules() policy.Rules {
	rules := policy.Rules{}
	for _, name := range []string{
		"CreateAccountAlias", "DeleteAccountAlias", "GetAccountAuthorizationDetails", "GetAccountSummary", "ListAccountAliases",
	} {
		rules[name] = policy.OnAny(policy.Touch{Action: "iam:" + name})
	}
	return rules
}

// GetAccountAuthorizationDetails lists all users, groups, roles and policies of
// the account with what connects them: the account's own policies, and those of
// AWS that something in the account uses. One page goes through the lists in
// that order; its marker names the list and the last item.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
func (s *Service) GetAccountAuthorizationDetails(ctx context.Context, in *iamapi.GetAccountAuthorizationDetailsRequest) (*iamapi.GetAccountAuthorizationDetailsResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	d := &authDetails{s: s, account: accountOf(ctx), out: &iamapi.GetAccountAuthorizationDetailsResponse{
		UserDetailList: []iamapi.UserDetail{}, GroupDetailList: []iamapi.GroupDetail{},
		RoleDetailList: []iamapi.RoleDetail{}, Policies: []iamapi.ManagedPolicyDetail{},
		IsTruncated: new(false),
	}}
	lists := []struct {
		kind iamapi.EntityType
		add  func(context.Context, page) (n int, truncated *bool, marker *string, err error)
	}{
		{iamapi.EntityType_User, d.users},
		{iamapi.EntityType_Group, d.groups},
		{iamapi.EntityType_Role, d.roles},
		{iamapi.EntityType_LocalManagedPolicy, d.ownPolicies},
		{iamapi.EntityType_AWSManagedPolicy, d.awsPolicies},
	}
	begin := 0
	if in.Marker != nil {
		kind, after, _ := strings.Cut(p.after, "/")
		for begin < len(lists) && string(lists[begin].kind) != kind {
			begin++
		}
		if begin == len(lists) {
			return nil, wire.Errorf("ValidationError", "Invalid Marker: %s", *in.Marker)
		}
		p.after = after
	}
	for _, list := range lists[begin:] {
		if len(in.Filter) > 0 && !slices.Contains(in.Filter, list.kind) {
			p.after = ""
			continue
		}
		n, truncated, marker, err := list.add(ctx, p)
		if err != nil {
			return nil, err
		}
		if *truncated {
			last, err := newPage(nil, marker)
			if err != nil {
				return nil, err
			}
			d.out.IsTruncated, d.out.Marker = truncated, markerFor(string(list.kind)+"/"+last.after)
			break
		}
		p.after = ""
		p.limit -= n // at 0 the next list tells only whether it has anything
	}
	return d.out, nil
}

// authDetails is one answer on its way.
type authDetails struct {
	s                  *Service
	account            string
	out                *iamapi.GetAccountAuthorizationDetailsResponse
	attached, bounding map[string]int // uses of managed policies by ARN; see count
}

// count reads how often managed policies are used, when the first one is shown.
func (d *authDetails) count(ctx context.Context) (err error) {
	if d.attached != nil {
		return nil
	}
	if d.attached, err = d.s.policyCounts(ctx, d.s.Store, asPermissions); err != nil {
		return err
	}
	d.bounding, err = d.s.policyCounts(ctx, d.s.Store, asBoundary)
	return err
}

func all[T any](*T) bool { return true }

func (d *authDetails) users(ctx context.Context, p page) (int, *bool, *string, error) {
	list, truncated, marker, err := listPage(ctx, d.s.Store, &d.s.records.users, d.account, p, all[user])
	for _, u := range list {
		groups := []string{}
		for _, name := range slices.Sorted(slices.Values(u.Groups)) {
			g, err := d.s.group(ctx, d.s.Store, name)
			if err != nil {
				return 0, nil, nil, err
			}
			groups = append(groups, g.Name)
		}
		d.out.UserDetailList = append(d.out.UserDetailList, iamapi.UserDetail{
			Path: &u.Path, UserName: &u.Name, UserId: &u.ID, Arn: new(u.ARN()), CreateDate: u.Created,
			UserPolicyList: inlineDetails(&u.holder), GroupList: groups, AttachedManagedPolicies: attachedDetails(&u.holder),
			PermissionsBoundary: apiBoundary(u.Boundary), Tags: apiTags(u.Tags),
		})
	}
	return len(list), truncated, marker, err
}

func (d *authDetails) groups(ctx context.Context, p page) (int, *bool, *string, error) {
	list, truncated, marker, err := listPage(ctx, d.s.Store, &d.s.records.groups, d.account, p, all[group])
	for _, g := range list {
		d.out.GroupDetailList = append(d.out.GroupDetailList, iamapi.GroupDetail{
			Path: &g.Path, GroupName: &g.Name, GroupId: &g.ID, Arn: new(g.ARN()), CreateDate: g.Created,
			GroupPolicyList: inlineDetails(&g.holder), AttachedManagedPolicies: attachedDetails(&g.holder),
		})
	}
	return len(list), truncated, marker, err
}

func (d *authDetails) roles(ctx context.Context, p page) (int, *bool, *string, error) {
	list, truncated, marker, err := listPage(ctx, d.s.Store, &d.s.records.roles, d.account, p, all[role])
	for _, ro := range list {
		v, err := d.s.apiRoleDetail(ctx, d.s.Store, ro)
		if err != nil {
			return 0, nil, nil, err
		}
		profiles, err := d.profiles(ctx, ro)
		if err != nil {
			return 0, nil, nil, err
		}
		d.out.RoleDetailList = append(d.out.RoleDetailList, iamapi.RoleDetail{
			Path: &ro.Path, RoleName: &ro.Name, RoleId: &ro.ID, Arn: &v.Arn, CreateDate: ro.Created,
			AssumeRolePolicyDocument: v.AssumeRolePolicyDocument, InstanceProfileList: profiles,
			RolePolicyList: inlineDetails(&ro.holder), AttachedManagedPolicies: attachedDetails(&ro.holder),
			PermissionsBoundary: v.PermissionsBoundary, Tags: v.Tags, RoleLastUsed: v.RoleLastUsed,
		})
	}
	return len(list), truncated, marker, err
}

// profiles are the instance profiles that have the role.
func (d *authDetails) profiles(ctx context.Context, ro *role) ([]iamapi.InstanceProfile, error) {
	ids, err := d.s.records.profiles.By(ctx, d.s.Store, "role", recordID(ro.Account, ro.Name), "", 0)
	if err != nil {
		return nil, err
	}
	out := []iamapi.InstanceProfile{}
	for _, id := range ids {
		p, err := d.s.records.profiles.Get(ctx, d.s.Store, id)
		if err != nil {
			return nil, err
		}
		v, err := d.s.apiProfile(ctx, d.s.Store, p)
		if err != nil {
			return nil, err
		}
		out = append(out, *v)
	}
	return out, nil
}

func (d *authDetails) ownPolicies(ctx context.Context, p page) (int, *bool, *string, error) {
	list, truncated, marker, err := listPage(ctx, d.s.Store, &d.s.records.policies, d.account, p, all[managedPolicy])
	if err != nil || len(list) == 0 {
		return 0, truncated, marker, err
	}
	if err := d.count(ctx); err != nil {
		return 0, nil, nil, err
	}
	for _, m := range list {
		v := iamapi.ManagedPolicyDetail{
			PolicyName: &m.Name, PolicyId: &m.ID, Arn: new(m.ARN()), Path: &m.Path, Description: nilIfEmpty(m.Description),
			DefaultVersionId: new(versionID(m.Default)), CreateDate: m.Created, UpdateDate: m.Updated,
		}
		for _, version := range m.Versions {
			v.PolicyVersionList = append(v.PolicyVersionList, iamapi.PolicyVersion{
				Document: new(encodeDocument(version.Document)), VersionId: new(versionID(version.Number)),
				IsDefaultVersion: new(version.Number == m.Default), CreateDate: version.Created,
			})
		}
		d.addPolicy(v)
	}
	return len(list), truncated, marker, nil
}

func (d *authDetails) awsPolicies(ctx context.Context, p page) (int, *bool, *string, error) {
	if err := d.count(ctx); err != nil {
		return 0, nil, nil, err
	}
	var used []string
	for _, uses := range []map[string]int{d.attached, d.bounding} {
		for arn := range uses {
			if _, ok := d.s.Managed.Lookup(arn); ok {
				used = append(used, arn)
			}
		}
	}
	slices.Sort(used)
	used = slices.Compact(used)
	list, truncated, marker := cut(p, used, func(arn string) string { return arn })
	for _, arn := range list {
		m, text, _ := d.s.Managed.Get(arn)
		d.addPolicy(iamapi.ManagedPolicyDetail{
			PolicyName: &m.Name, PolicyId: new(m.ID()), Arn: &arn, Path: &m.Path,
			DefaultVersionId: new(versionID(m.Version)), CreateDate: m.CreateDate, UpdateDate: m.UpdateDate,
			PolicyVersionList: []iamapi.PolicyVersion{{
				Document: new(encodeDocument(text)), VersionId: new(versionID(m.Version)),
				IsDefaultVersion: new(true), CreateDate: m.UpdateDate,
			}},
		})
	}
	return len(list), truncated, marker, nil
}

// addPolicy adds a policy with how often it is used.
func (d *authDetails) addPolicy(v iamapi.ManagedPolicyDetail) {
	v.AttachmentCount, v.PermissionsBoundaryUsageCount = new(int32(d.attached[*v.Arn])), new(int32(d.bounding[*v.Arn]))
	v.IsAttachable = new(true)
	d.out.Policies = append(d.out.Policies, v)
}

// inlineDetails are the inline policies of an entity in the order of their names.
func inlineDetails(h *holder) []iamapi.PolicyDetail {
	out := []iamapi.PolicyDetail{}
	for _, name := range slices.Sorted(maps.Keys(h.Inline)) {
		out = append(out, iamapi.PolicyDetail{PolicyName: &name, PolicyDocument: new(encodeDocument(h.Inline[name]))})
	}
	return out
}

func attachedDetails(h *holder) []iamapi.AttachedPolicy {
	out := []iamapi.AttachedPolicy{}
	for _, arn := range h.Attached {
		out = append(out, iamapi.AttachedPolicy{PolicyName: new(policyName(arn)), PolicyArn: &arn})
	}
	return out
}
