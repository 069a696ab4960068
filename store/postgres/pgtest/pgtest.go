// Package pgtest starts a PostgreSQL server for a test: its own data directory,
// a Unix socket, no network, gone with the test.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Start starts a server that does not sync, for speed, and returns how to
// connect to it. Without PostgreSQL on the machine the test is skipped, or fails
// when CI=true is in the environment.
func Start(t testing.TB) (dsn string) { return New(t).dsn }

// StartDurable starts a server that syncs as in production.
func StartDurable(t testing.TB) (dsn string) { return start(t).dsn }

// A Server can be stopped and started again.
type Server struct {
	dir, bin string
	attr     *syscall.SysProcAttr
	args     []string
	dsn      string
	log      bytes.Buffer
	process  *os.Process // nil while it is stopped
	gone     chan error
}

// New is Start for tests that want more than the connection string.
func New(t testing.TB) *Server {
	t.Helper()
	return start(t, "-c", "fsync=off", "-c", "full_page_writes=off")
}

// DSN is how to connect to the database postgres.
func (s *Server) DSN() string { return s.dsn }

// Socket is the path of the server's Unix socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB, name string) string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	return URL(s.dir, name)
}

// URL is the connection string, as a URL, of a database whose socket is in dir.
func URL(dir, database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: url.Values{"host": {dir}}.Encode()}).String()
}

func start(t testing.TB, settings ...string) *Server {
	t.Helper()
	bin := binaries(t)
	// Not t.TempDir: another user must reach it, and a socket's path must be short.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	attr := processAttr(t, dir)
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s := &Server{
		dir: dir, bin: bin, attr: attr, dsn: fmt.Sprintf("host=%s user=postgres dbname=postgres", dir),
		args: append([]string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=200",
			"-c", "shared_buffers=32MB", "-c", "unix_socket_permissions=0700"}, settings...),
	}
	t.Cleanup(func() { s.end(syscall.SIGQUIT) }) // at once: nothing of it is needed any more
	s.Start(t)
	return s
}

// Stop ends the server as a machine does that is shut down: connections break,
// what was committed stays.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

func (s *Server) end(sig syscall.Signal) {
	if s.process == nil {
		return
	}
	s.process.Signal(sig)
	<-s.gone
	s.process = nil
}

// Start starts a server that was stopped, and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	server := exec.Command(filepath.Join(s.bin, "postgres"), s.args...)
	server.SysProcAttr, server.Dir = s.attr, s.dir
	server.Stdout, server.Stderr = &s.log, &s.log
	if err := server.Start(); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	s.process, s.gone = server.Process, make(chan error, 1)
	go func() { s.gone <- server.Wait() }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := pgx.Connect(context.Background(), s.dsn)
		if err == nil {
			conn.Close(context.Background())
			return
		}
		select {
		case werr := <-s.gone:
			s.gone <- werr
			t.Fatalf("postgres ended: %v\n%s", werr, s.log.Bytes())
		case <-time.After(20 * time.Millisecond): // another process: nothing tells us when it is ready
		}
		if time.Now().After(deadline) {
			t.Fatalf("postgres does not answer: %v", err)
		}
	}
}

// binaries returns the directory of initdb and postgres.
func binaries(t testing.TB) string {
	t.Helper()
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path)
	}
	// Debian keeps them out of PATH, a directory for each version.
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(found) > 0 {
		slices.Sort(found)
		return filepath.Dir(found[len(found)-1])
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("PostgreSQL is not installed, and CI=true: the tests that need it must run")
	}
	t.Skip("SKIPPED: PostgreSQL is not installed (Debian: apt install postgresql)")
	return ""
}

// processAttr makes PostgreSQL, which refuses to run as root, run as somebody
// else if we are root, and gives him dir.
func processAttr(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	attr := newAttr()
	if os.Geteuid() != 0 {
		return attr
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr
	}
	t.Fatal("we are root and there is no user postgres or nobody to run PostgreSQL as")
	return nil
}
