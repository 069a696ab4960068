package securityhub

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/securityhub"
)

func TestHub(t *testing.T) {
	f := newFixture(t)
	_, err := f.DescribeHub(f.ctx, &api.DescribeHubRequest{})
	refused(t, err, "InvalidAccessException", "Account 111111111111 is not subscribed to AWS Security Hub")
	ok[*api.EnableSecurityHubResponse](t)(f.EnableSecurityHub(f.ctx, &api.EnableSecurityHubRequest{Tags: map[string]string{"a": "b"}}))
	_, err = f.EnableSecurityHub(f.ctx, &api.EnableSecurityHubRequest{})
	refused(t, err, "ResourceConflictException", "already subscribed")
	ok[*api.UpdateSecurityHubConfigurationResponse](t)(f.UpdateSecurityHubConfiguration(f.ctx, &api.UpdateSecurityHubConfigurationRequest{AutoEnableControls: new(false)}))
	_, err = f.UpdateSecurityHubConfiguration(f.ctx, &api.UpdateSecurityHubConfigurationRequest{ControlFindingGenerator: "STANDARD_CONTROL"})
	refused(t, err, "ValidationException", "consolidated")
	h := ok[*api.DescribeHubResponse](t)(f.DescribeHub(f.ctx, &api.DescribeHubRequest{}))
	if *h.HubArn != "arn:aws:securityhub:eu-west-1:111111111111:hub/default" || *h.AutoEnableControls || h.ControlFindingGenerator != "SECURITY_CONTROL" {
		t.Errorf("%+v", h)
	}
	if tags := ok[*api.ListTagsForResourceResponse](t)(f.ListTagsForResource(f.ctx, &api.ListTagsForResourceRequest{ResourceArn: *h.HubArn})).Tags; tags["a"] != "b" {
		t.Error(tags)
	}
	ok[*api.DisableSecurityHubResponse](t)(f.DisableSecurityHub(f.ctx, &api.DisableSecurityHubRequest{}))
	_, err = f.GetFindings(f.ctx, &api.GetFindingsRequest{})
	refused(t, err, "InvalidAccessException", "not subscribed")
}

func TestImport(t *testing.T) {
	f := newFixture(t)
	out := f.send(sample("a"))
	if out.FailedCount != 1 || out.FailedFindings[0].ErrorCode != "InvalidAccess" {
		t.Errorf("without a hub: %+v", out)
	}
	f.enable()
	out = f.send(sample("a"), sample("b", func(v *api.AwsSecurityFinding) {
		v.Severity, v.FindingProviderFields = nil, &api.FindingProviderFields{Severity: &api.FindingProviderSeverity{Label: "LOW", Original: new("3.0")}, Types: []string{"TTPs"}}
		v.Types = nil
	}))
	if out.SuccessCount != 2 || out.FailedCount != 0 {
		t.Fatalf("%+v", out)
	}
	a, b := f.one("a"), f.one("b")
	if a.Severity.Label != "HIGH" || *a.Severity.Normalized != 70 || a.Workflow.Status != "NEW" || a.RecordState != "ACTIVE" || a.WorkflowState != "NEW" ||
		a.FindingProviderFields.Severity.Label != "HIGH" || a.FindingProviderFields.Types[0] != a.Types[0] || *a.Region != region || *a.CompanyName != "Personal" ||
		a.ProductFields["aws/securityhub/FindingId"] != a.ProductArn+"/a" || a.Resources[0].Partition != "aws" || a.ProcessedAt == nil {
		t.Errorf("%+v", a)
	}
	if b.Severity.Label != "LOW" || *b.Severity.Normalized != 1 || b.Types[0] != "TTPs" || *b.FindingProviderFields.Severity.Original != "3.0" {
		t.Errorf("%+v", b)
	}
	events := f.told("Security Hub Findings - Imported")
	if len(events) != 2 || events[0].Resources[0] != a.ProductArn+"/a" && events[1].Resources[0] != a.ProductArn+"/a" || !strings.HasPrefix(string(events[0].Detail), `{"findings":[{`) {
		t.Errorf("%+v", events)
	}
}

