package acm

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// What is stored, and under which id:
//
//	certificate/{account}/{region}/{id}      a certificate; found by its idempotency token, and by its serial number
//	configuration/{account}/{region}         when expiry events begin
//	authority/{region}                       the embedded authority's certificates, and its list's number
//	revoked/{region}/{serial}                what the authority took back
type certificate struct {
	Account, Region, ID string

	Names     []string // the first is the domain name
	Type      acmapi.CertificateType
	Status    acmapi.CertificateStatus
	Failure   acmapi.FailureReason `json:",omitzero"`
	Algorithm acmapi.KeyAlgorithm
	Method    acmapi.ValidationMethod `json:",omitzero"`
	Domains   []domain                `json:",omitzero"`
	Logging   acmapi.CertificateTransparencyLoggingPreference
	Export    acmapi.CertificateExport
	Exported  bool                        `json:",omitzero"`
	ManagedBy acmapi.CertificateManagedBy `json:",omitzero"`
	Token     string                      `json:",omitzero"`
	Tags      map[string]string           `json:",omitzero"`

	Created                   time.Time
	Issued, Imported, Revoked time.Time               `json:",omitzero"`
	Reason                    acmapi.RevocationReason `json:",omitzero"`
	Renewal                   *renewal                `json:",omitzero"`

	Leaf  []byte   `json:",omitzero"` // DER
	Chain [][]byte `json:",omitzero"`
	Key   []byte   `json:",omitzero"` // PKCS #8, sealed
}

// domain is a name and how it was validated.
type domain struct {
	Name          string
	Status        acmapi.DomainStatus
	Record, Value string `json:",omitzero"` // of the CNAME that proves it
}

type renewal struct {
	Status  acmapi.RenewalStatus
	Reason  acmapi.FailureReason `json:",omitzero"`
	Updated time.Time
}

type configuration struct {
	Days  int32 // before expiry
	Token string
}

type records struct {
	certificates   store.Collection[certificate]
	configurations store.Collection[configuration]
	authorities    store.Collection[authorityRecord]
	revocations    store.Collection[revocation]
}

const (
	byToken  = "token"
	bySerial = "serial"
)

func newRecords() records {
	return records{
		certificates: store.Collection[certificate]{Name: "certificate", Indexes: []store.Index[certificate]{
			{Name: byToken, Keys: func(c *certificate) []string {
				if c.Token == "" {
					return nil
				}
				return []string{c.home() + c.Token}
			}},
			{Name: bySerial, Keys: func(c *certificate) []string {
				if leaf := c.leaf(); leaf != nil && c.Type == acmapi.CertificateType_AMAZON_ISSUED {
					return []string{c.Region + "/" + leaf.SerialNumber.Text(16)}
				}
				return nil
			}},
		}},
		configurations: store.Collection[configuration]{Name: "configuration"},
		authorities:    store.Collection[authorityRecord]{Name: "authority"},
		revocations:    store.Collection[revocation]{Name: "revoked"},
	}
}

// place is where certificates live.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) home() string { return p.account + "/" + p.region + "/" }

func (c *certificate) place() place { return place{c.Account, c.Region} }
func (c *certificate) home() string { return c.place().home() }
func (c *certificate) id() string   { return c.home() + c.ID }
func (c *certificate) arn() string {
	return arn.New("acm", c.Region, c.Account, "certificate/"+c.ID)
}

// leaf is the certificate itself, or nil before it is issued.
func (c *certificate) leaf() *x509.Certificate {
	if c.Leaf == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(c.Leaf)
	if err != nil {
		return nil
	}
	return leaf
}

// secrets is what the private key is sealed with: a key that is moved to another
// certificate's record does not open.
func (c *certificate) secrets() map[string]string { return map[string]string{"acm": c.arn()} }

func newID() string {
	b := make([]byte, 16)
	rand.Read(b) //nolint:errcheck // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// split is a certificate's ARN of the caller's account and Region.
// https://docs.aws.amazon.com/acm/latest/APIReference/CommonErrors.html
func split(ctx context.Context, text string) (at place, id string, err error) {
	a, err := arn.Parse(text)
	kind, id, _ := strings.Cut(a.Resource, "/")
	if err != nil || a.Service != "acm" || kind != "certificate" || id == "" {
		return at, "", wire.Errorf("InvalidArnException", "Invalid certificate ARN: %s", text)
	}
	at = placeOf(ctx)
	if a.Account != at.account || a.Region != at.region {
		return at, "", notFound(text, at)
	}
	return at, id, nil
}

func notFound(name string, at place) error {
	return wire.Errorf("ResourceNotFoundException", "Could not find certificate %s in account %s.", name, at.account)
}

// find returns the certificate that an ARN names.
func (s *Service) find(ctx context.Context, r store.Reader, name string) (*certificate, error) {
	at, id, err := split(ctx, name)
	if err != nil {
		return nil, err
	}
	c, err := s.certificates.Get(ctx, r, at.home()+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound(name, at)
	}
	return c, err
}

// change reads a certificate, lets f change it and writes it, in a transaction.
func (s *Service) change(ctx context.Context, name string, f func(tx store.Tx, c *certificate) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.find(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := f(tx, c); err != nil {
			return err
		}
		return s.certificates.Put(ctx, tx, c.id(), c)
	})
	return err
}

// room refuses a certificate beyond the quota.
func (s *Service) room(ctx context.Context, r store.Reader, at place) error {
	all, err := s.certificates.List(ctx, r, at.home(), "", s.Quotas.Certificates)
	if err != nil {
		return err
	}
	if len(all) >= s.Quotas.Certificates {
		return wire.Errorf("LimitExceededException", "Error: you have reached your limit of %d certificates.", s.Quotas.Certificates)
	}
	return nil
}

func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationException", "%s", fmt.Sprintf(format, args...))
}
