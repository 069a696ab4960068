package organizations

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

func (s *Service) handshakeRules() policy.Rules {
	return policy.Rules{
		"AcceptHandshake":   onHandshake(s, "AcceptHandshake", func(in *api.AcceptHandshakeRequest) string { return in.HandshakeId }),
		"CancelHandshake":   onHandshake(s, "CancelHandshake", func(in *api.CancelHandshakeRequest) string { return in.HandshakeId }),
		"DeclineHandshake":  onHandshake(s, "DeclineHandshake", func(in *api.DeclineHandshakeRequest) string { return in.HandshakeId }),
		"DescribeHandshake": onHandshake(s, "DescribeHandshake", func(in *api.DescribeHandshakeRequest) string { return in.HandshakeId }),

		"ListHandshakesForAccount":      onNothing[api.ListHandshakesForAccountRequest](s, "ListHandshakesForAccount", anyone),
		"ListHandshakesForOrganization": onNothing[api.ListHandshakesForOrganizationRequest](s, "ListHandshakesForOrganization", readers),
	}
}

// onHandshake declares an operation on a handshake, which both its parties may
// call. An account that would go from one organization to another must be
// allowed to leave the first, so that an SCP can keep it.
func onHandshake[I any](s *Service, op string, id func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t := policy.Touch{Action: "organizations:" + op, Account: accountOf(ctx)}
		h, _, err := s.party(ctx, s.Store, id(in))
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == noHandshake().Code {
			return []policy.Touch{t}, nil
		} else if err != nil {
			return nil, err
		}
		t.Resource = h.ARN()
		c, err := s.circle(ctx)
		if err != nil {
			return nil, err
		}
		if op == "AcceptHandshake" && h.Action == api.ActionType_INVITE && c.org != nil {
			return []policy.Touch{t, {Action: "organizations:LeaveOrganization", Account: t.Account}}, nil
		}
		return []policy.Touch{t}, nil
	})
}

// side says which side of a handshake somebody is on.
type side uint8

const (
	sender side = iota + 1
	receiver
)

// party reads a handshake of the caller's. To others it does not exist.
func (s *Service) party(ctx context.Context, r store.Reader, id string) (*handshake, side, error) {
	h, err := s.handshakes.Get(ctx, r, id)
	if h, err = found(h, err, noHandshake()); err != nil {
		return nil, 0, err
	}
	caller := accountOf(ctx)
	a, err := s.known(ctx, r, caller)
	switch {
	case err != nil:
		return nil, 0, err
	case h.Target == caller, h.Email != "" && sameEmail(h.Email, a.Email):
		return h, receiver, nil
	case h.Owner == caller:
		return h, sender, nil
	}
	return nil, 0, noHandshake()
}

// AcceptHandshake says yes.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_AcceptHandshake.html
func (s *Service) AcceptHandshake(ctx context.Context, in *api.AcceptHandshakeRequest) (*api.AcceptHandshakeResponse, error) {
	h, err := s.answer(ctx, in.HandshakeId, api.HandshakeState_ACCEPTED, func(tx store.Tx, h *handshake, by side) error {
		switch {
		case h.Action == api.ActionType_INVITE && by == receiver:
			return s.acceptInvite(ctx, tx, h)
		case h.Action == api.ActionType_TRANSFER_RESPONSIBILITY && by == receiver:
			return s.acceptTransfer(ctx, tx, h)
		case h.Action == api.ActionType_ENABLE_ALL_FEATURES && h.Parent != "" && by == receiver:
			return s.approveFeatures(ctx, tx, h)
		case h.Action == api.ActionType_APPROVE_ALL_FEATURES, h.Action == api.ActionType_ENABLE_ALL_FEATURES && h.Parent == "":
			return s.finishFeatures(ctx, tx, h)
		}
		return denied()
	})
	if err != nil {
		return nil, err
	}
	return &api.AcceptHandshakeResponse{Handshake: h}, nil
}

