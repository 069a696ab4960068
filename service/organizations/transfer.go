package organizations

import (
	"context"
	"errors"
	"strings"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) transferRules() policy.Rules {
	return policy.Rules{
		"InviteOrganizationToTransferResponsibility": rule(s, "InviteOrganizationToTransferResponsibility", management,
			func(_ context.Context, o *organization, in *api.InviteOrganizationToTransferResponsibilityRequest) ([]policy.Touch, error) {
				t := policy.Touch{Keys: transferKeys(in.Type, inbound)}
				if in.Target.Type == api.HandshakePartyType_ACCOUNT {
					t.Resource = o.accountARN(in.Target.Id)
				}
				return tagging(t, in.Tags), nil
			}),
		"DescribeResponsibilityTransfer":  onTransfer(s, "DescribeResponsibilityTransfer", func(in *api.DescribeResponsibilityTransferRequest) string { return in.Id }),
		"UpdateResponsibilityTransfer":    onTransfer(s, "UpdateResponsibilityTransfer", func(in *api.UpdateResponsibilityTransferRequest) string { return in.Id }),
		"TerminateResponsibilityTransfer": onTransfer(s, "TerminateResponsibilityTransfer", func(in *api.TerminateResponsibilityTransferRequest) string { return in.Id }),
		"ListInboundResponsibilityTransfers": onKeys(s, "ListInboundResponsibilityTransfers", management, func(in *api.ListInboundResponsibilityTransfersRequest) []policy.Pair {
			return transferKeys(in.Type, inbound)
		}),
		"ListOutboundResponsibilityTransfers": onKeys(s, "ListOutboundResponsibilityTransfers", management, func(in *api.ListOutboundResponsibilityTransfersRequest) []policy.Pair {
			return transferKeys(in.Type, outbound)
		}),
	}
}

// Which way a transfer goes, as the organization sees it: inbound is what it
// bears for another.
const inbound, outbound = "INBOUND", "OUTBOUND"

func transferKeys(t api.ResponsibilityTransferType, direction string) []policy.Pair {
	return []policy.Pair{
		{Key: "organizations:TransferType", Values: []string{string(t)}},
		{Key: "organizations:TransferDirection", Values: []string{direction}},
	}
}

func onTransfer[I any](s *Service, op string, id func(*I) string) policy.Rule {
	return rule(s, op, management, func(ctx context.Context, o *organization, in *I) ([]policy.Touch, error) {
		t, err := s.touchTransfer(ctx, o, id(in))
		return []policy.Touch{t}, err
	})
}

func (s *Service) touchTransfer(ctx context.Context, o *organization, id string) (policy.Touch, error) {
	t, err := s.transfer(ctx, s.Store, o, id)
	if errors.Is(err, store.ErrNotFound) {
		return policy.Touch{Resource: o.arnOf("transfer", "billing/inbound/"+id)}, nil
	} else if err != nil {
		return policy.Touch{}, err
	}
	return policy.Touch{Resource: t.arnFor(o), Keys: transferKeys(t.Type, t.direction(o)), ResourceTags: policyTags(t.Tags)}, nil
}

func (t *transfer) direction(o *organization) string {
	if t.Target.Org == o.ID {
		return inbound
	}
	return outbound
}

func (t *transfer) arnFor(o *organization) string {
	return o.arnOf("transfer", strings.ToLower(string(t.Type)+"/"+t.direction(o))+"/"+t.ID)
}

// transfer reads a transfer that the organization takes part in, or returns
// ErrNotFound.
func (s *Service) transfer(ctx context.Context, r store.Reader, o *organization, id string) (*transfer, error) {
	t, err := s.transfers.Get(ctx, r, id)
	if err == nil && t.Target.Org != o.ID && t.Source.Org != o.ID {
		return nil, store.ErrNotFound
	}
	return t, err
}

func noTransfer() *wire.Error {
	return wire.Errorf("ResponsibilityTransferNotFoundException", "We can't find a transfer that you specified.")
}

