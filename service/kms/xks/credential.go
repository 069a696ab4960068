package xks

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"

	"bartizan.dev/wire"
)

// Credential is what KMS signs with at a proxy. It has nothing to do with IAM.
type Credential struct {
	AccessKeyID string // 20 to 30 of A-Z and 2-7
	Secret      string // RawSecretAccessKey: 43 to 64 of a-z A-Z 0-9 / + =
}

// NewCredential makes one: an id of 120 random bits that says nothing about
// the secret, and a secret of 256, as Appendix A asks.
func NewCredential() Credential {
	var id [15]byte
	var secret [32]byte
	rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	rand.Read(secret[:])
	return Credential{
		AccessKeyID: base32.StdEncoding.EncodeToString(id[:]),
		Secret:      base64.RawStdEncoding.EncodeToString(secret[:]),
	}
}

// Valid reports whether both parts have the form KMS demands.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_XksProxyAuthenticationCredentialType.html
func (c Credential) Valid() bool {
	return validAccessKeyID(c.AccessKeyID) && len(c.Secret) >= 43 && len(c.Secret) <= 64 && only(c.Secret, "/+=")
}

func validAccessKeyID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return len(s) >= 20 && len(s) <= 30
}

// Configuration is the file that the AWS console takes when an external key
// store is made. It holds the secret.
// https://docs.aws.amazon.com/kms/latest/developerguide/create-xks-keystore.html#proxy-configuration-file
func (c Credential) Configuration(uriPath string) ([]byte, error) {
	if !c.Valid() || !ValidPath(uriPath) {
		return nil, errors.New("xks: a credential or a path that KMS would refuse")
	}
	b := wire.AppendJSONString([]byte("{\n    \"XksProxyUriPath\": "), uriPath)
	b = append(b, ",\n    \"XksProxyAuthenticationCredential\": {\n        \"AccessKeyId\": "...)
	b = wire.AppendJSONString(b, c.AccessKeyID)
	b = append(b, ",\n        \"RawSecretAccessKey\": "...)
	b = wire.AppendJSONString(b, c.Secret)
	return append(b, "\n    }\n}\n"...), nil
}
