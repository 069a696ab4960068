package securityhub

import (
	"context"
	"errors"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

// invitation is what an account was invited with.
type invitation struct {
	Account string // who invites
	ID      string
	Invited time.Time
}

func newInvitation() string { return strings.ReplaceAll(newID(), "-", "") }

func (v *invitation) shown() api.Invitation {
	return api.Invitation{AccountId: &v.Account, InvitationId: &v.ID, InvitedAt: v.Invited, MemberStatus: new(statusInvited)}
}

func (s *Service) accept(ctx context.Context, from, id string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		p := placeOf(ctx)
		key := p.home() + "/" + from
		if !isAccount(from) {
			return invalid("The administrator account ID is not valid.")
		}
		v, err := s.invitations.Get(ctx, tx, key)
		if errors.Is(err, store.ErrNotFound) || err == nil && v.ID != id {
			return notFound("There is no invitation %s of account %s", clip(id), from)
		} else if err != nil {
			return err
		}
		if a, err := s.administrator(ctx, tx, p); err != nil {
			return err
		} else if a != nil {
			return invalid("Account %s already has the administrator account %s.", p.account, a.Account)
		}
		mine, err := s.members.List(ctx, tx, p.home()+"/", "", 0)
		if err != nil {
			return err
		}
		for _, e := range mine {
			if e.Value.Status == statusEnabled {
				return invalid("Account %s has members of its own.", p.account)
			}
		}
		m, err := s.member(ctx, tx, place{from, p.region}, p.account)
		if err != nil {
			return err
		}
		if m == nil {
			return notFound("There is no invitation %s of account %s", clip(id), from)
		}
		m.Status = statusEnabled
		if err := s.putMember(ctx, tx, place{from, p.region}, m); err != nil {
			return err
		}
		if err := s.invitations.Delete(ctx, tx, key); err != nil {
			return err
		}
		return s.administrators.Put(ctx, tx, p.home(), &administrator{Account: from, Invitation: id, Invited: v.Invited})
	})
	return err
}

// AcceptAdministratorInvitation makes the caller a member.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AcceptAdministratorInvitation.html
func (s *Service) AcceptAdministratorInvitation(ctx context.Context, in *api.AcceptAdministratorInvitationRequest) (*api.AcceptAdministratorInvitationResponse, error) {
	if err := s.accept(ctx, in.AdministratorId, in.InvitationId); err != nil {
		return nil, err
	}
	return &api.AcceptAdministratorInvitationResponse{}, nil
}

// AcceptInvitation is the older name.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AcceptInvitation.html
func (s *Service) AcceptInvitation(ctx context.Context, in *api.AcceptInvitationRequest) (*api.AcceptInvitationResponse, error) {
	if err := s.accept(ctx, in.MasterId, in.InvitationId); err != nil {
		return nil, err
	}
	return &api.AcceptInvitationResponse{}, nil
}

