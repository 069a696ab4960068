package cloudtrail

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

const home = "eu-central-1"

// happen records an event with a whole record, of a Region.
func (g *rig) happen(region, name, more string) {
	g.t.Helper()
	g.n++
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", g.n)
	now := g.clock.Now()
	g.append(&trail.Event{Time: now, ID: id, Account: account, Region: region, Source: "iam.amazonaws.com", Name: name, JSON: fmt.Appendf(nil,
		`{"eventVersion":"1.11","eventTime":%q,"eventID":%q,"eventName":%q,"eventSource":"iam.amazonaws.com","awsRegion":%q,"eventCategory":"Management","readOnly":false%s}`,
		now.Format(time.RFC3339), id, name, region, more)})
}

// ask runs a query to its end.
func (g *rig) ask(statement string) *cloudtrailapi.GetQueryResultsResponse {
	g.t.Helper()
	q := must(g.StartQuery(g.in(home), &cloudtrailapi.StartQueryRequest{QueryStatement: &statement}))(g.t)
	g.pass(0)
	return must(g.GetQueryResults(g.in(home), &cloudtrailapi.GetQueryResultsRequest{QueryId: *q.QueryId}))(g.t)
}

// answers is what a query of one column answers.
func (g *rig) answers(statement string) string {
	g.t.Helper()
	out := g.ask(statement)
	if out.QueryStatus != cloudtrailapi.QueryStatus_FINISHED {
		g.t.Fatalf("%s: %s: %s", statement, out.QueryStatus, text(out.ErrorMessage))
	}
	var got []string
	for _, row := range out.QueryResultRows {
		for _, c := range row {
			for _, v := range c {
				got = append(got, v)
			}
		}
	}
	return strings.Join(got, " ")
}

func (g *rig) newStore(in cloudtrailapi.CreateEventDataStoreRequest) (arn, id string) {
	g.t.Helper()
	out := must(g.CreateEventDataStore(g.in(home), &in))(g.t)
	_, id, _ = strings.Cut(*out.EventDataStoreArn, "/")
	return *out.EventDataStoreArn, id
}

