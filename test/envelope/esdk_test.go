package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	esdk "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygenerated"
	esdktypes "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygeneratedtypes"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"bartizan.dev/bartizantest"
)

// fileSize is that of the file that the Encryption SDKs encrypt, in bytes.
const fileSize = 100 << 20

// keyring is the Encryption SDK for Go's keyring of keys that somebody uses: the
// first of them makes data keys.
func keyring(t *testing.T, s *bartizantest.Server, as bartizantest.Credentials, keys ...string) mpltypes.IKeyring {
	t.Helper()
	providers := must[*mpl.Client](t)(mpl.NewClient(mpltypes.MaterialProvidersConfig{}))
	var rings []mpltypes.IKeyring
	for _, key := range keys {
		rings = append(rings, must[mpltypes.IKeyring](t)(providers.CreateAwsKmsKeyring(t.Context(), mpltypes.CreateAwsKmsKeyringInput{KmsKeyId: key, KmsClient: client(s, as)})))
	}
	return must[mpltypes.IKeyring](t)(providers.CreateMultiKeyring(t.Context(), mpltypes.CreateMultiKeyringInput{Generator: rings[0], ChildKeyrings: rings[1:]}))
}

// discovery is a keyring that tries each key that a file names.
func discovery(t *testing.T, s *bartizantest.Server, as bartizantest.Credentials) mpltypes.IKeyring {
	t.Helper()
	providers := must[*mpl.Client](t)(mpl.NewClient(mpltypes.MaterialProvidersConfig{}))
	return must[mpltypes.IKeyring](t)(providers.CreateAwsKmsDiscoveryKeyring(t.Context(), mpltypes.CreateAwsKmsDiscoveryKeyringInput{KmsClient: client(s, as)}))
}

func decrypt(t *testing.T, ring mpltypes.IKeyring, ciphertext []byte) (*esdktypes.DecryptOutput, error) {
	t.Helper()
	return must[*esdk.Client](t)(esdk.NewClient(esdktypes.AwsEncryptionSdkConfig{})).Decrypt(t.Context(), esdktypes.DecryptInput{Ciphertext: ciphertext, Keyring: ring})
}

// settings are what esdk.mjs is told.
type settings struct {
	Generator string            `json:"generator,omitempty"`
	Keys      []string          `json:"keys,omitempty"`
	Context   map[string]string `json:"context,omitempty"`
}

// TestEncryptionSDK encrypts a large file under two keys and opens it with the
// second, for a reader who has a grant and no other right: what one language's
// SDK writes, the other's reads.
func TestEncryptionSDK(t *testing.T) {
	t.Parallel()
	node, packages := tools(t, "bin", "node"), tools(t, "envelope")
	need(t, "THE AWS ENCRYPTION SDK", node, filepath.Join(packages, "node_modules", "@aws-crypto", "client-node"))
	l := newLab(t)
	first, second := l.key(), l.key()
	writer := l.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Encrypt"],"Resource":"*"}}`)
	reader := l.NewUser("")
	pairs := map[string]string{"tenant": "red", "purpose": "backup"}
	dir := t.TempDir()
	plain := make([]byte, fileSize)
	_, _ = rand.NewChaCha8([32]byte{4}).Read(plain) // never fails
	want := sha256.Sum256(plain)
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(file(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	javascript := func(as bartizantest.Credentials, verb, from, to string, s settings) (string, error) {
		t.Helper()
		script := must[string](t)(filepath.Abs("esdk.mjs"))
		return l.run(as, dir, node, script, packages, verb, from, to, string(must[[]byte](t)(json.Marshal(s))))
	}

	// Both write. JavaScript does it as a stream.
	write("plain", plain)
	must[string](t)(javascript(writer.Credentials, "encrypt", "plain", "javascript", settings{first, []string{second}, pairs}))
	mine := must[*esdktypes.EncryptOutput](t)(must[*esdk.Client](t)(esdk.NewClient(esdktypes.AwsEncryptionSdkConfig{})).Encrypt(t.Context(),
		esdktypes.EncryptInput{Plaintext: plain, EncryptionContext: pairs, Keyring: keyring(t, l.Server, writer.Credentials, first, second)})).Ciphertext
	write("go", mine)
	theirs := must[[]byte](t)(os.ReadFile(file("javascript")))

	// Who has no grant reads neither.
	_, err := javascript(reader.Credentials, "decrypt", "go", "opened", settings{Keys: []string{second}})
	refused(t, err, "AccessDeniedException")
	_, err = decrypt(t, keyring(t, l.Server, reader.Credentials, second), theirs)
	refused(t, err, "AccessDeniedException")
	// Nor does who has one for another context.
	revoke := l.grant(reader, second, map[string]string{"tenant": "blue"}, types.GrantOperationDecrypt)
	_, err = decrypt(t, keyring(t, l.Server, reader.Credentials, second), theirs)
	refused(t, err, "AccessDeniedException")
	revoke()

	// A grant on the second key opens what each wrote in the other language. A
	// keyring that discovers keys is refused the first and goes on.
	revoke = l.grant(reader, second, map[string]string{"tenant": "red"}, types.GrantOperationDecrypt)
	said := must[string](t)(javascript(reader.Credentials, "decrypt", "go", "opened", settings{Keys: []string{second}}))
	var header map[string]string
	if err := json.Unmarshal([]byte(said), &header); err != nil || header["tenant"] != "red" || header["purpose"] != "backup" {
		t.Errorf("the context of Go's file is %s: %v", said, err)
	}
	if sha256.Sum256(must[[]byte](t)(os.ReadFile(file("opened")))) != want {
		t.Error("JavaScript reads something else than Go wrote")
	}
	for name, ring := range map[string]mpltypes.IKeyring{"strict": keyring(t, l.Server, reader.Credentials, second), "discovery": discovery(t, l.Server, reader.Credentials)} {
		out := must[*esdktypes.DecryptOutput](t)(decrypt(t, ring, theirs))
		if sha256.Sum256(out.Plaintext) != want || out.EncryptionContext["tenant"] != "red" {
			t.Errorf("%s: Go reads something else than JavaScript wrote, with context %v", name, out.EncryptionContext)
		}
	}
	// The first key is not the reader's.
	_, err = decrypt(t, keyring(t, l.Server, reader.Credentials, first), theirs)
	refused(t, err, "AccessDeniedException")

	// A context that was changed in the file, within and without the grant's.
	for from, code := range map[string]string{"backup": "InvalidCiphertextException", "red": "AccessDeniedException"} {
		head := bytes.Replace(theirs[:2000], []byte(from), []byte(from[:len(from)-1]+"x"), 1)
		changed := append(head, theirs[2000:]...)
		if bytes.Equal(changed, theirs) {
			t.Fatalf("%q is not in the header", from)
		}
		_, err = decrypt(t, keyring(t, l.Server, reader.Credentials, second), changed)
		refused(t, err, code)
		write("changed", changed)
		_, err = javascript(reader.Credentials, "decrypt", "changed", "opened", settings{Keys: []string{second}})
		refused(t, err, code)
	}

	// The grant goes, and with it the right.
	revoke()
	_, err = decrypt(t, keyring(t, l.Server, reader.Credentials, second), theirs)
	refused(t, err, "AccessDeniedException")
	_, err = javascript(reader.Credentials, "decrypt", "go", "opened", settings{Keys: []string{second}})
	refused(t, err, "AccessDeniedException")
}
