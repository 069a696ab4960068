package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
	"bartizan.dev/service/cloudtrail/folder"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/trail"
	"bartizan.dev/trail/segment"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const account = "111122223333"

// rig is a service over a real trail, a store, a clock and a folder.
type rig struct {
	*Service
	t     *testing.T
	clock *work.Clock
	store store.Store
	trail *segment.Trail
	dir   string
	fail  error // what the bucket answers
	n     int
}

type failing struct {
	*rig
	Bucket
}

func (f failing) Put(ctx context.Context, key string, body []byte, m map[string]string) error {
	if f.fail != nil {
		return f.fail
	}
	return f.Bucket.Put(ctx, key, body, m)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	clock := new(work.Clock)
	tr, err := segment.Open(t.TempDir(), segment.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	g := &rig{t: t, clock: clock, store: memory.Open(), trail: tr, dir: t.TempDir()}
	// To the minute after a whole hour, so that no test depends on when it runs.
	now := clock.Now()
	clock.Advance(now.Truncate(time.Hour).Add(time.Hour + time.Minute).Sub(now))
	g.open()
	return g
}

// open makes the service, as a process that starts does.
func (g *rig) open() {
	f, err := folder.Open(g.dir)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Service, err = New(g.t.Context(), Deps{Trail: g.trail, Log: g.trail, Store: g.store, Clock: g.clock, Bucket: func(name string) Bucket {
		if name != "logs" {
			return nil
		}
		return failing{g, f}
	}})
	if err != nil {
		g.t.Fatal(err)
	}
}

// in is the context of a call from a Region, now.
func (g *rig) in(region string) context.Context {
	return caller.With(g.t.Context(), &caller.Call{
		Identity: caller.Identity{Kind: caller.User, Account: account}, Region: region, Time: g.clock.Now(),
	})
}

// event records one.
func (g *rig) event(region, source, name string, readOnly bool) string {
	g.t.Helper()
	g.n++
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", g.n)
	return g.append(&trail.Event{Time: g.clock.Now(), ID: id, Account: account, Region: region, Source: source, Name: name, ReadOnly: readOnly,
		JSON: fmt.Appendf(nil, `{"eventID":%q,"eventSource":%q,"eventCategory":"Management"}`, id, source)})
}

func (g *rig) append(e *trail.Event) string {
	g.t.Helper()
	if err := g.trail.Append(g.t.Context(), e); err != nil {
		g.t.Fatal(err)
	}
	return e.ID
}

// pass moves time on and has all done that is due.
func (g *rig) pass(d time.Duration) {
	g.t.Helper()
	g.clock.Advance(d)
	ctx, stop := context.WithCancel(g.t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	if err := g.Settle(ctx); err != nil {
		g.t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		g.t.Error(err)
	}
}

// files are the keys of the bucket's objects.
func (g *rig) files() (keys []string) {
	g.t.Helper()
	err := filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == folder.Metadata {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".") { // a dot's is being written
			keys = append(keys, strings.TrimPrefix(path, g.dir+"/"))
		}
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return keys
}

func (g *rig) read(key string) []byte {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, key))
	if err != nil {
		g.t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		g.t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

// delivered are the ids of the events in all log files, in order.
func (g *rig) delivered() (ids []string) {
	g.t.Helper()
	for _, key := range g.files() {
		if !strings.Contains(key, "/CloudTrail/") {
			continue
		}
		var f struct{ Records []struct{ EventID string } }
		if err := json.Unmarshal(g.read(key), &f); err != nil {
			g.t.Fatal(err)
		}
		for _, r := range f.Records {
			ids = append(ids, r.EventID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (g *rig) want(ids ...string) {
	g.t.Helper()
	slices.Sort(ids)
	if got := g.delivered(); !slices.Equal(got, ids) {
		g.t.Fatalf("delivered %v, want %v", got, ids)
	}
}

func must[T any](out T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func (g *rig) create(region string, in cloudtrailapi.CreateTrailRequest) string {
	g.t.Helper()
	if in.S3BucketName == "" {
		in.S3BucketName = "logs"
	}
	return *must(g.CreateTrail(g.in(region), &in))(g.t).TrailARN
}

func (g *rig) start(region, name string) {
	g.t.Helper()
	must(g.StartLogging(g.in(region), &cloudtrailapi.StartLoggingRequest{Name: name}))(g.t)
}

func TestTrails(t *testing.T) {
	g := newRig(t)
	ctx := g.in("us-east-1")
	for name, code := range map[string]string{
		"ab": "InvalidTrailNameException", "-abc": "InvalidTrailNameException", "abc-": "InvalidTrailNameException", "a b c": "InvalidTrailNameException",
		"a..b": "InvalidTrailNameException", "10.0.0.1": "InvalidTrailNameException", strings.Repeat("a", 129): "InvalidTrailNameException",
	} {
		_, err := g.CreateTrail(ctx, &cloudtrailapi.CreateTrailRequest{Name: name, S3BucketName: "logs"})
		refused(t, err, code)
	}
	for _, tc := range []struct {
		in   cloudtrailapi.CreateTrailRequest
		code string
	}{
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "none"}, "S3BucketDoesNotExistException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "No"}, "InvalidS3BucketNameException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", S3KeyPrefix: new("../x")}, "InvalidS3PrefixException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", S3KeyPrefix: new(strings.Repeat("x", 201))}, "InvalidS3PrefixException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", IsMultiRegionTrail: new(true), IncludeGlobalServiceEvents: new(false)}, "InvalidParameterCombinationException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", IsOrganizationTrail: new(true)}, "UnsupportedOperationException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", SnsTopicName: new("topic")}, "UnsupportedOperationException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", KmsKeyId: new("alias/x")}, "UnsupportedOperationException"},
		{cloudtrailapi.CreateTrailRequest{S3BucketName: "logs", TagsList: []cloudtrailapi.Tag{{Key: "aws:x"}}}, "InvalidTagParameterException"},
	} {
		tc.in.Name = "trail"
		_, err := g.CreateTrail(ctx, &tc.in)
		refused(t, err, tc.code)
	}
	arn := g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: "main", IsMultiRegionTrail: new(true), S3KeyPrefix: new("p"), TagsList: []cloudtrailapi.Tag{{Key: "k", Value: new("v")}}})
	if arn != "arn:aws:cloudtrail:us-east-1:"+account+":trail/main" {
		t.Errorf("ARN %s", arn)
	}
	_, err := g.CreateTrail(ctx, &cloudtrailapi.CreateTrailRequest{Name: "main", S3BucketName: "logs"})
	refused(t, err, "TrailAlreadyExistsException")
	g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: "local"})
	for i := range 3 {
		g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: fmt.Sprint("trail", i)})
	}
	_, err = g.CreateTrail(ctx, &cloudtrailapi.CreateTrailRequest{Name: "sixth", S3BucketName: "logs"})
	refused(t, err, "MaximumNumberOfTrailsExceededException")

	// One for all Regions needs room in each of them.
	_, err = g.CreateTrail(g.in("eu-west-1"), &cloudtrailapi.CreateTrailRequest{Name: "wide", S3BucketName: "logs", IsMultiRegionTrail: new(true)})
	refused(t, err, "MaximumNumberOfTrailsExceededException")
	g.create("eu-west-1", cloudtrailapi.CreateTrailRequest{Name: "wide"})
	_, err = g.UpdateTrail(g.in("eu-west-1"), &cloudtrailapi.UpdateTrailRequest{Name: "wide", IsMultiRegionTrail: new(true)})
	refused(t, err, "MaximumNumberOfTrailsExceededException")
	must(g.DeleteTrail(g.in("eu-west-1"), &cloudtrailapi.DeleteTrailRequest{Name: "wide"}))(t)

	// The shadow of main in another Region.
	away := g.in("eu-central-1")
	list := must(g.DescribeTrails(away, &cloudtrailapi.DescribeTrailsRequest{}))(t).TrailList
	if len(list) != 1 || *list[0].TrailARN != arn || *list[0].HomeRegion != "us-east-1" || *list[0].S3KeyPrefix != "p" || *list[0].HasCustomEventSelectors {
		t.Errorf("shadows: %+v", list)
	}
	if n := len(must(g.DescribeTrails(away, &cloudtrailapi.DescribeTrailsRequest{IncludeShadowTrails: new(false)}))(t).TrailList); n != 0 {
		t.Errorf("%d trails of the Region's own", n)
	}
	if n := len(must(g.DescribeTrails(ctx, &cloudtrailapi.DescribeTrailsRequest{TrailNameList: []string{"local", "nothing", arn}}))(t).TrailList); n != 2 {
		t.Errorf("%d named trails", n)
	}
	must(g.GetTrail(away, &cloudtrailapi.GetTrailRequest{Name: arn}))(t)
	_, err = g.GetTrail(away, &cloudtrailapi.GetTrailRequest{Name: "main"})
	refused(t, err, "TrailNotFoundException")
	_, err = g.GetTrail(away, &cloudtrailapi.GetTrailRequest{Name: strings.Replace(arn, "main", "local", 1)})
	refused(t, err, "TrailNotFoundException")
	_, err = g.GetTrail(away, &cloudtrailapi.GetTrailRequest{Name: strings.Replace(arn, account, "999999999999", 1)})
	refused(t, err, "TrailNotFoundException")
	_, err = g.GetTrail(ctx, &cloudtrailapi.GetTrailRequest{Name: "arn:aws:iam::1:user/x"})
	refused(t, err, "CloudTrailARNInvalidException")
	for _, err := range []error{
		second(g.UpdateTrail(away, &cloudtrailapi.UpdateTrailRequest{Name: arn})), second(g.DeleteTrail(away, &cloudtrailapi.DeleteTrailRequest{Name: arn})),
		second(g.StartLogging(away, &cloudtrailapi.StartLoggingRequest{Name: arn})), second(g.StopLogging(away, &cloudtrailapi.StopLoggingRequest{Name: arn})),
	} {
		refused(t, err, "InvalidHomeRegionException")
	}
	if n := len(must(g.ListTrails(away, &cloudtrailapi.ListTrailsRequest{}))(t).Trails); n != 5 {
		t.Errorf("%d trails in all", n)
	}
	out := must(g.UpdateTrail(ctx, &cloudtrailapi.UpdateTrailRequest{Name: "main", S3KeyPrefix: new(""), IsMultiRegionTrail: new(false), IncludeGlobalServiceEvents: new(false)}))(t)
	if out.S3KeyPrefix != nil || *out.IsMultiRegionTrail || *out.IncludeGlobalServiceEvents {
		t.Errorf("updated: %+v", out)
	}
	must(g.AddTags(ctx, &cloudtrailapi.AddTagsRequest{ResourceId: arn, TagsList: []cloudtrailapi.Tag{{Key: "a", Value: new("1")}, {Key: "k", Value: new("w")}}}))(t)
	must(g.RemoveTags(ctx, &cloudtrailapi.RemoveTagsRequest{ResourceId: arn, TagsList: []cloudtrailapi.Tag{{Key: "a"}}}))(t)
	tags := must(g.ListTags(ctx, &cloudtrailapi.ListTagsRequest{ResourceIdList: []string{arn}}))(t).ResourceTagList
	if len(tags) != 1 || len(tags[0].TagsList) != 1 || *tags[0].TagsList[0].Value != "w" {
		t.Errorf("tags: %+v", tags)
	}
	must(g.DeleteTrail(ctx, &cloudtrailapi.DeleteTrailRequest{Name: "main"}))(t)
	_, err = g.GetTrailStatus(ctx, &cloudtrailapi.GetTrailStatusRequest{Name: "main"})
	refused(t, err, "TrailNotFoundException")
}

