package federation

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/bartizantest"
)

// lab is a server with two roles' worth of policy, the AWS CLI and node.
type lab struct {
	*bartizantest.Server
	t                   *testing.T
	node, aws, packages string
	home                string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	tools, err := filepath.Abs("../../.tools")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, node: filepath.Join(tools, "bin", "node"), aws: filepath.Join(tools, "python", "bin", "aws"), packages: filepath.Join(tools, "federation"), home: t.TempDir()}
	for _, f := range []string{l.node, l.aws, filepath.Join(l.packages, "node_modules", "oidc-provider"), filepath.Join(l.packages, "node_modules", "samlify")} {
		if _, err := os.Stat(f); err != nil {
			message := fmt.Sprintf("FEDERATION IS NOT TRIED: run scripts/setup federation clients, which installs it: %v", err)
			if os.Getenv("CI") == "true" {
				t.Fatal(message)
			}
			t.Skip(message)
		}
	}
	l.Server = bartizantest.New(t)
	return l
}

// start runs one of the identity providers until the test ends and returns the
// address it prints.
func (l *lab) start(script string, args ...string) string {
	l.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, l.node, append([]string{script, l.packages}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + l.home}
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		stop()
		if err := cmd.Wait(); err == nil || l.t.Failed() {
			l.t.Logf("%s: %v\n%s", script, err, problems.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		l.t.Fatalf("%s did not start: %v", script, err)
	}
	return strings.TrimSpace(line)
}

// try runs the AWS CLI in an environment beside the server's address.
func (l *lab) try(env []string, args ...string) (string, error) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), l.aws, args...)
	cmd.Env = append([]string{"HOME=" + l.home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + l.URL(), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_DEFAULT_OUTPUT=json"}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// admin runs the AWS CLI as the account's root user; it must succeed.
func (l *lab) admin(args ...string) string {
	l.t.Helper()
	out, err := l.try([]string{"AWS_ACCESS_KEY_ID=" + l.Root().AccessKey, "AWS_SECRET_ACCESS_KEY=" + l.Root().Secret}, args...)
	if err != nil {
		l.t.Fatalf("aws %q: %v\n%s", args, err, out)
	}
	return out
}

// role makes a role that trusts as the statement says and may list users.
func (l *lab) role(name, statement string) string {
	l.t.Helper()
	l.admin("iam", "create-role", "--role-name", name, "--assume-role-policy-document", `{"Version":"2012-10-17","Statement":`+statement+`}`)
	l.admin("iam", "put-role-policy", "--role-name", name, "--policy-name", "p", "--policy-document",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"red"}}}}`)
	return "arn:aws:iam::" + l.Account() + ":role/" + name
}

// limited checks that IAM limits the credentials of an environment: it may list
// users and not make one.
func (l *lab) limited(env []string, session string) {
	l.t.Helper()
	out, err := l.try(env, "sts", "get-caller-identity")
	if err != nil || !strings.Contains(out, session) {
		l.t.Errorf("the caller is %s, %v", out, err)
	}
	if out, err := l.try(env, "iam", "list-users"); err != nil {
		l.t.Errorf("what the role may do was refused: %v\n%s", err, out)
	}
	if out, err := l.try(env, "iam", "create-user", "--user-name", "mallory"); err == nil || !strings.Contains(out, "AccessDenied") {
		l.t.Errorf("what the role may not do: %v\n%s", err, out)
	}
}

// environment is that of credentials in an answer of STS.
func (l *lab) environment(answer string) []string {
	l.t.Helper()
	var v struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		l.t.Fatalf("%s: %v", answer, err)
	}
	c := v.Credentials
	return []string{"AWS_ACCESS_KEY_ID=" + c.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey, "AWS_SESSION_TOKEN=" + c.SessionToken}
}

// refused checks that a call failed with the error.
func (l *lab) refused(name, want string, env []string, args ...string) {
	l.t.Helper()
	if out, err := l.try(env, args...); err == nil || !strings.Contains(out, want) {
		l.t.Errorf("%s: %v, %s, want %s", name, err, out, want)
	}
}

// event returns the account's newest event of a name, as the trail has it.
func (l *lab) event(name string) string {
	l.t.Helper()
	out := l.admin("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue="+name, "--max-results", "1")
	var v struct {
		Events []struct{ CloudTrailEvent string }
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v.Events) == 0 {
		l.t.Fatalf("%s: %v", out, err)
	}
	return v.Events[0].CloudTrailEvent
}

func read(t *testing.T, client *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}
