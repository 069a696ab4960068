package securityhub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// rule is an automation rule.
type rule struct {
	ID, Name, Description string
	Order                 int32
	Disabled              bool                        `json:",omitzero"`
	Terminal              bool                        `json:",omitzero"`
	Criteria              json.RawMessage             // AutomationRulesFindingFilters
	Actions               []api.AutomationRulesAction `json:",omitzero"`
	Created, Updated      time.Time
	By                    string
	Tags                  map[string]string `json:",omitzero"`
	wants                 filter
}

func (r *rule) arn(p place) string { return p.arn("automation-rule/" + r.ID) }

// criteria reads a rule's criteria.
func (r *rule) criteria() (*api.AutomationRulesFindingFilters, error) {
	f := new(api.AutomationRulesFindingFilters)
	return f, json.Unmarshal(r.Criteria, f)
}

// automate lets the rules of the account's administrator, or its own, change a
// finding that comes in: "rules are evaluated in the order of RuleOrder", and of
// rules of one order the newest comes last; a terminal one ends it.
// https://docs.aws.amazon.com/securityhub/latest/userguide/automation-rules.html
func (in *intake) automate(ctx context.Context, a ASFF, f *finding) error {
	if !in.loaded {
		in.loaded = true
		var err error
		if in.rules, err = in.rulesOf(ctx, in.tx, in.at); err != nil {
			return err
		}
	}
	for _, r := range in.rules {
		if !r.wants.wants(a) {
			continue
		}
		for _, act := range r.Actions {
			if u := act.FindingFieldsUpdate; u != nil {
				(&edit{
					Note: u.Note, Severity: u.Severity, VerificationState: u.VerificationState, Confidence: u.Confidence, Criticality: u.Criticality,
					Types: u.Types, UserDefinedFields: u.UserDefinedFields, Workflow: u.Workflow, RelatedFindings: u.RelatedFindings,
				}).apply(a, stamp(in.now()))
			}
		}
		if r.Terminal {
			break
		}
	}
	return nil
}

// rulesOf are the enabled rules that bear on an account's findings, in order.
func (s *Service) rulesOf(ctx context.Context, r store.Reader, p place) ([]*rule, error) {
	owner, err := s.ruler(ctx, r, p)
	if err != nil {
		return nil, err
	}
	list, err := s.rules.List(ctx, r, owner.home()+"/", "", 0)
	if err != nil {
		return nil, err
	}
	var out []*rule
	for _, e := range list {
		v := e.Value
		if v.Disabled {
			continue
		}
		c, err := v.criteria()
		if err != nil {
			return nil, err
		}
		if v.wants, err = compile(c, forRules, s.now()); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b *rule) int { return cmp.Or(cmp.Compare(a.Order, b.Order), a.Created.Compare(b.Created)) })
	return out, nil
}

// checkActions: a rule has one action, which changes something that may be
// changed.
func checkActions(all []api.AutomationRulesAction) error {
	if len(all) != 1 {
		return invalid("Invalid parameter 'Actions'. data should have 1 item")
	}
	u := all[0].FindingFieldsUpdate
	if u == nil || all[0].Type != api.AutomationRulesActionType_FINDING_FIELDS_UPDATE {
		return invalid("Invalid parameter 'Actions'. data[0] should have the Type FINDING_FIELDS_UPDATE and the property 'FindingFieldsUpdate'")
	}
	return (&edit{Note: u.Note, Types: u.Types, UserDefinedFields: u.UserDefinedFields, RelatedFindings: u.RelatedFindings}).check()
}

func (s *Service) setCriteria(r *rule, f *api.AutomationRulesFindingFilters) (err error) {
	wants, err := compile(f, forRules, s.now())
	if err != nil {
		return err
	}
	if len(wants) == 0 {
		return invalid("Invalid parameter 'Criteria'. A rule needs at least one criterion.")
	}
	r.Criteria, err = compact(f)
	return err
}

// compact is JSON without what is not set.
func compact(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	return json.Marshal(sparse(m))
}

func sparse(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e = sparse(e); e == nil || e == "" {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
	case []any:
		for i := range v {
			v[i] = sparse(v[i])
		}
	}
	return v
}

