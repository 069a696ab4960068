package iam

import (
	"fmt"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

// simulationInput is what both simulating operations take.
type simulationInput struct {
	policies, boundaries    []string
	actions, resources      []string
	entries                 []iamapi.ContextEntry
	resourcePolicy          *string
	owner, caller, handling *string
	maxItems                *int32
	marker                  *string
}

// simulation is a simulation that is ready to be asked.
type simulation struct {
	request    policy.Request // with principal and condition keys
	bindings   policy.Bindings
	held       map[policy.Type][]policy.Labelled
	starts     map[*policy.Statement]policy.Position
	statements int // in all policies
	source     *bearer

	resources    []string
	named        bool   // the resources were named: not "*" alone
	owner        string // account of resources that do not tell theirs
	sided        bool   // the resource's side takes part
	trust        *policy.Set
	resource     *policy.Set
	givenAccount bool // the caller gave aws:ResourceAccount

	actions func() *reference.Reference
}

// newSimulation is one in which a user without name, of the account, asks.
func (s *Service) newSimulation(account string) *simulation {
	return &simulation{
		actions: s.reference,
		request: policy.Request{Principal: policy.Principal{Kind: policy.User, Account: account}},
		held:    map[policy.Type][]policy.Labelled{},
		starts:  map[*policy.Statement]policy.Position{},
	}
}

// levels reads the SCPs of an organisation, from its root to the account.
func (m *simulation) levels(list []iamapi.OrderedOrganizationPolicyType) error {
	for i, level := range list {
		if len(level.ServiceControlPolicyInputList) == 0 {
			return invalidInput("Organization policy at index %d must contain at least one service control policy", i+1)
		}
		m.held[policy.SCP] = nil
		for j, text := range level.ServiceControlPolicyInputList {
			if err := m.given(policy.SCP, fmt.Sprintf("OrderedOrganizationPolicyInputList.%d.%d", i+1, j+1), text); err != nil {
				return err
			}
		}
		m.bindings.SCP = append(m.bindings.SCP, policy.Compile(m.held[policy.SCP]...))
	}
	return nil
}

// read checks the input, in the order in which AWS finds mistakes, and makes
// the request and its bindings.
func (m *simulation) read(in *simulationInput) error {
	for _, check := range []func(*simulationInput) error{
		m.readResources, m.readActions, m.readPolicies, m.readCaller, m.readOwner, m.readResourcePolicy,
	} {
		if err := check(in); err != nil {
			return err
		}
	}
	if err := m.setEntries(in.entries); err != nil {
		return err
	}
	return m.checkApplies(in)
}

func (m *simulation) readResources(in *simulationInput) error {
	m.resources, m.named = in.resources, true
	if len(in.resources) == 0 || len(in.resources) == 1 && in.resources[0] == "*" {
		m.resources, m.named = []string{"*"}, false
		return nil
	}
	for _, name := range in.resources {
		if _, err := arn.Parse(name); err != nil {
			return invalidInput("ResourceNames are not in a valid ARN format: %s.", name)
		}
	}
	return nil
}

func (m *simulation) readActions(in *simulationInput) error {
	if len(in.actions) == 0 {
		return invalidInput("ActionNames is required.")
	}
	for _, name := range in.actions {
		if err := checkActionName(name); err != nil {
			return err
		}
	}
	if in.handling != nil {
		return m.checkScenario(*in.handling, in.actions)
	}
	return nil
}

func (m *simulation) readPolicies(in *simulationInput) error {
	for i, text := range in.policies {
		if err := m.given(policy.Identity, fmt.Sprintf("PolicyInputList.%d", i+1), text); err != nil {
			return err
		}
	}
	if len(in.boundaries) > 1 {
		return invalidInput("The list of Permissions Boundary policies cannot exceed 1 items.")
	}
	for _, text := range in.boundaries { // instead of the entity's own
		m.held[policy.Boundary] = nil
		if err := m.given(policy.Boundary, "PermissionsBoundaryPolicyInputList.1", text); err != nil {
			return err
		}
	}
	m.bindings.Identity = policy.Compile(m.held[policy.Identity]...)
	if len(m.held[policy.Boundary]) > 0 {
		m.bindings.Boundary = policy.Compile(m.held[policy.Boundary]...)
	}
	return nil
}

// readCaller sets the principal: CallerArn, or the user or role that the
// policies belong to. Facts of a user's record (its id and tags) count only
// where the record is the source: whoever may simulate must not find out by
// CallerArn what else is known of other users.
func (m *simulation) readCaller(in *simulationInput) error {
	c, b := &m.request.Context, m.source
	c.SetBool("aws:PrincipalIsAWSService", false)
	p := &m.request.Principal
	if in.caller != nil && (b == nil || *in.caller != b.ARN()) {
		a, err := arn.Parse(*in.caller)
		k, rest := a.Type()
		if err != nil || a.Partition != arn.Partition || a.Service != "iam" || a.Region != "" || !arn.IsAccount(a.Account) || kind(k) != aUser || rest == "" {
			return invalidInput("Invalid caller - Caller must be an IAM user in this context.")
		}
		*p = policy.Principal{Kind: policy.User, Account: a.Account, ARN: *in.caller}
		m.setPrincipal(p.ARN, rest[strings.LastIndexByte(rest, '/')+1:])
		return nil
	}
	switch {
	case b != nil && b.kind == aUser:
		*p = policy.Principal{Kind: policy.User, Account: b.Account, ARN: b.ARN(), ID: b.ID}
		m.setPrincipal(p.ARN, b.Name)
		c.Set("aws:userid", b.ID)
	case in.caller != nil: // the role or group that is the source
		return invalidInput("Invalid caller - Caller must be an IAM user in this context.")
	case in.resourcePolicy != nil && b != nil:
		return invalidInput("Invalid caller - Caller must be an IAM user in this context.")
	case in.resourcePolicy != nil:
		return invalidInput("Invalid caller - Caller cannot be null or empty.")
	case b != nil && b.kind == aRole:
		*p = policy.Principal{Kind: policy.Role, Account: b.Account, Issuer: b.ARN(), ID: b.ID, ServiceLinked: strings.HasPrefix(b.Path, "/aws-service-role/")}
		c.Set("aws:PrincipalArn", b.ARN())
		c.Set("aws:PrincipalType", "AssumedRole")
	}
	c.Set("aws:PrincipalAccount", p.Account)
	if b != nil && len(b.tags) > 0 {
		c.SetTags("aws:PrincipalTag/", policyTags(b.tags))
	}
	return nil
}

// setPrincipal sets the condition keys that tell of a user by its ARN alone.
func (m *simulation) setPrincipal(name, user string) {
	c := &m.request.Context
	c.Set("aws:PrincipalArn", name)
	c.Set("aws:PrincipalAccount", m.request.Principal.Account)
	c.Set("aws:PrincipalType", "User")
	c.Set("aws:username", user)
}

func (m *simulation) readOwner(in *simulationInput) error {
	m.owner = m.request.Principal.Account
	m.sided = in.resourcePolicy != nil || in.owner != nil
	if in.owner == nil {
		return nil
	}
	a, err := arn.Parse(*in.owner)
	if err != nil || a.Partition != arn.Partition || a.Service != "iam" || !arn.IsAccount(a.Account) || a.Resource != "root" {
		return invalidInput("'%s' is not a valid as a Resource Owner.", *in.owner)
	}
	m.owner = a.Account
	return nil
}

// readResourcePolicy takes the policy of a resource, or the trust policy of a
// role: that is one without resources.
func (m *simulation) readResourcePolicy(in *simulationInput) error {
	if in.resourcePolicy == nil {
		return nil
	}
	if !m.named {
		return invalidInput("A ResourcePolicy needs ResourceArns: it must apply to all resources of the simulation.")
	}
	doc, err := policy.Parse([]byte(*in.resourcePolicy))
	if err != nil {
		return notAPolicy("ResourcePolicy", policy.Resource, err)
	}
	t := policy.Trust
	for i := range doc.Statements {
		if doc.Statements[i].Resource != nil || doc.Statements[i].NotResource != nil {
			t = policy.Resource
		}
	}
	if err := doc.Check(t); err != nil {
		return notAPolicy("ResourcePolicy", t, err)
	}
	set := policy.Compile(m.label(t, &sourcePolicy{id: "ResourcePolicy", text: *in.resourcePolicy}, doc))
	if t == policy.Trust {
		m.trust = set
	} else {
		m.resource = set
	}
	return nil
}

// checkApplies: the resource policy "must be applicable to all of the
// resources included in the simulation or you receive an invalid input error".
func (m *simulation) checkApplies(in *simulationInput) error {
	if in.resourcePolicy == nil {
		return nil
	}
	if m.trust != nil {
		for _, name := range in.actions {
			if !assumes(name) {
				return invalidInput("The ResourcePolicy is a role trust policy, which does not apply to the action %s.", name)
			}
		}
	}
	for _, name := range m.resources {
		if !m.applies(in.actions[0], name) {
			return invalidInput("The ResourcePolicy does not apply to the resource %s.", name)
		}
	}
	return nil
}

// assumes reports whether a trust policy is asked about the action.
func assumes(action string) bool {
	switch fold(action) {
	case "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext":
		return true
	}
	return false
}

func (m *simulation) applies(action, resource string) bool {
	if m.trust != nil {
		return isRole(resource)
	}
	r := m.request
	r.Action, r.Resource = action, resource
	for _, l := range policy.Explain(&r, &policy.Bindings{Resource: m.resource}).Layers {
		for i := range l.Statements {
			if l.Type == policy.Resource && l.Statements[i].Resource {
				return true
			}
		}
	}
	return false
}

func isRole(resource string) bool {
	a, err := arn.Parse(resource)
	return err == nil && a.Service == "iam" && strings.HasPrefix(a.Resource, "role/")
}
