package organizations

import (
	"context"
	"errors"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) featureRules() policy.Rules {
	return policy.Rules{"EnableAllFeatures": onNothing[api.EnableAllFeaturesRequest](s, "EnableAllFeatures", management)}
}

// Enabling all features takes three kinds of handshakes:
//
//	parent  ENABLE_ALL_FEATURES   of the organization: REQUESTED until all have
//	                              agreed, then OPEN
//	child   ENABLE_ALL_FEATURES   one for each member that was invited
//	last    APPROVE_ALL_FEATURES  for the management account, when all have agreed
//
// Accepting the last one, or the parent, enables all features.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html

const maxMigration = 5000 // accounts

// EnableAllFeatures asks the members that were invited whether they agree.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAllFeatures.html
func (s *Service) EnableAllFeatures(ctx context.Context, _ *api.EnableAllFeaturesRequest) (*api.EnableAllFeaturesResponse, error) {
	var parent *handshake
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managed(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case o.all():
			return handshakeConstraint("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "The handshake request is invalid because the organization has already enabled all features.")
		case o.Migration != "":
			return handshakeConstraint("ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION", "The handshake request is invalid because the organization has already started the process to enable all features.")
		}
		ids, err := s.accounts.By(ctx, tx, "org", o.ID, "", maxMigration+1)
		if err != nil {
			return err
		}
		if len(ids) > maxMigration {
			return constraint("ALL_FEATURES_MIGRATION_ORGANIZATION_SIZE_LIMIT_EXCEEDED", "Your organization has more than 5000 accounts, and you can only use the standard migration process for organizations with less than 5000 accounts.")
		}
		parent = s.featureHandshake(o, api.ActionType_ENABLE_ALL_FEATURES, api.HandshakeState_REQUESTED)
		for _, id := range ids {
			asked, err := s.askForFeatures(ctx, tx, o, parent, id)
			if err != nil {
				return err
			}
			if asked {
				parent.Waiting++
			}
		}
		if err := s.open(ctx, tx, parent, featuresLife); err != nil {
			return err
		}
		o.Migration = parent.ID
		if err := s.orgs.Put(ctx, tx, o.ID, o); err != nil {
			return err
		}
		return s.agreed(ctx, tx, o, parent)
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableAllFeaturesResponse{Handshake: apiHandshake(parent)}, nil
}

func (s *Service) featureHandshake(o *organization, action api.ActionType, state api.HandshakeState) *handshake {
	return &handshake{
		ID: newID("h-", 10), Org: o.ID, Owner: o.Management, Action: action, State: state,
		Facts: []api.HandshakeResource{fact(api.HandshakeResourceType_ORGANIZATION, o.ID)},
	}
}

func (s *Service) askForFeatures(ctx context.Context, tx store.Tx, o *organization, parent *handshake, id string) (bool, error) {
	a, err := s.accounts.Get(ctx, tx, id)
	if err != nil || a.Method != api.AccountJoinedMethod_INVITED || a.ID == o.Management || a.suspended() {
		return false, err
	}
	h := s.featureHandshake(o, api.ActionType_ENABLE_ALL_FEATURES, api.HandshakeState_REQUESTED)
	h.Target, h.Parent = a.ID, parent.ID
	h.Facts = append(h.Facts, fact(api.HandshakeResourceType_PARENT_HANDSHAKE, parent.ID))
	return true, s.open(ctx, tx, h, featuresLife)
}

// agreed makes the last handshake when nobody's answer is missing.
func (s *Service) agreed(ctx context.Context, tx store.Tx, o *organization, parent *handshake) error {
	if parent.Waiting > 0 {
		return nil
	}
	parent.State = api.HandshakeState_OPEN
	if err := s.handshakes.Put(ctx, tx, parent.ID, parent); err != nil {
		return err
	}
	last := s.featureHandshake(o, api.ActionType_APPROVE_ALL_FEATURES, api.HandshakeState_OPEN)
	last.Target, last.Parent = o.Management, parent.ID
	last.Facts = append(last.Facts, fact(api.HandshakeResourceType_PARENT_HANDSHAKE, parent.ID))
	return s.open(ctx, tx, last, parent.Expires.Sub(s.now()))
}

// approveFeatures is a member's yes.
func (s *Service) approveFeatures(ctx context.Context, tx store.Tx, h *handshake) error {
	o, err := s.orgs.Get(ctx, tx, h.Org)
	if err != nil {
		return err
	}
	return s.oneLess(ctx, tx, o, h.Parent)
}

// oneLess: a parent handshake waits for one answer less.
func (s *Service) oneLess(ctx context.Context, tx store.Tx, o *organization, id string) error {
	parent, err := s.handshakes.Get(ctx, tx, id)
	if err != nil {
		return err
	}
	parent.Waiting--
	if err := s.handshakes.Put(ctx, tx, parent.ID, parent); err != nil {
		return err
	}
	return s.agreed(ctx, tx, o, parent)
}

// finishFeatures is the management account's last word.
func (s *Service) finishFeatures(ctx context.Context, tx store.Tx, h *handshake) error {
	o, err := s.managed(ctx, tx)
	if err != nil {
		return err
	}
	if h.State != api.HandshakeState_OPEN || o.ID != h.Org {
		return wire.Errorf("InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its current state. For example, you can't cancel a handshake that was already accepted or accept a handshake that was already declined.")
	}
	o.Features, o.Migration = api.OrganizationFeatureSet_ALL, ""
	if err := s.orgs.Put(ctx, tx, o.ID, o); err != nil {
		return err
	}
	ids, err := s.accounts.By(ctx, tx, "org", o.ID, "", maxMigration)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.link(ctx, tx, o, id); err != nil {
			return err
		}
	}
	return s.closeFamily(ctx, tx, h, api.HandshakeState_ACCEPTED)
}