// InviteOrganizationToTransferResponsibility offers another organization to bear
// its bills.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteOrganizationToTransferResponsibility.html
func (s *Service) InviteOrganizationToTransferResponsibility(ctx context.Context, in *api.InviteOrganizationToTransferResponsibilityRequest) (*api.InviteOrganizationToTransferResponsibilityResponse, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := checkStart(in.StartTimestamp, s.now()); err != nil {
		return nil, err
	}
	h := &handshake{ID: newID("h-", 10), Action: api.ActionType_TRANSFER_RESPONSIBILITY, State: api.HandshakeState_REQUESTED}
	if err := s.address(ctx, h, in.Target); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		o, manager, err := s.sending(ctx, tx, h)
		if err != nil {
			return err
		}
		if h.Target == o.Management || sameEmail(h.Email, o.Email) {
			return handshakeConstraint("SOURCE_AND_TARGET_CANNOT_MATCH", "An account can't accept a transfer invitation if it is both the sender and recipient of the invitation.")
		}
		inbounds, err := s.transfers.By(ctx, tx, "target", o.ID, "", maxTransfersIn)
		if err != nil {
			return err
		}
		if len(inbounds) == maxTransfersIn {
			return constraint("RESPONSIBILITY_TRANSFER_MAX_INBOUND_QUOTA_VIOLATION", "You have exceeded your inbound transfers limit.")
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error { return s.maySend(c, s.now()) }); err != nil {
			return err
		}
		t := &transfer{
			ID: newID("rt-", 10), Name: in.SourceName, Type: in.Type, Status: api.ResponsibilityTransferStatus_REQUESTED,
			Target: participant{o.ID, o.Management, o.Email}, Source: participant{"", h.Target, h.Email}, Handshake: h.ID, Start: in.StartTimestamp.UTC(), Tags: tags,
		}
		if err := s.transfers.Insert(ctx, tx, t.ID, t); err != nil {
			return err
		}
		h.Transfer, h.Facts = t.ID, transferFacts(o, manager, h, t, in.Notes)
		return s.open(ctx, tx, h, inviteLife)
	})
	if err != nil {
		return nil, err
	}
	return &api.InviteOrganizationToTransferResponsibilityResponse{Handshake: apiHandshake(h)}, nil
}

func transferFacts(o *organization, manager *account, h *handshake, t *transfer, text *string) []api.HandshakeResource {
	of := fact(api.HandshakeResourceType_RESPONSIBILITY_TRANSFER, t.ID)
	of.Resources = []api.HandshakeResource{
		fact(api.HandshakeResourceType_TRANSFER_TYPE, string(t.Type)),
		fact(api.HandshakeResourceType_TRANSFER_START_TIMESTAMP, t.Start.Format(time.RFC3339)),
		fact(api.HandshakeResourceType_MANAGEMENT_ACCOUNT, o.Management),
		fact(api.HandshakeResourceType_MANAGEMENT_EMAIL, o.Email),
		fact(api.HandshakeResourceType_MANAGEMENT_NAME, manager.Name),
	}
	return append(append([]api.HandshakeResource{of}, h.recipient()...), notes(text)...)
}

// checkStart: a transfer begins with a month, at midnight, in the future.
func checkStart(start, now time.Time) error {
	start = start.UTC()
	switch {
	case !start.Equal(start.Truncate(24 * time.Hour)):
		return invalid("START_DATE_NOT_BEGINNING_OF_DAY", "You provided an invalid start date. The start date must be the beginning of the day (00:00:00.000).")
	case start.Day() != 1:
		return invalid("START_DATE_NOT_BEGINNING_OF_MONTH", "You provided an invalid start date. The start date must be the first day of the month.")
	case !start.After(now):
		return invalid("START_DATE_TOO_EARLY", "You provided an invalid start date. The start date is too early.")
	}
	return nil
}

