package organizations

import (
	"errors"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// The answers of Organizations are HTTP 400 with a code, a message and, where
// the model has one, a Reason.
// https://docs.aws.amazon.com/organizations/latest/APIReference/CommonErrors.html

func notInUse() *wire.Error {
	return wire.Errorf("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}

// denied is the answer for a caller whose account may not do this, whatever its
// own policies say.
func denied() *wire.Error {
	return wire.Errorf("AccessDeniedException", "You don't have permissions to access this resource.")
}

func constraint(reason, message string) *wire.Error {
	e := wire.Errorf("ConstraintViolationException", "%s", message)
	e.Fields = []wire.Field{{Name: "Reason", Value: reason}}
	return e
}

func invalid(reason, message string) *wire.Error {
	e := wire.Errorf("InvalidInputException", "%s", message)
	e.Fields = []wire.Field{{Name: "Reason", Value: reason}}
	return e
}

func handshakeConstraint(reason, message string) *wire.Error {
	e := wire.Errorf("HandshakeConstraintViolationException", "%s", message)
	e.Fields = []wire.Field{{Name: "Reason", Value: reason}}
	return e
}

func noAccount() *wire.Error {
	return wire.Errorf("AccountNotFoundException", "You specified an account that doesn't exist.")
}

func noUnit() *wire.Error {
	return wire.Errorf("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
}

func noParent() *wire.Error {
	return wire.Errorf("ParentNotFoundException", "You specified parent that doesn't exist.")
}

func noTarget() *wire.Error {
	return wire.Errorf("TargetNotFoundException", "You specified a target that doesn't exist.")
}

func noPolicy() *wire.Error {
	return wire.Errorf("PolicyNotFoundException", "You specified a policy that doesn't exist.")
}

func noRoot() *wire.Error {
	return wire.Errorf("RootNotFoundException", "You specified a root that doesn't exist.")
}

func noHandshake() *wire.Error {
	return wire.Errorf("HandshakeNotFoundException", "You specified a handshake that doesn't exist.")
}

func notAllFeatures() *wire.Error {
	return constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE",
		"You cannot perform this operation because your organization does not have all features enabled.")
}

// found turns the store's ErrNotFound into the answer e and leaves other errors
// alone.
func found[T any](v *T, err error, e *wire.Error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, e
	}
	return v, err
}
