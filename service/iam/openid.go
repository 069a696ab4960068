package iam

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Quotas of OpenID Connect providers.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entities
const (
	maxOpenIDProviders = 100
	maxClientIDs       = 100
	maxThumbprints     = 5
	maxIssuer          = 255 // characters of its URL
)

// openIDProvider is an IAM OIDC identity provider.
type openIDProvider struct {
	Account     string
	URL         string // without its scheme, as ARNs and condition keys have it
	Plain       bool   `json:",omitzero"` // http://, on this machine only
	Created     time.Time
	ClientIDs   []string `json:",omitzero"`
	Thumbprints []string `json:",omitzero"`
	Tags        []tag    `json:",omitzero"`
}

func (p *openIDProvider) ARN() string { return arn.New("iam", "", p.Account, openIDKind+"/"+p.URL) }

// issuer is the URL that tokens name.
func (p *openIDProvider) issuer() string {
	if p.Plain {
		return "http://" + p.URL
	}
	return "https://" + p.URL
}

func (s *Service) openIDRules() policy.Rules {
	tagKeys := func(in *iamapi.UntagOpenIDConnectProviderRequest, t *policy.Touch) {
		t.Keys = append(t.Keys, tagKeysKey(in.TagKeys))
	}
	tags := func(in *iamapi.TagOpenIDConnectProviderRequest, t *policy.Touch) {
		t.RequestTags = requestTags(in.Tags)
	}
	return policy.Rules{
		"AddClientIDToOpenIDConnectProvider": onProvider(openIDKind, "AddClientIDToOpenIDConnectProvider",
			func(in *iamapi.AddClientIDToOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn }, s.openIDTags, nil),
		"CreateOpenIDConnectProvider": policy.On(func(ctx context.Context, in *iamapi.CreateOpenIDConnectProviderRequest) ([]policy.Touch, error) {
			p := &openIDProvider{Account: accountOf(ctx), URL: withoutScheme(in.Url)}
			return alsoTagging(policy.Touch{
				Action: "iam:CreateOpenIDConnectProvider", Account: p.Account, Resource: p.ARN(), RequestTags: requestTags(in.Tags),
			}, "iam:TagOpenIDConnectProvider", len(in.Tags)), nil
		}),
		"DeleteOpenIDConnectProvider": onProvider(openIDKind, "DeleteOpenIDConnectProvider",
			func(in *iamapi.DeleteOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn }, s.openIDTags, nil),
		"GetOpenIDConnectProvider": onProvider(openIDKind, "GetOpenIDConnectProvider",
			func(in *iamapi.GetOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn }, s.openIDTags, nil),
		"ListOpenIDConnectProviderTags": onProvider(openIDKind, "ListOpenIDConnectProviderTags",
			func(in *iamapi.ListOpenIDConnectProviderTagsRequest) string { return in.OpenIDConnectProviderArn }, s.openIDTags, nil),
		"ListOpenIDConnectProviders": onProviders(openIDKind, "ListOpenIDConnectProviders"),
		"RemoveClientIDFromOpenIDConnectProvider": onProvider(openIDKind, "RemoveClientIDFromOpenIDConnectProvider",
			func(in *iamapi.RemoveClientIDFromOpenIDConnectProviderRequest) string {
				return in.OpenIDConnectProviderArn
			}, s.openIDTags, nil),
		"TagOpenIDConnectProvider": onProvider(openIDKind, "TagOpenIDConnectProvider",
			func(in *iamapi.TagOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn }, s.openIDTags, tags),
		"UntagOpenIDConnectProvider": onProvider(openIDKind, "UntagOpenIDConnectProvider",
			func(in *iamapi.UntagOpenIDConnectProviderRequest) string { return in.OpenIDConnectProviderArn }, s.openIDTags, tagKeys),
		"UpdateOpenIDConnectProviderThumbprint": onProvider(openIDKind, "UpdateOpenIDConnectProviderThumbprint",
			func(in *iamapi.UpdateOpenIDConnectProviderThumbprintRequest) string {
				return in.OpenIDConnectProviderArn
			}, s.openIDTags, nil),
	}
}

