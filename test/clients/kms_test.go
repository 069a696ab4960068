package clients

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"bartizan.dev/bartizantest"
)

// newKey makes a key; change may ask for another kind than a symmetric one.
func newKey(t *testing.T, c *kms.Client, change func(*kms.CreateKeyInput)) *types.KeyMetadata {
	t.Helper()
	in := &kms.CreateKeyInput{}
	if change != nil {
		change(in)
	}
	return must[*kms.CreateKeyOutput](t)(c.CreateKey(t.Context(), in)).KeyMetadata
}

func ofSpec(spec types.KeySpec, usage types.KeyUsageType) func(*kms.CreateKeyInput) {
	return func(in *kms.CreateKeyInput) { in.KeySpec, in.KeyUsage = spec, usage }
}

// public is the raw public key of an asymmetric key, and it parsed where Go can.
func public(t *testing.T, c *kms.Client, id *string) (raw []byte, parsed any) {
	t.Helper()
	der := must[*kms.GetPublicKeyOutput](t)(c.GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: id})).PublicKey
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		t.Fatalf("the public key %x: %v", der, err)
	}
	parsed, _ = x509.ParsePKIXPublicKey(der) // Go does not know all of them
	return info.Key.Bytes, parsed
}

func TestGoKMS(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), kms.NewFromConfig(goSDK(s, s.Root()))
	key := newKey(t, c, func(in *kms.CreateKeyInput) {
		in.Tags = []types.Tag{{TagKey: aws.String("ä"), TagValue: aws.String("ö")}}
	})
	if !strings.HasPrefix(*key.Arn, "arn:aws:kms:us-east-1:"+s.Account()+":key/") || key.KeyState != types.KeyStateEnabled || time.Since(*key.CreationDate) > time.Hour {
		t.Errorf("the key is %+v", key)
	}
	id, pairs := key.KeyId, map[string]string{"Ünit": "1"}
	blob := must[*kms.EncryptOutput](t)(c.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x"), EncryptionContext: pairs})).CiphertextBlob
	if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs})); string(got.Plaintext) != "x" || *got.KeyId != *key.Arn {
		t.Errorf("opened: %+v", got)
	}

	// Errors have the types that the SDK has for them.
	_, err := c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob})
	modelled[*types.InvalidCiphertextException](t, err)
	refused(t, err, "InvalidCiphertextException", 400)
	other := newKey(t, c, nil).KeyId
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs, KeyId: other})
	modelled[*types.IncorrectKeyException](t, err)
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String("alias/none"), Plaintext: []byte("x")})
	if e := modelled[*types.NotFoundException](t, err); e.ErrorMessage() != "Alias arn:aws:kms:us-east-1:"+s.Account()+":alias/none is not found." {
		t.Error(e)
	}
	_, err = c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("arn:aws:s3:::b")})
	modelled[*types.InvalidArnException](t, err)
	_, err = c.Sign(ctx, &kms.SignInput{KeyId: id, Message: []byte("x"), SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
	modelled[*types.InvalidKeyUsageException](t, err)
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x"), DryRun: aws.Bool(true)})
	modelled[*types.DryRunOperationException](t, err)
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x"), GrantTokens: []string{"nothing"}})
	modelled[*types.InvalidGrantTokenException](t, err)
	_, err = c.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: id})
	modelled[*types.UnsupportedOperationException](t, err)
	_, err = c.ListKeys(ctx, &kms.ListKeysInput{Marker: aws.String("!")})
	modelled[*types.InvalidMarkerException](t, err)
	_, err = c.CreateKey(ctx, &kms.CreateKeyInput{Policy: aws.String("{")})
	modelled[*types.MalformedPolicyDocumentException](t, err)
	_, err = c.CreateKey(ctx, &kms.CreateKeyInput{Tags: []types.Tag{{TagKey: aws.String("aws:x"), TagValue: aws.String("")}}})
	modelled[*types.TagException](t, err)
	_, err = c.CreateKey(ctx, &kms.CreateKeyInput{CustomKeyStoreId: aws.String("cks-00000000000000000"), Origin: types.OriginTypeAwsCloudhsm})
	modelled[*types.CustomKeyStoreNotFoundException](t, err)
	alias := &kms.CreateAliasInput{AliasName: aws.String("alias/app"), TargetKeyId: id}
	must[*kms.CreateAliasOutput](t)(c.CreateAlias(ctx, alias))
	_, err = c.CreateAlias(ctx, alias)
	modelled[*types.AlreadyExistsException](t, err)
	for range 25 {
		must[*kms.RotateKeyOnDemandOutput](t)(c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: id}))
	}
	_, err = c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: id})
	modelled[*types.LimitExceededException](t, err)
	states := 0
	for p := kms.NewListKeyRotationsPaginator(c, &kms.ListKeyRotationsInput{KeyId: id, Limit: aws.Int32(10), IncludeKeyMaterial: types.IncludeKeyMaterialAllKeyMaterial}); p.HasMorePages(); {
		states += len(must[*kms.ListKeyRotationsOutput](t)(p.NextPage(ctx)).Rotations)
	}
	if states != 26 {
		t.Errorf("%d materials after 25 rotations", states)
	}
	if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs})); string(got.Plaintext) != "x" {
		t.Error("rotated, the key opens it to something else")
	}

	// Who may not is told so, and by a grant's token may at once.
	user := s.NewUser("")
	mine := kms.NewFromConfig(goSDK(s, user.Credentials))
	_, err = mine.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs})
	refused(t, err, "AccessDeniedException", 400)
	grant := must[*kms.CreateGrantOutput](t)(c.CreateGrant(ctx, &kms.CreateGrantInput{KeyId: id, GranteePrincipal: &user.ARN, Operations: []types.GrantOperation{types.GrantOperationDecrypt},
		Constraints: &types.GrantConstraints{EncryptionContextEquals: pairs}}))
	must[*kms.DecryptOutput](t)(mine.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs, GrantTokens: []string{*grant.GrantToken}}))
	must[*kms.RevokeGrantOutput](t)(c.RevokeGrant(ctx, &kms.RevokeGrantInput{KeyId: id, GrantId: grant.GrantId}))
	_, err = mine.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs})
	refused(t, err, "AccessDeniedException", 400)

	// Data keys: what is encrypted is what is told.
	data := must[*kms.GenerateDataKeyOutput](t)(c.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: aws.String("alias/app"), KeySpec: types.DataKeySpecAes256}))
	if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob})).Plaintext; !bytes.Equal(got, data.Plaintext) || len(got) != 32 {
		t.Errorf("a data key of %d bytes opens to %d others", len(data.Plaintext), len(got))
	}
	for _, spec := range []types.DataKeyPairSpec{types.DataKeyPairSpecRsa2048, types.DataKeyPairSpecEccNistP256, types.DataKeyPairSpecEccNistEdwards25519} {
		pair := must[*kms.GenerateDataKeyPairOutput](t)(c.GenerateDataKeyPair(ctx, &kms.GenerateDataKeyPairInput{KeyId: id, KeyPairSpec: spec}))
		private := must[any](t)(x509.ParsePKCS8PrivateKey(pair.PrivateKeyPlaintext))
		if own := must[[]byte](t)(x509.MarshalPKIXPublicKey(private.(crypto.Signer).Public())); !bytes.Equal(own, pair.PublicKey) {
			t.Errorf("%s: the two are no pair", spec)
		}
		if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: pair.PrivateKeyCiphertextBlob})).Plaintext; !bytes.Equal(got, pair.PrivateKeyPlaintext) {
			t.Errorf("%s: the private key opens to another", spec)
		}
	}

	// The end.
	must[*kms.DisableKeyOutput](t)(c.DisableKey(ctx, &kms.DisableKeyInput{KeyId: id}))
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x")})
	modelled[*types.DisabledException](t, err)
	end := must[*kms.ScheduleKeyDeletionOutput](t)(c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: aws.Int32(7)}))
	if d := time.Until(*end.DeletionDate); d < 6*24*time.Hour || d > 8*24*time.Hour {
		t.Errorf("it ends in %v", d)
	}
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs})
	modelled[*types.KMSInvalidStateException](t, err)
	s.Advance(8 * 24 * time.Hour)
	for last := time.Now().Add(10 * time.Second); time.Now().Before(last); {
		if _, err = c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: id}); err != nil {
			break
		}
	}
	modelled[*types.NotFoundException](t, err)
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: pairs})
	refused(t, err, "AccessDeniedException", 400)
}