// acceptTransfer: the organization of the caller lets the sender bear its bills.
func (s *Service) acceptTransfer(ctx context.Context, tx store.Tx, h *handshake) error {
	o, err := s.managed(ctx, tx)
	if err != nil {
		return err
	}
	others, err := s.transfers.By(ctx, tx, "source", o.ID, "", 0)
	if err != nil {
		return err
	}
	for _, id := range others {
		t, err := s.transfers.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if t.Status == api.ResponsibilityTransferStatus_ACCEPTED {
			return handshakeConstraint("RESPONSIBILITY_TRANSFER_ALREADY_EXISTS", "You cannot perform this operation with the current transfer.")
		}
	}
	t, err := s.transfers.Get(ctx, tx, h.Transfer)
	if err != nil {
		return err
	}
	t.Status, t.Source = api.ResponsibilityTransferStatus_ACCEPTED, participant{o.ID, o.Management, o.Email}
	return s.transfers.Put(ctx, tx, t.ID, t)
}

// dropTransfer: the offer was not accepted.
func (s *Service) dropTransfer(ctx context.Context, tx store.Tx, h *handshake, state api.HandshakeState) error {
	t, err := s.transfers.Get(ctx, tx, h.Transfer)
	if err != nil {
		return err
	}
	t.Status = api.ResponsibilityTransferStatus(state) // the names are the same
	return s.transfers.Put(ctx, tx, t.ID, t)
}

// transferring says that an offer or a transfer keeps the organization alive.
func (s *Service) transferring(ctx context.Context, r store.Reader, org string) (bool, error) {
	for _, index := range []string{"source", "target"} {
		ids, err := s.transfers.By(ctx, r, index, org, "", 0)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			t, err := s.transfers.Get(ctx, r, id)
			if err != nil {
				return false, err
			}
			if t.Status == api.ResponsibilityTransferStatus_ACCEPTED || t.Status == api.ResponsibilityTransferStatus_REQUESTED {
				return true, nil
			}
		}
	}
	return false, nil
}

