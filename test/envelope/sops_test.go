package envelope

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

const secrets = `database:
    user: shop
    password: correct horse battery staple
`

// TestSOPS encrypts the values of a YAML file.
func TestSOPS(t *testing.T) {
	t.Parallel()
	sops := tools(t, "bin", "sops")
	need(t, "SOPS", sops)
	l := newLab(t)
	first, second := l.key(), l.key()
	reader := l.NewUser("")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secrets.yaml"), []byte(secrets), 0o600); err != nil {
		t.Fatal(err)
	}
	encrypt := func(to string, args ...string) {
		t.Helper()
		text := must[string](t)(l.run(l.Root(), dir, sops, append(append([]string{"encrypt"}, args...), "secrets.yaml")...))
		if strings.Contains(text, "correct horse") || !strings.Contains(text, "password: ENC[AES256_GCM,") || !strings.Contains(text, first) {
			t.Errorf("encrypted, it is\n%s", text)
		}
		if err := os.WriteFile(filepath.Join(dir, to), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opens := func(name string) {
		t.Helper()
		if text := must[string](t)(l.run(reader.Credentials, dir, sops, "decrypt", name)); text != secrets {
			t.Errorf("%s is\n%s", name, text)
		}
	}
	closed := func(name, code string) {
		t.Helper()
		_, err := l.run(reader.Credentials, dir, sops, "decrypt", name)
		refused(t, err, code)
	}

	// A key, and a grant on it.
	encrypt("plain.yaml", "--kms", first)
	closed("plain.yaml", "AccessDeniedException")
	l.grant(reader, first, nil, types.GrantOperationDecrypt)
	opens("plain.yaml")
	l.rotate(first)
	opens("plain.yaml")
	l.disable(first)
	closed("plain.yaml", "DisabledException")
	l.enable(first)
	opens("plain.yaml")

	// Another key's encryption context is another thing.
	encrypt("context.yaml", "--kms", first, "--encryption-context", "stage:live,team:red")
	opens("context.yaml")
	text := string(must[[]byte](t)(os.ReadFile(filepath.Join(dir, "context.yaml"))))
	if err := os.WriteFile(filepath.Join(dir, "context.yaml"), []byte(strings.Replace(text, "stage: live", "stage: test", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	closed("context.yaml", "InvalidCiphertextException")

	// Either of two keys is enough.
	encrypt("both.yaml", "--kms", first+","+second)
	l.disable(first)
	closed("both.yaml", "AccessDeniedException")
	l.grant(reader, second, nil, types.GrantOperationDecrypt)
	opens("both.yaml")
}