// TestGoKMSSigns: what KMS signs, Go verifies.
func TestGoKMSSigns(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), kms.NewFromConfig(goSDK(s, s.Root()))
	message := []byte("a message")
	digest := sha256.Sum256(message)
	for spec, algorithms := range map[types.KeySpec][]types.SigningAlgorithmSpec{
		types.KeySpecRsa2048:             {types.SigningAlgorithmSpecRsassaPssSha256, types.SigningAlgorithmSpecRsassaPkcs1V15Sha256},
		types.KeySpecEccNistP256:         {types.SigningAlgorithmSpecEcdsaSha256},
		types.KeySpecEccNistP384:         {types.SigningAlgorithmSpecEcdsaSha384},
		types.KeySpecEccNistP521:         {types.SigningAlgorithmSpecEcdsaSha512},
		types.KeySpecEccSecgP256k1:       {types.SigningAlgorithmSpecEcdsaSha256},
		types.KeySpecEccNistEdwards25519: {types.SigningAlgorithmSpecEd25519Sha512, types.SigningAlgorithmSpecEd25519PhSha512},
		types.KeySpecMlDsa44:             {types.SigningAlgorithmSpecMlDsaShake256},
		types.KeySpecMlDsa65:             {types.SigningAlgorithmSpecMlDsaShake256},
		types.KeySpecMlDsa87:             {types.SigningAlgorithmSpecMlDsaShake256},
	} {
		key := newKey(t, c, ofSpec(spec, types.KeyUsageTypeSignVerify))
		raw, parsed := public(t, c, key.KeyId)
		for _, algorithm := range algorithms {
			if !slices.Contains(key.SigningAlgorithms, algorithm) {
				t.Errorf("%s does not name %s", spec, algorithm)
			}
			in := &kms.SignInput{KeyId: key.KeyId, Message: message, MessageType: types.MessageTypeRaw, SigningAlgorithm: algorithm}
			hashed := sha512.Sum512(message)
			if algorithm == types.SigningAlgorithmSpecEd25519PhSha512 {
				in.Message, in.MessageType = hashed[:], types.MessageTypeDigest
			}
			signature := must[*kms.SignOutput](t)(c.Sign(ctx, in)).Signature
			ok := false
			switch p := parsed.(type) {
			case *rsa.PublicKey:
				ok = rsa.VerifyPSS(p, crypto.SHA256, digest[:], signature, nil) == nil || rsa.VerifyPKCS1v15(p, crypto.SHA256, digest[:], signature) == nil
			case *ecdsa.PublicKey:
				h := map[types.SigningAlgorithmSpec]crypto.Hash{types.SigningAlgorithmSpecEcdsaSha256: crypto.SHA256, types.SigningAlgorithmSpecEcdsaSha384: crypto.SHA384,
					types.SigningAlgorithmSpecEcdsaSha512: crypto.SHA512}[algorithm].New()
				h.Write(message)
				ok = ecdsa.VerifyASN1(p, h.Sum(nil), signature)
			case ed25519.PublicKey:
				if in.MessageType == types.MessageTypeDigest {
					// "the input is hashed twice: once by you and once by KMS"
					// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-MessageType
					again := sha512.Sum512(hashed[:])
					ok = ed25519.VerifyWithOptions(p, again[:], signature, &ed25519.Options{Hash: crypto.SHA512}) == nil
				} else {
					ok = ed25519.Verify(p, message, signature)
				}
			default: // Go knows neither secp256k1 nor ML-DSA
				ok = true
			}
			if !ok {
				t.Errorf("%s: Go does not verify %s", spec, algorithm)
			}
			check := &kms.VerifyInput{KeyId: key.KeyId, Message: in.Message, MessageType: in.MessageType, SigningAlgorithm: algorithm, Signature: signature}
			if algorithm == types.SigningAlgorithmSpecMlDsaShake256 { // the other form of the same message: FIPS 204, section 6.2
				check.Message, check.MessageType = mu(raw, message), types.MessageTypeExternalMu
			}
			if !must[*kms.VerifyOutput](t)(c.Verify(ctx, check)).SignatureValid {
				t.Errorf("%s: KMS does not verify %s", spec, algorithm)
			}
			if algorithm == types.SigningAlgorithmSpecMlDsaShake256 {
				_, err := c.Sign(ctx, &kms.SignInput{KeyId: key.KeyId, Message: hashed[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: algorithm})
				if refused(t, err, "ValidationException", 400); !strings.Contains(err.Error(), "Message type DIGEST is incompatible with key spec "+string(spec)+".") {
					t.Error(err)
				}
			}
			check.Message = slices.Clone(check.Message)
			check.Message[0] ^= 1
			_, err := c.Verify(ctx, check)
			modelled[*types.KMSInvalidSignatureException](t, err)
		}
	}
}

