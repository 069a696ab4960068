package clients

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bartizan.dev/bartizantest"
)

// A module is one of Terraform, in a folder of its own, and the server that it
// is applied to.
type module struct {
	t            *testing.T
	program, dir string
	env          []string
}

// newModule copies terraform/FOLDER/main.tf and initialises it.
func newModule(t *testing.T, s *bartizantest.Server, folder string) *module {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("terraform", folder, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	return moduleOf(t, s, text)
}

func moduleOf(t *testing.T, s *bartizantest.Server, text []byte) *module {
	t.Helper()
	program, rc := tools(t, "bin", "terraform"), tools(t, "terraform", "rc")
	need(t, "TERRAFORM", program, rc)
	m := &module{t: t, program: program, dir: t.TempDir(), env: environment(t, s, "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")}
	m.file("main.tf", text)
	m.run("init", "-input=false", "-no-color")
	return m
}

func (m *module) file(name string, text []byte) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), text, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// run runs terraform, which must succeed, and returns what it said.
func (m *module) run(args ...string) string {
	m.t.Helper()
	return output(m.t, m.dir, m.env, m.program, args...)
}

// apply applies the module and demands that no difference is left; vars are
// flags such as -var=stage=live.
func (m *module) apply(vars ...string) string {
	m.t.Helper()
	out := m.run(append([]string{"apply", "-auto-approve", "-input=false", "-no-color"}, vars...)...)
	m.run(append([]string{"plan", "-detailed-exitcode", "-input=false", "-no-color"}, vars...)...) // exit code 2 if there is a difference
	return out
}

func (m *module) destroy(vars ...string) {
	m.t.Helper()
	m.run(append([]string{"destroy", "-auto-approve", "-input=false", "-no-color"}, vars...)...)
}

// outputs reads the module's outputs into out, a pointer to a struct.
func (m *module) outputs(out any) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.run("output", "-json")), out); err != nil {
		m.t.Fatal(err)
	}
}

// TestTerraform applies a module of more than 30 resources, finds no drift,
// changes it, and destroys it without a trace.
func TestTerraform(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	before := count(t, s)
	m := newModule(t, s, ".")
	out := m.apply()
	added := regexp.MustCompile(`Apply complete! Resources: (\d+) added`).FindStringSubmatch(out)
	if added == nil {
		t.Fatalf("apply says:\n%s", out)
	}
	if n, err := strconv.Atoi(added[1]); err != nil || n < 30 {
		t.Errorf("%s resources, want 30 or more", added[1])
	}
	robotWorks(t, s, m)
	m.apply("-var=team=green")
	m.destroy("-var=team=green")
	if after := count(t, s); after != before {
		t.Errorf("before apply:\n%s\nafter destroy:\n%s", before, after)
	}
}

// robotWorks uses the access key that Terraform made.
func robotWorks(t *testing.T, s *bartizantest.Server, m *module) {
	t.Helper()
	var out struct {
		Account struct{ Value string }
		Robot   struct {
			Value struct{ ID, Secret string }
		}
		Developers struct{ Value []string }
	}
	m.outputs(&out)
	if out.Account.Value != s.Account() || strings.Join(out.Developers.Value, " ") != "alice bob carol" {
		t.Errorf("outputs: account %s, developers %v", out.Account.Value, out.Developers.Value)
	}
	robot := bartizantest.Credentials{AccessKey: out.Robot.Value.ID, Secret: out.Robot.Value.Secret}
	if _, err := s.Call(robot, "iam", "ListUsers", nil); err != nil {
		t.Errorf("the robot lists users: %v", err)
	}
	if _, err := s.Call(robot, "iam", "CreateUser", url.Values{"UserName": {"mallory"}}); err == nil {
		t.Error("the robot made a user")
	}
}

// count is the account's summary and all that is in it.
func count(t *testing.T, s *bartizantest.Server) string {
	t.Helper()
	var all []string
	for _, action := range []string{"GetAccountSummary", "ListUsers", "ListGroups", "ListRoles", "ListInstanceProfiles", "ListAccountAliases"} {
		body, err := s.Call(s.Root(), "iam", action, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, regexp.MustCompile(`(?s)<ResponseMetadata>.*</ResponseMetadata>|<RequestId>.*?</RequestId>`).ReplaceAllString(string(body), ""))
	}
	body, err := s.Call(s.Root(), "iam", "ListPolicies", url.Values{"Scope": {"Local"}})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(all, string(regexp.MustCompile(`(?s)<ResponseMetadata>.*`).ReplaceAll(body, nil))), "\n")
}

// The check of drift must be one that can fail.
func TestTerraformSeesDrift(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	const text = `terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
resource "aws_iam_user" "u" {
  name = "u"
  tags = { team = "red" }
}
`
	m := moduleOf(t, s, []byte(text))
	m.apply()
	if _, err := s.Call(s.Root(), "iam", "UntagUser", url.Values{"UserName": {"u"}, "TagKeys.member.1": {"team"}}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), m.program, "plan", "-detailed-exitcode", "-input=false")
	cmd.Dir, cmd.Env = m.dir, m.env
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("plan after the tag was removed: %v\n%s", err, out)
	}
}