// AddClientIDToOpenIDConnectProvider adds an audience; one that is there is no
// error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, in *iamapi.AddClientIDToOpenIDConnectProviderRequest) (*iamapi.AddClientIDToOpenIDConnectProviderOutput, error) {
	err := s.changeOpenID(ctx, in.OpenIDConnectProviderArn, func(p *openIDProvider) (err error) {
		p.ClientIDs, err = checkClientIDs(append(p.ClientIDs, in.ClientID))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.AddClientIDToOpenIDConnectProviderOutput{}, nil
}

// CreateOpenIDConnectProvider makes a provider. Where no thumbprint is given, the
// issuer is asked for its certificate.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, in *iamapi.CreateOpenIDConnectProviderRequest) (*iamapi.CreateOpenIDConnectProviderResponse, error) {
	if err := s.checkProviderURL(in.Url); err != nil {
		return nil, err
	}
	if s.URL != nil && strings.HasPrefix(in.Url, s.URL()+issuerPath) {
		// Tokens of GetWebIdentityToken are for others: AWS takes none of its own.
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html
		return nil, invalidInput("The issuer of outbound identity federation cannot be an identity provider: %s", in.Url)
	}
	p := &openIDProvider{Account: accountOf(ctx), URL: withoutScheme(in.Url), Plain: strings.HasPrefix(in.Url, "http://"), Created: s.now()}
	var err error
	if p.ClientIDs, err = checkClientIDs(in.ClientIDList); err != nil {
		return nil, err
	}
	if p.Thumbprints, err = checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	if p.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if len(p.Thumbprints) == 0 && !p.Plain {
		if s.Thumbprint == nil {
			return nil, invalidInput("ThumbprintList must be given: this server asks no issuer for its certificate.")
		}
		print, err := s.Thumbprint(ctx, in.Url)
		if err != nil {
			return nil, wire.Errorf("OpenIdIdpCommunicationError", "Could not connect to %s", in.Url).With(err)
		}
		p.Thumbprints = []string{print}
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.openids.Insert(ctx, tx, p.Account+"/"+p.URL, p)
		if errors.Is(err, store.ErrExists) {
			return wire.Errorf("EntityAlreadyExists", "Provider with url %s already exists.", in.Url).WithStatus(409)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, p.Account, func(c *counts) error {
			if c.OpenIDProviders++; c.OpenIDProviders > maxOpenIDProviders {
				return exceeded("OpenIdConnectProvidersPerAccount", maxOpenIDProviders)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateOpenIDConnectProviderResponse{OpenIDConnectProviderArn: new(p.ARN()), Tags: apiTags(p.Tags)}, nil
}

// DeleteOpenIDConnectProvider deletes a provider; roles that trust it stay as
// they are. "This operation is idempotent; it does not fail or return an error if
// you call the operation for a provider that does not exist."
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, in *iamapi.DeleteOpenIDConnectProviderRequest) (*iamapi.DeleteOpenIDConnectProviderOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.openID(ctx, tx, in.OpenIDConnectProviderArn)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "NoSuchEntity" {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.count(ctx, tx, p.Account, func(c *counts) error { c.OpenIDProviders--; return nil }); err != nil {
			return err
		}
		return s.openids.Delete(ctx, tx, p.Account+"/"+p.URL)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteOpenIDConnectProviderOutput{}, nil
}

// GetOpenIDConnectProvider tells about a provider; its URL is without https://,
// as AWS has it.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html
func (s *Service) GetOpenIDConnectProvider(ctx context.Context, in *iamapi.GetOpenIDConnectProviderRequest) (*iamapi.GetOpenIDConnectProviderResponse, error) {
	p, err := s.openID(ctx, s.Store, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetOpenIDConnectProviderResponse{
		Url: &p.URL, ClientIDList: []string{}, ThumbprintList: []string{}, CreateDate: p.Created, Tags: apiTags(p.Tags),
	}
	if p.Plain {
		out.Url = new(p.issuer())
	}
	out.ClientIDList = append(out.ClientIDList, p.ClientIDs...)
	out.ThumbprintList = append(out.ThumbprintList, p.Thumbprints...)
	return out, nil
}

// ListOpenIDConnectProviders lists the account's providers. AWS does not page
// this list.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOpenIDConnectProviders.html
func (s *Service) ListOpenIDConnectProviders(ctx context.Context, _ *iamapi.ListOpenIDConnectProvidersRequest) (*iamapi.ListOpenIDConnectProvidersResponse, error) {
	out := &iamapi.ListOpenIDConnectProvidersResponse{OpenIDConnectProviderList: []iamapi.OpenIDConnectProviderListEntry{}}
	err := each(ctx, s.Store, &s.openids, accountOf(ctx), func(p *openIDProvider) {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, iamapi.OpenIDConnectProviderListEntry{Arn: new(p.ARN())})
	})
	return out, err
}

// ListOpenIDConnectProviderTags lists a provider's tags.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOpenIDConnectProviderTags.html
func (s *Service) ListOpenIDConnectProviderTags(ctx context.Context, in *iamapi.ListOpenIDConnectProviderTagsRequest) (*iamapi.ListOpenIDConnectProviderTagsResponse, error) {
	p, err := s.openID(ctx, s.Store, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListOpenIDConnectProviderTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(p.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RemoveClientIDFromOpenIDConnectProvider removes an audience; one that is not
// there is no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveClientIDFromOpenIDConnectProvider.html
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, in *iamapi.RemoveClientIDFromOpenIDConnectProviderRequest) (*iamapi.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	err := s.changeOpenID(ctx, in.OpenIDConnectProviderArn, func(p *openIDProvider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == in.ClientID })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.RemoveClientIDFromOpenIDConnectProviderOutput{}, nil
}

// TagOpenIDConnectProvider adds tags to a provider or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagOpenIDConnectProvider.html
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, in *iamapi.TagOpenIDConnectProviderRequest) (*iamapi.TagOpenIDConnectProviderOutput, error) {
	err := s.changeOpenID(ctx, in.OpenIDConnectProviderArn, func(p *openIDProvider) (err error) {
		p.Tags, err = setTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagOpenIDConnectProviderOutput{}, nil
}

// UntagOpenIDConnectProvider removes tags from a provider.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagOpenIDConnectProvider.html
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, in *iamapi.UntagOpenIDConnectProviderRequest) (*iamapi.UntagOpenIDConnectProviderOutput, error) {
	err := s.changeOpenID(ctx, in.OpenIDConnectProviderArn, func(p *openIDProvider) error {
		p.Tags = removeTags(p.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagOpenIDConnectProviderOutput{}, nil
}

// UpdateOpenIDConnectProviderThumbprint replaces the thumbprints.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateOpenIDConnectProviderThumbprint.html
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, in *iamapi.UpdateOpenIDConnectProviderThumbprintRequest) (*iamapi.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	err := s.changeOpenID(ctx, in.OpenIDConnectProviderArn, func(p *openIDProvider) (err error) {
		p.Thumbprints, err = checkThumbprints(in.ThumbprintList)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateOpenIDConnectProviderThumbprintOutput{}, nil
}

// openID reads a provider of the caller's account, or answers NoSuchEntity.
func (s *Service) openID(ctx context.Context, r store.Reader, name string) (*openIDProvider, error) {
	account, url, err := splitProvider(openIDKind, name)
	if err != nil {
		return nil, err
	}
	none := wire.Errorf("NoSuchEntity", "OpenIDConnect Provider not found for arn %s", name).WithStatus(404)
	if account != accountOf(ctx) {
		return nil, none
	}
	p, err := s.openids.Get(ctx, r, account+"/"+url)
	return found(p, err, none)
}

func (s *Service) openIDTags(ctx context.Context, name string) ([]tag, error) {
	account, url, err := splitProvider(openIDKind, name)
	if err != nil {
		return nil, err
	}
	p, err := s.openids.Get(ctx, s.Store, account+"/"+url)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return p.Tags, nil
}

// changeOpenID changes a provider in one transaction.
func (s *Service) changeOpenID(ctx context.Context, name string, change func(*openIDProvider) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.openID(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		return s.openids.Put(ctx, tx, p.Account+"/"+p.URL, p)
	})
	return err
}