// DescribeResponsibilityTransfer tells about a transfer, to both its sides.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeResponsibilityTransfer.html
func (s *Service) DescribeResponsibilityTransfer(ctx context.Context, in *api.DescribeResponsibilityTransferRequest) (*api.DescribeResponsibilityTransferResponse, error) {
	o, err := s.managed(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	t, err := s.transfer(ctx, s.Store, o, in.Id)
	if t, err = found(t, err, noTransfer()); err != nil {
		return nil, err
	}
	return &api.DescribeResponsibilityTransferResponse{ResponsibilityTransfer: apiTransfer(o, t)}, nil
}

// UpdateResponsibilityTransfer renames a transfer, for the side that made the
// offer.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdateResponsibilityTransfer.html
func (s *Service) UpdateResponsibilityTransfer(ctx context.Context, in *api.UpdateResponsibilityTransferRequest) (*api.UpdateResponsibilityTransferResponse, error) {
	out, err := s.changeTransfer(ctx, in.Id, func(o *organization, t *transfer) error {
		if t.Target.Org != o.ID {
			return constraint("TRANSFER_RESPONSIBILITY_UPDATE_NOT_ALLOWED", "You cannot update this transfer.")
		}
		t.Name = in.Name
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateResponsibilityTransferResponse{ResponsibilityTransfer: out}, nil
}

// TerminateResponsibilityTransfer ends a transfer at the end of a month.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_TerminateResponsibilityTransfer.html
func (s *Service) TerminateResponsibilityTransfer(ctx context.Context, in *api.TerminateResponsibilityTransferRequest) (*api.TerminateResponsibilityTransferResponse, error) {
	out, err := s.changeTransfer(ctx, in.Id, func(_ *organization, t *transfer) error {
		switch t.Status {
		case api.ResponsibilityTransferStatus_ACCEPTED:
		case api.ResponsibilityTransferStatus_WITHDRAWN:
			return wire.Errorf("ResponsibilityTransferAlreadyInStatusException", "The responsibility transfer is already in the status that you specified.")
		default:
			return wire.Errorf("InvalidResponsibilityTransferTransitionException", "The responsibility transfer can't transition to the requested state because it's not in a valid state for this operation.")
		}
		end := in.EndTimestamp.UTC()
		if end.IsZero() {
			end = endOfMonth(s.now())
		}
		switch {
		case end.Before(endOfMonth(end).Truncate(time.Second)): // clients may send whole seconds only, as botocore does
			return invalid("END_DATE_NOT_END_OF_MONTH", "You provided an invalid end date. The end date must be the end of the last day of the month (23.59.59.999).")
		case end.Before(s.now()), end.Before(t.Start):
			return invalid("END_DATE_TOO_EARLY", "You provided an invalid end date. The end date is too early.")
		}
		t.Status, t.End = api.ResponsibilityTransferStatus_WITHDRAWN, endOfMonth(end)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.TerminateResponsibilityTransferResponse{ResponsibilityTransfer: out}, nil
}

// endOfMonth is the last millisecond of the month of t.
func endOfMonth(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Millisecond)
}

func (s *Service) changeTransfer(ctx context.Context, id string, change func(*organization, *transfer) error) (out *api.ResponsibilityTransfer, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managed(ctx, tx)
		if err != nil {
			return err
		}
		t, err := s.transfer(ctx, tx, o, id)
		if t, err = found(t, err, noTransfer()); err != nil {
			return err
		}
		if err := change(o, t); err != nil {
			return err
		}
		out = apiTransfer(o, t)
		return s.transfers.Put(ctx, tx, t.ID, t)
	})
	return out, err
}

// ListInboundResponsibilityTransfers lists what the organization bears, or has
// offered to bear, for others.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListInboundResponsibilityTransfers.html
func (s *Service) ListInboundResponsibilityTransfers(ctx context.Context, in *api.ListInboundResponsibilityTransfersRequest) (*api.ListInboundResponsibilityTransfersResponse, error) {
	list, next, err := s.listTransfers(ctx, "target", in.Type, in.Id, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListInboundResponsibilityTransfersResponse{ResponsibilityTransfers: list, NextToken: next}, nil
}

// ListOutboundResponsibilityTransfers lists what others bear for the
// organization.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOutboundResponsibilityTransfers.html
func (s *Service) ListOutboundResponsibilityTransfers(ctx context.Context, in *api.ListOutboundResponsibilityTransfersRequest) (*api.ListOutboundResponsibilityTransfersResponse, error) {
	list, next, err := s.listTransfers(ctx, "source", in.Type, nil, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListOutboundResponsibilityTransfersResponse{ResponsibilityTransfers: list, NextToken: next}, nil
}

func (s *Service) listTransfers(ctx context.Context, index string, kind api.ResponsibilityTransferType, only *string, max *int32, token *string) ([]api.ResponsibilityTransfer, *string, error) {
	p, err := newPage(max, token)
	if err != nil {
		return nil, nil, err
	}
	o, err := s.managed(ctx, s.Store)
	if err != nil {
		return nil, nil, err
	}
	list, next, err := pageBy(ctx, s.Store, &s.transfers, index, o.ID, p)
	if err != nil {
		return nil, nil, err
	}
	if only != nil {
		t, err := s.transfers.Get(ctx, s.Store, *only)
		if err == nil && t.Target.Org != o.ID {
			err = store.ErrNotFound
		}
		if t, err = found(t, err, noTransfer()); err != nil {
			return nil, nil, err
		}
		list, next = []*transfer{t}, nil
	}
	out := []api.ResponsibilityTransfer{}
	for _, t := range list {
		if t.Type == kind {
			out = append(out, *apiTransfer(o, t))
		}
	}
	return out, next, nil
}

func apiTransfer(o *organization, t *transfer) *api.ResponsibilityTransfer {
	side := func(p participant) *api.TransferParticipant {
		out := &api.TransferParticipant{}
		if p.Account != "" {
			out.ManagementAccountId = &p.Account
		}
		if p.Email != "" {
			out.ManagementAccountEmail = &p.Email
		}
		return out
	}
	out := &api.ResponsibilityTransfer{
		Arn: new(t.arnFor(o)), Name: &t.Name, Id: &t.ID, Type: t.Type, Status: t.Status, Source: side(t.Source), Target: side(t.Target),
		StartTimestamp: t.Start, EndTimestamp: t.End,
	}
	if t.Handshake != "" {
		out.ActiveHandshakeId = &t.Handshake
	}
	return out
}
