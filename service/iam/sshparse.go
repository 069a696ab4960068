package iam

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"

	"bartizan.dev/wire"
)

// Types of PEM blocks with a public key, and AWS's bounds: "The public key must
// be encoded in ssh-rsa format or PEM format. The minimum bit-length of the
// public key is 2048 bits."
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html
const (
	pemPublic    = "PUBLIC KEY"
	pemPublicRSA = "RSA PUBLIC KEY"
	minRSABits   = 2048
	maxRSABits   = 16384 // as in OpenSSH; work grows with the square of it
)

func unknownEncoding() error {
	return wire.Errorf("UnrecognizedPublicKeyEncoding", "The public key encoding format is unsupported or unrecognized.")
}

func invalidPublicKey() error {
	return wire.Errorf("InvalidPublicKey", "The public key is malformed or otherwise invalid.")
}

// parseSSHKey reads a public key of RSA: one line "ssh-rsa base64 comment"
// (RFC 4253, section 6.6) or one block of PEM. The model bounds the text to
// 16,384 characters.
func parseSSHKey(text string) (key ssh.PublicKey, isPEM bool, err error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-----BEGIN ") {
		key, err = parsePEMKey(text)
		return key, true, err
	}
	fields := strings.Fields(text) // the third and further are a comment
	if len(fields) < 2 || fields[0] != ssh.KeyAlgoRSA || strings.ContainsAny(text, "\r\n") {
		return nil, false, unknownEncoding()
	}
	raw, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return nil, false, invalidPublicKey()
	}
	key, err = ssh.ParsePublicKey(raw)
	if err != nil || !goodSSHKey(key) {
		return nil, false, invalidPublicKey()
	}
	return key, false, nil
}

func parsePEMKey(text string) (ssh.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(rest) > 0 || len(block.Headers) > 0 {
		return nil, invalidPublicKey()
	}
	var public any
	var err error
	switch block.Type {
	case pemPublic:
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case pemPublicRSA:
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, unknownEncoding()
	}
	if err != nil {
		return nil, invalidPublicKey()
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil || !goodSSHKey(key) {
		return nil, invalidPublicKey()
	}
	return key, nil
}

// goodSSHKey reports whether a key is one of RSA that AWS takes.
func goodSSHKey(key ssh.PublicKey) bool {
	public, ok := key.(ssh.CryptoPublicKey)
	if !ok || key.Type() != ssh.KeyAlgoRSA {
		return false
	}
	k, ok := public.CryptoPublicKey().(*rsa.PublicKey)
	return ok && k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
}
