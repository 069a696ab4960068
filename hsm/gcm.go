package main

import (
	"crypto/rand"
	"errors"
	"runtime"
	"unsafe"

	"bartizan.dev/keys/pkcs11/frame"
)

const (
	nonceSize = 12
	tagSize   = 16
)

// gcmParams is CK_GCM_PARAMS (section 2.11.3 of the mechanisms of PKCS#11 2.40
// with its errata, which added the length of the IV in bits).
type gcmParams struct {
	iv              uintptr
	ivLen, ivBits   ulong
	associated      uintptr
	associatedLen   ulong
	tagBits         ulong
	nonce           [nonceSize]byte // what iv points to
	mechanism       mechanism
	pin             runtime.Pinner
	associatedBytes *bytesArg
}

func newGCM(associated []byte) *gcmParams {
	p := &gcmParams{ivLen: nonceSize, ivBits: nonceSize * 8, tagBits: tagSize * 8, associatedLen: ulong(len(associated))}
	p.pin.Pin(p)
	p.associatedBytes = pinned(associated)
	p.iv = uintptr(unsafe.Pointer(&p.nonce))
	p.associated = p.associatedBytes.addr
	p.mechanism = mechanism{mechAESGCM, uintptr(unsafe.Pointer(p)), unsafe.Offsetof(p.nonce)}
	return p
}

func (p *gcmParams) release() {
	p.associatedBytes.release()
	p.pin.Unpin()
}

// seal encrypts plaintext as keys.Vault says.
func (m *module) seal(session, key ulong, plaintext, associated []byte) ([]byte, error) {
	p := newGCM(associated)
	defer p.release()
	rand.Read(p.nonce[:]) // never fails
	err := m.call(fnEncryptInit, session, uintptr(unsafe.Pointer(&p.mechanism)), key)
	if errors.Is(err, rvMechanismParam) {
		// Modules that choose the nonce themselves, as FIPS 140 wants it, take only
		// zeros here and write theirs in their place.
		p.nonce = [nonceSize]byte{}
		err = m.call(fnEncryptInit, session, uintptr(unsafe.Pointer(&p.mechanism)), key)
	}
	if err != nil {
		return nil, err
	}
	in := pinned(plaintext)
	defer in.release()
	out := make([]byte, 1+nonceSize+len(plaintext)+tagSize)
	n := new(ulong)
	*n = ulong(len(plaintext) + tagSize)
	if err := m.call(fnEncrypt, session, in.addr, ulong(len(plaintext)), uintptr(unsafe.Pointer(&out[1+nonceSize])), uintptr(unsafe.Pointer(n))); err != nil {
		return nil, err
	}
	if *n != ulong(len(plaintext)+tagSize) || p.nonce == [nonceSize]byte{} {
		return nil, errors.New("the module's AES-GCM gives no tag of 16 bytes or no nonce")
	}
	out[0] = 1
	copy(out[1:], p.nonce[:])
	return out, nil
}

// open decrypts what seal made.
func (m *module) open(session, key ulong, sealed, associated []byte) ([]byte, error) {
	p := newGCM(associated)
	defer p.release()
	copy(p.nonce[:], sealed[1:])
	if err := m.call(fnDecryptInit, session, uintptr(unsafe.Pointer(&p.mechanism)), key); err != nil {
		return nil, err
	}
	in := pinned(sealed[1+nonceSize:])
	defer in.release()
	// Room for all that comes in: SoftHSM asks for it.
	out, n := make([]byte, len(in.buf)), new(ulong)
	*n = ulong(len(out))
	err := m.call(fnDecrypt, session, in.addr, ulong(len(in.buf)), uintptr(unsafe.Pointer(&out[0])), uintptr(unsafe.Pointer(n)))
	if err != nil {
		clear(out)
		return nil, err
	}
	if *n != ulong(len(in.buf)-tagSize) {
		clear(out)
		return nil, errors.New("the module's AES-GCM gives a plaintext of another length")
	}
	return out[:*n], nil
}

// refusal tells what a failed C_Decrypt means. Modules answer different values
// for a wrong tag, and the vaguest of them also when they are broken: then the
// key must still work on something else.
func (t *token) refusal(err error, key ulong) error {
	unseal := fail(frame.Unseal, "")
	switch {
	case errors.Is(err, rvEncryptedDataInvalid), errors.Is(err, rvEncryptedDataLen), errors.Is(err, rvSignatureInvalid):
		return unseal
	case errors.Is(err, rvGeneralError), errors.Is(err, rvFunctionFailed), errors.Is(err, rvArgumentsBad):
		works := t.with(func(session ulong) error {
			sealed, err := t.m.seal(session, key, []byte("is it the module"), nil)
			if err == nil {
				_, err = t.m.open(session, key, sealed, nil)
			}
			return err
		})
		if works == nil {
			return unseal
		}
	}
	return err
}
