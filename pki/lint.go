package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"

	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// A LintError names what a certificate would get wrong.
type LintError struct{ Findings []string }

func (e *LintError) Error() string {
	return "the certificate would be wrong: " + strings.Join(e.Findings, "; ")
}

// elsewhere asks whether one foreign authority, named, has signed: it takes five
// milliseconds, and the answer is known here.
const elsewhere = "e_cert_issued_by_compromised_emudhra_ca"

// The lints that hold for the public's certificates, and for those of an
// authority of one's own.
var (
	publicLints = sync.OnceValues(func() (lint.Registry, error) {
		return lint.GlobalRegistry().Filter(lint.FilterOptions{ExcludeNames: []string{
			elsewhere,
			// ACM's first name is the common name too, which is not recommended.
			"w_subject_common_name_included",
			// RFC 5280 wants an identifier that the CA/Browser Forum advises against.
			"w_ext_subject_key_identifier_missing_sub_cert",
		}})
	})
	ownLints = sync.OnceValues(func() (lint.Registry, error) {
		return lint.GlobalRegistry().Filter(lint.FilterOptions{ExcludeNames: []string{elsewhere}, IncludeSources: lint.SourceList{
			lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC6960, lint.RFC6962, lint.RFC8813, lint.Community,
		}})
	})
)

// Lint makes the certificate that is asked for and has it looked at. Errors and
// warnings both refuse it.
func (a *Authority) Lint(r *Request) (*Linted, error) {
	t, err := a.template(r)
	if err != nil {
		return nil, err
	}
	l := &Linted{by: a, template: t, parent: a.Certificate, public: r.Public}
	c, err := l.rehearse(a.Signer.Public())
	if err != nil {
		return nil, err
	}
	zc, err := zx509.ParseCertificate(c.Raw)
	if err != nil {
		return nil, &LintError{[]string{err.Error()}}
	}
	registry := ownLints
	if r.Profile.public {
		registry = publicLints
	}
	lints, err := registry()
	if err != nil {
		return nil, err
	}
	if bad := failed(zlint.LintCertificateEx(zc, lints)); bad != nil {
		return nil, &LintError{bad}
	}
	l.tbs = c.RawTBSCertificate
	return l, nil
}

// rehearse signs by a key of the same kind that is forgotten at once: for an
// authority that nobody trusts.
func (l *Linted) rehearse(public crypto.PublicKey) (*x509.Certificate, error) {
	key, err := rehearsal(AlgorithmOf(public))
	if err != nil {
		return nil, err
	}
	var parent x509.Certificate
	if l.parent != nil {
		parent = *l.parent
	} else {
		parent = *l.template
		if _, same := public.(interface{ Equal(crypto.PublicKey) bool }); !same {
			return nil, fmt.Errorf("a root cannot have a key of %T", public)
		}
	}
	parent.PublicKey = nil // CreateCertificate compares it with the signer's
	der, err := x509.CreateCertificate(rand.Reader, l.template, &parent, l.public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// rehearsal keys are made once for each kind: RSA keys take long to make. What
// they sign is never shown.
var rehearsals struct {
	sync.Mutex
	keys map[KeyAlgorithm]crypto.Signer
}

func rehearsal(a KeyAlgorithm) (crypto.Signer, error) {
	rehearsals.Lock()
	defer rehearsals.Unlock()
	if k := rehearsals.keys[a]; k != nil {
		return k, nil
	}
	k, err := NewKey(a)
	if err != nil {
		return nil, err
	}
	if rehearsals.keys == nil {
		rehearsals.keys = map[KeyAlgorithm]crypto.Signer{}
	}
	rehearsals.keys[a] = k
	return k, nil
}

func failed(r *zlint.ResultSet) []string {
	var bad []string
	for name, res := range r.Results {
		if res.Status >= lint.Warn {
			text := name
			if res.Details != "" {
				text += " (" + res.Details + ")"
			}
			bad = append(bad, text)
		}
	}
	slices.Sort(bad)
	return bad
}
