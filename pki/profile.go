package pki

import (
	"crypto/x509"
	"slices"
	"time"
)

// Day is 24 hours: validity is counted in days of 86,400 seconds (CA/Browser
// Forum Baseline Requirements 6.3.2).
const Day = 24 * time.Hour

// A Profile is a kind of certificate.
type Profile struct {
	Name string
	// Lasts is how long a certificate lasts when the request does not say; Most is
	// the longest that may be asked for. Both depend on the day of issuance.
	Lasts, Most func(time.Time) time.Duration

	authority bool
	path      int // basic constraints' pathLenConstraint; -1 is none
	usage     x509.KeyUsage
	extended  []x509.ExtKeyUsage
	public    bool // the CA/Browser Forum's requirements hold
}

// serves says whether it is for TLS servers.
func (p *Profile) serves() bool { return slices.Contains(p.extended, x509.ExtKeyUsageServerAuth) }

func always(d time.Duration) func(time.Time) time.Duration {
	return func(time.Time) time.Duration { return d }
}

// publicDays is what AWS issues for names of the public: two days below what the
// CA/Browser Forum's ballot SC-081v3 permits.
// https://cabforum.org/2025/04/11/ballot-sc081v3/
func publicDays(at time.Time) time.Duration {
	switch {
	case at.Before(time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC)):
		return 198 * Day
	case at.Before(time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC)):
		return 100 * Day
	}
	return 47 * Day
}

// Root is a self-signed authority.
func Root() *Profile {
	return &Profile{Name: "root", Lasts: always(3650 * Day), Most: always(36500 * Day), authority: true, path: -1, usage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

// Intermediate is an authority under another, that may have path more below it.
func Intermediate(path int) *Profile {
	return &Profile{
		Name: "intermediate", Lasts: always(1825 * Day), Most: always(36500 * Day), authority: true, path: path,
		usage:    x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// Private is a TLS certificate of an authority of one's own: it lasts thirteen
// months, as ACM's private certificates do.
// https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
func Private() *Profile {
	return &Profile{
		Name: "private", Lasts: always(395 * Day), Most: always(36500 * Day), path: -1,
		usage:    x509.KeyUsageDigitalSignature,
		extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// Public is a TLS server certificate that keeps to today's requirements for the
// public's.
func Public() *Profile {
	return &Profile{
		Name: "public", Lasts: publicDays, Most: publicDays, path: -1, public: true,
		usage:    x509.KeyUsageDigitalSignature,
		extended: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// Responder signs OCSP answers of an authority (RFC 6960 4.2.2.2).
func Responder() *Profile {
	return &Profile{
		Name: "responder", Lasts: always(30 * Day), Most: always(90 * Day), path: -1,
		usage: x509.KeyUsageDigitalSignature, extended: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning},
	}
}