// CreateAutomationRule makes a rule.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateAutomationRule.html
func (s *Service) CreateAutomationRule(ctx context.Context, in *api.CreateAutomationRuleRequest) (*api.CreateAutomationRuleResponse, error) {
	p, now := placeOf(ctx), s.now()
	r := &rule{
		ID: newID(), Name: in.RuleName, Description: in.Description, Order: in.RuleOrder, Disabled: in.RuleStatus == api.RuleStatus_DISABLED, Terminal: on(in.IsTerminal),
		Actions: in.Actions, Created: now, Updated: now, By: caller.From(ctx).Identity.ARN, Tags: in.Tags,
	}
	if err := errors.Join(checkActions(in.Actions), s.setCriteria(r, in.Criteria)); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.mayRule(ctx, tx); err != nil {
			return err
		}
		list, err := s.rules.List(ctx, tx, p.home()+"/", "", 0)
		if err != nil {
			return err
		}
		if len(list) >= s.Quotas.Rules {
			return limit("An account can have at most %d automation rules in a Region.", s.Quotas.Rules)
		}
		return s.rules.Put(ctx, tx, p.home()+"/"+r.ID, r)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAutomationRuleResponse{RuleArn: new(r.arn(p))}, nil
}

// mayRule: "only the Security Hub delegated administrator can create, delete,
// edit, and view automation rules", or an account that has none.
func (s *Service) mayRule(ctx context.Context, r store.Reader) error {
	if _, err := s.hub(ctx, r); err != nil {
		return err
	}
	p := placeOf(ctx)
	owner, err := s.ruler(ctx, r, p)
	if err == nil && owner != p {
		return denied("Account %s is a member account: its administrator account has the automation rules.", p.account)
	}
	return err
}

