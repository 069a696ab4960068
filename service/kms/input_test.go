package kms_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"bartizan.dev/server"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestBadInput: whatever is malformed is answered as AWS answers it.
func TestBadInput(t *testing.T) {
	f := newFront(t)
	id := f.newKey(in{})
	rsa := f.newKey(in{"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})
	sign := f.newKey(in{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})
	edwards := f.newKey(in{"KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"})
	mac := f.newKey(in{"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"})
	ecdh := f.newKey(in{"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"})
	kem := f.newKey(in{"KeySpec": "ML_KEM_512", "KeyUsage": "ENCAPSULATE_DECAPSULATE"})
	arn := func(id string) string { return "arn:aws:kms:us-east-1:" + server.DefaultAccount + ":key/" + id }
	const gone = "11111111-2222-3333-4444-555555555555"
	length := func(value, member, constraint string) string {
		return "1 validation error detected: Value '" + value + "' at '" + member + "' failed to satisfy constraint: Member must have " + constraint
	}
	tests := []struct {
		operation string
		body      any
		code      string
		message   string // empty: any
	}{
		// Key ids, ARNs and aliases.
		{"DescribeKey", in{"KeyId": gone}, "NotFoundException", "Key '" + arn(gone) + "' does not exist"},
		{"DescribeKey", in{"KeyId": arn(gone)}, "NotFoundException", "Key '" + arn(gone) + "' does not exist"},
		{"DescribeKey", in{"KeyId": "mrk-d3b95762d3b95762d3b95762d3b95762"}, "NotFoundException", "Key '" + arn("mrk-d3b95762d3b95762d3b95762d3b95762") + "' does not exist"},
		{"DescribeKey", in{"KeyId": "fake-key-id"}, "NotFoundException", "Invalid keyId 'fake-key-id'"},
		{"DescribeKey", in{"KeyId": "134f2428cec14b25a1ae9048164dba47"}, "NotFoundException", "Invalid keyId '134f2428cec14b25a1ae9048164dba47'"},
		{"DescribeKey", in{"KeyId": "mrk-fake-key-id"}, "NotFoundException", "Invalid keyId 'mrk-fake-key-id'"},
		{"DescribeKey", in{"KeyId": strings.ToUpper(gone[:8]) + "-AAAA-3333-4444-555555555555"}, "NotFoundException", ""},
		{"DescribeKey", in{"KeyId": ""}, "ValidationException", length("", "keyId", "length greater than or equal to 1")},
		{"DescribeKey", in{}, "ValidationException", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"},
		{"DescribeKey", in{"KeyId": strings.Repeat("k", 2049)}, "ValidationException", ""},
		{"DescribeKey", in{"KeyId": "arn:aws:kms:ap-southeast-1:000000000000:key/" + id}, "NotFoundException", "Invalid arn ap-southeast-1"},
		{"DescribeKey", in{"KeyId": "arn:aws:s3:us-east-1:000000000000:key/" + id}, "InvalidArnException", ""},
		{"DescribeKey", in{"KeyId": "arn:aws:kms:us-east-1:000000000000:kez/" + id}, "InvalidArnException", ""},
		{"DescribeKey", in{"KeyId": "arn:aws:kms:us-east-1:0:key/" + id}, "InvalidArnException", ""},
		{"DescribeKey", in{"KeyId": "arn:aws:kms:us-east-1"}, "InvalidArnException", ""},
		{"DescribeKey", in{"KeyId": "arn:aws-cn:kms:us-east-1:000000000000:key/" + id}, "InvalidArnException", ""},
		{"DescribeKey", in{"KeyId": "alias/nothing"}, "NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/nothing is not found."},
		{"DescribeKey", in{"KeyId": "alias/"}, "NotFoundException", ""},
		{"DescribeKey", in{"KeyId": "alias/aws/secretsmanager"}, "NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/aws/secretsmanager is not found."},
		{"DescribeKey", in{"KeyId": "../" + id}, "NotFoundException", ""},
		{"DescribeKey", in{"KeyId": id + "\x00"}, "NotFoundException", ""},
		{"DisableKey", in{"KeyId": "alias/nothing"}, "NotFoundException", "Invalid keyId 'alias/nothing'"},
		{"CreateAlias", in{"AliasName": "nothing", "TargetKeyId": id}, "ValidationException", `Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`},
		{"CreateAlias", in{"AliasName": "alias/aws/mine", "TargetKeyId": id}, "NotAuthorizedException", ""},
		{"CreateAlias", in{"AliasName": "alias/a b", "TargetKeyId": id}, "ValidationException", ""},
		{"CreateAlias", in{"AliasName": "alias/" + strings.Repeat("a", 251), "TargetKeyId": id}, "ValidationException", ""},
		{"CreateAlias", in{"AliasName": "alias/a", "TargetKeyId": gone}, "NotFoundException", "Key '" + arn(gone) + "' does not exist"},
		{"CreateAlias", in{"AliasName": "alias/a", "TargetKeyId": "alias/b"}, "NotFoundException", "Invalid keyId 'alias/b'"},
		{"UpdateAlias", in{"AliasName": "alias/nothing", "TargetKeyId": id}, "NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/nothing is not found."},
		{"DeleteAlias", in{"AliasName": "alias/nothing"}, "NotFoundException", "Alias arn:aws:kms:us-east-1:000000000000:alias/nothing is not found."},
		// Keys.
		{"CreateKey", in{"KeySpec": "HMAC_256"}, "ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		{"CreateKey", in{"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException", ""},
		{"CreateKey", in{"KeySpec": "HMAC_random", "KeyUsage": "GENERATE_VERIFY_MAC"}, "ValidationException", ""},
		{"CreateKey", in{"KeyUsage": "RANDOM"}, "ValidationException", ""},
		{"CreateKey", in{"KeySpec": "RSA_2048", "CustomerMasterKeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY"}, "ValidationException", ""},
		{"CreateKey", in{"Description": strings.Repeat("d", 8193)}, "ValidationException", ""},
		{"CreateKey", in{"XksKeyId": "x"}, "ValidationException", ""},
		{"CreateKey", in{"Tags": []in{{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}}}, "TagException", ""},
		{"CreateKey", in{"Tags": []in{{"TagKey": "AWS:a", "TagValue": "1"}}}, "TagException", ""},
		{"CreateKey", in{"Tags": []in{{"TagKey": "", "TagValue": "1"}}}, "ValidationException", ""},
		{"CreateKey", in{"Policy": "{"}, "MalformedPolicyDocumentException", ""},
		{"CreateKey", in{"Policy": "[]"}, "MalformedPolicyDocumentException", ""},
		{"CreateKey", in{"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`}, "MalformedPolicyDocumentException", ""},
		{"CreateKey", in{"Policy": strings.Repeat(" ", 32<<10) + "{}"}, "LimitExceededException", ""},
		{"PutKeyPolicy", in{"KeyId": id, "Policy": "{}"}, "MalformedPolicyDocumentException", ""},
		{"PutKeyPolicy", in{"KeyId": id, "Policy": " "}, "MalformedPolicyDocumentException", ""},
		{"PutKeyPolicy", in{"KeyId": id, "PolicyName": "other", "Policy": "{}"}, "NotFoundException", "No such policy exists"},
		{"GetKeyPolicy", in{"KeyId": id, "PolicyName": "other"}, "NotFoundException", "No such policy exists"},
		{"PutKeyPolicy", in{"KeyId": id, "Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/nobody"},"Action":"kms:*","Resource":"*"}]}`},
			"MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."},
		{"ScheduleKeyDeletion", in{"KeyId": id, "PendingWindowInDays": 6}, "ValidationException", ""},
		{"ScheduleKeyDeletion", in{"KeyId": id, "PendingWindowInDays": 31}, "ValidationException", ""},
		{"EnableKeyRotation", in{"KeyId": id, "RotationPeriodInDays": 89}, "ValidationException", length("89", "rotationPeriodInDays", "value greater than or equal to 90")},
		{"EnableKeyRotation", in{"KeyId": id, "RotationPeriodInDays": 2561}, "ValidationException", length("2561", "rotationPeriodInDays", "value less than or equal to 2560")},
		{"EnableKeyRotation", in{"KeyId": rsa}, "UnsupportedOperationException", ""},
		{"RotateKeyOnDemand", in{"KeyId": mac}, "UnsupportedOperationException", ""},
		// Encryption.
		{"Encrypt", in{"KeyId": id, "Plaintext": b64(strings.Repeat("p", 4097))}, "ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"},
		{"Encrypt", in{"KeyId": id, "Plaintext": ""}, "ValidationException", "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"Encrypt", in{"KeyId": id}, "ValidationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": "$$$"}, "SerializationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": 7}, "SerializationException", ""},
		{"Encrypt", `{"KeyId":`, "SerializationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "EncryptionContext": in{"a": 1}}, "SerializationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "EncryptionAlgorithm": "ROT13"}, "ValidationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "InvalidKeyUsageException", ""},
		{"Encrypt", in{"KeyId": rsa, "Plaintext": b64("p")}, "InvalidKeyUsageException", ""},
		{"Encrypt", in{"KeyId": rsa, "Plaintext": b64(strings.Repeat("p", 191)), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "ValidationException", "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes."},
		{"Encrypt", in{"KeyId": rsa, "Plaintext": b64(strings.Repeat("p", 215)), "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}, "ValidationException", "Algorithm RSAES_OAEP_SHA_1 and key spec RSA_2048 cannot encrypt data larger than 214 bytes."},
		{"Encrypt", in{"KeyId": rsa, "Plaintext": b64("p"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256", "EncryptionContext": in{"a": "b"}}, "ValidationException", ""},
		{"Encrypt", in{"KeyId": sign, "Plaintext": b64("p")}, "InvalidKeyUsageException", arn(sign) + " key usage is SIGN_VERIFY which is not valid for Encrypt."},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "GrantTokens": []string{"token"}}, "InvalidGrantTokenException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "GrantTokens": []string{b64("token")}}, "InvalidGrantTokenException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "GrantTokens": []string{""}}, "ValidationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "GrantTokens": strings.Split("1234567890a", "")}, "ValidationException", ""},
		{"Encrypt", in{"KeyId": id, "Plaintext": b64("p"), "DryRun": true}, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."},
		{"Decrypt", in{"CiphertextBlob": b64("c")}, "InvalidCiphertextException", ""},
		{"Decrypt", in{"CiphertextBlob": b64(strings.Repeat("c", 6145))}, "ValidationException", ""},
		{"Decrypt", in{"CiphertextBlob": b64(strings.Repeat("c", 6144))}, "InvalidCiphertextException", ""},
		{"Decrypt", in{}, "ValidationException", ""},
		{"Decrypt", in{"CiphertextBlob": b64("c"), "KeyId": sign}, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."},
		{"Decrypt", in{"CiphertextBlob": b64("c"), "KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "InvalidCiphertextException", ""},
		{"Decrypt", in{"CiphertextBlob": b64("c"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "ValidationException", ""},
		{"Decrypt", in{"CiphertextBlob": b64("c"), "DryRunModifiers": []string{"IGNORE_CIPHERTEXT"}}, "ValidationException", ""},
		{"Decrypt", in{"KeyId": id, "DryRun": true, "DryRunModifiers": []string{"IGNORE_CIPHERTEXT"}}, "DryRunOperationException", ""},
		{"Decrypt", in{"CiphertextBlob": b64("c"), "KeyId": id, "Recipient": in{"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b64("d")}}, "UnsupportedOperationException", ""},
		{"ReEncrypt", in{"CiphertextBlob": b64("c"), "DestinationKeyId": id}, "InvalidCiphertextException", ""},
		// Data keys.
		{"GenerateDataKey", in{"KeyId": id}, "ValidationException", "Please specify either number of bytes or key spec."},
		{"GenerateDataKey", in{"KeyId": id, "KeySpec": "AES_256", "NumberOfBytes": 32}, "ValidationException", "Please specify either number of bytes or key spec."},
		{"GenerateDataKey", in{"KeyId": id, "NumberOfBytes": 0}, "ValidationException", length("0", "numberOfBytes", "value greater than or equal to 1")},
		{"GenerateDataKey", in{"KeyId": id, "NumberOfBytes": 1025}, "ValidationException", length("1025", "numberOfBytes", "value less than or equal to 1024")},
		{"GenerateDataKey", in{"KeyId": id, "NumberOfBytes": 1.5}, "SerializationException", ""},
		{"GenerateDataKey", in{"KeyId": rsa, "KeySpec": "AES_256"}, "InvalidKeyUsageException", ""},
		{"GenerateDataKey", in{"KeyId": mac, "KeySpec": "AES_256"}, "InvalidKeyUsageException", arn(mac) + " key usage is GENERATE_VERIFY_MAC which is not valid for GenerateDataKey."},
		{"GenerateDataKeyPair", in{"KeyId": id, "KeyPairSpec": "SM2"}, "UnsupportedOperationException", ""},
		{"GenerateDataKeyPair", in{"KeyId": id}, "ValidationException", ""},
		{"GenerateRandom", in{}, "ValidationException", "NumberOfBytes is required."},
		{"GenerateRandom", in{"NumberOfBytes": 0}, "ValidationException", length("0", "numberOfBytes", "value greater than or equal to 1")},
		{"GenerateRandom", in{"NumberOfBytes": 1025}, "ValidationException", length("1025", "numberOfBytes", "value less than or equal to 1024")},
		// Signatures, MACs, agreement.
		{"Sign", in{"KeyId": mac, "Message": b64("m"), "SigningAlgorithm": "ECDSA_SHA_256"}, "InvalidKeyUsageException", arn(mac) + " key usage is GENERATE_VERIFY_MAC which is not valid for Sign."},
		{"Sign", in{"KeyId": sign, "Message": b64("m"), "SigningAlgorithm": "ECDSA_SHA_384"}, "InvalidKeyUsageException", "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256."},
		{"Sign", in{"KeyId": sign, "Message": b64("m"), "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST"}, "ValidationException", "Digest is invalid length for algorithm ECDSA_SHA_256."},
		{"Sign", in{"KeyId": sign, "Message": b64(strings.Repeat("m", 4097)), "SigningAlgorithm": "ECDSA_SHA_256"}, "ValidationException", ""},
		{"Sign", in{"KeyId": sign, "Message": b64(strings.Repeat("m", 64)), "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "EXTERNAL_MU"}, "ValidationException", ""},
		{"Sign", in{"KeyId": edwards, "Message": b64("m"), "SigningAlgorithm": "ED25519_SHA_512", "MessageType": "DIGEST"}, "ValidationException", ""},
		{"Sign", in{"KeyId": edwards, "Message": b64("m"), "SigningAlgorithm": "ED25519_PH_SHA_512", "MessageType": "RAW"}, "ValidationException", ""},
		{"Sign", in{"KeyId": sign, "Message": b64("m")}, "ValidationException", ""},
		{"Verify", in{"KeyId": sign, "Message": b64("m"), "Signature": b64("s"), "SigningAlgorithm": "ECDSA_SHA_256"}, "KMSInvalidSignatureException", ""},
		{"Verify", in{"KeyId": id, "Message": b64("m"), "Signature": b64("s"), "SigningAlgorithm": "ECDSA_SHA_256"}, "InvalidKeyUsageException", arn(id) + " key usage is ENCRYPT_DECRYPT which is not valid for Verify."},
		{"GenerateMac", in{"KeyId": id, "Message": b64("m"), "MacAlgorithm": "HMAC_SHA_256"}, "InvalidKeyUsageException", arn(id) + " key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."},
		{"GenerateMac", in{"KeyId": mac, "Message": b64("m"), "MacAlgorithm": "HMAC_SHA_512"}, "InvalidKeyUsageException", "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256."},
		{"GenerateMac", in{"KeyId": "key_id", "Message": b64("m"), "MacAlgorithm": "HMAC_SHA_256"}, "NotFoundException", "Invalid keyId 'key_id'"},
		{"VerifyMac", in{"KeyId": mac, "Message": b64("m"), "Mac": b64("x"), "MacAlgorithm": "HMAC_SHA_256"}, "KMSInvalidMacException", ""},
		{"GetPublicKey", in{"KeyId": id}, "UnsupportedOperationException", ""},
		{"GetPublicKey", in{"KeyId": mac}, "UnsupportedOperationException", ""},
		{"DeriveSharedSecret", in{"KeyId": ecdh, "PublicKey": b64("p"), "KeyAgreementAlgorithm": "ECDH"}, "ValidationException", ""},
		{"DeriveSharedSecret", in{"KeyId": sign, "PublicKey": b64("p"), "KeyAgreementAlgorithm": "ECDH"}, "InvalidKeyUsageException", ""},
		{"Encapsulate", in{"KeyId": ecdh, "EncapsulationAlgorithm": "ML_KEM"}, "InvalidKeyUsageException", ""},
		{"Decapsulate", in{"KeyId": kem, "EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": b64("c")}, "InvalidCiphertextException", ""},
		// Grants.
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}, "GranteePrincipal": "someone"}, "InvalidArnException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}, "GranteePrincipal": "arn:aws:iam::000000000000:user/nobody"}, "InvalidArnException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}, "GranteePrincipal": "arn:aws:iam::000000000000:user/*"}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Fly"}, "GranteePrincipal": "arn:aws:iam::000000000000:root"}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Sign"}, "GranteePrincipal": "arn:aws:iam::000000000000:root"}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}, "GranteeServicePrincipal": "s3.amazonaws.com"}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": sign, "Operations": []string{"Sign"}, "GranteePrincipal": "arn:aws:iam::000000000000:root", "Constraints": in{"EncryptionContextEquals": in{"a": "b"}}}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}, "GranteePrincipal": "arn:aws:iam::000000000000:root",
			"Constraints": in{"EncryptionContextSubset": in{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "9": ""}}}, "ValidationException", ""},
		{"CreateGrant", in{"KeyId": id, "Operations": []string{"Decrypt"}, "GranteePrincipal": "arn:aws:iam::000000000000:root",
			"Constraints": in{"EncryptionContextEquals": in{"1": strings.Repeat("v", 385)}}}, "ValidationException", ""},
		{"RevokeGrant", in{"KeyId": id, "GrantId": strings.Repeat("0", 64)}, "NotFoundException", "Grant ID " + strings.Repeat("0", 64) + " not found"},
		{"RevokeGrant", in{"KeyId": id, "GrantId": "a/b\x00"}, "NotFoundException", ""},
		{"RetireGrant", in{"KeyId": arn(id), "GrantId": "a/b"}, "NotFoundException", ""},
		{"RetireGrant", in{"KeyId": arn(id), "GrantId": "\x00"}, "NotFoundException", ""},
		{"RetireGrant", in{}, "ValidationException", ""},
		{"RetireGrant", in{"GrantToken": "x"}, "InvalidGrantTokenException", ""},
		{"RetireGrant", in{"GrantToken": "x", "GrantId": "y", "KeyId": arn(id)}, "ValidationException", ""},
		{"ListGrants", in{"KeyId": id, "GranteePrincipal": "x"}, "InvalidArnException", ""},
		{"ListRetirableGrants", in{}, "ValidationException", ""},
		{"ListRetirableGrants", in{"RetiringPrincipal": "arn:aws:iam::111122223333:root"}, "ValidationException", ""},
		{"ListRetirableGrants", in{"RetiringServicePrincipal": "s3.amazonaws.com"}, "ValidationException", ""},
		// Pages.
		{"ListKeys", in{"Limit": 0}, "ValidationException", length("0", "limit", "value greater than or equal to 1")},
		{"ListKeys", in{"Limit": 1001}, "ValidationException", length("1001", "limit", "value less than or equal to 1000")},
		{"ListKeys", in{"Marker": "nonsense"}, "InvalidMarkerException", "Could not deserialize marker 'nonsense'"},
		{"ListKeys", in{"Marker": ""}, "ValidationException", ""},
		{"ListKeys", in{"Marker": base64.RawURLEncoding.EncodeToString([]byte("M\x00"))}, "InvalidMarkerException", ""},
		{"ListAliases", in{"Marker": "$"}, "InvalidMarkerException", ""},
		{"ListAliases", in{"KeyId": gone}, "NotFoundException", ""},
		{"ListAliases", in{"KeyId": "alias/x"}, "NotFoundException", ""},
		{"ListGrants", in{"KeyId": id, "Marker": "$"}, "InvalidMarkerException", ""},
		{"ListKeyPolicies", in{"KeyId": id, "Marker": "$"}, "InvalidMarkerException", ""},
		{"ListKeyRotations", in{"KeyId": id, "Marker": "$"}, "InvalidMarkerException", ""},
		{"ListResourceTags", in{"KeyId": id, "Marker": "$"}, "InvalidMarkerException", ""},
		{"TagResource", in{"KeyId": id, "Tags": []in{{"TagKey": "aws:a", "TagValue": "1"}}}, "TagException", ""},
		{"NoSuchOperation", in{}, "UnknownOperationException", ""},
	}
	for _, test := range tests {
		if test.message == "" {
			f.refused(rootKeys, test.operation, test.body, test.code)
		} else {
			f.refused(rootKeys, test.operation, test.body, test.code, test.message)
		}
	}
}