func second[T any](_ T, err error) error { return err }

func TestSelectorsAreChecked(t *testing.T) {
	g := newRig(t)
	ctx := g.in("us-east-1")
	g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: "main"})
	got := must(g.GetEventSelectors(ctx, &cloudtrailapi.GetEventSelectorsRequest{TrailName: "main"}))(t)
	if len(got.EventSelectors) != 1 || got.EventSelectors[0].ReadWriteType != "All" || !*got.EventSelectors[0].IncludeManagementEvents || got.AdvancedEventSelectors != nil {
		t.Errorf("default selectors: %+v", got)
	}
	type basic = cloudtrailapi.EventSelector
	data := func(kind string, values ...string) []basic {
		return []basic{{DataResources: []cloudtrailapi.DataResource{{Type: &kind, Values: values}}}}
	}
	adv := func(f ...cloudtrailapi.AdvancedFieldSelector) []cloudtrailapi.AdvancedEventSelector {
		return []cloudtrailapi.AdvancedEventSelector{{FieldSelectors: f}}
	}
	category := func(c string) cloudtrailapi.AdvancedFieldSelector {
		return cloudtrailapi.AdvancedFieldSelector{Field: "eventCategory", Equals: []string{c}}
	}
	is := func(f string, v ...string) cloudtrailapi.AdvancedFieldSelector {
		return cloudtrailapi.AdvancedFieldSelector{Field: f, Equals: v}
	}
	for i, tc := range []struct {
		basic    []basic
		advanced []cloudtrailapi.AdvancedEventSelector
		good     bool
	}{
		{nil, nil, false},
		{[]basic{{}}, adv(category("Management")), false},
		{make([]basic, 5), nil, true},
		{make([]basic, 6), nil, false},
		{[]basic{{IncludeManagementEvents: new(false)}}, nil, false},
		{[]basic{{ExcludeManagementEventSources: []string{"kms.amazonaws.com"}}}, nil, true},
		{[]basic{{ExcludeManagementEventSources: []string{"iam.amazonaws.com"}}}, nil, false},
		{data("AWS::S3::Object", "arn:aws:s3"), nil, true},
		{data("AWS::S3::Object", "arn:aws:s3:::bucket/prefix"), nil, true},
		{data("AWS::S3::Object", "arn:aws:s3:::*/*"), nil, false},
		{data("AWS::S3::Object", "arn:aws:s3:::bucket"), nil, false},
		{data("AWS::Lambda::Function", "arn:aws:lambda"), nil, true},
		{data("AWS::Lambda::Function"), nil, false},
		{data("AWS::SNS::Topic", "arn:aws:sns"), nil, false},
		{data("AWS::S3::Object", slices.Repeat([]string{"arn:aws:s3"}, 251)...), nil, false},
		{nil, adv(category("Management"), is("readOnly", "true")), true},
		{nil, adv(category("Management"), is("readOnly", "yes")), false},
		{nil, adv(category("Management"), is("eventName", "X")), false},
		{nil, adv(category("Management"), cloudtrailapi.AdvancedFieldSelector{Field: "eventSource", NotEquals: []string{"kms.amazonaws.com"}}), true},
		{nil, adv(category("Management"), is("eventSource", "kms.amazonaws.com")), false},
		{nil, adv(is("readOnly", "true")), false},
		{nil, adv(category("Insight")), false},
		{nil, adv(category("Data")), false},
		{nil, adv(category("Data"), is("resources.type", "AWS::S3::Object"), is("eventName", "GetObject")), true},
		{nil, adv(category("Data"), is("resources.type", "AWS::S3::Object"), is("eventName")), false},
		{nil, adv(category("Management"), category("Management")), false},
		{nil, adv(category("Data"), is("resources.type", "AWS::S3::Object"), is("eventName", slices.Repeat([]string{"x"}, 499)...)), false},
	} {
		_, err := g.PutEventSelectors(ctx, &cloudtrailapi.PutEventSelectorsRequest{TrailName: "main", EventSelectors: tc.basic, AdvancedEventSelectors: tc.advanced})
		if tc.good && err != nil {
			t.Errorf("%d: %v", i, err)
		} else if !tc.good {
			refused(t, err, "InvalidEventSelectorsException")
		}
	}
	got = must(g.GetEventSelectors(ctx, &cloudtrailapi.GetEventSelectorsRequest{TrailName: "main"}))(t)
	if len(got.AdvancedEventSelectors) != 1 || got.EventSelectors != nil {
		t.Errorf("selectors: %+v", got)
	}
	if list := must(g.DescribeTrails(ctx, &cloudtrailapi.DescribeTrailsRequest{}))(t).TrailList; !*list[0].HasCustomEventSelectors {
		t.Error("the trail has no custom selectors")
	}
}