// mu is what ML-DSA signs in place of a message.
func mu(key, message []byte) []byte {
	tr := sha3.SumSHAKE256(key, 64)
	return sha3.SumSHAKE256(slices.Concat(tr, []byte{0, 0}, message), 64)
}

// TestGoKMSAgrees: secrets that KMS and Go agree on, and what Go encrypts to KMS.
func TestGoKMSAgrees(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), kms.NewFromConfig(goSDK(s, s.Root()))

	// ML-KEM, each side by each.
	for _, spec := range []types.KeySpec{types.KeySpecMlKem512, types.KeySpecMlKem768, types.KeySpecMlKem1024} {
		key := newKey(t, c, ofSpec(spec, types.KeyUsageTypeEncapsulateDecapsulate))
		open := func(capsule []byte) []byte {
			t.Helper()
			return must[*kms.DecapsulateOutput](t)(c.Decapsulate(ctx, &kms.DecapsulateInput{KeyId: key.KeyId, SharedSecretCiphertextBlob: capsule,
				EncapsulationAlgorithm: types.EncapsulationAlgorithmSpecMlKem})).SharedSecret
		}
		made := must[*kms.EncapsulateOutput](t)(c.Encapsulate(ctx, &kms.EncapsulateInput{KeyId: key.KeyId, EncapsulationAlgorithm: types.EncapsulationAlgorithmSpecMlKem}))
		if !bytes.Equal(open(made.SharedSecretCiphertextBlob), made.SharedSecret) || len(made.SharedSecret) != 32 {
			t.Errorf("%s: the secrets differ", spec)
		}
		made.SharedSecretCiphertextBlob[0] ^= 1 // implicit rejection: another secret, no error
		if wrong := open(made.SharedSecretCiphertextBlob); bytes.Equal(wrong, made.SharedSecret) || len(wrong) != 32 {
			t.Errorf("%s: a changed capsule opens to %x", spec, wrong)
		}
		raw, _ := public(t, c, key.KeyId)
		var secret, capsule []byte
		switch spec {
		case types.KeySpecMlKem768:
			secret, capsule = must[*mlkem.EncapsulationKey768](t)(mlkem.NewEncapsulationKey768(raw)).Encapsulate()
		case types.KeySpecMlKem1024:
			secret, capsule = must[*mlkem.EncapsulationKey1024](t)(mlkem.NewEncapsulationKey1024(raw)).Encapsulate()
		default: // Go has no ML-KEM-512
			continue
		}
		if !bytes.Equal(open(capsule), secret) {
			t.Errorf("%s: KMS opens Go's capsule to another secret", spec)
		}
	}

	// ECDH.
	for spec, curve := range map[types.KeySpec]ecdh.Curve{types.KeySpecEccNistP256: ecdh.P256(), types.KeySpecEccNistP384: ecdh.P384(), types.KeySpecEccNistP521: ecdh.P521()} {
		key := newKey(t, c, ofSpec(spec, types.KeyUsageTypeKeyAgreement))
		own := must[*ecdh.PrivateKey](t)(curve.GenerateKey(rand.Reader))
		_, parsed := public(t, c, key.KeyId)
		want := must[[]byte](t)(own.ECDH(must[*ecdh.PublicKey](t)(parsed.(*ecdsa.PublicKey).ECDH())))
		got := must[*kms.DeriveSharedSecretOutput](t)(c.DeriveSharedSecret(ctx, &kms.DeriveSharedSecretInput{KeyId: key.KeyId,
			KeyAgreementAlgorithm: types.KeyAgreementAlgorithmSpecEcdh, PublicKey: must[[]byte](t)(x509.MarshalPKIXPublicKey(own.PublicKey()))}))
		if !bytes.Equal(got.SharedSecret, want) {
			t.Errorf("%s: the secrets differ", spec)
		}
	}

	// RSA.
	key := newKey(t, c, ofSpec(types.KeySpecRsa2048, types.KeyUsageTypeEncryptDecrypt))
	_, parsed := public(t, c, key.KeyId)
	blob := must[[]byte](t)(rsa.EncryptOAEP(sha256.New(), rand.Reader, parsed.(*rsa.PublicKey), []byte("attack at dawn"), nil))
	in := &kms.DecryptInput{KeyId: key.KeyId, CiphertextBlob: blob, EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha256}
	if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, in)).Plaintext; string(got) != "attack at dawn" {
		t.Errorf("opened: %q", got)
	}
	in.EncryptionAlgorithm = types.EncryptionAlgorithmSpecRsaesOaepSha1
	_, err := c.Decrypt(ctx, in)
	modelled[*types.InvalidCiphertextException](t, err)
}

