package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	_ "crypto/sha1" // OAEP's default; its strength does not rest on collisions
	"fmt"
)

// Algorithms of XML Encryption. PKCS #1 v1.5 is not among them, nor is CBC
// without a signature around it: both would let an attacker who may ask again and
// again learn the content.
// https://www.w3.org/TR/xmlenc-core1/#sec-Alg
var (
	gcmMethods = map[string]int{ // length of the key
		encrypt11Space + "aes128-gcm": 16,
		encrypt11Space + "aes192-gcm": 24,
		encrypt11Space + "aes256-gcm": 32,
	}
	cbcMethods = map[string]int{
		encryptSpace + "aes128-cbc": 16,
		encryptSpace + "aes192-cbc": 24,
		encryptSpace + "aes256-cbc": 32,
	}
	oaepMethods = map[string]bool{ // whether MGF1's hash may be named
		encryptSpace + "rsa-oaep-mgf1p": false,
		encrypt11Space + "rsa-oaep":     true,
	}
)

// open opens an EncryptedAssertion. Whatever fails, the error is one: it must
// not tell an attacker how far it came.
func open(n *node, keys []*rsa.PrivateKey, signed bool) (*node, error) {
	plain, err := decrypt(n, keys, signed)
	if err != nil {
		return nil, fmt.Errorf("%w: the assertion cannot be opened", ErrEncryption)
	}
	root, err := parse(plain, false)
	if err != nil {
		return nil, fmt.Errorf("%w: the assertion cannot be opened", ErrEncryption)
	}
	return root, nil
}

func decrypt(n *node, keys []*rsa.PrivateKey, signed bool) ([]byte, error) {
	data, err := n.must(encryptSpace, "EncryptedData")
	if err != nil {
		return nil, err
	}
	method, err := data.must(encryptSpace, "EncryptionMethod")
	if err != nil {
		return nil, err
	}
	text, err := cipherValue(data)
	if err != nil {
		return nil, err
	}
	wrapped, err := encryptedKey(n, data)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		key, err := unwrap(wrapped, k)
		if err != nil {
			continue
		}
		if plain, err := decipher(method.attr("Algorithm"), key, text, signed); err == nil {
			return plain, nil
		}
	}
	return nil, ErrEncryption
}

// encryptedKey is the one key, beside the data or in its KeyInfo.
func encryptedKey(n, data *node) (*node, error) {
	list := n.all(encryptSpace, "EncryptedKey")
	info, err := data.one(signatureSpace, "KeyInfo")
	if err != nil {
		return nil, err
	}
	if info != nil {
		list = append(list, info.all(encryptSpace, "EncryptedKey")...)
	}
	if len(list) != 1 {
		return nil, ErrEncryption
	}
	return list[0], nil
}

func cipherValue(n *node) ([]byte, error) {
	data, err := n.must(encryptSpace, "CipherData")
	if err != nil {
		return nil, err
	}
	value, err := data.must(encryptSpace, "CipherValue")
	if err != nil {
		return nil, err
	}
	return binary(value)
}

// unwrap opens the content key with RSA-OAEP.
func unwrap(n *node, key *rsa.PrivateKey) ([]byte, error) {
	method, err := n.must(encryptSpace, "EncryptionMethod")
	if err != nil {
		return nil, err
	}
	named, ok := oaepMethods[method.attr("Algorithm")]
	if !ok {
		return nil, ErrEncryption
	}
	label, err := hashOf(method, signatureSpace, "DigestMethod")
	if err != nil {
		return nil, err
	}
	mask := crypto.SHA1
	if named {
		if mask, err = hashOf(method, encrypt11Space, "MGF"); err != nil {
			return nil, err
		}
	}
	wrapped, err := cipherValue(n)
	if err != nil {
		return nil, err
	}
	return key.Decrypt(nil, wrapped, &rsa.OAEPOptions{Hash: label, MGFHash: mask})
}

// hashOf is the hash that a child of an EncryptionMethod names; SHA-1 where
// there is none.
func hashOf(method *node, space, name string) (crypto.Hash, error) {
	n, err := method.one(space, name)
	if err != nil {
		return 0, err
	}
	if n == nil {
		return crypto.SHA1, nil
	}
	h, ok := map[string]crypto.Hash{
		signatureSpace + "sha1":                         crypto.SHA1,
		encryptSpace + "sha256":                         crypto.SHA256,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
		encryptSpace + "sha512":                         crypto.SHA512,
		encrypt11Space + "mgf1sha1":                     crypto.SHA1,
		encrypt11Space + "mgf1sha256":                   crypto.SHA256,
		encrypt11Space + "mgf1sha384":                   crypto.SHA384,
		encrypt11Space + "mgf1sha512":                   crypto.SHA512,
	}[n.attr("Algorithm")]
	if !ok {
		return 0, ErrEncryption
	}
	return h, nil
}

// decipher opens the content: the nonce comes first.
func decipher(method string, key, text []byte, signed bool) ([]byte, error) {
	if n, ok := gcmMethods[method]; ok && len(key) == n {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		gcm, err := cipher.NewGCM(block)
		if err != nil || len(text) < gcm.NonceSize() {
			return nil, ErrEncryption
		}
		return gcm.Open(nil, text[:gcm.NonceSize()], text[gcm.NonceSize():], nil)
	}
	n, ok := cbcMethods[method]
	if !ok || len(key) != n || !signed || len(text) < 2*aes.BlockSize || len(text)%aes.BlockSize != 0 {
		return nil, ErrEncryption
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(text)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, text[:aes.BlockSize]).CryptBlocks(plain, text[aes.BlockSize:])
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, ErrEncryption
	}
	return plain[:len(plain)-pad], nil
}
