package accessanalyzer

import (
	"context"
	"errors"
	"slices"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

const (
	defaultAge = 90 // days, of unused access analyzers
	maxTags    = 50
	// There is one analyzer of each type for a zone of trust; organizations may
	// have more of external access.
	// https://docs.aws.amazon.com/general/latest/gr/access_analyzer.html
	maxAccountAnalyzers      = 1
	maxOrganizationAnalyzers = 5
)

// find reads the analyzer with the ARN.
func (s *Service) find(ctx context.Context, r store.Reader, name string) (*analyzer, error) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "access-analyzer" {
		return nil, store.ErrNotFound
	}
	kind, short := a.Type()
	if kind != "analyzer" {
		return nil, store.ErrNotFound
	}
	return s.analyzers.Get(ctx, r, a.Account+"/"+a.Region+"/"+short)
}

// analyzerOf is find with AWS's error, in the caller's account and Region.
func (s *Service) analyzerOf(ctx context.Context, r store.Reader, name string) (*analyzer, error) {
	a, err := s.find(ctx, r, name)
	call := caller.From(ctx)
	if err == nil && (a.Account != call.Identity.Account || a.Region != call.Region) {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Analyzer", name)
	}
	return a, err
}

func (s *Service) named(ctx context.Context, r store.Reader, name string) (*analyzer, error) {
	return s.analyzerOf(ctx, r, own(ctx, name).ARN())
}

// CreateAnalyzer makes an analyzer and has it look at everything at once.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CreateAnalyzer.html
func (s *Service) CreateAnalyzer(ctx context.Context, in *accessanalyzerapi.CreateAnalyzerRequest) (*accessanalyzerapi.CreateAnalyzerResponse, error) {
	a := own(ctx, in.AnalyzerName)
	a.Type, a.Created, a.Tags, a.Serial = in.Type, s.now(), in.Tags, newID()
	if in.ClientToken != nil {
		a.Token = *in.ClientToken
	}
	if len(in.Tags) > maxTags {
		return nil, invalid("An analyzer can have at most %d tags", maxTags)
	}
	if err := a.configure(in.Configuration); err != nil {
		return nil, err
	}
	if a.ofOrganization() {
		id, _, ok, err := s.Zone(ctx, a.Account)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, invalid("The account must be the management account or a delegated administrator of its organization to create an analyzer of type %s", a.Type)
		}
		a.Organization = id
	}
	if err := s.Link(ctx, a.Account); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		old, err := s.analyzers.Get(ctx, tx, a.key())
		if err == nil && a.Token != "" && old.Token == a.Token {
			return nil
		} else if err == nil {
			return conflict("Analyzer", a.Name)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := s.room(ctx, tx, a); err != nil {
			return err
		}
		for _, r := range in.ArchiveRules {
			if err := s.insertRule(ctx, tx, a, r.RuleName, r.Filter); err != nil {
				return err
			}
		}
		if err := s.analyzers.Insert(ctx, tx, a.key(), a); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobScan, ID: a.key(), Due: s.Clock.Now()})
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.CreateAnalyzerResponse{Arn: new(a.ARN())}, nil
}

// room keeps the quota of analyzers of a type.
func (s *Service) room(ctx context.Context, tx store.Tx, a *analyzer) error {
	all, err := s.analyzers.List(ctx, tx, a.Account+"/"+a.Region+"/", "", 0)
	if err != nil {
		return err
	}
	n, most := 0, maxAccountAnalyzers
	if a.ofOrganization() {
		most = maxOrganizationAnalyzers
	}
	for _, e := range all {
		if e.Value.Type == a.Type {
			n++
		}
	}
	if n >= most {
		return exceeded("analyzers of type "+string(a.Type), a.Name, most)
	}
	return nil
}