// TestGoKMSImports: a key of ours does there what it does here.
func TestGoKMSImports(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), kms.NewFromConfig(goSDK(s, s.Root()))
	secret := bytes.Repeat([]byte{7}, 32)
	key := newKey(t, c, func(in *kms.CreateKeyInput) {
		in.KeySpec, in.KeyUsage, in.Origin = types.KeySpecHmac256, types.KeyUsageTypeGenerateVerifyMac, types.OriginTypeExternal
	})
	if key.KeyState != types.KeyStatePendingImport {
		t.Errorf("the key is %s", key.KeyState)
	}
	mac := &kms.GenerateMacInput{KeyId: key.KeyId, Message: []byte("a message"), MacAlgorithm: types.MacAlgorithmSpecHmacSha256}
	_, err := c.GenerateMac(ctx, mac)
	modelled[*types.KMSInvalidStateException](t, err)
	prepare := func(secret []byte) *kms.ImportKeyMaterialInput {
		t.Helper()
		p := must[*kms.GetParametersForImportOutput](t)(c.GetParametersForImport(ctx, &kms.GetParametersForImportInput{KeyId: key.KeyId,
			WrappingAlgorithm: types.AlgorithmSpecRsaesOaepSha256, WrappingKeySpec: types.WrappingKeySpecRsa3072}))
		wrapping := must[any](t)(x509.ParsePKIXPublicKey(p.PublicKey)).(*rsa.PublicKey)
		return &kms.ImportKeyMaterialInput{KeyId: key.KeyId, ImportToken: p.ImportToken, ExpirationModel: types.ExpirationModelTypeKeyMaterialExpires,
			ValidTo: aws.Time(s.Now().Add(48 * time.Hour)), EncryptedKeyMaterial: must[[]byte](t)(rsa.EncryptOAEP(sha256.New(), rand.Reader, wrapping, secret, nil))}
	}
	bad := prepare(secret)
	bad.ImportToken[len(bad.ImportToken)-1] ^= 1
	_, err = c.ImportKeyMaterial(ctx, bad)
	modelled[*types.InvalidImportTokenException](t, err)
	bad = prepare(secret)
	bad.EncryptedKeyMaterial[0] ^= 1
	_, err = c.ImportKeyMaterial(ctx, bad)
	modelled[*types.InvalidCiphertextException](t, err)
	must[*kms.ImportKeyMaterialOutput](t)(c.ImportKeyMaterial(ctx, prepare(secret)))
	want := hmac.New(sha256.New, secret)
	want.Write(mac.Message)
	if got := must[*kms.GenerateMacOutput](t)(c.GenerateMac(ctx, mac)).Mac; !bytes.Equal(got, want.Sum(nil)) {
		t.Errorf("the MAC is %x, Go says %x", got, want.Sum(nil))
	}
	verify := &kms.VerifyMacInput{KeyId: key.KeyId, Message: []byte("another"), Mac: want.Sum(nil), MacAlgorithm: mac.MacAlgorithm}
	_, err = c.VerifyMac(ctx, verify)
	modelled[*types.KMSInvalidMacException](t, err)

	// It expires; only the same material takes its place.
	late := prepare(secret)
	s.Advance(49 * time.Hour)
	_, err = c.GenerateMac(ctx, mac)
	modelled[*types.KMSInvalidStateException](t, err)
	late.ValidTo = aws.Time(s.Now().Add(time.Hour))
	_, err = c.ImportKeyMaterial(ctx, late)
	modelled[*types.ExpiredImportTokenException](t, err)
	_, err = c.ImportKeyMaterial(ctx, prepare(bytes.Repeat([]byte{8}, 32)))
	modelled[*types.IncorrectKeyMaterialException](t, err)
	must[*kms.ImportKeyMaterialOutput](t)(c.ImportKeyMaterial(ctx, prepare(secret)))
	must[*kms.GenerateMacOutput](t)(c.GenerateMac(ctx, mac))
	must[*kms.DeleteImportedKeyMaterialOutput](t)(c.DeleteImportedKeyMaterial(ctx, &kms.DeleteImportedKeyMaterialInput{KeyId: key.KeyId}))
	_, err = c.GenerateMac(ctx, mac)
	modelled[*types.KMSInvalidStateException](t, err)
}

