// Package http1 serves ordinary HTTP/1.1 requests (RFC 9112) and hands every
// connection on which anything else arrives to net/http, with the bytes that
// were read from it.
//
// net/http must be ready for everything: it watches the connection in another
// goroutine while a request is served, sets deadlines for each, and makes some
// thirty small allocations. An AWS call has none of what that is for: it is a
// small message of known length, answered at once by another. Serving that alone
// takes about half of the CPU time that net/http needs.
//
//   - parse.go says what is ordinary. It decides nothing that is doubtful: chunked
//     bodies, Expect, Upgrade, HEAD, HTTP/1.0, long bodies, obscure or wrong heads
//     are net/http's. A fuzz test holds what it takes against http.ReadRequest.
//   - conn.go serves a connection, writer.go writes answers, handover.go passes
//     connections on.
//
// What handlers do not find here: http.Hijacker, trailers, and a context that
// ends with the call or when the client leaves; it ends with the server.
package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves connections. Its fields must be set before Serve.
type Server struct {
	// Other gets the connections that are not ordinary. Its Handler, ReadTimeout,
	// IdleTimeout and ErrorLog are this server's too.
	Other *http.Server

	handed  *handed
	ctx     context.Context
	cancel  context.CancelFunc
	closing atomic.Bool

	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
}

// New returns a server beside another one.
func New(other *http.Server) *Server {
	s := &Server{Other: other, handed: newHanded(), conns: map[*conn]struct{}{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve answers the connections of l until Shutdown. Then it returns
// http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	closed := s.closing.Load()
	s.mu.Unlock()
	if closed {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	other := make(chan error, 1)
	s.handed.addr = l.Addr()
	go func() { other <- s.Other.Serve(s.handed) }()
	err := s.accept(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, s.handed.Close())
	}
	return <-other
}

// accept begins a goroutine for each connection. Failures that pass, such as too
// many open files, are waited out.
func (s *Server) accept(l net.Listener) error {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			c := &conn{server: s, nc: nc}
			if s.track(c) {
				go c.serve()
			}
			continue
		}
		if s.closing.Load() {
			return http.ErrServerClosed
		}
		var t interface{ Temporary() bool }
		if !errors.As(err, &t) || !t.Temporary() {
			return err
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.logf("http: Accept error: %v; retrying in %v", err, pause)
		time.Sleep(pause)
	}
}

// track notes a connection; none begins once the server is closing.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		c.close()
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Shutdown ends the server: no new connection, idle ones are closed, calls under
// way finish until ctx ends; then they are cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancel()
	s.mu.Lock()
	s.closing.Store(true)
	l := s.listener
	s.mu.Unlock()
	var err error
	if l != nil {
		if err = l.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	err = errors.Join(err, s.drain(ctx))
	// Connections that were being passed on have arrived there or are closed.
	return errors.Join(err, s.Other.Shutdown(ctx))
}

// drain waits until no connection is left.
func (s *Server) drain(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		left := len(s.conns)
		for c := range s.conns {
			if c.state.CompareAndSwap(idle, ended) || ctx.Err() != nil {
				c.close()
			}
		}
		s.mu.Unlock()
		if left == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (s *Server) logf(format string, args ...any) {
	if s.Other.ErrorLog != nil {
		s.Other.ErrorLog.Printf(format, args...)
	}
}
