package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"sync/atomic"
)

// Keys remembers derived signing keys, so that the common request costs one
// HMAC instead of five. It never grows and never locks: a table of slots, each
// one atomic pointer, four slots to a row. An entry is found only by the
// SHA-256 of everything it was derived from, the secret included, so a changed
// secret cannot meet an old key. The secret itself is not kept. A nil *Keys
// remembers nothing.
type Keys struct{ rows []row }

type row [4]atomic.Pointer[derived]

type derived struct{ id, key [32]byte }

// NewKeys returns a table for at least n signing keys. One key serves one
// access key for one service in one region for one day. An entry takes about
// 70 bytes.
func NewKeys(n int) *Keys {
	rows := 1
	for rows*len(row{}) < n {
		rows *= 2
	}
	return &Keys{rows: make([]row, rows)}
}

// signing returns the key that signs in this scope.
func (k *Keys) signing(secret string, scope *Scope) [32]byte {
	if k == nil {
		return derive(secret, scope)
	}
	var stack [512]byte
	b := binary.BigEndian.AppendUint64(stack[:0], uint64(len(secret)))
	b = append(append(b, secret...), scope.Date...)
	b = append(append(b, '/'), scope.Region...)
	b = append(append(b, '/'), scope.Service...)
	id := sha256.Sum256(b)

	r := &k.rows[binary.LittleEndian.Uint64(id[:])&uint64(len(k.rows)-1)]
	for i := range r {
		if d := r[i].Load(); d != nil && d.id == id {
			return d.key
		}
	}
	d := &derived{id: id, key: derive(secret, scope)}
	for i := range r {
		if r[i].CompareAndSwap(nil, d) {
			return d.key
		}
	}
	r[id[31]%4].Store(d)
	return d.key
}

// derive is the chain of HMACs from secret to signing key.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#derive-signing-key
func derive(secret string, scope *Scope) [32]byte {
	var first [128]byte
	var stack [maxScope]byte
	k := mac(append(append(first[:0], "AWS4"...), secret...), append(stack[:0], scope.Date...))
	k = mac(k[:], append(stack[:0], scope.Region...))
	k = mac(k[:], append(stack[:0], scope.Service...))
	return mac(k[:], append(stack[:0], terminator...))
}

const (
	blockSize  = sha256.BlockSize
	maxOnStack = 512
)

// mac is HMAC-SHA256 (RFC 2104). crypto/hmac puts four objects on the heap
// for each; this puts none there, which is worth having once per request. It
// is held against crypto/hmac by a test and a fuzz target.
func mac(key, msg []byte) [32]byte {
	var short [32]byte
	if len(key) > blockSize {
		short = sha256.Sum256(key)
		key = short[:]
	}
	var inner [blockSize + maxOnStack]byte
	var outer [blockSize + sha256.Size]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range blockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	sum := sha256.Sum256(append(inner[:blockSize], msg...))
	copy(outer[blockSize:], sum[:])
	return sha256.Sum256(outer[:])
}

// sameSignature compares a computed signature with a given one, in hex, in
// time that does not depend on where they differ.
func sameSignature(want *[64]byte, got string) bool {
	var b [64]byte
	copy(b[:], got)
	return subtle.ConstantTimeCompare(want[:], b[:]) == 1 && len(got) == len(b)
}
