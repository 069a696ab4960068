package clients

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// TestTerraformOrganizations applies a module of an organization, finds no
// drift, changes it, and destroys it without a trace.
func TestTerraformOrganizations(t *testing.T) {
	t.Parallel()
	program, rc := tools(t, "bin", "terraform"), tools(t, "terraform", "rc")
	need(t, "TERRAFORM", program, rc)
	s := bartizantest.New(t)
	dir := t.TempDir()
	text, err := os.ReadFile("terraform/organizations/main.tf")
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
	noDrift := func(args ...string) {
		t.Helper()
		tf(append([]string{"plan", "-detailed-exitcode", "-input=false", "-no-color"}, args...)...) // exit code 2 if there is a difference
	}
	if answer := describeOrganization(t, s); !strings.Contains(answer, "AWSOrganizationsNotInUseException") {
		t.Errorf("before apply: %s", answer)
	}
	tf("init", "-input=false", "-no-color")
	tf("apply", "-auto-approve", "-input=false", "-no-color")
	noDrift()
	var out struct {
		Accounts  struct{ Value []string }
		Workloads struct{ Value []string }
	}
	if err := json.Unmarshal([]byte(tf("output", "-json")), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Accounts.Value) != 2 || len(out.Workloads.Value) != 2 {
		t.Errorf("%d accounts, %d policies of the OU", len(out.Accounts.Value), len(out.Workloads.Value))
	}
	tf("apply", "-auto-approve", "-input=false", "-no-color", "-var=stage=live")
	noDrift("-var=stage=live")
	s.Advance(5 * 24 * time.Hour) // so that the accounts may leave
	tf("destroy", "-auto-approve", "-input=false", "-no-color", "-var=stage=live")
	if answer := describeOrganization(t, s); !strings.Contains(answer, "AWSOrganizationsNotInUseException") {
		t.Errorf("after destroy: %s", answer)
	}
}

// describeOrganization returns the answer as it is, also an error.
func describeOrganization(t *testing.T, s *bartizantest.Server) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL(), strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSOrganizationsV20161128.DescribeOrganization")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	resp, err := s.Client(s.Root(), "organizations").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
