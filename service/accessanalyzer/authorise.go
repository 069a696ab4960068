package accessanalyzer

import (
	"context"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiamaccessanalyzer.html
func (s *Service) Rules() policy.Rules {
	plain := func(name string) policy.Rule { return policy.OnAny(policy.Touch{Action: "access-analyzer:" + name}) }
	absent := policy.Rule{Absent: true}
	return policy.Rules{
		"ApplyArchiveRule":       onARN(s, "ApplyArchiveRule", func(in *accessanalyzerapi.ApplyArchiveRuleRequest) string { return in.AnalyzerArn }),
		"CancelPolicyGeneration": plain("CancelPolicyGeneration"),
		"CheckAccessNotGranted":  plain("CheckAccessNotGranted"),
		"CheckNoNewAccess":       plain("CheckNoNewAccess"),
		"CheckNoPublicAccess":    plain("CheckNoPublicAccess"),
		"CreateAccessPreview":    onARN(s, "CreateAccessPreview", func(in *accessanalyzerapi.CreateAccessPreviewRequest) string { return in.AnalyzerArn }),
		"CreateAnalyzer":         policy.On(s.touchCreateAnalyzer),
		"CreateArchiveRule": onName(s, "CreateArchiveRule", func(in *accessanalyzerapi.CreateArchiveRuleRequest) (string, string) {
			return in.AnalyzerName, in.RuleName
		}),
		"CreateServiceLinkedAnalyzer": absent,
		"DeleteAnalyzer":              onName(s, "DeleteAnalyzer", func(in *accessanalyzerapi.DeleteAnalyzerRequest) (string, string) { return in.AnalyzerName, "" }),
		"DeleteArchiveRule": onName(s, "DeleteArchiveRule", func(in *accessanalyzerapi.DeleteArchiveRuleRequest) (string, string) {
			return in.AnalyzerName, in.RuleName
		}),
		"DeleteServiceLinkedAnalyzer":   absent,
		"GenerateFindingRecommendation": onARN(s, "GenerateFindingRecommendation", func(in *accessanalyzerapi.GenerateFindingRecommendationRequest) string { return in.AnalyzerArn }),
		"GetAccessPreview":              onARN(s, "GetAccessPreview", func(in *accessanalyzerapi.GetAccessPreviewRequest) string { return in.AnalyzerArn }),
		"GetAnalyzedResource":           onARN(s, "GetAnalyzedResource", func(in *accessanalyzerapi.GetAnalyzedResourceRequest) string { return in.AnalyzerArn }),
		"GetAnalyzer":                   onName(s, "GetAnalyzer", func(in *accessanalyzerapi.GetAnalyzerRequest) (string, string) { return in.AnalyzerName, "" }),
		"GetArchiveRule": onName(s, "GetArchiveRule", func(in *accessanalyzerapi.GetArchiveRuleRequest) (string, string) {
			return in.AnalyzerName, in.RuleName
		}),
		"GetFinding":                onARN(s, "GetFinding", func(in *accessanalyzerapi.GetFindingRequest) string { return in.AnalyzerArn }),
		"GetFindingRecommendation":  onARN(s, "GetFindingRecommendation", func(in *accessanalyzerapi.GetFindingRecommendationRequest) string { return in.AnalyzerArn }),
		"GetFindingV2":              onARN(s, "GetFinding", func(in *accessanalyzerapi.GetFindingV2Request) string { return in.AnalyzerArn }),
		"GetFindingsStatistics":     onARN(s, "GetFindingsStatistics", func(in *accessanalyzerapi.GetFindingsStatisticsRequest) string { return in.AnalyzerArn }),
		"GetGeneratedPolicy":        plain("GetGeneratedPolicy"),
		"ListAccessPreviewFindings": onARN(s, "ListAccessPreviewFindings", func(in *accessanalyzerapi.ListAccessPreviewFindingsRequest) string { return in.AnalyzerArn }),
		"ListAccessPreviews":        onARN(s, "ListAccessPreviews", func(in *accessanalyzerapi.ListAccessPreviewsRequest) string { return in.AnalyzerArn }),
		"ListAnalyzedResources":     onARN(s, "ListAnalyzedResources", func(in *accessanalyzerapi.ListAnalyzedResourcesRequest) string { return in.AnalyzerArn }),
		"ListAnalyzers":             plain("ListAnalyzers"),
		"ListArchiveRules":          onName(s, "ListArchiveRules", func(in *accessanalyzerapi.ListArchiveRulesRequest) (string, string) { return in.AnalyzerName, "" }),
		"ListFindings":              onARN(s, "ListFindings", func(in *accessanalyzerapi.ListFindingsRequest) string { return in.AnalyzerArn }),
		"ListFindingsV2":            onARN(s, "ListFindings", func(in *accessanalyzerapi.ListFindingsV2Request) string { return in.AnalyzerArn }),
		"ListPolicyGenerations":     plain("ListPolicyGenerations"),
		"ListTagsForResource":       onARN(s, "ListTagsForResource", func(in *accessanalyzerapi.ListTagsForResourceRequest) string { return in.ResourceArn }),
		"StartPolicyGeneration":     policy.On(s.touchGeneration),
		"StartResourceScan":         onARN(s, "StartResourceScan", func(in *accessanalyzerapi.StartResourceScanRequest) string { return in.AnalyzerArn }),
		"TagResource": policy.On(func(ctx context.Context, in *accessanalyzerapi.TagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "TagResource", in.ResourceArn)
			t.RequestTags = policyTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *accessanalyzerapi.UntagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "UntagResource", in.ResourceArn)
			t.Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
			return []policy.Touch{t}, err
		}),
		"UpdateAnalyzer": onName(s, "UpdateAnalyzer", func(in *accessanalyzerapi.UpdateAnalyzerRequest) (string, string) { return in.AnalyzerName, "" }),
		"UpdateArchiveRule": onName(s, "UpdateArchiveRule", func(in *accessanalyzerapi.UpdateArchiveRuleRequest) (string, string) {
			return in.AnalyzerName, in.RuleName
		}),
		"UpdateFindings": onARN(s, "UpdateFindings", func(in *accessanalyzerapi.UpdateFindingsRequest) string { return in.AnalyzerArn }),
		"ValidatePolicy": plain("ValidatePolicy"),
	}
}

