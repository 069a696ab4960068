package rolesanywhere

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// trust is a trust anchor with all that decides whether a certificate may pass.
type trust struct {
	anchor  anchor
	roots   *x509.CertPool
	revoked []revocations
}

// revocations are what an enabled CRL says.
type revocations struct {
	list    *x509.RevocationList
	serials map[string]bool
}

// loadTrust makes the trust of an anchor's record; nil if there is none.
func (s *Service) loadTrust(ctx context.Context, r store.Reader, id string) (*trust, error) {
	a, err := s.anchors.Get(ctx, r, id)
	if err != nil {
		return nil, err
	}
	certs, err := authorities(a.Bundle)
	if err != nil {
		return nil, err
	}
	t := &trust{anchor: *a, roots: x509.NewCertPool()}
	for _, c := range certs {
		t.roots.AddCert(c)
	}
	ids, err := s.crls.By(ctx, r, "anchor", id, "", 0)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, err := s.crls.Get(ctx, r, id)
		if err != nil {
			return nil, err
		}
		if !c.Enabled {
			continue
		}
		list, err := parseList(c.Data)
		if err != nil {
			return nil, err
		}
		rev := revocations{list, map[string]bool{}}
		for _, e := range list.RevokedCertificateEntries {
			rev.serials[e.SerialNumber.String()] = true
		}
		t.revoked = append(t.revoked, rev)
	}
	return t, nil
}

// Sizes of keys of RSA, in bits. More than that is work for whoever verifies.
const minRSA, maxRSA = 2048, 8192

// strong reports whether a certificate is signed with SHA-256 or better and has
// a key that is worth it.
func strong(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
	default:
		return false
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSA && key.N.BitLen() <= maxRSA
	case *ecdsa.PublicKey:
		return key.Curve != elliptic.P224()
	}
	return false
}

// accept decides whether the first certificate of the list may have a session
// at time now; the rest may help to build its chain.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html#signature-verification
func (t *trust) accept(list []*x509.Certificate, now time.Time) error {
	leaf := list[0]
	switch {
	case leaf.Version != 3,
		leaf.BasicConstraintsValid && leaf.IsCA,
		leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0,
		!strong(leaf):
		return denied("Untrusted certificate. Insufficient certificate")
	case len(leaf.Subject.Names) == 0: // "Certificates with empty subjects are NOT yet supported"
		return denied("Untrusted certificate. The certificate has no subject")
	}
	between := x509.NewCertPool()
	for _, c := range list[1:] {
		if strong(c) {
			between.AddCert(c)
		}
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now,
		// As PKIX has it: a certificate that says what it is for must be for clients.
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return denied("Untrusted signing certificate").With(err)
	}
	outcome := denied("Untrusted signing certificate")
	for _, chain := range chains {
		if outcome = t.passes(chain); outcome == nil {
			return nil
		}
	}
	return outcome
}

// passes looks for revocation, which x509 does not look for. The last of the
// chain, the anchor's own, is trusted by decision.
func (t *trust) passes(chain []*x509.Certificate) *wire.Error {
	for i, c := range chain[:len(chain)-1] {
		for _, r := range t.revoked {
			if !bytes.Equal(r.list.RawIssuer, c.RawIssuer) {
				continue
			}
			// A list in the issuer's name that the issuer did not sign: whether the
			// certificate was revoked cannot be known.
			if r.list.CheckSignatureFrom(chain[i+1]) != nil {
				return denied("The revocation status of the certificate cannot be determined: the CRL is not the issuer's")
			}
			if r.serials[c.SerialNumber.String()] {
				return denied("Certificate revoked")
			}
		}
	}
	return nil
}
