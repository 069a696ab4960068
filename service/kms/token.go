package kms

import (
	"context"
	"encoding/base64"

	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// Grant tokens. AWS has them because a grant takes minutes to be known
// everywhere; here a grant counts at once. What is given as a token must be one
// all the same, and RetireGrant finds its grant by it. A token is the id of its
// grant, sealed under a key of KMS itself, so each CreateGrant answers a new one.
// https://docs.aws.amazon.com/kms/latest/developerguide/using-grant-token.html

const grantTokenName = "grant token"

func (s *Service) newToken(ctx context.Context, g *grant) (string, error) {
	_, region, _ := splitPath(g.Key)
	sealed, err := s.sealOwn(ctx, region, grantTokenName, []byte(g.id()))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openToken returns the id of a token's grant.
func (s *Service) openToken(ctx context.Context, token string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", badToken()
	}
	id, err := s.openOwn(ctx, caller.From(ctx).Region, grantTokenName, raw)
	if err != nil {
		return "", badToken().With(err)
	}
	return string(id), nil
}

func (s *Service) checkTokens(ctx context.Context, tokens []string) error {
	for _, token := range tokens {
		if _, err := s.openToken(ctx, token); err != nil {
			return err
		}
	}
	return nil
}

func badToken() *wire.Error {
	return wire.Errorf("InvalidGrantTokenException", "The request was rejected because the specified grant token is not valid.")
}
