package secretsmanager

import (
	"context"
	"errors"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// What Access Analyzer looks at: who may come to a secret by its policies.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-resources.html#access-analyzer-secrets-manager

// SecretAccess is a secret with its resource policy as GetResourcePolicy shows
// it; empty: none.
type SecretAccess struct {
	ARN, Account, Document string
	Grants                 map[string][]string // what the policy of a cross-account replica lets its primary's account do
}

// SecretAccesses returns up to limit secrets of an account and Region that come
// after the ARN after, in the order of their names.
func (s *Service) SecretAccesses(ctx context.Context, account, region, after string, limit int) ([]SecretAccess, error) {
	at := place{account, region}
	if after != "" {
		_, resource, _ := strings.Cut(after, ":secret:")
		name, _, _ := cutSuffix(resource)
		after = at.key(name)
	}
	list, err := s.secrets.List(ctx, s.Store, at.key(""), after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]SecretAccess, 0, len(list))
	for _, e := range list {
		one, err := s.secretAccess(ctx, e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, *one)
	}
	return out, nil
}

// SecretAccess returns the secret with exactly this ARN; nil if there is none.
func (s *Service) SecretAccess(ctx context.Context, name string) (*SecretAccess, error) {
	a, err := arn.Parse(name)
	resource, isSecret := strings.CutPrefix(a.Resource, "secret:")
	if err != nil || a.Service != "secretsmanager" || !isSecret {
		return nil, nil
	}
	id, _, ok := cutSuffix(resource)
	if !ok {
		return nil, nil
	}
	v, err := s.secrets.Get(ctx, s.Store, place{a.Account, a.Region}.key(id))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) || errors.Is(err, store.ErrTooLarge) || err == nil && v.arn() != name {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return s.secretAccess(ctx, v)
}

func (s *Service) secretAccess(ctx context.Context, v *secret) (*SecretAccess, error) {
	out := &SecretAccess{ARN: v.arn(), Account: v.Account}
	if v.From != nil {
		a, err := arn.Parse(v.From.ARN)
		if err != nil {
			return nil, err
		}
		out.Grants = map[string][]string{arn.New("iam", "", a.Account, "root"): {accept}}
	}
	if v.Policy == "" {
		return out, nil
	}
	var err error
	out.Document, err = s.Show(ctx, v.Policy)
	return out, err
}
