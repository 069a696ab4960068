package events

import (
	"context"
	"errors"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/caller"
	"bartizan.dev/pattern"
	"bartizan.dev/service/events/schedule"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// PutRule makes a rule or changes one: what is left out goes back to its
// default, but tags and targets stay.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
func (s *Service) PutRule(ctx context.Context, in *eventsapi.PutRuleRequest) (*eventsapi.PutRuleResponse, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	r := &rule{
		Bus: p, Name: in.Name, UID: newID(), Description: text(in.Description), Pattern: text(in.EventPattern), Schedule: text(in.ScheduleExpression),
		State: string(in.State), Role: text(in.RoleArn), Creator: caller.From(ctx).Identity.Account, Created: s.now(),
	}
	if r.State == "" {
		r.State = string(eventsapi.RuleState_ENABLED)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.bus(ctx, tx, p); err != nil {
			return err
		}
		v := *r
		old, err := s.rules.Get(ctx, tx, r.key())
		switch {
		case errors.Is(err, store.ErrNotFound):
			all, err := s.rules.List(ctx, tx, p.rule(""), "", s.Quotas.Rules)
			if err != nil {
				return err
			}
			if len(all) >= s.Quotas.Rules {
				return errLimit
			}
			if v.Tags, err = addTags(nil, in.Tags); err != nil {
				return err
			}
		case err != nil:
			return err
		default: // "Tags are only used when you create a rule."
			v.UID, v.Tags, v.Targets, v.Creator = old.UID, old.Tags, old.Targets, old.Creator
			if old.Schedule == v.Schedule && old.State == v.State {
				v.Created = old.Created
			}
		}
		return s.saveRule(ctx, tx, old, &v)
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.PutRuleResponse{RuleArn: new(r.arn())}, nil
}

// check refuses what a rule cannot be.
func (r *rule) check() error {
	if r.Pattern == "" && r.Schedule == "" {
		return invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if r.Pattern != "" {
		if _, err := pattern.Parse(r.Pattern); err != nil {
			return errPattern(err)
		}
	}
	if r.Schedule == "" {
		return nil
	}
	if r.Bus.Name != defaultBus {
		return invalid("ScheduleExpression is supported only on the default event bus.")
	}
	if _, err := schedule.Parse(r.Schedule); err != nil {
		return invalid("Parameter ScheduleExpression is not valid.")
	}
	return nil
}

func errPattern(err error) error {
	return wire.Errorf("InvalidEventPatternException", "%s", err.Error())
}

// saveRule writes a rule and has its schedule waited for.
func (s *Service) saveRule(ctx context.Context, tx store.Tx, old, r *rule) error {
	if err := s.rules.Put(ctx, tx, r.key(), r); err != nil {
		return err
	}
	if old != nil && old.Schedule == r.Schedule && old.State == r.State {
		return nil
	}
	return s.schedule(ctx, tx, r, r.Created)
}

// changeRule changes a rule.
func (s *Service) changeRule(ctx context.Context, busName, name string, change func(tx store.Tx, r *rule) error) error {
	p, err := own(ctx, busName)
	if err != nil {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		r, err := s.rule(ctx, tx, p, name)
		if err != nil {
			return err
		}
		old := *r
		if err := change(tx, r); err != nil {
			return err
		}
		return s.saveRule(ctx, tx, &old, r)
	})
	return err
}

// setState enables or disables a rule.
func (s *Service) setState(ctx context.Context, busName, name string, state eventsapi.RuleState) error {
	return s.changeRule(ctx, busName, name, func(_ store.Tx, r *rule) error {
		if r.State != string(state) {
			r.State, r.Created = string(state), s.now()
		}
		return nil
	})
}

// EnableRule enables a rule.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EnableRule.html
func (s *Service) EnableRule(ctx context.Context, in *eventsapi.EnableRuleRequest) (*eventsapi.EnableRuleOutput, error) {
	if err := s.setState(ctx, text(in.EventBusName), in.Name, eventsapi.RuleState_ENABLED); err != nil {
		return nil, err
	}
	return &eventsapi.EnableRuleOutput{}, nil
}

// DisableRule disables a rule: it matches nothing and its schedule stops.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
func (s *Service) DisableRule(ctx context.Context, in *eventsapi.DisableRuleRequest) (*eventsapi.DisableRuleOutput, error) {
	if err := s.setState(ctx, text(in.EventBusName), in.Name, eventsapi.RuleState_DISABLED); err != nil {
		return nil, err
	}
	return &eventsapi.DisableRuleOutput{}, nil
}

// DescribeRule shows a rule.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html
func (s *Service) DescribeRule(ctx context.Context, in *eventsapi.DescribeRuleRequest) (*eventsapi.DescribeRuleResponse, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	r, err := s.rule(ctx, s.Store, p, in.Name)
	if err != nil {
		return nil, err
	}
	return &eventsapi.DescribeRuleResponse{
		Name: &r.Name, Arn: new(r.arn()), EventPattern: orNil(r.Pattern), ScheduleExpression: orNil(r.Schedule), State: eventsapi.RuleState(r.State),
		Description: orNil(r.Description), RoleArn: orNil(r.Role), EventBusName: &p.Name, CreatedBy: orNil(r.Creator),
	}, nil
}

// DeleteRule deletes a rule without targets; one that is not there is no error.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html
func (s *Service) DeleteRule(ctx context.Context, in *eventsapi.DeleteRuleRequest) (*eventsapi.DeleteRuleOutput, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.bus(ctx, tx, p); err != nil {
			return err
		}
		r, err := s.rules.Get(ctx, tx, p.rule(in.Name))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if len(r.Targets) > 0 {
			return invalid("Rule can't be deleted since it has targets.")
		}
		if err := s.queue.Cancel(ctx, tx, jobSchedule, r.UID); err != nil {
			return err
		}
		return s.rules.Delete(ctx, tx, r.key())
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.DeleteRuleOutput{}, nil
}

// ListRules lists the rules of a bus by name.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html
func (s *Service) ListRules(ctx context.Context, in *eventsapi.ListRulesRequest) (*eventsapi.ListRulesResponse, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	if _, err := s.bus(ctx, s.Store, p); err != nil {
		return nil, err
	}
	found, err := s.rules.List(ctx, s.Store, p.rule(text(in.NamePrefix)), pg.from(p.rule("")), pg.limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, pg, func(e *store.Entry[rule]) string { return e.Value.Name })
	out := &eventsapi.ListRulesResponse{Rules: []eventsapi.Rule{}, NextToken: next}
	for _, e := range found {
		r := e.Value
		out.Rules = append(out.Rules, eventsapi.Rule{
			Name: &r.Name, Arn: new(r.arn()), EventPattern: orNil(r.Pattern), State: eventsapi.RuleState(r.State), Description: orNil(r.Description),
			ScheduleExpression: orNil(r.Schedule), RoleArn: orNil(r.Role), EventBusName: &p.Name,
		})
	}
	return out, nil
}

// ListRuleNamesByTarget lists the rules of a bus that have a target.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRuleNamesByTarget.html
func (s *Service) ListRuleNamesByTarget(ctx context.Context, in *eventsapi.ListRuleNamesByTargetRequest) (*eventsapi.ListRuleNamesByTargetResponse, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	if _, err := s.bus(ctx, s.Store, p); err != nil {
		return nil, err
	}
	ids, err := s.rules.By(ctx, s.Store, "target", p.key()+" "+in.TargetArn, pg.from(p.rule("")), pg.limit+1)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, id := range ids {
		names = append(names, id[len(p.rule("")):])
	}
	names, next := cut(names, pg, func(n *string) string { return *n })
	return &eventsapi.ListRuleNamesByTargetResponse{RuleNames: names, NextToken: next}, nil
}
