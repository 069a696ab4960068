package iamtoolbox

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	iamtoolboxapi "bartizan.dev/api/iamtoolbox"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
	"bartizan.dev/wire"
)

// Story is the whole decision of a call: a tree for each thing it touched.
type Story struct {
	AuthorizationID string          `json:"authorizationId,omitempty"` // the three ids are of a denial of the past
	EventID         string          `json:"eventId,omitempty"`
	RequestID       string          `json:"requestId,omitempty"`
	Decisions       []*explain.Tree `json:"decisions"`
}

// Past tells the story of a denial by its authorization id, event id or request
// id. account "" is the server's administrator, who may ask about all.
func (s *Service) Past(ctx context.Context, account, id string) (*Story, error) {
	e, err := s.find(ctx, account, id)
	if err != nil {
		return nil, err
	}
	out := &Story{AuthorizationID: explain.ID(e.EventID), EventID: e.EventID, RequestID: e.RequestID}
	for i := range e.Evaluations {
		r, b, err := e.Request(i, s.texts(ctx, e))
		if err != nil {
			return nil, err
		}
		t := explain.New(r, b)
		if account != "" && e.Foreign(i) {
			oneSided(t, r, b, i < len(e.Evaluations)-1)
		}
		out.Decisions = append(out.Decisions, t)
	}
	return out, nil
}

// oneSided makes a tree say only what the principal's side knows: Withhold has
// taken the other side away. Whether that side allowed is known all the same,
// as only the last thing that a call touches was denied.
func oneSided(t *explain.Tree, r *policy.Request, b *policy.Bindings, allowed bool) {
	t.Withheld = "The policies of the resource's account " + r.ResourceAccount + " are not shown: it is not of your organization."
	if allowed {
		t.Decision, t.Message, t.Changes, t.Instead = policy.Allowed.String(), "", nil, nil
		return
	}
	t.Message = policy.Decide(r, b).Message(r, false)
	t.Changes = slices.DeleteFunc(t.Changes, func(c explain.Change) bool {
		return c.Type == policy.Resource.String() || c.Type == policy.Trust.String() || c.Type == policy.RCP.String()
	})
}

// Asked tells how a question would be decided now.
func (s *Service) Asked(ctx context.Context, q Question) (*Story, error) {
	r, b, err := s.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return &Story{Decisions: []*explain.Tree{explain.New(r, b)}}, nil
}

// ExplainAuthorization is Bartizan's own: the whole decision as a tree, of a
// denial of the past (id) or of a question (principalArn, action, resource,
// context), with the smallest change that would allow it.
func (s *Service) ExplainAuthorization(ctx context.Context, in *iamtoolboxapi.ExplainAuthorizationInput) (*iamtoolboxapi.ExplainAuthorizationOutput, error) {
	account := caller.From(ctx).Identity.Account
	var story *Story
	var err error
	switch {
	case in.Id != nil && in.PrincipalArn == nil && in.Action == nil && in.Resource == nil && in.Context == nil:
		story, err = s.Past(ctx, account, *in.Id)
	case in.Id == nil && in.PrincipalArn != nil && in.Action != nil:
		a, bad := arn.Parse(*in.PrincipalArn)
		if bad != nil || a.Account != account {
			return nil, wire.Errorf("ValidationException", "The principal must be one of this account.")
		}
		q := Question{Principal: *in.PrincipalArn, Action: *in.Action, Resource: "*", Account: account}
		if in.Resource != nil {
			q.Resource = *in.Resource
		}
		for k, v := range in.Context {
			q.Context = append(q.Context, policy.Pair{Key: k, Values: v})
		}
		story, err = s.Asked(ctx, q)
	default:
		return nil, wire.Errorf("ValidationException", "Give either id, or principalArn and action.")
	}
	if errors.Is(err, ErrForeign) {
		return nil, wire.Errorf("ValidationException", "The resource must be one of this account or of its organization.")
	}
	if errors.Is(err, errNotFound) || errors.Is(err, ErrNoPrincipal) {
		return nil, notFound().With(err)
	} else if err != nil {
		return nil, err
	}
	out := &iamtoolboxapi.ExplainAuthorizationOutput{Decisions: []json.RawMessage{}}
	if story.EventID != "" {
		out.AuthorizationId, out.EventId, out.RequestId = &story.AuthorizationID, &story.EventID, &story.RequestID
	}
	for _, t := range story.Decisions {
		text, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		out.Decisions = append(out.Decisions, text)
	}
	return out, nil
}

func notFound() *wire.Error {
	return wire.Errorf("ResourceNotFoundException", "The requested policy or authorization details do not exist in this region or have expired.")
}
