package http1

import (
	"net"
	"sync"
)

// handed is the listener that net/http accepts from: connections that were begun
// here.
type handed struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHanded() *handed {
	return &handed{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handed) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handed) Addr() net.Addr { return h.addr }

// pass gives a connection to net/http and reports whether it was taken.
func (h *handed) pass(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.done:
		return false
	}
}

// begun is a connection of which something was read already.
type begun struct {
	net.Conn
	rest []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) == 0 {
		b.rest = nil // the buffer may go
	}
	return n, nil
}

// CloseWrite lets net/http end its side of a connection first, so that the last
// answer is not lost to a reset.
func (b *begun) CloseWrite() error {
	if c, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
