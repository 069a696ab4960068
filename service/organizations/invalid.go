package organizations

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
)

func (s *Service) invalidRules() policy.Rules {
	return policy.Rules{
		"ListAccountsWithInvalidEffectivePolicy": onKeys(s, "ListAccountsWithInvalidEffectivePolicy", readers, func(in *api.ListAccountsWithInvalidEffectivePolicyRequest) []policy.Pair {
			return policyTypeKey(api.PolicyType(in.PolicyType))
		}),
		"ListEffectivePolicyValidationErrors": rule(s, "ListEffectivePolicyValidationErrors", readers, func(ctx context.Context, o *organization, in *api.ListEffectivePolicyValidationErrorsRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.AccountId)
			t.Keys = policyTypeKey(api.PolicyType(in.PolicyType))
			return []policy.Touch{t}, err
		}),
	}
}

// scanned is how many accounts one call looks at: a page may be empty and still
// have a successor, as on AWS.
const scanned = 200

// ListAccountsWithInvalidEffectivePolicy computes effective policies and lists
// the accounts whose is not valid.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsWithInvalidEffectivePolicy.html
func (s *Service) ListAccountsWithInvalidEffectivePolicy(ctx context.Context, in *api.ListAccountsWithInvalidEffectivePolicyRequest) (*api.ListAccountsWithInvalidEffectivePolicyResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	t := api.PolicyType(in.PolicyType)
	if !o.Types[t].Enabled {
		return nil, noEffective()
	}
	list, next, err := pageBy(ctx, s.Store, &s.accounts, "org", o.ID, page{after: p.after, limit: scanned})
	if err != nil {
		return nil, err
	}
	out := &api.ListAccountsWithInvalidEffectivePolicyResponse{Accounts: []api.Account{}, PolicyType: in.PolicyType, NextToken: next}
	for _, a := range list {
		e, _, err := s.effective(ctx, s.Store, o, a, t)
		if err != nil {
			return nil, err
		}
		if e == nil || len(faults(t, e)) == 0 {
			continue
		}
		one, err := s.apiAccount(ctx, s.Store, o, a)
		if err != nil {
			return nil, err
		}
		if out.Accounts = append(out.Accounts, *one); len(out.Accounts) == p.limit {
			out.NextToken = tokenAfter(a.ID)
			break
		}
	}
	return out, nil
}

// ListEffectivePolicyValidationErrors tells what is wrong with an account's
// effective policy.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListEffectivePolicyValidationErrors.html
func (s *Service) ListEffectivePolicyValidationErrors(ctx context.Context, in *api.ListEffectivePolicyValidationErrorsRequest) (*api.ListEffectivePolicyValidationErrorsResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	a, err := s.member(ctx, s.Store, o, in.AccountId)
	if err != nil {
		return nil, err
	}
	at, err := s.accountPath(ctx, s.Store, o, a)
	if err != nil {
		return nil, err
	}
	t := api.PolicyType(in.PolicyType)
	e, _, err := s.effective(ctx, s.Store, o, a, t)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, noEffective()
	}
	list, next := cut(p, faults(t, e), func(f api.EffectivePolicyValidationError) string { return *f.PathToError + " " + *f.ErrorCode })
	return &api.ListEffectivePolicyValidationErrorsResponse{
		AccountId: &a.ID, PolicyType: in.PolicyType, Path: &at, EvaluationTimestamp: s.now(), EffectivePolicyValidationErrors: list, NextToken: next,
	}, nil
}

// faults checks an effective policy. AWS does not publish what it checks; here
// backup policies are held to what AWS Backup needs of a plan.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html
func faults(t api.PolicyType, e *setting) []api.EffectivePolicyValidationError {
	if t != api.PolicyType_BACKUP_POLICY || e.below["plans"] == nil {
		return nil
	}
	var f finding
	plans := e.below["plans"]
	f.atMost(plans, 20, "plans")
	for _, name := range slices.Sorted(maps.Keys(plans.below)) {
		plan := plans.below[name]
		if plan.plain() == nil {
			continue
		}
		for _, part := range []string{"regions", "rules", "selections"} {
			if sub := plan.below[part]; sub == nil || sub.plain() == nil {
				f.add("ELEMENTS_TOO_FEW", fmt.Sprintf("'%s' is required", part), plan, "plans", name, part)
			}
		}
		rules := plan.below["rules"]
		if rules == nil {
			continue
		}
		f.atMost(rules, 10, "plans", name, "rules")
		for _, rule := range slices.Sorted(maps.Keys(rules.below)) {
			if vault := rules.below[rule].below["target_backup_vault_name"]; vault == nil || vault.plain() == nil {
				f.add("ELEMENTS_TOO_FEW", "'target_backup_vault_name' is required", rules.below[rule], "plans", name, "rules", rule, "target_backup_vault_name")
			}
		}
	}
	slices.SortFunc(f.list, func(a, b api.EffectivePolicyValidationError) int {
		return strings.Compare(*a.PathToError+" "+*a.ErrorCode, *b.PathToError+" "+*b.ErrorCode)
	})
	return f.list
}

type finding struct {
	list []api.EffectivePolicyValidationError
}

func (f *finding) atMost(s *setting, limit int, path ...string) {
	if n := len(s.below); n > limit {
		f.add("ELEMENTS_TOO_MANY", fmt.Sprintf("'%s' exceeds the allowed maximum limit %d", path[len(path)-1], limit), s, path...)
	}
}

func (f *finding) add(code, message string, s *setting, path ...string) {
	f.list = append(f.list, api.EffectivePolicyValidationError{
		ErrorCode: &code, ErrorMessage: &message, PathToError: new(strings.Join(path, "/")), ContributingPolicies: s.contributors(),
	})
}

// contributors are the policies that made a part of the effective policy.
func (s *setting) contributors() []string {
	ids := slices.Clone(s.sources)
	for _, b := range s.below {
		ids = append(ids, b.contributors()...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
