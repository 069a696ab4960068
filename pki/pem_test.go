package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"
)

// weakKey is an RSA key of 1,024 bits that was made for these tests.
const weakKey = `-----BEGIN RSA PRIVATE KEY-----
MIICXAIBAAKBgQDf2C6yoQjY9grIPXuZBn9+3aj0MmX1kHer/DQsuxV1VKfZ7Wy3
D+UxmyXIbJS2s/ZT7ClUTWbw5QVofH+Jn/GPgxBTJOheAtAhtwMevyOmPO3EZsFF
7cwvZnfaNC1/3kZmkDkBU0jd5LX1c1KEOTnmKeRv3zkzc060M5uxg3THowIDAQAB
AoGAFQeNU5DXcPKkjq1gCD9ZCQUwE0kM1SYuaAT4rd8ho/VBE7M/jG883A00XoD8
87Eyii3csCPZcPZDLM7NeJODMQhg+inbWFALQNlfML0jrioboDecKFEi6BZjz8+y
pPGkfd7wMVhUj1V3wNDI1BMFmG7Tyk5FN9IPO3ks19HpsmECQQD3jVS+odmmQ4ca
6WpoYdkWU/TBXZRavOQO+mG5w56KfWQC4/5eL83YfV5LEfy5J2x9x/FAhYL/TDg9
uEvS54hxAkEA53u8i7d6svfBtZYlFir7ml1XmTudZYWTjTbHSknBN3O18j2sk6Qy
7l0q/RuySn2wFMwTbXNySA8PdvoZccm7UwJAecaljI1z0u1fFecC+ExCDVDJkyGk
rCpFifSzhD1tzTS3sRBU/iJIAZpSe11i0/ZH0Ww9Cn9jHJFzDTGO4zYQkQJABRGN
iFWlJyQLpsk52KlqRvACSgWnJaDuISpw5KyGwYsUEdDN5ZGz18pMdaxUlBL6dwoc
5smfV/qUcRt60SYEpwJBAOqvLpG4lbSGqFqpGCGIzUJ/61mTihOiye3K4el3KPZb
KiICySPsjk/bnVs9Skw3FksXRp4NL5jh9RSqWjjlV5I=
-----END RSA PRIVATE KEY-----`

func TestParse(t *testing.T) {
	root, sub := newAuthority(t, P256)
	both := Encode(sub.Certificate, root.Certificate)
	one := Encode(sub.Certificate)
	if chain, err := ParseChain(both); err != nil || len(chain) != 2 {
		t.Error(err)
	}
	if c, err := ParseCertificate(append([]byte("\r\n"), one...)); err != nil || !Matches(c, sub.Signer) || Matches(c, root.Signer) {
		t.Error(err)
	}
	if CheckChain(sub.Certificate, []*x509.Certificate{root.Certificate}) != nil || !errors.Is(CheckChain(root.Certificate, []*x509.Certificate{sub.Certificate}), ErrNoChain) {
		t.Error("chain")
	}
	der, err := x509.MarshalPKCS8PrivateKey(sub.Signer)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if k, err := ParseKey(key); err != nil || !Matches(sub.Certificate, k) {
		t.Error(err)
	}
	locked := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: der})
	for text, want := range map[string]error{
		"": ErrPEM, "x" + string(one): ErrPEM, string(one) + "x": ErrPEM, string(key): ErrPEM, string(both): ErrMany,
		string(bytes.Repeat(one, 17)): ErrMany, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})): ErrBroken,
	} {
		if _, err := ParseCertificate([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", text, err, want)
		}
	}
	for _, text := range []string{"", string(one), string(locked), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParseKey([]byte(text)); !errors.Is(err, ErrKeyPEM) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	root, sub := newAuthority(f, P256)
	f.Add(Encode(sub.Certificate, root.Certificate))
	f.Add([]byte(weakKey))
	f.Fuzz(func(t *testing.T, b []byte) {
		chain, err := ParseChain(b)
		if (err == nil) != (len(chain) > 0) {
			t.Error(len(chain), err)
		}
		if k, err := ParseKey(b); err == nil && k.Public() == nil {
			t.Error("no key")
		}
	})
}
