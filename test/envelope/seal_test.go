package envelope

import (
	"testing"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
	"github.com/hashicorp/go-kms-wrapping/wrappers/awskms/v2"
	"google.golang.org/protobuf/proto"

	"bartizan.dev/bartizantest"
)

// seal is the wrapper that Vault and OpenBao unseal themselves with, as one of
// their nodes has it: endpoint is a setting of its seal.
// https://developer.hashicorp.com/vault/docs/configuration/seal/awskms
func seal(t *testing.T, s *bartizantest.Server, as bartizantest.Credentials, key string) (*awskms.Wrapper, error) {
	t.Helper()
	w := awskms.NewWrapper()
	_, err := w.SetConfig(t.Context(), wrapping.WithConfigMap(map[string]string{
		"kms_key_id": key, "region": bartizantest.Region, "endpoint": s.URL(), "access_key": as.AccessKey, "secret_key": as.Secret, "disallow_env_vars": "true",
	}))
	return w, err
}

// TestSeal does what a vault does with its root key: it is wrapped when the vault
// is made and unwrapped by each node that starts.
func TestSeal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	key := l.key()
	vault := l.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt","kms:DescribeKey"],"Resource":"` + key + `"}}`)
	first := must[*awskms.Wrapper](t)(seal(t, l.Server, vault.Credentials, key))
	blob := must[*wrapping.BlobInfo](t)(first.Encrypt(t.Context(), []byte("the vault's root key")))
	if blob.KeyInfo.KeyId != key {
		t.Errorf("it is wrapped by %s, want %s", blob.KeyInfo.KeyId, key)
	}
	stored := must[[]byte](t)(proto.Marshal(blob))
	unseal := func() (string, error) {
		t.Helper()
		node, err := seal(t, l.Server, vault.Credentials, key)
		if err != nil {
			return "", err
		}
		read := new(wrapping.BlobInfo)
		if err := proto.Unmarshal(stored, read); err != nil {
			t.Fatal(err)
		}
		plain, err := node.Decrypt(t.Context(), read)
		return string(plain), err
	}
	opens := func() {
		t.Helper()
		if got := must[string](t)(unseal()); got != "the vault's root key" {
			t.Errorf("unsealed, it is %q", got)
		}
	}
	opens()
	l.rotate(key)
	opens()
	l.disable(key)
	_, err := unseal()
	refused(t, err, "DisabledException")
	l.enable(key)
	opens()

	// Who may not use the key does not even start.
	_, err = seal(t, l.Server, l.NewUser("").Credentials, key)
	refused(t, err, "AccessDeniedException")
	_, err = seal(t, l.Server, vault.Credentials, "alias/none")
	refused(t, err, "NotFoundException")
}