// configure checks and takes the configuration for the analyzer's type.
func (a *analyzer) configure(c *accessanalyzerapi.AnalyzerConfiguration) error {
	if a.unused() {
		a.Age = defaultAge
	}
	if c == nil {
		return nil
	}
	if c.UnusedAccess != nil && !a.unused() || c.InternalAccess != nil && !a.internal() {
		return invalid("The configuration is not one for an analyzer of type %s", a.Type)
	}
	if u := c.UnusedAccess; u != nil {
		if u.UnusedAccessAge != nil {
			if *u.UnusedAccessAge < 1 || *u.UnusedAccessAge > 365 {
				return invalid("unusedAccessAge must be between 1 and 365")
			}
			a.Age = *u.UnusedAccessAge
		}
		a.Exclusions = nil
		if u.AnalysisRule != nil {
			for _, e := range u.AnalysisRule.Exclusions {
				if len(e.AccountIds) > 0 && !a.ofOrganization() {
					return invalid("accountIds can be excluded by analyzers of organizations only")
				}
				a.Exclusions = append(a.Exclusions, exclusion{Accounts: e.AccountIds, Tags: e.ResourceTags})
			}
		}
	}
	if i := c.InternalAccess; i != nil && i.AnalysisRule != nil {
		a.Inclusions = nil
		for _, e := range i.AnalysisRule.Inclusions {
			a.Inclusions = append(a.Inclusions, inclusion{Accounts: e.AccountIds, Types: e.ResourceTypes, Resources: e.ResourceArns})
		}
	}
	return nil
}

func (a *analyzer) configuration() *accessanalyzerapi.AnalyzerConfiguration {
	switch {
	case a.unused():
		u := &accessanalyzerapi.UnusedAccessConfiguration{UnusedAccessAge: &a.Age}
		if a.Exclusions != nil {
			u.AnalysisRule = &accessanalyzerapi.AnalysisRule{}
			for _, e := range a.Exclusions {
				u.AnalysisRule.Exclusions = append(u.AnalysisRule.Exclusions, accessanalyzerapi.AnalysisRuleCriteria{AccountIds: e.Accounts, ResourceTags: e.Tags})
			}
		}
		return &accessanalyzerapi.AnalyzerConfiguration{UnusedAccess: u}
	case a.internal():
		i := &accessanalyzerapi.InternalAccessConfiguration{}
		if a.Inclusions != nil {
			i.AnalysisRule = &accessanalyzerapi.InternalAccessAnalysisRule{}
			for _, e := range a.Inclusions {
				i.AnalysisRule.Inclusions = append(i.AnalysisRule.Inclusions, accessanalyzerapi.InternalAccessAnalysisRuleCriteria{AccountIds: e.Accounts, ResourceTypes: e.Types, ResourceArns: e.Resources})
			}
		}
		return &accessanalyzerapi.AnalyzerConfiguration{InternalAccess: i}
	}
	return nil
}

func (a *analyzer) summary() accessanalyzerapi.AnalyzerSummary {
	out := accessanalyzerapi.AnalyzerSummary{
		Arn: a.ARN(), Name: a.Name, Type: a.Type, CreatedAt: a.Created, Tags: a.Tags,
		Status: accessanalyzerapi.AnalyzerStatus_ACTIVE, LastResourceAnalyzedAt: a.LastAt, Configuration: a.configuration(),
	}
	if a.LastResource != "" {
		out.LastResourceAnalyzed = &a.LastResource
	}
	if a.Reason != "" {
		out.Status, out.StatusReason = accessanalyzerapi.AnalyzerStatus_DISABLED, &accessanalyzerapi.StatusReason{Code: a.Reason}
	}
	return out
}

// GetAnalyzer describes an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetAnalyzer.html
func (s *Service) GetAnalyzer(ctx context.Context, in *accessanalyzerapi.GetAnalyzerRequest) (*accessanalyzerapi.GetAnalyzerResponse, error) {
	a, err := s.named(ctx, s.Store, in.AnalyzerName)
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.GetAnalyzerResponse{Analyzer: new(a.summary())}, nil
}

// ListAnalyzers lists the analyzers of the Region.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAnalyzers.html
func (s *Service) ListAnalyzers(ctx context.Context, in *accessanalyzerapi.ListAnalyzersRequest) (*accessanalyzerapi.ListAnalyzersResponse, error) {
	keep := func(a *analyzer) bool { return in.Type == "" || a.Type == in.Type }
	list, next, err := page(ctx, s.Store, &s.analyzers, own(ctx, "").key(), in.MaxResults, in.NextToken, keep)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListAnalyzersResponse{Analyzers: []accessanalyzerapi.AnalyzerSummary{}, NextToken: next}
	for _, a := range list {
		out.Analyzers = append(out.Analyzers, a.summary())
	}
	return out, nil
}

