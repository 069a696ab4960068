package iam

import (
	"context"
	"errors"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Outbound identity federation: the account as an OpenID provider that vouches
// for its principals elsewhere. issuer.go has the issuer itself.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html

func (s *Service) outboundRules() policy.Rules {
	rules := policy.Rules{}
	for _, name := range []string{"DisableOutboundWebIdentityFederation", "EnableOutboundWebIdentityFederation", "GetOutboundWebIdentityFederationInfo"} {
		rules[name] = policy.OnAny(policy.Touch{Action: "iam:" + name})
	}
	return rules
}

func featureDisabled() *wire.Error {
	return wire.Errorf("FeatureDisabled", "The request failed because outbound identity federation is not enabled for your AWS account.").WithStatus(404)
}

// DisableOutboundWebIdentityFederation stops the account's tokens. Those that
// were given out stay good, so the issuer's keys stay published; and so does its
// address, for the day it is enabled again.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DisableOutboundWebIdentityFederation.html
func (s *Service) DisableOutboundWebIdentityFederation(ctx context.Context, _ *iamapi.DisableOutboundWebIdentityFederationInput) (*iamapi.DisableOutboundWebIdentityFederationOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		i, err := s.issuers.Get(ctx, tx, accountOf(ctx))
		if i, err = found(i, err, featureDisabled()); err != nil {
			return err
		}
		if !i.Enabled {
			return featureDisabled()
		}
		i.Enabled = false
		return s.issuers.Put(ctx, tx, i.Account, i)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DisableOutboundWebIdentityFederationOutput{}, nil
}

// EnableOutboundWebIdentityFederation lets the account's principals ask for
// tokens, and makes its issuer the first time.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOutboundWebIdentityFederation.html
func (s *Service) EnableOutboundWebIdentityFederation(ctx context.Context, _ *iamapi.EnableOutboundWebIdentityFederationInput) (*iamapi.EnableOutboundWebIdentityFederationResponse, error) {
	keys, err := newIssuerKeys(s.now())
	if err != nil {
		return nil, err
	}
	id := newUUID()
	var i *issuer
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		i, err = s.issuers.Get(ctx, tx, accountOf(ctx))
		switch {
		case errors.Is(err, store.ErrNotFound):
			i = &issuer{Account: accountOf(ctx), ID: id, Keys: keys}
			if err := s.later(ctx, tx, jobIssuer, i.Account, issuerPeriod-issuerNotice); err != nil {
				return err
			}
		case err != nil:
			return err
		case i.Enabled:
			return wire.Errorf("FeatureEnabled", "The request failed because outbound identity federation is already enabled for your AWS account. "+
				"You cannot enable the feature multiple times. To fetch the current configuration (including the unique issuer URL), "+
				"use the GetOutboundWebIdentityFederationInfo operation.").WithStatus(409)
		}
		i.Enabled = true
		return s.issuers.Put(ctx, tx, i.Account, i)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.EnableOutboundWebIdentityFederationResponse{IssuerIdentifier: new(s.issuerURL(i.ID))}, nil
}

// GetOutboundWebIdentityFederationInfo tells the issuer's address.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOutboundWebIdentityFederationInfo.html
func (s *Service) GetOutboundWebIdentityFederationInfo(ctx context.Context, _ *iamapi.GetOutboundWebIdentityFederationInfoInput) (*iamapi.GetOutboundWebIdentityFederationInfoResponse, error) {
	i, err := s.issuers.Get(ctx, s.Store, accountOf(ctx))
	if i, err = found(i, err, featureDisabled()); err != nil {
		return nil, err
	}
	if !i.Enabled {
		return nil, featureDisabled()
	}
	return &iamapi.GetOutboundWebIdentityFederationInfoResponse{IssuerIdentifier: new(s.issuerURL(i.ID)), JwtVendingEnabled: new(true)}, nil
}
