package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"sync"
	"sync/atomic"

	api "bartizan.dev/api/kms"
)

// # Format of a symmetric ciphertext, version 1
//
//	 1 byte   1, the version
//	 1 byte   kind: 0 for material kept here, 1 in an HSM, 2 at an XKS proxy;
//	          128 is added for a multi-Region key
//	 8 bytes  account, as a number
//	16 bytes  key id, a UUID; of mrk-… what follows
//	16 bytes  the beginning of the id of the material
//	16 bytes  salt
//	12 bytes  nonce
//	          the plaintext under AES-256-GCM, with its tag of 16 bytes
//
// For a key in an HSM or at an XKS proxy, what it returned follows the id of the
// material, which is zero. See hsmstore.go and xksstore.go.
//
// The key of the message is HMAC-SHA-256(material, label ‖ salt): one step of
// HKDF-Expand (RFC 5869), or of the KDF in counter mode with one block (NIST SP
// 800-108). So each message has a key of its own, and the 2^32 messages that a
// random nonce is good for are not the limit of a key. Associated data is what
// stands before the nonce, and the encryption context.
//
// The Region is not part of it: a key of one Region is not known in another, and
// what a multi-Region key encrypts is opened by its relatives.
//
// https://docs.aws.amazon.com/kms/latest/cryptographic-details/encrypt-operation.html
const (
	blobVersion = 1
	blobHeader  = 2 + 8 + 16 + 16
	saltSize    = 16
	blobMin     = blobHeader + saltSize + 12 + 16
	multiRegion = 128

	kindLocal = 0
	kindHSM   = 1
	kindXKS   = 2
)

// blob is the header of a ciphertext.
type blob struct {
	kind     byte
	multi    bool
	account  uint64
	id       [16]byte
	material [16]byte
}

func (b *blob) append(out []byte) []byte {
	kind := b.kind
	if b.multi {
		kind |= multiRegion
	}
	out = append(out, blobVersion, kind)
	out = binary.BigEndian.AppendUint64(out, b.account)
	out = append(out, b.id[:]...)
	return append(out, b.material[:]...)
}

// parseBlob reads the header of a ciphertext.
func parseBlob(c []byte) (b blob, ok bool) {
	if len(c) < blobHeader || c[0] != blobVersion || c[1]&^multiRegion > kindXKS {
		return b, false
	}
	b.kind, b.multi = c[1]&^multiRegion, c[1]&multiRegion != 0
	b.account = binary.BigEndian.Uint64(c[2:])
	copy(b.id[:], c[10:])
	copy(b.material[:], c[26:])
	return b, b.account < 1e12
}

// kind is where a key is kept, as its ciphertexts say.
func (k *key) kind() byte {
	switch k.Origin {
	case api.OriginType_AWS_CLOUDHSM:
		return kindHSM
	case api.OriginType_EXTERNAL_KEY_STORE:
		return kindXKS
	}
	return kindLocal
}

// keyID is the id of the key that encrypted.
func (b *blob) keyID() string {
	if b.multi {
		return multiPrefix + hex.EncodeToString(b.id[:])
	}
	return formatUUID(b.id)
}

func (b *blob) accountID() string {
	s := strconv.FormatUint(b.account, 10)
	return "000000000000"[len(s):] + s
}

// A cipherMaterial is symmetric material ready for use. Its HMAC is prepared
// once and restored for each message.
type cipherMaterial struct {
	id     string
	head   [blobHeader]byte
	secret []byte
	// The garbage collector empties pools, and would have most of many keys in use
	// prepare anew for each message: one is kept beside the pool.
	kept atomic.Pointer[derivation]
	pool sync.Pool // of *derivation
}

func (c *cipherMaterial) take() *derivation {
	if d := c.kept.Swap(nil); d != nil {
		return d
	}
	return c.pool.Get().(*derivation)
}

func (c *cipherMaterial) put(d *derivation) {
	if !c.kept.CompareAndSwap(nil, d) {
		c.pool.Put(d)
	}
}

// derivation is an HMAC under the material and what a message needs beside it.
type derivation struct {
	mac hash.Hash
	key [32]byte
	ad  []byte
}

const messageLabel = "bartizan kms message 1\x00"

func newCipherMaterial(k *key, m *keyMaterial, secret []byte) (*cipherMaterial, error) {
	head, err := headerOf(k, m.ID, kindLocal)
	if err != nil {
		return nil, err
	}
	c := &cipherMaterial{id: m.ID, head: head, secret: secret}
	c.pool.New = func() any { return &derivation{mac: hmac.New(sha256.New, c.secret)} }
	return c, nil
}

// mix derives a key for another purpose than messages of KMS.
func (c *cipherMaterial) mix(label string, salt []byte) []byte {
	mac := hmac.New(sha256.New, c.secret)
	mac.Write([]byte(label))
	mac.Write(salt)
	return mac.Sum(nil)
}

func (c *cipherMaterial) derive(salt []byte) (*derivation, cipher.AEAD, error) {
	d := c.take()
	d.mac.Reset()
	d.mac.Write([]byte(messageLabel))
	d.mac.Write(salt)
	d.mac.Sum(d.key[:0])
	block, err := aes.NewCipher(d.key[:])
	clear(d.key[:])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return d, aead, err
}

func (c *cipherMaterial) seal(plaintext []byte, ec *encryptionContext) ([]byte, error) {
	out := make([]byte, blobHeader+saltSize, blobMin+len(plaintext))
	copy(out, c.head[:])
	rand.Read(out[blobHeader:]) // never fails
	d, aead, err := c.derive(out[blobHeader:])
	if err != nil {
		return nil, err
	}
	d.ad = ec.appendTo(append(d.ad[:0], out...))
	out = aead.Seal(out, nil, plaintext, d.ad)
	c.put(d)
	return out, nil
}

// open opens what seal made. Whatever is wrong with it, the answer is the same.
func (c *cipherMaterial) open(blob []byte, ec *encryptionContext) ([]byte, error) {
	d, aead, err := c.derive(blob[blobHeader : blobHeader+saltSize])
	if err != nil {
		return nil, err
	}
	d.ad = ec.appendTo(append(d.ad[:0], blob[:blobHeader+saltSize]...))
	plaintext, err := aead.Open(nil, nil, blob[blobHeader+saltSize:], d.ad)
	c.put(d)
	if err != nil {
		return nil, badCiphertext()
	}
	return plaintext, nil
}

// headerOf is the beginning of what a material encrypts.
func headerOf(k *key, material string, kind byte) (head [blobHeader]byte, err error) {
	b := blob{kind: kind, multi: k.MultiRegion}
	if b.account, err = strconv.ParseUint(k.Account, 10, 64); err != nil {
		return head, err
	}
	if b.id, err = parseKeyID(k.ID); err != nil {
		return head, err
	}
	raw, err := hex.DecodeString(material)
	if err != nil || len(raw) < len(b.material) {
		return head, fmt.Errorf("kms: the id of a material of %s is damaged", k.ID)
	}
	copy(b.material[:], raw)
	b.append(head[:0])
	return head, nil
}

// materialID is the id of a material. It is made from the material itself, so
// that the same material imported again, or into a related key of another
// Region, has the same. It tells nothing of it: HKDF (RFC 5869) is one way, and
// no material has fewer than 224 bits of key.
func materialID(keyID string, secret []byte) (string, error) {
	id, err := hkdf.Key(sha256.New, secret, []byte(keyID), "bartizan kms material id 1", 32)
	return hex.EncodeToString(id), err
}
