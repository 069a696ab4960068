package ssm

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"

	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/wire"
)

// How a SecureString is kept: a standard one is what kms:Encrypt answers; an
// advanced one is encrypted here under a data key of kms:GenerateDataKey, which
// stands before it, encrypted. Both are bound to the parameter's ARN by the
// encryption context. KMS is asked as the caller, so who may not use the key can
// neither write nor read the value; nothing but the encrypted value is stored.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html

const defaultKey = "alias/aws/ssm"

func contextOf(arn string) map[string]string { return map[string]string{"PARAMETER_ARN": arn} }

// seal encrypts a value.
func (s *Service) seal(ctx context.Context, arn, tier, keyID, value string) (string, error) {
	if tier == tierStandard {
		out, err := s.KMS.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: keyID, Plaintext: []byte(value), EncryptionContext: contextOf(arn)})
		if err != nil {
			return "", keyError(err)
		}
		return base64.StdEncoding.EncodeToString(out.CiphertextBlob), nil
	}
	key, err := s.KMS.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: keyID, KeySpec: kmsapi.DataKeySpec_AES_256, EncryptionContext: contextOf(arn)})
	if err != nil {
		return "", keyError(err)
	}
	defer clear(key.Plaintext)
	aead, err := newAEAD(key.Plaintext)
	if err != nil {
		return "", err
	}
	out := []byte{envelope}
	out = binary.BigEndian.AppendUint16(out, uint16(len(key.CiphertextBlob)))
	out = append(out, key.CiphertextBlob...)
	out = aead.Seal(out, nil, []byte(value), []byte(arn)) // the nonce is random and in front
	return base64.StdEncoding.EncodeToString(out), nil
}

// envelope is the first byte of what seal makes in the advanced tier.
const envelope = 1

var errEnvelope = errors.New("ssm: what is stored is no envelope")

// open decrypts what seal made.
func (s *Service) open(ctx context.Context, arn, tier, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	if tier == tierStandard {
		return s.decrypt(ctx, arn, raw, func(plain []byte) (string, error) { return string(plain), nil })
	}
	if len(raw) < 3 || raw[0] != envelope || len(raw) < 3+int(binary.BigEndian.Uint16(raw[1:])) {
		return "", errEnvelope
	}
	n := 3 + int(binary.BigEndian.Uint16(raw[1:]))
	return s.decrypt(ctx, arn, raw[3:n], func(key []byte) (string, error) {
		aead, err := newAEAD(key)
		if err != nil {
			return "", err
		}
		plain, err := aead.Open(nil, nil, raw[n:], []byte(arn))
		return string(plain), err
	})
}

func (s *Service) decrypt(ctx context.Context, arn string, blob []byte, use func([]byte) (string, error)) (string, error) {
	out, err := s.KMS.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: blob, EncryptionContext: contextOf(arn)})
	if err != nil {
		return "", keyError(err)
	}
	defer clear(out.Plaintext)
	return use(out.Plaintext)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keyError is how Parameter Store tells what KMS says.
func keyError(err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return err
	}
	switch e.Code {
	case "NotFoundException", "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException", "InvalidArnException",
		"KeyUnavailableException", "ValidationException":
		return wire.Errorf("InvalidKeyId", "%s (Service: AWSKMS; Status Code: 400; Error Code: %s)", e.Message, e.Code).With(err)
	}
	return err
}
