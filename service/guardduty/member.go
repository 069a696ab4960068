package guardduty

import (
	"context"
	"errors"
	"strings"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
)

// Relations of an administrator and a member.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Member.html
const (
	related  = "Created"  // known to the administrator alone
	invited  = "Invited"  // and asked
	enabled  = "Enabled"  // the administrator sees its findings
	paused   = "Disabled" // and has stopped its detector
	removed  = "Removed"  // by the administrator
	resigned = "Resigned" // the account declined or left
)

// maxMembers by invitation.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html
const maxMembers = 5000

// member is what an administrator has to do with an account in a Region.
type member struct {
	Admin      place
	Detector   string // the administrator's
	Account    string
	Email      string
	Status     string
	Invitation string    `json:",omitzero"`
	Invited    time.Time `json:",omitzero"`
	Updated    time.Time
	Hidden     bool `json:",omitzero"` // the account has deleted the invitation
}

func (m *member) associated() bool { return m.Status == enabled || m.Status == paused }

func (m *member) id() string { return m.Detector + "/" + m.Account }

// by are the index values of a member: all that concern an account in a Region,
// and the one that it has an administrator by.
func (m *member) by() []string {
	at := m.Account + "/" + m.Admin.Region
	if m.associated() {
		return []string{at, at + "/associated"}
	}
	return []string{at}
}

// administrator is the member record by which a place has an administrator; nil
// when there is none.
func (s *Service) administrator(ctx context.Context, r store.Reader, at place) (*member, error) {
	e, err := s.members.OneBy(ctx, r, "account", at.id()+"/associated")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return e.Value, err
}

// free says whether a detector's owner may manage lists, filters and findings:
// members may not.
// https://docs.aws.amazon.com/guardduty/latest/ug/administrator_member_relationships.html
func (s *Service) free(ctx context.Context, r store.Reader, d *detector) error {
	a, err := s.administrator(ctx, r, d.Place)
	if err == nil && a != nil {
		return errMember
	}
	return err
}

var errMember = rejected(invalidInput, "The request is rejected because member accounts cannot manage specified resources or properties.")

// ruling are the detectors whose filters and lists hold for a detector: its own
// and its administrator's.
func (s *Service) ruling(ctx context.Context, r store.Reader, at place, id string) ([]string, error) {
	a, err := s.administrator(ctx, r, at)
	if err != nil || a == nil {
		return []string{id}, err
	}
	return []string{id, a.Detector}, nil
}

// seenBy are the detectors whose findings a detector's owner sees, by their ids:
// its own and its members'.
func (s *Service) seenBy(ctx context.Context, r store.Reader, d *detector) ([]string, error) {
	all, err := s.members.List(ctx, r, d.ID+"/", "", 0)
	if err != nil {
		return nil, err
	}
	out := []string{d.ID}
	for _, e := range all {
		if !e.Value.associated() {
			continue
		}
		m, err := s.detectors.Get(ctx, r, place{e.Value.Account, d.Place.Region}.id())
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, m.ID)
	}
	return out, nil
}

func (s *Service) showMember(ctx context.Context, r store.Reader, m *member) (guarddutyapi.Member, error) {
	out := guarddutyapi.Member{AccountId: m.Account, MasterId: m.Admin.Account, AdministratorId: &m.Admin.Account, Email: m.Email, RelationshipStatus: m.Status, UpdatedAt: stamp(m.Updated)}
	if !m.Invited.IsZero() {
		out.InvitedAt = new(stamp(m.Invited))
	}
	if m.associated() {
		d, err := s.detectors.Get(ctx, r, place{m.Account, m.Admin.Region}.id())
		if err == nil {
			out.DetectorId = &d.ID
		} else if !errors.Is(err, store.ErrNotFound) {
			return out, err
		}
	}
	return out, nil
}

// unprocessed are the accounts for which an operation did nothing, and why.
type unprocessed []guarddutyapi.UnprocessedAccount

func (u *unprocessed) add(account, why string) {
	*u = append(*u, guarddutyapi.UnprocessedAccount{AccountId: account, Result: "The request is rejected because " + why})
}

const (
	noMember    = "the given account ID is not a member of the current account."
	ownAccount  = "the account ID is that of the current account."
	notInvited  = "the given account ID has not been invited or has not accepted the invitation."
	noDetector  = "the member has no detector."
	isMember    = "the given account ID is already a member of the current account."
	stillMember = "the given account ID is an associated member. Disassociate it first."
)

// eachMember does something to the members with some ids in one transaction. do
// returns why it did not.
func (s *Service) eachMember(ctx context.Context, detectorID string, accounts []string, do func(tx store.Tx, d *detector, m *member) (why string, err error)) ([]guarddutyapi.UnprocessedAccount, error) {
	var out unprocessed
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = unprocessed{}
		d, err := s.find(ctx, tx, detectorID)
		if err != nil {
			return err
		}
		for _, account := range accounts {
			if !isID(account) {
				out.add(account, noMember)
				continue
			}
			m, err := s.members.Get(ctx, tx, d.ID+"/"+account)
			if errors.Is(err, store.ErrNotFound) {
				out.add(account, noMember)
				continue
			} else if err != nil {
				return err
			}
			why, err := do(tx, d, m)
			if err != nil {
				return err
			}
			if why != "" {
				out.add(account, why)
			}
		}
		return nil
	})
	return out, err
}

