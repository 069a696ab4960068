package http1

import (
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// States of a connection. Who changes idle to something else owns it: the
// connection's goroutine, to serve, or Shutdown, to end it.
const (
	idle int32 = iota
	active
	ended
)

const (
	// smallBuffer is the room for what arrives, which grows to largeBuffer on a
	// connection that needs it.
	smallBuffer = 4 << 10
	largeBuffer = maxHead
)

// conn is a connection. All but state belongs to its goroutine.
type conn struct {
	server *Server
	nc     net.Conn
	state  atomic.Int32

	base   *http.Request // what all requests of the connection have in common
	buf    []byte        // what has arrived: buf[from:to]
	from   int
	to     int
	writer writer
	body   body

	readBy time.Time // the deadline that reading has now
}

func (c *conn) serve() {
	defer c.server.forget(c)
	c.base = (&http.Request{RemoteAddr: c.nc.RemoteAddr().String()}).WithContext(c.server.ctx)
	c.buf = make([]byte, smallBuffer)
	switch c.loop() {
	case passOn:
		c.hand()
	case lastAnswer:
		c.linger()
	default:
		c.close()
	}
}

// ending is how a connection ends.
type ending uint8

const (
	gone       ending = iota // the client left, or nothing can be said to it
	lastAnswer               // after an answer that said so
	passOn                   // something came that is not ordinary
)

// loop serves requests until the connection ends or is to be passed on.
func (c *conn) loop() ending {
	for {
		r := new(http.Request)
		*r = *c.base
		size, v := c.next(r)
		switch v {
		case unusual:
			return passOn
		case incomplete:
			return gone
		}
		c.from += size
		if sent := c.answer(r); !sent {
			return gone
		} else if c.writer.close {
			return lastAnswer
		}
		if c.from == c.to {
			c.from, c.to = 0, 0
		}
		c.state.Store(idle)
		if c.server.closing.Load() {
			return gone // begun before the end, so the answer did not say so
		}
	}
}

// begin makes the connection active, unless Shutdown has ended it.
func (c *conn) begin() bool {
	return c.state.Load() == active || c.state.CompareAndSwap(idle, active)
}

// next waits for the head of the next request. incomplete means that the
// connection has ended.
func (c *conn) next(r *http.Request) (size int, v verdict) {
	timed := false
	for {
		if c.to > c.from {
			if !c.begin() {
				return 0, incomplete
			}
			if size, v = parse(c.buf[c.from:c.to], r); v != incomplete {
				return size, v
			}
			if !timed { // the whole request has its time from here
				timed = true
				c.readWithin(c.server.Other.ReadTimeout, 0)
			}
		} else {
			// One deadline does for the many requests that come in a short while.
			c.readWithin(c.server.Other.IdleTimeout, c.server.Other.IdleTimeout/8)
		}
		if err := c.fill(); err == io.EOF && c.to > c.from {
			return 0, unusual // half a request: net/http has an answer to that
		} else if err != nil {
			return 0, incomplete
		}
	}
}

// readWithin sets the deadline of reading, unless the one it has is at most slack
// earlier. Without a limit there is none.
func (c *conn) readWithin(limit, slack time.Duration) {
	var by time.Time
	if limit > 0 {
		by = time.Now().Add(limit)
	}
	if d := by.Sub(c.readBy); d == 0 || d > 0 && d < slack {
		return
	}
	c.readBy = by
	if err := c.nc.SetReadDeadline(by); err != nil {
		c.readBy = time.Time{} // the next Read tells
	}
}

// fill reads more behind what is there, making room for it first.
func (c *conn) fill() error {
	if c.from > 0 && c.to == len(c.buf) {
		c.to = copy(c.buf, c.buf[c.from:c.to])
		c.from = 0
	}
	if c.to == len(c.buf) {
		larger := make([]byte, min(2*len(c.buf), largeBuffer))
		copy(larger, c.buf[:c.to])
		c.buf = larger
	}
	n, err := c.nc.Read(c.buf[c.to:])
	if c.to += n; n > 0 {
		return nil // an error comes again
	}
	return err
}

// answer lets the handler answer a request and reports whether the answer was
// sent.
func (c *conn) answer(r *http.Request) (sent bool) {
	if r.Body = http.NoBody; r.ContentLength > 0 {
		c.body = body{c: c, left: r.ContentLength}
		r.Body = &c.body
		if int64(c.to-c.from) < r.ContentLength {
			if c.to == len(c.buf) && len(c.buf) < largeBuffer { // the next one may fit
				defer c.enlarge()
			}
			c.readWithin(c.server.Other.ReadTimeout, 0)
		}
	}
	w := &c.writer
	w.begin(c)
	if !c.handle(w, r) {
		return false
	}
	if r.ContentLength > 0 && !c.body.drain() {
		w.close = true
	}
	return w.end()
}

// enlarge gives the connection the large buffer.
func (c *conn) enlarge() {
	larger := make([]byte, largeBuffer)
	c.to = copy(larger, c.buf[c.from:c.to])
	c.from, c.buf = 0, larger
}

// handle calls the handler. One that panics ends its connection, and no other.
func (c *conn) handle(w *writer, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, as net/http compares it
			c.server.logf("http: panic serving %s: %v\n%s", r.RemoteAddr, p, debug.Stack())
		}
	}()
	c.server.Other.Handler.ServeHTTP(w, r)
	return true
}

func (c *conn) close() {
	if err := c.nc.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		c.server.logf("http: closing %s: %v", c.nc.RemoteAddr(), err)
	}
}

// linger closes the connection when the client has had the time to read the last
// answer: closing one that has unread input resets it, and the answer with it
// (RFC 9112 section 9.6).
func (c *conn) linger() {
	defer c.close()
	if half, ok := c.nc.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	if c.nc.SetReadDeadline(time.Now().Add(500*time.Millisecond)) == nil {
		_, _ = io.CopyN(io.Discard, c.nc, 256<<10) // whatever comes, this is the end
	}
}

// hand passes the connection to net/http as if nothing had been read.
func (c *conn) hand() {
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		c.close()
		return
	}
	if !c.server.handed.pass(&begun{Conn: c.nc, rest: c.buf[c.from:c.to]}) {
		c.close()
	}
}

// body is the body of a request of known length: first what has arrived, then
// the connection. A handler must not read it after it has returned.
type body struct {
	c    *conn
	left int64
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), b.left)]
	c := b.c
	if c.from < c.to {
		n = copy(p, c.buf[c.from:c.to])
		c.from += n
	} else if n, err = c.nc.Read(p); err == io.EOF {
		err = io.ErrUnexpectedEOF
	} else if n > 0 {
		err = nil // it comes again
	}
	if b.left -= int64(n); b.left == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (b *body) Close() error { return nil }

// drain reads what the handler left, so that the next request begins where it
// should, and reports whether it could.
func (b *body) drain() bool {
	for b.left > 0 {
		var room [1024]byte
		if _, err := b.Read(room[:]); err != nil && err != io.EOF {
			return false
		}
	}
	return true
}
