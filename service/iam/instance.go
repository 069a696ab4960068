package iam

import (
	"context"
	"errors"

	"bartizan.dev/store"
)

// InstanceInfo is what a host needs to know of its instance profile.
type InstanceInfo struct {
	ARN, ID       string // of the profile
	RoleARN, Role string // empty while the profile has no role
	Account       string
}

// Instance returns the instance profile of a name; nil if there is none.
func (s *Service) Instance(ctx context.Context, account, name string) (*InstanceInfo, error) {
	p, err := s.profiles.Get(ctx, s.Store, recordID(account, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	out := &InstanceInfo{ARN: p.ARN(), ID: p.ID, Account: account}
	if p.Role == "" {
		return out, nil
	}
	r, err := s.roles.Get(ctx, s.Store, recordID(account, p.Role))
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	out.RoleARN, out.Role = r.ARN(), r.Name
	return out, nil
}
