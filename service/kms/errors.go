package kms

import (
	"bartizan.dev/wire"
)

// The answers of KMS. All have status 400 but where the model says otherwise.
// https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("ValidationException", format, args...)
}

func notFound(format string, args ...any) *wire.Error {
	return wire.Errorf("NotFoundException", format, args...)
}

func noKey(arn string) *wire.Error { return notFound("Key '%s' does not exist", arn) }

func unsupported(format string, args ...any) *wire.Error {
	return wire.Errorf("UnsupportedOperationException", format, args...)
}

func badUsage(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidKeyUsageException", format, args...)
}

func badState(format string, args ...any) *wire.Error {
	return wire.Errorf("KMSInvalidStateException", format, args...)
}

func exceeded(format string, args ...any) *wire.Error {
	return wire.Errorf("LimitExceededException", format, args...)
}

func malformedPolicy(format string, args ...any) *wire.Error {
	return wire.Errorf("MalformedPolicyDocumentException", format, args...)
}

// badCiphertext says no more, as AWS's does not.
func badCiphertext() *wire.Error { return wire.Errorf("InvalidCiphertextException", "") }

func wrongKey() *wire.Error {
	return wire.Errorf("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
}

// hiddenKey is the answer for a ciphertext whose key the caller may not know of.
func hiddenKey() *wire.Error {
	return wire.Errorf("AccessDeniedException", "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.")
}

// dryRun is what a call that would have succeeded gets when it asked not to.
// https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html
func dryRun(asked *bool) error {
	if asked != nil && *asked {
		return wire.Errorf("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	return nil
}

// noEnclaves refuses attestation documents: there is no enclave to answer to.
func noEnclaves() *wire.Error {
	return unsupported("Recipient is not supported: Bartizan has no Nitro enclaves, so it cannot verify an attestation document.")
}
