package accessanalyzer

import (
	"context"
	"errors"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/store"
)

// insertRule adds an archive rule to an analyzer.
func (s *Service) insertRule(ctx context.Context, tx store.Tx, a *analyzer, name string, f filter) error {
	if err := f.check(); err != nil {
		return err
	}
	all, err := s.rules.List(ctx, tx, a.home()+"/", "", 0)
	if err != nil {
		return err
	}
	if len(all) >= s.Quotas.ArchiveRules {
		return exceeded("archive rules", name, s.Quotas.ArchiveRules)
	}
	err = s.rules.Insert(ctx, tx, a.home()+"/"+name, &rule{Name: name, Filter: f, Created: s.now(), Updated: s.now()})
	if errors.Is(err, store.ErrExists) {
		return conflict("ArchiveRule", name)
	}
	return err
}

// ruleOf reads an archive rule of the analyzer with the name.
func (s *Service) ruleOf(ctx context.Context, r store.Reader, analyzer, name string) (*analyzer, *rule, error) {
	a, err := s.named(ctx, r, analyzer)
	if err != nil {
		return nil, nil, err
	}
	one, err := s.rules.Get(ctx, r, a.home()+"/"+name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, notFound("ArchiveRule", name)
	}
	return a, one, err
}

// CreateArchiveRule makes a rule that archives new findings. It does not look at
// findings of the past.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CreateArchiveRule.html
func (s *Service) CreateArchiveRule(ctx context.Context, in *accessanalyzerapi.CreateArchiveRuleRequest) (*accessanalyzerapi.CreateArchiveRuleOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.named(ctx, tx, in.AnalyzerName)
		if err != nil {
			return err
		}
		if in.ClientToken != nil { // the same rule again is the same call again
			old, err := s.rules.Get(ctx, tx, a.home()+"/"+in.RuleName)
			if err == nil && old.Token == *in.ClientToken {
				return nil
			} else if ignoreNotFound(err) != nil {
				return err
			}
		}
		if err := s.insertRule(ctx, tx, a, in.RuleName, in.Filter); err != nil || in.ClientToken == nil {
			return err
		}
		one, err := s.rules.Get(ctx, tx, a.home()+"/"+in.RuleName)
		if err != nil {
			return err
		}
		one.Token = *in.ClientToken
		return s.rules.Put(ctx, tx, a.home()+"/"+in.RuleName, one)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.CreateArchiveRuleOutput{}, nil
}

// UpdateArchiveRule replaces what a rule selects. The client token is of no use
// here: the same call twice has the effect of one.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_UpdateArchiveRule.html
func (s *Service) UpdateArchiveRule(ctx context.Context, in *accessanalyzerapi.UpdateArchiveRuleRequest) (*accessanalyzerapi.UpdateArchiveRuleOutput, error) {
	if err := filter(in.Filter).check(); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, one, err := s.ruleOf(ctx, tx, in.AnalyzerName, in.RuleName)
		if err != nil {
			return err
		}
		one.Filter, one.Updated = in.Filter, s.now()
		return s.rules.Put(ctx, tx, a.home()+"/"+in.RuleName, one)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.UpdateArchiveRuleOutput{}, nil
}

// DeleteArchiveRule deletes a rule; what it has archived stays so.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_DeleteArchiveRule.html
func (s *Service) DeleteArchiveRule(ctx context.Context, in *accessanalyzerapi.DeleteArchiveRuleRequest) (*accessanalyzerapi.DeleteArchiveRuleOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, _, err := s.ruleOf(ctx, tx, in.AnalyzerName, in.RuleName)
		if err != nil {
			return err
		}
		return s.rules.Delete(ctx, tx, a.home()+"/"+in.RuleName)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.DeleteArchiveRuleOutput{}, nil
}

func (r *rule) summary() accessanalyzerapi.ArchiveRuleSummary {
	return accessanalyzerapi.ArchiveRuleSummary{RuleName: r.Name, Filter: r.Filter, CreatedAt: r.Created, UpdatedAt: r.Updated}
}

// GetArchiveRule describes a rule.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetArchiveRule.html
func (s *Service) GetArchiveRule(ctx context.Context, in *accessanalyzerapi.GetArchiveRuleRequest) (*accessanalyzerapi.GetArchiveRuleResponse, error) {
	_, r, err := s.ruleOf(ctx, s.Store, in.AnalyzerName, in.RuleName)
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.GetArchiveRuleResponse{ArchiveRule: new(r.summary())}, nil
}

// ListArchiveRules lists the rules of an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListArchiveRules.html
func (s *Service) ListArchiveRules(ctx context.Context, in *accessanalyzerapi.ListArchiveRulesRequest) (*accessanalyzerapi.ListArchiveRulesResponse, error) {
	a, err := s.named(ctx, s.Store, in.AnalyzerName)
	if err != nil {
		return nil, unlisted(err)
	}
	list, next, err := page(ctx, s.Store, &s.rules, a.home()+"/", in.MaxResults, in.NextToken, nil)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListArchiveRulesResponse{ArchiveRules: []accessanalyzerapi.ArchiveRuleSummary{}, NextToken: next}
	for _, r := range list {
		out.ArchiveRules = append(out.ArchiveRules, r.summary())
	}
	return out, nil
}

// ApplyArchiveRule archives the active findings that a rule selects.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ApplyArchiveRule.html
func (s *Service) ApplyArchiveRule(ctx context.Context, in *accessanalyzerapi.ApplyArchiveRuleRequest) (*accessanalyzerapi.ApplyArchiveRuleOutput, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	r, err := s.rules.Get(ctx, s.Store, a.home()+"/"+in.RuleName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("ArchiveRule", in.RuleName)
	} else if err != nil {
		return nil, err
	}
	const chunk = 200
	for last := ""; ; {
		list, err := s.findings.List(ctx, s.Store, a.home()+"/", last, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			last = e.ID
			if e.Value.Status != accessanalyzerapi.FindingStatus_ACTIVE || !r.Filter.holds(e.Value.values) {
				continue
			}
			if err := s.setStatus(ctx, e.ID, accessanalyzerapi.FindingStatus_ARCHIVED); err != nil {
				return nil, err
			}
		}
		if len(list) < chunk {
			return &accessanalyzerapi.ApplyArchiveRuleOutput{}, nil
		}
	}
}

// setStatus moves a finding between active and archived; one that is resolved,
// or gone, stays so.
func (s *Service) setStatus(ctx context.Context, id string, to accessanalyzerapi.FindingStatus) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		f, err := s.findings.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if f.Status == to || f.Status == accessanalyzerapi.FindingStatus_RESOLVED {
			return nil
		}
		f.Status, f.Updated = to, s.now()
		return s.findings.Put(ctx, tx, id, f)
	})
	return err
}
