package wire

import (
	"errors"
	"fmt"
)

// Error is what a caller is told. Code is the contract (AWS's own error code),
// Message is for the user, Cause is for the log only. Every other error that
// reaches the gateway becomes InternalFailure.
type Error struct {
	Code    string         // on the wire, such as NoSuchEntity or ValidationException
	Message string         // for the user
	Status  int            // HTTP status
	Fault   bool           // the server is to blame (Receiver), not the caller (Sender)
	Shape   string         // the model's exception shape, when it differs from Code
	Fields  map[string]any // further members of the exception
	Cause   error          // for the log, never for the caller
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns a 400 error with the code and a formatted message.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: 400}
}

// With returns a copy of e that remembers cause for the log.
func (e *Error) With(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// AsError returns err as a wire error. Anything else becomes InternalFailure,
// with err as its cause.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{
		Code:    "InternalFailure",
		Message: "The request processing has failed because of an unknown error, exception or failure.",
		Status:  500, Fault: true, Cause: err,
	}
}