// TestSelectorsChoose: a trail delivers what its selectors choose.
func TestSelectorsChoose(t *testing.T) {
	object := `{"eventCategory":"Data","eventType":"AwsApiCall","userIdentity":{"arn":"arn:aws:iam::1:user/u"},"resources":[{"ARN":"arn:aws:s3:::b","type":"AWS::S3::Bucket"},{"ARN":"arn:aws:s3:::b/k.txt","type":"AWS::S3::Object"}]}`
	events := []trail.Event{
		{Source: "iam.amazonaws.com", Name: "CreateUser", JSON: []byte(`{"eventCategory":"Management"}`)},
		{Source: "kms.amazonaws.com", Name: "Decrypt", ReadOnly: true, JSON: []byte(`{"eventCategory":"Management"}`)},
		{Source: "s3.amazonaws.com", Name: "PutObject", JSON: []byte(object)},
	}
	f := func(name string, equals ...string) cloudtrailapi.AdvancedFieldSelector {
		return cloudtrailapi.AdvancedFieldSelector{Field: name, Equals: equals}
	}
	dataSelector := func(more ...cloudtrailapi.AdvancedFieldSelector) []cloudtrailapi.AdvancedEventSelector {
		return []cloudtrailapi.AdvancedEventSelector{{FieldSelectors: append([]cloudtrailapi.AdvancedFieldSelector{f("eventCategory", "Data"), f("resources.type", "AWS::S3::Object")}, more...)}}
	}
	for i, tc := range []struct {
		r    record
		want string // of the events, by number
	}{
		{record{Global: true}, "01"},
		{record{}, "1"},
		{record{Global: true, Selectors: []cloudtrailapi.EventSelector{{ReadWriteType: "ReadOnly"}}}, "1"},
		{record{Global: true, Selectors: []cloudtrailapi.EventSelector{{ReadWriteType: "WriteOnly"}}}, "0"},
		{record{Global: true, Selectors: []cloudtrailapi.EventSelector{{ExcludeManagementEventSources: []string{"kms.amazonaws.com"}}}}, "0"},
		{record{Global: true, Selectors: []cloudtrailapi.EventSelector{{IncludeManagementEvents: new(false), DataResources: []cloudtrailapi.DataResource{{Type: new("AWS::S3::Object"), Values: []string{"arn:aws:s3:::b/"}}}}}}, "2"},
		{record{Global: true, Selectors: []cloudtrailapi.EventSelector{{IncludeManagementEvents: new(false), DataResources: []cloudtrailapi.DataResource{{Type: new("AWS::S3::Object"), Values: []string{"arn:aws:s3:::c/"}}}}}}, ""},
		{record{Global: true, Advanced: []cloudtrailapi.AdvancedEventSelector{{FieldSelectors: []cloudtrailapi.AdvancedFieldSelector{f("eventCategory", "Management"), {Field: "eventSource", NotEquals: []string{"kms.amazonaws.com"}}}}}}, "0"},
		{record{Global: true, Advanced: dataSelector()}, "2"},
		{record{Global: true, Advanced: dataSelector(f("readOnly", "true"))}, ""},
		{record{Global: true, Advanced: dataSelector(cloudtrailapi.AdvancedFieldSelector{Field: "resources.ARN", EndsWith: []string{".txt"}, NotStartsWith: []string{"arn:aws:s3:::c"}})}, "2"},
		{record{Global: true, Advanced: dataSelector(cloudtrailapi.AdvancedFieldSelector{Field: "eventName", StartsWith: []string{"Put"}, NotEquals: []string{"PutObject"}})}, ""},
		{record{Global: true, Advanced: dataSelector(f("userIdentity.arn", "arn:aws:iam::1:user/u"))}, "2"},
		{record{Global: true, Advanced: dataSelector(f("sessionCredentialFromConsole", "true"))}, ""},
	} {
		tc.r.Account, tc.r.Region, tc.r.Spans = account, "us-east-1", []span{{From: time.Unix(100, 0)}}
		got := ""
		for n, e := range events {
			e.Time, e.Account, e.Region = time.Unix(200, 0), account, "us-east-1"
			if tc.r.wants(&e) {
				got += fmt.Sprint(n)
			}
			for _, other := range []trail.Event{{Account: "9", Region: e.Region, Time: e.Time}, {Account: account, Region: "x", Time: e.Time}, {Account: account, Region: e.Region, Time: time.Unix(50, 0)}} {
				other.Source, other.JSON = e.Source, e.JSON
				if tc.r.wants(&other) {
					t.Errorf("%d: wants %+v", i, other)
				}
			}
		}
		if got != tc.want {
			t.Errorf("%d: chose %q, want %q", i, got, tc.want)
		}
	}
}

