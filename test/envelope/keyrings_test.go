package envelope

import (
	"encoding/pem"
	"testing"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	primitives "github.com/aws/aws-cryptographic-material-providers-library/releases/go/primitives/awscryptographyprimitivessmithygeneratedtypes"
	esdk "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygenerated"
	esdktypes "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygeneratedtypes"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// public is the public key of an asymmetric key, in DER.
func (l *lab) public(key *string) []byte {
	l.t.Helper()
	return must[*kms.GetPublicKeyOutput](l.t)(l.root.GetPublicKey(l.t.Context(), &kms.GetPublicKeyInput{KeyId: key})).PublicKey
}

func (l *lab) asymmetric(spec types.KeySpec, usage types.KeyUsageType) *string {
	l.t.Helper()
	return must[*kms.CreateKeyOutput](l.t)(l.root.CreateKey(l.t.Context(), &kms.CreateKeyInput{KeySpec: spec, KeyUsage: usage})).KeyMetadata.Arn
}

// TestKeyrings: the Encryption SDK's other ways of wrapping a data key with KMS.
// What one keyring writes, the other opens.
func TestKeyrings(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx := t.Context()
	providers := must[*mpl.Client](t)(mpl.NewClient(mpltypes.MaterialProvidersConfig{}))
	sdk := must[*esdk.Client](t)(esdk.NewClient(esdktypes.AwsEncryptionSdkConfig{}))
	ring := must[mpltypes.IKeyring](t)
	unsigned := mpltypes.ESDKAlgorithmSuiteIdAlgAes256GcmHkdfSha512CommitKey
	check := func(name string, writer, reader mpltypes.IKeyring, suite *mpltypes.ESDKAlgorithmSuiteId) {
		t.Helper()
		pairs := map[string]string{"keyring": name}
		message := must[*esdktypes.EncryptOutput](t)(sdk.Encrypt(ctx, esdktypes.EncryptInput{Plaintext: []byte("attack at dawn"), EncryptionContext: pairs, Keyring: writer, AlgorithmSuiteId: suite}))
		if got := must[*esdktypes.DecryptOutput](t)(sdk.Decrypt(ctx, esdktypes.DecryptInput{Ciphertext: message.Ciphertext, Keyring: reader, EncryptionContext: pairs})); string(got.Plaintext) != "attack at dawn" {
			t.Errorf("%s: opened, it is %q", name, got.Plaintext)
		}
	}

	// A multi-Region key: written in one Region, opened in another.
	multi := must[*kms.CreateKeyOutput](t)(l.root.CreateKey(ctx, &kms.CreateKeyInput{MultiRegion: aws.Bool(true)})).KeyMetadata.Arn
	replica := must[*kms.ReplicateKeyOutput](t)(l.root.ReplicateKey(ctx, &kms.ReplicateKeyInput{KeyId: multi, ReplicaRegion: aws.String("eu-west-1")})).ReplicaKeyMetadata.Arn
	ireland := kms.New(l.root.Options(), func(o *kms.Options) { o.Region = "eu-west-1" })
	check("multi-Region",
		ring(providers.CreateAwsKmsMrkKeyring(ctx, mpltypes.CreateAwsKmsMrkKeyringInput{KmsKeyId: *multi, KmsClient: l.root})),
		ring(providers.CreateAwsKmsMrkKeyring(ctx, mpltypes.CreateAwsKmsMrkKeyringInput{KmsKeyId: *replica, KmsClient: ireland})), nil)

	// RSA: who writes needs the public key only.
	key := l.asymmetric(types.KeySpecRsa2048, types.KeyUsageTypeEncryptDecrypt)
	wrap := mpltypes.CreateAwsKmsRsaKeyringInput{KmsKeyId: *key, EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha256,
		PublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: l.public(key)})}
	open := wrap
	open.PublicKey, open.KmsClient = nil, l.root
	check("RSA", ring(providers.CreateAwsKmsRsaKeyring(ctx, wrap)), ring(providers.CreateAwsKmsRsaKeyring(ctx, open)), &unsigned)

	// ECDH: two keys agree on what wraps the data key.
	sender, recipient := l.asymmetric(types.KeySpecEccNistP256, types.KeyUsageTypeKeyAgreement), l.asymmetric(types.KeySpecEccNistP256, types.KeyUsageTypeKeyAgreement)
	check("ECDH", ring(providers.CreateAwsKmsEcdhKeyring(ctx, mpltypes.CreateAwsKmsEcdhKeyringInput{CurveSpec: primitives.ECDHCurveSpecEccNistP256, KmsClient: l.root,
		KeyAgreementScheme: &mpltypes.KmsEcdhStaticConfigurationsMemberKmsPrivateKeyToStaticPublicKey{Value: mpltypes.KmsPrivateKeyToStaticPublicKeyInput{
			SenderKmsIdentifier: *sender, SenderPublicKey: l.public(sender), RecipientPublicKey: l.public(recipient)}}})),
		ring(providers.CreateAwsKmsEcdhKeyring(ctx, mpltypes.CreateAwsKmsEcdhKeyringInput{CurveSpec: primitives.ECDHCurveSpecEccNistP256, KmsClient: l.root,
			KeyAgreementScheme: &mpltypes.KmsEcdhStaticConfigurationsMemberKmsPublicKeyDiscovery{Value: mpltypes.KmsPublicKeyDiscoveryInput{RecipientKmsIdentifier: *recipient}}})), nil)
}
