package iam

import (
	"context"
	"errors"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) serverCertificateRules() policy.Rules {
	return policy.Rules{
		"DeleteServerCertificate":   onServerCertificate(s, "DeleteServerCertificate", func(in *iamapi.DeleteServerCertificateRequest) string { return in.ServerCertificateName }),
		"GetServerCertificate":      onServerCertificate(s, "GetServerCertificate", func(in *iamapi.GetServerCertificateRequest) string { return in.ServerCertificateName }),
		"ListServerCertificateTags": onServerCertificate(s, "ListServerCertificateTags", func(in *iamapi.ListServerCertificateTagsRequest) string { return in.ServerCertificateName }),
		"ListServerCertificates":    onPath("ListServerCertificates", "server-certificate", func(in *iamapi.ListServerCertificatesRequest) *string { return in.PathPrefix }),
		"TagServerCertificate": policy.On(func(ctx context.Context, in *iamapi.TagServerCertificateRequest) ([]policy.Touch, error) {
			t, err := s.touchServerCertificate(ctx, "TagServerCertificate", in.ServerCertificateName)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagServerCertificate": policy.On(func(ctx context.Context, in *iamapi.UntagServerCertificateRequest) ([]policy.Touch, error) {
			t, err := s.touchServerCertificate(ctx, "UntagServerCertificate", in.ServerCertificateName)
			t.Keys = append(t.Keys, tagKeysKey(in.TagKeys))
			return []policy.Touch{t}, err
		}),
		"UpdateServerCertificate": policy.On(s.touchMoveServerCertificate),
		"UploadServerCertificate": policy.On(func(ctx context.Context, in *iamapi.UploadServerCertificateRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return alsoTagging(policy.Touch{
				Action: "iam:UploadServerCertificate", Account: account,
				Resource:    arnOf(account, "server-certificate", pathOr(in.Path), in.ServerCertificateName),
				RequestTags: requestTags(in.Tags),
			}, "iam:TagServerCertificate", len(in.Tags)), nil
		}),
	}
}

// touchServerCertificate is the touch of an action on a server certificate; see
// touchBearer.
func (s *Service) touchServerCertificate(ctx context.Context, action, name string) (policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{Action: "iam:" + action, Account: account, Resource: arnOf(account, "server-certificate", "/", name)}
	c, err := s.serverCerts.Get(ctx, s.Store, recordID(account, name))
	if errors.Is(err, store.ErrNotFound) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.Resource, t.ResourceTags = c.ARN(), policyTags(c.Tags)
	return t, nil
}

func onServerCertificate[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchServerCertificate(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// touchMoveServerCertificate: the caller "must have permission to change the
// server certificate with the old name and the new name".
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServerCertificate.html
func (s *Service) touchMoveServerCertificate(ctx context.Context, in *iamapi.UpdateServerCertificateRequest) ([]policy.Touch, error) {
	from, err := s.touchServerCertificate(ctx, "UpdateServerCertificate", in.ServerCertificateName)
	if err != nil || in.NewPath == nil && in.NewServerCertificateName == nil {
		return []policy.Touch{from}, err
	}
	c := &serverCertificate{Account: accountOf(ctx), Path: "/", Name: in.ServerCertificateName}
	if old, err := s.serverCerts.Get(ctx, s.Store, recordID(c.Account, c.Name)); err == nil {
		c = old
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	c.move(in.NewPath, in.NewServerCertificateName)
	to := from
	to.Resource = c.ARN()
	return []policy.Touch{from, to}, nil
}
