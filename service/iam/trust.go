package iam

import (
	"context"
	"errors"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// RoleInfo is what STS needs to know of a role.
type RoleInfo struct {
	ARN, ID, Name, Account string
	MaxSession             time.Duration
	Trust                  *policy.Set
	Tags                   []policy.Tag
}

// Role returns the role with exactly this ARN; nil if there is none.
func (s *Service) Role(ctx context.Context, name string) (*RoleInfo, error) {
	return s.trusts.Get(ctx, name)
}

func (s *Service) loadRole(ctx context.Context, r store.Reader, name string) (*RoleInfo, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" {
		return nil, nil
	}
	kind, rest := a.Type()
	if kind != "role" {
		return nil, nil
	}
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		rest = rest[i+1:]
	}
	ro, err := s.roles.Get(ctx, r, recordID(a.Account, rest))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if ro.ARN() != name {
		return nil, nil
	}
	doc, err := policy.Parse([]byte(ro.Trust))
	if err != nil {
		return nil, err
	}
	return &RoleInfo{
		ARN: name, ID: ro.ID, Name: ro.Name, Account: ro.Account,
		MaxSession: time.Duration(ro.MaxSession) * time.Second,
		Trust:      policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Trust, ARN: name, Name: "trust policy"}, Document: doc}),
		Tags:       policyTags(ro.Tags),
	}, nil
}

// MissingPolicy returns the first of the managed policies that does not exist,
// or "".
func (s *Service) MissingPolicy(ctx context.Context, arns []string) (string, error) {
	for _, name := range arns {
		if _, err := s.document(ctx, s.Store, name); errors.Is(err, store.ErrNotFound) {
			return name, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", nil
}
