package securityhub

import (
	"encoding/json"
	"strings"
	"testing"

	api "bartizan.dev/api/securityhub"
)

// enableV2 enables V2 beside.
func (f *fixture) enableV2() *fixture {
	f.t.Helper()
	ok[*api.EnableSecurityHubV2Response](f.t)(f.EnableSecurityHubV2(f.ctx, &api.EnableSecurityHubV2Request{}))
	return f
}

func (f *fixture) findV2(in *api.GetFindingsV2Request) (out []ASFF) {
	f.t.Helper()
	for _, raw := range ok[*api.GetFindingsV2Response](f.t)(f.GetFindingsV2(f.ctx, in)).Findings {
		var a ASFF
		if err := json.Unmarshal(raw, &a); err != nil {
			f.t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func TestOCSF(t *testing.T) {
	f := newFixture(t)
	_, err := f.GetFindingsV2(f.ctx, &api.GetFindingsV2Request{})
	refused(t, err, "AccessDeniedException", "not subscribed to AWS Security Hub V2")
	f.enableV2()
	a, err := FromGuardDuty(attack())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Import(t.Context(), account, region, a); err != nil {
		t.Fatal(err)
	}
	got := f.findV2(&api.GetFindingsV2Request{})
	if len(got) != 1 {
		t.Fatalf("%d findings", len(got))
	}
	v := got[0]
	for path, want := range map[string]string{
		"class_uid": "2004", "class_name": "Detection Finding", "category_uid": "2", "type_uid": "200402", "severity": "Low", "severity_id": "2", "status": "New", "status_id": "1",
		"cloud.account.uid": account, "cloud.region": region, "metadata.product.name": "GuardDuty", "metadata.product.uid": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
		"finding_info.uid": attack().ARN, "finding_info.types": "TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce", "finding_info.modified_time_dt": "2026-09-30T12:14:00.206Z",
		"resources.type": "AwsEc2Instance", "resources.vpc_uid": "vpc-1", "evidences.src_endpoint.ip": "199.241.229.197", "evidences.src_endpoint.location.country": "United States",
		"evidences.connection_info.direction": "inbound", "vendor_attributes.severity_id": "2", "activity_name": "Update",
	} {
		if list := spread(nil, map[string]any(v), strings.Split(path, ".")); len(list) != 1 || word(list[0]) != want {
			t.Errorf("%s: %v, want %s", path, list, want)
		}
	}
	if told := f.told("Findings Imported V2"); len(told) != 1 || told[0].Resources[0] != v.str("metadata", "uid") {
		t.Errorf("%+v", told)
	}
	if told := f.told("Security Hub Findings - Imported"); len(told) != 0 {
		t.Errorf("an event of the hub that is not enabled: %+v", told)
	}
}

func TestV2Filters(t *testing.T) {
	f := populate(t).enableV2()
	for filters, want := range map[string]string{
		`{}`: "a b c",
		`{"CompositeFilters":[{"StringFilters":[{"FieldName":"severity","Filter":{"Value":"Low","Comparison":"EQUALS"}}]}]}`:                                                                                                                       "a",
		`{"CompositeFilters":[{"StringFilters":[{"FieldName":"finding_info.title","Filter":{"Value":"PUBLIC","Comparison":"CONTAINS_WORD"}}]}]}`:                                                                                                   "b",
		`{"CompositeFilters":[{"StringFilters":[{"FieldName":"finding_info.title","Filter":{"Value":"publi","Comparison":"CONTAINS_WORD"}}]}]}`:                                                                                                    "",
		`{"CompositeFilters":[{"NumberFilters":[{"FieldName":"severity_id","Filter":{"Gte":3}}],"StringFilters":[{"FieldName":"status","Filter":{"Value":"Archived"}}]}]}`:                                                                         "b",
		`{"CompositeFilters":[{"Operator":"OR","NumberFilters":[{"FieldName":"severity_id","Filter":{"Eq":2}},{"FieldName":"severity_id","Filter":{"Eq":5}}]}]}`:                                                                                   "a c",
		`{"CompositeFilters":[{"MapFilters":[{"FieldName":"resources.tags","Filter":{"Key":"Department","Value":"Finance","Comparison":"EQUALS"}}]}]}`:                                                                                             "b",
		`{"CompositeFilters":[{"IpFilters":[{"FieldName":"evidences.src_endpoint.ip","Filter":{"Cidr":"10.0.0.0/8"}}]}]}`:                                                                                                                          "a",
		`{"CompositeFilters":[{"DateFilters":[{"FieldName":"finding_info.modified_time_dt","Filter":{"End":"2026-02-15T00:00:00Z"}}]}]}`:                                                                                                           "c",
		`{"CompositeOperator":"OR","CompositeFilters":[{"StringFilters":[{"FieldName":"malware.name","Filter":{"Value":"worm"}}]},{"NestedCompositeFilters":[{"StringFilters":[{"FieldName":"compliance.control","Filter":{"Value":"S3.1"}}]}]}]}`: "b c",
	} {
		var got []string
		for _, v := range f.findV2(&api.GetFindingsV2Request{Filters: fromJSON[api.OcsfFindingFilters](t, filters), SortCriteria: []api.SortCriterion{{Field: new("finding_info.uid"), SortOrder: "asc"}}}) {
			got = append(got, v.str("finding_info", "uid"))
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%s: %q, want %q", filters, all, want)
		}
	}
	_, err := f.GetFindingsV2(f.ctx, &api.GetFindingsV2Request{Filters: fromJSON[api.OcsfFindingFilters](t, `{"CompositeFilters":[{"StringFilters":[{"FieldName":"severity","Filter":{"Value":"x","Comparison":"CONTAINS"}}]}]}`)})
	refused(t, err, "ValidationException", "automation rules")
	_, err = f.GetFindingsV2(f.ctx, &api.GetFindingsV2Request{Filters: fromJSON[api.OcsfFindingFilters](t, `{"CompositeFilters":[{"StringFilters":[{"FieldName":"severity"}]}]}`)})
	refused(t, err, "ValidationException", "FieldName and a Filter")
	stats := ok[*api.GetFindingStatisticsV2Response](t)(f.GetFindingStatisticsV2(f.ctx, &api.GetFindingStatisticsV2Request{GroupByRules: []api.GroupByRule{{GroupByField: "severity"}, {GroupByField: "resources.type"}}}))
	if v := stats.GroupByResults[1].GroupByValues; len(stats.GroupByResults[0].GroupByValues) != 3 || *v[0].FieldValue != "AwsEc2Instance" || *v[0].Count != 2 {
		t.Errorf("%+v", stats)
	}
}

func TestUpdateV2(t *testing.T) {
	f := populate(t).enableV2()
	uid := sampleASFF(t, f, "a").uid()
	out := ok[*api.BatchUpdateFindingsV2Response](t)(f.BatchUpdateFindingsV2(f.ctx, &api.BatchUpdateFindingsV2Request{MetadataUids: []string{uid, "none"}, SeverityId: new(int32(5)), StatusId: new(int32(3)), Comment: new("noise")}))
	if len(out.ProcessedFindings) != 1 || *out.UnprocessedFindings[0].MetadataUid != "none" {
		t.Errorf("%+v", out)
	}
	if v := f.one("a"); v.Severity.Label != "CRITICAL" || v.Workflow.Status != "SUPPRESSED" || v.Note.Text != "noise" {
		t.Errorf("%+v", v)
	}
	out = ok[*api.BatchUpdateFindingsV2Response](t)(f.BatchUpdateFindingsV2(f.ctx, &api.BatchUpdateFindingsV2Request{StatusId: new(int32(4)), FindingIdentifiers: []api.OcsfFindingIdentifier{{CloudAccountUid: account, FindingInfoUid: "b", MetadataProductUid: sample("b").ProductArn}}}))
	if len(out.ProcessedFindings) != 1 || f.one("b").Workflow.Status != "RESOLVED" {
		t.Errorf("%+v", out)
	}
	_, err := f.BatchUpdateFindingsV2(f.ctx, &api.BatchUpdateFindingsV2Request{MetadataUids: []string{uid}, SeverityId: new(int32(9))})
	refused(t, err, "ValidationException", "SeverityId")
	other := f.as("222222222222")
	ok[*api.EnableSecurityHubV2Response](t)(f.EnableSecurityHubV2(other, &api.EnableSecurityHubV2Request{}))
	if out := ok[*api.BatchUpdateFindingsV2Response](t)(f.BatchUpdateFindingsV2(other, &api.BatchUpdateFindingsV2Request{MetadataUids: []string{uid}, StatusId: new(int32(1))})); len(out.ProcessedFindings) != 0 {
		t.Errorf("another account's finding was changed")
	}
	d := ok[*api.DescribeSecurityHubV2Response](t)(f.DescribeSecurityHubV2(f.ctx, &api.DescribeSecurityHubV2Request{}))
	if !strings.HasPrefix(*d.HubV2Arn, "arn:aws:securityhub:eu-west-1:111111111111:hubv2/") {
		t.Error(*d.HubV2Arn)
	}
	ok[*api.DisableSecurityHubV2Response](t)(f.DisableSecurityHubV2(f.ctx, &api.DisableSecurityHubV2Request{}))
	_, err = f.DescribeSecurityHubV2(f.ctx, &api.DescribeSecurityHubV2Request{})
	refused(t, err, "ResourceNotFoundException", "not subscribed")
}

func sampleASFF(t *testing.T, f *fixture, id string) ASFF {
	t.Helper()
	all, err := f.codec.parse([]api.AwsSecurityFinding{sample(id)})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}
