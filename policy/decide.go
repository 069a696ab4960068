package policy

import "bytes"

// Decide answers r by the policies b, as AWS's enforcement code does:
//
//  1. A matching Deny statement anywhere denies.
//  2. Every level of RCPs, every level of SCPs and the VPC endpoint policy, if
//     there are any, must allow.
//  3. Then the resource's side and the principal's side are weighed: see weigh.
//
// A nil b denies everything but what AWS always allows. Decide does not
// allocate, save when a policy compares a number or a date as text or has more
// than eight variables in one string.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
func Decide(r *Request, b *Bindings) Decision {
	if b == nil {
		b = &Bindings{}
	}
	var buf [maxAction]byte
	q := query{
		principal: &r.Principal,
		action:    lowerInto(&buf, r.Action),
		resource:  splitARN(r.Resource),
		context:   &r.Context,
		bounded:   b.Boundary != nil,
	}
	if bytes.IndexByte(q.action, ':') < 0 {
		return Decision{Type: Identity} // not an action
	}
	free := exemption(q.action)
	if free == always {
		return Decision{Allowed: true, Always: true}
	}
	e := evaluation{request: r, bindings: b, query: &q}
	if d, denied := e.denied(); denied {
		return d
	}
	if free == unlessDenied {
		return Decision{Allowed: true, Always: true}
	}
	if t := e.capped(); t != None {
		return Decision{Type: t}
	}
	return e.weigh()
}

// evaluation is one decision under way.
type evaluation struct {
	request  *Request
	bindings *Bindings
	query    *query
}

// exempt says which operations need no permission.
type exempt uint8

const (
	ordinary     exempt = iota
	unlessDenied        // needs no Allow, but a Deny counts
	always              // not even a Deny counts
)

// exemption: sts:GetCallerIdentity works whatever the policies say; for
// sts:GetSessionToken no permission is needed.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
func exemption(action []byte) exempt {
	switch string(action) {
	case "sts:getcalleridentity":
		return always
	case "sts:getsessiontoken":
		return unlessDenied
	}
	return ordinary
}

// scps returns the SCPs that bind the principal: those of its account, unless
// it is a service-linked role or belongs to no account.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
func (e *evaluation) scps() []*Set {
	if e.query.principal.ServiceLinked || e.query.principal.Account == "" {
		return nil
	}
	return e.bindings.SCP
}

// rcps returns the RCPs that bind the request: those of the resource's
// account, unless a service-linked role asks.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
func (e *evaluation) rcps() []*Set {
	if e.query.principal.ServiceLinked {
		return nil
	}
	return e.bindings.RCP
}

// denied looks for a Deny statement in every policy that applies.
func (e *evaluation) denied() (Decision, bool) {
	for _, s := range e.scps() {
		if d, ok := e.deniedBy(s, SCP); ok {
			return d, true
		}
	}
	for _, s := range e.rcps() {
		if d, ok := e.deniedBy(s, RCP); ok {
			return d, true
		}
	}
	b := e.bindings
	if d, ok := e.deniedBy(b.Endpoint, Endpoint); ok {
		return d, true
	}
	if d, ok := e.deniedBy(b.Resource, e.resourceType()); ok {
		return d, true
	}
	if !e.attached() {
		return Decision{}, false
	}
	if d, ok := e.deniedBy(b.Identity, Identity); ok {
		return d, true
	}
	if d, ok := e.deniedBy(b.Boundary, Boundary); ok {
		return d, true
	}
	return e.deniedBy(b.Session, Session)
}

func (e *evaluation) deniedBy(s *Set, t Type) (Decision, bool) {
	if s == nil {
		return Decision{}, false
	}
	st, at := s.find(true, e.query, account)
	if at == stranger {
		return Decision{}, false
	}
	return Decision{Explicit: true, Type: t, Statement: &st.Match}, true
}

// attached reports whether policies can be attached to the principal at all.
func (e *evaluation) attached() bool {
	switch e.query.principal.Kind {
	case Root, User, Role, FederatedUser:
		return true
	}
	return false
}

// capped returns the type of the first cap that does not allow, or None.
func (e *evaluation) capped() Type {
	for _, s := range e.rcps() {
		if !e.allows(s) {
			return RCP
		}
	}
	for _, s := range e.scps() {
		if !e.allows(s) {
			return SCP
		}
	}
	if e.bindings.Endpoint != nil && !e.allows(e.bindings.Endpoint) {
		return Endpoint
	}
	return None
}

func (e *evaluation) allows(s *Set) bool {
	_, at := e.allowedBy(s)
	return at != stranger
}

func (e *evaluation) allowedBy(s *Set) (*Match, standing) {
	if s == nil {
		return nil, stranger
	}
	st, at := s.find(false, e.query, direct)
	if at == stranger {
		return nil, stranger
	}
	return &st.Match, at
}

func (e *evaluation) resourceType() Type {
	if e.bindings.Authority == RoleTrust {
		return Trust
	}
	return Resource
}
