package cloudtrail

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/trail"
)

func (g *rig) insights(trail string, kinds ...cloudtrailapi.InsightType) {
	g.t.Helper()
	in := &cloudtrailapi.PutInsightSelectorsRequest{TrailName: &trail, InsightSelectors: []cloudtrailapi.InsightSelector{}}
	for _, k := range kinds {
		in.InsightSelectors = append(in.InsightSelectors, cloudtrailapi.InsightSelector{InsightType: k})
	}
	must(g.PutInsightSelectors(g.in(home), in))(g.t)
}

// burst records n calls now.
func (g *rig) burst(name string, n int, code string) {
	g.t.Helper()
	more := `,"eventType":"AwsApiCall","userAgent":"tool/1","userIdentity":{"arn":"arn:aws:iam::` + account + `:user/mallory"}`
	if code != "" {
		more += `,"errorCode":"` + code + `"`
	}
	for range n {
		g.happen(home, name, more)
	}
}

// found are the insights that LookupEvents tells, oldest first.
func (g *rig) found() (out []insightEvent) {
	g.t.Helper()
	page := must(g.LookupEvents(g.in(home), &cloudtrailapi.LookupEventsRequest{EventCategory: "insight"}))(g.t)
	for i := len(page.Events) - 1; i >= 0; i-- {
		var e insightEvent
		if err := json.Unmarshal([]byte(*page.Events[i].CloudTrailEvent), &e); err != nil {
			g.t.Fatal(err)
		}
		if *page.Events[i].EventId != e.ID || *page.Events[i].EventName != e.Details.Name || page.Events[i].ReadOnly != nil {
			g.t.Errorf("looked up %+v", page.Events[i])
		}
		out = append(out, e)
	}
	return out
}

// TestInsights: a burst of calls after days of few is told once when it begins
// and once when it ends, also by a process that was started in between, and lies
// in a file of its own.
func TestInsights(t *testing.T) {
	g := newRig(t)
	var told []trail.Event
	g.create(home, cloudtrailapi.CreateTrailRequest{Name: "main", EnableLogFileValidation: new(true)})
	g.create(home, cloudtrailapi.CreateTrailRequest{Name: "other"})
	g.start(home, "main")
	g.start(home, "other")
	_, err := g.GetInsightSelectors(g.in(home), &cloudtrailapi.GetInsightSelectorsRequest{TrailName: new("main")})
	refused(t, err, "InsightNotEnabledException")
	g.insights("main", "ApiCallRateInsight", "ApiErrorRateInsight")

	g.burst("CreateUser", 50, "") // nothing is known yet: this is learnt
	g.pass(5 * time.Minute)
	for range 8 * 8 {
		g.burst("PutRolePolicy", 1, "")
		g.pass(3 * time.Hour)
	}
	if got := g.found(); len(got) != 0 {
		t.Fatalf("ordinary calls are unusual: %+v", got)
	}
	start := g.clock.Now().Truncate(time.Minute)
	g.burst("PutRolePolicy", 40, "")
	g.burst("DeleteUser", 4, "") // too few
	g.clock.Advance(time.Minute)
	g.burst("PutRolePolicy", 20, "AccessDenied")
	g.pass(5 * time.Minute)
	if len(g.found()) != 2 {
		t.Fatalf("found %+v", g.found())
	}
	g.open()
	g.Record = func(ctx context.Context, e *trail.Event) error {
		told = append(told, *e)
		return g.trail.Append(ctx, e)
	}
	g.pass(10 * time.Minute)
	g.pass(10 * time.Minute)
	states := map[string]int{}
	shared := map[string]string{}
	for _, e := range g.found() {
		d := e.Details
		key := d.Type + " " + d.Name + " " + d.Error
		states[key+" "+d.State]++
		if shared[key] == "" {
			shared[key] = e.Shared
		}
		if shared[key] != e.Shared || e.Type != "AwsCloudTrailInsight" || e.Category != "Insight" || e.Region != home || e.Account != account {
			t.Errorf("%+v", e)
		}
		if key != "ApiCallRateInsight PutRolePolicy " {
			continue
		}
		st := d.Context.Statistics
		switch d.State {
		case "Start":
			if e.Time != start.Format(time.RFC3339) || st.Insight.Average != 40 || st.InsightDuration != 1 || st.Baseline.Average <= 0 || st.Baseline.Average > 0.01 || st.BaselineDuration < 6*24*60 || st.BaselineDuration > 7*24*60 {
				t.Errorf("start at %s, want %s: %+v", e.Time, start, st)
			}
		case "End":
			if st.Insight.Average != 30 || st.InsightDuration != 2 {
				t.Errorf("end: %+v", st)
			}
		}
		who := d.Context.Attributions
		if len(who) != 3 || who[0].Attribute != "userIdentityArn" || len(who[0].Insight) != 1 || !strings.HasSuffix(who[0].Insight[0].Value, "/mallory") || len(who[0].Baseline) != 1 ||
			who[1].Attribute != "userAgent" || who[2].Insight[0].Value != "null" {
			t.Errorf("attributions %+v", who)
		}
	}
	for _, key := range []string{"ApiCallRateInsight PutRolePolicy  Start", "ApiCallRateInsight PutRolePolicy  End", "ApiErrorRateInsight PutRolePolicy AccessDenied Start", "ApiErrorRateInsight PutRolePolicy AccessDenied End"} {
		if states[key] != 1 {
			t.Errorf("%s: %d", key, states[key])
		}
	}
	if len(states) != 4 || len(told) == 0 || told[0].Region != home+"/insight" {
		t.Errorf("%v, told %+v", states, told)
	}
	files := 0
	for _, key := range g.files() {
		if strings.Contains(key, "CloudTrail-Insight/"+home+"/") && strings.Contains(key, account+"_CloudTrail-Insight_"+home+"_") {
			files++
			if text := string(g.read(key)); !strings.HasPrefix(text, `{"Records":[{"eventVersion"`) || !strings.Contains(text, "AwsCloudTrailInsight") || strings.Contains(text, "AwsApiCall") {
				t.Errorf("%s: %s", key, text)
			}
		} else if strings.Contains(key, "insight") {
			t.Errorf("file %s", key)
		}
	}
	if files == 0 || files > 2 {
		t.Errorf("%d files", files)
	}
	for _, id := range g.delivered() {
		if strings.Contains(id, "-8") && !strings.HasSuffix(id, "-8000-000000000000") {
			t.Errorf("an insight lies among the calls: %s", id)
		}
	}
	if described := must(g.GetTrail(g.in(home), &cloudtrailapi.GetTrailRequest{Name: "main"}))(t); !*described.Trail.HasInsightSelectors {
		t.Error("HasInsightSelectors is false")
	}

	// Off, nothing is watched any more.
	g.insights("main")
	g.pass(5 * time.Minute)
	if _, err := g.watches.Get(t.Context(), g.store, account); err == nil {
		t.Error("still watched")
	}
}

