package iam

import (
	"context"
	"fmt"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) serviceAccessRules() policy.Rules {
	return policy.Rules{
		"ListPoliciesGrantingServiceAccess": policy.On(func(ctx context.Context, in *iamapi.ListPoliciesGrantingServiceAccessRequest) ([]policy.Touch, error) {
			t := policy.Touch{Action: "iam:ListPoliciesGrantingServiceAccess", Resource: in.Arn}
			a, err := arn.Parse(in.Arn)
			if err != nil {
				return []policy.Touch{t}, nil // the handler refuses it
			}
			if t.Account = a.Account; a.Account != accountOf(ctx) {
				return []policy.Touch{t}, nil
			}
			k, rest := a.Type()
			t, err = s.touchBearer(ctx, "ListPoliciesGrantingServiceAccess", kind(k), policyName("/"+rest))
			return []policy.Touch{t}, err
		}),
	}
}

// ListPoliciesGrantingServiceAccess lists, per service, which policies of a
// user (with its groups), group or role have a statement that allows an action
// of the service. As on AWS boundaries and all other types of policies are left
// out of account.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPoliciesGrantingServiceAccess.html
func (s *Service) ListPoliciesGrantingServiceAccess(ctx context.Context, in *iamapi.ListPoliciesGrantingServiceAccessRequest) (*iamapi.ListPoliciesGrantingServiceAccessResponse, error) {
	p, err := newPage(nil, in.Marker)
	if err != nil {
		return nil, err
	}
	b, err := s.bearerByARN(ctx, s.Store, in.Arn)
	if err != nil {
		return nil, err
	}
	owners := []*bearer{b}
	if b.kind == aUser {
		u, err := s.user(ctx, s.Store, b.Name)
		if err != nil {
			return nil, err
		}
		for _, name := range u.Groups {
			g, err := s.bearer(ctx, s.Store, aGroup, name)
			if err != nil {
				return nil, err
			}
			owners = append(owners, g)
		}
	}
	var entries []iamapi.ListPoliciesGrantingServiceAccessEntry
	for _, namespace := range in.ServiceNamespaces {
		entries = append(entries, iamapi.ListPoliciesGrantingServiceAccessEntry{
			ServiceNamespace: &namespace, Policies: []iamapi.PolicyGrantingServiceAccess{},
		})
	}
	for _, owner := range owners {
		held, err := s.held(ctx, s.Store, owner.ARN(), owner.holder)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			entries[i].Policies = addGrants(entries[i].Policies, owner, held, *entries[i].ServiceNamespace)
		}
	}
	places := make([]int, len(entries)) // entries stay in the order of the request
	for i := range places {
		places[i] = i
	}
	out := &iamapi.ListPoliciesGrantingServiceAccessResponse{PoliciesGrantingServiceAccess: []iamapi.ListPoliciesGrantingServiceAccessEntry{}}
	places, out.IsTruncated, out.Marker = cut(p, places, func(i int) string { return fmt.Sprintf("%04d", i) })
	for _, i := range places {
		out.PoliciesGrantingServiceAccess = append(out.PoliciesGrantingServiceAccess, entries[i])
	}
	return out, nil
}

// bearerByARN reads the user, group or role with exactly this ARN.
func (s *Service) bearerByARN(ctx context.Context, r store.Reader, name string) (*bearer, error) {
	a, err := arn.Parse(name)
	if err != nil {
		return nil, wire.Errorf("ValidationError", "Invalid ARN:  Could not be parsed!")
	}
	k, rest := a.Type()
	switch kind(k) {
	case aUser, aGroup, aRole:
	default:
		return nil, invalidInput("ARN %s is not valid.", name)
	}
	absent := wire.Errorf("NoSuchEntity", "ARN %s was not found.", name).WithStatus(404)
	if a.Account != accountOf(ctx) {
		return nil, absent
	}
	b, err := s.bearer(ctx, r, kind(k), policyName("/"+rest))
	if err != nil {
		return nil, err
	}
	if b.ARN() != name {
		return nil, absent
	}
	return b, nil
}

// addGrants adds the policies among held that grant something of the service.
func addGrants(list []iamapi.PolicyGrantingServiceAccess, owner *bearer, held []policy.Labelled, namespace string) []iamapi.PolicyGrantingServiceAccess {
	for _, l := range held {
		if !grants(l.Document, namespace) {
			continue
		}
		v := iamapi.PolicyGrantingServiceAccess{PolicyName: l.Source.Name}
		if l.Source.Managed {
			v.PolicyType, v.PolicyArn = iamapi.PolicyType_MANAGED, &l.Source.ARN
		} else {
			v.PolicyType, v.EntityName = iamapi.PolicyType_INLINE, &owner.Name
			v.EntityType = iamapi.PolicyOwnerEntityType(strings.ToUpper(string(owner.kind)))
		}
		list = append(list, v)
	}
	return list
}

// grants reports whether a document allows an action of the service.
func grants(d *policy.Document, namespace string) bool {
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != policy.Allow {
			continue
		}
		for _, a := range st.Action {
			if vendor, _, _ := strings.Cut(a, ":"); vendor == "*" || strings.EqualFold(vendor, namespace) {
				return true
			}
		}
		if st.NotAction != nil && !excludes(st.NotAction, namespace) {
			return true
		}
	}
	return false
}

// excludes reports whether NotAction leaves out the whole service.
func excludes(actions []string, namespace string) bool {
	for _, a := range actions {
		vendor, name, _ := strings.Cut(a, ":")
		if a == "*" || name == "*" && (vendor == "*" || strings.EqualFold(vendor, namespace)) {
			return true
		}
	}
	return false
}
