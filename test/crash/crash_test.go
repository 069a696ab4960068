// Package crash kills a server in a storm of writes, and fills its disk, and
// looks whether everything it had answered for is there when it starts again.
package crash

import (
	"bufio"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/cli"
	"bartizan.dev/sigv4"
)

// TestMain lets the test's own program play bartizan.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := cli.Run(ctx, os.Args[1:], cli.Env{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// server is a process that serves.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	root sigv4.Credentials
	http http.Client
	log  *os.File
}

// start starts a server on a data directory and waits until it says where it
// serves.
func start(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := &server{t: t, http: http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s.cmd = exec.Command(os.Args[0], append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Env = []string{"HOME=" + t.TempDir()}
	var err error
	if s.log, err = os.CreateTemp(t.TempDir(), "log"); err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "serves AWS's APIs at "); ok {
			s.url = url
			break
		}
	}
	if s.url == "" {
		s.kill()
		t.Fatalf("the server did not start:\n%s", s.logged())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
	text, err := os.ReadFile(filepath.Join(data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`aws_access_key_id = (\S+)\naws_secret_access_key = (\S+)`).FindSubmatch(text)
	if m == nil {
		t.Fatal("no credentials")
	}
	s.root = sigv4.Credentials{AccessKey: string(m[1]), Secret: string(m[2])}
	return s
}

// kill ends the process as a power switch does.
func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill() // it may be gone already
		_ = s.cmd.Wait()         // always an error: it was killed
	}
}

// stop ends it as an administrator does.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended with %v:\n%s", err, s.logged())
	}
}

func (s *server) logged() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// refusal is an error that the server answered.
type refusal struct {
	status int
	body   string
}

func (e *refusal) Error() string { return fmt.Sprintf("%d: %s", e.status, e.body) }

// send signs a request, sends it and returns the answer's body.
func (s *server) send(service, contentType, target, body string) ([]byte, error) {
	r, err := http.NewRequest("POST", s.url+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	if err := sigv4.Sign(r, s.root, "us-east-1", service, sigv4.HashPayload([]byte(body)), time.Now()); err != nil {
		return nil, err
	}
	res, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, &refusal{res.StatusCode, string(answer)}
	}
	return answer, nil
}

func (s *server) iam(action string, in url.Values) ([]byte, error) {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for k, v := range in {
		form[k] = v
	}
	return s.send("iam", "application/x-www-form-urlencoded", "", form.Encode())
}

// users returns the names of all users.
func (s *server) users() map[string]bool {
	s.t.Helper()
	all := map[string]bool{}
	in := url.Values{"MaxItems": {"1000"}}
	for {
		body, err := s.iam("ListUsers", in)
		if err != nil {
			s.t.Fatal(err)
		}
		var page struct {
			Users  []string `xml:"ListUsersResult>Users>member>UserName"`
			Marker string   `xml:"ListUsersResult>Marker"`
			More   bool     `xml:"ListUsersResult>IsTruncated"`
		}
		if err := xml.Unmarshal(body, &page); err != nil {
			s.t.Fatal(err)
		}
		for _, u := range page.Users {
			all[u] = true
		}
		if !page.More {
			return all
		}
		in.Set("Marker", page.Marker)
	}
}

// storm has several writers make users at once, strikes when so many were
// acknowledged, and returns the names of all that were, when the last writer
// has met an error.
func storm(s *server, prefix string, writers, many int, strike func()) (acknowledged []string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range 100_000 {
				name := fmt.Sprintf("%s-%d-%d", prefix, w, i)
				if _, err := s.iam("CreateUser", url.Values{"UserName": {name}}); err != nil {
					return // the server is gone
				}
				mu.Lock()
				acknowledged = append(acknowledged, name)
				if len(acknowledged) == many {
					go strike() // in the middle of the others' calls
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acknowledged
}
