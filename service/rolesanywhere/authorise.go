package rolesanywhere

import (
	"context"
	"errors"
	"strings"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementrolesanywhere.html
func (s *Service) Rules() policy.Rules {
	r := policy.Rules{
		"CreateSession": policy.On(s.touchCreateSession),
		"CreateTrustAnchor": policy.On(func(ctx context.Context, in *rolesapi.CreateTrustAnchorRequest) ([]policy.Touch, error) {
			return s.onAll(ctx, "CreateTrustAnchor", s.anchors.name, in.Tags), nil
		}),
		"CreateProfile": policy.On(func(ctx context.Context, in *rolesapi.CreateProfileRequest) ([]policy.Touch, error) {
			return append(s.onAll(ctx, "CreateProfile", s.profiles.name, in.Tags), passing(in.RoleArns)...), nil
		}),
		"ImportCrl": policy.On(func(ctx context.Context, in *rolesapi.ImportCrlRequest) ([]policy.Touch, error) {
			return s.onAll(ctx, "ImportCrl", s.crls.name, in.Tags), nil
		}),
		"UpdateTrustAnchor": policy.On(func(ctx context.Context, in *rolesapi.UpdateTrustAnchorRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.anchors, "UpdateTrustAnchor", in.TrustAnchorId)
		}),
		"UpdateProfile": policy.On(func(ctx context.Context, in *rolesapi.UpdateProfileRequest) ([]policy.Touch, error) {
			t, err := on(ctx, s, &s.profiles, "UpdateProfile", in.ProfileId)
			return append(t, passing(in.RoleArns)...), err
		}),
		"UpdateCrl": policy.On(func(ctx context.Context, in *rolesapi.UpdateCrlRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.crls, "UpdateCrl", in.CrlId)
		}),
		"PutAttributeMapping": policy.On(func(ctx context.Context, in *rolesapi.PutAttributeMappingRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.profiles, "PutAttributeMapping", in.ProfileId)
		}),
		"DeleteAttributeMapping": policy.On(func(ctx context.Context, in *rolesapi.DeleteAttributeMappingRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.profiles, "DeleteAttributeMapping", in.ProfileId)
		}),
		"PutNotificationSettings": policy.On(func(ctx context.Context, in *rolesapi.PutNotificationSettingsRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.anchors, "PutNotificationSettings", in.TrustAnchorId)
		}),
		"ResetNotificationSettings": policy.On(func(ctx context.Context, in *rolesapi.ResetNotificationSettingsRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.anchors, "ResetNotificationSettings", in.TrustAnchorId)
		}),
		"GetSubject": policy.On(func(ctx context.Context, in *rolesapi.ScalarSubjectRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.subjects, "GetSubject", in.SubjectId)
		}),
		"ListTagsForResource": policy.On(func(ctx context.Context, in *rolesapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.onARN(ctx, "ListTagsForResource", in.ResourceArn, nil)
		}),
		"TagResource": policy.On(func(ctx context.Context, in *rolesapi.TagResourceRequest) ([]policy.Touch, error) {
			return s.onARN(ctx, "TagResource", in.ResourceArn, func(t *policy.Touch) { t.RequestTags = requestTags(in.Tags) })
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *rolesapi.UntagResourceRequest) ([]policy.Touch, error) {
			return s.onARN(ctx, "UntagResource", in.ResourceArn, func(t *policy.Touch) {
				t.Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
			})
		}),
	}
	for _, name := range []string{"GetTrustAnchor", "EnableTrustAnchor", "DisableTrustAnchor", "DeleteTrustAnchor"} {
		r[name] = policy.On(func(ctx context.Context, in *rolesapi.ScalarTrustAnchorRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.anchors, name, in.TrustAnchorId)
		})
	}
	for _, name := range []string{"GetProfile", "EnableProfile", "DisableProfile", "DeleteProfile"} {
		r[name] = policy.On(func(ctx context.Context, in *rolesapi.ScalarProfileRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.profiles, name, in.ProfileId)
		})
	}
	for _, name := range []string{"GetCrl", "EnableCrl", "DisableCrl", "DeleteCrl"} {
		r[name] = policy.On(func(ctx context.Context, in *rolesapi.ScalarCrlRequest) ([]policy.Touch, error) {
			return on(ctx, s, &s.crls, name, in.CrlId)
		})
	}
	for name, kind := range map[string]string{"ListTrustAnchors": s.anchors.name, "ListProfiles": s.profiles.name, "ListCrls": s.crls.name, "ListSubjects": s.subjects.name} {
		r[name] = policy.On(func(ctx context.Context, _ *rolesapi.ListRequest) ([]policy.Touch, error) {
			return s.onAll(ctx, name, kind, nil), nil
		})
	}
	return r
}

// onAll is the touch of an operation that names no resource. Its resource is
// all of the kind, so that policies like AWS's own AWSRolesAnywhereFullAccess,
// which name trust-anchor/*, allow it.
func (s *Service) onAll(ctx context.Context, action, kind string, tags []rolesapi.Tag) []policy.Touch {
	at := placeOf(ctx)
	return []policy.Touch{{
		Action: "rolesanywhere:" + action, Resource: at.arn(kind, everything), Account: at.account, RequestTags: requestTags(tags),
	}}
}

// on is the touch of an operation on a resource. For one that does not exist it
// has no tags.
func on[T any](ctx context.Context, s *Service, k *kind[T], action, identifier string) ([]policy.Touch, error) {
	at := placeOf(ctx)
	t := policy.Touch{Action: "rolesanywhere:" + action, Account: at.account}
	v, err := k.find(ctx, s.Store, at, identifier)
	if e, ok := errors.AsType[*wire.Error](err); ok && !e.Fault {
		if t.Resource = identifier; !strings.HasPrefix(identifier, "arn:") {
			t.Resource = at.arn(k.name, identifier)
		}
		return []policy.Touch{t}, nil
	} else if err != nil {
		return nil, err
	}
	h := k.head(v)
	t.Resource, t.ResourceTags = *k.arn(h), policyTags(h.Tags)
	return []policy.Touch{t}, nil
}

func (s *Service) onARN(ctx context.Context, action, name string, more func(*policy.Touch)) (t []policy.Touch, err error) {
	switch kindOf(name) {
	case s.anchors.name:
		t, err = on(ctx, s, &s.anchors, action, name)
	case s.profiles.name:
		t, err = on(ctx, s, &s.profiles, action, name)
	case s.crls.name:
		t, err = on(ctx, s, &s.crls, action, name)
	case s.subjects.name:
		t, err = on(ctx, s, &s.subjects, action, name)
	default:
		t = []policy.Touch{{Action: "rolesanywhere:" + action, Resource: name, Account: placeOf(ctx).account}}
	}
	if err == nil && more != nil {
		more(&t[0])
	}
	return t, err
}

// passing are the touches of giving roles to the service.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func passing(roles []string) []policy.Touch {
	var out []policy.Touch
	for _, name := range roles {
		t := policy.Touch{Action: "iam:PassRole", Resource: name, Keys: []policy.Pair{{Key: "iam:PassedToService", Values: []string{principal}}}}
		if a, err := arn.Parse(name); err == nil {
			t.Account = a.Account
		}
		out = append(out, t)
	}
	return out
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	switch kindOf(name) {
	case "trust-anchor":
		return "AWS::RolesAnywhere::TrustAnchor"
	case "profile":
		return "AWS::RolesAnywhere::Profile"
	case "crl":
		return "AWS::RolesAnywhere::CRL"
	case "subject":
		return "AWS::RolesAnywhere::Subject"
	case "role":
		return "AWS::IAM::Role"
	}
	return ""
}