func TestInsightSelectors(t *testing.T) {
	g := newRig(t)
	g.create(home, cloudtrailapi.CreateTrailRequest{Name: "main"})
	put := func(list ...cloudtrailapi.InsightSelector) error {
		_, err := g.PutInsightSelectors(g.in(home), &cloudtrailapi.PutInsightSelectorsRequest{TrailName: new("main"), InsightSelectors: list})
		return err
	}
	refused(t, put(cloudtrailapi.InsightSelector{}), "InvalidInsightSelectorsException")
	refused(t, put(cloudtrailapi.InsightSelector{InsightType: "ApiCallRateInsight"}, cloudtrailapi.InsightSelector{InsightType: "ApiCallRateInsight"}), "InvalidInsightSelectorsException")
	refused(t, put(cloudtrailapi.InsightSelector{InsightType: "ApiCallRateInsight", EventCategories: []cloudtrailapi.SourceEventCategory{"Data"}}), "InvalidInsightSelectorsException")
	_, err := g.PutInsightSelectors(g.in(home), &cloudtrailapi.PutInsightSelectorsRequest{EventDataStore: new("x")})
	refused(t, err, "UnsupportedOperationException")
	_, err = g.PutInsightSelectors(g.in(home), &cloudtrailapi.PutInsightSelectorsRequest{})
	refused(t, err, "InvalidParameterCombinationException")
	reads := &cloudtrailapi.PutEventSelectorsRequest{TrailName: "main", EventSelectors: []cloudtrailapi.EventSelector{{ReadWriteType: "ReadOnly"}}}
	must(g.PutEventSelectors(g.in(home), reads))(t)
	refused(t, put(cloudtrailapi.InsightSelector{InsightType: "ApiCallRateInsight"}), "InvalidInsightSelectorsException")
	if err := put(cloudtrailapi.InsightSelector{InsightType: "ApiErrorRateInsight"}); err != nil {
		t.Error(err)
	}
	reads.EventSelectors = nil
	reads.AdvancedEventSelectors = []cloudtrailapi.AdvancedEventSelector{{FieldSelectors: []cloudtrailapi.AdvancedFieldSelector{
		{Field: "eventCategory", Equals: []string{"Data"}}, {Field: "resources.type", Equals: []string{"AWS::S3::Object"}}}}}
	_, err = g.PutEventSelectors(g.in(home), reads)
	refused(t, err, "InvalidInsightSelectorsException")
}

// TestWatchIsBounded: however many operations, agents and principals there are,
// what is kept stays small.
func TestWatchIsBounded(t *testing.T) {
	w := &watch{Since: time.Unix(0, 0)}
	o := &observed{Type: "AwsApiCall", Category: "Management"}
	for i := range 20_000 {
		name := strings.Repeat("n", i%2000)
		o.Agent, o.Identity.ARN = name, strings.Repeat("a", i%700)
		w.see(&trail.Event{Time: time.Unix(int64(i*60), 0), Region: home, Source: "s", Name: name}, o)
		if i%100 == 0 {
			w.judge(int64(i))
		}
	}
	w.judge(30_000)
	text, err := json.Marshal(w)
	if err != nil || len(text) > 2<<20 || len(w.Series) > maxSeries {
		t.Errorf("%d bytes of %d series, %v", len(text), len(w.Series), err)
	}
	w.judge(30_000 + 8*1440)
	if len(w.Series) != 0 {
		t.Errorf("%d series are left after a week without calls", len(w.Series))
	}
}
