package organizations

import (
	"context"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) leaveRules() policy.Rules {
	return policy.Rules{
		"LeaveOrganization":             onNothing[api.LeaveOrganizationInput](s, "LeaveOrganization", members),
		"RemoveAccountFromOrganization": onTarget(s, "RemoveAccountFromOrganization", management, func(in *api.RemoveAccountFromOrganizationRequest) string { return in.AccountId }),
	}
}

// LeaveOrganization takes the caller's account out of its organization.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_LeaveOrganization.html
func (s *Service) LeaveOrganization(ctx context.Context, _ *api.LeaveOrganizationInput) (*api.LeaveOrganizationOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, a, err := s.place(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.mayLeave(o, a); err != nil {
			return err
		}
		if err := s.leave(ctx, tx, o, a); err != nil {
			return err
		}
		return s.notify(ctx, tx, departed(o, a.ID, "LEFT", s.now()))
	})
	if err != nil {
		return nil, err
	}
	return &api.LeaveOrganizationOutput{}, nil
}

// RemoveAccountFromOrganization takes a member out of the organization.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_RemoveAccountFromOrganization.html
func (s *Service) RemoveAccountFromOrganization(ctx context.Context, in *api.RemoveAccountFromOrganizationRequest) (*api.RemoveAccountFromOrganizationOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managed(ctx, tx)
		if err != nil {
			return err
		}
		a, err := s.member(ctx, tx, o, in.AccountId)
		if err != nil {
			return err
		}
		if err := s.mayLeave(o, a); err != nil {
			return err
		}
		if err := s.leave(ctx, tx, o, a); err != nil {
			return err
		}
		return s.notify(ctx, tx, departed(o, a.ID, "REMOVED", s.now()))
	})
	if err != nil {
		return nil, err
	}
	return &api.RemoveAccountFromOrganizationOutput{}, nil
}

// mayLeave refuses the management account, delegated administrators and
// accounts that were made here lately.
func (s *Service) mayLeave(o *organization, a *account) error {
	switch {
	case a.ID == o.Management:
		return wire.Errorf("MasterCannotLeaveOrganizationException", "The master account of an organization cannot leave or be removed from the organization. Delete the organization instead.")
	case len(a.Delegate) > 0:
		return constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", "You attempted to remove an account that is registered as a delegated administrator for a service integrated with your organization. To complete this operation, you must first deregister this account as a delegated administrator.")
	case a.Method == api.AccountJoinedMethod_CREATED && s.now().Sub(a.Created) < createdWait:
		return constraint("WAIT_PERIOD_ACTIVE", "After you create an AWS account, there is a waiting period of at least four days before you can remove it from its organization.")
	}
	return nil
}

// leave takes a member out, and out of what awaits its answer.
func (s *Service) leave(ctx context.Context, tx store.Tx, o *organization, a *account) error {
	closing := a.State == api.AccountState_PENDING_CLOSURE
	if err := s.depart(ctx, tx, a); err != nil {
		return err
	}
	if closing {
		if err := s.count(ctx, tx, o.ID, func(c *counts) error { c.Closing--; return nil }); err != nil {
			return err
		}
	}
	return s.withdrawApproval(ctx, tx, o, a.ID)
}