// UpdateAnalyzer changes the configuration of an analyzer of unused or internal
// access; the findings follow at once.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_UpdateAnalyzer.html
func (s *Service) UpdateAnalyzer(ctx context.Context, in *accessanalyzerapi.UpdateAnalyzerRequest) (*accessanalyzerapi.UpdateAnalyzerResponse, error) {
	var a *analyzer
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if a, err = s.named(ctx, tx, in.AnalyzerName); err != nil {
			return err
		}
		if !a.unused() && !a.internal() {
			return invalid("An analyzer of type %s has no configuration", a.Type)
		}
		age := a.Age
		if err := a.configure(in.Configuration); err != nil {
			return err
		}
		if in.Configuration == nil || in.Configuration.UnusedAccess == nil || in.Configuration.UnusedAccess.UnusedAccessAge == nil {
			a.Age = age
		} else if a.Age != age {
			return invalid("unusedAccessAge cannot be changed")
		}
		if err := s.analyzers.Put(ctx, tx, a.key(), a); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobScan, ID: a.key(), Due: s.Clock.Now()})
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.UpdateAnalyzerResponse{Configuration: a.configuration()}, nil
}

// DeleteAnalyzer deletes an analyzer; its rules and findings follow.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_DeleteAnalyzer.html
func (s *Service) DeleteAnalyzer(ctx context.Context, in *accessanalyzerapi.DeleteAnalyzerRequest) (*accessanalyzerapi.DeleteAnalyzerOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.named(ctx, tx, in.AnalyzerName)
		if err != nil {
			return err
		}
		if err := s.analyzers.Delete(ctx, tx, a.key()); err != nil {
			return err
		}
		if err := s.queue.Cancel(ctx, tx, jobScan, a.key()); err != nil {
			return err
		}
		return s.clear(ctx, tx, a.home())
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.DeleteAnalyzerOutput{}, nil
}

// page lists the records under prefix that keep takes, with the token of the
// next page. It reads on until the page is full, a chunk at a time.
func page[T any](ctx context.Context, r store.Reader, c *store.Collection[T], prefix string, size *int32, start *string, keep func(*T) bool) (out []*T, next *string, err error) {
	n, err := limit(size, 100)
	if err != nil {
		return nil, nil, err
	}
	last, err := after(start)
	if err != nil {
		return nil, nil, err
	}
	const chunk = 200
	for {
		list, err := c.List(ctx, r, prefix, last, chunk)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range list {
			if keep != nil && !keep(e.Value) {
				last = e.ID
				continue
			}
			if len(out) == n {
				return out, token(last), nil
			}
			out, last = append(out, e.Value), e.ID
		}
		if len(list) < chunk {
			return out, nil, nil
		}
	}
}

// TagResource adds tags to an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *accessanalyzerapi.TagResourceRequest) (*accessanalyzerapi.TagResourceResponse, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) {
		for k, v := range in.Tags {
			tags[k] = v
		}
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.TagResourceResponse{}, nil
}

// UntagResource removes tags from an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *accessanalyzerapi.UntagResourceRequest) (*accessanalyzerapi.UntagResourceResponse, error) {
	err := s.changeTags(ctx, in.ResourceArn, func(tags map[string]string) {
		for k := range tags {
			if slices.Contains(in.TagKeys, k) {
				delete(tags, k)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzerapi.UntagResourceResponse{}, nil
}

func (s *Service) changeTags(ctx context.Context, name string, change func(map[string]string)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.analyzerOf(ctx, tx, name)
		if err != nil {
			return err
		}
		if a.Tags == nil {
			a.Tags = map[string]string{}
		}
		if change(a.Tags); len(a.Tags) > maxTags {
			return invalid("An analyzer can have at most %d tags", maxTags)
		}
		return s.analyzers.Put(ctx, tx, a.key(), a)
	})
	return err
}

// ListTagsForResource lists the tags of an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *accessanalyzerapi.ListTagsForResourceRequest) (*accessanalyzerapi.ListTagsForResourceResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListTagsForResourceResponse{Tags: a.Tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}

// zone is the zone of trust of an analyzer; nil when it has lost it.
func (s *Service) zone(ctx context.Context, a *analyzer) (accounts []string, err error) {
	if !a.ofOrganization() {
		return []string{a.Account}, nil
	}
	id, accounts, ok, err := s.Zone(ctx, a.Account)
	if err != nil || !ok || id != a.Organization {
		return nil, err
	}
	return accounts, nil
}

// day is how often everything is looked at again.
const day = 24 * time.Hour
