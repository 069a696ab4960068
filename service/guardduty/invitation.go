package guardduty

import (
	"context"
	"errors"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
)

// invitations are the members records that concern the caller's account.
func (s *Service) invitations(ctx context.Context, r store.Reader, at place) ([]*member, error) {
	ids, err := s.members.By(ctx, r, "account", at.id(), "", 0)
	if err != nil {
		return nil, err
	}
	var out []*member
	for _, id := range ids {
		m, err := s.members.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if !m.Hidden && (m.Status == invited || m.associated()) {
			out = append(out, m)
		}
	}
	return out, nil
}

// ListInvitations lists the invitations of the caller's account.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListInvitations.html
func (s *Service) ListInvitations(ctx context.Context, in *guarddutyapi.ListInvitationsRequest) (*guarddutyapi.ListInvitationsResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	all, err := s.invitations(ctx, s.Store, placeOf(ctx))
	if err != nil {
		return nil, err
	}
	shown := []guarddutyapi.Invitation{}
	for _, m := range all {
		if m.Detector > p.after {
			shown = append(shown, guarddutyapi.Invitation{AccountId: &m.Admin.Account, InvitationId: &m.Invitation, RelationshipStatus: &m.Status, InvitedAt: new(stamp(m.Invited))})
		}
	}
	out := &guarddutyapi.ListInvitationsResponse{}
	out.Invitations, out.NextToken = cut(shown, p, func(v *guarddutyapi.Invitation) string {
		for _, m := range all {
			if m.Invitation == *v.InvitationId {
				return m.Detector
			}
		}
		return ""
	})
	return out, nil
}

// GetInvitationsCount counts the invitations that wait: "not including the
// currently accepted invitation".
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetInvitationsCount.html
func (s *Service) GetInvitationsCount(ctx context.Context, _ *guarddutyapi.GetInvitationsCountRequest) (*guarddutyapi.GetInvitationsCountResponse, error) {
	all, err := s.invitations(ctx, s.Store, placeOf(ctx))
	if err != nil {
		return nil, err
	}
	n := int32(0)
	for _, m := range all {
		if m.Status == invited {
			n++
		}
	}
	return &guarddutyapi.GetInvitationsCountResponse{InvitationsCount: &n}, nil
}

// AcceptAdministratorInvitation makes the caller's account a member.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_AcceptAdministratorInvitation.html
func (s *Service) AcceptAdministratorInvitation(ctx context.Context, in *guarddutyapi.AcceptAdministratorInvitationRequest) (*guarddutyapi.AcceptAdministratorInvitationResponse, error) {
	return &guarddutyapi.AcceptAdministratorInvitationResponse{}, s.accept(ctx, in.DetectorId, in.AdministratorId, in.InvitationId)
}

// AcceptInvitation is the same under its old name.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_AcceptInvitation.html
func (s *Service) AcceptInvitation(ctx context.Context, in *guarddutyapi.AcceptInvitationRequest) (*guarddutyapi.AcceptInvitationResponse, error) {
	return &guarddutyapi.AcceptInvitationResponse{}, s.accept(ctx, in.DetectorId, in.MasterId, in.InvitationId)
}

func (s *Service) accept(ctx context.Context, detectorID, administrator, invitation string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, detectorID)
		if err != nil {
			return err
		}
		if a, err := s.administrator(ctx, tx, d.Place); err != nil {
			return err
		} else if a != nil {
			return rejected(invalidInput, "The request is rejected because the current account is already a member of another account.")
		}
		mine, err := s.seenBy(ctx, tx, d)
		if err != nil {
			return err
		}
		if len(mine) > 1 {
			return rejected(invalidInput, "The request is rejected because the current account has member accounts.")
		}
		all, err := s.invitations(ctx, tx, d.Place)
		if err != nil {
			return err
		}
		for _, m := range all {
			if m.Status == invited && m.Admin.Account == administrator && m.Invitation == invitation {
				return s.relate(ctx, tx, m, enabled)
			}
		}
		return errNothing
	})
	return err
}

// eachInvitation does something to the invitations from some accounts.
func (s *Service) eachInvitation(ctx context.Context, from []string, do func(tx store.Tx, m *member) error) ([]guarddutyapi.UnprocessedAccount, error) {
	var out unprocessed
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = unprocessed{}
		all, err := s.invitations(ctx, tx, placeOf(ctx))
		if err != nil {
			return err
		}
	next:
		for _, account := range from {
			for _, m := range all {
				if m.Admin.Account == account && m.Status == invited {
					if err := do(tx, m); err != nil {
						return err
					}
					continue next
				}
			}
			out.add(account, "there is no invitation from the given account ID that waits.")
		}
		return nil
	})
	return out, err
}