// TestDelivery: what a trail logs is delivered once, in files by Region, from
// the call that starts it to the call that stops it.
func TestDelivery(t *testing.T) {
	g := newRig(t)
	g.event("us-east-1", "iam.amazonaws.com", "Before", false)
	g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: "main", IsMultiRegionTrail: new(true), S3KeyPrefix: new("pre/fix")})
	g.clock.Advance(time.Second)
	g.start("us-east-1", "main")
	a := g.event("us-east-1", "iam.amazonaws.com", "CreateUser", false)
	b := g.event("eu-central-1", "kms.amazonaws.com", "Encrypt", true)
	g.append(&trail.Event{Time: g.clock.Now(), ID: "other", Account: "999999999999", Region: "us-east-1", JSON: []byte(`{}`)})
	g.append(&trail.Event{Time: g.clock.Now(), ID: "evidence", Account: account, Region: "/authorization", JSON: []byte(`{}`)})
	if len(g.files()) != 0 {
		t.Fatal("delivered at once")
	}
	g.pass(every)
	g.want(a, b)
	keys := g.files()
	at := g.clock.Now()
	for i, region := range []string{"eu-central-1", "us-east-1"} {
		want := fmt.Sprintf("pre/fix/AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s", account, region, at.Format("2006/01/02"), account, region, at.Format("20060102T1504Z"))
		if len(keys) != 2 || !strings.HasPrefix(keys[i], want) || len(keys[i]) != len(want)+len("_0123456789ABCDEF.json.gz") {
			t.Fatalf("files %v, want one like %s", keys, want)
		}
	}
	st := must(g.GetTrailStatus(g.in("us-east-1"), &cloudtrailapi.GetTrailStatusRequest{Name: "main"}))(t)
	if !*st.IsLogging || st.LatestDeliveryTime.IsZero() || st.LatestDeliveryError != nil || *st.TimeLoggingStopped != "" {
		t.Errorf("status %+v", st)
	}
	g.pass(every) // nothing happened
	if len(g.files()) != 2 {
		t.Errorf("files %v", g.files())
	}
	// A bucket that fails loses nothing.
	c := g.event("us-east-1", "iam.amazonaws.com", "DeleteUser", false)
	g.fail = errors.New("no room")
	g.pass(every)
	st = must(g.GetTrailStatus(g.in("us-east-1"), &cloudtrailapi.GetTrailStatusRequest{Name: "main"}))(t)
	if st.LatestDeliveryError == nil || *st.LatestDeliveryError != "no room" {
		t.Errorf("status %+v", st)
	}
	g.fail = nil
	d := g.event("us-east-1", "iam.amazonaws.com", "DeleteRole", false)
	g.pass(every)
	g.pass(every)
	g.want(a, b, c, d)
	// The stop is delivered, what follows is not, and a deleted trail still delivers.
	g.clock.Advance(time.Second)
	ctx := g.in("us-east-1")
	must(g.StopLogging(ctx, &cloudtrailapi.StopLoggingRequest{Name: "main"}))(t)
	e := g.append(&trail.Event{Time: caller.From(ctx).Time, ID: "stop", Account: account, Region: "us-east-1", JSON: []byte(`{"eventID":"stop"}`)})
	g.clock.Advance(time.Second)
	g.event("us-east-1", "iam.amazonaws.com", "After", false)
	g.clock.Advance(time.Second)
	g.start("us-east-1", "main")
	f := g.event("us-east-1", "iam.amazonaws.com", "Again", false)
	must(g.DeleteTrail(g.in("us-east-1"), &cloudtrailapi.DeleteTrailRequest{Name: "main"}))(t)
	g.pass(every)
	g.pass(every)
	g.want(a, b, c, d, e, f)
	if left := must(g.gone.List(t.Context(), g.store, "", "", 0))(t); len(left) != 0 {
		t.Errorf("a deleted trail stays: %+v", left[0].Value)
	}
	if jobs := must(g.queue.Jobs(t.Context(), jobDeliver, "", 10))(t); len(jobs) != 0 {
		t.Errorf("jobs of a deleted trail: %+v", jobs)
	}
}

