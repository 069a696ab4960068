package securityhub

import (
	"strconv"
	"strings"
	"testing"

	api "bartizan.dev/api/securityhub"
)

func (f *fixture) find(in *api.GetFindingsRequest) *api.GetFindingsResponse {
	f.t.Helper()
	return ok[*api.GetFindingsResponse](f.t)(f.GetFindings(f.ctx, in))
}

// populate sends three findings that differ in everything filters look at.
func populate(t *testing.T) *fixture {
	f := newFixture(t).enable()
	f.send(
		sample("a", func(v *api.AwsSecurityFinding) {
			v.Title, v.Severity = "CloudFront is open", &api.Severity{Label: "LOW", Product: new(2.5)}
			v.Network = &api.Network{SourceIpV4: new("10.1.2.3"), SourcePort: new(int32(22)), Direction: "IN"}
			v.Resources[0].Tags = map[string]string{"Department": "Security team"}
			v.Sample = new(true)
			v.UpdatedAt = f.now().Format("2006-01-02T15:04:05Z")
		}),
		sample("b", func(v *api.AwsSecurityFinding) {
			v.Title, v.Severity, v.Confidence = "Bucket is public", &api.Severity{Label: "MEDIUM"}, new(int32(50))
			v.Resources = []api.Resource{{Type: "AwsS3Bucket", Id: "arn:aws:s3:::b", Region: new("us-east-1")}, {Type: "AwsIamAccessKey", Id: "AKIA", Tags: map[string]string{"Department": "Finance"}}}
			v.ProductFields = map[string]string{"k": "v"}
			v.Compliance = &api.Compliance{Status: "FAILED", SecurityControlId: new("S3.1"), AssociatedStandards: []api.AssociatedStandard{{StandardsId: new("standards/fsbp")}}}
			v.RecordState, v.UpdatedAt = "ARCHIVED", "2026-03-01T00:00:00+02:00"
		}),
		sample("c", func(v *api.AwsSecurityFinding) {
			v.Title, v.Severity, v.Types = "Malware", &api.Severity{Normalized: new(int32(95))}, []string{"TTPs/Command and Control", "Effects"}
			v.Malware = []api.Malware{{Name: "worm"}, {Name: "virus"}}
			v.Network = &api.Network{SourceIpV4: new("192.0.2.1"), SourceIpV6: new("2001:db8::1")}
			v.UpdatedAt = "2026-02-01T00:00:00Z"
		}),
	)
	return f
}

