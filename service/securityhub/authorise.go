package securityhub

import (
	"context"
	"strconv"
	"strings"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"BatchImportFindings": policy.On(s.touchImport),
		"BatchUpdateFindings": policy.On(s.touchUpdate),
		"EnableSecurityHub": policy.On(func(ctx context.Context, in *api.EnableSecurityHubRequest) ([]policy.Touch, error) {
			t := s.touchHub(ctx, "EnableSecurityHub")
			t.ResourceTags, t.RequestTags = nil, tags(in.Tags)
			return []policy.Touch{t}, nil
		}),
		"CreateAutomationRule": policy.On(func(_ context.Context, in *api.CreateAutomationRuleRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "securityhub:CreateAutomationRule", RequestTags: tags(in.Tags)}}, nil
		}),
		"BatchGetAutomationRules": onRules(s, "BatchGetAutomationRules", func(in *api.BatchGetAutomationRulesRequest) []string {
			return in.AutomationRulesArns
		}),
		"BatchDeleteAutomationRules": onRules(s, "BatchDeleteAutomationRules", func(in *api.BatchDeleteAutomationRulesRequest) []string {
			return in.AutomationRulesArns
		}),
		"BatchUpdateAutomationRules": onRules(s, "BatchUpdateAutomationRules", func(in *api.BatchUpdateAutomationRulesRequest) (out []string) {
			for _, i := range in.UpdateAutomationRulesRequestItems {
				out = append(out, i.RuleArn)
			}
			return out
		}),
		"TagResource": policy.On(func(ctx context.Context, in *api.TagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touchResource(ctx, "TagResource", in.ResourceArn)
			t.RequestTags = tags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *api.UntagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touchResource(ctx, "UntagResource", in.ResourceArn)
			t.Keys = append(t.Keys, policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true})
			return []policy.Touch{t}, err
		}),
		"ListTagsForResource": policy.On(func(ctx context.Context, in *api.ListTagsForResourceRequest) ([]policy.Touch, error) {
			t, err := s.touchResource(ctx, "ListTagsForResource", in.ResourceArn)
			return []policy.Touch{t}, err
		}),
	}
	for _, name := range onHub {
		rules[name] = s.hubRule(name)
	}
	for _, name := range onNothing {
		rules[name] = policy.OnAny(policy.Touch{Action: "securityhub:" + name})
	}
	for i := range api.Model().Ops {
		if name := api.Model().Ops[i].Name; rules[name].Touches == nil {
			rules[name] = policy.Rule{Absent: true}
		}
	}
	return rules
}

// onHub are the operations that act on the hub.
var onHub = []string{
	"AcceptAdministratorInvitation", "AcceptInvitation", "CreateMembers", "DeclineInvitations", "DeleteInvitations", "DeleteMembers",
	"DescribeOrganizationConfiguration", "DisableOrganizationAdminAccount", "DisassociateFromAdministratorAccount", "DisassociateFromMasterAccount",
	"DisassociateMembers", "EnableOrganizationAdminAccount", "GetAdministratorAccount", "GetInvitationsCount", "GetMasterAccount", "GetMembers",
	"InviteMembers", "ListInvitations", "ListMembers", "ListOrganizationAdminAccounts", "UpdateOrganizationConfiguration",
	"BatchDisableStandards", "BatchEnableStandards", "DescribeStandards", "DescribeStandardsControls", "GetEnabledStandards", "UpdateStandardsControl",
	"CreateActionTarget", "CreateInsight", "DeleteActionTarget", "DeleteInsight", "DescribeActionTargets", "DescribeHub", "DescribeProducts",
	"DisableImportFindingsForProduct", "DisableSecurityHub", "EnableImportFindingsForProduct", "GetFindingHistory", "GetFindings",
	"GetInsightResults", "GetInsights", "ListEnabledProductsForImport", "UpdateActionTarget", "UpdateFindings", "UpdateInsight",
	"UpdateSecurityHubConfiguration",
}

// onNothing are the operations that policies can't limit to a resource.
var onNothing = []string{
	"BatchGetSecurityControls", "BatchGetStandardsControlAssociations", "BatchUpdateStandardsControlAssociations", "GetSecurityControlDefinition",
	"ListAutomationRules", "ListSecurityControlDefinitions", "ListStandardsControlAssociations", "UpdateSecurityControl",
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	switch {
	case strings.Contains(name, ":hub/"):
		return "AWS::SecurityHub::Hub"
	case strings.Contains(name, ":automation-rule/"):
		return "AWS::SecurityHub::AutomationRule"
	}
	return ""
}

