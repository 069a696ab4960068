// Package sigv4 is both sides of AWS Signature Version 4: it says who signed a
// request, and it signs one.
//
// A server takes three steps, because the secret must be looked up between
// them. Each refuses to run before the one in front of it has succeeded:
//
//	var claim sigv4.Claim                 // reusable; keep it in a sync.Pool
//	err := claim.Parse(r)                 // what the caller says; no secret needed
//	err = claim.Check(rules, now)         // time window, scope, signed headers
//	err = claim.Verify(keys, secret, body) // the signature, and the body
//
// A body that is not read whole beforehand (S3 only) is verified as it is
// read: VerifyHead in place of Verify, then Body.
//
// Every error is an *Error with a Reason; Answer turns it into the code, the
// message and the HTTP status that the AWS service in question would send.
//
// The package reads no clock and does no I/O of its own. Nothing it keeps or
// returns in an error holds a secret.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
package sigv4

import (
	"net/http"
	"time"
)

// Algorithm is the signing algorithm of access keys; x509.go has those of
// certificates. The asymmetric AWS4-ECDSA-P256-SHA256 (SigV4a) is parsed and
// refused by name.
const (
	Algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
)

// What x-amz-content-sha256 may say in place of a SHA-256 in hex.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
const (
	UnsignedPayload       = "UNSIGNED-PAYLOAD"
	StreamingPayload      = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingTrailer      = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingUnsigned     = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamingECDSA        = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamingECDSATrailer = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"

	// EmptyHash is the SHA-256 of no bytes, in hex.
	EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Bounds on what a caller may send. net/http bounds the head as a whole; these
// bound the parts, so that no part costs more than its size.
const (
	maxAuthorization = 8 << 10 // bytes of the Authorization header
	maxQuery         = 64 << 10
	maxParams        = 1024 // query parameters
	maxName          = 128  // bytes of an access key id, a header name
	maxScope         = 64   // bytes of a region or a service name
	maxToken         = 16 << 10
	maxSignedHeaders = 4 << 10
)

// MaxExpires is the longest life of a presigned URL.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
const MaxExpires = 7 * 24 * time.Hour

const stampLayout = "20060102T150405Z" // ISO 8601 basic, always UTC

// Scope is what a signing key is good for: one day, one region, one service.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string
	Service string // signing name, such as sts or execute-api
}

// Claim is what a request says about its signer, and afterwards whether it was
// true. The exported fields are set by Parse and are only a claim until Verify
// or VerifyHead has returned nil. A Claim may be reused for another request;
// it must not be used by two goroutines at once, and it holds on to the
// request until the next Parse or Reset.
type Claim struct {
	AccessKey     string
	Scope         Scope
	SignedHeaders string // as sent: lower case, sorted, joined by semicolons
	Token         string // session token, or empty
	Payload       string // x-amz-content-sha256 as declared, or empty
	Time          time.Time
	Presigned     bool          // signed in the query
	Expires       time.Duration // X-Amz-Expires of a presigned URL; 0 if absent

	r          *http.Request
	algorithm  string
	terminator string
	signature  string
	stamp      string // Time as the string to sign has it
	rules      Rules
	step       step
	canon      canon
	toSign     []byte
	key        [32]byte // signing key, for the chunks that follow
}

type step uint8

const (
	_ step = iota
	parsed
	checked
	verified
)

// Reset forgets the request and the signing key, and keeps the buffers.
func (c *Claim) Reset() {
	*c = Claim{
		canon:  canon{buf: c.canon.buf[:0], query: c.canon.query[:0], params: c.canon.params[:0]},
		toSign: c.toSign[:0],
	}
}

// AuthType is CloudTrail's and the policy language's name for how the request
// was signed (aws:authType, s3:authType).
func (c *Claim) AuthType() string {
	if c.Presigned {
		return "REST-QUERY-STRING"
	}
	return "REST-HEADER"
}

// Streaming reports whether the body is sent in aws-chunked encoding, so that
// VerifyHead and Body must be used.
func (c *Claim) Streaming() bool {
	switch c.Payload {
	case StreamingPayload, StreamingTrailer, StreamingUnsigned:
		return c.rules.S3
	}
	return false
}

// CanonicalRequest returns the canonical request as Verify computed it, for
// S3's SignatureDoesNotMatch answer and for tests.
func (c *Claim) CanonicalRequest() string { return string(c.canon.buf) }

// StringToSign returns the string to sign as Verify computed it. It holds no
// secret.
func (c *Claim) StringToSign() string { return string(c.toSign) }