// TestReimport: customers' fields stay, and those of both once a customer has
// changed them; what is older is ignored; a finding that fails again is new.
func TestReimport(t *testing.T) {
	f := newFixture(t).enable()
	f.send(sample("a", func(v *api.AwsSecurityFinding) { v.Compliance = &api.Compliance{Status: "PASSED"} }))
	id := []api.AwsSecurityFindingIdentifier{{Id: "a", ProductArn: sample("a").ProductArn}}
	up := ok[*api.BatchUpdateFindingsResponse](t)(f.BatchUpdateFindings(f.ctx, &api.BatchUpdateFindingsRequest{
		FindingIdentifiers: id, Note: &api.NoteUpdate{Text: "looking", UpdatedBy: "me"}, Severity: &api.SeverityUpdate{Label: "CRITICAL"},
		Workflow: &api.WorkflowUpdate{Status: "RESOLVED"}, UserDefinedFields: map[string]string{"k": "v"}, VerificationState: "TRUE_POSITIVE",
	}))
	if len(up.ProcessedFindings) != 1 || len(up.UnprocessedFindings) != 0 {
		t.Fatalf("%+v", up)
	}
	before := f.one("a")
	if before.UpdatedAt != "2026-01-01T00:00:00Z" || *before.Severity.Normalized != 90 || before.WorkflowState != "RESOLVED" {
		t.Errorf("%+v", before)
	}
	f.send(sample("a", func(v *api.AwsSecurityFinding) { v.UpdatedAt, v.Title = "2025-01-01T00:00:00Z", "older" }))
	if got := f.one("a"); got.Title != "Title of a" {
		t.Errorf("an older update was taken: %s", got.Title)
	}
	f.send(sample("a", func(v *api.AwsSecurityFinding) {
		v.UpdatedAt, v.Title, v.Severity, v.Confidence = "2026-02-01T00:00:00Z", "newer", &api.Severity{Label: "LOW"}, new(int32(7))
		v.Note, v.UserDefinedFields = &api.Note{Text: "x", UpdatedBy: "x", UpdatedAt: "2026-02-01T00:00:00Z"}, map[string]string{"k": "other"}
		v.Compliance = &api.Compliance{Status: "FAILED"}
	}))
	got := f.one("a")
	if got.Title != "newer" || got.Note.Text != "looking" || got.UserDefinedFields["k"] != "v" || got.VerificationState != "TRUE_POSITIVE" ||
		got.Severity.Label != "CRITICAL" || got.FindingProviderFields.Severity.Label != "LOW" || *got.Confidence != 7 || got.Workflow.Status != "NEW" {
		t.Errorf("%+v", got)
	}
	past := ok[*api.GetFindingHistoryResponse](t)(f.GetFindingHistory(f.ctx, &api.GetFindingHistoryRequest{FindingIdentifier: &id[0]}))
	if n := len(past.Records); n != 3 || !*past.Records[2].FindingCreated || *past.Records[0].FindingCreated || past.Records[1].UpdateSource.Type != "BATCH_UPDATE_FINDINGS" {
		t.Fatalf("%+v", past.Records)
	}
	var fields []string
	for _, u := range past.Records[1].Updates {
		fields = append(fields, *u.UpdatedField)
	}
	if want := []string{"Note", "Severity", "UserDefinedFields", "VerificationState", "Workflow", "WorkflowState"}; !slices.Equal(fields, want) {
		t.Errorf("%v, want %v", fields, want)
	}
	page := ok[*api.GetFindingHistoryResponse](t)(f.GetFindingHistory(f.ctx, &api.GetFindingHistoryRequest{FindingIdentifier: &id[0], MaxResults: new(int32(2))}))
	rest := ok[*api.GetFindingHistoryResponse](t)(f.GetFindingHistory(f.ctx, &api.GetFindingHistoryRequest{FindingIdentifier: &id[0], NextToken: page.NextToken}))
	if len(page.Records) != 2 || len(rest.Records) != 1 || rest.NextToken != nil {
		t.Errorf("%d and %d records", len(page.Records), len(rest.Records))
	}
	bad := ok[*api.BatchUpdateFindingsResponse](t)(f.BatchUpdateFindings(f.ctx, &api.BatchUpdateFindingsRequest{
		FindingIdentifiers: append(id, id[0], api.AwsSecurityFindingIdentifier{Id: "none", ProductArn: id[0].ProductArn}), Criticality: new(int32(1))}))
	if len(bad.ProcessedFindings) != 1 || bad.UnprocessedFindings[0].ErrorCode != "DuplicatedFindingIdentifier" || bad.UnprocessedFindings[1].ErrorCode != "FindingNotFound" {
		t.Errorf("%+v", bad)
	}
}

