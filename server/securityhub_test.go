package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// hub calls Security Hub.
func hub(t *testing.T, s *bartizantest.Server, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := s.Client(s.Root(), "securityhub").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %v %v", method, path, res.StatusCode, out, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// verdicts are what a control says of resources.
func verdicts(t *testing.T, s *bartizantest.Server, control string) string {
	t.Helper()
	var out struct {
		Findings []struct {
			Resources  []struct{ Id string }
			Compliance struct{ Status string }
		}
	}
	text := hub(t, s, "POST", "/findings", fmt.Sprintf(`{"Filters":{"ComplianceSecurityControlId":[{"Value":%q,"Comparison":"EQUALS"}],"RecordState":[{"Value":"ACTIVE","Comparison":"EQUALS"}]}}`, control))
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range out.Findings {
		id := f.Resources[0].Id
		all = append(all, id[strings.LastIndexAny(id, ":/")+1:]+" "+f.Compliance.Status)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestControlsOfARealAccount: controls are judged by the services' own answers,
// with AWS Config's service-linked role, and again when something has changed.
func TestControlsOfARealAccount(t *testing.T) {
	s := bartizantest.New(t)
	user := s.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}}`)
	call := func(service, action string, in url.Values) {
		t.Helper()
		if out, err := s.Call(s.Root(), service, action, in); err != nil {
			t.Fatal(err, string(out))
		}
	}
	call("iam", "CreatePolicy", url.Values{"PolicyName": {"star"}, "PolicyDocument": {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`}})
	hub(t, s, "POST", "/accounts", `{}`)
	// A change is noted beside the calls and checked a while after it: time goes on
	// with each look.
	becomes := func(control, want string) {
		t.Helper()
		got := ""
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			s.Advance(10 * time.Second)
			if got = verdicts(t, s, control); got == want {
				return
			}
		}
		t.Errorf("%s: %q, want %q", control, got, want)
	}
	name := user.ARN[strings.LastIndex(user.ARN, "/")+1:]
	for control, want := range map[string]string{
		"IAM.1": "star FAILED", "IAM.2": name + " FAILED", "IAM.4": s.Account() + " FAILED", "IAM.7": s.Account() + " FAILED", "IAM.9": s.Account() + " FAILED",
		"KMS.2": name + " FAILED", "CloudTrail.1": s.Account() + " FAILED", "IAM.3": name + " PASSED", "SecretsManager.1": "",
	} {
		becomes(control, want)
	}
	call("iam", "UpdateAccountPasswordPolicy", url.Values{"MinimumPasswordLength": {"14"}, "RequireSymbols": {"true"}, "RequireNumbers": {"true"}, "RequireUppercaseCharacters": {"true"}, "RequireLowercaseCharacters": {"true"}})
	call("iam", "DeletePolicy", url.Values{"PolicyArn": {"arn:aws:iam::" + s.Account() + ":policy/star"}})
	for control, want := range map[string]string{"IAM.1": "", "IAM.7": s.Account() + " PASSED", "IAM.15": s.Account() + " PASSED"} {
		becomes(control, want)
	}
}
