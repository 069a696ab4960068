package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/keys/pkcs11/peer"
)

const (
	// maxConnections is how many calls a pool makes at once.
	maxConnections = 8
	// patience is how long a call may take that has no earlier deadline. A wrong
	// PIN takes a while, and so does making a token.
	patience = time.Minute
)

// pool is a set of connections to a helper that are logged in, or not, alike.
type pool struct {
	socket string
	slots  chan struct{} // one for each call under way

	mu     sync.Mutex
	login  *frame.Request // nil: no login
	idle   []*conn
	closed bool
}

type conn struct {
	*net.UnixConn
	buf []byte
}

func newPool(socket string, login *frame.Request) *pool {
	return &pool{socket: socket, login: login, slots: make(chan struct{}, maxConnections)}
}

// do sends a request and returns the data of its answer. again says that nothing
// is lost if the helper does it twice: then do tries a second time when an idle
// connection turns out to be dead.
func (p *pool) do(ctx context.Context, r *frame.Request, again bool) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.slots }()
	data, used, err := p.try(ctx, r, false)
	var a *broken
	switch {
	case errors.Is(err, errNotLoggedIn): // so it has not happened
	case used && again && errors.As(err, &a):
	default:
		return data, err
	}
	data, _, err = p.try(ctx, r, true)
	return data, err
}

// broken is an error of the connection.
type broken struct{ cause error }

func (b *broken) Error() string {
	return fmt.Sprintf("%v: the HSM helper went away: %v", keys.ErrUnavailable, b.cause)
}

func (b *broken) Unwrap() []error { return []error{keys.ErrUnavailable, b.cause} }

// try sends a request on one connection; used says that it was an idle one.
func (p *pool) try(ctx context.Context, r *frame.Request, fresh bool) (data []byte, used bool, err error) {
	c, used, err := p.take(ctx, fresh)
	if err != nil {
		return nil, used, err
	}
	data, err = c.call(ctx, r)
	var b *broken
	if errors.As(err, &b) || errors.Is(err, errNotLoggedIn) || ctx.Err() != nil {
		_ = c.Close()
		return data, used, err
	}
	p.give(c)
	return data, used, err
}

// take returns an idle connection or makes one.
func (p *pool) take(ctx context.Context, fresh bool) (_ *conn, used bool, err error) {
	p.mu.Lock()
	for n := len(p.idle); n > 0 && !p.closed; n = len(p.idle) {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if !fresh && c.alive() {
			p.mu.Unlock()
			return c, true, nil
		}
		_ = c.Close()
	}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, false, keys.ErrClosed
	}
	c, err := p.dial(ctx)
	return c, false, err
}

func (p *pool) give(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *pool) dial(ctx context.Context) (_ *conn, err error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "unix", p.socket)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: the HSM helper does not answer on %s: %w", keys.ErrUnavailable, p.socket, err)
	}
	c := &conn{UnixConn: raw.(*net.UnixConn)}
	defer func() {
		if err != nil {
			_ = c.Close()
		}
	}()
	if err := peer.Check(c.UnixConn); err != nil {
		return nil, fmt.Errorf("%s: %w", p.socket, err)
	}
	if _, err := c.call(ctx, &frame.Request{Op: frame.Hello, Data: []byte{frame.Version}}); err != nil {
		return nil, err
	}
	p.mu.Lock()
	login := p.login
	if login != nil { // close wipes the PIN of the pool
		l := *login
		l.PIN = slices.Clone(l.PIN)
		login = &l
	}
	p.mu.Unlock()
	if login != nil {
		_, err = c.call(ctx, login)
		clear(login.PIN)
	}
	return c, err
}

// call sends one request and reads its answer.
func (c *conn) call(ctx context.Context, r *frame.Request) ([]byte, error) {
	deadline := time.Now().Add(patience)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := c.SetDeadline(deadline); err != nil {
		return nil, &broken{err}
	}
	// An ended context interrupts the call; the connection is then of no use.
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	a, err := c.exchange(r)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &broken{errors.New("no answer in time")}
	case err != nil:
		return nil, &broken{err}
	}
	if err := errorOf(a); err != nil {
		return nil, err
	}
	data := slices.Clone(a.Data)
	clear(a.Data)
	return data, nil
}

func (c *conn) exchange(r *frame.Request) (*frame.Answer, error) {
	out, err := frame.AppendRequest(c.buf[:0], r)
	if err != nil {
		return nil, err
	}
	_, err = c.Write(out)
	clear(out)
	c.buf = out
	if err != nil {
		return nil, err
	}
	body, err := frame.Read(c, c.buf)
	if err != nil {
		return nil, err
	}
	c.buf = body
	return frame.ParseAnswer(body)
}

// alive says whether an idle connection still has a helper at its end: there is
// nothing to read, not even the end.
func (c *conn) alive() bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		alive = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return alive && err == nil
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.login != nil {
		clear(p.login.PIN)
	}
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.Close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
