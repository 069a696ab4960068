// Package pki issues X.509 certificates, revocation lists and OCSP answers. It
// keeps nothing, and a private key is only ever a crypto.Signer to it.
//
// A certificate that was not linted cannot be issued: Issue takes a Linted, and
// only Lint makes one. Lint signs what is to be issued by a key of its own that
// nobody trusts, hands the result to zlint with the profile's lints, and keeps
// the bytes; Issue signs those very bytes or fails.
//
// Profiles say what a certificate is for, how long it may last and which lints
// hold: the CA/Browser Forum's for names of the public, RFC 5280's for all.
package pki