// TestEventDataStore: what happens while it ingests is in it, once, across a
// restart; what happens otherwise is not.
func TestEventDataStore(t *testing.T) {
	g := newRig(t)
	g.happen(home, "Before", "")
	arn, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "all", TerminationProtectionEnabled: new(false)})
	_, one := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "one", MultiRegionEnabled: new(false), AdvancedEventSelectors: []cloudtrailapi.AdvancedEventSelector{{
		FieldSelectors: []cloudtrailapi.AdvancedFieldSelector{{Field: "eventCategory", Equals: []string{"Management"}}, {Field: "eventName", Equals: []string{"First", "Second"}}},
	}}})
	g.happen(home, "First", `,"userIdentity":{"arn":"arn:aws:iam::1:user/ann"}`)
	g.happen("us-east-1", "Second", "")
	g.pass(time.Minute)
	g.open()
	g.happen(home, "Third", "")
	if got := g.answers("SELECT count(*) FROM " + id); got != "3" { // a query need not wait
		t.Errorf("%s events", got)
	}
	g.append(&trail.Event{Time: g.clock.Now(), ID: "x", Account: "999999999999", Region: home, Name: "Strange", JSON: []byte(`{"eventCategory":"Management"}`)})
	g.pass(time.Minute)
	g.pass(time.Minute)
	if got := g.answers("SELECT eventName FROM " + id + " ORDER BY eventTime, eventID"); got != "First Second Third" {
		t.Errorf("events %q", got)
	}
	if got := g.answers("SELECT eventName FROM " + one); got != "First" {
		t.Errorf("events %q", got)
	}
	if got := g.answers("SELECT eventName FROM " + id + " WHERE userIdentity.arn LIKE '%ann'"); got != "First" {
		t.Errorf("events %q", got)
	}
	if got := g.answers("SELECT count(*) FROM " + id + " WHERE eventTime >= '" + g.clock.Now().Add(-2*time.Minute).Format("2006-01-02 15:04:05") + "'"); got != "1" {
		t.Errorf("events of the last two minutes: %q", got)
	}
	must(g.StopEventDataStoreIngestion(g.in(home), &cloudtrailapi.StopEventDataStoreIngestionRequest{EventDataStore: arn}))(t)
	g.clock.Advance(time.Second)
	g.happen(home, "Fourth", "")
	g.clock.Advance(time.Second)
	must(g.StartEventDataStoreIngestion(g.in(home), &cloudtrailapi.StartEventDataStoreIngestionRequest{EventDataStore: arn}))(t)
	_, err := g.StartEventDataStoreIngestion(g.in(home), &cloudtrailapi.StartEventDataStoreIngestionRequest{EventDataStore: arn})
	refused(t, err, "InvalidEventDataStoreStatusException")
	g.happen(home, "Fifth", "")
	g.pass(time.Minute)
	if got := g.answers("SELECT eventName FROM " + id + " ORDER BY eventTime, eventID"); got != "First Second Third Fifth" {
		t.Errorf("events %q", got)
	}

	// It is gone for who asks at once, and for good after a week.
	must(g.DeleteEventDataStore(g.in(home), &cloudtrailapi.DeleteEventDataStoreRequest{EventDataStore: id}))(t)
	_, err = g.StartQuery(g.in(home), &cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT 1 FROM " + id)})
	refused(t, err, "InactiveEventDataStoreException")
	_, err = g.DeleteEventDataStore(g.in(home), &cloudtrailapi.DeleteEventDataStoreRequest{EventDataStore: id})
	refused(t, err, "InactiveEventDataStoreException")
	g.pass(6 * 24 * time.Hour)
	restored := must(g.RestoreEventDataStore(g.in(home), &cloudtrailapi.RestoreEventDataStoreRequest{EventDataStore: id}))(t)
	if restored.Status != cloudtrailapi.EventDataStoreStatus_ENABLED {
		t.Errorf("restored as %s", restored.Status)
	}
	g.happen(home, "Sixth", "")
	g.pass(time.Minute)
	if got := g.answers("SELECT count(*) FROM " + id); got != "5" {
		t.Errorf("%s events", got)
	}
	must(g.DeleteEventDataStore(g.in(home), &cloudtrailapi.DeleteEventDataStoreRequest{EventDataStore: id}))(t)
	g.pass(7*24*time.Hour + time.Minute)
	_, err = g.GetEventDataStore(g.in(home), &cloudtrailapi.GetEventDataStoreRequest{EventDataStore: id})
	refused(t, err, "EventDataStoreNotFoundException")
	items, err := g.store.List(t.Context(), store.Range{Prefix: blocksOf(id)})
	if err != nil || len(items) != 0 {
		t.Errorf("%d blocks are left, %v", len(items), err)
	}
}

// TestRetention: events are gone after their days.
func TestRetention(t *testing.T) {
	g := newRig(t)
	_, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "short", RetentionPeriod: new(int32(7))})
	g.happen(home, "Old", "")
	g.pass(time.Minute)
	g.pass(6 * 24 * time.Hour)
	g.happen(home, "New", "")
	g.pass(time.Minute)
	if got := g.answers("SELECT eventName FROM " + id + " ORDER BY 1"); got != "New Old" {
		t.Errorf("events %q", got)
	}
	g.pass(24 * time.Hour)
	if got := g.answers("SELECT eventName FROM " + id); got != "New" {
		t.Errorf("events %q", got)
	}
	items, err := g.store.List(t.Context(), store.Range{Prefix: blocksOf(id)})
	if err != nil || len(items) != 1 {
		t.Errorf("%d blocks, %v", len(items), err)
	}
}

