package envelope

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/tink-crypto/tink-go-awskms/v3/integration/awskms"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// TestTink encrypts with data keys of Tink's own, which KMS wraps. Tink is told
// where KMS is as any program is: by its environment.
func TestTink(t *testing.T) {
	l := newLab(t)
	key := l.key()
	user := l.NewUser("")
	for _, v := range l.Env(user.Credentials) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	c, err := awskms.NewClientWithOptions(t.Context(), "aws-kms://"+key)
	if err != nil {
		t.Fatal(err)
	}
	remote := must[tink.AEAD](t)(c.GetAEAD("aws-kms://" + key))
	box := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), remote)
	plaintext, about := bytes.Repeat([]byte("all work "), 20_000), []byte("chapter 1")

	_, err = box.Encrypt(plaintext, about)
	refused(t, err, "AccessDeniedException")
	revoke := l.grant(user, key, nil, types.GrantOperationEncrypt, types.GrantOperationDecrypt)
	sealed := must[[]byte](t)(box.Encrypt(plaintext, about))
	if bytes.Contains(sealed, []byte("all work")) {
		t.Error("the ciphertext has the plaintext")
	}
	l.rotate(key)
	if got := must[[]byte](t)(box.Decrypt(sealed, about)); !bytes.Equal(got, plaintext) {
		t.Error("opened, it is something else")
	}
	if _, err := box.Decrypt(sealed, []byte("chapter 2")); err == nil {
		t.Error("opened with other associated data")
	}

	// A keyset under the key: here KMS itself sees the associated data, as the
	// encryption context.
	handle := must[*keyset.Handle](t)(keyset.NewHandle(aead.AES256GCMKeyTemplate()))
	var file bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewJSONWriter(&file), remote, about); err != nil {
		t.Fatal(err)
	}
	read := func(about string) (*keyset.Handle, error) {
		return keyset.ReadWithAssociatedData(keyset.NewJSONReader(bytes.NewReader(file.Bytes())), remote, []byte(about))
	}
	again := must[*keyset.Handle](t)(read("chapter 1"))
	local := must[tink.AEAD](t)(aead.New(handle))
	if got := must[[]byte](t)(must[tink.AEAD](t)(aead.New(again)).Decrypt(must[[]byte](t)(local.Encrypt(plaintext, nil)), nil)); !bytes.Equal(got, plaintext) {
		t.Error("the keyset that was read is another")
	}
	_, err = read("chapter 2")
	refused(t, err, "InvalidCiphertextException")

	l.disable(key)
	_, err = box.Decrypt(sealed, about)
	refused(t, err, "DisabledException")
	l.enable(key)
	revoke()
	_, err = box.Decrypt(sealed, about)
	refused(t, err, "AccessDeniedException")
	_, err = read("chapter 1")
	refused(t, err, "AccessDeniedException")
}
