package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// authorise asks the operation's rule what the call touches and lets the
// policies decide about each touch. Nothing else decides access.
func (x *exchange) authorise() error {
	rule := &x.op.rule
	if rule.Everyone {
		return nil
	}
	touches, err := rule.Touches(x.ctx, x.in)
	x.touches = touches // also with an error: they say whose trail it belongs to
	if err != nil {
		return err
	}
	if len(touches) == 0 {
		return &wire.Error{Code: "InternalFailure", Status: 500, Fault: true,
			Message: "The operation declared nothing to authorise: this is a bug."}
	}
	standing, err := x.g.Directory.Standing(x.ctx, &x.facts.Identity)
	if err != nil {
		return err
	}
	bounds, err := x.bounds(standing.Principal.Account)
	if err != nil {
		return err
	}
	req := &x.request
	req.Principal = standing.Principal
	x.conditions(&req.Context, standing)
	b := policy.Bindings{Identity: standing.Identity, Boundary: standing.Boundary, Session: standing.Session}
	if bounds != nil {
		b.SCP = bounds.SCP
	}
	if bounds != nil && bounds.Organization != "" {
		req.Context.Set("aws:PrincipalOrgID", bounds.Organization)
		req.Context.SetAll("aws:PrincipalOrgPaths", bounds.Paths)
	}
	mark := req.Context.Mark()
	for i := range touches {
		req.Context.Reset(mark)
		if err := x.prepare(i, &b, bounds); err != nil {
			return err
		}
		if d := policy.Decide(req, &b); !d.Allowed {
			return x.denied(&b, d, i, mark, bounds)
		}
	}
	return nil
}

// prepare makes the request and the bindings those of touch i.
func (x *exchange) prepare(i int, b *policy.Bindings, bounds *Bounds) (err error) {
	req := &x.request
	x.touches[i].Apply(req, b)
	owner := bounds
	if req.ResourceAccount != req.Principal.Account {
		if owner, err = x.bounds(req.ResourceAccount); err != nil {
			return err
		}
	}
	x.owner = owner
	x.owned(req, b, owner)
	return nil
}

// bounds asks for the bounds of an account; a principal without account, such
// as a service, has none.
func (x *exchange) bounds(account string) (*Bounds, error) {
	if account == "" {
		return nil, nil
	}
	return x.g.Directory.Bounds(x.ctx, account)
}

// owned adds what the organization of the resource's owner says about it. Only
// some services support resource control policies.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services
func (x *exchange) owned(req *policy.Request, b *policy.Bindings, owner *Bounds) {
	b.RCP = nil
	if owner == nil {
		return
	}
	if owner.Organization != "" {
		req.Context.Set("aws:ResourceOrgID", owner.Organization)
		req.Context.SetAll("aws:ResourceOrgPaths", owner.Paths)
	}
	if owner.RCP == nil || x.g.ControlsResources == nil {
		return
	}
	if prefix, _, ok := strings.Cut(req.Action, ":"); ok && x.g.ControlsResources(prefix) {
		b.RCP = owner.RCP
	}
}

// conditions sets the global condition keys of the call.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (x *exchange) conditions(c *policy.Context, s *Standing) {
	call, id := x.facts, &x.facts.Identity
	c.SetTime("aws:CurrentTime", call.Time)
	c.SetInt("aws:EpochTime", call.Time.Unix())
	c.SetBool("aws:SecureTransport", call.TLS != "")
	c.Set("aws:RequestedRegion", call.Region)
	c.SetBool("aws:ViaAWSService", len(call.Via) > 0)
	c.SetBool("aws:PrincipalIsAWSService", id.Kind == caller.Service)
	if len(call.Via) > 0 {
		c.SetAll("aws:CalledVia", call.Via)
		c.Set("aws:CalledViaFirst", call.Via[0])
		c.Set("aws:CalledViaLast", call.Via[len(call.Via)-1])
	} else if call.Source.IsValid() {
		c.Set("aws:SourceIp", call.Source.String())
	}
	if call.SourceARN != "" {
		c.Set("aws:SourceArn", call.SourceARN)
		if a, err := arn.Parse(call.SourceARN); err == nil && a.Account != "" {
			c.Set("aws:SourceAccount", a.Account)
		}
	}
	if call.UserAgent != "" {
		c.Set("aws:UserAgent", call.UserAgent)
	}
	if x.r != nil {
		if ref := x.r.Referer(); ref != "" {
			c.Set("aws:Referer", ref)
		}
	}
	PrincipalConditions(c, id, s, call.Time)
}

