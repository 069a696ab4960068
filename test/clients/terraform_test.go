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

// TestTerraform applies a module of more than 30 resources, finds no drift,
// changes it, and destroys it without a trace.
func TestTerraform(t *testing.T) {
	t.Parallel()
	program, rc := tools(t, "bin", "terraform"), tools(t, "terraform", "rc")
	need(t, "TERRAFORM", program, rc)
	s := bartizantest.New(t)
	dir := t.TempDir()
	text, err := os.ReadFile("terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := environment(t, s, "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	tf := func(args ...string) string {
		t.Helper()
		return output(t, dir, env, program, args...)
	}
	before := count(t, s)
	tf("init", "-input=false", "-no-color")
	out := tf("apply", "-auto-approve", "-input=false", "-no-color")
	m := regexp.MustCompile(`Apply complete! Resources: (\d+) added`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("apply says:\n%s", out)
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < 30 {
		t.Errorf("%s resources, want 30 or more", m[1])
	}
	noDrift := func(args ...string) {
		t.Helper()
		tf(append([]string{"plan", "-detailed-exitcode", "-input=false", "-no-color"}, args...)...) // exit code 2 if there is a difference
	}
	noDrift()
	robotWorks(t, s, tf("output", "-json"))

	tf("apply", "-auto-approve", "-input=false", "-no-color", "-var=team=green")
	noDrift("-var=team=green")
	tf("destroy", "-auto-approve", "-input=false", "-no-color", "-var=team=green")
	if after := count(t, s); after != before {
		t.Errorf("before apply:\n%s\nafter destroy:\n%s", before, after)
	}
}

// robotWorks uses the access key that Terraform made.
func robotWorks(t *testing.T, s *bartizantest.Server, outputs string) {
	t.Helper()
	var out struct {
		Account struct{ Value string }
		Robot   struct {
			Value struct{ ID, Secret string }
		}
		Developers struct{ Value []string }
	}
	if err := json.Unmarshal([]byte(outputs), &out); err != nil {
		t.Fatal(err)
	}
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
	program, rc := tools(t, "bin", "terraform"), tools(t, "terraform", "rc")
	need(t, "TERRAFORM", program, rc)
	s := bartizantest.New(t)
	dir := t.TempDir()
	const module = `terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
resource "aws_iam_user" "u" {
  name = "u"
  tags = { team = "red" }
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(module), 0o600); err != nil {
		t.Fatal(err)
	}
	env := environment(t, s, "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	output(t, dir, env, program, "init", "-input=false")
	output(t, dir, env, program, "apply", "-auto-approve", "-input=false")
	if _, err := s.Call(s.Root(), "iam", "UntagUser", url.Values{"UserName": {"u"}, "TagKeys.member.1": {"team"}}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "plan", "-detailed-exitcode", "-input=false")
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("plan after the tag was removed: %v\n%s", err, out)
	}
}
