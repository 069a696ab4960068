package nodes

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bartizan.dev/keys/soft"
	"bartizan.dev/server"
	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

// node is a server of this process, or only the address of another's.
type node struct {
	*server.Server
	url  string
	data string
	log  *logBuffer
}

// logBuffer keeps a node's log for when a test fails.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// dataDir makes a data directory that holds a copy of from's root key, or a new
// one if from is empty.
func dataDir(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	if from != "" {
		copyRootKey(t, from, dir)
		return dir
	}
	c, err := soft.Open(filepath.Join(dir, server.RootKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyRootKey does what the manual says: every node has the same root key.
func copyRootKey(t *testing.T, from, to string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(from, server.RootKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, server.RootKeyFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open opens a server that does not listen yet.
func open(data, store string) (*node, error) {
	n := &node{data: data, log: new(logBuffer)}
	var err error
	n.Server, err = server.Open(context.Background(), server.Options{
		Data: data, Store: store, Listen: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(n.log, nil)),
	})
	return n, err
}

// serve has n listen until the test ends.
func serve(t *testing.T, n *node) *node {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l, err := n.Listen(ctx)
	if err != nil {
		stop()
		t.Fatal(err)
	}
	n.url = n.URL()
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("%s: Serve: %v", n.data, err)
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", n.url, tail(n.log.String(), 40))
		}
	})
	return n
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// start opens a server and has it listen; it is closed with the test.
func start(t *testing.T, data, store string) *node {
	t.Helper()
	n, err := open(data, store)
	if err != nil {
		t.Fatalf("a node does not start: %v", err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Logf("%s: Close: %v", data, err)
		}
	})
	return serve(t, n)
}

// pair is two nodes on one database, and its root user.
type pair struct {
	a, b *node
	root sigv4.Credentials
}

var databases sync.Map // names already used, of the servers of this run

func newPair(t *testing.T, pg *pgtest.Server) pair {
	t.Helper()
	url := database(t, pg)
	first := dataDir(t, "")
	p := pair{a: start(t, first, url), b: start(t, dataDir(t, first), url)}
	p.root = rootOf(t, first)
	return p
}

// database makes a database named after the test.
func database(t *testing.T, pg *pgtest.Server) string {
	t.Helper()
	name := strings.ToLower(strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' || r == '#' || r == ',' || r == '\'' {
			return '_'
		}
		return r
	}, t.Name()))
	if _, again := databases.LoadOrStore(pg.DSN()+name, true); again {
		t.Fatalf("a second database %s", name)
	}
	return pg.Database(t, name[:min(len(name), 60)])
}

// rootOf reads the root credentials that a first start wrote.
func rootOf(t *testing.T, data string) (c sigv4.Credentials) {
	t.Helper()
	f, err := os.Open(filepath.Join(data, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		switch name, value, _ := strings.Cut(sc.Text(), " = "); name {
		case "aws_access_key_id":
			c.AccessKey = value
		case "aws_secret_access_key":
			c.Secret = value
		}
	}
	if c.AccessKey == "" || c.Secret == "" {
		t.Fatalf("%s/credentials holds no credentials", data)
	}
	return c
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

// until asks again and again until ok, as other processes give no signal, and
// returns how long it took.
func until(t *testing.T, what string, patience time.Duration, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > patience {
			t.Fatalf("%s: not within %v", what, patience)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begun)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
