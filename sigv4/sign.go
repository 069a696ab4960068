package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials sign requests. Token is empty for long-term keys.
type Credentials struct{ AccessKey, Secret, Token string }

// HashPayload returns the SHA-256 of body in hex, as Sign and Presign want it.
func HashPayload(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Sign signs r in its headers: it sets X-Amz-Date, X-Amz-Security-Token if
// there is a token, X-Amz-Content-Sha256 for S3, and Authorization. All headers
// are signed but those that proxies change. payload is HashPayload of the body
// or, for S3, UnsignedPayload or one of the streaming names. Headers added
// afterwards are not signed.
func Sign(r *http.Request, creds Credentials, region, service, payload string, at time.Time) error {
	rules := RulesFor(service, region)
	stamp := at.UTC().Format(stampLayout)
	r.Header.Set("X-Amz-Date", stamp)
	if creds.Token != "" {
		r.Header.Set("X-Amz-Security-Token", creds.Token)
	}
	if rules.S3 {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	s := signer{creds: creds, scope: Scope{stamp[:8], region, service}, stamp: stamp, rules: rules}
	signature, err := s.sign(r, r.URL.RawQuery, payload)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", Algorithm+" Credential="+s.credential()+
		", SignedHeaders="+s.signedHeaders+", Signature="+signature)
	return nil
}

// Presign signs r in its query and returns the URL, good from at for expires,
// 1 second to MaxExpires. The headers r has are signed, and must be sent as
// they are.
func Presign(r *http.Request, creds Credentials, region, service, payload string, at time.Time, expires time.Duration) (string, error) {
	if expires < time.Second || expires > MaxExpires {
		return "", errors.New("sigv4: a presigned URL lives 1 second to 7 days, not " + expires.String())
	}
	stamp := at.UTC().Format(stampLayout)
	s := signer{creds: creds, scope: Scope{stamp[:8], region, service}, stamp: stamp, rules: RulesFor(service, region)}
	s.signedHeaders = signable(r)
	return s.presign(r, payload, expires)
}

type signer struct {
	creds         Credentials
	scope         Scope
	stamp         string
	rules         Rules
	signedHeaders string
	canon         canon
	toSign        []byte
}

func (s *signer) presign(r *http.Request, payload string, expires time.Duration) (string, error) {
	q := r.URL.RawQuery
	add := func(name, value string) {
		if q != "" {
			q += "&"
		}
		q += name + "=" + string(appendEncoded(nil, value))
	}
	add("X-Amz-Algorithm", Algorithm)
	add("X-Amz-Credential", s.credential())
	add("X-Amz-Date", s.stamp)
	add("X-Amz-Expires", strconv.Itoa(int(expires/time.Second)))
	if s.creds.Token != "" {
		add("X-Amz-Security-Token", s.creds.Token)
	}
	if s.rules.S3 && payload != UnsignedPayload {
		add("X-Amz-Content-Sha256", payload)
	}
	add("X-Amz-SignedHeaders", s.signedHeaders)
	signature, err := s.sign(r, q, payload)
	if err != nil {
		return "", err
	}
	add("X-Amz-Signature", signature)
	u := *r.URL
	u.RawQuery = q
	return u.String(), nil
}

func (s *signer) credential() string {
	return s.creds.AccessKey + "/" + s.scope.Date + "/" + s.scope.Region + "/" + s.scope.Service + "/" + terminator
}

func (s *signer) sign(r *http.Request, query, payload string) (string, error) {
	if s.signedHeaders == "" {
		s.signedHeaders = signable(r)
	}
	if err := s.canon.parseQuery(query); err != nil {
		return "", err
	}
	if !s.canon.build(r, &s.rules, s.signedHeaders) {
		return "", errors.New("sigv4: the request cannot be signed: no host, or a path that does not decode")
	}
	s.canon.buf = append(s.canon.buf, payload...)
	s.toSign = appendToSign(nil, s.stamp, &s.scope, s.canon.buf)
	key := derive(s.creds.Secret, &s.scope)
	sum := mac(key[:], s.toSign)
	return hex.EncodeToString(sum[:]), nil
}

// signable lists the headers of r that a signature covers: all but those that
// proxies and clients add or change on the way.
func signable(r *http.Request) string {
	names := []string{"host"}
	for key := range r.Header {
		switch name := strings.ToLower(key); name {
		case "authorization", "connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding",
			"upgrade", "user-agent", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-proto":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ";")
}
