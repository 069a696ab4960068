package main

import (
	"crypto/rand"
	"errors"
	"unsafe"

	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11/frame"
)

var errNoKey = fail(frame.NoKey, "no key with this label")

// ours is the template of a key that create could have made: one that somebody
// brought from outside, or that can be taken out, is none of the vault's.
func ours(label string) *template {
	return labelled(label).number(attrKeyType, keyTypeAES).is(attrSensitive, true).is(attrExtractable, false)
}

// lookup finds the key of a label.
func (t *token) lookup(session ulong, label string) (ulong, error) {
	if !keys.ValidLabel(label) {
		return 0, errNoKey
	}
	template := ours(label)
	defer template.release()
	found, err := t.find(session, template)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, errNoKey
	case len(found) > 1:
		return 0, errors.New("two keys in the token have this label")
	}
	return found[0], nil
}

// known is the handle of a key, and when it was last seen to be the key's.
type known struct {
	handle ulong
	seen   uint64
}

// key returns the key of a label, from the handles that are known. A module may
// give a handle to another object once the first is destroyed, by another program
// for instance. It hands out handles in searches and with new objects only, so
// after one of these (t.handed) a handle is believed again once the object still
// bears its label: that costs as much as encrypting does.
func (t *token) key(session ulong, label string) (ulong, error) {
	now := t.handed.Load()
	t.pool.Lock()
	k, ok := t.keys[label]
	t.pool.Unlock()
	if ok && k.seen == now {
		return k.handle, nil
	}
	if ok {
		got, err := t.m.bytesOf(session, k.handle, attrLabel)
		ok = err == nil && string(got) == label
	}
	var err error
	if !ok {
		k.handle, err = t.lookup(session, label)
		now = t.handed.Load()
	}
	t.pool.Lock()
	defer t.pool.Unlock()
	if err != nil {
		delete(t.keys, label)
		return 0, err
	}
	t.keys[label] = known{k.handle, now}
	return k.handle, nil
}

// find searches for objects, and notes that handles may have been handed out.
func (t *token) find(session ulong, template *template) ([]ulong, error) {
	t.handed.Add(1)
	defer t.handed.Add(1)
	return t.m.find(session, template)
}

// create makes a key. PKCS#11 lets several objects have one label, so create
// looks before and after: who finds another beside his own takes his back. Two
// that do that at once may both fail, and never both succeed.
func (t *token) create(label string) error {
	if !keys.ValidLabel(label) {
		return fail(frame.BadLabel, "")
	}
	t.makes.Lock()
	defer t.makes.Unlock()
	return t.with(func(session ulong) error {
		any := labelled(label)
		defer any.release()
		found, err := t.find(session, any)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fail(frame.KeyExists, "")
		}
		made, err := t.generate(session, label)
		if err != nil {
			return err
		}
		err = t.proper(session, made)
		if err == nil {
			if found, err = t.find(session, any); err == nil && len(found) > 1 {
				err = fail(frame.KeyExists, "")
			}
		}
		if err != nil {
			return errors.Join(err, t.m.call(fnDestroyObject, session, made))
		}
		return nil
	})
}

func (t *token) generate(session ulong, label string) (ulong, error) {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	template := labelled(label).number(attrKeyType, keyTypeAES).number(attrValueLen, 32).bytes(attrID, id).
		is(attrPrivate, true).is(attrSensitive, true).is(attrExtractable, false).
		is(attrEncrypt, true).is(attrDecrypt, true).is(attrWrap, false).is(attrUnwrap, false)
	defer template.release()
	made := new(ulong)
	defer t.handed.Add(1)
	err := t.m.call(fnGenerateKey, session, uintptr(unsafe.Pointer(&mechanism{kind: mechAESKeyGen})),
		uintptr(unsafe.Pointer(&template.list[0])), ulong(len(template.list)), uintptr(unsafe.Pointer(made)))
	return *made, err
}

// proper checks that a new key can never leave the token: some modules take an
// attribute and do not keep to it.
func (t *token) proper(session, key ulong) error {
	for _, kind := range []ulong{attrSensitive, attrAlwaysSens, attrNeverOut} {
		yes, err := t.m.isSet(session, key, kind)
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("the module made a key that could leave it")
		}
	}
	out, err := t.m.isSet(session, key, attrExtractable)
	if err == nil && out {
		err = errors.New("the module made a key that can be extracted")
	}
	return err
}

func (t *token) destroy(label string) error {
	return t.with(func(session ulong) error {
		key, err := t.lookup(session, label)
		if err != nil {
			return err
		}
		t.pool.Lock()
		delete(t.keys, label)
		t.pool.Unlock()
		return t.m.call(fnDestroyObject, session, key)
	})
}

func (t *token) has(label string) (has bool, err error) {
	err = t.with(func(session ulong) error {
		_, err := t.lookup(session, label)
		has = err == nil
		if errors.Is(err, errNoKey) {
			return nil
		}
		return err
	})
	return has, err
}

func (t *token) seal(label string, plaintext, associated []byte) (sealed []byte, err error) {
	if len(plaintext) > keys.MaxPlaintext || len(associated) > keys.MaxAssociated {
		return nil, fail(frame.TooLarge, "")
	}
	err = t.with(func(session ulong) error {
		key, err := t.key(session, label)
		if err == nil {
			sealed, err = t.m.seal(session, key, plaintext, associated)
		}
		return err
	})
	return sealed, err
}

func (t *token) open(label string, sealed, associated []byte) (plaintext []byte, err error) {
	var key ulong
	found := false
	err = t.with(func(session ulong) error {
		key, err = t.key(session, label)
		if err != nil {
			return err
		}
		if len(sealed) < keys.SealOverhead || len(sealed) > keys.MaxPlaintext+keys.SealOverhead || len(associated) > keys.MaxAssociated || sealed[0] != 1 {
			return fail(frame.Unseal, "")
		}
		found = true
		plaintext, err = t.m.open(session, key, sealed, associated)
		return err
	})
	if err != nil && found {
		err = t.refusal(err, key)
	}
	return plaintext, err
}
