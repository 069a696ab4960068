package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/keys/pkcs11/peer"
)

const (
	// maxConnections bounds the clients: a server has a few for each token.
	maxConnections = 256
	// patience is how long a call may take. A module that hangs longer does not
	// come back: the process ends, and whoever supervises it starts it again.
	patience = 2 * time.Minute
)

// serve answers on l until ctx ends.
func serve(ctx context.Context, l *net.UnixListener, h *hsm) error {
	var all sync.WaitGroup
	defer all.Wait()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	room := make(chan struct{}, maxConnections)
	for {
		c, err := l.AcceptUnix()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case room <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-room }()
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			(&conn{UnixConn: c, h: h}).serve()
		})
	}
}

// conn is one client.
type conn struct {
	*net.UnixConn
	h     *hsm
	hello bool
	token *token // of the last Login
	login int
}

// serve answers the requests of a client until it goes, or breaks the protocol.
func (c *conn) serve() {
	defer func() { _ = c.Close() }()
	defer c.logout()
	if err := peer.Check(c.UnixConn); err != nil {
		fmt.Fprintln(os.Stderr, "a connection was refused:", err)
		return
	}
	var in, out []byte
	for {
		body, err := frame.Read(c, in)
		if err != nil {
			return
		}
		in = body
		r, err := frame.ParseRequest(body)
		if err != nil {
			return
		}
		a := c.answer(r)
		clear(body)
		out, err = frame.AppendAnswer(out[:0], a)
		if err != nil { // no answer is as large as a frame
			return
		}
		clear(a.Data)
		_, err = c.Write(out)
		clear(out)
		if err != nil {
			return
		}
	}
}

func (c *conn) logout() {
	if c.token != nil {
		c.token.leave(c.login)
		c.token = nil
	}
}

// answer answers a request, or ends the process when the module hangs.
func (c *conn) answer(r *frame.Request) *frame.Answer {
	hanging := time.AfterFunc(patience, func() {
		fmt.Fprintf(os.Stderr, "bartizan-hsm: the module has not answered within %v: giving up\n", patience)
		os.Exit(3)
	})
	defer hanging.Stop()
	data, err := c.do(r)
	if err != nil {
		return answerTo(err)
	}
	return &frame.Answer{Data: data}
}

func (c *conn) do(r *frame.Request) ([]byte, error) {
	if r.Op == frame.Hello {
		if len(r.Data) != 1 || r.Data[0] != frame.Version {
			return nil, fail(frame.BadRequest, fmt.Sprintf("this helper speaks version %d of the protocol", frame.Version))
		}
		c.hello = true
		return []byte(c.h.m.path), nil
	}
	if !c.hello {
		return nil, fail(frame.BadRequest, "the first request is Hello")
	}
	switch r.Op {
	case frame.Tokens:
		return c.h.tokenList()
	case frame.InitToken:
		serial, err := c.h.initToken(r.Token, r.Label, r.PIN)
		return []byte(serial), err
	case frame.SetPIN:
		return nil, c.h.setPIN(r.Token, r.PIN, r.NewPIN)
	case frame.Login:
		return c.logIn(r)
	}
	if c.token == nil {
		return nil, fail(frame.NotLoggedIn, "no login")
	}
	var data []byte
	err := c.token.use(c.login, func() (err error) {
		data, err = useKey(c.token, r)
		return err
	})
	return data, err
}

func (c *conn) logIn(r *frame.Request) ([]byte, error) {
	c.logout()
	t, err := c.h.token(r.Token)
	if err != nil {
		return nil, err
	}
	login, err := t.enter(r.PIN)
	if err != nil {
		return nil, err
	}
	c.token, c.login = t, login
	return []byte(t.serial), nil
}

func useKey(t *token, r *frame.Request) ([]byte, error) {
	switch r.Op {
	case frame.Create:
		return nil, t.create(r.Label)
	case frame.Seal:
		return t.seal(r.Label, r.Data, r.Associated)
	case frame.Open:
		return t.open(r.Label, r.Data, r.Associated)
	case frame.Destroy:
		return nil, t.destroy(r.Label)
	case frame.Has:
		has, err := t.has(r.Label)
		if has {
			return []byte{1}, err
		}
		return []byte{0}, err
	}
	return nil, errors.New("an operation without code: this is a bug")
}

func (h *hsm) tokenList() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	places, err := h.list()
	if err != nil {
		return nil, err
	}
	tokens := make([]frame.Token, len(places))
	for i, p := range places {
		tokens[i] = p.Token
	}
	return frame.AppendTokens(nil, tokens), nil
}
