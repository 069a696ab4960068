package sigv4

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"
)

// The algorithms of requests that are signed with the key of an X.509
// certificate, as IAM Roles Anywhere's CreateSession is. AWS4-X509-MLDSA is
// refused by name.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
const (
	AlgorithmRSA   = "AWS4-X509-RSA-SHA256"
	AlgorithmECDSA = "AWS4-X509-ECDSA-SHA256"
)

const (
	headerX509  = "X-Amz-X509"
	headerChain = "X-Amz-X509-Chain"

	maxCertificate = 16 << 10 // bytes of a certificate in base64
	// MaxChain is how many certificates X-Amz-X509-Chain may hold.
	// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication.html
	MaxChain = 5
	// Keys of RSA have 2,048 to 8,192 bits: below is weak, above is work for
	// whoever verifies.
	minRSA, maxRSA = 2048, 8192
)

func certified(algorithm string) bool {
	return algorithm == AlgorithmRSA || algorithm == AlgorithmECDSA
}

// Certified reports whether the request was signed with the key of a
// certificate, so that VerifyCertificate must be used in place of Verify.
func (c *Claim) Certified() bool { return certified(c.algorithm) }

// Certificates returns the certificate that signed the request, and behind it
// those that were sent along, in the order of X-Amz-X509-Chain. Nothing about
// them has been verified.
func Certificates(h http.Header) ([]*x509.Certificate, error) {
	if len(h[headerX509]) != 1 || len(h[headerChain]) > 1 {
		return nil, &Error{Reason: Incomplete, Detail: "The request must have one '" + headerX509 + "' header and at most one '" + headerChain + "'."}
	}
	texts := h[headerX509]
	if chain := only(h[headerChain]); chain != "" {
		if strings.Count(chain, ",") >= MaxChain {
			return nil, &Error{Reason: Incomplete, Detail: "'" + headerChain + "' holds more than 5 certificates."}
		}
		texts = append(texts[:1:1], strings.Split(chain, ",")...)
	}
	list := make([]*x509.Certificate, len(texts))
	for i, text := range texts {
		bad := &Error{Reason: Incomplete, Detail: "A certificate of the request is not base64-encoded DER."}
		if text = strings.TrimSpace(text); len(text) > maxCertificate {
			return nil, bad
		}
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, bad
		}
		if list[i], err = x509.ParseCertificate(der); err != nil {
			return nil, bad
		}
	}
	return list, nil
}

// VerifyCertificate decides whether the holder of leaf's key signed this
// request with this body. Whether leaf is to be trusted is another question.
func (c *Claim) VerifyCertificate(leaf *x509.Certificate, body []byte) error {
	if c.step != checked {
		return &Error{Reason: Misuse, Detail: "VerifyCertificate before Check"}
	}
	if !c.Certified() || c.Presigned || c.rules.S3 {
		return &Error{Reason: Misuse, Detail: "VerifyCertificate of a request that no certificate signed"}
	}
	mismatch := &Error{Reason: SignatureMismatch}
	signature, err := hex.DecodeString(c.signature)
	if err != nil || len(signature) > maxRSA/8 || leaf.SerialNumber.String() != c.AccessKey {
		return mismatch
	}
	sum := sha256.Sum256(body)
	ok := c.canonical(hex.AppendEncode(nil, sum[:]))
	c.toSign = appendToSignX509(c.toSign[:0], c.algorithm, c.stamp, &c.Scope, c.canon.buf)
	digest := sha256.Sum256(c.toSign)
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		ok = ok && c.algorithm == AlgorithmRSA && key.N.BitLen() >= minRSA && key.N.BitLen() <= maxRSA &&
			rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		ok = ok && c.algorithm == AlgorithmECDSA && key.Curve != elliptic.P224() && ecdsa.VerifyASN1(key, digest[:], signature)
	default:
		ok = false
	}
	if !ok {
		return mismatch
	}
	c.step = verified
	return nil
}

func appendToSignX509(dst []byte, algorithm, stamp string, scope *Scope, canonical []byte) []byte {
	dst = appendSignHead(dst, algorithm, stamp, scope)
	sum := sha256.Sum256(canonical)
	return hex.AppendEncode(dst, sum[:])
}

// SignCertificate signs r with the key of chain[0]; the rest of chain is sent
// along. It sets X-Amz-Date, X-Amz-X509, X-Amz-X509-Chain and Authorization.
// payload is HashPayload of the body.
func SignCertificate(r *http.Request, key crypto.Signer, chain []*x509.Certificate, region, service, payload string, at time.Time) error {
	if len(chain) == 0 || len(chain) > 1+MaxChain {
		return errors.New("sigv4: a certificate is wanted, and at most 5 to go with it")
	}
	var algorithm string
	switch key.Public().(type) {
	case *rsa.PublicKey:
		algorithm = AlgorithmRSA
	case *ecdsa.PublicKey:
		algorithm = AlgorithmECDSA
	default:
		return errors.New("sigv4: only keys of RSA and ECDSA can sign")
	}
	if !bytes.Equal(spki(key.Public()), spki(chain[0].PublicKey)) {
		return errors.New("sigv4: the key is not the certificate's")
	}
	stamp := at.UTC().Format(stampLayout)
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set(headerX509, base64.StdEncoding.EncodeToString(chain[0].Raw))
	var others []string
	for _, cert := range chain[1:] {
		others = append(others, base64.StdEncoding.EncodeToString(cert.Raw))
	}
	if others != nil {
		r.Header.Set(headerChain, strings.Join(others, ","))
	}
	s := signer{creds: Credentials{AccessKey: chain[0].SerialNumber.String()}, scope: Scope{stamp[:8], region, service}, rules: RulesFor(service, region)}
	s.signedHeaders = signable(r)
	if err := s.canon.parseQuery(r.URL.RawQuery); err != nil {
		return err
	}
	if !s.canon.build(r, &s.rules, s.signedHeaders) {
		return errors.New("sigv4: the request cannot be signed: no host, or a path that does not decode")
	}
	digest := sha256.Sum256(appendToSignX509(nil, algorithm, stamp, &s.scope, append(s.canon.buf, payload...)))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", algorithm+" Credential="+s.credential()+
		", SignedHeaders="+s.signedHeaders+", Signature="+hex.EncodeToString(signature))
	return nil
}

// spki is the encoded form of a public key, nil if it has none.
func spki(key any) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil
	}
	return der
}