func TestFilters(t *testing.T) {
	f := populate(t)
	for filters, want := range map[string]string{
		`{}`: "a b c",
		`{"SeverityLabel":[{"Value":"LOW","Comparison":"EQUALS"},{"Value":"CRITICAL","Comparison":"EQUALS"}]}`:                                "a c",
		`{"SeverityLabel":[{"Value":"LOW","Comparison":"NOT_EQUALS"},{"Value":"MEDIUM","Comparison":"NOT_EQUALS"}]}`:                          "c",
		`{"Title":[{"Value":"Cloud","Comparison":"PREFIX"}]}`:                                                                                 "a",
		`{"Title":[{"Value":"cloud","Comparison":"PREFIX"}]}`:                                                                                 "",
		`{"Title":[{"Value":"Cloud","Comparison":"PREFIX_NOT_EQUALS"}]}`:                                                                      "b c",
		`{"ResourceType":[{"Value":"Aws","Comparison":"PREFIX"},{"Value":"AwsS3Bucket","Comparison":"NOT_EQUALS"}]}`:                          "a c",
		`{"ResourceType":[{"Value":"AwsIamAccessKey"}]}`:                                                                                      "b",
		`{"ResourceRegion":[{"Value":"us","Comparison":"PREFIX"}]}`:                                                                           "b",
		`{"Type":[{"Value":"Effects","Comparison":"EQUALS"}]}`:                                                                                "c",
		`{"SeverityProduct":[{"Gt":2,"Lt":3}]}`:                                                                                               "a",
		`{"SeverityNormalized":[{"Gte":95},{"Eq":1}]}`:                                                                                        "a c",
		`{"Confidence":[{"Lte":50}]}`:                                                                                                         "b",
		`{"NetworkSourcePort":[{"Eq":22}]}`:                                                                                                   "a",
		`{"UpdatedAt":[{"DateRange":{"Value":1,"Unit":"DAYS"}}]}`:                                                                             "a",
		`{"UpdatedAt":[{"Start":"2026-02-15T00:00:00Z","End":"2026-03-01T00:00:00Z"}]}`:                                                       "b",
		`{"UpdatedAt":[{"End":"2026-02-15T00:00:00Z"}]}`:                                                                                      "c",
		`{"ResourceTags":[{"Key":"Department","Value":"Finance","Comparison":"EQUALS"}]}`:                                                     "b",
		`{"ResourceTags":[{"Key":"Department","Value":"Finance","Comparison":"NOT_EQUALS"}]}`:                                                 "a c",
		`{"ProductFields":[{"Key":"k","Value":"v","Comparison":"EQUALS"}]}`:                                                                   "b",
		`{"NetworkSourceIpV4":[{"Cidr":"10.0.0.0/8"}]}`:                                                                                       "a",
		`{"NetworkSourceIpV4":[{"Cidr":"192.0.2.1"}],"NetworkSourceIpV6":[{"Cidr":"2001:db8::/32"}]}`:                                         "c",
		`{"Keyword":[{"Value":"VIRUS"}]}`:                                                                                                     "c",
		`{"MalwareName":[{"Value":"virus"}]}`:                                                                                                 "c",
		`{"Sample":[{"Value":true}]}`:                                                                                                         "a",
		`{"Sample":[{"Value":false}]}`:                                                                                                        "b c",
		`{"ComplianceSecurityControlId":[{"Value":"S3.1"}],"ComplianceAssociatedStandardsId":[{"Value":"standards/","Comparison":"PREFIX"}]}`: "b",
		`{"RecordState":[{"Value":"ACTIVE"}],"SeverityLabel":[{"Value":"LOW"}]}`:                                                              "a",
		`{"WorkflowStatus":[{"Value":"NEW"}],"AwsAccountId":[{"Value":"111111111111"}],"Region":[{"Value":"eu-west-1"}]}`:                     "a b c",
	} {
		in := &api.GetFindingsRequest{Filters: fromJSON[api.AwsSecurityFindingFilters](t, filters), SortCriteria: []api.SortCriterion{{Field: new("Id"), SortOrder: "asc"}}}
		if got := ids(f.find(in).Findings); got != want {
			t.Errorf("%s: %q, want %q", filters, got, want)
		}
	}
	for filters, says := range map[string]string{
		`{"Title":[{"Value":"x","Comparison":"EQUALS"},{"Value":"x","Comparison":"NOT_EQUALS"}]}`: "can't be combined",
		`{"Title":[{"Value":"x","Comparison":"CONTAINS"}]}`:                                       "only with automation rules",
		`{"Title":[{"Comparison":"EQUALS"}]}`:                                                     "required property 'Value'",
		`{"UpdatedAt":[{"Start":"x"}]}`:                                                           "date-time",
		`{"UpdatedAt":[{}]}`:                                                                      "DateRange",
		`{"NetworkSourceIpV4":[{"Cidr":"x"}]}`:                                                    "CIDR",
		`{"Confidence":[{}]}`:                                                                     "'Eq'",
		`{"Title":[` + strings.Repeat(`{"Value":"x"},`, 20) + `{"Value":"x"}]}`:                   "more than 20 items",
	} {
		_, err := f.GetFindings(f.ctx, &api.GetFindingsRequest{Filters: fromJSON[api.AwsSecurityFindingFilters](t, filters)})
		refused(t, err, "InvalidInputException", says)
	}
}

// TestEveryFilter: each attribute of filters has a place in findings.
func TestEveryFilter(t *testing.T) {
	for i := range filtersType.NumField() {
		name := filtersType.Field(i).Name
		if top := pathOf(name)[0]; name != "Keyword" && !isField(top) {
			t.Errorf("the filter %s looks at %s, which findings do not have", name, top)
		}
	}
}

