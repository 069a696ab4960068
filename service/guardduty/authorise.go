package guardduty

import (
	"context"
	"maps"
	"slices"
	"strings"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// absent are the operations that are not built.
var absent = strings.Fields(`
	CreateCustomDetectionRuleAssociation CreateCustomDetectionRuleOrgConfiguration
	CreateInvestigation
	DeleteCustomDetectionRuleAssociation
	DeleteCustomDetectionRuleOrgConfiguration
	DescribeMalwareScans
	GetCoverageStatistics
	GetCustomDetectionRule GetCustomDetectionRuleAssociation GetCustomDetectionRuleOrgConfiguration GetInvestigation
	GetMalwareScan
	GetOrganizationStatistics GetRemainingFreeTrialDays GetUsageStatistics
	ListCoverage ListCustomDetectionRuleAssociations ListCustomDetectionRuleOrgConfigurations ListCustomDetectionRules
	ListInvestigationRecords ListInvestigations ListMalwareScans
	SendObjectMalwareScan StartMalwareScan UpdateCustomDetectionRuleAssociation
	UpdateCustomDetectionRuleOrgConfiguration
	`)

// plain are the operations for which AWS's list names no resource: a policy can
// only say "*".
var plain = strings.Fields(`ArchiveFindings CreateSampleFindings GetFindings GetFindingsStatistics ListDetectors ListFilters ListFindings ListIPSets
	ListThreatEntitySets ListThreatIntelSets ListTrustedEntitySets
	UnarchiveFindings UpdateFindingsFeedback
	CreateMembers InviteMembers GetMembers ListMembers DeleteMembers DisassociateMembers StartMonitoringMembers StopMonitoringMembers
	GetMemberDetectors UpdateMemberDetectors ListInvitations GetInvitationsCount AcceptAdministratorInvitation AcceptInvitation
	DeclineInvitations DeleteInvitations GetAdministratorAccount GetMasterAccount DisassociateFromAdministratorAccount DisassociateFromMasterAccount
	EnableOrganizationAdminAccount DisableOrganizationAdminAccount ListOrganizationAdminAccounts DescribeOrganizationConfiguration UpdateOrganizationConfiguration
	GetMalwareScanSettings UpdateMalwareScanSettings ListPublishingDestinations ListMalwareProtectionPlans`)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonguardduty.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"CreateDetector": policy.On(func(_ context.Context, in *guarddutyapi.CreateDetectorRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateDetector", RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetDetector":    onDetector(s, "GetDetector", func(in *guarddutyapi.GetDetectorRequest) string { return in.DetectorId }),
		"UpdateDetector": onDetector(s, "UpdateDetector", func(in *guarddutyapi.UpdateDetectorRequest) string { return in.DetectorId }),
		"DeleteDetector": onDetector(s, "DeleteDetector", func(in *guarddutyapi.DeleteDetectorRequest) string { return in.DetectorId }),

		"CreateMalwareProtectionPlan": policy.On(func(_ context.Context, in *guarddutyapi.CreateMalwareProtectionPlanRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateMalwareProtectionPlan", RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetMalwareProtectionPlan": policy.On(func(ctx context.Context, in *guarddutyapi.GetMalwareProtectionPlanRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "GetMalwareProtectionPlan", planOf(ctx, in.MalwareProtectionPlanId))
		}),
		"UpdateMalwareProtectionPlan": policy.On(func(ctx context.Context, in *guarddutyapi.UpdateMalwareProtectionPlanRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "UpdateMalwareProtectionPlan", planOf(ctx, in.MalwareProtectionPlanId))
		}),
		"DeleteMalwareProtectionPlan": policy.On(func(ctx context.Context, in *guarddutyapi.DeleteMalwareProtectionPlanRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "DeleteMalwareProtectionPlan", planOf(ctx, in.MalwareProtectionPlanId))
		}),

		"CreateFilter": policy.On(func(ctx context.Context, in *guarddutyapi.CreateFilterRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "guardduty:CreateFilter", Resource: partOf(ctx, in.DetectorId, "filter", in.Name), RequestTags: requestTags(in.Tags)}}, nil
		}),
		"GetFilter": policy.On(func(ctx context.Context, in *guarddutyapi.GetFilterRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "GetFilter", partOf(ctx, in.DetectorId, "filter", in.FilterName))
		}),
		"UpdateFilter": policy.On(func(ctx context.Context, in *guarddutyapi.UpdateFilterRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "UpdateFilter", partOf(ctx, in.DetectorId, "filter", in.FilterName))
		}),
		"DeleteFilter": policy.On(func(ctx context.Context, in *guarddutyapi.DeleteFilterRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "DeleteFilter", partOf(ctx, in.DetectorId, "filter", in.FilterName))
		}),

		"ListTagsForResource": policy.On(func(ctx context.Context, in *guarddutyapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.touch(ctx, "ListTagsForResource", in.ResourceArn)
		}),
		"TagResource": policy.On(func(ctx context.Context, in *guarddutyapi.TagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "TagResource", in.ResourceArn)
			t[0].RequestTags = requestTags(in.Tags)
			return t, err
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *guarddutyapi.UntagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "UntagResource", in.ResourceArn)
			t[0].Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
			return t, err
		}),
	}
	maps.Copy(rules, s.listRules())
	maps.Copy(rules, s.destinationRules())
	for _, op := range plain {
		rules[op] = policy.OnAny(policy.Touch{Action: "guardduty:" + op})
	}
	for _, op := range absent {
		rules[op] = policy.Rule{Absent: true}
	}
	return rules
}

