package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Revoked is an entry of a list.
type Revoked struct {
	Serial *big.Int
	At     time.Time
	Reason int // RFC 5280 5.3.1
}

// List signs a revocation list (RFC 5280 5). Numbers only grow.
func (a *Authority) List(number *big.Int, at time.Time, lasts time.Duration, all []Revoked) ([]byte, error) {
	t := &x509.RevocationList{Number: number, ThisUpdate: at.UTC().Truncate(time.Second), NextUpdate: at.Add(lasts).UTC().Truncate(time.Second)}
	for _, r := range all {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.At.UTC().Truncate(time.Second), ReasonCode: r.Reason})
	}
	return x509.CreateRevocationList(rand.Reader, t, a.Certificate, a.Signer)
}

// MaxOCSP bounds a request: an id is some hundred bytes.
const MaxOCSP = 10 << 10

// ErrOCSP is a request that is none, or asks another authority.
var ErrOCSP = errors.New("not an OCSP request to this authority")

// Malformed is the answer to what is no request to this authority.
var Malformed = ocsp.MalformedRequestErrorResponse

// Asked reads an OCSP request and returns the serial number that it is about.
// Requests about several, or about certificates of others, are refused.
func (a *Authority) Asked(request []byte) (*big.Int, error) {
	if len(request) > MaxOCSP {
		return nil, ErrOCSP
	}
	r, err := ocsp.ParseRequest(request)
	if err != nil || !r.HashAlgorithm.Available() {
		return nil, ErrOCSP
	}
	own, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: r.SerialNumber}, a.Certificate, &ocsp.RequestOptions{Hash: r.HashAlgorithm})
	if err != nil {
		return nil, ErrOCSP
	}
	if same, err := ocsp.ParseRequest(own); err != nil || string(same.IssuerKeyHash) != string(r.IssuerKeyHash) || string(same.IssuerNameHash) != string(r.IssuerNameHash) {
		return nil, ErrOCSP
	}
	return r.SerialNumber, nil
}

// Answer signs what is known of a serial number: good, revoked when r is given,
// or unknown.
func (a *Authority) Answer(serial *big.Int, known bool, r *Revoked, at time.Time, lasts time.Duration) ([]byte, error) {
	t := ocsp.Response{Status: ocsp.Good, SerialNumber: serial, ThisUpdate: at.UTC().Truncate(time.Minute), NextUpdate: at.Add(lasts).UTC().Truncate(time.Minute), IssuerHash: crypto.SHA1}
	switch {
	case r != nil:
		t.Status, t.RevokedAt, t.RevocationReason = ocsp.Revoked, r.At.UTC().Truncate(time.Second), r.Reason
	case !known:
		t.Status = ocsp.Unknown
	}
	return ocsp.CreateResponse(a.Certificate, a.Certificate, t, a.Signer)
}
