package securityhub

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

var actionID = regexp.MustCompile(`^[a-zA-Z0-9]{1,20}$`)

func (a *action) arn(p place) string { return p.arn("action/custom/" + a.ID) }

func (a *action) check() error {
	switch {
	case !actionID.MatchString(a.ID):
		return invalid("Invalid parameter 'Id'. data should match pattern \"%s\"", actionID)
	case len(a.Name) > 20:
		return invalid("Invalid parameter 'Name'. data should NOT be longer than 20 characters")
	case len(a.Description) > 500:
		return invalid("Invalid parameter 'Description'. data should NOT be longer than 500 characters")
	}
	return nil
}

// CreateActionTarget makes a custom action, by which findings are sent to
// EventBridge.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateActionTarget.html
func (s *Service) CreateActionTarget(ctx context.Context, in *api.CreateActionTargetRequest) (*api.CreateActionTargetResponse, error) {
	p, a := placeOf(ctx), &action{in.Id, in.Name, in.Description}
	if err := a.check(); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		list, err := s.actions.List(ctx, tx, p.home()+"/", "", 0)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, func(e store.Entry[action]) bool { return e.Value.ID == a.ID }) {
			return conflict("ActionTarget %s already exists", a.arn(p))
		}
		if len(list) >= s.Quotas.Actions {
			return limit("You can create up to %d custom action targets.", s.Quotas.Actions)
		}
		return s.actions.Put(ctx, tx, p.home()+"/"+a.ID, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateActionTargetResponse{ActionTargetArn: a.arn(p)}, nil
}

func (s *Service) action(ctx context.Context, r store.Reader, name string) (*action, error) {
	p := placeOf(ctx)
	if id, ok := strings.CutPrefix(name, p.arn("action/custom/")); ok && actionID.MatchString(id) {
		a, err := s.actions.Get(ctx, r, p.home()+"/"+id)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return a, err
		}
	}
	return nil, notFound("ActionTarget %s not found", clip(name))
}

// DescribeActionTargets shows custom actions: those named, or all.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeActionTargets.html
func (s *Service) DescribeActionTargets(ctx context.Context, in *api.DescribeActionTargetsRequest) (*api.DescribeActionTargetsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	out := &api.DescribeActionTargetsResponse{ActionTargets: []api.ActionTarget{}}
	add := func(_ string, a *action) {
		out.ActionTargets = append(out.ActionTargets, api.ActionTarget{ActionTargetArn: a.arn(p), Name: a.Name, Description: a.Description})
	}
	for _, name := range in.ActionTargetArns {
		a, err := s.action(ctx, s.Store, name)
		if err != nil {
			return nil, err
		}
		add("", a)
	}
	if len(in.ActionTargetArns) > 0 {
		return out, nil
	}
	var err error
	out.NextToken, err = listPage(ctx, s.Store, &s.actions, p.home()+"/", in.MaxResults, in.NextToken, add)
	return out, err
}

// UpdateActionTarget changes the name or description of a custom action.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateActionTarget.html
func (s *Service) UpdateActionTarget(ctx context.Context, in *api.UpdateActionTargetRequest) (*api.UpdateActionTargetResponse, error) {
	err := s.changeAction(ctx, in.ActionTargetArn, func(tx store.Tx, key string, a *action) error {
		if in.Name != nil {
			a.Name = *in.Name
		}
		if in.Description != nil {
			a.Description = *in.Description
		}
		if err := a.check(); err != nil {
			return err
		}
		return s.actions.Put(ctx, tx, key, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateActionTargetResponse{}, nil
}

// DeleteActionTarget deletes a custom action.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DeleteActionTarget.html
func (s *Service) DeleteActionTarget(ctx context.Context, in *api.DeleteActionTargetRequest) (*api.DeleteActionTargetResponse, error) {
	err := s.changeAction(ctx, in.ActionTargetArn, func(tx store.Tx, key string, _ *action) error { return s.actions.Delete(ctx, tx, key) })
	if err != nil {
		return nil, err
	}
	return &api.DeleteActionTargetResponse{ActionTargetArn: in.ActionTargetArn}, nil
}

func (s *Service) changeAction(ctx context.Context, name string, do func(tx store.Tx, key string, a *action) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		a, err := s.action(ctx, tx, name)
		if err != nil {
			return err
		}
		return do(tx, placeOf(ctx).home()+"/"+a.ID, a)
	})
	return err
}
