package iam

import (
	"context"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// The names of policy types in AWS's answers: SourcePolicyType and the keys of
// EvalDecisionDetails. The model's enumeration has others, which AWS does not
// use; see the examples of the reference.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Examples
const (
	identityName = "IAM Policy"
	resourceName = "Resource Policy"
	boundaryName = "Permissions Boundary Policy"
	scpName      = "Service Control Policy"
)

func sourceType(t policy.Type) iamapi.PolicySourceType {
	switch t {
	case policy.Resource, policy.Trust:
		return resourceName
	case policy.Boundary:
		return boundaryName
	case policy.SCP:
		return scpName
	}
	return identityName
}

// verdict is the answer for one action on one resource.
type verdict struct {
	resource string
	decision policy.Result
	matched  []iamapi.Statement
	missing  []string
	details  map[string]iamapi.PolicyEvaluationDecisionType // nil within one account
	bounded  *bool                                          // what the boundary says; nil without one
	allowed  *bool                                          // what the SCPs say; nil without any
}

// evaluate asks for one action on every resource.
func (m *simulation) evaluate(ctx context.Context, action string) (*iamapi.EvaluationResult, error) {
	verdicts := make([]verdict, 0, len(m.resources))
	for _, resource := range m.resources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		verdicts = append(verdicts, m.judge(action, resource))
	}
	out := m.summary(action, verdicts)
	if !m.named {
		return out, nil
	}
	for _, v := range verdicts {
		r := iamapi.ResourceSpecificResult{
			EvalResourceName: v.resource, EvalResourceDecision: apiDecision(v.decision),
			MatchedStatements: v.matched, MissingContextValues: v.missing, EvalDecisionDetails: v.details,
		}
		if v.bounded != nil {
			r.PermissionsBoundaryDecisionDetail = &iamapi.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: v.bounded}
		}
		out.ResourceSpecificResults = append(out.ResourceSpecificResults, r)
	}
	return out, nil
}

// judge asks the engine.
func (m *simulation) judge(action, resource string) verdict {
	r, b := &m.request, m.bindings
	mark := r.Context.Mark()
	defer r.Context.Reset(mark)
	owner := m.ownerOf(resource)
	if !m.givenAccount {
		r.Context.Set("aws:ResourceAccount", owner)
	}
	r.Action, r.Resource, r.ResourceAccount = action, resource, r.Principal.Account
	if m.sided {
		r.ResourceAccount = owner
	}
	m.bindResource(&b, action, resource)
	e := policy.Explain(r, &b)
	v := verdict{resource: resource, decision: e.Decision.Result(), matched: m.matched(e), missing: e.Missing}
	if b.SCP != nil {
		said, _ := e.Result(policy.SCP)
		v.allowed = new(said == policy.Allowed)
	}
	if b.Boundary != nil {
		said, _ := e.Result(policy.Boundary)
		v.bounded = new(said == policy.Allowed)
	}
	if r.CrossAccount() && (v.allowed == nil || *v.allowed) {
		v.details = bySide(e, b.Boundary != nil)
	}
	return v
}

// bindResource binds the resource's policy as the service in question would:
// keys and roles to be assumed are ruled by theirs.
func (m *simulation) bindResource(b *policy.Bindings, action, resource string) {
	switch {
	case m.trust != nil:
		b.Resource, b.Authority = m.trust, policy.RoleTrust
	case m.resource != nil:
		b.Resource = m.resource
		if a, err := arn.Parse(resource); err == nil && a.Service == "kms" && strings.HasPrefix(a.Resource, "key/") {
			b.Authority = policy.Key
		}
	}
}

// ownerOf is the account a resource belongs to: the one in its ARN, or
// ResourceOwner, or the caller's.
func (m *simulation) ownerOf(resource string) string {
	if a, err := arn.Parse(resource); err == nil && arn.IsAccount(a.Account) {
		return a.Account
	}
	return m.owner
}

// matched are "the statements in the input policies that determine the
// result": of a denial the Deny statements, otherwise those that allow on the
// side of the caller or of the resource.
func (m *simulation) matched(e *policy.Explanation) []iamapi.Statement {
	out := []iamapi.Statement{}
	for _, match := range e.Matched() {
		t := match.Source.Type
		if (match.Statement.Effect == policy.Deny) != e.Decision.Explicit {
			continue
		}
		if !e.Decision.Explicit && (t == policy.Boundary || t == policy.SCP) {
			continue
		}
		start, ok := m.starts[match.Statement]
		if !ok { // of an organization's policy, which was compiled elsewhere
			start = match.Statement.Start
		}
		out = append(out, iamapi.Statement{
			SourcePolicyId: &match.Source.Name, SourcePolicyType: sourceType(t),
			StartPosition: apiPosition(start), EndPosition: apiPosition(match.Statement.End),
		})
	}
	return out
}

