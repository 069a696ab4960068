package kms

import (
	"os"
	"slices"
	"strings"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
)

var usages = []api.KeyUsageType{
	api.KeyUsageType_ENCRYPT_DECRYPT, api.KeyUsageType_SIGN_VERIFY, api.KeyUsageType_GENERATE_VERIFY_MAC,
	api.KeyUsageType_KEY_AGREEMENT, api.KeyUsageType_ENCAPSULATE_DECAPSULATE,
}

// TestSpecsAndUsages makes a key of each spec for each usage, has each operation
// done with it, and expects what the usage is for to work and the rest to be
// refused by its name.
// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-compare.html
func TestSpecsAndUsages(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	for _, spec := range keySpecs {
		if strings.HasPrefix(spec, "RSA_") && spec != "RSA_2048" && os.Getenv("CI") == "" {
			continue // they take seconds to make, and differ in their size only
		}
		for _, usage := range usages {
			in := &api.CreateKeyRequest{KeySpec: api.KeySpec(spec), KeyUsage: usage}
			if !slices.Contains(material.Usages(spec), string(usage)) {
				f.refused(me, in, "ValidationException", "KeyUsage "+string(usage)+" is not compatible with KeySpec "+spec)
				continue
			}
			m := f.newKey(me, in)
			if m.KeySpec != api.KeySpec(spec) || m.CustomerMasterKeySpec != api.CustomerMasterKeySpec(spec) || m.KeyUsage != usage || !*m.Enabled {
				t.Errorf("%s %s: %+v", spec, usage, m)
			}
			f.exercise(me, m)
		}
	}
}

func (f *fixture) exercise(me as, m *api.KeyMetadata) {
	f.t.Helper()
	text := []byte("a text of some length, thirty-two")[:32]
	wrong := func(in any) {
		f.t.Helper()
		name := operationOf(in)
		f.refused(me, in, "InvalidKeyUsageException", *m.Arn+" key usage is "+string(m.KeyUsage)+" which is not valid for "+name+".")
	}
	id := m.KeyId
	if m.KeyUsage == api.KeyUsageType_ENCRYPT_DECRYPT {
		for _, a := range m.EncryptionAlgorithms {
			out := do[api.EncryptResponse](f, me, &api.EncryptRequest{KeyId: id, Plaintext: text, EncryptionAlgorithm: a})
			in := &api.DecryptRequest{KeyId: &id, CiphertextBlob: out.CiphertextBlob, EncryptionAlgorithm: a}
			if got := do[api.DecryptResponse](f, me, in); string(got.Plaintext) != string(text) || got.EncryptionAlgorithm != a || *got.KeyId != *m.Arn {
				f.t.Errorf("%s %s: %+v", m.KeySpec, a, got)
			}
			in.CiphertextBlob[len(in.CiphertextBlob)-1] ^= 1
			f.refused(me, in, "InvalidCiphertextException", "")
		}
	} else {
		wrong(&api.EncryptRequest{KeyId: id, Plaintext: text})
		f.refused(me, &api.DecryptRequest{KeyId: &id, CiphertextBlob: text}, "IncorrectKeyException")
		wrong(&api.GenerateDataKeyRequest{KeyId: id, KeySpec: api.DataKeySpec_AES_256})
		wrong(&api.GenerateDataKeyPairWithoutPlaintextRequest{KeyId: id, KeyPairSpec: api.DataKeyPairSpec_ECC_NIST_P256})
	}
	if m.KeyUsage == api.KeyUsageType_SIGN_VERIFY {
		for _, a := range m.SigningAlgorithms {
			f.signs(me, m, a)
		}
	} else {
		wrong(&api.SignRequest{KeyId: id, Message: text, SigningAlgorithm: api.SigningAlgorithmSpec_ECDSA_SHA_256})
		wrong(&api.VerifyRequest{KeyId: id, Message: text, Signature: text, SigningAlgorithm: api.SigningAlgorithmSpec_ECDSA_SHA_256})
	}
	if m.KeyUsage == api.KeyUsageType_GENERATE_VERIFY_MAC {
		for _, a := range m.MacAlgorithms {
			mac := do[api.GenerateMacResponse](f, me, &api.GenerateMacRequest{KeyId: id, Message: text, MacAlgorithm: a}).Mac
			if out := do[api.VerifyMacResponse](f, me, &api.VerifyMacRequest{KeyId: id, Message: text, Mac: mac, MacAlgorithm: a}); !*out.MacValid {
				f.t.Errorf("%s: not valid", a)
			}
			f.refused(me, &api.VerifyMacRequest{KeyId: id, Message: text[1:], Mac: mac, MacAlgorithm: a}, "KMSInvalidMacException", "")
			f.refused(me, &api.VerifyMacRequest{KeyId: id, Message: text, Mac: mac[1:], MacAlgorithm: a}, "KMSInvalidMacException", "")
		}
	} else {
		wrong(&api.GenerateMacRequest{KeyId: id, Message: text, MacAlgorithm: api.MacAlgorithmSpec_HMAC_SHA_256})
		wrong(&api.VerifyMacRequest{KeyId: id, Message: text, Mac: text, MacAlgorithm: api.MacAlgorithmSpec_HMAC_SHA_256})
	}
	f.agrees(me, m, wrong)
	f.rotatesOnly(me, m)
}

