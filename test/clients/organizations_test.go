package clients

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// TestTerraformOrganizations applies a module of an organization, finds no
// drift, changes it, and destroys it without a trace.
func TestTerraformOrganizations(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	if answer := describeOrganization(t, s); !strings.Contains(answer, "AWSOrganizationsNotInUseException") {
		t.Errorf("before apply: %s", answer)
	}
	m := newModule(t, s, "organizations")
	m.apply()
	var out struct {
		Accounts  struct{ Value []string }
		Workloads struct{ Value []string }
	}
	m.outputs(&out)
	if len(out.Accounts.Value) != 2 || len(out.Workloads.Value) != 2 {
		t.Errorf("%d accounts, %d policies of the OU", len(out.Accounts.Value), len(out.Workloads.Value))
	}
	seenOrganization(t, m)
	m.apply("-var=stage=live")
	s.Advance(5 * 24 * time.Hour) // so that the accounts may leave
	m.destroy("-var=stage=live")
	if answer := describeOrganization(t, s); !strings.Contains(answer, "AWSOrganizationsNotInUseException") {
		t.Errorf("after destroy: %s", answer)
	}
}

// seenOrganization compares what data sources say.
func seenOrganization(t *testing.T, m *module) {
	t.Helper()
	var out struct {
		Seen struct{ Value json.RawMessage }
	}
	m.outputs(&out)
	const want = `{"accounts":["Account 000000000000","App","Audit"],"app":["app@example.com"],"delegated":["Audit"],"delegations":["guardduty.amazonaws.com"],` +
		`"descendants":["Security","Workloads","stage-test"],"managed":true,"policies":2,"security":["audit@example.com"],` +
		`"services":["access-analyzer.amazonaws.com","guardduty.amazonaws.com","ram.amazonaws.com"],"stage":"test","units":["Security","Workloads"],"workloads":true}`
	var got bytes.Buffer
	if err := json.Compact(&got, out.Seen.Value); err != nil || got.String() != want {
		t.Errorf("data sources say %s (%v), want %s", &got, err, want)
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
