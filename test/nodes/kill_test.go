package nodes

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/store/postgres/pgtest"
)

// process is bartizan serve as a process of its own.
type process struct {
	node
	cmd  *exec.Cmd
	done chan struct{}
}

// build builds the program.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bartizan")
	if out, err := exec.Command("go", "build", "-o", bin, "bartizan.dev").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// run starts bartizan serve and waits until it says where it listens.
func run(t *testing.T, bin, data, store string) *process {
	t.Helper()
	p := &process{done: make(chan struct{})}
	p.log, p.data = new(logBuffer), data
	p.cmd = exec.Command(bin, "serve", "--data", data, "--store", store, "--listen", "127.0.0.1:0")
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill(); <-p.done })
	said := make(chan string, 1)
	go func() {
		defer close(p.done)
		sc := bufio.NewScanner(out)
		for sc.Scan() {
			if _, url, ok := strings.Cut(sc.Text(), "AWS's APIs at "); ok {
				said <- url
			}
		}
		io.Copy(io.Discard, out)
		p.cmd.Wait()
	}()
	select {
	case p.url = <-said:
	case <-p.done:
		t.Fatalf("bartizan serve ended:\n%s", p.log)
	case <-time.After(20 * time.Second):
		t.Fatalf("bartizan serve does not start:\n%s", p.log)
	}
	return p
}

// kill is kill -9.
func (p *process) kill() { p.cmd.Process.Signal(syscall.SIGKILL) }

// A node is killed in a storm of writes: every user it acknowledged is at the
// other node, and so is the event.
func TestKill(t *testing.T) {
	pg := pgtest.New(t)
	store := database(t, pg)
	first := dataDir(t, "")
	a := start(t, first, store)
	root := rootOf(t, first)
	data := dataDir(t, first)
	b := run(t, build(t), data, store)
	const clients, enough = 16, 800
	var (
		storm sync.WaitGroup
		mu    sync.Mutex
		good  []string
		acked atomic.Int64
		full  = make(chan struct{})
	)
	for range clients {
		storm.Go(func() {
			for {
				name := "storm-" + rand()
				answer, err := b.call(root, "iam", "CreateUser", "UserName", name)
				if err != nil {
					return // killed
				}
				if !answer.ok() {
					t.Errorf("CreateUser: %v", answer)
					return
				}
				mu.Lock()
				good = append(good, name)
				mu.Unlock()
				if acked.Add(1) == enough {
					close(full)
				}
			}
		})
	}
	select {
	case <-full:
	case <-time.After(30 * time.Second):
		t.Errorf("only %d users in 30 s", acked.Load())
	}
	b.kill()
	storm.Wait()
	<-b.done
	users := all(t, root, []*node{a}, "ListUsers", "UserName", "MaxItems", "1000")
	events := created(t, root, a)
	missing(t, "users at the other node", good, users)
	missing(t, "events at the other node", good, events)
	missing(t, "users that an event tells of", events, users)
	t.Logf("%d users acknowledged, %d there, %d events", len(good), len(users), len(events))
	again := run(t, b.cmd.Path, data, store)
	missing(t, "users after a restart", good, all(t, root, []*node{&again.node}, "ListUsers", "UserName", "MaxItems", "1000"))
	missing(t, "events after a restart", good, created(t, root, &again.node))
}
