package iam

import (
	"context"
	"strconv"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// The policy simulator: SimulateCustomPolicy and SimulatePrincipalPolicy ask
// the engine that decides every call (policy.Explain, which answers as
// policy.Decide does), so what is simulated is what is enforced.
//
//   - simulate_input.go reads the input and makes a simulation of it.
//   - simulate_source.go finds policies and remembers where they stand.
//   - simulate_exclude.go leaves out policies that the caller thinks away.
//   - simulate_context.go reads condition keys.
//   - simulate_result.go evaluates and writes the answer.
//   - simulate_keys.go lists the condition keys that policies ask for.
func (s *Service) simulateRules() policy.Rules {
	return policy.Rules{
		"GetContextKeysForCustomPolicy": policy.OnAny(policy.Touch{Action: "iam:GetContextKeysForCustomPolicy"}),
		"GetContextKeysForPrincipalPolicy": onSource(s, "GetContextKeysForPrincipalPolicy",
			func(in *iamapi.GetContextKeysForPrincipalPolicyRequest) string { return in.PolicySourceArn }),
		"SimulateCustomPolicy": policy.OnAny(policy.Touch{Action: "iam:SimulateCustomPolicy"}),
		"SimulatePrincipalPolicy": onSource(s, "SimulatePrincipalPolicy",
			func(in *iamapi.SimulatePrincipalPolicyRequest) string { return in.PolicySourceArn }),
	}
}

// onSource declares an operation on the user, group or role with an ARN. An
// ARN of anything else, or of another account, is touched as it stands: the
// operation refuses it.
func onSource[I any](s *Service, action string, source func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		k, name, err := sourceOf(ctx, source(in))
		if err != nil {
			return []policy.Touch{{Action: "iam:" + action, Account: accountOf(ctx), Resource: source(in)}}, nil
		}
		t, err := s.touchBearer(ctx, action, k, name)
		return []policy.Touch{t}, err
	})
}

const (
	// pageWork ends a page early: statements that are asked for one page. "IAM
	// might return fewer than the MaxItems number of results".
	pageWork = 1_000_000
	// actionWork is the most that one action may cost, on all resources.
	actionWork = 10_000_000
)

// SimulateCustomPolicy tells what policies that are given as text decide.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
func (s *Service) SimulateCustomPolicy(ctx context.Context, in *iamapi.SimulateCustomPolicyRequest) (*iamapi.SimulatePolicyResponse, error) {
	m := s.newSimulation(accountOf(ctx))
	if err := m.levels(in.OrderedOrganizationPolicyInputList); err != nil {
		return nil, err
	}
	return m.run(ctx, &simulationInput{
		policies: in.PolicyInputList, boundaries: in.PermissionsBoundaryPolicyInputList,
		actions: in.ActionNames, resources: in.ResourceArns, entries: in.ContextEntries,
		resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, caller: in.CallerArn,
		handling: in.ResourceHandlingOption, maxItems: in.MaxItems, marker: in.Marker,
	})
}

// SimulatePrincipalPolicy tells what the policies of a user, group or role
// decide.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, in *iamapi.SimulatePrincipalPolicyRequest) (*iamapi.SimulatePolicyResponse, error) {
	src, err := s.source(ctx, s.Store, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	if err := src.exclude(in.PolicyExclusionList); err != nil {
		return nil, err
	}
	m := s.newSimulation(accountOf(ctx))
	if err := m.adopt(src); err != nil {
		return nil, err
	}
	if err := s.organized(ctx, m, in.PolicyExclusionList); err != nil {
		return nil, err
	}
	return m.run(ctx, &simulationInput{
		policies: in.PolicyInputList, boundaries: in.PermissionsBoundaryPolicyInputList,
		actions: in.ActionNames, resources: in.ResourceArns, entries: in.ContextEntries,
		resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, caller: in.CallerArn,
		handling: in.ResourceHandlingOption, maxItems: in.MaxItems, marker: in.Marker,
	})
}

// organized adds the service control policies of the account, unless they are
// excluded: all of them, or by ARN.
func (s *Service) organized(ctx context.Context, m *simulation, excluded []iamapi.PolicyIdentifier) error {
	if s.SCPs == nil {
		return nil
	}
	levels, err := s.SCPs(ctx, accountOf(ctx))
	if err != nil {
		return err
	}
	for _, level := range levels {
		var kept []policy.Labelled
		for _, p := range level.Policies() {
			if !excludedSCP(excluded, p.Source.ARN) {
				kept = append(kept, *p)
			}
		}
		if len(kept) == 0 && len(level.Policies()) > 0 { // nothing is left to say about this level
			continue
		}
		set := policy.Compile(kept...)
		m.statements += set.Len()
		m.bindings.SCP = append(m.bindings.SCP, set)
	}
	return nil
}

func excludedSCP(list []iamapi.PolicyIdentifier, name string) bool {
	for i := range list {
		if list[i].PolicyType == iamapi.PolicyIdentifierPolicyType_scp || list[i].PolicyArn != nil && fits(*list[i].PolicyArn, name) {
			return true
		}
	}
	return false
}

// run reads what both operations have in common and evaluates one page of it:
// a page is a number of actions, each with all resources.
func (m *simulation) run(ctx context.Context, in *simulationInput) (*iamapi.SimulatePolicyResponse, error) {
	if err := m.read(in); err != nil {
		return nil, err
	}
	p, err := newPage(in.maxItems, in.marker)
	if err != nil {
		return nil, err
	}
	next, err := pageStart(p, len(in.actions))
	if err != nil {
		return nil, err
	}
	cost := len(m.resources) * max(m.statements, 1)
	if cost > actionWork {
		return nil, invalidInput("The simulation is too large: %d resources with %d policy statements. Pass fewer resources.", len(m.resources), m.statements)
	}
	out := &iamapi.SimulatePolicyResponse{EvaluationResults: []iamapi.EvaluationResult{}, IsTruncated: new(false)}
	for work := 0; next < len(in.actions) && len(out.EvaluationResults) < p.limit && work < pageWork; work += cost {
		result, err := m.evaluate(ctx, in.actions[next])
		if err != nil {
			return nil, err
		}
		out.EvaluationResults = append(out.EvaluationResults, *result)
		next++
	}
	if next < len(in.actions) {
		out.IsTruncated, out.Marker = new(true), markerFor(strconv.Itoa(next))
	}
	return out, nil
}

// pageStart is the place of the page's first action: actions may repeat, so
// the marker is a place and not a name.
func pageStart(p page, actions int) (int, error) {
	if p.after == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(p.after)
	if err != nil || n < 1 || n >= actions {
		return 0, wire.Errorf("ValidationError", "Invalid Marker: %s", *markerFor(p.after))
	}
	return n, nil
}

// checkActionName refuses what cannot be the name of an action. AWS evaluates
// names that no service has; so does the simulator, since the reference of
// actions in the program is older than the newest action of AWS.
func checkActionName(name string) error {
	service, action, found := strings.Cut(name, ":")
	if !found {
		return invalidInput("The action is invalid since it is missing names")
	}
	for _, part := range [...]string{service, action} {
		for _, c := range part {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
				return invalidInput("Invalid Action Name: %s", name)
			}
		}
		if part == "" {
			return invalidInput("Invalid Action Name: %s", name)
		}
	}
	return nil
}
