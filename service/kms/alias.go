package kms

import (
	"context"
	"errors"
	"strings"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Who makes, moves or deletes an alias needs the right to do so on the alias and
// on each key concerned.
// https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html
func (s *Service) aliasRules() policy.Rules {
	return policy.Rules{
		"CreateAlias": policy.On(func(ctx context.Context, in *api.CreateAliasRequest) ([]policy.Touch, error) {
			t, touch, err := s.touch(ctx, use{action: "kms:CreateAlias", keyID: in.TargetKeyId})
			caller.From(ctx).Found = t
			return []policy.Touch{aliasTouch(ctx, "kms:CreateAlias", in.AliasName), touch}, err
		}),
		"UpdateAlias": policy.On(func(ctx context.Context, in *api.UpdateAliasRequest) ([]policy.Touch, error) {
			t, touch, err := s.touch(ctx, use{action: "kms:UpdateAlias", keyID: in.TargetKeyId})
			touches := []policy.Touch{aliasTouch(ctx, "kms:UpdateAlias", in.AliasName), touch}
			if err != nil {
				return touches, err
			}
			caller.From(ctx).Found = t
			return s.currentTouch(ctx, "kms:UpdateAlias", in.AliasName, touches)
		}),
		"DeleteAlias": policy.On(func(ctx context.Context, in *api.DeleteAliasRequest) ([]policy.Touch, error) {
			return s.currentTouch(ctx, "kms:DeleteAlias", in.AliasName, []policy.Touch{aliasTouch(ctx, "kms:DeleteAlias", in.AliasName)})
		}),
		"ListAliases": policy.OnAny(policy.Touch{Action: "kms:ListAliases"}),
	}
}

func aliasTouch(ctx context.Context, action, name string) policy.Touch {
	call := caller.From(ctx)
	c := newConditions(0)
	c.setCall(call)
	return policy.Touch{Action: action, Resource: arn.New("kms", call.Region, call.Identity.Account, name), Keys: c.pairs}
}

// currentTouch adds the key that an alias means now.
func (s *Service) currentTouch(ctx context.Context, action, name string, touches []policy.Touch) ([]policy.Touch, error) {
	path, err := s.aliases_.Get(ctx, aliasPath(ctx, name))
	if err != nil || path == "" {
		return touches, err
	}
	account, region, id := splitPath(path)
	_, touch, err := s.touchRef(ctx, use{action: action}, ref{account: account, region: region, id: id})
	return append(touches, touch), err
}

func aliasPath(ctx context.Context, name string) string {
	call := caller.From(ctx)
	return call.Identity.Account + "/" + call.Region + "/" + name
}

// checkAlias refuses a name that an alias of a customer cannot have.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html#KMS-CreateAlias-request-AliasName
func checkAlias(name string) error {
	switch {
	case !strings.HasPrefix(name, aliasPrefix):
		return invalid(`Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	case len(name) == len(aliasPrefix):
		return invalid("Invalid identifier")
	case strings.HasPrefix(name, awsAliases):
		return wire.Errorf("NotAuthorizedException", "The prefix alias/aws/ is reserved for AWS managed keys.")
	}
	return nil
}

// aliasable refuses a key that cannot have aliases of the caller's account.
func aliasable(ctx context.Context, l *loaded) error {
	if l.Account != caller.From(ctx).Identity.Account {
		return wire.Errorf("InvalidArnException", "Invalid arn %s", l.arn)
	}
	return l.customers()
}

// CreateAlias gives a key a further name.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
func (s *Service) CreateAlias(ctx context.Context, in *api.CreateAliasRequest) (*api.CreateAliasOutput, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	id := aliasPath(ctx, in.AliasName)
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		l, err := s.fresh(ctx, tx, t.path())
		if err != nil {
			return err
		}
		if err := aliasable(ctx, l); err != nil {
			return err
		}
		if err := l.need(s.Clock.Now(), living...); err != nil {
			return err
		}
		if len(l.aliases) >= s.Quotas.Aliases {
			return exceeded("%s has reached its quota of %d aliases.", l.arn, s.Quotas.Aliases)
		}
		now := s.now()
		err = s.aliases.Insert(ctx, tx, id, &alias{Target: l.path(), Created: now, Updated: now})
		if errors.Is(err, store.ErrExists) {
			return wire.Errorf("AlreadyExistsException", "An alias with the name %s already exists", arn.New("kms", l.Region, l.Account, in.AliasName))
		}
		return err
	})
	return &api.CreateAliasOutput{}, err
}

// UpdateAlias moves an alias to another key of the same type and usage.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html
func (s *Service) UpdateAlias(ctx context.Context, in *api.UpdateAliasRequest) (*api.UpdateAliasOutput, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	id := aliasPath(ctx, in.AliasName)
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.aliases.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			call := caller.From(ctx)
			return noAlias(arn.New("kms", call.Region, call.Identity.Account, in.AliasName))
		} else if err != nil {
			return err
		}
		to, err := s.fresh(ctx, tx, t.path())
		if err != nil {
			return err
		}
		if err := aliasable(ctx, to); err != nil {
			return err
		}
		if err := to.need(s.Clock.Now(), living...); err != nil {
			return err
		}
		from, err := s.fresh(ctx, tx, a.Target)
		if err != nil {
			return err
		}
		if from.symmetric() != to.symmetric() || from.Usage != to.Usage {
			return invalid("Alias %s cannot be changed from a %s key for %s to a %s key for %s.", in.AliasName, from.Spec, from.Usage, to.Spec, to.Usage)
		}
		if from.path() != to.path() && len(to.aliases) >= s.Quotas.Aliases {
			return exceeded("%s has reached its quota of %d aliases.", to.arn, s.Quotas.Aliases)
		}
		a.Target, a.Updated = to.path(), s.now()
		return s.aliases.Put(ctx, tx, id, a)
	})
	return &api.UpdateAliasOutput{}, err
}

// DeleteAlias deletes a name, not its key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html
func (s *Service) DeleteAlias(ctx context.Context, in *api.DeleteAliasRequest) (*api.DeleteAliasOutput, error) {
	if err := checkAlias(in.AliasName); err != nil {
		return nil, err
	}
	id := aliasPath(ctx, in.AliasName)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		_, err := s.aliases.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			call := caller.From(ctx)
			return noAlias(arn.New("kms", call.Region, call.Identity.Account, in.AliasName))
		} else if err != nil {
			return err
		}
		return s.aliases.Delete(ctx, tx, id)
	})
	return &api.DeleteAliasOutput{}, err
}

// ListAliases lists the aliases of the account in the Region, or of one key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html
func (s *Service) ListAliases(ctx context.Context, in *api.ListAliasesRequest) (*api.ListAliasesResponse, error) {
	p, err := newPage(in.Limit, in.Marker, 50, 100)
	if err != nil {
		return nil, err
	}
	call := caller.From(ctx)
	var entries []store.Entry[alias]
	var next *string
	if in.KeyId != nil {
		r, err := parseRef(call, *in.KeyId, false)
		if err != nil {
			return nil, err
		}
		if r.account != call.Identity.Account {
			return nil, wire.Errorf("InvalidArnException", "Invalid arn %s", *in.KeyId)
		}
		if _, err := s.fresh(ctx, s.Store, r.path()); err != nil {
			return nil, err
		}
		entries, next, err = pageBy(ctx, s.Store, &s.aliases, "key", r.path(), p)
		if err != nil {
			return nil, err
		}
	} else if entries, next, err = pageOf(ctx, s.Store, &s.aliases, call.Identity.Account+"/"+call.Region+"/", p); err != nil {
		return nil, err
	}
	out := &api.ListAliasesResponse{Aliases: []api.AliasListEntry{}, NextMarker: next, Truncated: new(next != nil)}
	for _, e := range entries {
		account, region, name := splitPath(e.ID)
		_, _, target := splitPath(e.Value.Target)
		out.Aliases = append(out.Aliases, api.AliasListEntry{
			AliasName: &name, AliasArn: new(arn.New("kms", region, account, name)), TargetKeyId: &target,
			CreationDate: e.Value.Created, LastUpdatedDate: e.Value.Updated,
		})
	}
	return out, nil
}
