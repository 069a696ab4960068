package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bartizan.dev/bartizantest"
)

// tools is where scripts/setup installs.
func tools(t *testing.T, path ...string) string {
	t.Helper()
	root, err := filepath.Abs("../../.tools")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{root}, path...)...)
}

// need skips the test where a file of .tools is missing; in CI that fails it.
func need(t *testing.T, client string, files ...string) {
	t.Helper()
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			missing(t, client, err)
		}
	}
}

func missing(t *testing.T, client string, err error) {
	t.Helper()
	message := fmt.Sprintf("%s IS NOT TRIED: run scripts/setup, which installs it: %v", client, err)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
}

// environment is all that a client's process gets: the server, root
// credentials and a home of its own.
func environment(t *testing.T, s *bartizantest.Server, more ...string) []string {
	return append(append(s.Env(s.Root()), "HOME="+t.TempDir(), "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8"), more...)
}

// output runs a program, which must succeed, and returns what it printed.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(name), args, err, out)
	}
	return string(out)
}

func TestBoto3(t *testing.T) {
	t.Parallel()
	python := tools(t, "python", "bin", "python")
	need(t, "BOTO3", python)
	for _, program := range []string{"boto3_client.py", "boto3_services_client.py", "boto3_kms_client.py", "boto3_secrets_client.py"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			s := bartizantest.New(t)
			t.Log(output(t, ".", environment(t, s, "PYTHONDONTWRITEBYTECODE=1"), python, program))
		})
	}
}

func TestJavaScript(t *testing.T) {
	t.Parallel()
	node, packages := tools(t, "bin", "node"), tools(t, "node")
	need(t, "THE AWS SDK FOR JAVASCRIPT", node, filepath.Join(packages, "node_modules", "@aws-sdk", "client-iam"))
	s := bartizantest.New(t)
	t.Log(output(t, ".", environment(t, s), node, "javascript_client.mjs", packages))
}

func TestJava(t *testing.T) {
	t.Parallel()
	jars := tools(t, "java", "lib")
	need(t, "THE AWS SDK FOR JAVA", jars)
	java, err := exec.LookPath("java")
	if err != nil {
		missing(t, "THE AWS SDK FOR JAVA", err)
	}
	s := bartizantest.New(t)
	t.Log(output(t, ".", environment(t, s), java, "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(jars, "*"), "JavaClient.java"))
}
