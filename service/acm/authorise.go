package acm

import (
	"context"
	"strings"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"RequestCertificate": policy.On(s.touchRequest),
		"ImportCertificate": policy.On(func(ctx context.Context, in *acmapi.ImportCertificateRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "ImportCertificate", orEmpty(in.CertificateArn))
			if in.CertificateArn == nil {
				t[0].Resource = placeARN(ctx, "certificate/*")
			}
			return withTags(t, in.Tags), err
		}),
		"DescribeCertificate": policy.On(func(ctx context.Context, in *acmapi.DescribeCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DescribeCertificate", in.CertificateArn)
		}),
		"GetCertificate": policy.On(func(ctx context.Context, in *acmapi.GetCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "GetCertificate", in.CertificateArn)
		}),
		"DeleteCertificate": policy.On(func(ctx context.Context, in *acmapi.DeleteCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteCertificate", in.CertificateArn)
		}),
		"ExportCertificate": policy.On(func(ctx context.Context, in *acmapi.ExportCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ExportCertificate", in.CertificateArn)
		}),
		"RenewCertificate": policy.On(func(ctx context.Context, in *acmapi.RenewCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "RenewCertificate", in.CertificateArn)
		}),
		"RevokeCertificate": policy.On(func(ctx context.Context, in *acmapi.RevokeCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "RevokeCertificate", in.CertificateArn)
		}),
		"UpdateCertificateOptions": policy.On(func(ctx context.Context, in *acmapi.UpdateCertificateOptionsRequest) ([]policy.Touch, error) {
			return s.on(ctx, "UpdateCertificateOptions", in.CertificateArn)
		}),
		"AddTagsToCertificate": policy.On(func(ctx context.Context, in *acmapi.AddTagsToCertificateRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "AddTagsToCertificate", in.CertificateArn)
			return withTags(t, in.Tags), err
		}),
		"RemoveTagsFromCertificate": policy.On(func(ctx context.Context, in *acmapi.RemoveTagsFromCertificateRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "RemoveTagsFromCertificate", in.CertificateArn)
			return withTags(t, in.Tags), err
		}),
		"ListTagsForCertificate": policy.On(func(ctx context.Context, in *acmapi.ListTagsForCertificateRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ListTagsForCertificate", in.CertificateArn)
		}),
		"TagResource": policy.On(func(ctx context.Context, in *acmapi.TagResourceRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "TagResource", in.ResourceArn)
			return withTags(t, in.Tags), err
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *acmapi.UntagResourceRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "UntagResource", in.ResourceArn)
			for i := range t {
				t[i].Keys = append(t[i].Keys, policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true})
			}
			return t, err
		}),
		"ListTagsForResource": policy.On(func(ctx context.Context, in *acmapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ListTagsForResource", in.ResourceArn)
		}),
	}
	for _, name := range []string{"ListCertificates", "SearchCertificates", "GetAccountConfiguration", "PutAccountConfiguration"} {
		rules[name] = policy.OnAny(policy.Touch{Action: "acm:" + name, Resource: "*"})
	}
	for _, op := range acmapi.Operations(s) {
		if _, ok := rules[op.Name]; !ok {
			rules[op.Name] = policy.Rule{Absent: true} // those of ACME endpoints
		}
	}
	return rules
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	if a, err := arn.Parse(name); err == nil && a.Service == "acm" && strings.HasPrefix(a.Resource, "certificate/") {
		return "AWS::CertificateManager::Certificate"
	}
	return ""
}

func placeARN(ctx context.Context, resource string) string {
	at := placeOf(ctx)
	return arn.New("acm", at.region, at.account, resource)
}

// on is the touch of an action on a certificate. One that does not exist has no
// tags.
func (s *Service) on(ctx context.Context, action, name string) ([]policy.Touch, error) {
	t := policy.Touch{Action: "acm:" + action, Resource: name}
	if c, err := s.find(ctx, s.Store, name); err == nil {
		for _, k := range sortedKeys(c.Tags) {
			t.ResourceTags = append(t.ResourceTags, policy.Tag{Key: k, Value: c.Tags[k]})
		}
	}
	return []policy.Touch{t}, nil
}

func withTags(touches []policy.Touch, tags []acmapi.Tag) []policy.Touch {
	for i := range touches {
		for _, t := range tags {
			touches[i].RequestTags = append(touches[i].RequestTags, policy.Tag{Key: t.Key, Value: orEmpty(t.Value)})
		}
	}
	return touches
}

// touchRequest: https://docs.aws.amazon.com/acm/latest/userguide/acm-conditions.html
func (s *Service) touchRequest(ctx context.Context, in *acmapi.RequestCertificateRequest) ([]policy.Touch, error) {
	t := policy.Touch{Action: "acm:RequestCertificate", Resource: placeARN(ctx, "certificate/*")}
	o := options(in.Options)
	t.Keys = []policy.Pair{
		{Key: "acm:DomainNames", Values: names(in), Multi: true},
		{Key: "acm:KeyAlgorithm", Values: []string{string(algorithm(in.KeyAlgorithm))}},
		{Key: "acm:CertificateTransparencyLogging", Values: []string{string(o.CertificateTransparencyLoggingPreference)}},
		{Key: "acm:Export", Values: []string{string(o.Export)}},
	}
	if in.ValidationMethod != "" {
		t.Keys = append(t.Keys, policy.Pair{Key: "acm:ValidationMethod", Values: []string{string(in.ValidationMethod)}})
	}
	if in.CertificateAuthorityArn != nil {
		t.Keys = append(t.Keys, policy.Pair{Key: "acm:CertificateAuthority", Values: []string{*in.CertificateAuthorityArn}})
	}
	touches := withTags([]policy.Touch{t}, in.Tags)
	if len(in.Tags) > 0 {
		more := touches[0]
		more.Action = "acm:AddTagsToCertificate"
		touches = append(touches, more)
	}
	return touches, nil
}