// DeclineHandshake says no.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeclineHandshake.html
func (s *Service) DeclineHandshake(ctx context.Context, in *api.DeclineHandshakeRequest) (*api.DeclineHandshakeResponse, error) {
	h, err := s.answer(ctx, in.HandshakeId, api.HandshakeState_DECLINED, func(_ store.Tx, _ *handshake, by side) error {
		if by != receiver {
			return denied()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeclineHandshakeResponse{Handshake: h}, nil
}

// CancelHandshake takes the question back.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CancelHandshake.html
func (s *Service) CancelHandshake(ctx context.Context, in *api.CancelHandshakeRequest) (*api.CancelHandshakeResponse, error) {
	h, err := s.answer(ctx, in.HandshakeId, api.HandshakeState_CANCELED, func(_ store.Tx, h *handshake, by side) error {
		if by != sender || h.Action == api.ActionType_ENABLE_ALL_FEATURES && h.Parent != "" {
			return denied()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CancelHandshakeResponse{Handshake: h}, nil
}

// answer brings a handshake into a state in which it is over.
func (s *Service) answer(ctx context.Context, id string, to api.HandshakeState, check func(store.Tx, *handshake, side) error) (*api.Handshake, error) {
	var out *api.Handshake
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		h, by, err := s.party(ctx, tx, id)
		if err != nil {
			return err
		}
		if h.State == to {
			return wire.Errorf("HandshakeAlreadyInStateException", "The specified handshake is already in the requested state. For example, you can't accept a handshake that was already accepted.")
		}
		if h.over() {
			return wire.Errorf("InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its current state. For example, you can't cancel a handshake that was already accepted or accept a handshake that was already declined.")
		}
		if err := check(tx, h, by); err != nil {
			return err
		}
		if err := s.close(ctx, tx, h, to); err != nil {
			return err
		}
		out = apiHandshake(h)
		return nil
	})
	return out, err
}

// open stores a new handshake, which expires.
func (s *Service) open(ctx context.Context, tx store.Tx, h *handshake, life time.Duration) error {
	h.Requested = s.now()
	h.Expires = h.Requested.Add(life)
	if err := s.handshakes.Insert(ctx, tx, h.ID, h); err != nil {
		return err
	}
	return s.later(ctx, tx, jobExpire, h.ID, h.Expires)
}

// close ends a handshake. What it kept in place is let go, unless it was
// accepted.
func (s *Service) close(ctx context.Context, tx store.Tx, h *handshake, state api.HandshakeState) error {
	h.State = state
	if err := s.handshakes.Put(ctx, tx, h.ID, h); err != nil {
		return err
	}
	if err := s.queue.Cancel(ctx, tx, jobExpire, h.ID); err != nil {
		return err
	}
	if err := s.later(ctx, tx, jobForget, h.ID, s.now().Add(answeredLife)); err != nil {
		return err
	}
	if state == api.HandshakeState_ACCEPTED {
		return nil
	}
	switch {
	case h.Action == api.ActionType_INVITE:
		return s.count(ctx, tx, h.Org, func(c *counts) error { c.Accounts--; return nil })
	case h.Action == api.ActionType_TRANSFER_RESPONSIBILITY:
		return s.dropTransfer(ctx, tx, h, state)
	case h.Action == api.ActionType_ENABLE_ALL_FEATURES && h.Parent == "", h.Action == api.ActionType_APPROVE_ALL_FEATURES:
		return s.dropFeatures(ctx, tx, h, state)
	}
	return nil
}

func (s *Service) doExpire(ctx context.Context, tx store.Tx, j work.Job) error {
	h, err := s.handshakes.Get(ctx, tx, j.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && h.over() {
		return nil
	} else if err != nil {
		return err
	}
	return s.close(ctx, tx, h, api.HandshakeState_EXPIRED)
}

func (s *Service) doForget(ctx context.Context, tx store.Tx, j work.Job) error {
	return s.handshakes.Delete(ctx, tx, j.ID)
}

// DescribeHandshake tells about a handshake, to its parties.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeHandshake.html
func (s *Service) DescribeHandshake(ctx context.Context, in *api.DescribeHandshakeRequest) (*api.DescribeHandshakeResponse, error) {
	h, _, err := s.party(ctx, s.Store, in.HandshakeId)
	if err != nil {
		return nil, err
	}
	return &api.DescribeHandshakeResponse{Handshake: apiHandshake(h)}, nil
}

// ListHandshakesForAccount lists what the caller's account was asked.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListHandshakesForAccount.html
func (s *Service) ListHandshakesForAccount(ctx context.Context, in *api.ListHandshakesForAccountRequest) (*api.ListHandshakesForAccountResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	a, err := s.known(ctx, s.Store, accountOf(ctx))
	if err != nil {
		return nil, err
	}
	// By id and by address: both lists are in the order of ids.
	ids, err := s.handshakes.By(ctx, s.Store, "target", a.ID, p.after, p.limit+1)
	if err != nil {
		return nil, err
	}
	more, err := s.handshakes.By(ctx, s.Store, "target", hashed(strings.ToLower(a.Email)), p.after, p.limit+1)
	if err != nil {
		return nil, err
	}
	ids = append(ids, more...)
	slices.Sort(ids)
	list, next, err := s.filterHandshakes(ctx, ids, p, in.Filter, func(*handshake) bool { return true })
	if err != nil {
		return nil, err
	}
	return &api.ListHandshakesForAccountResponse{Handshakes: list, NextToken: next}, nil
}

// ListHandshakesForOrganization lists what the organization asked.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListHandshakesForOrganization.html
func (s *Service) ListHandshakesForOrganization(ctx context.Context, in *api.ListHandshakesForOrganizationRequest) (*api.ListHandshakesForOrganizationResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	index, value := "org", o.ID
	if in.Filter != nil && in.Filter.ParentHandshakeId != nil {
		index, value = "parent", *in.Filter.ParentHandshakeId
	}
	ids, err := s.handshakes.By(ctx, s.Store, index, value, p.after, p.limit+1)
	if err != nil {
		return nil, err
	}
	list, next, err := s.filterHandshakes(ctx, ids, p, in.Filter, func(h *handshake) bool { return h.Org == o.ID })
	if err != nil {
		return nil, err
	}
	return &api.ListHandshakesForOrganizationResponse{Handshakes: list, NextToken: next}, nil
}

// filterHandshakes reads a page of handshakes of which ids has one more than
// fits. A page may hold less than MaxResults, as on AWS.
func (s *Service) filterHandshakes(ctx context.Context, ids []string, p page, f *api.HandshakeFilter, keep func(*handshake) bool) ([]api.Handshake, *string, error) {
	if f != nil && f.ActionType != "" && f.ParentHandshakeId != nil {
		return nil, nil, invalid("MAX_LIMIT_EXCEEDED_FILTER", "You can specify only one filter parameter for the operation.")
	}
	var next *string
	if len(ids) > p.limit {
		ids = ids[:p.limit]
		next = tokenAfter(ids[len(ids)-1])
	}
	out := []api.Handshake{}
	for _, id := range ids {
		h, err := s.handshakes.Get(ctx, s.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if !keep(h) || f != nil && (f.ActionType != "" && h.Action != f.ActionType || f.ParentHandshakeId != nil && h.Parent != *f.ParentHandshakeId) {
			continue
		}
		out = append(out, *apiHandshake(h))
	}
	return out, next, nil
}

func apiHandshake(h *handshake) *api.Handshake {
	out := &api.Handshake{
		Id: &h.ID, Arn: new(h.ARN()), State: h.State, Action: h.Action, RequestedTimestamp: h.Requested, ExpirationTimestamp: h.Expires,
		Parties: []api.HandshakeParty{{Id: h.Org, Type: api.HandshakePartyType_ORGANIZATION}}, Resources: h.Facts,
	}
	switch {
	case h.Email != "":
		out.Parties = append(out.Parties, api.HandshakeParty{Id: h.Email, Type: api.HandshakePartyType_EMAIL})
	case h.Target != "":
		out.Parties = append(out.Parties, api.HandshakeParty{Id: h.Target, Type: api.HandshakePartyType_ACCOUNT})
	}
	return out
}
