package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RFC 5280 4.2.1.2: an identifier, not a promise
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"slices"
	"time"
)

// A Request is what is asked of an authority.
type Request struct {
	Profile *Profile
	Public  crypto.PublicKey
	Subject pkix.Name

	DNSNames []string
	IPs      []net.IP
	Emails   []string
	URIs     []*url.URL

	// Constraints are name constraints of an intermediate.
	Constraints Constraints

	NotBefore time.Time
	Lasts     time.Duration // 0 is what the profile says
}

// Constraints are RFC 5280 4.2.1.10's for DNS names and addresses.
type Constraints struct {
	PermittedDNS, ExcludedDNS []string
	PermittedIP, ExcludedIP   []*net.IPNet
}

func (c *Constraints) empty() bool {
	return len(c.PermittedDNS)+len(c.ExcludedDNS)+len(c.PermittedIP)+len(c.ExcludedIP) == 0
}

// An Authority issues. Its Signer may be a key that is somewhere else.
type Authority struct {
	Certificate *x509.Certificate // nil while it has none: only its own root can be issued
	Signer      crypto.Signer

	// Where others find its list, its answers and its certificate; empty for
	// nowhere.
	CRL, OCSP, Issuer string
}

var (
	errValidity = errors.New("the certificate would outlast its issuer")
	errLasts    = errors.New("the profile does not allow a certificate to last so long")
	errAnother  = errors.New("what would be signed is not what was linted")
	errUsed     = errors.New("a linted certificate is issued once")
)

// template makes the certificate that a request asks for, all but its signature.
func (a *Authority) template(r *Request) (*x509.Certificate, error) {
	p := r.Profile
	lasts := r.Lasts
	if lasts == 0 {
		lasts = p.Lasts(r.NotBefore)
	}
	if lasts <= 0 || lasts > p.Most(r.NotBefore) {
		return nil, errLasts
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: r.Subject,
		NotBefore: r.NotBefore.UTC().Truncate(time.Second),
		KeyUsage:  p.usage, ExtKeyUsage: p.extended,
		BasicConstraintsValid: true, IsCA: p.authority, MaxPathLen: p.path, MaxPathLenZero: p.path == 0,
		DNSNames: r.DNSNames, IPAddresses: r.IPs, EmailAddresses: r.Emails, URIs: r.URIs,
	}
	// Validity counts both ends (RFC 5280 4.1.2.5).
	t.NotAfter = t.NotBefore.Add(lasts - time.Second)
	if t.SignatureAlgorithm, err = signatureOf(a.Signer.Public()); err != nil {
		return nil, err
	}
	if !p.public { // CA/Browser Forum 7.1.2.7.6 would rather have none
		if t.SubjectKeyId, err = keyID(r.Public); err != nil {
			return nil, err
		}
	}
	if _, ok := r.Public.(*rsa.PublicKey); ok && !p.authority && p.serves() {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment // of TLS 1.2's RSA key exchange
	}
	if c := &r.Constraints; !c.empty() {
		t.PermittedDNSDomainsCritical = true
		t.PermittedDNSDomains, t.ExcludedDNSDomains = c.PermittedDNS, c.ExcludedDNS
		t.PermittedIPRanges, t.ExcludedIPRanges = c.PermittedIP, c.ExcludedIP
	}
	if p.public {
		t.Policies = []x509.OID{domainValidated}
	}
	if slices.Contains(p.extended, x509.ExtKeyUsageOCSPSigning) {
		t.ExtraExtensions = []pkix.Extension{{Id: noCheck, Value: asn1.NullBytes}}
	}
	if a.Certificate == nil { // its own root
		t.AuthorityKeyId = t.SubjectKeyId
		return t, nil
	}
	if t.NotAfter.After(a.Certificate.NotAfter) {
		return nil, errValidity
	}
	for to, from := range map[*[]string]string{&t.CRLDistributionPoints: a.CRL, &t.OCSPServer: a.OCSP, &t.IssuingCertificateURL: a.Issuer} {
		if from != "" {
			*to = []string{from}
		}
	}
	return t, nil
}

var (
	domainValidated, _ = x509.OIDFromInts([]uint64{2, 23, 140, 1, 2, 1}) // CA/Browser Forum 7.1.6.1
	noCheck            = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
)

// newSerial makes 16 bytes, of which 126 bits are random (CA/Browser Forum 7.1
// wants 64).
func newSerial() (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x7f | 0x40 // positive, and always as long
	return new(big.Int).SetBytes(b), nil
}

// keyID is method 1 of RFC 5280 4.2.1.2, which every verifier makes alike.
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha1.Sum(info.Key.RightAlign()) //nolint:gosec // as above
	return sum[:], nil
}

// A Linted is a certificate that passed its lints and waits for its signature.
// Only Lint makes one, and it is good for one signature of its authority.
type Linted struct {
	by       *Authority
	template *x509.Certificate
	parent   *x509.Certificate
	public   crypto.PublicKey
	tbs      []byte
}

// Issue signs what was linted and returns the certificate.
func (a *Authority) Issue(l *Linted) (*x509.Certificate, error) {
	if l == nil || l.by != a || l.tbs == nil {
		return nil, errUsed
	}
	tbs := l.tbs
	l.tbs = nil
	parent := l.parent
	if parent == nil {
		parent = l.template
	}
	der, err := x509.CreateCertificate(rand.Reader, l.template, parent, l.public, a.Signer)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(c.RawTBSCertificate, tbs) {
		return nil, errAnother
	}
	return c, nil
}
