package xks

import (
	"context"
	"errors"
	"net/http"
)

// Name is the name of an error: one of a proxy, in the first block, or one
// that the client found itself.
type Name string

// What a proxy may answer.
// https://github.com/aws/aws-kms-xksproxy-api-spec/blob/main/xks_proxy_api_spec.md#error-codes
const (
	ValidationException           Name = "ValidationException"
	InvalidStateException         Name = "InvalidStateException"
	InvalidCiphertextException    Name = "InvalidCiphertextException"
	InvalidKeyUsageException      Name = "InvalidKeyUsageException"
	AuthenticationFailedException Name = "AuthenticationFailedException"
	AccessDeniedException         Name = "AccessDeniedException"
	KeyNotFoundException          Name = "KeyNotFoundException"
	InvalidURIPathException       Name = "InvalidUriPathException"
	ThrottlingException           Name = "ThrottlingException"
	UnsupportedOperationException Name = "UnsupportedOperationException"
	DependencyTimeoutException    Name = "DependencyTimeoutException"
	InternalException             Name = "InternalException"
)

var statuses = map[Name]int{
	ValidationException:           http.StatusBadRequest,
	InvalidStateException:         http.StatusBadRequest,
	InvalidCiphertextException:    http.StatusBadRequest,
	InvalidKeyUsageException:      http.StatusBadRequest,
	AuthenticationFailedException: http.StatusUnauthorized,
	AccessDeniedException:         http.StatusForbidden,
	KeyNotFoundException:          http.StatusNotFound,
	InvalidURIPathException:       http.StatusNotFound,
	ThrottlingException:           http.StatusTooManyRequests,
	UnsupportedOperationException: http.StatusNotImplemented,
	DependencyTimeoutException:    http.StatusServiceUnavailable,
	InternalException:             http.StatusInternalServerError,
}

// Fault is an error that a Server answers. Keys and Credentials return it;
// every other error of theirs becomes InternalException, or
// DependencyTimeoutException if time ran out.
type Fault struct {
	Name    Name
	Message string // for KMS, which writes it to the customer's log
	Cause   error  // for our own log
}

func (f *Fault) Error() string { return "xks: " + string(f.Name) + ": " + f.Message }

func (f *Fault) Unwrap() error { return f.Cause }

// asFault makes a Fault of any error.
func asFault(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok && statuses[f.Name] != 0 {
		return f
	}
	if p, ok := errors.AsType[*problem](err); ok {
		f := &Fault{Name: ValidationException, Message: p.Error()}
		if p.large {
			f.Name = UnsupportedOperationException
		}
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Fault{Name: DependencyTimeoutException, Message: "The key manager did not answer in time.", Cause: err}
	}
	return &Fault{Name: InternalException, Message: "The key manager failed.", Cause: err}
}

// printable bounds an errorMessage: less than 512 characters, 0x20 to 0x7e.
func printable(s string) string {
	b := make([]byte, 0, min(len(s), 511))
	for i := 0; i < len(s) && len(b) < 511; i++ {
		if c := s[i]; c >= 0x20 && c <= 0x7e {
			b = append(b, c)
		} else {
			b = append(b, '?')
		}
	}
	return string(b)
}

func errorAnswer(f *Fault) []byte {
	var o object
	o.text("errorName", string(f.Name))
	o.some("errorMessage", printable(f.Message))
	o.close()
	return o
}
