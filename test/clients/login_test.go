package clients

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/bartizantest"
)

// loginPython is the Python that has botocore and what it makes proofs with.
func loginPython(t *testing.T) string {
	t.Helper()
	python := tools(t, "python", "bin", "python")
	need(t, "AWS LOGIN", python)
	crt, err := filepath.Glob(tools(t, "python", "lib", "python3*", "site-packages", "awscrt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(crt) == 0 {
		missing(t, "AWS LOGIN", errors.New("awscrt, which botocore makes proofs with, is not installed"))
	}
	return python
}

// TestLogin: botocore as it is, refreshing the session of `aws login`, and a
// federation broker's script.
func TestLogin(t *testing.T) {
	t.Parallel()
	python := loginPython(t)
	s := bartizantest.New(t)
	t.Log(output(t, ".", environment(t, s, "PYTHONDONTWRITEBYTECODE=1"), python, "login_client.py"))
}

// TestLoginJavaScript: the AWS SDK for JavaScript goes on with a session that
// botocore saved, and botocore with what that saved.
func TestLoginJavaScript(t *testing.T) {
	t.Parallel()
	python := loginPython(t)
	node, packages := tools(t, "bin", "node"), tools(t, "node")
	need(t, "THE AWS SDK FOR JAVASCRIPT", node, filepath.Join(packages, "node_modules", "@aws-sdk", "credential-provider-login"))
	s := bartizantest.New(t)
	env := environment(t, s, "PYTHONDONTWRITEBYTECODE=1")
	output(t, ".", env, python, "login_client.py", "session")
	got := output(t, ".", env, node, "login_client.mjs", packages)
	if want := "arn:aws:iam::" + s.Account() + ":user/dev"; !strings.HasSuffix(strings.TrimSpace(got), want) {
		t.Errorf("the session is %q's, want %s", got, want)
	}
}
