package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// GenerateFindingRecommendation works out what to do about unused permissions.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GenerateFindingRecommendation.html
func (s *Service) GenerateFindingRecommendation(ctx context.Context, in *accessanalyzerapi.GenerateFindingRecommendationRequest) (*accessanalyzerapi.GenerateFindingRecommendationOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, f, err := s.findingOf(ctx, tx, in.AnalyzerArn, in.Id)
		if err != nil {
			return err
		}
		if f.Kind != accessanalyzerapi.FindingType_UnusedPermission {
			return invalid("Recommendations are for findings of unused permissions")
		}
		id := a.home() + "/" + f.ID
		r := &recommendation{Started: s.now(), Resource: f.Resource, Status: accessanalyzerapi.Status_IN_PROGRESS}
		if err := s.recommendations.Put(ctx, tx, id, r); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobRecommend, ID: id, Due: s.Clock.Now()})
	})
	if err != nil {
		return nil, unlisted(err)
	}
	return &accessanalyzerapi.GenerateFindingRecommendationOutput{}, nil
}

// recommend looks at each policy of the principal: what is left of it without
// the unused permissions of all the principal's findings?
func (s *Service) recommend(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	f, err := s.findings.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	ids, err := s.findings.By(ctx, s.Store, "resource", f.Analyzer+"|"+f.Resource, "", 0)
	if err != nil {
		return nil, err
	}
	unused := map[string][]string{} // by service; no actions: all of it
	for _, id := range ids {
		one, err := s.findings.Get(ctx, s.Store, id)
		if err != nil {
			return nil, err
		}
		if one.Kind != accessanalyzerapi.FindingType_UnusedPermission || one.Status == accessanalyzerapi.FindingStatus_RESOLVED {
			continue
		}
		unused[one.Namespace] = nil
		for _, a := range one.Unused {
			unused[one.Namespace] = append(unused[one.Namespace], strings.ToLower(a.Name))
		}
	}
	held, err := s.Policies(ctx, f.Resource)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, p := range held {
		left, changed := s.without(p.Document, unused)
		if !changed {
			continue
		}
		one := step{Action: accessanalyzerapi.RecommendedRemediationAction_DETACH_POLICY, Existing: p.ID, Updated: p.Updated}
		if len(left.Statements) > 0 {
			text, err := json.MarshalIndent(left, "", "  ")
			if err != nil {
				return nil, err
			}
			one.Action, one.Policy = accessanalyzerapi.RecommendedRemediationAction_CREATE_POLICY, string(text)
		}
		steps = append(steps, one)
	}
	return func(tx store.Tx) error {
		r, err := s.recommendations.Get(ctx, tx, j.ID)
		if err != nil {
			return ignoreNotFound(err)
		}
		r.Completed, r.Status, r.Steps = s.now(), accessanalyzerapi.Status_SUCCEEDED, steps
		if len(steps) == 0 {
			r.Status, r.Code, r.Message = accessanalyzerapi.Status_FAILED, "RESOURCE_NOT_FOUND", "The principal has no policy with the unused permissions any more"
		}
		return s.recommendations.Put(ctx, tx, j.ID, r)
	}, nil
}

// without is a document less what is not used. A wildcard action that covers
// something unused becomes the actions it covers that are used; services of which
// nothing is unused, Deny statements and NotAction stay as they are.
func (s *Service) without(doc *policy.Document, unused map[string][]string) (*policy.Document, bool) {
	out := &policy.Document{Version: doc.Version, ID: doc.ID}
	changed := false
	for _, st := range doc.Statements {
		if st.Effect == policy.Deny || st.Action == nil {
			out.Statements = append(out.Statements, st)
			continue
		}
		var kept []string
		for _, pattern := range st.Action {
			left := s.used(pattern, unused)
			changed = changed || len(left) != 1 || left[0] != pattern
			for _, a := range left {
				if !slices.Contains(kept, a) {
					kept = append(kept, a)
				}
			}
		}
		if len(kept) > 0 {
			st.Action = kept
			out.Statements = append(out.Statements, st)
		}
	}
	return out, changed
}

// used is what is left of an action pattern.
func (s *Service) used(pattern string, unused map[string][]string) []string {
	prefix, _, ok := strings.Cut(pattern, ":")
	if !ok { // "*" covers every service: what is used of it is another question
		return []string{pattern}
	}
	actions, found := unused[strings.ToLower(prefix)]
	if !found {
		return []string{pattern}
	}
	if len(actions) == 0 {
		return nil
	}
	sv, ok := s.Reference.Service(prefix)
	if !ok {
		return []string{pattern}
	}
	var left []string
	hit := false
	for i := range sv.Actions {
		name := sv.Prefix + ":" + sv.Actions[i].Name
		if !policy.MatchAction(pattern, name) {
			continue
		}
		if slices.Contains(actions, strings.ToLower(name)) {
			hit = true
			continue
		}
		left = append(left, name)
	}
	if !hit {
		return []string{pattern}
	}
	return left
}

// GetFindingRecommendation returns what was worked out.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetFindingRecommendation.html
func (s *Service) GetFindingRecommendation(ctx context.Context, in *accessanalyzerapi.GetFindingRecommendationRequest) (*accessanalyzerapi.GetFindingRecommendationResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	r, err := s.recommendations.Get(ctx, s.Store, a.home()+"/"+in.Id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("FindingRecommendation", in.Id)
	} else if err != nil {
		return nil, err
	}
	n, err := limit(in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	last, err := after(in.NextToken)
	if err != nil {
		return nil, err
	}
	first := 0
	if last != "" {
		if first = slices.IndexFunc(r.Steps, func(x step) bool { return x.Existing == last }) + 1; first == 0 {
			return nil, invalid("Invalid nextToken")
		}
	}
	out := &accessanalyzerapi.GetFindingRecommendationResponse{
		StartedAt: r.Started, CompletedAt: r.Completed, ResourceArn: r.Resource, Status: r.Status,
		RecommendationType: accessanalyzerapi.RecommendationType_UnusedPermissionRecommendation,
	}
	if r.Code != "" {
		out.Error = &accessanalyzerapi.RecommendationError{Code: r.Code, Message: r.Message}
	}
	for _, x := range r.Steps[first:min(first+n, len(r.Steps))] {
		out.RecommendedSteps = append(out.RecommendedSteps, accessanalyzerapi.RecommendedStep{UnusedPermissionsRecommendedStep: &accessanalyzerapi.UnusedPermissionsRecommendedStep{
			PolicyUpdatedAt: x.Updated, RecommendedAction: x.Action, RecommendedPolicy: nonempty(x.Policy), ExistingPolicyId: nonempty(x.Existing),
		}})
	}
	if first+n < len(r.Steps) {
		out.NextToken = token(r.Steps[first+n-1].Existing)
	}
	return out, nil
}