// TestGoKMSRegions: what one Region encrypts, another decrypts.
func TestGoKMSRegions(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx, c := t.Context(), kms.NewFromConfig(goSDK(s, s.Root()))
	ireland := func(o *kms.Options) { o.Region = "eu-west-1" }
	key := newKey(t, c, func(in *kms.CreateKeyInput) { in.MultiRegion = aws.Bool(true) })
	blob := must[*kms.EncryptOutput](t)(c.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("x")})).CiphertextBlob
	_, err := c.Decrypt(ctx, &kms.DecryptInput{KeyId: key.KeyId, CiphertextBlob: blob}, ireland)
	modelled[*types.NotFoundException](t, err)
	replica := must[*kms.ReplicateKeyOutput](t)(c.ReplicateKey(ctx, &kms.ReplicateKeyInput{KeyId: key.KeyId, ReplicaRegion: aws.String("eu-west-1")})).ReplicaKeyMetadata
	if *replica.KeyId != *key.KeyId || replica.MultiRegionConfiguration.MultiRegionKeyType != types.MultiRegionKeyTypeReplica || *replica.MultiRegionConfiguration.PrimaryKey.Region != "us-east-1" {
		t.Errorf("the replica is %+v", replica.MultiRegionConfiguration)
	}
	if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, &kms.DecryptInput{KeyId: key.KeyId, CiphertextBlob: blob}, ireland)); string(got.Plaintext) != "x" || *got.KeyId != *replica.Arn {
		t.Errorf("opened in Ireland: %+v", got)
	}
	_, err = c.ReplicateKey(ctx, &kms.ReplicateKeyInput{KeyId: key.KeyId, ReplicaRegion: aws.String("eu-west-1")})
	modelled[*types.AlreadyExistsException](t, err)
	must[*kms.UpdatePrimaryRegionOutput](t)(c.UpdatePrimaryRegion(ctx, &kms.UpdatePrimaryRegionInput{KeyId: key.KeyId, PrimaryRegion: aws.String("eu-west-1")}))
	_, err = c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: key.KeyId})
	modelled[*types.UnsupportedOperationException](t, err)
	must[*kms.RotateKeyOnDemandOutput](t)(c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: key.KeyId}, ireland))
	both := must[*kms.EncryptOutput](t)(c.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("y")}, ireland)).CiphertextBlob
	if got := must[*kms.DecryptOutput](t)(c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: both})); string(got.Plaintext) != "y" {
		t.Errorf("opened: %+v", got)
	}
}
