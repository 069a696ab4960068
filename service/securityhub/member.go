package securityhub

import (
	"context"
	"errors"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

// Statuses of members.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Member.html
const (
	statusCreated  = "Created"
	statusInvited  = "Invited"
	statusEnabled  = "Enabled"
	statusRemoved  = "Removed"
	statusResigned = "Resigned"
)

// member is a member account of an administrator.
type member struct {
	Account, Email, Status string
	Invited, Updated       time.Time
}

// administrator is the administrator of a member account.
type administrator struct {
	Account, Invitation string
	Invited             time.Time
	ByOrganization      bool `json:",omitzero"`
}

func (s *Service) administrator(ctx context.Context, r store.Reader, p place) (*administrator, error) {
	a, err := s.administrators.Get(ctx, r, p.home())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return a, err
}

func (s *Service) member(ctx context.Context, r store.Reader, p place, account string) (*member, error) {
	if !isAccount(account) {
		return nil, nil
	}
	m, err := s.members.Get(ctx, r, p.home()+"/"+account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return m, err
}

func (m *member) shown(p place) api.Member {
	v := api.Member{AccountId: &m.Account, MasterId: &p.account, AdministratorId: &p.account, MemberStatus: &m.Status, InvitedAt: m.Invited, UpdatedAt: m.Updated}
	if m.Email != "" {
		v.Email = &m.Email
	}
	return v
}

func refusedAccount(account, why string) api.Result {
	return api.Result{AccountId: &account, ProcessingResult: &why}
}

// eachMember runs do for accounts in one transaction; what it answers is why an
// account was left out.
func (s *Service) eachMember(ctx context.Context, accounts []string, do func(tx store.Tx, p place, account string, m *member) (why string, err error)) (out []api.Result, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		out = []api.Result{}
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		p := placeOf(ctx)
		for _, account := range accounts {
			m, err := s.member(ctx, tx, p, account)
			if err != nil {
				return err
			}
			why, err := do(tx, p, account, m)
			if err != nil {
				return err
			}
			if why != "" {
				out = append(out, refusedAccount(account, why))
			}
		}
		return nil
	})
	return out, err
}

func (s *Service) putMember(ctx context.Context, tx store.Tx, p place, m *member) error {
	m.Updated = s.now()
	return s.members.Put(ctx, tx, p.home()+"/"+m.Account, m)
}

