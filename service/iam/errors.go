package iam

import (
	"errors"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// noSuch is IAM's answer for what does not exist. kind is "user", "role" and so
// on.
func noSuch(kind, name string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "The %s with name %s cannot be found.", kind, name).WithStatus(404)
}

// found turns the store's ErrNotFound into the answer e and leaves other errors
// alone.
func found[T any](v *T, err error, e *wire.Error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, e
	}
	return v, err
}

// exists is IAM's answer for a name that is taken. kind begins in upper case.
func exists(kind, name string) *wire.Error {
	return wire.Errorf("EntityAlreadyExists", "%s with name %s already exists.", kind, name).WithStatus(409)
}

// conflict is IAM's answer for a deletion that something stands in the way of.
func conflict(message string) *wire.Error {
	return wire.Errorf("DeleteConflict", "%s", message).WithStatus(409)
}

func invalidInput(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidInput", format, args...)
}

func noSuchPolicy(arn string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "Policy %s does not exist or is not attachable.", arn).WithStatus(404)
}

// noSuchBoundary is IAM's answer when the boundary of an entity that has none
// is to be deleted. kind is "user" or "role".
func noSuchBoundary(kind, name string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "The %s with name %s does not have a permissions boundary.", kind, name).WithStatus(404)
}

// errNoUserName is IAM's answer when a caller that is no user means itself.
func errNoUserName() *wire.Error {
	return wire.Errorf("ValidationError", "Must specify userName when calling with non-User credentials")
}