// closeFamily closes the parent of h and all its open children, but not h.
func (s *Service) closeFamily(ctx context.Context, tx store.Tx, h *handshake, state api.HandshakeState) error {
	parent := h.ID
	if h.Parent != "" {
		parent = h.Parent
	}
	ids, err := s.handshakes.By(ctx, tx, "parent", parent, "", 0)
	if err != nil {
		return err
	}
	for _, id := range append(ids, parent) {
		if id == h.ID {
			continue
		}
		other, err := s.handshakes.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if other.over() {
			continue
		}
		// Not close, which would come back here.
		other.State = state
		err = errors.Join(s.handshakes.Put(ctx, tx, id, other), s.queue.Cancel(ctx, tx, jobExpire, id), s.later(ctx, tx, jobForget, id, s.now().Add(answeredLife)))
		if err != nil {
			return err
		}
	}
	return nil
}

// dropFeatures gives up enabling all features.
func (s *Service) dropFeatures(ctx context.Context, tx store.Tx, h *handshake, state api.HandshakeState) error {
	o, err := s.orgs.Get(ctx, tx, h.Org)
	if err != nil {
		return err
	}
	o.Migration = ""
	if err := s.orgs.Put(ctx, tx, o.ID, o); err != nil {
		return err
	}
	return s.closeFamily(ctx, tx, h, state)
}

// withdrawApproval: a member that has left need not agree any more.
func (s *Service) withdrawApproval(ctx context.Context, tx store.Tx, o *organization, account string) error {
	if o.Migration == "" {
		return nil
	}
	ids, err := s.handshakes.By(ctx, tx, "target", account, "", 0)
	if err != nil {
		return err
	}
	for _, id := range ids {
		h, err := s.handshakes.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if h.Parent != o.Migration || h.State == api.HandshakeState_ACCEPTED {
			continue
		}
		if !h.over() {
			if err := s.close(ctx, tx, h, api.HandshakeState_CANCELED); err != nil {
				return err
			}
		}
		return s.oneLess(ctx, tx, o, o.Migration)
	}
	return nil
}
