// Package script runs the acceptance scripts: what a user types, and what must
// come of it. Each *.txtar file is one script (see testscript's documentation
// for the language) with a home directory, data and servers of its own.
// Besides testscript's commands there are:
//
//	bartizan ARGS          run bartizan
//	[!] aws ARGS           run the AWS CLI; with !, it must fail
//	login [--dev|--data D] wait for the server, then eval "$(bartizan env …)"
//	remember NAME          keep the credentials that the last command printed
//	as NAME                use them; "as root" goes back to login's
//	set NAME               keep what the last command printed in a variable
//	until N ARGS           repeat a command for up to N seconds until it succeeds
//	stream nats|kafka VAR  start a server of a log, and keep its URL in a variable
//	certify NAME           make NAME-ca.pem, and NAME.pem and NAME.key from it
package script

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bartizan.dev/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bartizan": bartizan})
}

// bartizan is what main.go does: the test's own program plays it.
func bartizan() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Env{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})
	stop()
	os.Exit(code)
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	run(t, files)
}

// TestDefence runs the proofs of the order of defence.
func TestDefence(t *testing.T) {
	files, err := filepath.Glob("defence/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	run(t, files)
}

// run runs scripts, each with what more adds to its environment.
func run(t *testing.T, files []string, more ...string) {
	t.Helper()
	tools, err := filepath.Abs("../.tools")
	if err != nil {
		t.Fatal(err)
	}
	aws := filepath.Join(tools, "python", "bin", "aws")
	if _, err := os.Stat(aws); err != nil {
		const message = "THE ACCEPTANCE SCRIPTS ARE NOT RUN: the AWS CLI is missing: run scripts/setup, which installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	if len(files) == 0 {
		t.Fatal("no scripts")
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, more...)
			return setup(env, aws)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"aws": cmdAWS, "login": cmdLogin, "remember": cmdRemember, "as": cmdAs, "set": cmdSet, "until": cmdUntil, "certify": cmdCertify, "stream": cmdStream,
		},
	})
}

// keyVariables hold credentials. Clients prefer them to a profile, and take an
// empty one for none.
var keyVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// session is the state of one script.
type session struct {
	aws   string                       // the AWS CLI
	known map[string]map[string]string // credentials by name: variables
}

type sessionKey struct{}

// setup gives a script an environment that owes nothing to the machine's.
func setup(env *testscript.Env, aws string) error {
	tmp, err := os.MkdirTemp("", "bz") // short: the path of a Unix socket is limited to 107 bytes
	if err != nil {
		return err
	}
	env.Defer(func() { os.RemoveAll(tmp) })
	home := filepath.Join(env.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	for k, v := range map[string]string{
		"TMPDIR": tmp, "HOME": home, "DATA": filepath.Join(tmp, "data"),
		"PATH":                      strings.Split(env.Getenv("PATH"), string(os.PathListSeparator))[0] + ":" + filepath.Dir(aws) + ":/usr/bin:/bin",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1", "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8",
		"ACCOUNT": "000000000000",
	} {
		env.Setenv(k, v)
	}
	env.Values[sessionKey{}] = &session{aws: aws, known: map[string]map[string]string{}}
	return nil
}

func of(ts *testscript.TestScript) *session { return ts.Value(sessionKey{}).(*session) }

func cmdAWS(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 && args[0] == "sqs" { // of which version 1 of the CLI knows better than AWS_ENDPOINT_URL
		args = append(args, "--endpoint-url", ts.Getenv("AWS_ENDPOINT_URL"))
	}
	err := ts.Exec(of(ts).aws, args...)
	switch {
	case err != nil && !neg:
		ts.Fatalf("aws failed: %v", err)
	case err == nil && neg:
		ts.Fatalf("aws succeeded, and must not")
	}
}

var export = regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`)

func cmdLogin(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("login does not take !")
	}
	repeat(ts, 20*time.Second, append([]string{"bartizan", "env"}, args...))
	root := map[string]string{}
	for _, m := range export.FindAllStringSubmatch(ts.ReadFile("stdout"), -1) {
		if slices.Contains(keyVariables, m[1]) {
			root[m[1]] = m[2]
		} else {
			ts.Setenv(m[1], m[2])
		}
	}
	of(ts).known["root"] = root
	cmdAs(ts, false, []string{"root"})
}

func cmdRemember(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: remember NAME")
	}
	var v struct {
		AccessKey, Credentials *struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	c := v.AccessKey
	if c == nil {
		c = v.Credentials
	}
	if c == nil || c.AccessKeyId == "" || c.SecretAccessKey == "" {
		ts.Fatalf("the last command printed no credentials")
	}
	of(ts).known[args[0]] = map[string]string{
		"AWS_ACCESS_KEY_ID": c.AccessKeyId, "AWS_SECRET_ACCESS_KEY": c.SecretAccessKey, "AWS_SESSION_TOKEN": c.SessionToken,
	}
}

func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || of(ts).known[args[0]] == nil {
		ts.Fatalf("usage: as NAME, after remember NAME or login")
	}
	for _, k := range keyVariables {
		ts.Setenv(k, of(ts).known[args[0]][k])
	}
}

func cmdSet(ts *testscript.TestScript, neg bool, args []string) {
	value := strings.TrimSpace(ts.ReadFile("stdout"))
	if neg || len(args) != 1 || value == "" {
		ts.Fatalf("usage: set NAME, after a command that prints something")
	}
	ts.Setenv(args[0], value)
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until SECONDS COMMAND ARGS")
	}
	limit, err := time.ParseDuration(args[0] + "s")
	ts.Check(err)
	repeat(ts, limit, args[1:])
}

// repeat runs a command until it succeeds. Between tries it waits: for another
// process there is nothing else to wait on.
func repeat(ts *testscript.TestScript, limit time.Duration, args []string) {
	if args[0] == "aws" {
		args[0] = of(ts).aws
	}
	for end := time.Now().Add(limit); ; {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if _, exited := err.(*exec.ExitError); !exited || time.Now().After(end) {
			ts.Fatalf("%s: %v", strings.Join(args, " "), err)
		}
		time.Sleep(30 * time.Millisecond)
	}
}
