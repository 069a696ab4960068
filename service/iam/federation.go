package iam

import (
	"context"
	"crypto/rsa"
	"errors"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/saml"
	"bartizan.dev/store"
)

// OpenIDProvider is what STS needs to know of a provider.
type OpenIDProvider struct {
	ARN, Issuer            string
	ClientIDs, Thumbprints []string
}

// OpenIDProvider returns the account's provider whose tokens the issuer signs;
// nil if there is none.
func (s *Service) OpenIDProvider(ctx context.Context, account, issuer string) (*OpenIDProvider, error) {
	if len(issuer) > maxIssuer || strings.ContainsRune(issuer, 0) { // whatever a token says
		return nil, nil
	}
	p, err := s.openids.Get(ctx, s.Store, account+"/"+withoutScheme(issuer))
	if errors.Is(err, store.ErrNotFound) || err == nil && p.issuer() != issuer {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &OpenIDProvider{ARN: p.ARN(), Issuer: p.issuer(), ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints}, nil
}

// SAMLProvider is what STS needs to know of a provider.
type SAMLProvider struct {
	ARN, Account, Name, UUID string
	Metadata                 *saml.Metadata
	ValidUntil               time.Time
	Keys                     []*rsa.PrivateKey
	RequireEncryption        bool
}

// SAMLProvider returns the provider with exactly this ARN; nil if there is none.
func (s *Service) SAMLProvider(ctx context.Context, name string) (*SAMLProvider, error) {
	return s.samlCache.Get(ctx, name)
}

func (s *Service) loadSAML(ctx context.Context, r store.Reader, name string) (*SAMLProvider, error) {
	account, rest, err := splitProvider(samlKind, name)
	if err != nil || strings.Contains(rest, "/") {
		return nil, nil
	}
	p, err := s.samls.Get(ctx, r, recordID(account, rest))
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Name != rest {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	doc, err := s.metadata(ctx, r, p)
	if err != nil {
		return nil, err
	}
	out := &SAMLProvider{
		ARN: p.ARN(), Account: p.Account, Name: p.Name, UUID: p.UUID, ValidUntil: p.ValidUntil,
		RequireEncryption: p.Encryption == iamapi.AssertionEncryptionModeType_Required,
	}
	if out.Metadata, err = saml.ParseMetadata([]byte(doc)); err != nil {
		return nil, err
	}
	for _, k := range p.Keys {
		key, err := saml.ParseKey([]byte(k.PEM))
		if err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, key)
	}
	return out, nil
}
