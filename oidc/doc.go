// Package oidc reads and writes what OpenID Connect is made of: signed tokens
// (JWS compact serialisation with JWT claims) and key sets, and it asks issuers
// for theirs. It decides nothing: what a token's claims are worth, its reader
// knows.
//
//   - json.go: JSON that means one thing: bounded, without duplicate names.
//   - algorithm.go: the signature algorithms. "none" and those with a shared
//     secret do not exist here.
//   - jwk.go: public keys and sets of them, read and written.
//   - sign.go, verify.go: tokens.
//   - issuer.go, thumbprint.go, provider.go: discovery, over HTTPS, and the cache
//     of an issuer's keys.
package oidc

import "errors"

// Errors of this package wrap one of these.
var (
	ErrMalformed = errors.New("oidc: malformed")             // no token, key set or discovery document
	ErrAlgorithm = errors.New("oidc: algorithm not allowed") // "none", HS256, or one that was not asked for
	ErrNoKey     = errors.New("oidc: no key")                // the issuer's set holds no key for the token
	ErrSignature = errors.New("oidc: signature not valid")
	ErrIssuer    = errors.New("oidc: issuer not reachable") // discovery failed: network, status, size, trust
	ErrThumb     = errors.New("oidc: certificate not trusted")
)
