package guardduty

import (
	"path"
	"strings"
	"testing"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/logs/logstest"
)

func TestCriteria(t *testing.T) {
	r := newRig(t)
	id := r.create(r.ctx())
	r.stop(logstest.Account, region, "a")
	r.pass(0)
	r.pass(every)
	_, err := r.CreateSampleFindings(r.ctx(), &guarddutyapi.CreateSampleFindingsRequest{DetectorId: id, FindingTypes: []string{"Recon:EC2/Portscan", "Policy:S3/BucketAnonymousAccessGranted"}})
	if err != nil {
		t.Fatal(err)
	}
	list := func(name string, c guarddutyapi.Condition) int {
		t.Helper()
		out, err := r.ListFindings(r.ctx(), &guarddutyapi.ListFindingsRequest{DetectorId: id, FindingCriteria: &guarddutyapi.FindingCriteria{Criterion: map[string]guarddutyapi.Condition{name: c}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.FindingIds)
	}
	now := r.clock.Now().UnixMilli()
	type condition = guarddutyapi.Condition
	for i, c := range []struct {
		name string
		condition
		want int
	}{
		{"type", condition{Eq: []string{stopped}}, 1},
		{"type", condition{Equals: []string{stopped, "Recon:EC2/Portscan"}}, 2},
		{"type", condition{NotEquals: []string{stopped}}, 2},
		{"type", condition{Neq: []string{stopped}, Equals: []string{stopped}}, 0},
		{"severity", condition{Gte: new(int32(2))}, 3},
		{"severity", condition{GreaterThan: new(int64(2)), LessThanOrEqual: new(int64(5))}, 2},
		{"severity", condition{Lt: new(int32(5))}, 1},
		{"severity", condition{Eq: []string{"5.0"}}, 2},
		{"service.archived", condition{Eq: []string{"false"}}, 3},
		{"service.archived", condition{Equals: []string{"TRUE"}}, 0},
		{"updatedAt", condition{LessThan: new(now + 1)}, 3},
		{"updatedAt", condition{GreaterThan: new(now + 1)}, 0},
		{"resource.instanceDetails.instanceId", condition{Equals: []string{"i-99999999"}}, 1},
		{"resource.instanceDetails.networkInterfaces.privateIpAddress", condition{Equals: []string{"10.0.0.1"}}, 1},
		{"resource.s3BucketDetails.name", condition{NotEquals: []string{"bucketName"}}, 2},
		{"service.action.networkConnectionAction.remotePortDetails.port", condition{GreaterThanOrEqual: new(int64(80))}, 1},
		{"service.action.awsApiCallAction.api", condition{Equals: []string{"StopLogging"}}, 1},
		{"service.evidence", condition{}, -1},
	} {
		if c.want < 0 {
			_, err := r.ListFindings(r.ctx(), &guarddutyapi.ListFindingsRequest{DetectorId: id, FindingCriteria: &guarddutyapi.FindingCriteria{Criterion: map[string]condition{c.name: {}}}})
			wantError(t, err, "is not supported")
		} else if n := list(c.name, c.condition); n != c.want {
			t.Errorf("%d: %s %+v: %d, want %d", i, c.name, c.condition, n, c.want)
		}
	}
	_, err = r.ListFindings(r.ctx(), &guarddutyapi.ListFindingsRequest{DetectorId: id, FindingCriteria: &guarddutyapi.FindingCriteria{Criterion: map[string]condition{"type": {Matches: []string{"*"}}}}})
	wantError(t, err, "in filters only")
	down, err := r.ListFindings(r.ctx(), &guarddutyapi.ListFindingsRequest{DetectorId: id, SortCriteria: &guarddutyapi.SortCriteria{AttributeName: new("severity"), OrderBy: "DESC"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.GetFindings(r.ctx(), &guarddutyapi.GetFindingsRequest{DetectorId: id, FindingIds: append(down.FindingIds, "nothing")})
	if err != nil || len(got.Findings) != 3 || got.Findings[2].Type != stopped {
		t.Errorf("%v %v", got, err)
	}
}

// TestSuppression: a filter with ARCHIVE archives what is new, and nobody is told.
func TestSuppression(t *testing.T) {
	r := newRig(t)
	id := r.create(r.ctx())
	create := func(name, attribute string, rank int32, c guarddutyapi.Condition) error {
		_, err := r.CreateFilter(r.ctx(), &guarddutyapi.CreateFilterRequest{DetectorId: id, Name: name, Action: "ARCHIVE", Rank: &rank,
			FindingCriteria: &guarddutyapi.FindingCriteria{Criterion: map[string]guarddutyapi.Condition{attribute: c}}, Tags: map[string]string{"k": "v"}})
		return err
	}
	if err := create("stealth", "type", 1, guarddutyapi.Condition{Matches: []string{"Stealth:*Trail*"}}); err != nil {
		t.Fatal(err)
	}
	wantError(t, create("stealth", "type", 1, guarddutyapi.Condition{Matches: []string{"x"}}), "already exists")
	wantError(t, create("bad name", "type", 1, guarddutyapi.Condition{}), "name")
	if err := create("first", "region", 1, guarddutyapi.Condition{Equals: []string{"nowhere"}}); err != nil {
		t.Fatal(err)
	}
	f, err := r.GetFilter(r.ctx(), &guarddutyapi.GetFilterRequest{DetectorId: id, FilterName: "stealth"})
	if err != nil || *f.Rank != 2 || f.Action != "ARCHIVE" || f.Tags["k"] != "v" || *f.Version != 1 {
		t.Errorf("%+v %v", f, err)
	}
	r.stop(logstest.Account, region, "a")
	r.pass(every)
	got := r.found(r.ctx(), id)[stopped]
	if got.Service == nil || !*got.Service.Archived || len(r.sent()) != 0 {
		t.Fatalf("%+v %v", got, r.sent())
	}
	if _, err := r.DeleteFilter(r.ctx(), &guarddutyapi.DeleteFilterRequest{DetectorId: id, FilterName: "stealth"}); err != nil {
		t.Error(err)
	}
	named := []string{got.Id}
	if _, err := r.UnarchiveFindings(r.ctx(), &guarddutyapi.UnarchiveFindingsRequest{DetectorId: id, FindingIds: named}); err != nil {
		t.Error(err)
	}
	if _, err := r.UpdateFindingsFeedback(r.ctx(), &guarddutyapi.UpdateFindingsFeedbackRequest{DetectorId: id, FindingIds: named, Feedback: "USEFUL"}); err != nil {
		t.Error(err)
	}
	got = r.found(r.ctx(), id)[stopped]
	if *got.Service.Archived || *got.Service.UserFeedback != "USEFUL" {
		t.Errorf("%+v", got.Service)
	}
	r.stop(logstest.Account, region, "b")
	r.pass(every)
	if n := len(r.sent()); n != 1 {
		t.Errorf("%d events", n)
	}
	_, err = r.ArchiveFindings(r.ctx(), &guarddutyapi.ArchiveFindingsRequest{DetectorId: id, FindingIds: []string{got.Id, "nothing"}})
	wantError(t, err, "no such resource")
	names, err := r.ListFilters(r.ctx(), &guarddutyapi.ListFiltersRequest{DetectorId: id, MaxResults: new(int32(1))})
	if err != nil || strings.Join(names.FilterNames, " ") != "first" || names.NextToken != nil {
		t.Errorf("%v %v", names, err)
	}
}

func TestStatistics(t *testing.T) {
	r := newRig(t)
	id := r.create(r.ctx())
	r.stop(logstest.Account, region, "a")
	r.pass(every)
	if _, err := r.CreateSampleFindings(r.ctx(), &guarddutyapi.CreateSampleFindingsRequest{DetectorId: id, FindingTypes: []string{"Recon:EC2/Portscan", "Recon:IAMUser/TorIPCaller"}}); err != nil {
		t.Fatal(err)
	}
	ask := func(in guarddutyapi.GetFindingsStatisticsRequest) *guarddutyapi.FindingStatistics {
		t.Helper()
		in.DetectorId = id
		out, err := r.GetFindingsStatistics(r.ctx(), &in)
		if err != nil {
			t.Fatal(err)
		}
		return out.FindingStatistics
	}
	type request = guarddutyapi.GetFindingsStatisticsRequest
	if s := ask(request{FindingStatisticTypes: []guarddutyapi.FindingStatisticType{"COUNT_BY_SEVERITY"}}).CountBySeverity; s["2.0"] != 1 || s["5.0"] != 2 {
		t.Errorf("%v", s)
	}
	if s := ask(request{GroupBy: "SEVERITY"}).GroupedBySeverity; len(s) != 2 || *s[0].TotalFindings != 2 || *s[0].Severity != 5 {
		t.Errorf("%+v", s)
	}
	if s := ask(request{GroupBy: "RESOURCE", MaxResults: new(int32(2)), OrderBy: "ASC"}).GroupedByResource; len(s) != 2 {
		t.Errorf("%+v", s)
	}
	if s := ask(request{GroupBy: "ACCOUNT"}).GroupedByAccount; len(s) != 1 || *s[0].TotalFindings != 3 || *s[0].AccountId != logstest.Account {
		t.Errorf("%+v", s)
	}
	if s := ask(request{GroupBy: "FINDING_TYPE"}).GroupedByFindingType; len(s) != 3 {
		t.Errorf("%+v", s)
	}
	if s := ask(request{GroupBy: "DATE"}).GroupedByDate; len(s) != 2 || s[0].Date.Hour() != 0 {
		t.Errorf("%+v", s)
	}
	_, err := r.GetFindingsStatistics(r.ctx(), &request{DetectorId: id})
	wantError(t, err, "groupBy")
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?", "axxbc")
	f.Add("*", "")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.ContainsAny(pattern+s, `\[]/`) || strings.ContainsFunc(pattern+s, func(c rune) bool { return c > 126 }) {
			return
		}
		want, err := path.Match(pattern, s)
		if got := glob(pattern, s); err == nil && got != want {
			t.Errorf("%q %q: %v", pattern, s, got)
		}
	})
}
