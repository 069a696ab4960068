package metadata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A session token of the instance metadata service is its end, some random bytes
// and a MAC over both. None is stored, so however many are asked for costs
// nothing, and one is good until it ends.
const (
	tokenRandom = 16
	tokenBody   = 8 + tokenRandom
	tokenSize   = tokenBody + sha256.Size
)

// issue makes a token that ends after ttl.
func (p *Plane) issue(ttl time.Duration) string {
	b := make([]byte, tokenBody, tokenSize)
	binary.BigEndian.PutUint64(b, uint64(p.now().Add(ttl).UnixNano()))
	rand.Read(b[8:]) // never fails: see crypto/rand
	return base64.URLEncoding.EncodeToString(p.mac(b))
}

// mac appends the MAC of b to it.
func (p *Plane) mac(b []byte) []byte {
	h := hmac.New(sha256.New, p.key[:])
	h.Write(b) // a hash never fails
	return h.Sum(b)
}

// left is how long a token is still good; 0 for one that is not.
func (p *Plane) left(token string) time.Duration {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenSize || !hmac.Equal(p.mac(b[:tokenBody:tokenBody])[tokenBody:], b[tokenBody:]) {
		return 0
	}
	end := time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	return max(0, end.Sub(p.now()))
}
