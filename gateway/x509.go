package gateway

import (
	"bartizan.dev/caller"
	"bartizan.dev/sigv4"
	"bartizan.dev/wire"
)

// certified establishes that the caller holds the key of the certificate that
// was sent along. Only operations that AWS leaves without SigV4 are signed so;
// whether the certificate is worth anything is for the operation's rule, which
// finds it and its chain in Proof.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
func (x *exchange) certified() error {
	if x.op == nil {
		return wire.NotImplemented(x.service.Model.Name, x.name)
	}
	if !x.op.Unsigned {
		return x.refuse(sigv4.Fail(sigv4.UnsupportedAlgorithm))
	}
	chain, err := sigv4.Certificates(x.r.Header)
	if err == nil {
		err = x.claim.VerifyCertificate(chain[0], x.body)
	}
	if err != nil {
		return x.refuse(err)
	}
	x.facts.Identity = caller.Identity{Kind: caller.Certificate, Name: x.claim.AccessKey, Proof: chain}
	return nil
}
