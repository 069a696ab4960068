package guardduty

import (
	"context"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/policy"
)

// listRules are those of lists.
func (s *Service) listRules() policy.Rules {
	return policy.Rules{
		"CreateIPSet": policy.On(func(_ context.Context, in *guarddutyapi.CreateIPSetRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateIPSet", RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetIPSet":    onList(s, "GetIPSet", ipSet, func(in *guarddutyapi.GetIPSetRequest) (string, string) { return in.DetectorId, in.IpSetId }),
		"UpdateIPSet": onList(s, "UpdateIPSet", ipSet, func(in *guarddutyapi.UpdateIPSetRequest) (string, string) { return in.DetectorId, in.IpSetId }),
		"DeleteIPSet": onList(s, "DeleteIPSet", ipSet, func(in *guarddutyapi.DeleteIPSetRequest) (string, string) { return in.DetectorId, in.IpSetId }),
		"CreateThreatIntelSet": policy.On(func(_ context.Context, in *guarddutyapi.CreateThreatIntelSetRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateThreatIntelSet", RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetThreatIntelSet": onList(s, "GetThreatIntelSet", threatIntelSet, func(in *guarddutyapi.GetThreatIntelSetRequest) (string, string) {
			return in.DetectorId, in.ThreatIntelSetId
		}),
		"UpdateThreatIntelSet": onList(s, "UpdateThreatIntelSet", threatIntelSet, func(in *guarddutyapi.UpdateThreatIntelSetRequest) (string, string) {
			return in.DetectorId, in.ThreatIntelSetId
		}),
		"DeleteThreatIntelSet": onList(s, "DeleteThreatIntelSet", threatIntelSet, func(in *guarddutyapi.DeleteThreatIntelSetRequest) (string, string) {
			return in.DetectorId, in.ThreatIntelSetId
		}),
		"CreateThreatEntitySet": policy.On(func(_ context.Context, in *guarddutyapi.CreateThreatEntitySetRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateThreatEntitySet", RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetThreatEntitySet": onList(s, "GetThreatEntitySet", threatEntitySet, func(in *guarddutyapi.GetThreatEntitySetRequest) (string, string) {
			return in.DetectorId, in.ThreatEntitySetId
		}),
		"UpdateThreatEntitySet": onList(s, "UpdateThreatEntitySet", threatEntitySet, func(in *guarddutyapi.UpdateThreatEntitySetRequest) (string, string) {
			return in.DetectorId, in.ThreatEntitySetId
		}),
		"DeleteThreatEntitySet": onList(s, "DeleteThreatEntitySet", threatEntitySet, func(in *guarddutyapi.DeleteThreatEntitySetRequest) (string, string) {
			return in.DetectorId, in.ThreatEntitySetId
		}),
		"CreateTrustedEntitySet": policy.On(func(_ context.Context, in *guarddutyapi.CreateTrustedEntitySetRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateTrustedEntitySet", RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetTrustedEntitySet": onList(s, "GetTrustedEntitySet", trustedEntitySet, func(in *guarddutyapi.GetTrustedEntitySetRequest) (string, string) {
			return in.DetectorId, in.TrustedEntitySetId
		}),
		"UpdateTrustedEntitySet": onList(s, "UpdateTrustedEntitySet", trustedEntitySet, func(in *guarddutyapi.UpdateTrustedEntitySetRequest) (string, string) {
			return in.DetectorId, in.TrustedEntitySetId
		}),
		"DeleteTrustedEntitySet": onList(s, "DeleteTrustedEntitySet", trustedEntitySet, func(in *guarddutyapi.DeleteTrustedEntitySetRequest) (string, string) {
			return in.DetectorId, in.TrustedEntitySetId
		}),
	}
}

// onList is the rule of an operation on a list.
func onList[I any](s *Service, action string, k *kind, ids func(*I) (detector, id string)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		detector, id := ids(in)
		return s.touch(ctx, action, partOf(ctx, detector, k.name, id))
	})
}
