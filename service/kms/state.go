package kms

import (
	"slices"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/wire"
)

// state is the key state, which is worked out and not stored.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
func (l *loaded) state(now time.Time) api.KeyState {
	switch {
	case l.Waiting:
		return api.KeyState_PendingReplicaDeletion
	case l.Deletion != nil:
		return api.KeyState_PendingDeletion
	case l.custom != nil && l.custom.State != api.ConnectionStateType_CONNECTED:
		return api.KeyState_Unavailable
	case l.Origin == api.OriginType_EXTERNAL && (l.pending || l.expired(now)):
		return api.KeyState_PendingImport
	case l.Disabled:
		return api.KeyState_Disabled
	}
	return api.KeyState_Enabled
}

// need refuses a call that the key's state does not allow.
func (l *loaded) need(now time.Time, allowed ...api.KeyState) error {
	if state := l.state(now); !slices.Contains(allowed, state) {
		return stateError(l.arn, state)
	}
	return nil
}

// usable refuses a cryptographic operation on a key that is not enabled.
func (l *loaded) usable(now time.Time) error { return l.need(now, api.KeyState_Enabled) }

func stateError(arn string, state api.KeyState) *wire.Error {
	switch state {
	case api.KeyState_Disabled:
		return wire.Errorf("DisabledException", "%s is disabled.", arn)
	case api.KeyState_PendingDeletion:
		return badState("%s is pending deletion.", arn)
	case api.KeyState_PendingReplicaDeletion:
		return badState("%s is pending replica deletion.", arn)
	case api.KeyState_PendingImport:
		return badState("%s is pending import.", arn)
	case api.KeyState_Unavailable:
		return badState("%s is unavailable.", arn)
	}
	return badState("%s is not in a valid state for this operation.", arn)
}

// living are the states of a key that is not on its way out.
var living = []api.KeyState{api.KeyState_Enabled, api.KeyState_Disabled, api.KeyState_PendingImport, api.KeyState_Unavailable}

// wants refuses a call that a key of this usage does not serve.
func (l *loaded) wants(operation string, usage api.KeyUsageType) error {
	if l.Usage != usage {
		return badUsage("%s key usage is %s which is not valid for %s.", l.arn, l.Usage, operation)
	}
	return nil
}
