package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
)

// decoy stands in for the secret of a key that does not exist, so that the
// answer takes the same work as for one that does. A signature made with it is
// refused like any other.
const decoy = "there/is/no/such/key/0000000000000000000"

// Verify decides whether the holder of secret signed this request with this
// body. An empty secret means that there is no such key: Verify does all the
// work and then fails with UnknownKey.
func (c *Claim) Verify(keys *Keys, secret string, body []byte) error {
	if c.step != checked {
		return &Error{Reason: Misuse, Detail: "Verify before Check"}
	}
	if c.algorithm != Algorithm {
		return unsupported(c.algorithm, c.Presigned)
	}
	if c.Streaming() {
		return &Error{Reason: Misuse, Detail: "Verify of a streaming body; use VerifyHead and Body"}
	}
	if c.rules.S3 && c.Payload == UnsignedPayload {
		return c.verifyHead(keys, secret)
	}
	sum := sha256.Sum256(body)
	var payload [64]byte
	hex.Encode(payload[:], sum[:])
	if !c.rules.S3 {
		return c.verify(keys, secret, c.canonical(payload[:]))
	}
	if err := c.verifyHead(keys, secret); err != nil {
		return err
	}
	if !sameSignature(&payload, c.Payload) {
		c.step = checked
		return &Error{Reason: PayloadMismatch, Presigned: c.Presigned}
	}
	return nil
}

// VerifyHead verifies the signature over head and declared payload hash, for
// S3 bodies that have not been read. They must then be read through Body, and
// believed only once that has returned io.EOF.
func (c *Claim) VerifyHead(keys *Keys, secret string) error {
	if c.step != checked {
		return &Error{Reason: Misuse, Detail: "VerifyHead before Check"}
	}
	if c.algorithm != Algorithm {
		return unsupported(c.algorithm, c.Presigned)
	}
	if !c.rules.S3 {
		return &Error{Reason: Misuse, Detail: "VerifyHead outside S3"}
	}
	return c.verifyHead(keys, secret)
}

func (c *Claim) verifyHead(keys *Keys, secret string) error {
	ok := c.canonical(nil)
	c.canon.buf = append(c.canon.buf, c.Payload...)
	return c.verify(keys, secret, ok)
}

func (c *Claim) canonical(payload []byte) bool {
	ok := c.canon.build(c.r, &c.rules, c.SignedHeaders)
	c.canon.buf = append(c.canon.buf, payload...)
	return ok
}

// verify compares signatures once the canonical request is built. Every path
// through it does the same work.
func (c *Claim) verify(keys *Keys, secret string, ok bool) error {
	known := secret != ""
	if !known {
		secret = decoy
	}
	c.toSign = appendToSign(c.toSign[:0], c.stamp, &c.Scope, c.canon.buf)
	key := keys.signing(secret, &c.Scope)
	sum := mac(key[:], c.toSign)
	var want [64]byte
	hex.Encode(want[:], sum[:])
	same := sameSignature(&want, c.signature)
	switch {
	case !known:
		return &Error{Reason: UnknownKey, Presigned: c.Presigned}
	case !same || !ok:
		return &Error{Reason: SignatureMismatch, Presigned: c.Presigned}
	}
	c.key, c.step = key, verified
	return nil
}

// appendToSign appends the string to sign for a canonical request.
func appendToSign(dst []byte, stamp string, scope *Scope, canonical []byte) []byte {
	dst = appendSignHead(dst, Algorithm, stamp, scope)
	sum := sha256.Sum256(canonical)
	return hex.AppendEncode(dst, sum[:])
}

// appendSignHead appends the lines every string to sign begins with.
func appendSignHead(dst []byte, algorithm, stamp string, scope *Scope) []byte {
	dst = append(append(dst, algorithm...), '\n')
	dst = append(append(dst, stamp...), '\n')
	dst = append(append(dst, scope.Date...), '/')
	dst = append(append(dst, scope.Region...), '/')
	dst = append(append(dst, scope.Service...), '/')
	return append(append(dst, terminator...), '\n')
}