func (s *Service) relate(ctx context.Context, tx store.Tx, m *member, status string) error {
	m.Status, m.Updated = status, s.now()
	return s.members.Put(ctx, tx, m.id(), m)
}

// CreateMembers notes accounts as members to be invited.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateMembers.html
func (s *Service) CreateMembers(ctx context.Context, in *guarddutyapi.CreateMembersRequest) (*guarddutyapi.CreateMembersResponse, error) {
	var out unprocessed
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = unprocessed{}
		d, err := s.find(ctx, tx, in.DetectorId)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, d); err != nil {
			return err
		}
		all, err := s.members.List(ctx, tx, d.ID+"/", "", 0)
		if err != nil {
			return err
		}
		n := len(all)
		for _, a := range in.AccountDetails {
			m := &member{Admin: d.Place, Detector: d.ID, Account: a.AccountId, Email: a.Email}
			old, err := s.members.Get(ctx, tx, m.id())
			switch {
			case err != nil && !errors.Is(err, store.ErrNotFound):
				return err
			case a.AccountId == d.Place.Account:
				out.add(a.AccountId, ownAccount)
				continue
			case err == nil && old.associated():
				out.add(a.AccountId, isMember)
				continue
			case n >= maxMembers:
				out.add(a.AccountId, "the current account has reached the limit of members.")
				continue
			}
			n++
			if err := s.relate(ctx, tx, m, related); err != nil {
				return err
			}
		}
		return nil
	})
	return &guarddutyapi.CreateMembersResponse{UnprocessedAccounts: out}, err
}

// InviteMembers asks accounts to become members. They see it in ListInvitations.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_InviteMembers.html
func (s *Service) InviteMembers(ctx context.Context, in *guarddutyapi.InviteMembersRequest) (*guarddutyapi.InviteMembersResponse, error) {
	out, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, d *detector, m *member) (string, error) {
		if err := s.free(ctx, tx, d); err != nil {
			return "", err
		}
		if m.associated() {
			return isMember, nil
		}
		m.Invitation, m.Invited, m.Hidden = newID(), s.now(), false
		return "", s.relate(ctx, tx, m, invited)
	})
	return &guarddutyapi.InviteMembersResponse{UnprocessedAccounts: out}, err
}

// GetMembers shows members.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetMembers.html
func (s *Service) GetMembers(ctx context.Context, in *guarddutyapi.GetMembersRequest) (*guarddutyapi.GetMembersResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	var left unprocessed = unprocessed{}
	out := &guarddutyapi.GetMembersResponse{Members: []guarddutyapi.Member{}}
	for _, account := range in.AccountIds {
		if !isID(account) {
			left.add(account, noMember)
			continue
		}
		m, err := s.members.Get(ctx, s.Store, d.ID+"/"+account)
		if errors.Is(err, store.ErrNotFound) {
			left.add(account, noMember)
			continue
		} else if err != nil {
			return nil, err
		}
		shown, err := s.showMember(ctx, s.Store, m)
		if err != nil {
			return nil, err
		}
		out.Members = append(out.Members, shown)
	}
	out.UnprocessedAccounts = left
	return out, nil
}

// ListMembers lists members; unless asked otherwise, those that are associated.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListMembers.html
func (s *Service) ListMembers(ctx context.Context, in *guarddutyapi.ListMembersRequest) (*guarddutyapi.ListMembersResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	from, err := p.from(d.ID + "/")
	if err != nil {
		return nil, err
	}
	all, err := s.members.List(ctx, s.Store, d.ID+"/", from, 0)
	if err != nil {
		return nil, err
	}
	only := !strings.EqualFold(text(in.OnlyAssociated), "false")
	out := &guarddutyapi.ListMembersResponse{Members: []guarddutyapi.Member{}}
	for _, e := range all {
		if only && !e.Value.associated() && e.Value.Status != invited {
			continue
		}
		if len(out.Members) == p.limit {
			if p.limit > 0 {
				out.NextToken = pageToken(out.Members[p.limit-1].AccountId)
			}
			break
		}
		shown, err := s.showMember(ctx, s.Store, e.Value)
		if err != nil {
			return nil, err
		}
		out.Members = append(out.Members, shown)
	}
	return out, nil
}

// DeleteMembers forgets members, which must have been disassociated.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteMembers.html
func (s *Service) DeleteMembers(ctx context.Context, in *guarddutyapi.DeleteMembersRequest) (*guarddutyapi.DeleteMembersResponse, error) {
	out, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, _ *detector, m *member) (string, error) {
		if m.associated() {
			return stillMember, nil
		}
		return "", s.members.Delete(ctx, tx, m.id())
	})
	return &guarddutyapi.DeleteMembersResponse{UnprocessedAccounts: out}, err
}

// DisassociateMembers ends what binds members to their administrator. Their
// detectors go on.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DisassociateMembers.html
func (s *Service) DisassociateMembers(ctx context.Context, in *guarddutyapi.DisassociateMembersRequest) (*guarddutyapi.DisassociateMembersResponse, error) {
	out, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, _ *detector, m *member) (string, error) {
		if !m.associated() && m.Status != invited {
			return notInvited, nil
		}
		return "", s.relate(ctx, tx, m, removed)
	})
	return &guarddutyapi.DisassociateMembersResponse{UnprocessedAccounts: out}, err
}
