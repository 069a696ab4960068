package xks

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestExceptionsAreAWSs: what the tables name is in KMS's model, as an error
// of the operations that may answer it.
func TestExceptionsAreAWSs(t *testing.T) {
	f, err := os.Open("../../../tools/gen/models/kms.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		Operations map[string]struct{ Errors []struct{ Shape string } }
		Shapes     map[string]struct{ Enum []string }
	}
	if err := json.NewDecoder(z).Decode(&model); err != nil {
		t.Fatal(err)
	}
	answers := func(operation, exception string) bool {
		for _, e := range model.Operations[operation].Errors {
			if e.Shape == exception {
				return true
			}
		}
		return false
	}
	for name, o := range outcomes {
		f := &Failure{Name: name}
		for operation, during := range map[string]During{
			"CreateCustomKeyStore": Managing, "UpdateCustomKeyStore": Managing, "CreateKey": CreatingKey,
			"Encrypt": Using, "Decrypt": Using, "ReEncrypt": Using, "GenerateDataKey": Using, "GenerateDataKeyWithoutPlaintext": Using,
		} {
			if name == NotConnected && operation == "CreateCustomKeyStore" {
				continue // it cannot be
			}
			if e := f.Wire(during); !answers(operation, e.Code) || e.Status != 400 || e.Message == "" || e.Cause != f {
				t.Errorf("%s: %s answers no %s", name, operation, e.Code)
			}
		}
		if !slices.Contains(model.Shapes["ConnectionErrorCodeType"].Enum, o.connection) {
			t.Error(name, o.connection)
		}
	}
	for name := range statuses {
		if outcomes[name].message == "" {
			t.Error(name, "has no outcome")
		}
	}
}

// TestFailureTable holds rows of the specification's table and of the guide
// against the exceptions, as a second spelling of them.
func TestFailureTable(t *testing.T) {
	for _, row := range []struct {
		name                           Name
		managing, creating, connection string
		message                        string
	}{
		{ValidationException, "XksProxyInvalidResponseException", "CustomKeyStoreInvalidStateException", "XKS_PROXY_INVALID_RESPONSE", "AWS KMS cannot interpret the response from the external key store proxy."},
		{KeyNotFoundException, "", "XksKeyNotFoundException", "", "The external key store proxy rejected the request because it could not find the external key."},
		{InvalidStateException, "", "XksKeyInvalidConfigurationException", "", "The external key store proxy rejected the request because the external key is not enabled in the external key manager."},
		{InvalidKeyUsageException, "", "XksKeyInvalidConfigurationException", "", "The external key store proxy rejected the request because the external key does not support the requested operation."},
		{AuthenticationFailedException, "XksProxyIncorrectAuthenticationCredentialException", "CustomKeyStoreInvalidStateException", "INVALID_CREDENTIALS", "The external key store proxy rejected the request because it could not authenticate AWS KMS."},
		{InvalidURIPathException, "XksProxyInvalidConfigurationException", "CustomKeyStoreInvalidStateException", "XKS_PROXY_INVALID_CONFIGURATION", "The external key store proxy rejected the request because of an invalid URI path."},
		{AccessDeniedException, "", "CustomKeyStoreInvalidStateException", "XKS_PROXY_ACCESS_DENIED", "The external key store proxy denied access to the operation."},
		{ThrottlingException, "XksProxyUriUnreachableException", "CustomKeyStoreInvalidStateException", "", "The external key store proxy rejected the request due to a very high request rate."},
		{DependencyTimeoutException, "XksProxyUriUnreachableException", "CustomKeyStoreInvalidStateException", "XKS_PROXY_TIMED_OUT", "The external key store proxy did not respond to the request in the time allotted."},
		{InternalException, "XksProxyInvalidResponseException", "CustomKeyStoreInvalidStateException", "", "The external key store proxy rejected the request because it cannot communicate with the external key manager."},
		{TimedOut, "XksProxyUriUnreachableException", "CustomKeyStoreInvalidStateException", "XKS_PROXY_TIMED_OUT", "AWS KMS rejected the request because the external key store proxy did not respond in time."},
		{InvalidCiphertextException, "", "", "", "The external key store proxy rejected the request because the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid."},
	} {
		f := &Failure{Name: row.name}
		if row.managing != "" && f.Exception(Managing) != row.managing || row.creating != "" && f.Exception(CreatingKey) != row.creating ||
			row.connection != "" && f.ConnectionErrorCode() != row.connection ||
			f.Exception(Using) != "KMSInvalidStateException" || !strings.HasPrefix(f.Message(), row.message) {
			t.Error(row.name, f.Exception(Managing), f.Exception(CreatingKey), f.ConnectionErrorCode(), f.Message())
		}
	}
}

func TestUsable(t *testing.T) {
	for _, c := range []struct {
		k    KeyMetadata
		want string
	}{
		{KeyMetadata{"AES_256", []string{"SIGN", "DECRYPT", "ENCRYPT"}, "ENABLED"}, ""},
		{KeyMetadata{"RSA_2048", both, "ENABLED"}, "The key spec of the external key must be AES_256. The key spec of specified external key is RSA_2048."},
		{KeyMetadata{"AES_256", both, "DISABLED"}, "The status of the external key must be ENABLED. The status of specified external key is DISABLED."},
		{KeyMetadata{"AES_256", []string{"ENCRYPT", "WRAP"}, "ENABLED"}, "The key usage of the external key must include ENCRYPT and DECRYPT. The key use of specified external key is ENCRYPT, WRAP."},
	} {
		switch e := c.k.Usable(); {
		case e == nil && c.want != "", e != nil && (e.Message != c.want || e.Code != "XksKeyInvalidConfigurationException"):
			t.Error(c.k, e)
		}
	}
}
