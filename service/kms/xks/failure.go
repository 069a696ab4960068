package xks

import (
	"strings"

	"bartizan.dev/wire"
)

// What the client finds out without being told.
const (
	Unreachable       Name = "Unreachable"       // no TCP connection
	InvalidTLS        Name = "InvalidTLS"        // no TLS, or not the right certificate
	TimedOut          Name = "TimedOut"          // connected, but no answer in time
	MalformedResponse Name = "MalformedResponse" // an answer that is none
	Unhealthy         Name = "Unhealthy"         // no key manager can serve
	NotConnected      Name = "NotConnected"      // for KMS: its key store is not connected
	InnerCiphertext   Name = "InnerCiphertext"   // for KMS: what Decrypt brought back does not open
)

// During is what KMS was doing, on which its exception depends.
type During uint8

const (
	Managing    During = iota // CreateCustomKeyStore, UpdateCustomKeyStore
	CreatingKey               // CreateKey
	Using                     // Encrypt, Decrypt, ReEncrypt, GenerateDataKey…
)

// Failure is every error of the Client that is the proxy's or the network's
// doing. Any other error is ours.
type Failure struct {
	Name Name
	// Detail is the proxy's errorMessage. It is for the log: KMS does not show it
	// to its caller.
	Detail string
	Cause  error
}

func (f *Failure) Error() string {
	s := "xks: " + string(f.Name)
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	if f.Cause != nil {
		s += ": " + f.Cause.Error()
	}
	return s
}

func (f *Failure) Unwrap() error { return f.Cause }

// Message is what KMS says to its caller.
func (f *Failure) Message() string { return outcomes[f.Name].message }

// Exception is the exception KMS answers. Using a key has but one, whatever
// went wrong.
func (f *Failure) Exception(during During) string {
	o := outcomes[f.Name]
	switch during {
	case Managing:
		return o.managing
	case CreatingKey:
		return o.creating
	}
	return "KMSInvalidStateException"
}

// ConnectionErrorCode is what DescribeCustomKeyStores says of a key store that
// could not be connected.
// https://docs.aws.amazon.com/kms/latest/developerguide/xks-troubleshooting.html#xks-connection-error-codes
func (f *Failure) ConnectionErrorCode() string { return outcomes[f.Name].connection }

// Wire is what the caller of KMS is told.
func (f *Failure) Wire(during During) *wire.Error {
	return &wire.Error{Code: f.Exception(during), Message: f.Message(), Status: 400, Cause: f}
}

type outcome struct{ managing, creating, connection, message string }

const (
	badState        = "CustomKeyStoreInvalidStateException"
	badResponse     = "XksProxyInvalidResponseException"
	unreachable     = "XksProxyUriUnreachableException"
	badConfig       = "XksProxyInvalidConfigurationException"
	badKey          = "XksKeyInvalidConfigurationException"
	cannotRead      = "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to your external key store proxy administrator."
	unhealthy       = "The external key store proxy is in an unhealthy state. If you see this message repeatedly, notify your external key store proxy administrator."
	rejectedBecause = "The external key store proxy rejected the request because "
)

// outcomes holds both tables of the specification's chapter on error codes,
// with the sentences of the developer guide where it has others: its example
// of a CloudTrail record shows that they are what KMS says. Where the table
// names an exception that an operation's model lacks (CreateKey with
// KMSInvalidStateException, XksKeyInvalidResponseException), it is the guide's
// CustomKeyStoreInvalidStateException.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/xks-troubleshooting.html
// https://docs.aws.amazon.com/kms/latest/developerguide/xks-monitoring.html
var outcomes = map[Name]outcome{
	ValidationException:           {badResponse, badState, "XKS_PROXY_INVALID_RESPONSE", cannotRead},
	MalformedResponse:             {badResponse, badState, "XKS_PROXY_INVALID_RESPONSE", cannotRead},
	InvalidStateException:         {unreachable, badKey, "XKS_PROXY_NOT_REACHABLE", rejectedBecause + "the external key is not enabled in the external key manager."},
	InvalidKeyUsageException:      {badResponse, badKey, "XKS_PROXY_INVALID_RESPONSE", rejectedBecause + "the external key does not support the requested operation."},
	KeyNotFoundException:          {badResponse, "XksKeyNotFoundException", "XKS_PROXY_INVALID_RESPONSE", rejectedBecause + "it could not find the external key."},
	InvalidCiphertextException:    {badResponse, badState, "XKS_PROXY_INVALID_RESPONSE", rejectedBecause + "the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid."},
	AuthenticationFailedException: {"XksProxyIncorrectAuthenticationCredentialException", badState, "INVALID_CREDENTIALS", rejectedBecause + "it could not authenticate AWS KMS. Verify the credentials for your external key store and update if necessary."},
	AccessDeniedException:         {badConfig, badState, "XKS_PROXY_ACCESS_DENIED", "The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again."},
	InvalidURIPathException:       {badConfig, badState, "XKS_PROXY_INVALID_CONFIGURATION", rejectedBecause + "of an invalid URI path. Verify the URI path for your external key store and update if necessary."},
	UnsupportedOperationException: {badResponse, badState, "XKS_PROXY_INVALID_RESPONSE", rejectedBecause + "it does not support the requested cryptographic operation."},
	DependencyTimeoutException:    {unreachable, badState, "XKS_PROXY_TIMED_OUT", "The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator."},
	ThrottlingException:           {unreachable, badState, "XKS_PROXY_NOT_REACHABLE", "The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your calls using KMS keys in this external key store."},
	InternalException:             {badResponse, badState, "XKS_PROXY_INVALID_RESPONSE", rejectedBecause + "it cannot communicate with the external key manager. Verify that the external key store proxy configuration is correct and that the external key manager is available."},
	Unreachable:                   {unreachable, badState, "XKS_PROXY_NOT_REACHABLE", "AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you see this error repeatedly, verify that your external key store proxy is active and is connected to the network, and that its endpoint URI is correct in your external key store."},
	InvalidTLS:                    {unreachable, badState, "XKS_PROXY_INVALID_TLS_CONFIGURATION", "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate."},
	TimedOut:                      {unreachable, badState, "XKS_PROXY_TIMED_OUT", "AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator."},
	Unhealthy:                     {unreachable, badState, "XKS_PROXY_NOT_REACHABLE", unhealthy},
	NotConnected:                  {badState, badState, "XKS_PROXY_NOT_REACHABLE", "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key store and try the request again."},
	InnerCiphertext:               {badResponse, badState, "XKS_PROXY_INVALID_RESPONSE", "The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid."},
}

// Usable returns the error with which CreateKey refuses an external key that
// cannot serve, or nil.
// https://docs.aws.amazon.com/kms/latest/developerguide/xks-troubleshooting.html#fix-external-key-create
func (k *KeyMetadata) Usable() *wire.Error {
	var encrypt, decrypt bool
	for _, u := range k.Usage {
		encrypt, decrypt = encrypt || u == "ENCRYPT", decrypt || u == "DECRYPT"
	}
	switch {
	case k.Spec != aes256:
		return wire.Errorf(badKey, "The key spec of the external key must be AES_256. The key spec of specified external key is %s.", k.Spec)
	case k.Status != "ENABLED":
		return wire.Errorf(badKey, "The status of the external key must be ENABLED. The status of specified external key is %s.", k.Status)
	case !encrypt || !decrypt:
		return wire.Errorf(badKey, "The key usage of the external key must include ENCRYPT and DECRYPT. The key use of specified external key is %s.", strings.Join(k.Usage, ", "))
	}
	return nil
}
