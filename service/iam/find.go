package iam

import (
	"context"
	"errors"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// PrincipalID is the unique id of the user or role with exactly this ARN, of
// any account; "" if there is none.
func (s *Service) PrincipalID(ctx context.Context, name string) (string, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" {
		return "", nil
	}
	kind, rest := a.Type()
	short := rest[strings.LastIndexByte(rest, '/')+1:]
	switch kind {
	case "user":
		u, err := s.users.Get(ctx, s.Store, recordID(a.Account, short))
		if err == nil && u.ARN() == name {
			return u.ID, nil
		}
		return "", ignoreNotFound(err)
	case "role":
		r, err := s.roles.Get(ctx, s.Store, recordID(a.Account, short))
		if err == nil && r.ARN() == name {
			return r.ID, nil
		}
		return "", ignoreNotFound(err)
	}
	return "", nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Accounts returns up to limit accounts that come after the account after.
func (s *Service) Accounts(ctx context.Context, after string, limit int) ([]string, error) {
	list, err := s.accounts.List(ctx, s.Store, "", after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.ID
	}
	return out, nil
}