func TestSortAndPages(t *testing.T) {
	f := populate(t)
	for _, c := range []struct{ field, order, want string }{
		{"SeverityNormalized", "desc", "c b a"}, {"Severity.Normalized", "asc", "a b c"}, {"UpdatedAt", "desc", "a b c"}, {"Title", "asc", "b a c"}, {"Confidence", "desc", "b"},
	} {
		in := &api.GetFindingsRequest{SortCriteria: []api.SortCriterion{{Field: &c.field, SortOrder: api.SortOrder(c.order)}}, MaxResults: new(int32(1))}
		var got []string
		for {
			out := f.find(in)
			got = append(got, ids(out.Findings))
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if all := strings.Join(got, " "); len(got) != 3 || !strings.HasPrefix(all, c.want) {
			t.Errorf("by %s %s: %s, want %s", c.field, c.order, all, c.want)
		}
	}
	first := f.find(&api.GetFindingsRequest{MaxResults: new(int32(2))})
	second := f.find(&api.GetFindingsRequest{MaxResults: new(int32(2)), NextToken: first.NextToken})
	if len(first.Findings) != 2 || len(second.Findings) != 1 || second.NextToken != nil || strings.Contains(ids(first.Findings), second.Findings[0].Id) {
		t.Errorf("%s, %s", ids(first.Findings), ids(second.Findings))
	}
	_, err := f.GetFindings(f.ctx, &api.GetFindingsRequest{NextToken: new("x")})
	refused(t, err, "InvalidInputException", "NextToken")
	_, err = f.GetFindings(f.ctx, &api.GetFindingsRequest{SortCriteria: []api.SortCriterion{{Field: new("Nothing")}}})
	refused(t, err, "InvalidInputException", "SortCriteria")
}

// TestAccountsApart: nobody sees another account's findings, by any way.
func TestAccountsApart(t *testing.T) {
	f := populate(t)
	other := f.as("222222222222")
	ok[*api.EnableSecurityHubResponse](t)(f.EnableSecurityHub(other, &api.EnableSecurityHubRequest{}))
	if out := ok[*api.GetFindingsResponse](t)(f.GetFindings(other, &api.GetFindingsRequest{})); len(out.Findings) != 0 {
		t.Errorf("%s", ids(out.Findings))
	}
	token := f.find(&api.GetFindingsRequest{MaxResults: new(int32(1))}).NextToken
	if out := ok[*api.GetFindingsResponse](t)(f.GetFindings(other, &api.GetFindingsRequest{NextToken: token})); len(out.Findings) != 0 {
		t.Errorf("by a token: %s", ids(out.Findings))
	}
	id := api.AwsSecurityFindingIdentifier{Id: "a", ProductArn: sample("a").ProductArn}
	out := ok[*api.BatchUpdateFindingsResponse](t)(f.BatchUpdateFindings(other, &api.BatchUpdateFindingsRequest{FindingIdentifiers: []api.AwsSecurityFindingIdentifier{id}, Confidence: new(int32(1))}))
	if len(out.ProcessedFindings) != 0 {
		t.Errorf("%+v", out)
	}
	_, err := f.GetFindingHistory(other, &api.GetFindingHistoryRequest{FindingIdentifier: &id})
	refused(t, err, "InvalidInputException", "not found")
}

func TestInsights(t *testing.T) {
	f := populate(t)
	made := ok[*api.CreateInsightResponse](t)(f.CreateInsight(f.ctx, &api.CreateInsightRequest{
		Name: "by type", GroupByAttribute: "ResourceType", Filters: fromJSON[api.AwsSecurityFindingFilters](t, `{"AwsAccountId":[{"Value":"111111111111","Comparison":"EQUALS"}]}`)}))
	results := func(name string) string {
		out := ok[*api.GetInsightResultsResponse](t)(f.GetInsightResults(f.ctx, &api.GetInsightResultsRequest{InsightArn: name})).InsightResults
		var all []string
		for _, v := range out.ResultValues {
			all = append(all, strings.Repeat("*", int(v.Count))+v.GroupByAttributeValue)
		}
		return strings.Join(all, " ")
	}
	if got := results(made.InsightArn); got != "**AwsEc2Instance *AwsIamAccessKey *AwsS3Bucket" {
		t.Error(got)
	}
	if got := results(managedInsights + "29"); got != "*CRITICAL *LOW" {
		t.Error(got)
	}
	ok[*api.UpdateInsightResponse](t)(f.UpdateInsight(f.ctx, &api.UpdateInsightRequest{InsightArn: made.InsightArn, GroupByAttribute: new("SeverityLabel")}))
	list := ok[*api.GetInsightsResponse](t)(f.GetInsights(f.ctx, &api.GetInsightsRequest{}))
	if len(list.Insights) != 1 || list.Insights[0].GroupByAttribute != "SeverityLabel" || *list.Insights[0].Filters.AwsAccountId[0].Value != account {
		t.Errorf("%+v", list)
	}
	for _, m := range managedList {
		i := managedInsightOf(strconv.Itoa(m.number))
		filters, err := i.filters()
		if err != nil {
			t.Fatal(m.name, err)
		}
		if _, err := compile(filters, forSearch, f.now()); err != nil {
			t.Error(m.name, err)
		}
		if _, known := filtersType.FieldByName(m.group); !known {
			t.Errorf("%s groups by %s", m.name, m.group)
		}
	}
	_, err := f.UpdateInsight(f.ctx, &api.UpdateInsightRequest{InsightArn: managedInsights + "1", Name: new("x")})
	refused(t, err, "InvalidInputException", "managed")
	_, err = f.CreateInsight(f.ctx, &api.CreateInsightRequest{Name: "x", GroupByAttribute: "Nothing", Filters: &api.AwsSecurityFindingFilters{}})
	refused(t, err, "InvalidInputException", "GroupByAttribute")
	ok[*api.DeleteInsightResponse](t)(f.DeleteInsight(f.ctx, &api.DeleteInsightRequest{InsightArn: made.InsightArn}))
	_, err = f.GetInsightResults(f.ctx, &api.GetInsightResultsRequest{InsightArn: made.InsightArn})
	refused(t, err, "ResourceNotFoundException", "not found")
}

func TestActionTargets(t *testing.T) {
	f := newFixture(t).enable()
	made := ok[*api.CreateActionTargetResponse](t)(f.CreateActionTarget(f.ctx, &api.CreateActionTargetRequest{Id: "Page", Name: "Page me", Description: "Wakes somebody"}))
	if made.ActionTargetArn != "arn:aws:securityhub:eu-west-1:111111111111:action/custom/Page" {
		t.Error(made.ActionTargetArn)
	}
	_, err := f.CreateActionTarget(f.ctx, &api.CreateActionTargetRequest{Id: "Page", Name: "x", Description: "x"})
	refused(t, err, "ResourceConflictException", "exists")
	_, err = f.CreateActionTarget(f.ctx, &api.CreateActionTargetRequest{Id: "a/b", Name: "x", Description: "x"})
	refused(t, err, "InvalidInputException", "Id")
	ok[*api.UpdateActionTargetResponse](t)(f.UpdateActionTarget(f.ctx, &api.UpdateActionTargetRequest{ActionTargetArn: made.ActionTargetArn, Name: new("Call me")}))
	list := ok[*api.DescribeActionTargetsResponse](t)(f.DescribeActionTargets(f.ctx, &api.DescribeActionTargetsRequest{}))
	if len(list.ActionTargets) != 1 || list.ActionTargets[0].Name != "Call me" {
		t.Errorf("%+v", list)
	}
	ok[*api.DeleteActionTargetResponse](t)(f.DeleteActionTarget(f.ctx, &api.DeleteActionTargetRequest{ActionTargetArn: made.ActionTargetArn}))
	_, err = f.DescribeActionTargets(f.ctx, &api.DescribeActionTargetsRequest{ActionTargetArns: []string{made.ActionTargetArn}})
	refused(t, err, "ResourceNotFoundException", "not found")
}

// TestAutomation: rules are asked in their order, a terminal one ends it.
func TestAutomation(t *testing.T) {
	f := newFixture(t).enable()
	rule := func(text string) string {
		return *ok[*api.CreateAutomationRuleResponse](t)(f.CreateAutomationRule(f.ctx, fromJSON[api.CreateAutomationRuleRequest](t, text))).RuleArn
	}
	last := rule(`{"RuleName":"last","Description":"d","RuleOrder":9,"Criteria":{"Title":[{"Value":"of","Comparison":"CONTAINS"}]},
		"Actions":[{"Type":"FINDING_FIELDS_UPDATE","FindingFieldsUpdate":{"Severity":{"Label":"INFORMATIONAL"},"UserDefinedFields":{"last":"yes"}}}]}`)
	rule(`{"RuleName":"raise","Description":"d","RuleOrder":1,"Criteria":{"SeverityLabel":[{"Value":"HIGH","Comparison":"EQUALS"}]},
		"Actions":[{"Type":"FINDING_FIELDS_UPDATE","FindingFieldsUpdate":{"Severity":{"Label":"CRITICAL"},"Note":{"Text":"raised","UpdatedBy":"rule"}}}]}`)
	rule(`{"RuleName":"end","Description":"d","RuleOrder":2,"IsTerminal":true,"Criteria":{"SeverityLabel":[{"Value":"CRITICAL","Comparison":"EQUALS"}],"Id":[{"Value":"b","Comparison":"EQUALS"}]},
		"Actions":[{"Type":"FINDING_FIELDS_UPDATE","FindingFieldsUpdate":{"Workflow":{"Status":"SUPPRESSED"}}}]}`)
	f.send(sample("a"), sample("b"))
	a, b := f.one("a"), f.one("b")
	if a.Severity.Label != "INFORMATIONAL" || a.Note.Text != "raised" || a.UserDefinedFields["last"] != "yes" || a.FindingProviderFields.Severity.Label != "HIGH" {
		t.Errorf("%+v", a)
	}
	if b.Severity.Label != "CRITICAL" || b.Workflow.Status != "SUPPRESSED" || b.UserDefinedFields["last"] != "" {
		t.Errorf("%+v", b)
	}
	up := ok[*api.BatchUpdateAutomationRulesResponse](t)(f.BatchUpdateAutomationRules(f.ctx, &api.BatchUpdateAutomationRulesRequest{UpdateAutomationRulesRequestItems: []api.UpdateAutomationRulesRequestItem{
		{RuleArn: last, RuleStatus: "DISABLED"}, {RuleArn: last + "x"}}}))
	if len(up.ProcessedAutomationRules) != 1 || *up.UnprocessedAutomationRules[0].ErrorCode != 404 {
		t.Errorf("%+v", up)
	}
	got := ok[*api.BatchGetAutomationRulesResponse](t)(f.BatchGetAutomationRules(f.ctx, &api.BatchGetAutomationRulesRequest{AutomationRulesArns: []string{last}}))
	if r := got.Rules[0]; r.RuleStatus != "DISABLED" || *r.Criteria.Title[0].Value != "of" || r.Actions[0].FindingFieldsUpdate.UserDefinedFields["last"] != "yes" {
		t.Errorf("%+v", r)
	}
	f.send(sample("a", func(v *api.AwsSecurityFinding) { v.UpdatedAt = "2026-05-01T00:00:00Z" }))
	if a = f.one("a"); a.Severity.Label != "CRITICAL" {
		t.Errorf("a disabled rule worked: %s", a.Severity.Label)
	}
	list := ok[*api.ListAutomationRulesResponse](t)(f.ListAutomationRules(f.ctx, &api.ListAutomationRulesRequest{MaxResults: new(int32(2))}))
	if len(list.AutomationRulesMetadata) != 2 || list.NextToken == nil {
		t.Errorf("%+v", list)
	}
	gone := ok[*api.BatchDeleteAutomationRulesResponse](t)(f.BatchDeleteAutomationRules(f.ctx, &api.BatchDeleteAutomationRulesRequest{AutomationRulesArns: []string{last}}))
	if len(gone.ProcessedAutomationRules) != 1 {
		t.Errorf("%+v", gone)
	}
	_, err := f.CreateAutomationRule(f.ctx, fromJSON[api.CreateAutomationRuleRequest](t, `{"RuleName":"x","Description":"d","RuleOrder":1,"Criteria":{},"Actions":[{"Type":"FINDING_FIELDS_UPDATE","FindingFieldsUpdate":{}}]}`))
	refused(t, err, "InvalidInputException", "criterion")
}
