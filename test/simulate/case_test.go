package simulate

import (
	"encoding/json"
	"slices"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

// A testCase is one request with all policies that apply to it. Its JSON is
// what a failing test prints.
type testCase struct {
	Principal       string              // ARN, service principal, identity provider; empty: anonymous
	Issuer          string              `json:",omitempty"` // ARN of the role or user behind a session
	Action          string              //
	Resource        string              //
	ResourceAccount string              //
	Context         map[string][]string `json:",omitempty"`
	Identity        []document          `json:",omitempty"`
	Boundary        *document           `json:",omitempty"`
	Session         *document           `json:",omitempty"`
	SCP             [][]document        `json:",omitempty"` // a list for each level, root first
	RCP             [][]document        `json:",omitempty"` // without RCPFullAWSAccess
	Endpoint        *document           `json:",omitempty"`
	ResourcePolicy  *document           `json:",omitempty"`
}

type document struct {
	Version   string `json:",omitempty"`
	Statement []statement
}

type statement struct {
	Effect       string
	Principal    principals                 `json:",omitempty"`
	NotPrincipal principals                 `json:",omitempty"`
	Action       list                       `json:",omitempty"`
	NotAction    list                       `json:",omitempty"`
	Resource     list                       `json:",omitempty"`
	NotResource  list                       `json:",omitempty"`
	Condition    map[string]map[string]list `json:",omitempty"`
}

// principals is a Principal element; the key "*" stands for the bare string.
type principals map[string]list

func (p principals) MarshalJSON() ([]byte, error) {
	if _, ok := p["*"]; ok {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string]list(p))
}

// list is a string or a list of strings; one value is written either way.
type list []string

