package server

import (
	"context"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/service/sts"
)

// endpoint is URL for services that are built before the endpoint listens.
func (s *Server) endpoint() string {
	if s.addr == nil {
		return ""
	}
	return s.URL()
}

// tokenIssuer lets STS sign with the keys that IAM keeps for an account.
func (s *Server) tokenIssuer(ctx context.Context, account, algorithm string) (*sts.Issuer, error) {
	i, err := s.iam.TokenIssuer(ctx, account)
	if err != nil || i == nil || !i.Enabled {
		return nil, err
	}
	signer := i.Signer(algorithm, s.clock.Now())
	if signer == nil {
		return nil, nil
	}
	return &sts.Issuer{URL: s.iam.IssuerURL(i), Sign: signer.Sign}, nil
}

// tags are a caller's tags, for STS.
func (d *directory) tags(ctx context.Context, id *caller.Identity) ([]policy.Tag, error) {
	s, err := d.Standing(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.Tags, nil
}

// place is an account's place in its organization, for STS.
func (d *directory) place(ctx context.Context, account string) (id string, paths []string, err error) {
	b, err := d.Bounds(ctx, account)
	if err != nil || b == nil {
		return "", nil, err
	}
	return b.Organization, b.Paths, nil
}
