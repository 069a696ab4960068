package smoke

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/bartizantest"
	"bartizan.dev/keys/pkcs11/pkcs11test"
	"bartizan.dev/server"
)

// services are those that are built, by the names of the AWS CLI's commands.
var services = []string{
	"iam",
	"sts",
	"organizations",
	"accessanalyzer",
	"rolesanywhere",
	"iam-toolbox",
	"signin",
	"eks",
	"eks-auth",
	"cloudtrail",
	"kms",
	"secretsmanager",
	"ssm",
	"cloudhsmv2",
	"redshift",
	"events",
	"logs",
	"acm",
	"securityhub",
	"guardduty",
	"sns",
	"sqs",
}

// only, if set, are the services that TestEveryOperation tries, by commas.
var only = flag.String("services", "", "the services that TestEveryOperation tries, with commas; empty: all")

func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }

// TestServices: what spec/ calls built is tried here.
func TestServices(t *testing.T) {
	files, err := filepath.Glob("../../spec/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		tried := slices.ContainsFunc(services, func(s string) bool { return strings.ReplaceAll(s, "-", "") == name })
		if built := bytes.Contains(text, []byte(" real\n")); built && !tried {
			t.Errorf("%s has operations that are real, and no place in services", name)
		}
	}
}

// interpreter is the Python that has the AWS CLI and boto3.
func interpreter(t *testing.T) string {
	t.Helper()
	python := absolute(t, "../../.tools/python/bin/python")
	if _, err := os.Stat(python); err != nil {
		message := fmt.Sprintf("NOT EVERY OPERATION IS TRIED: run scripts/setup clients, which installs the AWS CLI: %v", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	return python
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// script runs one of the programs of this folder in a folder of its own against
// a server. A line "advance DURATION" that it prints moves the server's time.
func script(t *testing.T, s *bartizantest.Server, dir string, args ...string) {
	t.Helper()
	python := interpreter(t)
	args[0] = absolute(t, args[0])
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Dir = dir
	cmd.Env = append(s.Env(s.Root()), "HOME="+dir, "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", "AWS_MAX_ATTEMPTS=1")
	var problems strings.Builder
	cmd.Stderr = &problems
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if by, ok := strings.CutPrefix(lines.Text(), "advance "); ok {
			advance(t, s, in, by)
			continue
		}
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", filepath.Base(args[0]), err, problems.String())
	}
}

func advance(t *testing.T, s *bartizantest.Server, in io.Writer, by string) {
	t.Helper()
	d, err := time.ParseDuration(by)
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(d)
	if _, err := io.WriteString(in, "done\n"); err != nil {
		t.Error(err)
	}
}

// TestJudge: what is wrong is found to be wrong.
func TestJudge(t *testing.T) {
	t.Parallel()
	interpreter(t)
	script(t, bartizantest.New(t), t.TempDir(), "judge.py")
}

// TestEveryOperation: whatever AWS's models have is answered by their rules.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	interpreter(t)
	dir := t.TempDir()
	materials(t, dir)
	tried := services
	if *only != "" {
		tried = strings.Split(*only, ",")
	}
	script(t, bartizantest.New(t), dir, append([]string{"probe.py", absolute(t, "../../spec"), absolute(t, "population.txt")}, tried...)...)
}

// TestScenarios: each operation that is real succeeds.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, service := range services {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			interpreter(t)
			dir := t.TempDir()
			keys := materials(t, dir)
			audit := t.TempDir() // a bucket
			outside, module, rotators := server.XKS{}, server.HSM{}, map[string]server.Rotator{}
			switch service {
			case "kms":
				outside = proxy(t, dir)
			case "cloudhsmv2":
				module = hsm(t)
			case "sns":
				endpoint(t, dir)
			case "secretsmanager":
				rotators["nightly"] = server.Rotator{Command: rotator(t, dir)}
			case "guardduty":
				if err := os.WriteFile(filepath.Join(audit, "bad.txt"), []byte("198.51.100.0/24\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := bartizantest.New(t, bartizantest.Change(func(o *server.Options) {
				o.EKSIssuers = map[string]string{"prod": keys}
				o.XKS, o.HSM, o.Rotators = outside, module, rotators
				o.TrailBuckets = map[string]string{"audit": audit}
			}))
			script(t, s, dir, "scenario.py", absolute(t, "../../spec"), absolute(t, filepath.Join("scenario", service+".txt")))
		})
	}
}

// endpoint starts an HTTP endpoint, and puts into dir where it is and, once it is
// asked, the token of its subscription.
func endpoint(t *testing.T, dir string) {
	t.Helper()
	keep := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Error(err)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct{ Token string }
		if json.NewDecoder(r.Body).Decode(&m) == nil && m.Token != "" {
			keep("sns-token", m.Token)
		}
	}))
	t.Cleanup(s.Close)
	keep("sns-endpoint", s.URL)
}

// hsm is SoftHSM behind a helper of the test's own.
func hsm(t *testing.T) server.HSM {
	t.Helper()
	_, socket := pkcs11test.Start(t, pkcs11test.SoftHSM(t), pkcs11test.Env(t))
	return server.HSM{Socket: socket}
}

// rotator is a program that makes a value in createSecret and puts it in use in
// finishSecret, with the AWS CLI.
func rotator(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "rotator")
	program := "#!" + interpreter(t) + "\n" + string(must[[]byte](t)(os.ReadFile("rotator.py")))
	if err := os.WriteFile(path, []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// proxy starts a server that holds a key for others, behind its XKS proxy, puts
// into dir how to reach it and returns what a server needs to get there.
func proxy(t *testing.T, dir string) server.XKS {
	t.Helper()
	holder := bartizantest.New(t, bartizantest.TLS())
	keys := kmsapi.Client{Door: holder.Door(holder.Root(), bartizantest.Region, kmsapi.Operations(kmsapi.Unimplemented{}))}
	key := must[*kmsapi.CreateKeyResponse](t)(keys.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{}))
	user := holder.NewUser(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:DescribeKey","kms:Encrypt","kms:Decrypt"],"Resource":"*"}}`)
	made, err := holder.Server().AddProxy(t.Context(), "smoke", bartizantest.Region, user.ARN)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		XksProxyUriPath                  string
		XksProxyAuthenticationCredential struct{ AccessKeyId, RawSecretAccessKey string }
	}
	if err := json.Unmarshal([]byte(made.Configuration), &c); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"xks-path": c.XksProxyUriPath, "xks-id": c.XksProxyAuthenticationCredential.AccessKeyId,
		"xks-secret": c.XksProxyAuthenticationCredential.RawSecretAccessKey, "xks-key": key.KeyMetadata.KeyId,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return server.XKS{CA: holder.CA(), Dial: map[string]string{"localhost": strings.TrimPrefix(holder.URL(), "https://")}}
}

// TestPages: boto3's paginators and waiters.
func TestPages(t *testing.T) {
	t.Parallel()
	interpreter(t)
	dir := t.TempDir()
	materials(t, dir)
	script(t, bartizantest.New(t), dir, "pages.py", absolute(t, "../../spec"))
}

// TestQuotas: AWS's limits, with AWS's errors.
func TestQuotas(t *testing.T) {
	t.Parallel()
	interpreter(t)
	dir := t.TempDir()
	materials(t, dir)
	script(t, bartizantest.New(t), dir, "quotas.py")
}
