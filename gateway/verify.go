package gateway

import (
	"errors"

	"bartizan.dev/caller"
	"bartizan.dev/sigv4"
	"bartizan.dev/wire"
)

// verify establishes who is calling. Only the operations that the model marks
// unsigned pass without a signature; a signature on one of them is verified all
// the same.
func (x *exchange) verify() error {
	m := x.service.Model
	if err := x.signed; err != nil {
		if x.op != nil && x.op.Unsigned && sigv4.Is(err, sigv4.Missing) {
			x.facts.Identity = caller.Identity{Kind: caller.Anonymous}
			return nil
		}
		if x.op == nil && sigv4.Is(err, sigv4.Missing) { // perhaps one that AWS leaves unsigned
			return wire.NotImplemented(m.Name, x.name)
		}
		return x.refuse(err)
	}
	if err := x.claim.Check(x.service.rules, x.g.Signed()); err != nil {
		return x.refuse(err)
	}
	if x.claim.Certified() {
		return x.certified()
	}
	cred, lookup := x.g.Directory.Credential(x.ctx, x.claim.AccessKey, x.claim.Token)
	switch {
	case errors.Is(lookup, ErrUnknownKey):
		lookup = sigv4.Fail(sigv4.UnknownKey)
	case errors.Is(lookup, ErrToken):
		lookup = sigv4.Fail(sigv4.InvalidToken)
	case errors.Is(lookup, ErrExpired):
		lookup = sigv4.Fail(sigv4.ExpiredToken)
	case lookup != nil:
		return lookup
	}
	if lookup != nil {
		cred.Secret = "" // the same work, for nobody's secret
	}
	err := x.claim.Verify(x.g.keys, cred.Secret, x.body)
	if lookup != nil {
		return x.refuse(lookup)
	}
	if err != nil {
		return x.refuse(err)
	}
	x.facts.Identity = cred.Identity
	if !x.g.Directory.Usable(&x.facts.Identity, m.Name, x.name) {
		x.facts.Identity = caller.Identity{}
		return x.refuse(sigv4.Fail(sigv4.InvalidToken))
	}
	operation := ""
	if x.op != nil {
		operation = x.op.Name
	}
	x.g.Directory.Used(&x.facts.Identity, m.Endpoint, operation, x.facts.Region)
	if x.op == nil {
		return wire.NotImplemented(m.Name, x.name)
	}
	return nil
}

// refuse turns an error of the signature into AWS's answer for the service.
func (x *exchange) refuse(err error) error {
	m := x.service.Model
	a := sigv4.AnswerTo(err, sigv4.FamilyOf(m.Signing, m.Protocol.String()))
	return &wire.Error{Code: a.Code, Message: a.Message, Status: a.Status, Fault: a.Status >= 500, Cause: err}
}
