package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

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
	if err != nil {
		return err
	}
	x.touches = touches
	if len(touches) == 0 {
		return &wire.Error{Code: "InternalFailure", Status: 500, Fault: true,
			Message: "The operation declared nothing to authorise: this is a bug."}
	}
	standing, err := x.g.Directory.Standing(x.ctx, &x.facts.Identity)
	if err != nil {
		return err
	}
	req := &x.request
	req.Principal = standing.Principal
	x.conditions(&req.Context, standing)
	b := policy.Bindings{Identity: standing.Identity, Boundary: standing.Boundary, Session: standing.Session, SCP: standing.SCP}
	for i := range touches {
		mark := req.Context.Mark()
		touches[i].Apply(req, &b)
		d := policy.Decide(req, &b)
		if !d.Allowed {
			return x.denied(req, &b, d)
		}
		req.Context.Reset(mark)
	}
	return nil
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
	if call.UserAgent != "" {
		c.Set("aws:UserAgent", call.UserAgent)
	}
	if x.r != nil {
		if ref := x.r.Referer(); ref != "" {
			c.Set("aws:Referer", ref)
		}
	}
	x.principalConditions(c, s)
}

func (x *exchange) principalConditions(c *policy.Context, s *Standing) {
	id := &x.facts.Identity
	c.Set("aws:PrincipalType", principalType(id.Kind))
	if id.Kind == caller.Anonymous {
		return
	}
	c.Set("aws:userid", id.ID)
	c.Set("aws:PrincipalAccount", id.Account)
	c.Set("aws:PrincipalArn", principalARN(s))
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
			c.SetInt("aws:MultiFactorAuthAge", int64(x.facts.Time.Sub(t.MFATime)/time.Second))
		}
		if t.SourceIdentity != "" {
			c.Set("aws:SourceIdentity", t.SourceIdentity)
		}
		if t.Provider != "" {
			c.Set("aws:FederatedProvider", t.Provider)
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
	}
	return "Anonymous"
}

// denied makes AWS's answer for a refused touch.
func (x *exchange) denied(req *policy.Request, b *policy.Bindings, d policy.Decision) error {
	m := x.service.Model
	e := &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: d.Message(req, false)}
	switch m.Protocol {
	case wire.JSON10, wire.JSON11:
		e.Code, e.Status = "AccessDeniedException", http.StatusBadRequest
	case wire.RESTJSON:
		e.Code = "AccessDeniedException"
	case wire.EC2:
		e.Code = "UnauthorizedOperation"
		e.Message = "You are not authorized to perform this operation. " + e.Message + x.sealed(req, b, d)
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
	for _, verb := range [...]string{"Get", "List", "Describe", "Lookup", "Search", "Simulate", "Assume", "Decode", "Check", "Validate", "Test", "BatchGet", "Query", "Preview", "Search"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}