func tags(m map[string]string) (out []policy.Tag) {
	for k, v := range m {
		out = append(out, policy.Tag{Key: k, Value: v})
	}
	return out
}

// touchHub is the touch of the caller's own hub.
func (s *Service) touchHub(ctx context.Context, action string) policy.Touch {
	p := placeOf(ctx)
	t := policy.Touch{Action: "securityhub:" + action, Resource: p.arn("hub/default"), Account: p.account}
	if h, err := s.hubs.Get(ctx, s.Store, p.home()); err == nil {
		t.ResourceTags = tags(h.Tags)
	}
	return t
}

func (s *Service) hubRule(action string) policy.Rule {
	return policy.Rule{Touches: func(ctx context.Context, _ any) ([]policy.Touch, error) {
		return []policy.Touch{s.touchHub(ctx, action)}, nil
	}}
}

// touchResource is the touch of the hub or an automation rule by its ARN.
func (s *Service) touchResource(ctx context.Context, action, name string) (policy.Touch, error) {
	p := placeOf(ctx)
	if name == p.arn("hub/default") {
		return s.touchHub(ctx, action), nil
	}
	t := policy.Touch{Action: "securityhub:" + action, Resource: name, Account: p.account}
	r, err := s.rule(ctx, s.Store, name)
	if r != nil {
		t.ResourceTags = tags(r.Tags)
	}
	return t, err
}

func onRules[I any](s *Service, action string, names func(*I) []string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) (out []policy.Touch, err error) {
		for _, name := range names(in) {
			t, err := s.touchResource(ctx, action, name)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
		return out, nil
	})
}

// touchImport: each product, with the account that the findings are for.
func (s *Service) touchImport(ctx context.Context, in *api.BatchImportFindingsRequest) (out []policy.Touch, err error) {
	type target struct{ product, account string }
	seen := map[target]bool{}
	for i := range in.Findings {
		f := &in.Findings[i]
		t := target{f.ProductArn, f.AwsAccountId}
		if seen[t] {
			continue
		}
		seen[t] = true
		out = append(out, policy.Touch{
			Action: "securityhub:BatchImportFindings", Resource: f.ProductArn, Account: placeOf(ctx).account,
			Keys: []policy.Pair{{Key: "securityhub:TargetAccount", Values: []string{f.AwsAccountId}}},
		})
	}
	return out, nil
}

// touchUpdate tells policies which fields are set to what.
// https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchupdatefindings.html
func (s *Service) touchUpdate(ctx context.Context, in *api.BatchUpdateFindingsRequest) ([]policy.Touch, error) {
	t := s.touchHub(ctx, "BatchUpdateFindings")
	set := func(field string, values ...string) {
		t.Keys = append(t.Keys, policy.Pair{Key: "securityhub:ASFFSyntaxPath/" + field, Values: values})
	}
	number := func(field string, v *int32) {
		if v != nil {
			set(field, strconv.Itoa(int(*v)))
		}
	}
	if in.Note != nil {
		set("Note.Text", in.Note.Text)
		set("Note.UpdatedBy", in.Note.UpdatedBy)
	}
	if v := in.Severity; v != nil {
		if v.Label != "" {
			set("Severity.Label", string(v.Label))
		}
		if v.Product != nil {
			set("Severity.Product", strconv.FormatFloat(*v.Product, 'f', -1, 64))
		}
		number("Severity.Normalized", v.Normalized)
	}
	if in.VerificationState != "" {
		set("VerificationState", string(in.VerificationState))
	}
	number("Confidence", in.Confidence)
	number("Criticality", in.Criticality)
	if in.Types != nil {
		set("Types", in.Types...)
	}
	for k, v := range in.UserDefinedFields {
		set("UserDefinedFields."+k, v)
	}
	if in.Workflow != nil {
		set("Workflow.Status", string(in.Workflow.Status))
	}
	if len(in.RelatedFindings) > 0 {
		var products, ids []string
		for _, r := range in.RelatedFindings {
			products, ids = append(products, r.ProductArn), append(ids, r.Id)
		}
		set("RelatedFindings.ProductArn", products...)
		set("RelatedFindings.Id", ids...)
	}
	return []policy.Touch{t}, nil
}
