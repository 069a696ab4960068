package pkcs11

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"time"

	"bartizan.dev/keys/pkcs11/frame"
)

// Child is a helper that this process runs, and runs again when it dies.
type Child struct {
	o     ChildOptions
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu  sync.Mutex
	pid int
}

// ChildOptions say how a helper is run.
type ChildOptions struct {
	Helper string // the program bartizan-hsm
	Module string // the vendor's PKCS#11 library
	Socket string
	// Env is the helper's environment, in which modules look for their
	// configuration; nil for this process's own.
	Env []string
	Log *slog.Logger
}

const (
	startPatience = 30 * time.Second // until a helper is ready
	endPatience   = 5 * time.Second  // until it has ended when it is told to
	firstPause    = 50 * time.Millisecond
	longestPause  = 5 * time.Second
	steady        = time.Minute // a helper that ran so long begins with the first pause again
)

// Start starts a helper and waits until it is ready. One that cannot start, for
// want of its module for instance, is an error; one that dies later is started
// again, after a pause that grows while that goes on.
func Start(ctx context.Context, o ChildOptions) (*Child, error) {
	c := &Child{o: o}
	p, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	var running context.Context
	running, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.ended.Go(func() { c.supervise(running, p) })
	return c, nil
}

// PID returns the process id of the helper, 0 while none runs.
func (c *Child) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

// Close ends the helper.
func (c *Child) Close() error {
	c.stop()
	c.ended.Wait()
	return nil
}

func (c *Child) supervise(ctx context.Context, p *process) {
	pause := firstPause
	for {
		began := time.Now()
		if p != nil {
			select {
			case <-ctx.Done():
				p.end()
				return
			case <-p.done:
			}
			c.o.Log.Error("the HSM helper died and is started again", "cause", p.cause())
			if time.Since(began) > steady {
				pause = firstPause
			}
		}
		c.set(0)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
		var err error
		if p, err = c.run(ctx); err != nil && ctx.Err() == nil {
			c.o.Log.Error("the HSM helper does not start", "cause", err)
		}
	}
}

func (c *Child) set(pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pid = pid
}

// process is one run of the helper.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	said  tail
	done  chan struct{}
	err   error // once done is closed
}

// run starts the helper and waits until it says that it is ready.
func (c *Child) run(ctx context.Context) (*process, error) {
	p := &process{cmd: exec.Command(c.o.Helper, "-child", "-module", c.o.Module, "-socket", c.o.Socket), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = c.o.Env, &p.said
	out, in := io.Pipe() // not StdoutPipe: Wait must not race with reading
	p.cmd.Stdout = in
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("the HSM helper: %w", err)
	}
	c.set(p.cmd.Process.Pid)
	ready := make(chan bool, 1)
	go func() {
		first, _ := bufio.NewReaderSize(out, 64).ReadSlice('\n')
		ready <- string(first) == fmt.Sprintf("ready %d\n", frame.Version)
		_, _ = io.Copy(io.Discard, out) // what a module prints
	}()
	go func() {
		p.err = p.cmd.Wait()
		_ = in.Close()
		close(p.done)
	}()
	select {
	case ok := <-ready:
		if ok {
			return p, nil
		}
		err = errors.New("it speaks another version of the protocol, or died")
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(startPatience):
		err = errors.New("it is not ready in time")
	}
	p.end()
	if said := p.said.last(); said != "" {
		return nil, errors.New(said)
	}
	return nil, fmt.Errorf("the HSM helper %s: %w", c.o.Helper, err)
}

// end has the process end: it does so when its standard input ends.
func (p *process) end() {
	_ = p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(endPatience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// cause says why a process that is done ended.
func (p *process) cause() string {
	text := "it ended"
	if p.err != nil {
		text = p.err.Error()
	}
	if said := p.said.first(); said != "" {
		text += ": " + said
	}
	return text
}

// tail keeps some of what a process says.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len()+len(b) <= 4<<10 {
		t.buf.Write(b)
	}
	return len(b), nil
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Split(strings.TrimSpace(t.buf.String()), "\n")
}

func (t *tail) first() string { return t.lines()[0] }

func (t *tail) last() string {
	l := t.lines()
	return l[len(l)-1]
}
