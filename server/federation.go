package server

import (
	"context"
	"time"

	"bartizan.dev/oidc"
	"bartizan.dev/service/sts"
)

// issuers asks OpenID Connect issuers for their certificates and keys. It goes
// by the machine's time, not by the clock that can be moved: certificates do.
func issuers() *oidc.Client { return &oidc.Client{Now: time.Now} }

// openID is STS's view of IAM's OpenID Connect providers.
func (s *Server) openID(ctx context.Context, account, issuer string) (*sts.OpenIDProvider, error) {
	p, err := s.iam.OpenIDProvider(ctx, account, issuer)
	if err != nil || p == nil {
		return nil, err
	}
	return &sts.OpenIDProvider{ARN: p.ARN, Issuer: p.Issuer, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints}, nil
}

// samlProvider is STS's view of IAM's SAML providers.
func (s *Server) samlProvider(ctx context.Context, arn string) (*sts.SAMLProvider, error) {
	p, err := s.iam.SAMLProvider(ctx, arn)
	if err != nil || p == nil {
		return nil, err
	}
	return &sts.SAMLProvider{
		ARN: p.ARN, Account: p.Account, Name: p.Name, UUID: p.UUID,
		Metadata: p.Metadata, ValidUntil: p.ValidUntil, Keys: p.Keys, RequireEncryption: p.RequireEncryption,
	}, nil
}