// TestDeliveryIsRepeated: a run that dies between its files and its transaction
// is repeated by the next process, and its files replace themselves.
func TestDeliveryIsRepeated(t *testing.T) {
	g := newRig(t)
	g.create("us-east-1", cloudtrailapi.CreateTrailRequest{Name: "main", EnableLogFileValidation: new(true)})
	g.start("us-east-1", "main")
	a := g.event("us-east-1", "iam.amazonaws.com", "CreateUser", false)
	g.clock.Advance(every)
	jobs := must(g.queue.Jobs(t.Context(), jobDeliver, "", 10))(t)
	if len(jobs) != 1 {
		t.Fatalf("jobs %+v", jobs)
	}
	if _, err := g.deliver(t.Context(), jobs[0]); err != nil { // what finishes it never runs
		t.Fatal(err)
	}
	first := g.files()
	g.want(a)
	b := g.event("us-east-1", "iam.amazonaws.com", "DeleteUser", false)
	g.open()
	g.pass(time.Minute)
	g.want(a)
	if again := g.files(); !slices.Equal(first, again) {
		t.Fatalf("files %v, then %v", first, again)
	}
	g.pass(every)
	g.want(a, b)
	// Digests likewise.
	g.clock.Advance(time.Hour)
	digests := must(g.queue.Jobs(t.Context(), jobDigest, "", 10))(t)
	if _, err := g.digest(t.Context(), digests[0]); err != nil {
		t.Fatal(err)
	}
	before := g.files()
	g.open()
	g.pass(0)
	if after := g.files(); !slices.Equal(before, after) {
		t.Errorf("files %v, then %v", before, after)
	}
}