func (f *fixture) signs(me as, m *api.KeyMetadata, a api.SigningAlgorithmSpec) {
	f.t.Helper()
	kinds := map[api.MessageType][]byte{}
	if a != api.SigningAlgorithmSpec_ED25519_PH_SHA_512 {
		kinds[api.MessageType_RAW] = []byte("message")
	}
	if n, ok := material.Digest(string(a)); ok {
		kinds[api.MessageType_DIGEST] = make([]byte, n)
	}
	if a == api.SigningAlgorithmSpec_ML_DSA_SHAKE_256 {
		kinds[api.MessageType_EXTERNAL_MU] = make([]byte, 64)
	}
	for kind, message := range kinds {
		s := do[api.SignResponse](f, me, &api.SignRequest{KeyId: m.KeyId, Message: message, MessageType: kind, SigningAlgorithm: a}).Signature
		in := &api.VerifyRequest{KeyId: m.KeyId, Message: message, MessageType: kind, Signature: s, SigningAlgorithm: a}
		if out := do[api.VerifyResponse](f, me, in); !*out.SignatureValid {
			f.t.Errorf("%s %s: not valid", a, kind)
		}
		in.Message = slices.Clone(message)
		in.Message[0] ^= 1
		f.refused(me, in, "KMSInvalidSignatureException", "")
		in.Message, in.Signature = message, slices.Clone(s)
		in.Signature[len(s)/2] ^= 1
		f.refused(me, in, "KMSInvalidSignatureException", "")
	}
}

