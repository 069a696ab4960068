package iamtoolbox

import (
	"context"
	"fmt"

	iamtoolboxapi "bartizan.dev/api/iamtoolbox"
	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
)

// evaluation decides evaluation i of the evidence again and shows it as AWS
// does: one check for each requirement.
func (s *Service) evaluation(ctx context.Context, e *explain.Evidence, i int) (*iamtoolboxapi.Evaluation, error) {
	r, b, err := e.Request(i, s.texts(ctx, e))
	if err != nil {
		return nil, err
	}
	ev := &e.Evaluations[i]
	tree := explain.New(r, b)
	decision := policy.Decide(r, b)
	effect := effects[decision.Result()]
	if e.Foreign(i) && i < len(e.Evaluations)-1 { // only the last one was denied
		decision.Allowed, effect = true, iamtoolboxapi.EvaluatedEffect_ALLOW
	}
	out := &iamtoolboxapi.Evaluation{
		Action: r.Action, Resource: r.Resource, Context: values(ev.Context), EvaluatedEffect: effect,
	}
	for l := range tree.Layers {
		layer := &tree.Layers[l]
		matched := matchedPolicies(e, ev, layer)
		out.MatchedPolicies = append(out.MatchedPolicies, matched...)
		kind, ok := checkTypes[layer.Kind]
		if !ok || kind == iamtoolboxapi.CheckType_RESOURCE && !apart(r, b) {
			continue
		}
		c := iamtoolboxapi.Check{
			CheckType: kind, EvaluatedEffect: checkEffect(layer.Outcome, decision.Allowed),
			RelevantPolicyTypes: []iamtoolboxapi.PolicyType{policyTypes[layer.Kind]}, MatchedPolicies: matched,
		}
		if t := target(e, ev, layer); t != "" {
			c.TargetArn = &t
		}
		out.Checks = append(out.Checks, c)
	}
	return out, nil
}

var effects = map[policy.Result]iamtoolboxapi.EvaluatedEffect{
	policy.Allowed:      iamtoolboxapi.EvaluatedEffect_ALLOW,
	policy.ExplicitDeny: iamtoolboxapi.EvaluatedEffect_EXPLICIT_DENY,
	policy.ImplicitDeny: iamtoolboxapi.EvaluatedEffect_IMPLICIT_DENY,
}

var checkTypes = map[policy.Type]iamtoolboxapi.CheckType{
	policy.RCP:      iamtoolboxapi.CheckType_RESOURCE_CONTROL_POLICY,
	policy.SCP:      iamtoolboxapi.CheckType_SERVICE_CONTROL_POLICY,
	policy.Endpoint: iamtoolboxapi.CheckType_VPC_ENDPOINT,
	policy.Resource: iamtoolboxapi.CheckType_RESOURCE,
	policy.Trust:    iamtoolboxapi.CheckType_RESOURCE,
	policy.Identity: iamtoolboxapi.CheckType_PRINCIPAL,
	policy.Boundary: iamtoolboxapi.CheckType_PERMISSIONS_BOUNDARY,
	policy.Session:  iamtoolboxapi.CheckType_SESSION,
}

// apart reports whether the resource's owner must allow separately.
func apart(r *policy.Request, b *policy.Bindings) bool {
	return r.CrossAccount() || b.Authority != policy.Shared
}

// checkEffect: what nobody allowed had no impact if another path allowed the
// request.
func checkEffect(layer policy.Result, allowed bool) iamtoolboxapi.CheckEffect {
	switch {
	case layer == policy.Allowed:
		return iamtoolboxapi.CheckEffect_ALLOW
	case layer == policy.ExplicitDeny:
		return iamtoolboxapi.CheckEffect_EXPLICIT_DENY
	case allowed:
		return iamtoolboxapi.CheckEffect_NO_IMPACT
	}
	return iamtoolboxapi.CheckEffect_IMPLICIT_DENY
}

func target(e *explain.Evidence, ev *explain.Evaluation, l *explain.Layer) string {
	list := e.Targets
	switch l.Kind {
	case policy.RCP:
		list = ev.Targets
	case policy.SCP:
	default:
		return ""
	}
	if l.Level < len(list) {
		return list[l.Level]
	}
	return ""
}

// matchedPolicies are the policies of a layer with statements that matched.
func matchedPolicies(e *explain.Evidence, ev *explain.Evaluation, l *explain.Layer) (out []iamtoolboxapi.MatchedPolicy) {
	list := indexes(ev, l)
	for i := range l.Policies {
		p := iamtoolboxapi.MatchedPolicy{Uri: uri(e, list[i])}
		for _, st := range l.Policies[i].Statements {
			if !st.Matched {
				continue
			}
			sid := st.Sid
			if sid == "" {
				sid = fmt.Sprintf("statement-%d", st.Index)
			}
			effect := iamtoolboxapi.StatementEffect_ALLOW
			if st.Effect == "Deny" {
				effect = iamtoolboxapi.StatementEffect_DENY
			}
			p.MatchedStatements = append(p.MatchedStatements, iamtoolboxapi.MatchedStatement{Sid: &sid, EvaluatedEffect: effect})
		}
		if p.MatchedStatements != nil {
			out = append(out, p)
		}
	}
	return out
}

// indexes are the policies of a layer.
func indexes(ev *explain.Evaluation, l *explain.Layer) []int {
	switch l.Kind {
	case policy.Identity:
		return ev.Identity
	case policy.Boundary:
		return ev.Boundary
	case policy.Session:
		return ev.Session
	case policy.Endpoint:
		return ev.Endpoint
	case policy.Resource, policy.Trust:
		return ev.Owner
	case policy.SCP:
		return ev.SCP[l.Level]
	case policy.RCP:
		return ev.RCP[l.Level]
	}
	return nil
}
