package iam

import (
	"context"
	"errors"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const (
	maxSAMLProviders = 100
	maxSAMLKeys      = 2
)

// samlProvider is an IAM SAML identity provider; its metadata document is apart,
// so that lists need not read it.
type samlProvider struct {
	Account, Name, UUID string
	Created             time.Time
	ValidUntil          time.Time
	Encryption          iamapi.AssertionEncryptionModeType `json:",omitzero"`
	Keys                []samlKey                          `json:",omitzero"`
	Tags                []tag                              `json:",omitzero"`
	Parts               int                                // of the document
}

// samlKey is a private key that opens encrypted assertions.
type samlKey struct {
	ID    string
	PEM   string
	Added time.Time
}

func (p *samlProvider) ARN() string { return arn.New("iam", "", p.Account, samlKind+"/"+p.Name) }

func (s *Service) samlRules() policy.Rules {
	return policy.Rules{
		"CreateSAMLProvider": policy.On(func(ctx context.Context, in *iamapi.CreateSAMLProviderRequest) ([]policy.Touch, error) {
			p := &samlProvider{Account: accountOf(ctx), Name: in.Name}
			return alsoTagging(policy.Touch{
				Action: "iam:CreateSAMLProvider", Account: p.Account, Resource: p.ARN(), RequestTags: requestTags(in.Tags),
			}, "iam:TagSAMLProvider", len(in.Tags)), nil
		}),
		"DeleteSAMLProvider":   onProvider(samlKind, "DeleteSAMLProvider", func(in *iamapi.DeleteSAMLProviderRequest) string { return in.SAMLProviderArn }, s.samlTags, nil),
		"GetSAMLProvider":      onProvider(samlKind, "GetSAMLProvider", func(in *iamapi.GetSAMLProviderRequest) string { return in.SAMLProviderArn }, s.samlTags, nil),
		"ListSAMLProviderTags": onProvider(samlKind, "ListSAMLProviderTags", func(in *iamapi.ListSAMLProviderTagsRequest) string { return in.SAMLProviderArn }, s.samlTags, nil),
		"ListSAMLProviders":    onProviders(samlKind, "ListSAMLProviders"),
		"TagSAMLProvider": onProvider(samlKind, "TagSAMLProvider", func(in *iamapi.TagSAMLProviderRequest) string { return in.SAMLProviderArn }, s.samlTags,
			func(in *iamapi.TagSAMLProviderRequest, t *policy.Touch) { t.RequestTags = requestTags(in.Tags) }),
		"UntagSAMLProvider": onProvider(samlKind, "UntagSAMLProvider", func(in *iamapi.UntagSAMLProviderRequest) string { return in.SAMLProviderArn }, s.samlTags,
			func(in *iamapi.UntagSAMLProviderRequest, t *policy.Touch) {
				t.Keys = append(t.Keys, tagKeysKey(in.TagKeys))
			}),
		"UpdateSAMLProvider": onProvider(samlKind, "UpdateSAMLProvider", func(in *iamapi.UpdateSAMLProviderRequest) string { return in.SAMLProviderArn }, s.samlTags, nil),
	}
}

// CreateSAMLProvider makes a provider from the metadata of an identity provider.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html
func (s *Service) CreateSAMLProvider(ctx context.Context, in *iamapi.CreateSAMLProviderRequest) (*iamapi.CreateSAMLProviderResponse, error) {
	p := &samlProvider{Account: accountOf(ctx), Name: in.Name, UUID: newSAMLID(), Created: s.now(), Encryption: in.AssertionEncryptionMode}
	var err error
	if p.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if in.AddPrivateKey != nil {
		if err := s.addSAMLKey(p, *in.AddPrivateKey); err != nil {
			return nil, err
		}
	}
	if err := p.checkEncryption(); err != nil {
		return nil, err
	}
	until, parts, err := packMetadata(in.SAMLMetadataDocument)
	if err != nil {
		return nil, err
	}
	p.validUntil(until)
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.samls.Insert(ctx, tx, recordID(p.Account, p.Name), p)
		if errors.Is(err, store.ErrExists) {
			return exists("SAMLProvider", p.Name)
		} else if err != nil {
			return err
		}
		if err := s.putMetadata(ctx, tx, p, parts); err != nil {
			return err
		}
		return s.count(ctx, tx, p.Account, func(c *counts) error {
			if c.SAMLProviders++; c.SAMLProviders > maxSAMLProviders {
				return exceeded("SAMLProvidersPerAccount", maxSAMLProviders)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateSAMLProviderResponse{SAMLProviderArn: new(p.ARN()), Tags: apiTags(p.Tags)}, nil
}

// DeleteSAMLProvider deletes a provider; roles that trust it stay as they are.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSAMLProvider.html
func (s *Service) DeleteSAMLProvider(ctx context.Context, in *iamapi.DeleteSAMLProviderRequest) (*iamapi.DeleteSAMLProviderOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.saml(ctx, tx, in.SAMLProviderArn)
		if err != nil {
			return err
		}
		if err := s.count(ctx, tx, p.Account, func(c *counts) error { c.SAMLProviders--; return nil }); err != nil {
			return err
		}
		if err := s.putMetadata(ctx, tx, p, nil); err != nil {
			return err
		}
		return s.samls.Delete(ctx, tx, recordID(p.Account, p.Name))
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteSAMLProviderOutput{}, nil
}

// GetSAMLProvider tells about a provider, without its private keys.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetSAMLProvider.html
func (s *Service) GetSAMLProvider(ctx context.Context, in *iamapi.GetSAMLProviderRequest) (*iamapi.GetSAMLProviderResponse, error) {
	p, err := s.saml(ctx, s.Store, in.SAMLProviderArn)
	if err != nil {
		return nil, err
	}
	doc, err := s.metadata(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetSAMLProviderResponse{
		SAMLProviderUUID: &p.UUID, SAMLMetadataDocument: &doc, CreateDate: p.Created, ValidUntil: p.ValidUntil,
		Tags: apiTags(p.Tags), AssertionEncryptionMode: p.Encryption,
	}
	for _, k := range p.Keys {
		out.PrivateKeyList = append(out.PrivateKeyList, iamapi.SAMLPrivateKey{KeyId: &k.ID, Timestamp: k.Added})
	}
	return out, nil
}

// ListSAMLProviders lists the account's providers. AWS does not page this list.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSAMLProviders.html
func (s *Service) ListSAMLProviders(ctx context.Context, _ *iamapi.ListSAMLProvidersRequest) (*iamapi.ListSAMLProvidersResponse, error) {
	out := &iamapi.ListSAMLProvidersResponse{SAMLProviderList: []iamapi.SAMLProviderListEntry{}}
	err := each(ctx, s.Store, &s.samls, accountOf(ctx), func(p *samlProvider) {
		out.SAMLProviderList = append(out.SAMLProviderList, iamapi.SAMLProviderListEntry{Arn: new(p.ARN()), ValidUntil: p.ValidUntil, CreateDate: p.Created})
	})
	return out, err
}

// ListSAMLProviderTags lists a provider's tags.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSAMLProviderTags.html
func (s *Service) ListSAMLProviderTags(ctx context.Context, in *iamapi.ListSAMLProviderTagsRequest) (*iamapi.ListSAMLProviderTagsResponse, error) {
	p, err := s.saml(ctx, s.Store, in.SAMLProviderArn)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListSAMLProviderTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(p.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagSAMLProvider adds tags to a provider or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagSAMLProvider.html
func (s *Service) TagSAMLProvider(ctx context.Context, in *iamapi.TagSAMLProviderRequest) (*iamapi.TagSAMLProviderOutput, error) {
	_, err := s.changeSAML(ctx, in.SAMLProviderArn, func(_ store.Tx, p *samlProvider) (err error) {
		p.Tags, err = setTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagSAMLProviderOutput{}, nil
}

// UntagSAMLProvider removes tags from a provider.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagSAMLProvider.html
func (s *Service) UntagSAMLProvider(ctx context.Context, in *iamapi.UntagSAMLProviderRequest) (*iamapi.UntagSAMLProviderOutput, error) {
	_, err := s.changeSAML(ctx, in.SAMLProviderArn, func(_ store.Tx, p *samlProvider) error {
		p.Tags = removeTags(p.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagSAMLProviderOutput{}, nil
}

// UpdateSAMLProvider replaces the metadata, the encryption mode, or adds or
// removes a private key. The messages are those of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateSAMLProvider.html
func (s *Service) UpdateSAMLProvider(ctx context.Context, in *iamapi.UpdateSAMLProviderRequest) (*iamapi.UpdateSAMLProviderResponse, error) {
	if in.SAMLMetadataDocument == nil && in.AssertionEncryptionMode == "" && in.AddPrivateKey == nil && in.RemovePrivateKey == nil {
		return nil, invalidInput("Unable to update identity provider. No updates are defined for metadata or encryption assertion.")
	}
	if in.AddPrivateKey != nil && in.RemovePrivateKey != nil {
		return nil, invalidInput("Unable to add and remove private keys in the same request. Set a value for only one of the two parameters.")
	}
	var until time.Time
	var parts []samlPart
	if in.SAMLMetadataDocument != nil {
		var err error
		if until, parts, err = packMetadata(*in.SAMLMetadataDocument); err != nil {
			return nil, err
		}
	}
	p, err := s.changeSAML(ctx, in.SAMLProviderArn, func(tx store.Tx, p *samlProvider) error {
		if in.AssertionEncryptionMode != "" {
			p.Encryption = in.AssertionEncryptionMode
		}
		if in.AddPrivateKey != nil {
			if err := s.addSAMLKey(p, *in.AddPrivateKey); err != nil {
				return err
			}
		}
		if in.RemovePrivateKey != nil {
			if err := p.removeKey(*in.RemovePrivateKey); err != nil {
				return err
			}
		}
		if err := p.checkEncryption(); err != nil {
			return err
		}
		if parts == nil {
			return nil
		}
		p.validUntil(until)
		return s.putMetadata(ctx, tx, p, parts)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateSAMLProviderResponse{SAMLProviderArn: new(p.ARN())}, nil
}

// saml reads a provider of the caller's account, or answers NoSuchEntity.
func (s *Service) saml(ctx context.Context, r store.Reader, name string) (*samlProvider, error) {
	account, rest, err := splitProvider(samlKind, name)
	if err != nil {
		return nil, err
	}
	none := wire.Errorf("NoSuchEntity", "Manifest not found for arn %s", name).WithStatus(404)
	if account != accountOf(ctx) {
		return nil, none
	}
	p, err := s.samls.Get(ctx, r, recordID(account, rest))
	if err == nil && p.Name != rest {
		err = store.ErrNotFound
	}
	return found(p, err, none)
}

func (s *Service) samlTags(ctx context.Context, name string) ([]tag, error) {
	account, rest, err := splitProvider(samlKind, name)
	if err != nil {
		return nil, err
	}
	p, err := s.samls.Get(ctx, s.Store, recordID(account, rest))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return p.Tags, nil
}

// changeSAML changes a provider in one transaction.
func (s *Service) changeSAML(ctx context.Context, name string, change func(store.Tx, *samlProvider) error) (out *samlProvider, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.saml(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(tx, p); err != nil {
			return err
		}
		out = p
		return s.samls.Put(ctx, tx, recordID(p.Account, p.Name), p)
	})
	return out, err
}
