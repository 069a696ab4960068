package lint

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/policy/lint"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/iam/managed"
)

// judged is parliament's answer for one policy.
type judged struct {
	Name     string
	Policy   string
	Findings []struct{ Issue, Text string }
}

// ours are the codes of which a policy must have one when parliament has the
// issue.
var ours = map[string][]string{
	"MALFORMED_JSON":   {"JSON_SYNTAX_ERROR"},
	"UNKNOWN_ACTION":   {"INVALID_ACTION"},
	"UNKNOWN_PREFIX":   {"INVALID_SERVICE_IN_ACTION"},
	"UNKNOWN_OPERATOR": {"INVALID_CONDITION_OPERATOR"},
	"INVALID_VERSION":  {"INVALID_VERSION"},
	"NO_VERSION":       {"MISSING_VERSION"},
	"INVALID_SID":      {"UNSUPPORTED_SID"},
	"DUPLICATE_SID":    {"UNIQUE_SIDS_REQUIRED"},
	"INVALID_ARN":      {"INVALID_ARN_PREFIX", "MISSING_ARN_FIELD", "INVALID_PARTITION", "INVALID_ARN_RESOURCE", "INVALID_SERVICE"},
	"MALFORMED": {
		"INVALID_POLICY_ELEMENT", "DATA_TYPE_MISMATCH", "INVALID_EFFECT", "MISSING_EFFECT", "MISSING_ACTION", "MISSING_RESOURCE",
		"MISSING_STATEMENT", "UNSUPPORTED_ELEMENT_COMBINATION", "INVALID_ACTION", "UNSUPPORTED_PRINCIPAL", "EMPTY_ARRAY_ACTION",
	},
}

// newer reports whether an issue is one of parliament's age: its list of
// actions is of 2025.
func newer(ref *reference.Reference, issue, text string) bool {
	prefix, name, _ := strings.Cut(text, ":")
	service, ok := ref.Service(prefix)
	switch {
	case !ok:
		return false
	case issue == "UNKNOWN_PREFIX":
		return true
	case issue != "UNKNOWN_ACTION":
		return false
	}
	if _, ok := service.Action(name); ok {
		return true
	}
	return slices.ContainsFunc(service.Actions, func(a reference.Action) bool {
		ok, err := filepath.Match(strings.ToLower(name), strings.ToLower(a.Name))
		return err == nil && ok
	})
}

// start runs the judge, or skips the test where it is not installed; in CI its
// absence is a failure.
func start(t *testing.T) (in *bufio.Writer, end func() error, out *bufio.Scanner) {
	t.Helper()
	folder, err := filepath.Abs("../../.tools/policies")
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(folder, "bin/python")
	sources, err := filepath.Glob(filepath.Join(folder, "policy_sentry-*/test"))
	if err == nil && len(sources) == 0 {
		err = fmt.Errorf("%s: no policy_sentry", folder)
	}
	if err == nil {
		_, err = os.Stat(python)
	}
	if err != nil {
		const message = "POLICY LINT IS NOT COMPARED WITH parliament: run scripts/setup, which installs it: %v"
		if os.Getenv("CI") == "true" {
			t.Fatalf(message, err)
		}
		t.Skipf(message, err)
	}
	cmd := exec.Command(python, "oracle.py", sources[0])
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // of a test that failed half-way
	out = bufio.NewScanner(stdout)
	out.Buffer(make([]byte, 1<<20), 16<<20)
	return bufio.NewWriter(stdin), func() error { return errors.Join(stdin.Close(), cmd.Wait()) }, out
}

// mutants are policies that differ from one in one fault each.
func mutants(policy string) []string {
	var out []string
	for _, m := range []struct{ old, new string }{
		{`"Action":["`, `"Action":["nosuch:Thing","`},
		{`"Action":"`, `"Action":"x`},
		{`:Get`, `:Gte`},
		{`:List`, `:Lits`},
		{`"StringEquals"`, `"StringIs"`},
		{`"Resource":["arn:aws:`, `"Resource":["aws:`},
		{`"Resource":"arn:aws:`, `"Resource":"arn:aws`},
		{`"Effect":"Allow"`, `"Effect":"Permit"`},
		{`"Resource":`, `"Resources":`},
		{`"Version":"2012-10-17"`, `"Version":"2012-10-18"`},
		{`"Version":"2012-10-17",`, ``},
		{`"Effect":"Allow"`, `"Effect":"Allow","Sid":"not alphanumeric"`},
		{`}]}`, `}]`},
	} {
		if strings.Contains(policy, m.old) && !(strings.Contains(m.new, "Sid") && strings.Contains(policy, `"Sid"`)) {
			out = append(out, strings.Replace(policy, m.old, m.new, 1))
		}
	}
	return out
}

// TestParliament: what the other linter finds malformed or unknown, we find.
func TestParliament(t *testing.T) {
	in, end, out := start(t)
	ref := reference.Open()
	var policies []string
	next := func() *judged {
		if !out.Scan() {
			t.Fatalf("the judge is gone: %v", out.Err())
		}
		j := &judged{}
		if err := json.Unmarshal(out.Bytes(), j); err != nil {
			t.Fatal(err)
		}
		return j
	}
	count, issues := 0, map[string]int{}
	judge := func(j *judged) {
		count++
		found := lint.Validate([]byte(j.Policy), lint.Options{Type: lint.Identity, Reference: ref})
		for _, f := range j.Findings {
			want, ok := ours[f.Issue]
			if !ok || newer(ref, f.Issue, f.Text) {
				continue
			}
			issues[f.Issue]++
			if !slices.ContainsFunc(found, func(f lint.Finding) bool { return slices.Contains(want, f.Code) }) {
				t.Errorf("%s: parliament says %s %q, we do not; policy %s", j.Name, f.Issue, f.Text, j.Policy)
			}
		}
	}
	for j := next(); j.Policy != ""; j = next() {
		judge(j)
		policies = append(policies, compact(t, j.Policy))
	}
	if len(policies) < 20 {
		t.Errorf("only %d policies in policy_sentry's tests", len(policies))
	}
	set := managed.Open()
	for i, p := range set.Policies() {
		if _, doc, _ := set.Get(p.ARN()); i%16 == 0 && len(doc) < 4096 {
			policies = append(policies, doc)
		}
	}
	for i, p := range policies {
		for k, m := range append([]string{p}, mutants(p)...) {
			line, err := json.Marshal(map[string]string{"name": fmt.Sprintf("policy %d, mutant %d", i, k), "policy": m})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := in.Write(append(line, '\n')); err != nil {
				t.Fatal(err)
			}
			if err := in.Flush(); err != nil {
				t.Fatal(err)
			}
			judge(next())
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	t.Logf("%d policies; issues that we have as well: %v", count, issues)
	for issue := range ours {
		if issues[issue] == 0 && issue != "DUPLICATE_SID" {
			t.Errorf("no policy with %s: nothing was compared", issue)
		}
	}
}

func compact(t *testing.T, policy string) string {
	var v any
	if err := json.Unmarshal([]byte(policy), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
