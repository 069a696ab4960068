package sigv4

import "errors"

// Reason is why a request is not believed.
type Reason uint8

const (
	_                    Reason = iota
	Missing                     // no signature at all
	Ambiguous                   // signed in the header and in the query
	UnsupportedScheme           // Authorization is not an AWS4 signature: Basic, Bearer, SigV2
	UnsupportedAlgorithm        // AWS4, but another algorithm, such as SigV4a
	Incomplete                  // a part of the signature is missing or has no form
	MalformedCredential         // not key/date/region/service/terminator
	MalformedDate               // no date, or not ISO 8601 basic
	MalformedQuery              // the query string cannot be read one way only
	MalformedExpires            // X-Amz-Expires is missing, no number, or not 1 to 604800
	Expired                     // signed too long ago
	NotYetValid                 // signed in the future
	PresignExpired              // a presigned URL past its end
	HostNotSigned               // host is not among the signed headers
	HeadersNotSigned            // headers that must be signed are not
	ScopeRegion                 // credential scope for another region
	ScopeService                // credential scope for another service
	ScopeTerminator             // credential scope does not end in aws4_request
	ScopeDate                   // credential scope for another day than the request
	UnknownKey                  // no such access key, or not an active one
	InvalidToken                // the session token is not one of ours, or another key's
	ExpiredToken                // the session token is past its end
	SignatureMismatch           // the signature is not the one we compute
	PayloadUndeclared           // S3 without x-amz-content-sha256
	PayloadInvalid              // x-amz-content-sha256 of no known form
	PayloadMismatch             // the body has another SHA-256 than declared
	LengthUndeclared            // aws-chunked without x-amz-decoded-content-length
	LengthMismatch              // the body is shorter or longer than declared
	ChunkMalformed              // the aws-chunked framing is broken
	ChunkTooSmall               // a signed chunk below 8 KiB that is not the last
	TrailerMalformed            // the trailer is broken or not as announced
	Misuse                      // steps called out of order: a bug in the server
	reasons
)

var reasonNames = [reasons]string{
	"", "Missing", "Ambiguous", "UnsupportedScheme", "UnsupportedAlgorithm", "Incomplete",
	"MalformedCredential", "MalformedDate", "MalformedQuery", "MalformedExpires",
	"Expired", "NotYetValid", "PresignExpired", "HostNotSigned", "HeadersNotSigned",
	"ScopeRegion", "ScopeService", "ScopeTerminator", "ScopeDate",
	"UnknownKey", "InvalidToken", "ExpiredToken", "SignatureMismatch",
	"PayloadUndeclared", "PayloadInvalid", "PayloadMismatch",
	"LengthUndeclared", "LengthMismatch", "ChunkMalformed", "ChunkTooSmall", "TrailerMalformed", "Misuse",
}

// String returns the reason's name.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "Reason"
}

// Error says why a request is not believed. Detail is for the caller and holds
// nothing the caller did not send.
type Error struct {
	Reason    Reason
	Detail    string // AWS's own sentence where it depends on the request; else empty
	Presigned bool   // the signature was in the query
	Want, Got string // scope errors: what was expected and what came
}

// Error is the text for the log. It leaves out what stands where the access
// key should, because people put the secret there by mistake.
func (e *Error) Error() string {
	if e.Detail == "" || e.Reason == MalformedCredential {
		return "sigv4: " + e.Reason.String()
	}
	return "sigv4: " + e.Reason.String() + ": " + e.Detail
}

// Fail returns an error with a reason that only the caller of this package can
// know: UnknownKey, InvalidToken, ExpiredToken.
func Fail(reason Reason) error { return &Error{Reason: reason} }

// Is reports whether err is an *Error with this reason.
func Is(err error, reason Reason) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Reason == reason
}