func (f *fixture) agrees(me as, m *api.KeyMetadata, wrong func(any)) {
	f.t.Helper()
	id := m.KeyId
	if m.KeyUsage == api.KeyUsageType_KEY_AGREEMENT {
		other := f.newKey(me, &api.CreateKeyRequest{KeySpec: m.KeySpec, KeyUsage: m.KeyUsage}).KeyId
		public := func(id string) []byte {
			return do[api.GetPublicKeyResponse](f, me, &api.GetPublicKeyRequest{KeyId: id}).PublicKey
		}
		secret := func(id string, peer []byte) string {
			return string(do[api.DeriveSharedSecretResponse](f, me, &api.DeriveSharedSecretRequest{KeyId: id, PublicKey: peer, KeyAgreementAlgorithm: api.KeyAgreementAlgorithmSpec_ECDH}).SharedSecret)
		}
		if a, b := secret(id, public(other)), secret(other, public(id)); a != b || a == "" {
			f.t.Errorf("%s: no agreement", m.KeySpec)
		}
	} else {
		wrong(&api.DeriveSharedSecretRequest{KeyId: id, PublicKey: []byte("p"), KeyAgreementAlgorithm: api.KeyAgreementAlgorithmSpec_ECDH})
	}
	if m.KeyUsage == api.KeyUsageType_ENCAPSULATE_DECAPSULATE {
		a := m.EncapsulationAlgorithms[0]
		out := do[api.EncapsulateResponse](f, me, &api.EncapsulateRequest{KeyId: id, EncapsulationAlgorithm: a})
		in := &api.DecapsulateRequest{KeyId: id, SharedSecretCiphertextBlob: out.SharedSecretCiphertextBlob, EncapsulationAlgorithm: a}
		if got := do[api.DecapsulateResponse](f, me, in).SharedSecret; string(got) != string(out.SharedSecret) || len(got) != 32 {
			f.t.Errorf("%s: %x, want %x", m.KeySpec, got, out.SharedSecret)
		}
		in.SharedSecretCiphertextBlob[3] ^= 1
		if got := do[api.DecapsulateResponse](f, me, in).SharedSecret; string(got) == string(out.SharedSecret) || len(got) != 32 {
			f.t.Errorf("%s: a changed ciphertext gives %x", m.KeySpec, got)
		}
	} else {
		wrong(&api.EncapsulateRequest{KeyId: id, EncapsulationAlgorithm: api.EncapsulationAlgorithmSpec_ML_KEM})
		wrong(&api.DecapsulateRequest{KeyId: id, SharedSecretCiphertextBlob: []byte("c"), EncapsulationAlgorithm: api.EncapsulationAlgorithmSpec_ML_KEM})
	}
}

// rotatesOnly: only symmetric encryption keys have rotations, and only keys with
// a public key show one.
func (f *fixture) rotatesOnly(me as, m *api.KeyMetadata) {
	f.t.Helper()
	id := m.KeyId
	symmetric := m.KeySpec == api.KeySpec_SYMMETRIC_DEFAULT
	for _, in := range []any{&api.EnableKeyRotationRequest{KeyId: id}, &api.RotateKeyOnDemandRequest{KeyId: id}, &api.ListKeyRotationsRequest{KeyId: id}, &api.DisableKeyRotationRequest{KeyId: id}} {
		if !symmetric {
			f.refused(me, in, "UnsupportedOperationException")
		} else if _, err := f.call(me, operationOf(in), in); err != nil {
			f.t.Error(err)
		}
	}
	if s := do[api.GetKeyRotationStatusResponse](f, me, &api.GetKeyRotationStatusRequest{KeyId: id}); *s.KeyRotationEnabled {
		f.t.Errorf("%s: rotation is enabled", m.KeySpec)
	}
	if in := (&api.GetPublicKeyRequest{KeyId: id}); symmetric || m.KeyUsage == api.KeyUsageType_GENERATE_VERIFY_MAC {
		f.refused(me, in, "UnsupportedOperationException")
	} else if out := do[api.GetPublicKeyResponse](f, me, in); len(out.PublicKey) == 0 || out.KeySpec != m.KeySpec || out.KeyUsage != m.KeyUsage {
		f.t.Errorf("%s: %+v", m.KeySpec, out)
	}
	if symmetric {
		return
	}
	in := &api.GenerateDataKeyRequest{KeyId: id, KeySpec: api.DataKeySpec_AES_256}
	f.refused(me, in, "InvalidKeyUsageException")
}

