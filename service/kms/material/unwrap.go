package material

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/binary"
)

// maxWrapped is the longest EncryptedKeyMaterial of the model.
const maxWrapped = 6144

var wrappings = map[string]struct {
	algorithm
	aes bool
}{
	"RSAES_OAEP_SHA_1":         {algorithm{hash: crypto.SHA1}, false},
	"RSAES_OAEP_SHA_256":       {algorithm{hash: crypto.SHA256}, false},
	"RSA_AES_KEY_WRAP_SHA_1":   {algorithm{hash: crypto.SHA1}, true},
	"RSA_AES_KEY_WRAP_SHA_256": {algorithm{hash: crypto.SHA256}, true},
}

// Unwrap opens material that was wrapped under an import wrapping key. With
// RSA_AES_KEY_WRAP_* the first part is an AES key under RSA-OAEP and the rest the
// material under AES key wrap with padding (PKCS#11, CKM_RSA_AES_KEY_WRAP).
// Whatever is wrong, it answers ErrWrapped, and takes the same steps to say so.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html#select-wrapping-algorithm
func Unwrap(key *rsa.PrivateKey, algorithm string, wrapped []byte) ([]byte, error) {
	w, ok := wrappings[algorithm]
	if !ok {
		return nil, ErrAlgorithm
	}
	if err := w.permitted(); err != nil {
		return nil, err
	}
	size := key.Size()
	if len(wrapped) > maxWrapped || len(wrapped) < size || !w.aes && len(wrapped) != size {
		return nil, ErrWrapped
	}
	inner, err := rsa.DecryptOAEP(w.hash.New(), nil, key, wrapped[:size], nil)
	if !w.aes {
		if err != nil {
			return nil, ErrWrapped
		}
		return inner, nil
	}
	defer clear(inner)
	opened := err == nil && (len(inner) == 16 || len(inner) == 24 || len(inner) == 32)
	if !opened { // go on with a key of nobody's, so that the clock does not tell which part was wrong
		inner = make([]byte, 32)
		rand.Read(inner)
	}
	block, err := aes.NewCipher(inner)
	if err != nil {
		return nil, ErrWrapped
	}
	material, err := unwrapAES(block, wrapped[size:])
	if err != nil || !opened {
		clear(material)
		return nil, ErrWrapped
	}
	return material, nil
}

// unwrapAES undoes AES key wrap with padding: RFC 5649, section 4.2. The checks
// are made all together and none earlier than the others.
func unwrapAES(block cipher.Block, wrapped []byte) ([]byte, error) {
	n := len(wrapped)/8 - 1
	if len(wrapped)%8 != 0 || n < 1 || len(wrapped) > maxWrapped {
		return nil, ErrWrapped
	}
	out := make([]byte, len(wrapped))
	copy(out, wrapped)
	if n == 1 {
		block.Decrypt(out, out)
	} else {
		unwrapBlocks(block, out, n)
	}

	// The alternative initial value, the length, and zeros behind the material.
	good := subtle.ConstantTimeEq(int32(binary.BigEndian.Uint32(out)^0xa65959a6), 0)
	length := binary.BigEndian.Uint32(out[4:8])
	pad := uint32(8*n) - length // 0 to 7, or far above
	good &= subtle.ConstantTimeEq(int32(pad>>3), 0)
	var rest byte
	for i := range 7 { // the last seven bytes: those within the padding must be 0
		within := subtle.ConstantTimeLessOrEq(i+1, int(pad&7))
		rest |= out[len(out)-1-i] & byte(-within)
	}
	good &= subtle.ConstantTimeByteEq(rest, 0)
	if good != 1 {
		clear(out)
		return nil, ErrWrapped
	}
	return out[8 : 8+length], nil
}

// unwrapBlocks is W^-1 (RFC 3394, section 2.2.2, by index), in place.
func unwrapBlocks(block cipher.Block, b []byte, n int) {
	var t [16]byte
	copy(t[:8], b[:8])
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			step := binary.BigEndian.Uint64(t[:8]) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(t[:8], step)
			copy(t[8:], b[8*i:8*i+8])
			block.Decrypt(t[:], t[:])
			copy(b[8*i:], t[8:])
		}
	}
	copy(b[:8], t[:8])
	clear(t[:])
}
