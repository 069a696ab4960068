package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

// seal makes an EncryptedAssertion of an assertion.
func seal(t *testing.T, plain, method, wrap string, label, mask crypto.Hash, key *rsa.PublicKey, beside bool) string {
	t.Helper()
	content := make([]byte, 32)
	if strings.Contains(method, "128") {
		content = content[:16]
	}
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(content)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	if strings.HasSuffix(method, "gcm") {
		gcm, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			t.Fatal(err)
		}
		text = gcm.Seal(nil, nil, []byte(plain), nil)
	} else {
		text = make([]byte, aes.BlockSize)
		pad := aes.BlockSize - len(plain)%aes.BlockSize
		padded := append([]byte(plain), make([]byte, pad)...)
		padded[len(padded)-1] = byte(pad)
		sealed := make([]byte, len(padded))
		cipher.NewCBCEncrypter(block, text).CryptBlocks(sealed, padded)
		text = append(text, sealed...)
	}
	wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, key, content, &rsa.OAEPOptions{Hash: label, MGFHash: mask})
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString
	hashes := ""
	if label == crypto.SHA256 {
		hashes = `<ds:DigestMethod xmlns:ds="` + signatureSpace + `" Algorithm="` + encryptSpace + `sha256"></ds:DigestMethod>`
	}
	if mask == crypto.SHA256 {
		hashes += `<e11:MGF xmlns:e11="` + encrypt11Space + `" Algorithm="` + encrypt11Space + `mgf1sha256"></e11:MGF>`
	}
	encryptedKey := `<xenc:EncryptedKey xmlns:xenc="` + encryptSpace + `"><xenc:EncryptionMethod Algorithm="` + wrap + `">` + hashes +
		`</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>` + b64(wrapped) + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>`
	info := ""
	if !beside {
		info, encryptedKey = `<ds:KeyInfo xmlns:ds="`+signatureSpace+`">`+encryptedKey+`</ds:KeyInfo>`, ""
	}
	return `<saml:EncryptedAssertion xmlns:saml="` + assertionSpace + `"><xenc:EncryptedData xmlns:xenc="` + encryptSpace + `"><xenc:EncryptionMethod Algorithm="` + method +
		`"></xenc:EncryptionMethod>` + info + `<xenc:CipherData><xenc:CipherValue>` + b64(text) + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>` + encryptedKey + `</saml:EncryptedAssertion>`
}

func TestEncrypted(t *testing.T) {
	p := newParts()
	signed := good().SignedAssertion(p)
	plain := strings.Replace(p.Assertion(), mark, "", 1)
	const mgf1p = encryptSpace + "rsa-oaep-mgf1p"
	gcm, cbc := encrypt11Space+"aes256-gcm", encryptSpace+"aes128-cbc"
	key := &opens().PublicKey
	in := func(holder string, response bool) string {
		if response {
			return good().Sign(exclusiveOf(t, p.Response(holder)), newHow(p.ResponseID))
		}
		return strings.Replace(p.Response(holder), mark, "", 1)
	}
	for name, tc := range map[string]struct {
		doc string
		ok  bool
	}{
		"GCM, the assertion signed":   {in(seal(t, signed, gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false), true},
		"GCM, the key beside it":      {in(seal(t, signed, gcm, mgf1p, crypto.SHA256, crypto.SHA1, key, true), false), true},
		"GCM, OAEP by SHA-256":        {in(seal(t, signed, encrypt11Space+"aes128-gcm", encrypt11Space+"rsa-oaep", crypto.SHA256, crypto.SHA256, key, false), false), true},
		"GCM, the response signed":    {in(seal(t, plain, gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), true), true},
		"CBC, the response signed":    {in(seal(t, plain, cbc, mgf1p, crypto.SHA1, crypto.SHA1, key, false), true), true},
		"CBC, only the inside signed": {in(seal(t, signed, cbc, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false), false},
		"nothing signed":              {in(seal(t, plain, gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false), false},
		"for another key":             {in(seal(t, signed, gcm, mgf1p, crypto.SHA1, crypto.SHA1, &good().Key.(*rsa.PrivateKey).PublicKey, false), false), false},
		"a whole response inside":     {in(seal(t, good().Respond(p, false, true), gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false), false},
		"PKCS #1 v1.5":                {in(seal(t, signed, gcm, encryptSpace+"rsa-1_5", crypto.SHA1, crypto.SHA1, key, false), false), false},
		"a comment inside":            {in(seal(t, "<!-- -->"+signed, gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false), false},
		"not encrypted":               {good().Respond(p, true, true), false},
		"an ID that stands outside":   {strings.Replace(in(seal(t, signed, gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false), "<saml:EncryptedAssertion", `<saml:EncryptedAssertion ID="_assertion"`, 1), false},
	} {
		e := expect(t, good())
		e.Keys, e.RequireEncryption = []*rsa.PrivateKey{good().Key.(*rsa.PrivateKey), opens()}, true
		if name == "for another key" {
			e.Keys = e.Keys[1:]
		}
		a, err := Verify(encoded(tc.doc), e)
		if (err == nil) != tc.ok || tc.ok && a.Subject != "ann" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	e := expect(t, good())
	if _, err := Verify(encoded(in(seal(t, signed, gcm, mgf1p, crypto.SHA1, crypto.SHA1, key, false), false)), e); !errors.Is(err, ErrEncryption) {
		t.Errorf("without a key: %v", err)
	}
}

// exclusiveOf makes a text canonical where the tests do not write it so: the
// mark stays.
func exclusiveOf(t *testing.T, text string) string {
	t.Helper()
	n, err := parse([]byte(strings.Replace(text, mark, "MARK", 1)), false)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(form{}.canonical(n, nil)), "MARK", mark, 1)
}