// TestDataKeys: what is answered in the clear is what is in the ciphertext.
func TestDataKeys(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	ctx := map[string]string{"a": "b"}
	for _, in := range []*api.GenerateDataKeyRequest{
		{KeyId: id, KeySpec: api.DataKeySpec_AES_128}, {KeyId: id, KeySpec: api.DataKeySpec_AES_256},
		{KeyId: id, NumberOfBytes: new(int32(1))}, {KeyId: id, NumberOfBytes: new(int32(1024))},
	} {
		in.EncryptionContext = ctx
		out := do[api.GenerateDataKeyResponse](f, me, in)
		want := map[api.DataKeySpec]int{api.DataKeySpec_AES_128: 16, api.DataKeySpec_AES_256: 32}[in.KeySpec]
		if in.NumberOfBytes != nil {
			want = int(*in.NumberOfBytes)
		}
		if len(out.Plaintext) != want || f.decrypt(me, out.CiphertextBlob, ctx) != string(out.Plaintext) {
			t.Errorf("%+v: %d bytes", in, len(out.Plaintext))
		}
		f.refused(me, &api.DecryptRequest{CiphertextBlob: out.CiphertextBlob}, "InvalidCiphertextException", "")
	}
	out := do[api.GenerateDataKeyWithoutPlaintextResponse](f, me, &api.GenerateDataKeyWithoutPlaintextRequest{KeyId: id, KeySpec: api.DataKeySpec_AES_256})
	if len(f.decrypt(me, out.CiphertextBlob, nil)) != 32 {
		t.Error("without plaintext")
	}
	for _, spec := range []api.DataKeyPairSpec{api.DataKeyPairSpec_RSA_2048, api.DataKeyPairSpec_ECC_NIST_P521, api.DataKeyPairSpec_ECC_SECG_P256K1, api.DataKeyPairSpec_ECC_NIST_EDWARDS25519} {
		pair := do[api.GenerateDataKeyPairResponse](f, me, &api.GenerateDataKeyPairRequest{KeyId: id, KeyPairSpec: spec, EncryptionContext: ctx})
		if f.decrypt(me, pair.PrivateKeyCiphertextBlob, ctx) != string(pair.PrivateKeyPlaintext) || len(pair.PublicKey) == 0 {
			t.Errorf("%s", spec)
		}
	}
}

// TestReEncrypt: the plaintext goes from one key, algorithm and context to
// another.
func TestReEncrypt(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	from, to := f.newKey(me, nil), f.newKey(me, nil)
	rsa := f.newKey(me, &api.CreateKeyRequest{KeySpec: api.KeySpec_RSA_2048, KeyUsage: encryptDecrypt})
	old, fresh := map[string]string{"c": "old"}, map[string]string{"c": "new"}
	blob := f.encrypt(me, from.KeyId, "text", old)
	out := do[api.ReEncryptResponse](f, me, &api.ReEncryptRequest{CiphertextBlob: blob, SourceEncryptionContext: old, DestinationKeyId: to.KeyId, DestinationEncryptionContext: fresh})
	if f.decrypt(me, out.CiphertextBlob, fresh) != "text" || *out.SourceKeyId != *from.Arn || *out.KeyId != *to.Arn {
		t.Errorf("%+v", out)
	}
	f.refused(me, &api.ReEncryptRequest{CiphertextBlob: blob, SourceEncryptionContext: fresh, DestinationKeyId: to.KeyId}, "InvalidCiphertextException", "")
	f.refused(me, &api.ReEncryptRequest{CiphertextBlob: blob, SourceEncryptionContext: old, SourceKeyId: &to.KeyId, DestinationKeyId: to.KeyId}, "IncorrectKeyException")
	oaep := api.EncryptionAlgorithmSpec_RSAES_OAEP_SHA_256
	out = do[api.ReEncryptResponse](f, me, &api.ReEncryptRequest{CiphertextBlob: blob, SourceEncryptionContext: old, DestinationKeyId: rsa.KeyId, DestinationEncryptionAlgorithm: oaep})
	back := do[api.ReEncryptResponse](f, me, &api.ReEncryptRequest{CiphertextBlob: out.CiphertextBlob, SourceKeyId: &rsa.KeyId, SourceEncryptionAlgorithm: oaep, DestinationKeyId: from.KeyId})
	if f.decrypt(me, back.CiphertextBlob, nil) != "text" {
		t.Error("by way of RSA")
	}
	f.refused(me, &api.ReEncryptRequest{CiphertextBlob: blob, SourceEncryptionContext: old, DestinationKeyId: to.KeyId, DryRun: new(true)}, "DryRunOperationException")
}
