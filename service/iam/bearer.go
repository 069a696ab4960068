package iam

import (
	"context"
	"errors"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// kind is one of the three kinds of entities that policies are given to, as it
// stands in ARNs and messages.
type kind string

const (
	aUser  kind = "user"
	aGroup kind = "group"
	aRole  kind = "role"
)

// bearer is a user, group or role as policies see it: what is written once for
// all three works on bearers.
type bearer struct {
	*holder
	kind     kind
	tags     []tag
	boundary string
	save     func(context.Context, store.Tx) error // writes the record back
}

func (b *bearer) ARN() string { return b.arn(string(b.kind)) }

// bearer reads a user, group or role of the caller's account, or answers
// NoSuchEntity.
func (s *Service) bearer(ctx context.Context, r store.Reader, k kind, name string) (*bearer, error) {
	id, absent := recordID(accountOf(ctx), name), noSuch(string(k), name)
	switch k {
	case aUser:
		u, err := s.users.Get(ctx, r, id)
		if u, err = found(u, err, absent); err != nil {
			return nil, err
		}
		return &bearer{&u.holder, k, u.Tags, u.Boundary, func(ctx context.Context, tx store.Tx) error {
			return s.users.Put(ctx, tx, id, u)
		}}, nil
	case aGroup:
		g, err := s.groups.Get(ctx, r, id)
		if g, err = found(g, err, absent); err != nil {
			return nil, err
		}
		return &bearer{&g.holder, k, nil, "", func(ctx context.Context, tx store.Tx) error {
			return s.groups.Put(ctx, tx, id, g)
		}}, nil
	}
	ro, err := s.roles.Get(ctx, r, id)
	if ro, err = found(ro, err, absent); err != nil {
		return nil, err
	}
	return &bearer{&ro.holder, k, ro.Tags, ro.Boundary, func(ctx context.Context, tx store.Tx) error {
		return s.roles.Put(ctx, tx, id, ro)
	}}, nil
}

func isNoSuchEntity(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Code == "NoSuchEntity"
}

// changeBearer changes a user, group or role in one transaction. A change that
// makes no difference returns errSame.
func (s *Service) changeBearer(ctx context.Context, k kind, name string, change func(store.Tx, *bearer) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		b, err := s.bearer(ctx, tx, k, name)
		if err != nil {
			return err
		}
		if err := b.modifiable(); err != nil {
			return err
		}
		if err := change(tx, b); err != nil {
			return err
		}
		return b.save(ctx, tx)
	})
	if errors.Is(err, errSame) {
		return nil
	}
	return err
}

var errSame = errors.New("iam: nothing to change")

// modifiable refuses changes of roles that belong to AWS: service-linked roles
// and those of IAM Identity Center.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
func (b *bearer) modifiable() error {
	if b.kind != aRole || !protectedPath(b.Path) {
		return nil
	}
	return wire.Errorf("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", b.Name)
}

func protectedPath(path string) bool {
	return strings.HasPrefix(path, "/aws-service-role/") || strings.HasPrefix(path, "/aws-reserved/")
}

// touchBearer is the touch of an action on a user, group or role: the ARN,
// tags and boundary of the record, so that spelling a name in another case
// changes nothing. What does not exist has the ARN it would have.
func (s *Service) touchBearer(ctx context.Context, action string, k kind, name string, keys ...policy.Pair) (policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{Action: "iam:" + action, Account: account}
	b, err := s.bearer(ctx, s.Store, k, name)
	if isNoSuchEntity(err) {
		t.Resource, t.Keys = arnOf(account, string(k), "/", name), keys
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.Resource, t.ResourceTags = b.ARN(), policyTags(b.tags)
	t.Keys = iamTags(b.tags)
	if b.boundary != "" && onBoundary(action) {
		t.Keys = append(t.Keys, boundaryKey(b.boundary))
	}
	t.Keys = append(t.Keys, keys...) // later keys hide earlier ones
	return t, nil
}

// onBoundary reports whether AWS lists iam:PermissionsBoundary as a condition key
// of the action on what exists. It must be absent elsewhere: a Deny with
// StringNotEquals means every action but these.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
func onBoundary(action string) bool {
	switch action {
	case "AttachUserPolicy", "DetachUserPolicy", "PutUserPolicy", "DeleteUserPolicy", "DeleteUserPermissionsBoundary",
		"AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "DeleteRolePermissionsBoundary",
		"GetRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy", "DeleteRole":
		return true
	}
	return false
}

// onBearer declares an operation that touches the user, group or role its
// input names, with further condition keys; keys may be nil.
func onBearer[I any](s *Service, action string, k kind, name func(*I) string, keys func(*I) []policy.Pair) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		var more []policy.Pair
		if keys != nil {
			more = keys(in)
		}
		t, err := s.touchBearer(ctx, action, k, name(in), more...)
		return []policy.Touch{t}, err
	})
}

func pair(key, value string) policy.Pair { return policy.Pair{Key: key, Values: []string{value}} }

func boundaryKey(name string) policy.Pair { return pair("iam:PermissionsBoundary", name) }

// tagKeysKey is aws:TagKeys of a request that removes tags.
func tagKeysKey(keys []string) policy.Pair {
	return policy.Pair{Key: "aws:TagKeys", Values: keys, Multi: true}
}

// iamTags are the tags of a user or role under the keys iam:ResourceTag/….
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
func iamTags(tags []tag) []policy.Pair {
	var out []policy.Pair
	for _, t := range tags {
		out = append(out, pair("iam:ResourceTag/"+t.Key, t.Value))
	}
	return out
}
