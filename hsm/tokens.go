package main

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"unsafe"

	"bartizan.dev/keys/pkcs11/frame"
)

// hsm is the module with all its tokens.
type hsm struct {
	m      *module
	mu     sync.Mutex // of tokens, and one officer at a time
	tokens map[string]*token
}

const (
	flagUserPIN       = 0x8      // CKF_USER_PIN_INITIALIZED
	flagInitialized   = 0x400    // CKF_TOKEN_INITIALIZED
	flagUserLocked    = 0x40000  // CKF_USER_PIN_LOCKED
	flagOfficerLocked = 0x400000 // CKF_SO_PIN_LOCKED
	maxTokenLabel     = 32
)

// place is a token and where it is.
type place struct {
	frame.Token
	slot ulong
}

// list reads the tokens of all slots. It runs at each login: slots change their
// numbers, serial numbers do not.
func (h *hsm) list() ([]place, error) {
	slots, err := h.m.slots()
	if err != nil {
		return nil, err
	}
	var out []place
	for _, slot := range slots {
		info, err := h.m.tokenInfo(slot)
		if errors.Is(err, rvTokenNotPresent) {
			continue // gone since the list was made
		}
		if err != nil {
			return nil, err
		}
		p := place{slot: slot}
		p.Serial, p.Label, p.Model = text(info.serial[:]), text(info.label[:]), text(info.model[:])
		for bit, flag := range map[ulong]frame.Flags{
			flagInitialized: frame.Initialized, flagUserPIN: frame.UserPIN,
			flagUserLocked: frame.UserLocked, flagOfficerLocked: frame.OfficerLocked,
		} {
			if info.flags&bit != 0 {
				p.Flags |= flag
			}
		}
		if out = append(out, p); len(out) == frame.MaxTokens {
			break
		}
	}
	return out, nil
}

// text is a string of the module, which fills up with blanks or zeros.
func text(b []byte) string {
	return strings.ToValidUTF8(string(bytes.TrimRight(b, " \x00")), "?")
}

// find returns the token that a serial number names or, as the only one, a
// label.
func (h *hsm) find(name string) (*place, error) {
	places, err := h.list()
	if err != nil {
		return nil, err
	}
	var found *place
	for i := range places {
		p := &places[i]
		if p.Flags&frame.Initialized == 0 || name == "" {
			continue
		}
		if p.Serial == name {
			return p, nil
		}
		if p.Label == name {
			if found != nil {
				return nil, errors.New("several tokens have this label: name one by its serial number")
			}
			found = p
		}
	}
	if found == nil {
		return nil, fail(frame.NoToken, "no token has this serial number or label")
	}
	return found, nil
}

// token returns the state of a token.
func (h *hsm) token(name string) (*token, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.find(name)
	if err != nil {
		return nil, err
	}
	return h.state(p), nil
}

func (h *hsm) state(p *place) *token {
	t := h.tokens[p.Serial]
	if t == nil || t.slot != p.slot {
		t = newToken(h.m, p.slot, p.Serial)
		h.tokens[p.Serial] = t
	}
	return t
}

// initToken initialises a free slot's token, or erases the one that is named,
// and returns its serial number.
func (h *hsm) initToken(name, label string, officer []byte) (string, error) {
	if label == "" || len(label) > maxTokenLabel || strings.TrimSpace(label) != label {
		return "", fail(frame.BadLabel, "a token's label has 1 to 32 bytes")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	places, err := h.list()
	if err != nil {
		return "", err
	}
	var slot ulong
	var erase *place
	free := false
	for i, p := range places {
		initialized := p.Flags&frame.Initialized != 0
		switch {
		case name != "" && p.Serial == name && initialized:
			erase = &places[i]
		case initialized && p.Label == label:
			return "", fail(frame.KeyExists, "a token has this label")
		case !initialized && !free:
			slot, free = p.slot, true
		}
	}
	switch {
	case name != "" && erase == nil:
		return "", fail(frame.NoToken, "no token has this serial number")
	case erase != nil:
		slot = erase.slot
		t := h.state(erase)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.end() // C_InitToken wants no session to be open
		delete(h.tokens, erase.Serial)
	case !free:
		return "", fail(frame.NoSlot, "no slot has a token that is not initialised")
	}
	pin := pinned(officer)
	defer pin.release()
	padded := []byte(label + strings.Repeat(" ", maxTokenLabel-len(label)))
	err = h.m.call(fnInitToken, slot, pin.addr, ulong(len(officer)), uintptr(unsafe.Pointer(&padded[0])))
	if err != nil {
		return "", err
	}
	info, err := h.m.tokenInfo(slot)
	if err != nil {
		return "", err
	}
	return text(info.serial[:]), nil
}

// setPIN sets the PIN of a token's user, as its security officer. Who is logged
// in as the user must do so again.
func (h *hsm) setPIN(name string, officer, pin []byte) (err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.find(name)
	if err != nil {
		return err
	}
	t := h.state(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end()
	session, err := h.m.openSession(p.slot, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.m.closeSession(session)) }()
	if err := h.m.login(session, roleOfficer, officer); err != nil {
		return err
	}
	arg := pinned(pin)
	defer arg.release()
	err = h.m.call(fnInitPIN, session, arg.addr, ulong(len(pin)))
	return errors.Join(err, h.m.call(fnLogout, session))
}