// PrincipalConditions sets the condition keys of a principal.
func PrincipalConditions(c *policy.Context, id *caller.Identity, s *Standing, now time.Time) {
	c.Set("aws:PrincipalType", principalType(id.Kind))
	switch id.Kind {
	case caller.Anonymous, caller.Certificate:
		return
	case caller.WebIdentity, caller.SAML:
		c.Set("aws:FederatedProvider", id.Provider)
		return
	}
	c.Set("aws:userid", id.ID)
	if id.Kind != caller.Service {
		c.Set("aws:PrincipalAccount", id.Account)
		c.Set("aws:PrincipalArn", principalARN(s))
	}
	if id.Kind == caller.User {
		c.Set("aws:username", id.Name)
	}
	if id.Service != "" {
		c.Set("aws:PrincipalServiceName", id.Service)
	}
	if len(s.Tags) > 0 {
		c.SetTags("aws:PrincipalTag/", s.Tags)
	}
	if t := id.Session; t != nil {
		c.SetTime("aws:TokenIssueTime", t.Issued)
		c.SetBool("aws:MultiFactorAuthPresent", t.MFA)
		if t.MFA {
			c.SetInt("aws:MultiFactorAuthAge", int64(now.Sub(t.MFATime)/time.Second))
		}
		if t.SourceIdentity != "" {
			c.Set("aws:SourceIdentity", t.SourceIdentity)
		}
		if t.Provider != "" {
			c.Set("aws:FederatedProvider", t.Provider)
		}
		for i := range t.Keys {
			c.Set(t.Keys[i].Key, t.Keys[i].Value)
		}
	}
}

// principalARN is aws:PrincipalArn: of a role session the role's, not the
// session's.
func principalARN(s *Standing) string {
	if s.Principal.Kind == policy.Role && s.Principal.Issuer != "" {
		return s.Principal.Issuer
	}
	return s.Principal.ARN
}

func principalType(k caller.Kind) string {
	switch k {
	case caller.Root:
		return "Account"
	case caller.User:
		return "User"
	case caller.Role:
		return "AssumedRole"
	case caller.Federated:
		return "FederatedUser"
	case caller.Service:
		return "Service"
	case caller.WebIdentity, caller.SAML:
		return "FederatedUser"
	}
	return "Anonymous"
}

// denied makes AWS's answer for refused touch i. The keys of the context from
// mark on are the touch's own.
func (x *exchange) denied(b *policy.Bindings, d policy.Decision, i, mark int, bounds *Bounds) error {
	m, req := x.service.Model, &x.request
	sameOrg := bounds != nil && x.owner != nil && bounds.Organization != "" && bounds.Organization == x.owner.Organization
	e := &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: d.Message(req, sameOrg)}
	switch m.Protocol {
	case wire.JSON10, wire.JSON11:
		e.Code, e.Status = "AccessDeniedException", http.StatusBadRequest
	case wire.RESTJSON:
		e.Code = "AccessDeniedException"
	case wire.Query:
		if m.Name == "sns" { // https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
			e.Code = "AuthorizationError"
		}
	case wire.EC2:
		e.Code = "UnauthorizedOperation"
		told := *b
		if req.CrossAccount() && !sameOrg { // what strangers have written is not for the caller: see explain.Evidence.Withhold
			told.Resource, told.RCP, told.Grant = nil, nil, nil
			d = policy.Decide(req, &told)
		}
		e.Message = "You are not authorized to perform this operation. " + e.Message + x.sealed(req, &told, d)
	}
	if id := x.keepEvidence(i, mark, *b, bounds); id != "" {
		e.Message += ". Call the GetRequestAuthorizationDetails API with the following authorization id: " + id
	}
	return e
}

// sealed is the encoded authorization message that DecodeAuthorizationMessage
// opens.
func (x *exchange) sealed(req *policy.Request, b *policy.Bindings, d policy.Decision) string {
	if x.g.Denied == nil {
		return ""
	}
	matched := []string{}
	for _, m := range policy.Explain(req, b).Matched() {
		matched = append(matched, m.Source.Name)
	}
	doc, err := json.Marshal(map[string]any{
		"allowed": d.Allowed, "explicitDeny": d.Explicit,
		"matchedStatements": map[string]any{"items": matched},
		"context": map[string]any{
			"principal": map[string]string{"id": x.facts.Identity.ID, "arn": x.facts.Identity.ARN},
			"action":    req.Action, "resource": req.Resource,
		},
	})
	if err != nil {
		return ""
	}
	s, err := x.g.Denied(x.ctx, doc)
	if err != nil {
		x.g.Log.Error("cannot seal an authorization message", "cause", err)
		return ""
	}
	return " Encoded authorization failure message: " + s
}

// readOnly is CloudTrail's readOnly, from the operation's verb.
func readOnly(name string) bool {
	switch name {
	case "Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyPair",
		"GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac", "GenerateRandom", "Sign", "Verify", "DeriveSharedSecret",
		"Encapsulate", "Decapsulate": // KMS: a key is used, and not changed
		return true
	}
	for _, verb := range [...]string{"Get", "List", "Describe", "Lookup", "Search", "Simulate", "Assume", "Decode", "Check", "Validate", "Test", "BatchGet", "Query", "Preview", "Search"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}
