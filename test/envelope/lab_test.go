package envelope

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"bartizan.dev/bartizantest"
)

// tools is where scripts/setup installs.
func tools(t *testing.T, path ...string) string {
	t.Helper()
	root, err := filepath.Abs("../../.tools")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, path...)...)
}

// need skips the test where a file of .tools is missing; in CI that fails it.
func need(t *testing.T, client string, files ...string) {
	t.Helper()
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			continue
		}
		message := fmt.Sprintf("%s IS NOT TRIED: run scripts/setup envelope, which installs it: no %s", client, f)
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks that something failed, and that AWS's error is the reason.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil {
		t.Errorf("it succeeds, want %s", code)
	} else if !strings.Contains(err.Error(), code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// A lab is a server with its administrator's client.
type lab struct {
	*bartizantest.Server
	t    *testing.T
	root *kms.Client
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s := bartizantest.New(t)
	return &lab{s, t, client(s, s.Root())}
}

// client is the SDK's client, for one caller.
func client(s *bartizantest.Server, c bartizantest.Credentials) *kms.Client {
	return kms.New(kms.Options{
		Region: bartizantest.Region, BaseEndpoint: aws.String(s.URL()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.Secret, SessionToken: c.Token}, nil
		}),
	})
}

// key makes a key and returns its ARN.
func (l *lab) key() string {
	l.t.Helper()
	return *must[*kms.CreateKeyOutput](l.t)(l.root.CreateKey(l.t.Context(), nil)).KeyMetadata.Arn
}

// grant lets a user do the operations with a key, where the encryption context
// has these pairs, and returns what takes the right away again.
func (l *lab) grant(user bartizantest.User, key string, pairs map[string]string, operations ...types.GrantOperation) (revoke func()) {
	l.t.Helper()
	in := &kms.CreateGrantInput{KeyId: &key, GranteePrincipal: &user.ARN, Operations: operations}
	if pairs != nil {
		in.Constraints = &types.GrantConstraints{EncryptionContextSubset: pairs}
	}
	id := must[*kms.CreateGrantOutput](l.t)(l.root.CreateGrant(l.t.Context(), in)).GrantId
	return func() {
		l.t.Helper()
		must[*kms.RevokeGrantOutput](l.t)(l.root.RevokeGrant(l.t.Context(), &kms.RevokeGrantInput{KeyId: &key, GrantId: id}))
	}
}

func (l *lab) disable(key string) {
	l.t.Helper()
	must[*kms.DisableKeyOutput](l.t)(l.root.DisableKey(l.t.Context(), &kms.DisableKeyInput{KeyId: &key}))
}

func (l *lab) enable(key string) {
	l.t.Helper()
	must[*kms.EnableKeyOutput](l.t)(l.root.EnableKey(l.t.Context(), &kms.EnableKeyInput{KeyId: &key}))
}

func (l *lab) rotate(key string) {
	l.t.Helper()
	must[*kms.RotateKeyOnDemandOutput](l.t)(l.root.RotateKeyOnDemand(l.t.Context(), &kms.RotateKeyOnDemandInput{KeyId: &key}))
}

// run runs a program as somebody. The error has what the program said.
func (l *lab) run(as bartizantest.Credentials, dir, name string, args ...string) (string, error) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(l.Env(as), "HOME="+l.t.TempDir(), "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %q: %w\n%s", filepath.Base(name), args, err, said.String())
	}
	return string(out), nil
}