// rule reads a rule of the caller by its ARN; nil: there is none.
func (s *Service) rule(ctx context.Context, r store.Reader, name string) (*rule, error) {
	p := placeOf(ctx)
	id, ok := strings.CutPrefix(name, p.arn("automation-rule/"))
	if !ok || strings.ContainsRune(id, 0) || len(id) > 64 {
		return nil, nil
	}
	v, err := s.rules.Get(ctx, r, p.home()+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

func noRule(name string) api.UnprocessedAutomationRule {
	return api.UnprocessedAutomationRule{RuleArn: &name, ErrorCode: new(int32(404)), ErrorMessage: new("Rule not found")}
}

// BatchGetAutomationRules shows rules.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchGetAutomationRules.html
func (s *Service) BatchGetAutomationRules(ctx context.Context, in *api.BatchGetAutomationRulesRequest) (*api.BatchGetAutomationRulesResponse, error) {
	if err := s.mayRule(ctx, s.Store); err != nil {
		return nil, err
	}
	out := &api.BatchGetAutomationRulesResponse{Rules: []api.AutomationRulesConfig{}, UnprocessedAutomationRules: []api.UnprocessedAutomationRule{}}
	for _, name := range in.AutomationRulesArns {
		r, err := s.rule(ctx, s.Store, name)
		if err != nil {
			return nil, err
		}
		if r == nil {
			out.UnprocessedAutomationRules = append(out.UnprocessedAutomationRules, noRule(name))
			continue
		}
		c, err := r.criteria()
		if err != nil {
			return nil, err
		}
		m := r.shown(placeOf(ctx))
		out.Rules = append(out.Rules, api.AutomationRulesConfig{
			RuleArn: m.RuleArn, RuleStatus: m.RuleStatus, RuleOrder: m.RuleOrder, RuleName: m.RuleName, Description: m.Description, IsTerminal: m.IsTerminal,
			Criteria: c, Actions: r.Actions, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, CreatedBy: m.CreatedBy,
		})
	}
	return out, nil
}

func (r *rule) shown(p place) api.AutomationRulesMetadata {
	status := api.RuleStatus_ENABLED
	if r.Disabled {
		status = api.RuleStatus_DISABLED
	}
	return api.AutomationRulesMetadata{
		RuleArn: new(r.arn(p)), RuleStatus: status, RuleOrder: &r.Order, RuleName: &r.Name, Description: &r.Description, IsTerminal: &r.Terminal,
		CreatedAt: r.Created, UpdatedAt: r.Updated, CreatedBy: &r.By,
	}
}

// ListAutomationRules lists rules.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListAutomationRules.html
func (s *Service) ListAutomationRules(ctx context.Context, in *api.ListAutomationRulesRequest) (*api.ListAutomationRulesResponse, error) {
	if err := s.mayRule(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	out := &api.ListAutomationRulesResponse{AutomationRulesMetadata: []api.AutomationRulesMetadata{}}
	var err error
	out.NextToken, err = listPage(ctx, s.Store, &s.rules, p.home()+"/", in.MaxResults, in.NextToken, func(_ string, r *rule) {
		out.AutomationRulesMetadata = append(out.AutomationRulesMetadata, r.shown(p))
	})
	return out, err
}

// BatchUpdateAutomationRules changes rules.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateAutomationRules.html
func (s *Service) BatchUpdateAutomationRules(ctx context.Context, in *api.BatchUpdateAutomationRulesRequest) (*api.BatchUpdateAutomationRulesResponse, error) {
	var out *api.BatchUpdateAutomationRulesResponse
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchUpdateAutomationRulesResponse{ProcessedAutomationRules: []string{}, UnprocessedAutomationRules: []api.UnprocessedAutomationRule{}}
		if err := s.mayRule(ctx, tx); err != nil {
			return err
		}
		for i := range in.UpdateAutomationRulesRequestItems {
			item := &in.UpdateAutomationRulesRequestItems[i]
			r, err := s.rule(ctx, tx, item.RuleArn)
			if err != nil {
				return err
			}
			if r == nil {
				out.UnprocessedAutomationRules = append(out.UnprocessedAutomationRules, noRule(item.RuleArn))
				continue
			}
			if err := s.editRule(r, item); err != nil {
				return err
			}
			if err := s.rules.Put(ctx, tx, placeOf(ctx).home()+"/"+r.ID, r); err != nil {
				return err
			}
			out.ProcessedAutomationRules = append(out.ProcessedAutomationRules, item.RuleArn)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) editRule(r *rule, in *api.UpdateAutomationRulesRequestItem) error {
	if in.Criteria != nil {
		if err := s.setCriteria(r, in.Criteria); err != nil {
			return err
		}
	}
	if in.Actions != nil {
		if err := checkActions(in.Actions); err != nil {
			return err
		}
		r.Actions = in.Actions
	}
	if in.RuleStatus != "" {
		r.Disabled = in.RuleStatus == api.RuleStatus_DISABLED
	}
	if in.RuleOrder != nil {
		r.Order = *in.RuleOrder
	}
	if in.RuleName != nil {
		r.Name = *in.RuleName
	}
	if in.Description != nil {
		r.Description = *in.Description
	}
	if in.IsTerminal != nil {
		r.Terminal = *in.IsTerminal
	}
	r.Updated = s.now()
	return nil
}

// BatchDeleteAutomationRules deletes rules.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchDeleteAutomationRules.html
func (s *Service) BatchDeleteAutomationRules(ctx context.Context, in *api.BatchDeleteAutomationRulesRequest) (*api.BatchDeleteAutomationRulesResponse, error) {
	var out *api.BatchDeleteAutomationRulesResponse
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		out = &api.BatchDeleteAutomationRulesResponse{ProcessedAutomationRules: []string{}, UnprocessedAutomationRules: []api.UnprocessedAutomationRule{}}
		if err := s.mayRule(ctx, tx); err != nil {
			return err
		}
		for _, name := range in.AutomationRulesArns {
			r, err := s.rule(ctx, tx, name)
			if err != nil {
				return err
			}
			if r == nil {
				out.UnprocessedAutomationRules = append(out.UnprocessedAutomationRules, noRule(name))
				continue
			}
			if err := s.rules.Delete(ctx, tx, placeOf(ctx).home()+"/"+r.ID); err != nil {
				return err
			}
			out.ProcessedAutomationRules = append(out.ProcessedAutomationRules, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
