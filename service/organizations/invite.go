package organizations

import (
	"context"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) inviteRules() policy.Rules {
	return policy.Rules{
		"InviteAccountToOrganization": rule(s, "InviteAccountToOrganization", management, func(_ context.Context, o *organization, in *api.InviteAccountToOrganizationRequest) ([]policy.Touch, error) {
			var t policy.Touch
			if in.Target.Type == api.HandshakePartyType_ACCOUNT {
				t.Resource = o.accountARN(in.Target.Id)
			}
			return tagging(t, in.Tags), nil
		}),
	}
}

// InviteAccountToOrganization asks an account to join.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteAccountToOrganization.html
func (s *Service) InviteAccountToOrganization(ctx context.Context, in *api.InviteAccountToOrganizationRequest) (*api.InviteAccountToOrganizationResponse, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	h := &handshake{ID: newID("h-", 10), Action: api.ActionType_INVITE, State: api.HandshakeState_OPEN, Tags: tags}
	if err := s.address(ctx, h, in.Target); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		o, manager, err := s.sending(ctx, tx, h)
		if err != nil {
			return err
		}
		if o.Migration != "" {
			return handshakeConstraint("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES", "You can't issue new invitations to join an organization while it's in the process of enabling all features.")
		}
		if h.Target != "" {
			a, err := s.known(ctx, tx, h.Target)
			if err != nil {
				return err
			}
			if a.Org == o.ID {
				return handshakeConstraint("ALREADY_IN_AN_ORGANIZATION", "The provided account is already a member of an organization.")
			}
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error {
			if c.Accounts++; c.Accounts > s.Quotas.Accounts {
				return handshakeConstraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
			}
			return s.maySend(c, s.now())
		}); err != nil {
			return err
		}
		h.Facts = append([]api.HandshakeResource{organizationFact(o, manager)}, h.recipient()...)
		h.Facts = append(h.Facts, notes(in.Notes)...)
		return s.open(ctx, tx, h, inviteLife)
	})
	if err != nil {
		return nil, err
	}
	return &api.InviteAccountToOrganizationResponse{Handshake: apiHandshake(h)}, nil
}

// address sets to whom a handshake goes.
func (s *Service) address(ctx context.Context, h *handshake, to *api.HandshakeParty) error {
	switch to.Type {
	case api.HandshakePartyType_EMAIL:
		if !emailWorks(to.Id) {
			return invalid("INVALID_EMAIL_ADDRESS_TARGET", "You specified an invalid email address for the invited account owner.")
		}
		h.Email = to.Id
	case api.HandshakePartyType_ACCOUNT:
		if !arn.IsAccount(to.Id) {
			return invalid("INVALID_PATTERN", "You provided a value that does not match the required pattern.")
		}
		if has, err := s.HasAccount(ctx, to.Id); err != nil {
			return err
		} else if !has {
			return noAccount()
		}
		h.Target = to.Id
	default:
		return invalid("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity (account, organization, or email) as a party.")
	}
	return nil
}

// sending reads the organization that sends h, with its management account, and
// refuses a question that has been put already.
func (s *Service) sending(ctx context.Context, tx store.Tx, h *handshake) (*organization, *account, error) {
	o, err := s.managed(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	manager, err := s.accounts.Get(ctx, tx, o.Management)
	if err != nil {
		return nil, nil, err
	}
	h.Org, h.Owner = o.ID, o.Management
	for _, key := range h.targets() {
		ids, err := s.handshakes.By(ctx, tx, "target", key, "", 0)
		if err != nil {
			return nil, nil, err
		}
		for _, id := range ids {
			other, err := s.handshakes.Get(ctx, tx, id)
			if err != nil {
				return nil, nil, err
			}
			if other.Org == o.ID && other.Action == h.Action && !other.over() {
				return nil, nil, wire.Errorf("DuplicateHandshakeException", "A handshake with the same action and target already exists. For example, if you invited an account to join your organization, the invited account might already have a pending invitation from this organization. If you intend to resend an invitation to an account, ensure that existing handshakes that might be considered duplicates are canceled or declined.")
			}
		}
	}
	return o, manager, nil
}

// maySend keeps the quota of handshakes in a day, and counts one more.
func (s *Service) maySend(c *counts, now time.Time) error {
	if now.Sub(c.SentDay) >= 24*time.Hour {
		c.SentDay, c.Sent = now, 0
	}
	if c.Sent++; c.Sent > max(minHandshakes, s.Quotas.Accounts) {
		return constraint("HANDSHAKE_RATE_LIMIT_EXCEEDED", "You have exceeded the number of handshakes that you can send in one day.")
	}
	return nil
}

func fact(kind api.HandshakeResourceType, value string) api.HandshakeResource {
	return api.HandshakeResource{Type: kind, Value: &value}
}

// organizationFact tells the receiver who asks.
func organizationFact(o *organization, manager *account) api.HandshakeResource {
	f := fact(api.HandshakeResourceType_ORGANIZATION, o.ID)
	f.Resources = []api.HandshakeResource{
		fact(api.HandshakeResourceType_MASTER_EMAIL, o.Email),
		fact(api.HandshakeResourceType_MASTER_NAME, manager.Name),
		fact(api.HandshakeResourceType_ORGANIZATION_FEATURE_SET, string(o.Features)),
	}
	return f
}

func (h *handshake) recipient() []api.HandshakeResource {
	switch {
	case h.Email != "":
		return []api.HandshakeResource{fact(api.HandshakeResourceType_EMAIL, h.Email)}
	case h.Target != "":
		return []api.HandshakeResource{fact(api.HandshakeResourceType_ACCOUNT, h.Target)}
	}
	return nil
}

func notes(text *string) []api.HandshakeResource {
	if text == nil || *text == "" {
		return nil
	}
	return []api.HandshakeResource{fact(api.HandshakeResourceType_NOTES, *text)}
}

// acceptInvite lets the caller's account join, out of another organization if
// need be.
func (s *Service) acceptInvite(ctx context.Context, tx store.Tx, h *handshake) error {
	o, err := s.orgs.Get(ctx, tx, h.Org)
	if err != nil {
		return err
	}
	a, err := s.known(ctx, tx, accountOf(ctx))
	if err != nil {
		return err
	}
	if a.suspended() {
		return denied()
	}
	switch a.Org {
	case "":
	case o.ID:
		return handshakeConstraint("ALREADY_IN_AN_ORGANIZATION", "The provided account is already a member of an organization.")
	default:
		old, err := s.orgs.Get(ctx, tx, a.Org)
		if err != nil {
			return err
		}
		if err := s.mayLeave(old, a); err != nil {
			return err
		}
		if err := s.leave(ctx, tx, old, a); err != nil {
			return err
		}
		if err := s.notify(ctx, tx, departed(old, a.ID, "LEFT", s.now())); err != nil {
			return err
		}
	}
	a.Tags = h.Tags
	if err := s.join(ctx, tx, o, a, api.AccountJoinedMethod_INVITED); err != nil {
		return err
	}
	if err := s.count(ctx, tx, o.ID, func(c *counts) error { c.Members++; return nil }); err != nil {
		return err
	}
	return s.notify(ctx, tx, joined(o, a.ID, a.Method, a.Joined))
}