// CreateMembers adds accounts as members: those of an organization whose
// administrator the caller is are members at once, others when they have been
// invited and have accepted.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateMembers.html
func (s *Service) CreateMembers(ctx context.Context, in *api.CreateMembersRequest) (*api.CreateMembersResponse, error) {
	mine, err := s.managed(ctx)
	if err != nil {
		return nil, err
	}
	emails, accounts := map[string]string{}, []string{}
	for _, d := range in.AccountDetails {
		emails[d.AccountId] = text(d.Email)
		accounts = append(accounts, d.AccountId)
	}
	out, err := s.eachMember(ctx, accounts, func(tx store.Tx, p place, account string, m *member) (string, error) {
		switch {
		case !isAccount(account):
			return "The account ID is not valid.", nil
		case account == p.account:
			return "An administrator account can't be its own member.", nil
		case m != nil && (m.Status == statusEnabled || m.Status == statusInvited):
			return "The account is already associated with this administrator account.", nil
		}
		if a, err := s.administrator(ctx, tx, p); err != nil || a != nil {
			return "A member account can't have members.", err
		}
		all, err := s.members.List(ctx, tx, p.home()+"/", "", 0)
		if err != nil {
			return "", err
		}
		if m == nil && !mine[account] && len(all) >= s.Quotas.Members {
			return "The administrator account has as many members as it can have.", nil
		}
		if mine[account] {
			return s.join(ctx, tx, p, account, emails[account], true)
		}
		return "", s.putMember(ctx, tx, p, &member{Account: account, Email: emails[account], Status: statusCreated})
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateMembersResponse{UnprocessedAccounts: out}, nil
}

// InviteMembers invites accounts that were added.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_InviteMembers.html
func (s *Service) InviteMembers(ctx context.Context, in *api.InviteMembersRequest) (*api.InviteMembersResponse, error) {
	out, err := s.eachMember(ctx, in.AccountIds, func(tx store.Tx, p place, account string, m *member) (string, error) {
		if m == nil {
			return "The account was not added with CreateMembers.", nil
		}
		if m.Status == statusEnabled {
			return "The account is already associated with this administrator account.", nil
		}
		m.Status, m.Invited = statusInvited, s.now()
		v := &invitation{Account: p.account, ID: newInvitation(), Invited: m.Invited}
		if err := s.invitations.Put(ctx, tx, place{account, p.region}.home()+"/"+p.account, v); err != nil {
			return "", err
		}
		return "", s.putMember(ctx, tx, p, m)
	})
	if err != nil {
		return nil, err
	}
	return &api.InviteMembersResponse{UnprocessedAccounts: out}, nil
}

// GetMembers shows members.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetMembers.html
func (s *Service) GetMembers(ctx context.Context, in *api.GetMembersRequest) (*api.GetMembersResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	out := &api.GetMembersResponse{Members: []api.Member{}, UnprocessedAccounts: []api.Result{}}
	for _, account := range in.AccountIds {
		m, err := s.member(ctx, s.Store, p, account)
		if err != nil {
			return nil, err
		}
		if m == nil {
			out.UnprocessedAccounts = append(out.UnprocessedAccounts, refusedAccount(account, "The account is not a member."))
			continue
		}
		out.Members = append(out.Members, m.shown(p))
	}
	return out, nil
}

// ListMembers lists members; OnlyAssociated, which is the default, those that
// are enabled.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListMembers.html
func (s *Service) ListMembers(ctx context.Context, in *api.ListMembersRequest) (*api.ListMembersResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	all, err := s.members.List(ctx, s.Store, p.home()+"/", "", 0)
	if err != nil {
		return nil, err
	}
	out := &api.ListMembersResponse{Members: []api.Member{}}
	for _, e := range all {
		m := e.Value
		if !pg.after(m.Account) || (in.OnlyAssociated == nil || *in.OnlyAssociated) && m.Status != statusEnabled {
			continue
		}
		if pg.full(m.Account) {
			out.NextToken = pg.next()
			break
		}
		out.Members = append(out.Members, m.shown(p))
	}
	return out, nil
}

// part ends the association of an administrator with a member.
func (s *Service) part(ctx context.Context, tx store.Tx, p place, m *member, status string) error {
	m.Status = status
	theirs := place{m.Account, p.region}
	a, err := s.administrator(ctx, tx, theirs)
	if err != nil {
		return err
	}
	if a != nil && a.Account == p.account {
		if err := s.administrators.Delete(ctx, tx, theirs.home()); err != nil {
			return err
		}
	}
	if err := s.invitations.Delete(ctx, tx, theirs.home()+"/"+p.account); err != nil {
		return err
	}
	return s.putMember(ctx, tx, p, m)
}

// DisassociateMembers lets members go.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisassociateMembers.html
func (s *Service) DisassociateMembers(ctx context.Context, in *api.DisassociateMembersRequest) (*api.DisassociateMembersResponse, error) {
	out, err := s.eachMember(ctx, in.AccountIds, func(tx store.Tx, p place, _ string, m *member) (string, error) {
		if m == nil {
			return "The account is not a member.", nil
		}
		return "", s.part(ctx, tx, p, m, statusRemoved)
	})
	if err == nil && len(out) > 0 {
		err = notFound("Account %s is not a member", *out[0].AccountId)
	}
	if err != nil {
		return nil, err
	}
	return &api.DisassociateMembersResponse{}, nil
}

// DeleteMembers forgets members that are not associated.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DeleteMembers.html
func (s *Service) DeleteMembers(ctx context.Context, in *api.DeleteMembersRequest) (*api.DeleteMembersResponse, error) {
	out, err := s.eachMember(ctx, in.AccountIds, func(tx store.Tx, p place, account string, m *member) (string, error) {
		switch {
		case m == nil:
			return "The account is not a member.", nil
		case m.Status == statusEnabled:
			return "The account is associated with this administrator account: disassociate it first.", nil
		}
		if err := s.invitations.Delete(ctx, tx, place{account, p.region}.home()+"/"+p.account); err != nil {
			return "", err
		}
		return "", s.members.Delete(ctx, tx, p.home()+"/"+account)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteMembersResponse{UnprocessedAccounts: out}, nil
}