// forget removes invitations; the member of who invited gets the status.
func (s *Service) forget(ctx context.Context, accounts []string, status string) (out []api.Result, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		out = []api.Result{}
		p := placeOf(ctx)
		for _, from := range accounts {
			key := p.home() + "/" + from
			_, err := s.invitations.Get(ctx, tx, key)
			if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) || !isAccount(from) {
				out = append(out, refusedAccount(from, "There is no invitation of this account."))
				continue
			} else if err != nil {
				return err
			}
			if err := s.invitations.Delete(ctx, tx, key); err != nil {
				return err
			}
			m, err := s.member(ctx, tx, place{from, p.region}, p.account)
			if err != nil {
				return err
			}
			if m != nil && m.Status == statusInvited {
				m.Status = status
				if err := s.putMember(ctx, tx, place{from, p.region}, m); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return out, err
}

// DeclineInvitations declines invitations.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DeclineInvitations.html
func (s *Service) DeclineInvitations(ctx context.Context, in *api.DeclineInvitationsRequest) (*api.DeclineInvitationsResponse, error) {
	out, err := s.forget(ctx, in.AccountIds, statusResigned)
	if err != nil {
		return nil, err
	}
	return &api.DeclineInvitationsResponse{UnprocessedAccounts: out}, nil
}

// DeleteInvitations deletes invitations.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DeleteInvitations.html
func (s *Service) DeleteInvitations(ctx context.Context, in *api.DeleteInvitationsRequest) (*api.DeleteInvitationsResponse, error) {
	out, err := s.forget(ctx, in.AccountIds, statusResigned)
	if err != nil {
		return nil, err
	}
	return &api.DeleteInvitationsResponse{UnprocessedAccounts: out}, nil
}

// ListInvitations lists invitations.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListInvitations.html
func (s *Service) ListInvitations(ctx context.Context, in *api.ListInvitationsRequest) (*api.ListInvitationsResponse, error) {
	out := &api.ListInvitationsResponse{Invitations: []api.Invitation{}}
	var err error
	out.NextToken, err = listPage(ctx, s.Store, &s.invitations, placeOf(ctx).home()+"/", in.MaxResults, in.NextToken, func(_ string, v *invitation) {
		out.Invitations = append(out.Invitations, v.shown())
	})
	return out, err
}

// GetInvitationsCount counts invitations.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetInvitationsCount.html
func (s *Service) GetInvitationsCount(ctx context.Context, _ *api.GetInvitationsCountRequest) (*api.GetInvitationsCountResponse, error) {
	all, err := s.invitations.List(ctx, s.Store, placeOf(ctx).home()+"/", "", 0)
	return &api.GetInvitationsCountResponse{InvitationsCount: new(int32(len(all)))}, err
}

func (s *Service) ofAdministrator(ctx context.Context) (*api.Invitation, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	a, err := s.administrator(ctx, s.Store, placeOf(ctx))
	if err != nil || a == nil {
		return nil, err
	}
	v := &api.Invitation{AccountId: &a.Account, InvitedAt: a.Invited, MemberStatus: new(statusEnabled)}
	if a.Invitation != "" {
		v.InvitationId = &a.Invitation
	}
	return v, nil
}

// GetAdministratorAccount tells the caller's administrator, if it has one.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetAdministratorAccount.html
func (s *Service) GetAdministratorAccount(ctx context.Context, _ *api.GetAdministratorAccountRequest) (*api.GetAdministratorAccountResponse, error) {
	v, err := s.ofAdministrator(ctx)
	if err != nil {
		return nil, err
	}
	return &api.GetAdministratorAccountResponse{Administrator: v}, nil
}

// GetMasterAccount is the older name.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetMasterAccount.html
func (s *Service) GetMasterAccount(ctx context.Context, _ *api.GetMasterAccountRequest) (*api.GetMasterAccountResponse, error) {
	v, err := s.ofAdministrator(ctx)
	if err != nil {
		return nil, err
	}
	return &api.GetMasterAccountResponse{Master: v}, nil
}

// resign ends the caller's membership: not if its organization made it one.
func (s *Service) resign(ctx context.Context) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		p := placeOf(ctx)
		a, err := s.administrator(ctx, tx, p)
		if err != nil {
			return err
		}
		switch {
		case a == nil:
			return notFound("Account %s has no administrator account", p.account)
		case a.ByOrganization:
			return invalid("A member account of an organization can't leave the delegated administrator account.")
		}
		m, err := s.member(ctx, tx, place{a.Account, p.region}, p.account)
		if err != nil {
			return err
		}
		if m == nil {
			return s.administrators.Delete(ctx, tx, p.home())
		}
		return s.part(ctx, tx, place{a.Account, p.region}, m, statusResigned)
	})
	return err
}

// DisassociateFromAdministratorAccount ends the caller's membership.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisassociateFromAdministratorAccount.html
func (s *Service) DisassociateFromAdministratorAccount(ctx context.Context, _ *api.DisassociateFromAdministratorAccountRequest) (*api.DisassociateFromAdministratorAccountResponse, error) {
	if err := s.resign(ctx); err != nil {
		return nil, err
	}
	return &api.DisassociateFromAdministratorAccountResponse{}, nil
}

// DisassociateFromMasterAccount is the older name.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisassociateFromMasterAccount.html
func (s *Service) DisassociateFromMasterAccount(ctx context.Context, _ *api.DisassociateFromMasterAccountRequest) (*api.DisassociateFromMasterAccountResponse, error) {
	if err := s.resign(ctx); err != nil {
		return nil, err
	}
	return &api.DisassociateFromMasterAccountResponse{}, nil
}
