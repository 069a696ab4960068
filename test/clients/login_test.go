package clients

import (
	"errors"
	"path/filepath"
	"testing"

	"bartizan.dev/bartizantest"
)

// TestLogin: botocore as it is, refreshing the session of `aws login`, and a
// federation broker's script.
func TestLogin(t *testing.T) {
	t.Parallel()
	python := tools(t, "python", "bin", "python")
	need(t, "AWS LOGIN", python)
	crt, err := filepath.Glob(tools(t, "python", "lib", "python3*", "site-packages", "awscrt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(crt) == 0 {
		missing(t, "AWS LOGIN", errors.New("awscrt, which botocore makes proofs with, is not installed"))
	}
	s := bartizantest.New(t)
	t.Log(output(t, ".", environment(t, s, "PYTHONDONTWRITEBYTECODE=1"), python, "login_client.py"))
}
