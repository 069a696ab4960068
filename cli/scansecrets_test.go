package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// aToken is made here, so that no scanner finds it in this file.
var aToken = "gh" + "p_" + "a8Fk2mQ9xL5vR3tZ" + "b7Gj1nW8yK4uS6pXcdEf"

func scanSecrets(t *testing.T, env map[string]string, args ...string) (code int, out, say string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(context.Background(), append([]string{"scan-secrets"}, args...), Env{Out: &o, Err: &e, Getenv: func(k string) string { return env[k] }})
	return code, o.String(), e.String()
}

// TestMoveSecret checks the request that makes the secret, and its signature.
func TestMoveSecret(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte("token = '"+aToken+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		copied := r.Clone(r.Context())
		stamp, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Error(err)
		}
		given := r.Header.Get("Authorization")
		copied.Header.Del("Authorization")
		copied.Header.Del("Accept-Encoding") // added by net/http, after signing
		copied.Header.Del("Content-Length")
		copied.ContentLength = 0
		if err := sigv4.Sign(copied, sigv4.Credentials{AccessKey: "AKIAX", Secret: "s"}, "eu-central-1", "secretsmanager", sigv4.HashPayload(body), stamp); err != nil {
			t.Error(err)
		}
		if again := copied.Header.Get("Authorization"); given != again || !strings.Contains(given, "/eu-central-1/secretsmanager/") {
			t.Errorf("authorization %q, want %q", given, again)
		}
		var in map[string]string
		if err := json.Unmarshal(body, &in); err != nil || in["Name"] != "app/db" || in["SecretString"] != aToken || in["ClientRequestToken"] == "" ||
			r.Header.Get("X-Amz-Target") != "secretsmanager.CreateSecret" {
			t.Errorf("%s %v %v", r.Header.Get("X-Amz-Target"), in["Name"], err)
		}
		if refuse {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"__type":"ResourceExistsException","message":"it exists"}`)
			return
		}
		_, _ = io.WriteString(w, `{"ARN":"arn:aws:secretsmanager:eu-central-1:111122223333:secret:app/db-AbCdEf","Name":"app/db","VersionId":"v"}`)
	}))
	defer srv.Close()
	env := map[string]string{"AWS_ENDPOINT_URL": srv.URL, "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1"}
	code, out, _ := scanSecrets(t, env, dir, "--format", "json", "--no-history")
	var report struct {
		Findings []struct{ Fingerprint, Move string }
	}
	if err := json.Unmarshal([]byte(out), &report); code != 1 || err != nil || len(report.Findings) != 1 || strings.Contains(out, aToken) {
		t.Fatalf("exit %d, %v, %d findings", code, err, len(report.Findings))
	}
	print := report.Findings[0].Fingerprint
	if !strings.Contains(report.Findings[0].Move, "--move "+print+" --name app/github-pat") {
		t.Errorf("the command is %s", report.Findings[0].Move)
	}
	code, out, say := scanSecrets(t, env, dir, "--no-history", "--move", print, "--name", "app/db")
	if code != 0 || !strings.Contains(out, "secret:app/db-AbCdEf") || !strings.Contains(out, "get-secret-value --secret-id app/db") || strings.Contains(out+say, aToken) {
		t.Errorf("exit %d: %s%s", code, out, say)
	}
	refuse = true
	if code, out, say := scanSecrets(t, env, dir, "--no-history", "--move", print, "--name", "app/db"); code != 2 || !strings.Contains(say, "ResourceExistsException: it exists") || strings.Contains(out+say, aToken) {
		t.Errorf("exit %d: %s%s", code, out, say)
	}
	// A profile serves as well; without any credentials nothing is sent.
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[other]\naws_access_key_id = no\n[default]\naws_access_key_id = AKIAX\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuse = false
	env = map[string]string{"AWS_ENDPOINT_URL": srv.URL, "AWS_SHARED_CREDENTIALS_FILE": file, "AWS_REGION": "eu-central-1"}
	if code, _, say := scanSecrets(t, env, dir, "--no-history", "--move", print, "--name", "app/db"); code != 0 {
		t.Errorf("by profile: exit %d: %s", code, say)
	}
	delete(env, "AWS_SHARED_CREDENTIALS_FILE")
	if code, _, say := scanSecrets(t, env, dir, "--no-history", "--move", print, "--name", "app/db"); code != 2 || !strings.Contains(say, "no credentials") {
		t.Errorf("without credentials: exit %d: %s", code, say)
	}
}

// TestHostileNames keeps what a repository names its files off the terminal.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a\nb", "c\x1b[2Jd", "e\u202ef", "g\xffh"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(aToken), 0o600); err != nil {
			t.Skip(err) // this file system has no such names
		}
	}
	for _, format := range []string{"table", "json", "sarif"} {
		code, out, say := scanSecrets(t, nil, dir, "--format", format, "--no-history")
		if code != 1 || say != "" {
			t.Fatalf("%s: exit %d: %s", format, code, say)
		}
		for _, bad := range []string{"\x1b", "\u202ef", "\xff", "a\nb"} {
			if strings.Contains(out, bad) && (format == "table" || bad != "\u202ef") {
				t.Errorf("%s has %q", format, bad)
			}
		}
	}
	_, out, _ := scanSecrets(t, nil, dir, "--no-history")
	for _, want := range []string{`a\nb:1`, `c\x1b[2Jd:1`, `e\u202ef:1`, `g\xffh:1`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing in %s", want, out)
		}
	}
}

func FuzzSafe(f *testing.F) {
	f.Add("a\x1b[31m\u202e\xff\\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range safe(s) {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%q lets %U through", s, r)
			}
		}
	})
}
