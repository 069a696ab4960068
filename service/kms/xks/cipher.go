package xks

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
)

// Ciphertext is what Encrypt answers and Decrypt takes. KMS keeps all four
// parts in its own ciphertext blob.
type Ciphertext struct {
	Data     []byte // as long as the plaintext
	IV       []byte // 12 or 16 bytes
	Tag      []byte // 16 bytes
	Metadata []byte // of the key manager, at most 20 bytes, bound by the tag; may be empty
}

func (c *Ciphertext) valid() bool {
	return len(c.Data) > 0 && validIV(c.IV) && len(c.Tag) == TagSize && len(c.Metadata) <= MaxMetadata
}

func validIV(iv []byte) bool { return len(iv) == IVSize || len(iv) == 16 }

// CDIV is the Ciphertext Data Integrity Value of Appendix C: a SHA-256 that
// lets KMS see a flipped bit before it throws a data key away. It has no
// lengths in it, and needs none: it is no defence against an enemy.
func (c *Ciphertext) CDIV(aad []byte) [sha256.Size]byte {
	b := make([]byte, 0, len(aad)+len(c.Metadata)+len(c.IV)+len(c.Data)+len(c.Tag))
	b = append(append(append(b, aad...), c.Metadata...), c.IV...)
	return sha256.Sum256(append(append(b, c.Data...), c.Tag...))
}

// AppendBinary appends c in a form that ParseCiphertext reads: metadata and IV
// with a byte of length each, the tag, the data.
func (c *Ciphertext) AppendBinary(b []byte) ([]byte, error) {
	if !c.valid() {
		return nil, errors.New("xks: not a ciphertext of an external key")
	}
	b = append(append(b, byte(len(c.Metadata))), c.Metadata...)
	b = append(append(b, byte(len(c.IV))), c.IV...)
	return append(append(b, c.Tag...), c.Data...), nil
}

// ParseCiphertext reads what AppendBinary wrote. The parts lie in b.
func ParseCiphertext(b []byte) (*Ciphertext, error) {
	bad := errors.New("xks: not a ciphertext of an external key")
	take := func(n int) []byte {
		if n > len(b) {
			return nil
		}
		part := b[:n:n]
		b = b[n:]
		return part
	}
	sized := func() []byte {
		n := take(1)
		if n == nil {
			return nil
		}
		return take(int(n[0]))
	}
	c := &Ciphertext{}
	if c.Metadata = sized(); c.Metadata == nil {
		return nil, bad
	}
	c.IV = sized()
	c.Tag = take(TagSize)
	c.Data = b
	if !c.valid() {
		return nil, bad
	}
	return c, nil
}

// KeySize is the length of an external key: AES-256 is the only kind.
const KeySize = 32

// Seal encrypts as the specification has it: AES-256-GCM with a random IV of 12
// bytes, bound to aad and to metadata. One key is good for 2^32 messages (NIST
// SP 800-38D, 8.3); the API leaves no room for a key of its own per message.
func Seal(key, plaintext, aad, metadata []byte) (*Ciphertext, error) {
	if len(plaintext) == 0 || len(aad) > MaxAAD || len(metadata) > MaxMetadata {
		return nil, errors.New("xks: nothing to seal, or AAD or metadata that are too long")
	}
	// The module makes the IV, which FIPS 140-3 demands.
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	out := gcm.Seal(nil, nil, plaintext, bind(aad, metadata)) // IV, data, tag
	end := len(out) - TagSize
	return &Ciphertext{
		IV: out[:IVSize:IVSize], Data: out[IVSize:end:end], Tag: out[end:], Metadata: slices.Clone(metadata),
	}, nil
}

// Open decrypts what Seal, or another key manager with the same key, sealed.
// The error is a *Fault: InvalidCiphertextException if anything was changed.
func Open(key []byte, c *Ciphertext, aad []byte) ([]byte, error) {
	if !c.valid() || len(aad) > MaxAAD {
		return nil, errCiphertext
	}
	ad := bind(aad, c.Metadata)
	var plaintext []byte
	switch len(c.IV) {
	case IVSize:
		gcm, err := newGCM(key)
		if err != nil {
			return nil, err
		}
		plaintext, err = gcm.Open(nil, nil, slices.Concat(c.IV, c.Data, c.Tag), ad)
		if err != nil {
			return nil, errCiphertext
		}
	default: // 16 bytes; never ours, but of a key that came from elsewhere
		gcm, err := newWideGCM(key)
		if err != nil {
			return nil, err
		}
		plaintext, err = gcm.Open(nil, c.IV, slices.Concat(c.Data, c.Tag), ad)
		if err != nil {
			return nil, errCiphertext
		}
	}
	return plaintext, nil
}

var errCiphertext = &Fault{Name: InvalidCiphertextException,
	Message: "The ciphertext, initialization vector, additional authenticated data or authentication tag is corrupted, missing, or otherwise invalid."}

// bind is the AAD that the key manager sees. The lengths keep metadata from
// being passed off as AAD.
func bind(aad, metadata []byte) []byte {
	b := make([]byte, 0, 3+len(aad)+len(metadata))
	b = binary.BigEndian.AppendUint16(b, uint16(len(aad)))
	b = append(append(b, aad...), byte(len(metadata)))
	return append(b, metadata...)
}

func newBlock(key []byte) (cipher.Block, error) {
	if len(key) != KeySize {
		return nil, errors.New("xks: an external key has 32 bytes")
	}
	return aes.NewCipher(key)
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := newBlock(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// newWideGCM takes 16-byte IVs. GODEBUG=fips140=only refuses it.
func newWideGCM(key []byte) (cipher.AEAD, error) {
	block, err := newBlock(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, 16)
	if err != nil {
		return nil, &Fault{Name: UnsupportedOperationException,
			Message: "Initialization vectors of 16 bytes are not supported here.", Cause: err}
	}
	return gcm, nil
}
