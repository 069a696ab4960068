package material

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"testing"
)

func blockOf(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return block
}

// wrapAES is the wrapping side: RFC 5649, section 4.1.
func wrapAES(block cipher.Block, plain []byte) []byte {
	n := (len(plain) + 7) / 8
	b := make([]byte, 8*n+8)
	binary.BigEndian.PutUint32(b, 0xa65959a6)
	binary.BigEndian.PutUint32(b[4:], uint32(len(plain)))
	copy(b[8:], plain)
	return wrapRaw(block, b)
}

// wrapRaw wraps an initial value and padded blocks as they are.
func wrapRaw(block cipher.Block, b []byte) []byte {
	n := len(b)/8 - 1
	b = bytes.Clone(b)
	if n == 1 {
		block.Encrypt(b, b)
		return b
	}
	var t [16]byte
	copy(t[:8], b)
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(t[8:], b[8*i:])
			block.Encrypt(t[:], t[:])
			binary.BigEndian.PutUint64(t[:], binary.BigEndian.Uint64(t[:])^uint64(n*j+i))
			copy(b[8*i:], t[8:])
		}
	}
	copy(b, t[:8])
	return b
}

func oaep(t testing.TB, algorithm string, plain []byte) []byte {
	t.Helper()
	return must[[]byte](t)(rsa.EncryptOAEP(wrappings[algorithm].hash.New(), rand.Reader, &wrapper().PublicKey, plain, nil))
}

func TestUnwrap(t *testing.T) {
	kek := bytes.Repeat([]byte{5}, 32)
	for algorithm, w := range wrappings {
		for _, n := range []int{1, 8, 17, 32, 190, 2400} {
			plain := make([]byte, n)
			rand.Read(plain)
			var wrapped []byte
			switch {
			case w.aes:
				wrapped = append(oaep(t, algorithm, kek), wrapAES(blockOf(kek), plain)...)
			case n > 190:
				continue
			default:
				wrapped = oaep(t, algorithm, plain)
			}
			got, err := Unwrap(wrapper(), algorithm, wrapped)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s: %d bytes: %v", algorithm, n, err)
			}
			flips(wrapped, func(flipped []byte, at int) {
				if _, err := Unwrap(wrapper(), algorithm, flipped); !errors.Is(err, ErrWrapped) {
					t.Errorf("%s: byte %d flipped: %v", algorithm, at, err)
				}
			})
			for _, bad := range [][]byte{nil, wrapped[:255], wrapped[:len(wrapped)-1], wrapped[:len(wrapped)-8], append(bytes.Clone(wrapped), 0), append(bytes.Clone(wrapped), make([]byte, 8)...), make([]byte, 7000)} {
				if _, err := Unwrap(wrapper(), algorithm, bad); !errors.Is(err, ErrWrapped) {
					t.Errorf("%s: %d bytes instead of %d: %v", algorithm, len(bad), len(wrapped), err)
				}
			}
			for other := range wrappings { // each algorithm opens its own only
				if _, err := Unwrap(wrapper(), other, wrapped); other != algorithm && !errors.Is(err, ErrWrapped) {
					t.Errorf("%s opens what %s wrapped: %v", other, algorithm, err)
				}
			}
		}
	}
	for _, algorithm := range []string{"RSAES_PKCS1_V1_5", "SM2PKE", ""} {
		if _, err := Unwrap(wrapper(), algorithm, make([]byte, 256)); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%q: %v", algorithm, err)
		}
	}
}

// An initial value, a length or a padding that a right wrapping would not have.
func TestUnwrapPadding(t *testing.T) {
	block := blockOf(bytes.Repeat([]byte{5}, 16))
	for _, n := range []int{1, 2, 3} {
		for length := range 8*n + 20 {
			b := make([]byte, 8*n+8)
			binary.BigEndian.PutUint32(b, 0xa65959a6)
			binary.BigEndian.PutUint32(b[4:], uint32(length))
			got, err := unwrapAES(block, wrapRaw(block, b))
			if ok := length > 8*(n-1) && length <= 8*n; ok != (err == nil) || ok && len(got) != length {
				t.Errorf("%d blocks, length %d: %v", n, length, err)
			}
			for i := 8; i < len(b); i++ { // one byte that is not zero
				b[i] = 1
				got, err := unwrapAES(block, wrapRaw(block, b))
				if ok := length > 8*(n-1) && length <= 8*n && i < 8+length; ok != (err == nil) || ok && len(got) != length {
					t.Errorf("%d blocks, length %d, byte %d: %v", n, length, i-8, err)
				}
				b[i] = 0
			}
		}
		for _, length := range []uint32{1 << 31, 1<<32 - 1, 1<<32 - 8, 1 << 24} {
			b := make([]byte, 8*n+8)
			binary.BigEndian.PutUint32(b, 0xa65959a6)
			binary.BigEndian.PutUint32(b[4:], length)
			if _, err := unwrapAES(block, wrapRaw(block, b)); !errors.Is(err, ErrWrapped) {
				t.Errorf("length %d: %v", length, err)
			}
		}
		b := make([]byte, 8*n+8) // RFC 3394's initial value, not RFC 5649's
		for i := range 8 {
			b[i] = 0xa6
		}
		if _, err := unwrapAES(block, wrapRaw(block, b)); !errors.Is(err, ErrWrapped) {
			t.Error("key wrap without padding is taken")
		}
	}
	for _, n := range []int{0, 1, 8, 15, 17, 24 + 4} {
		if _, err := unwrapAES(block, make([]byte, n)); !errors.Is(err, ErrWrapped) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	// An AES key of a length that is none.
	for _, n := range []int{0, 8, 31, 33, 64} {
		wrapped := append(oaep(t, "RSA_AES_KEY_WRAP_SHA_256", make([]byte, n)), make([]byte, 40)...)
		if _, err := Unwrap(wrapper(), "RSA_AES_KEY_WRAP_SHA_256", wrapped); !errors.Is(err, ErrWrapped) {
			t.Errorf("an AES key of %d bytes: %v", n, err)
		}
	}
}
