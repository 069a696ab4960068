package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"bartizan.dev/keys/pkcs11/frame"
)

// maxSessions bounds the sessions of a token: some HSMs have few.
const maxSessions = 16

// wrongDelay is how long a wrong PIN takes, one after the other.
const wrongDelay = 250 * time.Millisecond

// token is one token that somebody has logged in to.
//
// A login of PKCS#11 belongs to the process and the token, not to a session: a
// second C_Login answers only that somebody is logged in, whatever the PIN. So
// the helper keeps a digest of the PIN that the token accepted and compares the
// PINs of later connections with it. When the last connection of a token ends, it
// logs out, and the token itself decides again. A PIN that another program has
// changed in the meantime therefore counts once everybody has gone.
type token struct {
	m       *module
	slot    ulong
	serial  string
	slots   chan struct{} // one for each session in use
	wrong   sync.Mutex    // wrong PINs, one after the other
	makes   sync.Mutex    // keys, one after the other
	mu      sync.RWMutex  // held for reading by each operation; the fields below change with it held for writing
	login   int           // counts logins and resets: a connection knows the one it belongs to
	session ulong         // holds the login; 0 if there is none
	digest  [sha256.Size]byte

	handed atomic.Uint64 // counts when the module may have handed out handles

	pool  sync.Mutex       // of these, beside mu held for reading
	users int              // connections that are logged in
	idle  []ulong          // sessions
	keys  map[string]known // by label
}

func newToken(m *module, slot ulong, serial string) *token {
	return &token{m: m, slot: slot, serial: serial, slots: make(chan struct{}, maxSessions)}
}

// pinKey makes digests of PINs worthless outside of this process.
var pinKey = func() []byte {
	k := make([]byte, 32)
	rand.Read(k)
	return k
}()

func digestOf(pin []byte) (d [sha256.Size]byte) {
	h := hmac.New(sha256.New, pinKey)
	h.Write(pin)
	h.Sum(d[:0])
	return d
}

// enter logs one more connection in and returns the login it belongs to.
func (t *token) enter(pin []byte) (int, error) {
	login, err := t.check(pin)
	if !errors.Is(err, rvPINIncorrect) {
		return login, err
	}
	t.wrong.Lock()
	defer t.wrong.Unlock()
	<-time.After(wrongDelay)
	return 0, err
}

func (t *token) check(pin []byte) (int, error) {
	digest := digestOf(pin)
	if login, done, err := t.compare(&digest); done {
		return login, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != 0 { // somebody was faster
		return t.compareLocked(&digest)
	}
	session, err := t.m.openSession(t.slot, true)
	if err != nil {
		return 0, err
	}
	err = t.m.login(session, roleUser, pin)
	if errors.Is(err, rvUserAlreadyLoggedIn) {
		// Something of an earlier login was left, so the PIN was not looked at.
		if err = t.m.call(fnLogout, session); err == nil {
			err = t.m.login(session, roleUser, pin)
		}
	}
	if err != nil {
		return 0, errors.Join(err, t.m.closeSession(session))
	}
	t.session, t.digest, t.users, t.keys = session, digest, 1, map[string]known{}
	t.login++
	return t.login, nil
}

// compare compares a PIN with that of the login there is, beside the operations
// that are under way: one of them may hang.
func (t *token) compare(digest *[sha256.Size]byte) (login int, done bool, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.session == 0 {
		return 0, false, nil
	}
	login, err = t.compareLocked(digest)
	return login, true, err
}

func (t *token) compareLocked(digest *[sha256.Size]byte) (int, error) {
	if !hmac.Equal(digest[:], t.digest[:]) {
		return 0, rvPINIncorrect
	}
	t.pool.Lock()
	defer t.pool.Unlock()
	t.users++
	return t.login, nil
}

// leave ends what enter began.
func (t *token) leave(login int) {
	t.mu.RLock()
	last := false
	if t.login == login && t.session != 0 {
		t.pool.Lock()
		t.users--
		last = t.users == 0
		t.pool.Unlock()
	}
	t.mu.RUnlock()
	if !last {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login == login && t.users == 0 {
		t.end()
	}
}

// end logs out and closes all sessions. The caller holds the lock, so none is in
// use. Errors change nothing: either the module has lost them, or the next login
// says what is wrong.
func (t *token) end() {
	if t.session == 0 {
		return
	}
	for _, s := range t.idle {
		_ = t.m.closeSession(s)
	}
	_ = t.m.call(fnLogout, t.session)
	_ = t.m.closeSession(t.session)
	t.session, t.idle, t.keys, t.users = 0, nil, nil, 0
	t.digest = [sha256.Size]byte{}
	t.login++
}

// use runs an operation of a connection that is logged in.
func (t *token) use(login int, fn func() error) error {
	t.mu.RLock()
	if t.login != login || t.session == 0 {
		t.mu.RUnlock()
		return fail(frame.NotLoggedIn, "the login has ended")
	}
	err := fn()
	t.mu.RUnlock()
	if lost(err) {
		t.mu.Lock()
		if t.login == login {
			t.end()
		}
		t.mu.Unlock()
		return fail(frame.NotLoggedIn, "the module has lost the login: "+err.Error())
	}
	return err
}

// lost says whether an error means that the login is gone: a token was pulled or
// the connection to an HSM in the network was made anew.
func lost(err error) bool {
	var r rv
	if !errors.As(err, &r) {
		return false
	}
	switch r {
	case rvDeviceError, rvDeviceRemoved, rvSessionClosed, rvSessionHandleInvalid, rvTokenNotPresent, rvUserNotLoggedIn:
		return true
	}
	return false
}

// with runs fn in a session of the pool. After an error the session is closed:
// an operation may be left in it.
func (t *token) with(fn func(session ulong) error) error {
	t.slots <- struct{}{}
	defer func() { <-t.slots }()
	session, err := t.take()
	if err != nil {
		return err
	}
	if err := fn(session); err != nil {
		_ = t.m.closeSession(session)
		return err
	}
	t.pool.Lock()
	defer t.pool.Unlock()
	t.idle = append(t.idle, session)
	return nil
}

func (t *token) take() (ulong, error) {
	t.pool.Lock()
	if n := len(t.idle); n > 0 {
		session := t.idle[n-1]
		t.idle = t.idle[:n-1]
		t.pool.Unlock()
		return session, nil
	}
	t.pool.Unlock()
	return t.m.openSession(t.slot, true)
}