// touch is one action on the analyzer with an ARN, with its tags.
func (s *Service) touch(ctx context.Context, action, name string) (policy.Touch, error) {
	t := policy.Touch{Action: "access-analyzer:" + action, Resource: name}
	if a, err := arn.Parse(name); err == nil && arn.IsAccount(a.Account) {
		t.Account = a.Account
	}
	a, err := s.find(ctx, s.Store, name)
	if a != nil {
		t.ResourceTags = policyTags(a.Tags)
	}
	return t, ignoreNotFound(err)
}

func onARN[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touch(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// onName is for operations that name the analyzer, and perhaps an archive rule.
func onName[I any](s *Service, action string, name func(*I) (analyzer, rule string)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		n, r := name(in)
		own := own(ctx, n)
		t, err := s.touch(ctx, action, own.ARN())
		if r != "" {
			t.Resource += "/archive-rule/" + r
		}
		return []policy.Touch{t}, err
	})
}

// own is the analyzer of a name in the caller's account and Region.
func own(ctx context.Context, name string) *analyzer {
	call := caller.From(ctx)
	return &analyzer{Account: call.Identity.Account, Region: call.Region, Name: name}
}

// principal is Access Analyzer's service principal.
const principal = "access-analyzer.amazonaws.com"

// touchCreateAnalyzer: the first analyzer of an account makes the service-linked
// role, which its maker must be allowed to.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-using-service-linked-roles.html
func (s *Service) touchCreateAnalyzer(ctx context.Context, in *accessanalyzerapi.CreateAnalyzerRequest) ([]policy.Touch, error) {
	a := own(ctx, in.AnalyzerName)
	out := []policy.Touch{{Action: "access-analyzer:CreateAnalyzer", Resource: a.ARN(), RequestTags: policyTags(in.Tags)}}
	role := arn.New("iam", "", a.Account, "role/aws-service-role/"+principal+"/AWSServiceRoleForAccessAnalyzer")
	linked, err := s.HasPrincipal(ctx, role)
	if err != nil {
		return nil, err
	}
	if !linked {
		out = append(out, policy.Touch{
			Action: "iam:CreateServiceLinkedRole", Resource: role, Keys: []policy.Pair{{Key: "iam:AWSServiceName", Values: []string{principal}}},
		})
	}
	return out, nil
}

// touchGeneration: who has a policy generated must be allowed to pass the role
// that reads the trail.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
func (s *Service) touchGeneration(_ context.Context, in *accessanalyzerapi.StartPolicyGenerationRequest) ([]policy.Touch, error) {
	out := []policy.Touch{{Action: "access-analyzer:StartPolicyGeneration"}}
	if d := in.CloudTrailDetails; d != nil {
		t := policy.Touch{Action: "iam:PassRole", Resource: d.AccessRole, Keys: []policy.Pair{{Key: "iam:PassedToService", Values: []string{principal}}}}
		if a, err := arn.Parse(d.AccessRole); err == nil && arn.IsAccount(a.Account) {
			t.Account = a.Account
		}
		out = append(out, t)
	}
	return out, nil
}

func policyTags(tags map[string]string) []policy.Tag {
	var out []policy.Tag
	for k, v := range tags {
		out = append(out, policy.Tag{Key: k, Value: v})
	}
	return out
}

// Resource names the type of a resource for the trail.
func ResourceType(name string) string {
	if a, err := arn.Parse(name); err == nil && a.Service == "access-analyzer" {
		return "AWS::AccessAnalyzer::Analyzer"
	}
	return ""
}
