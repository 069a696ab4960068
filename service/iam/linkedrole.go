package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Service-linked roles: roles whose policies and end an AWS service decides.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html

func (s *Service) linkedRoleRules() policy.Rules {
	return policy.Rules{
		"CreateServiceLinkedRole":            policy.On(s.touchCreateLinked),
		"DeleteServiceLinkedRole":            onBearer(s, "DeleteServiceLinkedRole", aRole, func(in *iamapi.DeleteServiceLinkedRoleRequest) string { return in.RoleName }, nil),
		"GetServiceLinkedRoleDeletionStatus": policy.On(s.touchDeletionStatus),
	}
}

// touchCreateLinked: the ARN has the name that the role will have.
func (s *Service) touchCreateLinked(ctx context.Context, in *iamapi.CreateServiceLinkedRoleRequest) ([]policy.Touch, error) {
	account := accountOf(ctx)
	name := "AWSServiceRoleFor"
	if l, ok := linkedServiceOf(in.AWSServiceName); ok {
		name = l.name(in.CustomSuffix)
	}
	return []policy.Touch{{
		Action: "iam:CreateServiceLinkedRole", Account: account,
		Resource: arnOf(account, "role", linkedPath(in.AWSServiceName), name),
		Keys:     []policy.Pair{pair("iam:AWSServiceName", in.AWSServiceName)},
	}}, nil
}

func (s *Service) touchDeletionStatus(ctx context.Context, in *iamapi.GetServiceLinkedRoleDeletionStatusRequest) ([]policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{Action: "iam:GetServiceLinkedRoleDeletionStatus", Account: account}
	if service, name, ok := splitTask(in.DeletionTaskId); ok {
		t.Resource = arnOf(account, "role", linkedPath(service), name)
	}
	return []policy.Touch{t}, nil
}

func linkedPath(principal string) string { return "/aws-service-role/" + principal + "/" }

func (l *linkedService) name(suffix *string) string {
	if suffix == nil {
		return l.Role
	}
	return l.Role + "_" + *suffix
}

// CreateServiceLinkedRole makes the role of a service, with the trust and the
// policy that the service wants.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
func (s *Service) CreateServiceLinkedRole(ctx context.Context, in *iamapi.CreateServiceLinkedRoleRequest) (*iamapi.CreateServiceLinkedRoleResponse, error) {
	ro, err := s.linkRole(ctx, accountOf(ctx), in.AWSServiceName, in.CustomSuffix, in.Description)
	if err != nil {
		return nil, err
	}
	out, err := s.apiRole(ctx, s.Store, ro)
	if err != nil {
		return nil, err
	}
	out.Description = nilIfEmpty(ro.Description)
	return &iamapi.CreateServiceLinkedRoleResponse{Role: out}, nil
}

// LinkRole makes the service-linked role of a service that makes its own,
// unless the account has it.
func (s *Service) LinkRole(ctx context.Context, account, principal string) error {
	l, ok := linkedServiceOf(principal)
	if !ok {
		return fmt.Errorf("iam: %s has no service-linked role", principal)
	}
	if _, err := s.roles.Get(ctx, s.Store, recordID(account, l.Role)); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, err := s.linkRole(ctx, account, principal, nil, nil)
	return err
}

func (s *Service) linkRole(ctx context.Context, account, principal string, suffix, description *string) (*role, error) {
	l, ok := linkedServiceOf(principal)
	if !ok {
		return nil, wire.Errorf("AccessDenied", "Cannot find Service Linked Role template for %s", principal).WithStatus(403)
	}
	if suffix != nil && !l.Suffix {
		return nil, invalidInput("Custom suffix is not allowed for %s", principal)
	}
	ro := &role{
		holder: holder{
			Account: account, Name: l.name(suffix), Path: linkedPath(principal), ID: newID(rolePrefix),
			Created: s.now(), Attached: []string{l.Policy},
		},
		MaxSession: 3600, Description: l.Description,
		Trust: fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}]}`, principal),
	}
	if len(ro.Name) > 64 {
		return nil, invalidInput("Service role name %s is longer than 64 characters, please try a shorter suffix.", ro.Name)
	}
	if description != nil {
		ro.Description = *description
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.roles.Insert(ctx, tx, recordID(account, ro.Name), ro)
		if errors.Is(err, store.ErrExists) {
			return invalidInput("Service role name %s has been taken in this account, please try a different suffix.", ro.Name)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, account, func(c *counts) error {
			if c.Roles++; c.Roles > s.Quotas.Roles {
				return exceeded("RolesPerAccount", s.Quotas.Roles)
			}
			return nil
		})
	})
	return ro, err
}

// principalOf is the service that a service-linked role belongs to, or "".
func (ro *role) principalOf() string {
	rest, ok := strings.CutPrefix(ro.Path, "/aws-service-role/")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(rest, "/")
}
