package nodes

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"bartizan.dev/store/postgres/pgtest"
)

// proxy stands between one node and the database, and can be a broken network.
type proxy struct {
	dir, to  string
	listener net.Listener
	mu       sync.Mutex
	change   *sync.Cond
	state    state
	conns    map[net.Conn]bool
	workers  sync.WaitGroup
}

type state int

const (
	passing state = iota
	refused       // connections break, and new ones are refused
	silent        // nothing comes through any more, and nobody is told
	deaf          // as passing, but nobody can LISTEN
	closed
)

func newProxy(t *testing.T, pg *pgtest.Server) *proxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "px") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{dir: dir, to: pg.Socket(), conns: map[net.Conn]bool{}}
	p.change = sync.NewCond(&p.mu)
	if p.listener, err = net.Listen("unix", filepath.Join(dir, filepath.Base(p.to))); err != nil {
		t.Fatal(err)
	}
	p.workers.Go(p.accept)
	t.Cleanup(func() {
		p.set(closed)
		if err := errors.Join(p.listener.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		p.workers.Wait()
	})
	return p
}

// set changes what the network does from now on.
func (p *proxy) set(s state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = s
	if s == refused || s == closed {
		for c := range p.conns {
			c.Close()
		}
	}
	p.change.Broadcast()
}

// awake waits while the network is silent, and reports whether it is there.
func (p *proxy) awake() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.state == silent {
		p.change.Wait()
	}
	return p.state == passing || p.state == deaf
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close()
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.keep(c)
		p.workers.Go(func() { p.carry(c) })
	}
}

func (p *proxy) carry(c net.Conn) {
	defer p.drop(c)
	if !p.awake() {
		return
	}
	d, err := net.Dial("unix", p.to)
	if err != nil {
		return
	}
	p.keep(d)
	defer p.drop(d)
	var both sync.WaitGroup
	both.Go(func() { p.copy(d, c, true) })
	both.Go(func() { p.copy(c, d, false) })
	both.Wait()
}

func (p *proxy) copy(to, from net.Conn, up bool) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if !p.awake() {
			return
		}
		if up && bytes.Contains(b[:n], []byte("LISTEN ")) && p.isDeaf() {
			return
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			if err != io.EOF {
				from.Close()
			}
			return
		}
	}
}

func (p *proxy) isDeaf() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == deaf
}
