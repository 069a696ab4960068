package executor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestName(t *testing.T) {
	for function, want := range map[string]string{
		"arn:aws:lambda:eu-central-1:111111111111:function:r":    "r",
		"arn:aws:lambda:eu-central-1:111111111111:function:r:v1": "r",
	} {
		if name, account, err := Name(function); err != nil || name != want || account != "111111111111" {
			t.Errorf("%s: %s, %s, %v", function, name, account, err)
		}
	}
	for _, function := range []string{"", "r", "arn:aws:lambda:eu-central-1:111111111111:layer:r", "arn:aws:lambda:eu-central-1::function:r", "arn:aws:iam::111111111111:function:r", "arn:aws:lambda:eu-central-1:111111111111:function:"} {
		if _, _, err := Name(function); err == nil {
			t.Errorf("%q is a function", function)
		}
	}
	if r, err := Role("arn:aws:lambda:eu-central-1:111111111111:function:r"); err != nil || r != "arn:aws:iam::111111111111:role/r" {
		t.Errorf("%s, %v", r, err)
	}
}

var key = []byte(strings.Repeat("k", MinKey))

// TestHTTPS: the endpoint can tell that an event is the server's, and any answer
// but one of success is a failure, without its words.
func TestHTTPS(t *testing.T) {
	status := http.StatusOK
	var got *Event
	var wrong error
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, wrong = Verify(key, r.Header.Get(SignatureHeader), body, time.Now())
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		io.WriteString(w, "password canary")
	}))
	defer endpoint.Close()
	h := &HTTPS{URL: endpoint.URL, Key: key, Client: endpoint.Client(), Now: time.Now}
	call := Call{Event: Event{Step: SetSecret, SecretId: "arn:s", ClientRequestToken: "t", RotationToken: "r"}}
	if err := h.Run(t.Context(), call); err != nil || wrong != nil || *got != call.Event {
		t.Fatalf("%v, %v, %+v", err, wrong, got)
	}
	for _, status = range []int{http.StatusFound, http.StatusForbidden, http.StatusInternalServerError} {
		if err := h.Run(t.Context(), call); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("status %d: %v", status, err)
		}
	}
	endpoint.Close()
	if err := h.Run(t.Context(), call); err == nil {
		t.Error("nobody answers")
	}
}

func TestVerify(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	body := []byte(`{"Step":"createSecret"}`)
	good := sign(key, now.Unix(), body)
	if _, err := Verify(key, good, body, now.Add(4*time.Minute)); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"old":       second(Verify(key, good, body, now.Add(6*time.Minute))),
		"early":     second(Verify(key, good, body, now.Add(-6*time.Minute))),
		"body":      second(Verify(key, good, []byte(`{"Step":"finishSecret"}`), now)),
		"time":      second(Verify(key, strings.Replace(good, "t=1800000000", "t=1800000001", 1), body, now)),
		"key":       second(Verify([]byte(strings.Repeat("x", MinKey)), good, body, now)),
		"short key": second(Verify(key[:8], sign(key[:8], now.Unix(), body), body, now)),
		"no header": second(Verify(key, "", body, now)),
		"odd hex":   second(Verify(key, good[:len(good)-1], body, now)),
		"no event":  second(Verify(key, sign(key, now.Unix(), []byte("[]")), []byte("[]"), now)),
		"no time":   second(Verify(key, "t=x,v1=00", body, now)),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzVerify(f *testing.F) {
	f.Add("t=1,v1=00", []byte("{}"))
	f.Add(sign(key, 5, []byte("{}")), []byte("{}"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		e, err := Verify(key, header, body, time.Unix(5, 0))
		if (e == nil) != (err != nil) {
			t.Fatal(e, err)
		}
		if err == nil && !strings.HasPrefix(header, "t=") {
			t.Fatalf("%q passes", header)
		}
	})
}

// command writes a shell script and returns it as an executor.
func command(t *testing.T, script string) *Command {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rotator")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Command{
		Path:   path,
		Assume: func(context.Context, Call) (*Session, error) { return &Session{AccessKey: "ASIA"}, nil },
		Env: func(_ Call, s *Session) []string {
			return []string{"PATH=/usr/bin:/bin", "AWS_ACCESS_KEY_ID=" + s.AccessKey}
		},
	}
}

