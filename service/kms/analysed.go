package kms

import (
	"context"
	"errors"
	"slices"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// What Access Analyzer looks at: "the key policies and grants applied to a key".
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-resources.html#access-analyzer-kms-key

// KeyAccess is who may use a key: its policy as GetKeyPolicy shows it, and the
// actions that grants give to users, roles and accounts outside of the key's own.
type KeyAccess struct {
	ARN, Account, Document string
	Grants                 map[string][]string
}

// KeyAccesses returns up to limit keys of an account and Region that come after
// the ARN after, in the order of their ids.
func (s *Service) KeyAccesses(ctx context.Context, account, region, after string, limit int) ([]KeyAccess, error) {
	if after != "" {
		after = keyPath(account, region, after[strings.LastIndexByte(after, '/')+1:])
	}
	list, err := s.keys.List(ctx, s.Store, keyPath(account, region, ""), after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]KeyAccess, 0, len(list))
	for _, e := range list {
		one, err := s.keyAccess(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, *one)
	}
	return out, nil
}

// KeyAccess returns the key with exactly this ARN; nil if there is none.
func (s *Service) KeyAccess(ctx context.Context, name string) (*KeyAccess, error) {
	a, err := arn.Parse(name)
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	if err != nil || a.Service != "kms" || !isKey {
		return nil, nil
	}
	k, err := s.keys.Get(ctx, s.Store, keyPath(a.Account, a.Region, id))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) || errors.Is(err, store.ErrTooLarge) || err == nil && k.arn() != name {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return s.keyAccess(ctx, k)
}

func (s *Service) keyAccess(ctx context.Context, k *key) (*KeyAccess, error) {
	text, err := s.Show(ctx, k.Policy)
	if err != nil {
		return nil, err
	}
	out := &KeyAccess{ARN: k.arn(), Account: k.Account, Document: text}
	const chunk = 500
	for after := ""; ; {
		list, err := s.grants.List(ctx, s.Store, k.path()+"/", after, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			after = e.ID
			if err := s.grantAccess(ctx, k, e.Value, out); err != nil {
				return nil, err
			}
		}
		if len(list) < chunk {
			return out, nil
		}
	}
}

// grantAccess adds what a grant gives away. Its constraints change when it may be
// used, not by whom.
func (s *Service) grantAccess(ctx context.Context, k *key, g *grant, out *KeyAccess) error {
	if g.Grantee == "" {
		return nil // a service of AWS's
	}
	who, err := s.ShowPrincipal(ctx, g.Grantee)
	if err != nil {
		return err
	}
	a, err := arn.Parse(who)
	if err != nil || a.Account == k.Account {
		return nil // deleted since, or the account's own
	}
	if out.Grants == nil {
		out.Grants = map[string][]string{}
	}
	for _, op := range g.Operations {
		if action := "kms:" + string(op); !slices.Contains(out.Grants[who], action) {
			out.Grants[who] = append(out.Grants[who], action)
		}
	}
	return nil
}