// onDetector is the rule of an operation on a detector.
func onDetector[I any](s *Service, action string, id func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		at := placeOf(ctx)
		return s.touch(ctx, action, arn.New("guardduty", at.Region, at.Account, "detector/"+id(in)))
	})
}

// partOf is the ARN of what belongs to a detector of the caller.
func partOf(ctx context.Context, detector, kind, name string) string {
	at := placeOf(ctx)
	return arn.New("guardduty", at.Region, at.Account, "detector/"+detector+"/"+kind+"/"+name)
}

// touch is that of an operation on the resource with an ARN. For one that does
// not exist it has no tags.
func (s *Service) touch(ctx context.Context, action, name string) ([]policy.Touch, error) {
	t := policy.Touch{Action: "guardduty:" + action, Resource: name}
	if a, err := arn.Parse(name); err == nil {
		t.Account = a.Account
	}
	v, err := s.named(ctx, s.Store, name)
	if err != nil {
		if e := wire.AsError(err); e.Fault {
			return []policy.Touch{t}, err
		}
		return []policy.Touch{t}, nil
	}
	t.ResourceTags = requestTags(v.tags)
	return []policy.Touch{t}, nil
}

func requestTags(tags map[string]string) []policy.Tag {
	out := make([]policy.Tag, 0, len(tags))
	for k, v := range tags {
		out = append(out, policy.Tag{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b policy.Tag) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "guardduty" {
		return ""
	}
	switch parts := strings.Split(a.Resource, "/"); {
	case parts[0] == "detector" && len(parts) == 2:
		return "AWS::GuardDuty::Detector"
	case len(parts) == 4 && parts[2] == "filter":
		return "AWS::GuardDuty::Filter"
	case len(parts) == 4 && parts[2] == "publishingdestination":
		return "AWS::GuardDuty::PublishingDestination"
	case len(parts) == 4 && parts[2] == ipSet.name:
		return "AWS::GuardDuty::IPSet"
	case len(parts) == 4 && parts[2] == threatIntelSet.name:
		return "AWS::GuardDuty::ThreatIntelSet"
	case len(parts) == 4 && parts[2] == threatEntitySet.name:
		return "AWS::GuardDuty::ThreatEntitySet"
	case len(parts) == 4 && parts[2] == trustedEntitySet.name:
		return "AWS::GuardDuty::TrustedEntitySet"
	}
	return ""
}