// TestCommand: the event on standard input, the credentials in the environment
// and nothing else of it, and status 0 for success.
func TestCommand(t *testing.T) {
	t.Setenv("CANARY", "of the server's own environment")
	p := command(t, "cat >event; env >env; echo password canary; echo password canary >&2")
	call := Call{Event: Event{Step: TestSecret, SecretId: "arn:s", ClientRequestToken: "t", RotationToken: "r"}}
	if err := p.Run(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(p.Path)
	text, err := os.ReadFile(filepath.Join(dir, "event"))
	if err != nil {
		t.Fatal(err)
	}
	var got Event
	if err := json.Unmarshal(text, &got); err != nil || got != call.Event {
		t.Errorf("%s, %v", text, err)
	}
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil || !strings.Contains(string(env), "AWS_ACCESS_KEY_ID=ASIA") || strings.Contains(string(env), "CANARY") {
		t.Errorf("%s, %v", env, err)
	}
	if err := command(t, "echo password canary >&2; exit 3").Run(t.Context(), call); err == nil || !strings.Contains(err.Error(), "status 3") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	p = command(t, "exit 0")
	p.Assume = func(context.Context, Call) (*Session, error) { return nil, errors.New("no role") }
	if err := p.Run(t.Context(), call); err == nil || p.Ready(t.Context(), call) == nil {
		t.Error("it runs without a role")
	}
}

// TestCommandEnds: with the context the program ends, and what it has started.
func TestCommandEnds(t *testing.T) {
	p := command(t, "sleep 1000 & echo $! >up; wait")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, Call{}) }()
	for { // another process: nothing tells us when it is up
		if text, err := os.ReadFile(filepath.Join(filepath.Dir(p.Path), "up")); err == nil && len(text) > 0 {
			break
		}
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestLoginOf(t *testing.T) {
	full := func(change func(map[string]any)) map[string]any {
		v := map[string]any{"engine": "postgres", "host": "db.example.com", "username": "u", "password": "p", "port": float64(5433), "dbname": "app"}
		change(v)
		return v
	}
	l, err := loginOf(full(func(map[string]any) {}))
	if err != nil || *l != (login{"db.example.com", "app", 5433, "u", "p", "prefer"}) {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err := loginOf(full(func(v map[string]any) { v["port"] = "6000"; v["ssl"] = "true"; delete(v, "dbname") })); err != nil || l.port != 6000 || l.ssl != "verify-full" || l.database != "postgres" {
		t.Errorf("%+v, %v", l, err)
	}
	for what, change := range map[string]func(map[string]any){
		"socket": func(v map[string]any) { v["host"] = "/var/run/postgresql" }, "two hosts": func(v map[string]any) { v["host"] = "a,b" },
		"abstract socket": func(v map[string]any) { v["host"] = "@x" }, "no host": func(v map[string]any) { delete(v, "host") },
		"encoded": func(v map[string]any) { v["host"] = "%2Ftmp" }, "engine": func(v map[string]any) { v["engine"] = "mysql" },
		"port": func(v map[string]any) { v["port"] = 70000.0 }, "half a port": func(v map[string]any) { v["port"] = 5432.5 },
		"port list": func(v map[string]any) { v["port"] = []any{} }, "user": func(v map[string]any) { v["username"] = 7.0 },
	} {
		if l, err := loginOf(full(change)); err == nil {
			t.Errorf("%s: %+v", what, l)
		}
	}
}

func FuzzLoginOf(f *testing.F) {
	f.Add(`{"host":"h","username":"u","password":"p","port":5432,"ssl":true}`)
	f.Add(`{"host":"/tmp","username":"u","password":"p"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var v map[string]any
		if json.Unmarshal([]byte(text), &v) != nil {
			return
		}
		if l, err := loginOf(v); err == nil && (l.host == "" || strings.ContainsAny(l.host, "/,@") || l.port == 0) {
			t.Fatalf("%+v", l)
		}
	})
}

func TestControl(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:5432": true, "10.0.0.1:5432": true, "169.254.169.254:80": false, "[fe80::1]:5432": false, "[::ffff:169.254.169.254]:80": false, "0.0.0.0:5432": false} {
		if err := control("tcp", address, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}
