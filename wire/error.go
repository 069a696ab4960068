package wire

import (
	"errors"
	"fmt"
	"strconv"
)

// Error is what a caller is told. Code is the contract (AWS's own error code),
// Message is for the user, Cause is for the log only. Every other error that
// reaches the gateway becomes InternalFailure.
type Error struct {
	Code        string  // on the wire, such as NoSuchEntity or ValidationException
	Message     string  // for the user
	MessageName string  // the message's member in awsJson, when it is not "message"
	Status      int     // HTTP status
	Fault       bool    // the server is to blame (Receiver), not the caller (Sender)
	Fields      []Field // further members of the exception
	Cause       error   // for the log, never for the caller
}

// Field is a further member of an exception: a string, an int or a []string.
type Field struct {
	Name  string
	Value any
}

func (f Field) text() string {
	switch v := f.Value.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	}
	return fmt.Sprint(f.Value)
}

func (f Field) appendJSON(b []byte) []byte {
	switch v := f.Value.(type) {
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case []string:
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendJSONString(b, s)
		}
		return append(b, ']')
	}
	return AppendJSONString(b, f.text())
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

// WithStatus returns a copy of e with the HTTP status.
func (e *Error) WithStatus(status int) *Error {
	c := *e
	c.Status, c.Fault = status, status >= 500
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