func TestValidation(t *testing.T) {
	f := newFixture(t).enable()
	long := strings.Repeat("x", 3000)
	for name, c := range map[string]struct {
		edit func(*api.AwsSecurityFinding)
		code string
		says string
	}{
		"title":     {func(v *api.AwsSecurityFinding) { v.Title = long }, "InvalidInput", "data.Title should NOT be longer than 256 characters"},
		"resources": {func(v *api.AwsSecurityFinding) { v.Resources = []api.Resource{} }, "InvalidInput", "data.Resources should NOT have fewer than 1 items"},
		"many resources": {func(v *api.AwsSecurityFinding) { v.Resources = slices.Repeat(v.Resources, 33) }, "InvalidInput",
			"data.Resources should NOT have more than 32 items"},
		"types":    {func(v *api.AwsSecurityFinding) { v.Types = []string{"a/b/c/d"} }, "InvalidInput", `data.Types[0] should match pattern "^([^/]+)(/[^/]+){0,2}$"`},
		"severity": {func(v *api.AwsSecurityFinding) { v.Severity = nil }, "InvalidInput", "data should have required property 'FindingProviderFields', data should match some schema in anyOf."},
		"text": {func(v *api.AwsSecurityFinding) {
			v.Remediation = &api.Remediation{Recommendation: &api.Recommendation{Text: new(long[:513])}}
		}, "InvalidInput", "data.Remediation.Recommendation.Text should NOT be longer than 512 characters"},
		"time":    {func(v *api.AwsSecurityFinding) { v.UpdatedAt = "yesterday" }, "InvalidInput", `data.UpdatedAt should match format "date-time"`},
		"schema":  {func(v *api.AwsSecurityFinding) { v.SchemaVersion = "1" }, "InvalidInput", "data.SchemaVersion should be equal to one of the allowed values"},
		"account": {func(v *api.AwsSecurityFinding) { v.AwsAccountId = "222222222222" }, "InvalidAccess", "222222222222"},
		"product": {func(v *api.AwsSecurityFinding) {
			v.ProductArn = "arn:aws:securityhub:eu-west-1::product/prowler/prowler"
		}, "InvalidAccess", "not enabled for import"},
		"large": {func(v *api.AwsSecurityFinding) {
			v.NetworkPath = slices.Repeat([]api.NetworkPathComponent{{ComponentId: new(long)}}, 100)
		}, "InvalidInput", "larger than 240 KB"},
	} {
		out := f.send(sample("x", c.edit))
		if out.FailedCount != 1 || out.SuccessCount != 0 || out.FailedFindings[0].ErrorCode != c.code || !strings.Contains(out.FailedFindings[0].ErrorMessage, c.says) {
			t.Errorf("%s: %+v", name, out)
		}
	}
	_, err := f.BatchImportFindings(f.ctx, &api.BatchImportFindingsRequest{Findings: []api.AwsSecurityFinding{sample("a"), sample("b", func(v *api.AwsSecurityFinding) { v.ProductArn = "arn:aws:securityhub:eu-west-1::product/aws/guardduty" })}})
	refused(t, err, "InvalidInputException", "same ProductArn")
}