// bySide tells of a cross-account request what each type of policy says alone.
func bySide(e *policy.Explanation, bounded bool) map[string]iamapi.PolicyEvaluationDecisionType {
	identity, _ := e.Result(policy.Identity)
	resource, ok := e.Result(policy.Resource)
	if !ok {
		resource, _ = e.Result(policy.Trust)
	}
	out := map[string]iamapi.PolicyEvaluationDecisionType{
		identityName: apiDecision(identity), resourceName: apiDecision(resource),
	}
	if bounded {
		boundary, _ := e.Result(policy.Boundary)
		out[boundaryName] = apiDecision(boundary)
	}
	return out
}

func apiDecision(r policy.Result) iamapi.PolicyEvaluationDecisionType {
	return iamapi.PolicyEvaluationDecisionType(r.String())
}

// summary is the answer for an action on all its resources: allowed only if it
// is on each. With named resources missing keys are told of each resource, and
// the statements too unless there is but one.
func (m *simulation) summary(action string, verdicts []verdict) *iamapi.EvaluationResult {
	first := &verdicts[0]
	out := &iamapi.EvaluationResult{
		EvalActionName: action, EvalResourceName: &first.resource,
		MatchedStatements: []iamapi.Statement{}, MissingContextValues: []string{},
	}
	worst := policy.Allowed
	bounded, allowed := true, true
	for _, v := range verdicts {
		worst = worse(worst, v.decision)
		bounded = bounded && (v.bounded == nil || *v.bounded)
		allowed = allowed && (v.allowed == nil || *v.allowed)
	}
	out.EvalDecision = apiDecision(worst)
	if first.bounded != nil {
		out.PermissionsBoundaryDecisionDetail = &iamapi.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: &bounded}
	}
	if first.allowed != nil {
		out.OrganizationsDecisionDetail = &iamapi.OrganizationsDecisionDetail{AllowedByOrganizations: &allowed}
	}
	if !m.named {
		out.MissingContextValues = first.missing
	}
	if (m.named || first.details != nil) && allowed {
		out.EvalDecisionDetails = worstDetails(verdicts)
	}
	if len(verdicts) > 1 {
		out.EvalResourceName = new(m.resourcePattern(action, first.resource))
	} else if worst != policy.ImplicitDeny {
		out.MatchedStatements = first.matched
	}
	return out
}

// worse is the stronger of two answers: explicitDeny, implicitDeny, allowed.
func worse(a, b policy.Result) policy.Result {
	if a == policy.ExplicitDeny || b == policy.Allowed {
		return a
	}
	return b
}

func worstDetails(verdicts []verdict) map[string]iamapi.PolicyEvaluationDecisionType {
	out := map[string]iamapi.PolicyEvaluationDecisionType{}
	rank := map[iamapi.PolicyEvaluationDecisionType]int{
		iamapi.PolicyEvaluationDecisionType_allowed: 1, iamapi.PolicyEvaluationDecisionType_implicitDeny: 2, iamapi.PolicyEvaluationDecisionType_explicitDeny: 3,
	}
	for _, v := range verdicts {
		for name, said := range v.details {
			if rank[said] > rank[out[name]] {
				out[name] = said
			}
		}
	}
	return out
}

// resourcePattern is the EvalResourceName of several resources together: the
// form of the ARNs of the action's resource type that the first of them has, or
// "*".
func (m *simulation) resourcePattern(action, resource string) string {
	best, most := "*", 0
	a, ok := m.actions().Action(action)
	if !ok {
		return best
	}
	for _, r := range a.Resources {
		form := strings.Replace(r.Type.ARN, "${Partition}", arn.Partition, 1)
		if n := literals(form, resource); n > most {
			best, most = form, n
		}
	}
	return best
}

// literals returns how many bytes of name the form itself has, the rest being
// what its variables stand for; 0 when name has another form.
func literals(form, name string) int {
	head, rest, variable := strings.Cut(form, "${")
	n := len(head)
	name, ok := strings.CutPrefix(name, head)
	for ok && variable {
		var literal string
		_, rest, _ = strings.Cut(rest, "}")
		literal, rest, variable = strings.Cut(rest, "${")
		n += len(literal)
		if !variable { // the last literal ends the name
			ok = len(name) > len(literal) && strings.HasSuffix(name, literal)
			name = ""
			break
		}
		_, name, ok = strings.Cut(name[min(1, len(name)):], literal) // a variable has one byte at least
	}
	if !ok || name != "" {
		return 0
	}
	return n
}