func (l list) MarshalJSON() ([]byte, error) {
	if len(l) == 1 && len(l[0])%2 == 0 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// fullAccess is RCPFullAWSAccess, which every level of an organisation has and
// nobody can detach; the oracle adds it by itself.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html#example-rcp-full-aws-access
var fullAccess = document{Version: "2012-10-17", Statement: []statement{
	{Effect: "Allow", Principal: principals{"*": nil}, Action: list{"*"}, Resource: list{"*"}},
}}

// nothing is a policy that allows nothing.
var nothing = document{Version: "2012-10-17", Statement: []statement{
	{Effect: "Allow", Action: list{"none:None"}, Resource: list{"*"}},
}}

// bearer is the service principal that stands for the bearer of an OIDC token
// or SAML assertion in the oracle's form.
const bearer = "bearer.amazonaws.com"

// translated is c with what the oracle does not know put into words it knows.
func (c *testCase) translated() *testCase {
	t := *c
	p := c.principal()
	switch p.Kind {
	case policy.Root:
		// The root user may do everything in its account without any policy.
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html
		t.Identity = []document{{Version: "2012-10-17", Statement: []statement{{Effect: "Allow", Action: list{"*"}, Resource: list{"*"}}}}}
	case policy.FederatedUser:
		// Without session policies a federated user session has no permissions.
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
		if t.Session == nil {
			t.Session = &nothing
		}
	case policy.WebIdentity, policy.SAML:
		// Only the trust policy decides on them, as on services.
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
		t.Principal = bearer
		if t.ResourcePolicy != nil {
			d := document{t.ResourcePolicy.Version, slices.Clone(t.ResourcePolicy.Statement)}
			for i, s := range d.Statement {
				if slices.Contains(s.Principal["Federated"], c.Principal) {
					d.Statement[i].Principal = principals{"Service": {bearer}}
				}
			}
			t.ResourcePolicy = &d
		}
	}
	return &t
}

// simulation is c in the oracle's form.
func (c *testCase) simulation() map[string]any {
	c = c.translated()
	type named struct {
		Name   string   `json:"name"`
		Policy document `json:"policy"`
	}
	type level struct {
		Org      string  `json:"orgIdentifier"`
		Policies []named `json:"policies"`
	}
	names := func(docs []document) []named {
		out := []named{}
		for i, d := range docs {
			out = append(out, named{string(rune('a' + i)), d})
		}
		return out
	}
	levels := func(levels [][]document) []level {
		out := []level{}
		for i, docs := range levels {
			out = append(out, level{string(rune('a' + i)), names(docs)})
		}
		return out
	}
	context := map[string]any{}
	for k, v := range c.Context {
		if multi(k) {
			context[k] = v
		} else {
			context[k] = v[0]
		}
	}
	var principal any = c.Principal
	if c.Principal == "" {
		principal = map[string]string{"type": "Anonymous"}
	}
	s := map[string]any{
		"request": map[string]any{
			"principal": principal, "action": c.Action, "contextVariables": context,
			"resource": map[string]string{"resource": c.Resource, "accountId": c.ResourceAccount},
		},
		"identityPolicies":        names(c.Identity),
		"serviceControlPolicies":  levels(c.SCP),
		"resourceControlPolicies": levels(c.RCP),
	}
	if c.Session != nil {
		s["sessionPolicy"] = c.Session
	}
	if c.Boundary != nil {
		s["permissionBoundaryPolicies"] = names([]document{*c.Boundary})
	}
	if c.Endpoint != nil {
		s["vpcEndpointPolicies"] = names([]document{*c.Endpoint})
	}
	if c.ResourcePolicy != nil {
		s["resourcePolicy"] = c.ResourcePolicy
	}
	return s
}

// ask is c in the form of our engine.
func (c *testCase) ask() (*policy.Request, *policy.Bindings, error) {
	r := &policy.Request{
		Principal: c.principal(), Action: c.Action, Resource: c.Resource, ResourceAccount: c.ResourceAccount,
	}
	for k, v := range c.Context {
		if multi(k) {
			r.Context.SetAll(k, v)
		} else {
			r.Context.Set(k, v[0])
		}
	}
	b := &policy.Bindings{}
	var err error
	set := func(t policy.Type, docs ...document) *policy.Set {
		s, e := compile(t, docs...)
		if e != nil && err == nil {
			err = e
		}
		return s
	}
	one := func(t policy.Type, d *document) *policy.Set {
		if d == nil {
			return nil
		}
		return set(t, *d)
	}
	if len(c.Identity) > 0 {
		b.Identity = set(policy.Identity, c.Identity...)
	}
	b.Boundary = one(policy.Boundary, c.Boundary)
	b.Session = one(policy.Session, c.Session)
	b.Endpoint = one(policy.Endpoint, c.Endpoint)
	for _, docs := range c.SCP {
		b.SCP = append(b.SCP, set(policy.SCP, docs...))
	}
	for _, docs := range c.RCP {
		b.RCP = append(b.RCP, set(policy.RCP, append([]document{fullAccess}, docs...)...))
	}
	kind := policy.Resource
	service, action, _ := strings.Cut(strings.ToLower(c.Action), ":")
	switch {
	case service == "kms" && strings.Contains(c.Resource, ":key/"):
		b.Authority = policy.Key
	case service == "sts" && strings.HasPrefix(action, "assumerole"):
		b.Authority = policy.RoleTrust
		kind = policy.Trust
	}
	b.Resource = one(kind, c.ResourcePolicy)
	return r, b, err
}

func compile(t policy.Type, docs ...document) (*policy.Set, error) {
	var labelled []policy.Labelled
	for _, d := range docs {
		text, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		parsed, err := policy.Parse(text)
		if err != nil {
			return nil, err
		}
		if err := parsed.Check(t); err != nil {
			return nil, err
		}
		labelled = append(labelled, policy.Labelled{Source: policy.Source{Type: t}, Document: parsed})
	}
	return policy.Compile(labelled...), nil
}

// principal is the principal of c in the form of our engine.
func (c *testCase) principal() policy.Principal {
	if c.Principal == "" {
		return policy.Principal{Kind: policy.Anonymous}
	}
	f := strings.SplitN(c.Principal, ":", 6)
	if len(f) < 6 {
		if strings.HasSuffix(c.Principal, ".amazonaws.com") && !strings.HasPrefix(c.Principal, "cognito-identity") {
			return policy.Principal{Kind: policy.Service, ARN: c.Principal, Names: []string{c.Principal}}
		}
		return policy.Principal{Kind: policy.WebIdentity, ARN: c.Principal, Names: []string{c.Principal}}
	}
	p := policy.Principal{Account: f[4], ARN: c.Principal, Issuer: c.Issuer, ID: strings.Join(c.Context["aws:userid"], "")}
	kind, _, _ := strings.Cut(f[5], "/")
	switch kind {
	case "root":
		p.Kind = policy.Root
	case "user":
		p.Kind = policy.User
	case "assumed-role":
		p.Kind = policy.Role
	case "federated-user":
		p.Kind = policy.FederatedUser
	case "oidc-provider":
		return policy.Principal{Kind: policy.WebIdentity, ARN: c.Principal, Names: []string{c.Principal}}
	case "saml-provider":
		return policy.Principal{Kind: policy.SAML, ARN: c.Principal, Names: []string{c.Principal}}
	}
	return p
}

var ref = reference.Open()

// multi reports whether the condition key may have several values.
func multi(key string) bool {
	k, ok := ref.ConditionKey(key)
	return ok && k.Multi
}
