package redshift

import (
	"context"

	redshiftapi "bartizan.dev/api/redshift"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshift.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"CreateHsmClientCertificate": policy.On(func(ctx context.Context, in *redshiftapi.CreateHsmClientCertificateMessage) ([]policy.Touch, error) {
			t := policy.Touch{Action: "redshift:CreateHsmClientCertificate", RequestTags: requestTags(in.Tags)}
			t.Resource = placeOf(ctx).arn(s.certificates.name, in.HsmClientCertificateIdentifier)
			return []policy.Touch{t}, nil
		}),
		"CreateHsmConfiguration": policy.On(func(ctx context.Context, in *redshiftapi.CreateHsmConfigurationMessage) ([]policy.Touch, error) {
			t := policy.Touch{Action: "redshift:CreateHsmConfiguration", RequestTags: requestTags(in.Tags)}
			t.Resource = placeOf(ctx).arn(s.configurations.name, in.HsmConfigurationIdentifier)
			return []policy.Touch{t}, nil
		}),
		"DeleteHsmClientCertificate": policy.On(func(ctx context.Context, in *redshiftapi.DeleteHsmClientCertificateMessage) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteHsmClientCertificate", placeOf(ctx).arn(s.certificates.name, in.HsmClientCertificateIdentifier))
		}),
		"DeleteHsmConfiguration": policy.On(func(ctx context.Context, in *redshiftapi.DeleteHsmConfigurationMessage) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteHsmConfiguration", placeOf(ctx).arn(s.configurations.name, in.HsmConfigurationIdentifier))
		}),
		"DescribeHsmClientCertificates": policy.OnAny(policy.Touch{Action: "redshift:DescribeHsmClientCertificates"}),
		"DescribeHsmConfigurations":     policy.OnAny(policy.Touch{Action: "redshift:DescribeHsmConfigurations"}),
		"CreateTags": policy.On(func(ctx context.Context, in *redshiftapi.CreateTagsMessage) ([]policy.Touch, error) {
			t, err := s.on(ctx, "CreateTags", in.ResourceName)
			if err == nil {
				t[0].RequestTags = requestTags(in.Tags)
			}
			return t, err
		}),
		"DeleteTags": policy.On(func(ctx context.Context, in *redshiftapi.DeleteTagsMessage) ([]policy.Touch, error) {
			t, err := s.on(ctx, "DeleteTags", in.ResourceName)
			if err == nil {
				t[0].Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
			}
			return t, err
		}),
		"DescribeTags": policy.On(func(ctx context.Context, in *redshiftapi.DescribeTagsMessage) ([]policy.Touch, error) {
			if in.ResourceName == nil {
				return []policy.Touch{{Action: "redshift:DescribeTags"}}, nil
			}
			return s.on(ctx, "DescribeTags", *in.ResourceName)
		}),
	}
}

// on is the touch of an operation on the resource with an ARN. For one that does
// not exist it has no tags.
func (s *Service) on(ctx context.Context, action, name string) ([]policy.Touch, error) {
	t := policy.Touch{Action: "redshift:" + action, Resource: name}
	if a, err := arn.Parse(name); err == nil {
		t.Account = a.Account
	}
	var h *head
	switch kind, id := named(ctx, name); kind {
	case s.certificates.name:
		v, err := s.certificates.find(ctx, s.Store, placeOf(ctx), id)
		if err == nil {
			h = &v.head
		} else if wire.AsError(err).Fault {
			return nil, err
		}
	case s.configurations.name:
		v, err := s.configurations.find(ctx, s.Store, placeOf(ctx), id)
		if err == nil {
			h = &v.head
		} else if wire.AsError(err).Fault {
			return nil, err
		}
	}
	if h != nil {
		for _, g := range h.Tags {
			t.ResourceTags = append(t.ResourceTags, policy.Tag(g))
		}
	}
	return []policy.Touch{t}, nil
}

func requestTags(tags []redshiftapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		g := policy.Tag{}
		if t.Key != nil {
			g.Key = *t.Key
		}
		if t.Value != nil {
			g.Value = *t.Value
		}
		out = append(out, g)
	}
	return out
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "redshift" {
		return ""
	}
	switch kind, _ := a.Type(); kind {
	case "hsmclientcertificate":
		return "AWS::Redshift::HSMClientCertificate"
	case "hsmconfiguration":
		return "AWS::Redshift::HSMConfiguration"
	}
	return ""
}
