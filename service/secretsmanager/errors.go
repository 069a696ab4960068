package secretsmanager

import (
	"errors"

	"bartizan.dev/wire"
)

func invalidParameter(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidParameterException", format, args...)
}

func invalidRequest(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidRequestException", format, args...)
}

func limitExceeded(format string, args ...any) *wire.Error {
	return wire.Errorf("LimitExceededException", format, args...)
}

func noValue(format string, args ...any) *wire.Error {
	return wire.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for "+format, args...)
}

// AWS's words.
var (
	errNotFound  = wire.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	errDeleted   = invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	errScheduled = invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	errName      = wire.Errorf("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	errToken     = invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	errBoth      = invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	errNeither   = invalidRequest("You must provide either SecretString or SecretBinary.")
	errReplica   = invalidRequest("Operation not permitted on a replica secret. Call must be made in primary secret's region.")
	errDefault   = invalidRequest("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
	errNextToken = wire.Errorf("InvalidNextTokenException", "The NextToken value is invalid.")
	errKMS       = wire.Errorf("AccessDeniedException", "Access to KMS is not allowed")
	errInvoke    = wire.Errorf("AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
	errEncrypt   = wire.Errorf("EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.")
	errDecrypt   = wire.Errorf("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
)

// is reports whether err is one of the above, with whatever cause.
func is(err error, e *wire.Error) bool {
	got, ok := errors.AsType[*wire.Error](err)
	return ok && got.Code == e.Code && got.Message == e.Message
}
