package clients

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"bartizan.dev/bartizantest"
	"bartizan.dev/server"
)

// rotator writes the program that rotates for the function nightly.
func rotator(t *testing.T) server.Rotator {
	t.Helper()
	python := tools(t, "python", "bin", "python")
	need(t, "BOTO3", python)
	path := filepath.Join(t.TempDir(), "nightly")
	if err := os.WriteFile(path, []byte("#!"+python+"\n"+string(must[[]byte](t)(os.ReadFile(filepath.Join("..", "smoke", "rotator.py"))))), 0o700); err != nil {
		t.Fatal(err)
	}
	return server.Rotator{Command: path}
}

// TestTerraformSecrets applies a module of secrets and parameters, finds no drift,
// changes what can be changed, imports, and destroys it.
func TestTerraformSecrets(t *testing.T) {
	t.Parallel()
	nightly := rotator(t)
	s := bartizantest.New(t, bartizantest.Change(func(o *server.Options) { o.Rotators = map[string]server.Rotator{"nightly": nightly} }))
	m := newModule(t, s, "secrets")
	m.apply()
	type seen struct {
		Password, Description, Replica, Host, Reference, Written string
		Policy, Rotates                                          bool
		Secrets, Parameters                                      []string
		Large                                                    int
	}
	want := seen{
		Password: "of test", Description: "of test", Replica: "InSync", Host: "test.example.com", Reference: "of test", Written: "kept in no state, test",
		Policy: true, Rotates: true, Secrets: []string{"app/db", "app/rotated"}, Large: 5000,
		Parameters: []string{"/app/host", "/app/image", "/app/large", "/app/nodes", "/app/password", "/app/written"},
	}
	check := func() {
		t.Helper()
		var out struct{ Seen struct{ Value seen } }
		if m.outputs(&out); !reflect.DeepEqual(out.Seen.Value, want) {
			t.Errorf("data sources say %+v, want %+v", out.Seen.Value, want)
		}
	}
	check()
	if state := string(must[[]byte](t)(os.ReadFile(filepath.Join(m.dir, "terraform.tfstate")))); strings.Contains(state, `"value_wo": "kept`) {
		t.Error("the state has a value that is only written")
	}
	rotated(t, s)
	m.apply("-var=stage=live")
	want.Password, want.Description, want.Host, want.Reference, want.Written = "of live", "of live", "live.example.com", "of live", "kept in no state, live"
	check()
	m.imports(2) // reading tells neither block_public_policy nor rotate_immediately
	m.destroy("-var=stage=live")
	secrets, parameters := secretsmanager.NewFromConfig(goSDK(s, s.Root())), ssm.NewFromConfig(goSDK(s, s.Root()))
	left := must[*secretsmanager.ListSecretsOutput](t)(secrets.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)})).SecretList
	if len(left) != 1 || !strings.HasPrefix(*left[0].Name, "bytes-") {
		t.Errorf("destroyed, there are %d secrets; want the one that waits for seven days", len(left))
	}
	if list := must[*ssm.DescribeParametersOutput](t)(parameters.DescribeParameters(t.Context(), nil)).Parameters; len(list) > 0 {
		t.Errorf("%d parameters are left", len(list))
	}
}

// rotated waits until the rotator has done its work.
func rotated(t *testing.T, s *bartizantest.Server) {
	t.Helper()
	c := secretsmanager.NewFromConfig(goSDK(s, s.Root()))
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		got, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/rotated")})
		if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
			continue // there is no value at first
		}
		if err != nil || *got.SecretString != "rotated" {
			t.Fatalf("%v, %v", got, err)
		}
		return
	}
	t.Fatal("nothing was rotated")
}