func TestProducts(t *testing.T) {
	f := newFixture(t).enable()
	const prowler = "arn:aws:securityhub:eu-west-1::product/prowler/prowler"
	on := ok[*api.EnableImportFindingsForProductResponse](t)(f.EnableImportFindingsForProduct(f.ctx, &api.EnableImportFindingsForProductRequest{ProductArn: prowler}))
	if *on.ProductSubscriptionArn != "arn:aws:securityhub:eu-west-1:111111111111:product-subscription/prowler/prowler" {
		t.Error(*on.ProductSubscriptionArn)
	}
	_, err := f.EnableImportFindingsForProduct(f.ctx, &api.EnableImportFindingsForProductRequest{ProductArn: prowler})
	refused(t, err, "ResourceConflictException", "already")
	if out := f.send(sample("p", func(v *api.AwsSecurityFinding) { v.ProductArn = prowler })); out.SuccessCount != 1 || *f.one("p").ProductName != "Prowler" {
		t.Errorf("%+v", out)
	}
	list := ok[*api.ListEnabledProductsForImportResponse](t)(f.ListEnabledProductsForImport(f.ctx, &api.ListEnabledProductsForImportRequest{MaxResults: new(int32(3))}))
	if len(list.ProductSubscriptions) != 3 || list.NextToken == nil {
		t.Errorf("%+v", list)
	}
	ok[*api.DisableImportFindingsForProductResponse](t)(f.DisableImportFindingsForProduct(f.ctx, &api.DisableImportFindingsForProductRequest{ProductSubscriptionArn: *on.ProductSubscriptionArn}))
	_, err = f.DisableImportFindingsForProduct(f.ctx, &api.DisableImportFindingsForProductRequest{ProductSubscriptionArn: *on.ProductSubscriptionArn})
	refused(t, err, "ResourceNotFoundException", "not found")
	all := ok[*api.DescribeProductsResponse](t)(f.DescribeProducts(f.ctx, &api.DescribeProductsRequest{}))
	if len(all.Products) != len(products) {
		t.Errorf("%d products", len(all.Products))
	}
	one := ok[*api.DescribeProductsResponse](t)(f.DescribeProducts(f.ctx, &api.DescribeProductsRequest{ProductArn: new("arn:aws:securityhub:eu-west-1::product/aws/guardduty")}))
	if len(one.Products) != 1 || *one.Products[0].CompanyName != "Amazon" {
		t.Errorf("%+v", one)
	}
}

// TestExpiry: what nobody updates goes after 90 days, archived findings after 30.
func TestExpiry(t *testing.T) {
	f := newFixture(t).enable()
	f.send(sample("active"), sample("archived", func(v *api.AwsSecurityFinding) { v.RecordState = "ARCHIVED" }))
	for _, c := range []struct {
		days int
		want int
	}{{29, 2}, {2, 1}, {58, 1}, {3, 0}} {
		f.clock.Advance(time.Duration(c.days) * 24 * time.Hour)
		if err := f.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := ok[*api.GetFindingsResponse](t)(f.GetFindings(f.ctx, &api.GetFindingsRequest{}))
		if len(out.Findings) != c.want {
			t.Errorf("after %d more days %s are left, want %d", c.days, ids(out.Findings), c.want)
		}
	}
	if left, err := f.history.List(t.Context(), f.Store, "", "", 0); err != nil || len(left) != 0 {
		t.Errorf("history is left: %v %v", left, err)
	}
}

func FuzzASFF(f *testing.F) {
	good, err := json.Marshal(map[string]any{"SchemaVersion": "2018-10-08", "Id": "a", "Resources": []any{map[string]any{"Type": "Other", "Id": "x", "Details": map[string]any{"Other": map[string]any{"a": "b"}}}},
		"Severity": map[string]any{"Label": "LOW"}, "UpdatedAt": "2026-01-01T00:00:00Z"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"Resources":[null,3,{"Tags":[]}],"FindingProviderFields":{"Severity":3,"Types":{}},"Severity":[],"Types":"x"}`))
	s := New(Deps{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		body := fmt.Appendf(nil, `{"Findings":[%s]}`, data)
		if !json.Valid(body) {
			return
		}
		all, err := s.codec.show([]json.RawMessage{data})
		if err != nil || len(all) != 1 {
			return
		}
		parsed, err := s.codec.parse(all)
		if err != nil {
			t.Fatal(err)
		}
		a := parsed[0]
		if a == nil || a.check() != "" {
			return
		}
		a.complete(place{account, region}, "2026-01-01T00:00:00Z")
		before := a.clone()
		a.follow(before, shared)
		if _, err := a.fit(); err != nil {
			t.Fatal(err)
		}
		for name := range fields {
			a.values(name)
		}
	})
}
