package accessanalyzer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/policy"
)

func TestUnusedAccess(t *testing.T) {
	f := newFixture(t)
	now := f.now()
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * day) }
	f.usage = []Usage{
		{ARN: "arn:aws:iam::111122223333:user/alice", Type: api.ResourceType_AWS__IAM__User, Created: ago(400),
			Keys:     []KeyUsage{{"AKIAOLD", ago(300), ago(200)}, {"AKIANEW", ago(300), ago(3)}},
			Password: &PasswordUsage{Created: ago(300)},
			Services: []ServiceUsage{
				{Namespace: "s3", Used: ago(1), Actions: []ActionUsage{{"s3:GetObject", ago(1)}, {"s3:PutObject", time.Time{}}}},
				{Namespace: "ec2"},
			}},
		{ARN: "arn:aws:iam::111122223333:user/new", Type: api.ResourceType_AWS__IAM__User, Created: ago(10), Password: &PasswordUsage{Created: ago(10)}},
		{ARN: roleARN("idle"), Type: api.ResourceType_AWS__IAM__Role, Created: ago(400), Used: ago(100), Services: []ServiceUsage{{Namespace: "ec2"}}},
		{ARN: roleARN("spared"), Type: api.ResourceType_AWS__IAM__Role, Created: ago(400), Tags: map[string]string{"team": "infra"}},
	}
	_, err := f.CreateAnalyzer(f.ctx, &api.CreateAnalyzerRequest{AnalyzerName: "a", Type: api.Type_ACCOUNT_UNUSED_ACCESS, Configuration: &api.AnalyzerConfiguration{
		UnusedAccess: &api.UnusedAccessConfiguration{AnalysisRule: &api.AnalysisRule{Exclusions: []api.AnalysisRuleCriteria{{ResourceTags: []map[string]string{{"team": "infra"}}}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.settle()
	arn := own(f.ctx, "a").ARN()
	list, err := f.ListFindingsV2(f.ctx, &api.ListFindingsV2Request{AnalyzerArn: arn, Sort: &api.SortCriteria{AttributeName: new("findingType")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	permission := ""
	for _, x := range list.Findings {
		d, err := f.GetFindingV2(f.ctx, &api.GetFindingV2Request{AnalyzerArn: arn, Id: x.Id})
		if err != nil {
			t.Fatal(err)
		}
		line := string(x.FindingType) + " " + (*x.Resource)[strings.LastIndexByte(*x.Resource, '/')+1:]
		if p := d.FindingDetails[0].UnusedPermissionDetails; p != nil {
			line += fmt.Sprintf(" %s %d", p.ServiceNamespace, len(p.Actions))
			permission = x.Id
		}
		if k := d.FindingDetails[0].UnusedIamUserAccessKeyDetails; k != nil {
			line += " " + k.AccessKeyId
		}
		got = append(got, line)
	}
	slices.Sort(got)
	f.want(got, "UnusedIAMRole idle", "UnusedIAMUserAccessKey alice AKIAOLD", "UnusedIAMUserPassword alice", "UnusedPermission alice ec2 0", "UnusedPermission alice s3 1")

	// What is left of her policies without what she does not use.
	parse := func(text string) *policy.Document {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	f.held["arn:aws:iam::111122223333:user/alice"] = []AttachedPolicy{
		{ID: "arn:aws:iam::aws:policy/AmazonEC2FullAccess", Document: parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`)},
		{ID: "objects", Document: parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}]}`)},
	}
	if _, err := f.GenerateFindingRecommendation(f.ctx, &api.GenerateFindingRecommendationRequest{AnalyzerArn: arn, Id: permission}); err != nil {
		t.Fatal(err)
	}
	f.settle()
	r, err := f.GetFindingRecommendation(f.ctx, &api.GetFindingRecommendationRequest{AnalyzerArn: arn, Id: permission})
	if err != nil || r.Status != api.Status_SUCCEEDED || len(r.RecommendedSteps) != 2 {
		t.Fatalf("recommendation %+v, %v", r, err)
	}
	first, second := r.RecommendedSteps[0].UnusedPermissionsRecommendedStep, r.RecommendedSteps[1].UnusedPermissionsRecommendedStep
	if first.RecommendedAction != api.RecommendedRemediationAction_DETACH_POLICY || second.RecommendedAction != api.RecommendedRemediationAction_CREATE_POLICY ||
		!strings.Contains(*second.RecommendedPolicy, "s3:GetObject") || strings.Contains(*second.RecommendedPolicy, "PutObject") {
		t.Errorf("steps %+v, %+v", first, second)
	}
}

// TestInternalAccess: who of the zone may use a watched role is found, and
// resolved when it is so no more; others are not looked at.
func TestInternalAccess(t *testing.T) {
	f := newFixture(t)
	f.inZone = []string{account, "999988887777"}
	f.roles = []Resource{{ARN: roleARN("ignored"), Account: account, Document: ""}, {ARN: roleARN("watched"), Account: account, Document: ""}}
	f.allowed = map[string]bool{
		"arn:aws:iam::" + account + ":user/alice " + roleARN("watched"): true,
		"arn:aws:iam::999988887777:role/app " + roleARN("watched"):      true,
		"arn:aws:iam::" + account + ":user/bob " + roleARN("ignored"):   true,
	}
	out, err := f.CreateAnalyzer(f.ctx, &api.CreateAnalyzerRequest{AnalyzerName: "i", Type: api.Type_ORGANIZATION_INTERNAL_ACCESS, Configuration: &api.AnalyzerConfiguration{
		InternalAccess: &api.InternalAccessConfiguration{AnalysisRule: &api.InternalAccessAnalysisRule{Inclusions: []api.InternalAccessAnalysisRuleCriteria{{ResourceArns: []string{roleARN("watched")}}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f.settle()
	found := func() (lines []string) {
		list, err := f.ListFindingsV2(f.ctx, &api.ListFindingsV2Request{AnalyzerArn: *out.Arn})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list.Findings {
			d, err := f.GetFindingV2(f.ctx, &api.GetFindingV2Request{AnalyzerArn: *out.Arn, Id: x.Id})
			if err != nil {
				t.Fatal(err)
			}
			in := d.FindingDetails[0].InternalAccessDetails
			lines = append(lines, fmt.Sprintf("%s %s %s %s %v", in.Principal["AWS"], in.PrincipalType, in.AccessType, x.Status, in.Action))
		}
		slices.Sort(lines)
		return lines
	}
	f.want(found(),
		"arn:aws:iam::111122223333:user/alice IAM_USER INTRA_ACCOUNT ACTIVE [sts:AssumeRole]",
		"arn:aws:iam::999988887777:role/app IAM_ROLE INTRA_ORG ACTIVE [sts:AssumeRole]")
	clear(f.allowed)
	if err := f.Changed(f.ctx, roleARN("watched")); err != nil {
		t.Fatal(err)
	}
	f.settle()
	f.want(found(),
		"arn:aws:iam::111122223333:user/alice IAM_USER INTRA_ACCOUNT RESOLVED [sts:AssumeRole]",
		"arn:aws:iam::999988887777:role/app IAM_ROLE INTRA_ORG RESOLVED [sts:AssumeRole]")
	stats, err := f.GetFindingsStatistics(f.ctx, &api.GetFindingsStatisticsRequest{AnalyzerArn: *out.Arn})
	if err != nil || *stats.FindingsStatistics[0].InternalAccessFindingsStatistics.TotalResolvedFindings != 2 {
		t.Errorf("statistics %+v, %v", stats, err)
	}
}
