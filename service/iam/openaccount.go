package iam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bartizan.dev/store"
)

// administrator is the AWS managed policy of the role that OpenAccount makes.
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// ErrAccountTaken is returned by OpenAccount for an account that exists but was
// not made by the same call.
var ErrAccountTaken = errors.New("iam: the account exists already")

// OpenAccount makes an account that the account trusted enters by a role with
// AdministratorAccess: what AWS Organizations' CreateAccount makes. As on AWS
// the root user has no access key. Done again it changes nothing.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access-cross-account-role.html
func (s *Service) OpenAccount(ctx context.Context, id, roleName, trusted string) error {
	if _, ok := s.Managed.Lookup(administrator); !ok {
		return errors.New("iam: AWS's managed policies lack AdministratorAccess")
	}
	trust, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]string{"AWS": rootARN(trusted)}, "Action": "sts:AssumeRole",
		}},
	})
	if err != nil {
		return fmt.Errorf("iam: trust policy of %s: %w", roleName, err)
	}
	ro := &role{
		holder:     holder{Account: id, Name: roleName, Path: "/", ID: newID(rolePrefix), Created: s.now(), Attached: []string{administrator}},
		MaxSession: 3600,
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.accounts.Insert(ctx, tx, id, &account{ID: id, Created: s.now()})
		if errors.Is(err, store.ErrExists) {
			return s.opened(ctx, tx, id, roleName, trusted)
		} else if err != nil {
			return err
		}
		if ro.Trust, err = s.storeTrust(ctx, tx, string(trust)); err != nil {
			return err
		}
		if err := s.count(ctx, tx, id, func(c *counts) error { c.Roles++; return nil }); err != nil {
			return err
		}
		return s.roles.Insert(ctx, tx, recordID(id, roleName), ro)
	})
	return err
}

// opened reports whether an earlier OpenAccount has made the account.
func (s *Service) opened(ctx context.Context, r store.Reader, id, roleName, trusted string) error {
	ro, err := s.roles.Get(ctx, r, recordID(id, roleName))
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrAccountTaken, id)
	} else if err != nil {
		return err
	}
	trust, err := mapPrincipals(ro.Trust, func(_, value string) (string, error) {
		if value != rootARN(trusted) {
			return "", fmt.Errorf("%w: %s", ErrAccountTaken, id)
		}
		return value, nil
	})
	if err == nil && trust == "" {
		return fmt.Errorf("%w: %s", ErrAccountTaken, id)
	}
	return err
}