func TestEventDataStoreSettings(t *testing.T) {
	g := newRig(t)
	create := func(in cloudtrailapi.CreateEventDataStoreRequest) (*cloudtrailapi.CreateEventDataStoreResponse, error) {
		return g.CreateEventDataStore(g.in(home), &in)
	}
	out := must(create(cloudtrailapi.CreateEventDataStoreRequest{Name: "plain", TagsList: []cloudtrailapi.Tag{{Key: "k", Value: new("v")}}}))(t)
	if out.Status != "CREATED" || *out.RetentionPeriod != 366 || !*out.MultiRegionEnabled || !*out.TerminationProtectionEnabled || out.BillingMode != "EXTENDABLE_RETENTION_PRICING" ||
		len(out.AdvancedEventSelectors) != 1 || len(out.TagsList) != 1 {
		t.Errorf("%+v", out)
	}
	fixed := must(create(cloudtrailapi.CreateEventDataStoreRequest{Name: "fixed", BillingMode: "FIXED_RETENTION_PRICING", StartIngestion: new(false)}))(t)
	got := must(g.GetEventDataStore(g.in(home), &cloudtrailapi.GetEventDataStoreRequest{EventDataStore: *fixed.EventDataStoreArn}))(t)
	if got.Status != "STOPPED_INGESTION" || *got.RetentionPeriod != 2557 {
		t.Errorf("%+v", got)
	}
	for code, in := range map[string]cloudtrailapi.CreateEventDataStoreRequest{
		"EventDataStoreAlreadyExistsException": {Name: "plain"},
		"InvalidParameterException":            {Name: "long", BillingMode: "FIXED_RETENTION_PRICING", RetentionPeriod: new(int32(3000))},
		"UnsupportedOperationException":        {Name: "keyed", KmsKeyId: new("alias/x")},
		"InvalidEventSelectorsException":       {Name: "odd", AdvancedEventSelectors: []cloudtrailapi.AdvancedEventSelector{{}}},
	} {
		_, err := create(in)
		refused(t, err, code)
	}
	_, err := g.DeleteEventDataStore(g.in(home), &cloudtrailapi.DeleteEventDataStoreRequest{EventDataStore: *out.EventDataStoreArn})
	refused(t, err, "EventDataStoreTerminationProtectedException")
	_, err = g.UpdateEventDataStore(g.in(home), &cloudtrailapi.UpdateEventDataStoreRequest{EventDataStore: *out.EventDataStoreArn, BillingMode: "FIXED_RETENTION_PRICING"})
	refused(t, err, "InvalidParameterException")
	_, err = g.UpdateEventDataStore(g.in(home), &cloudtrailapi.UpdateEventDataStoreRequest{EventDataStore: *out.EventDataStoreArn, Name: new("fixed")})
	refused(t, err, "EventDataStoreAlreadyExistsException")
	up := must(g.UpdateEventDataStore(g.in(home), &cloudtrailapi.UpdateEventDataStoreRequest{
		EventDataStore: *fixed.EventDataStoreArn, Name: new("free"), BillingMode: "EXTENDABLE_RETENTION_PRICING", RetentionPeriod: new(int32(3653)), TerminationProtectionEnabled: new(false),
	}))(t)
	if *up.Name != "free" || *up.RetentionPeriod != 3653 || *up.TerminationProtectionEnabled {
		t.Errorf("%+v", up)
	}
	_, err = g.GetEventDataStore(g.in("us-east-1"), &cloudtrailapi.GetEventDataStoreRequest{EventDataStore: *out.EventDataStoreArn})
	refused(t, err, "EventDataStoreNotFoundException")
	_, err = g.GetEventDataStore(g.in(home), &cloudtrailapi.GetEventDataStoreRequest{EventDataStore: "nonsense"})
	refused(t, err, "EventDataStoreARNInvalidException")
	must(g.AddTags(g.in(home), &cloudtrailapi.AddTagsRequest{ResourceId: *out.EventDataStoreArn, TagsList: []cloudtrailapi.Tag{{Key: "a", Value: new("b")}}}))(t)
	tags := must(g.ListTags(g.in(home), &cloudtrailapi.ListTagsRequest{ResourceIdList: []string{*out.EventDataStoreArn}}))(t)
	if len(tags.ResourceTagList[0].TagsList) != 2 {
		t.Errorf("%+v", tags)
	}
	for i := range 8 {
		must(create(cloudtrailapi.CreateEventDataStoreRequest{Name: fmt.Sprintf("more%d", i)}))(t)
	}
	_, err = create(cloudtrailapi.CreateEventDataStoreRequest{Name: "eleven"})
	refused(t, err, "EventDataStoreMaxLimitExceededException")
	page := must(g.ListEventDataStores(g.in(home), &cloudtrailapi.ListEventDataStoresRequest{MaxResults: new(int32(6))}))(t)
	rest := must(g.ListEventDataStores(g.in(home), &cloudtrailapi.ListEventDataStoresRequest{NextToken: page.NextToken}))(t)
	if len(page.EventDataStores) != 6 || len(rest.EventDataStores) != 4 || rest.NextToken != nil {
		t.Errorf("pages of %d and %d", len(page.EventDataStores), len(rest.EventDataStores))
	}
	_, err = g.ListEventDataStores(g.in(home), &cloudtrailapi.ListEventDataStoresRequest{NextToken: new("x")})
	refused(t, err, "InvalidNextTokenException")
}