// DeclineInvitations says no.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeclineInvitations.html
func (s *Service) DeclineInvitations(ctx context.Context, in *guarddutyapi.DeclineInvitationsRequest) (*guarddutyapi.DeclineInvitationsResponse, error) {
	out, err := s.eachInvitation(ctx, in.AccountIds, func(tx store.Tx, m *member) error { return s.relate(ctx, tx, m, resigned) })
	return &guarddutyapi.DeclineInvitationsResponse{UnprocessedAccounts: out}, err
}

// DeleteInvitations takes invitations out of the caller's list. The administrator
// still sees the account as invited.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteInvitations.html
func (s *Service) DeleteInvitations(ctx context.Context, in *guarddutyapi.DeleteInvitationsRequest) (*guarddutyapi.DeleteInvitationsResponse, error) {
	out, err := s.eachInvitation(ctx, in.AccountIds, func(tx store.Tx, m *member) error {
		m.Hidden = true
		return s.relate(ctx, tx, m, m.Status)
	})
	return &guarddutyapi.DeleteInvitationsResponse{UnprocessedAccounts: out}, err
}

// administratorOf finds the administrator of the caller's detector; nil when
// there is none.
func (s *Service) administratorOf(ctx context.Context, detectorID string) (*member, error) {
	d, err := s.find(ctx, s.Store, detectorID)
	if err != nil {
		return nil, err
	}
	return s.administrator(ctx, s.Store, d.Place)
}

// GetAdministratorAccount shows whose member the caller's account is.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetAdministratorAccount.html
func (s *Service) GetAdministratorAccount(ctx context.Context, in *guarddutyapi.GetAdministratorAccountRequest) (*guarddutyapi.GetAdministratorAccountResponse, error) {
	m, err := s.administratorOf(ctx, in.DetectorId)
	if err != nil || m == nil {
		return &guarddutyapi.GetAdministratorAccountResponse{}, err
	}
	return &guarddutyapi.GetAdministratorAccountResponse{Administrator: &guarddutyapi.Administrator{
		AccountId: &m.Admin.Account, InvitationId: &m.Invitation, RelationshipStatus: &m.Status, InvitedAt: new(stamp(m.Invited)),
	}}, nil
}

// GetMasterAccount is the same under its old name.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetMasterAccount.html
func (s *Service) GetMasterAccount(ctx context.Context, in *guarddutyapi.GetMasterAccountRequest) (*guarddutyapi.GetMasterAccountResponse, error) {
	m, err := s.administratorOf(ctx, in.DetectorId)
	if err != nil || m == nil {
		return &guarddutyapi.GetMasterAccountResponse{}, err
	}
	return &guarddutyapi.GetMasterAccountResponse{Master: &guarddutyapi.Master{
		AccountId: &m.Admin.Account, InvitationId: &m.Invitation, RelationshipStatus: &m.Status, InvitedAt: new(stamp(m.Invited)),
	}}, nil
}

// DisassociateFromAdministratorAccount leaves the administrator.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DisassociateFromAdministratorAccount.html
func (s *Service) DisassociateFromAdministratorAccount(ctx context.Context, in *guarddutyapi.DisassociateFromAdministratorAccountRequest) (*guarddutyapi.DisassociateFromAdministratorAccountResponse, error) {
	return &guarddutyapi.DisassociateFromAdministratorAccountResponse{}, s.resign(ctx, in.DetectorId)
}

// DisassociateFromMasterAccount is the same under its old name.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DisassociateFromMasterAccount.html
func (s *Service) DisassociateFromMasterAccount(ctx context.Context, in *guarddutyapi.DisassociateFromMasterAccountRequest) (*guarddutyapi.DisassociateFromMasterAccountResponse, error) {
	return &guarddutyapi.DisassociateFromMasterAccountResponse{}, s.resign(ctx, in.DetectorId)
}

func (s *Service) resign(ctx context.Context, detectorID string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, detectorID)
		if err != nil {
			return err
		}
		m, err := s.administrator(ctx, tx, d.Place)
		if err != nil {
			return err
		}
		if m == nil {
			return rejected(invalidInput, "The request is rejected because the current account has no administrator account.")
		}
		return s.relate(ctx, tx, m, resigned)
	})
	return err
}
