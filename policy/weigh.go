package policy

import "strings"

// weigh decides between the resource's side (resource-based policy, grant) and
// the principal's side (identity-based policies within boundary and session
// policy), when nothing denies and every cap allows.
//
//	resource-based policy names…   same account                      other account
//	the principal itself, or "*"   enough, whatever else is missing  identity side too
//	its role (or user)             boundary and session policy too   identity side too
//	its account                    identity side too                 identity side too
//	nobody of these                identity side alone, but not for  denied
//	                               keys and roles to be assumed
//
// So a boundary caps what identity-based policies grant and what is granted to
// the role, but not what a policy of the same account grants to the user or
// the session itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
func (e *evaluation) weigh() Decision {
	if g := e.bindings.Grant; g != nil {
		return Decision{Allowed: true, Type: Grant}
	}
	t := e.resourceType()
	st, at := e.allowedBy(e.bindings.Resource)
	allowed := Decision{Allowed: true, Type: t, Statement: st}
	if !e.attached() {
		if at == direct {
			return allowed
		}
		return Decision{Type: t}
	}
	if e.request.CrossAccount() {
		if at == stranger {
			return Decision{Type: t}
		}
		return e.identity()
	}
	switch at {
	case direct:
		return allowed
	case issuer:
		if missing := e.limits(); missing != None {
			return Decision{Type: missing}
		}
		return allowed
	case stranger:
		if e.bindings.Authority != Shared {
			return Decision{Type: t}
		}
	}
	return e.identity()
}

// identity decides by the principal's side alone. The root user, and a
// federated user of the root user, need no identity-based policy.
func (e *evaluation) identity() Decision {
	d := Decision{Allowed: true}
	p := e.query.principal
	if p.Kind != Root && !(p.Kind == FederatedUser && strings.HasSuffix(p.Issuer, ":root")) {
		st, at := e.allowedBy(e.bindings.Identity)
		if at == stranger {
			return Decision{Type: Identity}
		}
		d.Type, d.Statement = Identity, st
	}
	if missing := e.limits(); missing != None {
		return Decision{Type: missing}
	}
	return d
}

// limits returns Boundary or Session if that does not allow, or None. A
// federated user without session policy has nothing.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getfederationtoken.html
func (e *evaluation) limits() Type {
	b := e.bindings
	if b.Boundary != nil && !e.allows(b.Boundary) {
		return Boundary
	}
	if b.Session == nil && e.query.principal.Kind != FederatedUser {
		return None
	}
	if !e.allows(b.Session) {
		return Session
	}
	return None
}