// TestQuery: queries are refused at once or run soon, read in pages, cancelled
// and forgotten.
func TestQuery(t *testing.T) {
	g := newRig(t)
	arn, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "all"})
	for i := range 1500 {
		g.happen(home, fmt.Sprintf("E%04d", i), `,"userAgent":"`+strings.Repeat("x", 300)+`"`)
	}
	g.pass(time.Minute)
	start := func(in cloudtrailapi.StartQueryRequest) (string, error) {
		out, err := g.StartQuery(g.in(home), &in)
		if err != nil {
			return "", err
		}
		return *out.QueryId, nil
	}
	for code, in := range map[string]cloudtrailapi.StartQueryRequest{
		"InvalidQueryStatementException":  {QueryStatement: new("DROP TABLE " + id)},
		"EventDataStoreNotFoundException": {QueryStatement: new("SELECT 1 FROM 99999999-51ae-4bd6-a7c1-ab2c6dc5e8dc")},
		"InvalidParameterException":       {QueryStatement: new("SELECT ? FROM " + id)},
		"UnsupportedOperationException":   {QueryAlias: new("a")},
	} {
		_, err := start(in)
		refused(t, err, code)
	}
	_, err := start(cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT nosuch FROM " + id)})
	refused(t, err, "InvalidQueryStatementException")
	if !strings.Contains(err.Error(), "no such column: nosuch") {
		t.Error(err)
	}

	q := must(start(cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT eventName, userAgent, errorCode FROM " + id + " ORDER BY 1")}))(t)
	waits := must(g.GetQueryResults(g.in(home), &cloudtrailapi.GetQueryResultsRequest{QueryId: q}))(t)
	if waits.QueryStatus != "QUEUED" || len(waits.QueryResultRows) != 0 {
		t.Errorf("%+v", waits)
	}
	g.pass(0)
	d := must(g.DescribeQuery(g.in(home), &cloudtrailapi.DescribeQueryRequest{QueryId: &q, EventDataStore: &arn}))(t)
	if d.QueryStatus != "FINISHED" || *d.QueryStatistics.EventsScanned != 1500 {
		t.Errorf("%+v", d)
	}
	seen, token := 0, (*string)(nil)
	for pages := 0; ; pages++ {
		out := must(g.GetQueryResults(g.in(home), &cloudtrailapi.GetQueryResultsRequest{QueryId: q, MaxQueryResults: new(int32(400)), NextToken: token}))(t)
		for _, row := range out.QueryResultRows {
			if row[0]["eventName"] != fmt.Sprintf("E%04d", seen) || len(row) != 3 {
				t.Fatalf("row %d is %v", seen, row)
			}
			seen++
		}
		if token = out.NextToken; token == nil {
			if pages != 3 || *out.QueryStatistics.TotalResultsCount != 1500 {
				t.Errorf("%d pages, %+v", pages+1, out.QueryStatistics)
			}
			break
		}
	}
	if seen != 1500 {
		t.Errorf("%d rows", seen)
	}

	// One that is cancelled while it waits never runs; ten wait at most.
	c := must(start(cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT 1 FROM " + id)}))(t)
	must(g.CancelQuery(g.in(home), &cloudtrailapi.CancelQueryRequest{QueryId: c}))(t)
	_, err = g.CancelQuery(g.in(home), &cloudtrailapi.CancelQueryRequest{QueryId: c})
	refused(t, err, "InactiveQueryException")
	for range 10 {
		must(start(cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT 1 FROM " + id + " LIMIT 1")}))(t)
	}
	_, err = start(cloudtrailapi.StartQueryRequest{QueryStatement: new("SELECT 1 FROM " + id)})
	refused(t, err, "MaxConcurrentQueriesException")
	g.pass(0)
	list := must(g.ListQueries(g.in(home), &cloudtrailapi.ListQueriesRequest{EventDataStore: id, QueryStatus: "FINISHED", MaxResults: new(int32(6))}))(t)
	rest := must(g.ListQueries(g.in(home), &cloudtrailapi.ListQueriesRequest{EventDataStore: id, QueryStatus: "FINISHED", NextToken: list.NextToken}))(t)
	if len(list.Queries) != 6 || len(rest.Queries) != 5 {
		t.Errorf("%d and %d queries", len(list.Queries), len(rest.Queries))
	}
	_, err = g.GetQueryResults(g.in("us-east-1"), &cloudtrailapi.GetQueryResultsRequest{QueryId: q})
	refused(t, err, "QueryIdNotFoundException")

	big := g.ask("SELECT a.userAgent, b.userAgent FROM " + id + " a, " + id + " b")
	if big.QueryStatus != "FAILED" || !strings.Contains(text(big.ErrorMessage), "8 MiB") {
		t.Errorf("%s %s", big.QueryStatus, text(big.ErrorMessage))
	}
	g.pass(queryKept)
	_, err = g.GetQueryResults(g.in(home), &cloudtrailapi.GetQueryResultsRequest{QueryId: q})
	refused(t, err, "QueryIdNotFoundException")
	items, err := g.lakeStore.List(t.Context(), store.Range{Prefix: "rows/"})
	if err != nil || len(items) != 0 {
		t.Errorf("%d blocks of rows are left, %v", len(items), err)
	}
}

// TestCancelRunning: a query that runs ends when it is cancelled.
func TestCancelRunning(t *testing.T) {
	g := newRig(t)
	_, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "all"})
	g.happen(home, "One", "")
	g.pass(time.Minute)
	statement := "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r, " + id
	q := must(g.StartQuery(g.in(home), &cloudtrailapi.StartQueryRequest{QueryStatement: &statement}))(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	for {
		d := must(g.DescribeQuery(g.in(home), &cloudtrailapi.DescribeQueryRequest{QueryId: q.QueryId}))(t)
		if _, ok := g.running.Load(account + "/" + home + "/" + *q.QueryId); ok && d.QueryStatus == "RUNNING" {
			break
		}
	}
	must(g.CancelQuery(g.in(home), &cloudtrailapi.CancelQueryRequest{QueryId: *q.QueryId}))(t)
	if err := g.Settle(ctx); err != nil {
		t.Error(err)
	}
	d := must(g.DescribeQuery(g.in(home), &cloudtrailapi.DescribeQueryRequest{QueryId: q.QueryId}))(t)
	if d.QueryStatus != "CANCELLED" {
		t.Errorf("status %s", d.QueryStatus)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
