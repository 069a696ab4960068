package guardduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/caller"
	"bartizan.dev/logs/logstest"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/trail"
	"bartizan.dev/trail/segment"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const region = "eu-west-1"

type object = map[string]any

// rig is a service over a real trail, a store and a clock; what it publishes is
// kept.
type rig struct {
	*Service
	t     *testing.T
	clock *work.Clock
	store store.Store
	trail *segment.Trail
	n     int

	stopped func() // ends the work of Service

	mu     sync.Mutex
	events []Event
	fail   error             // what EventBridge answers
	files  map[string]string // what lies at a location
}

func newRig(t *testing.T) *rig {
	t.Helper()
	clock := new(work.Clock)
	tr, err := segment.Open(t.TempDir(), segment.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	r := &rig{t: t, clock: clock, store: memory.Open(), trail: tr}
	now := clock.Now()
	clock.Advance(now.Truncate(6 * time.Hour).Add(6*time.Hour + time.Minute).Sub(now))
	r.Service, r.stopped = r.open()
	return r
}

// restart ends the process and starts another.
func (r *rig) restart() {
	r.stopped()
	r.Service, r.stopped = r.open()
}

// open makes the service and does its work, as a process that starts does, until
// stop is called.
func (r *rig) open() (s *Service, stop func()) {
	s, err := New(r.t.Context(), Deps{Log: r.trail, Store: r.store, Clock: r.clock, Publish: func(_ context.Context, e Event) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.fail == nil {
			r.events = append(r.events, e)
		}
		return r.fail
	}, Fetch: r.fetch})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(ctx); err != nil {
			r.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); run.Wait() })
	r.t.Cleanup(stop)
	return s, stop
}

func (r *rig) fetch(_ context.Context, at Source) (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, ok := r.files[strings.TrimPrefix(at.Bucket+"/"+at.Key+at.URL, "/")]
	if !ok {
		return nil, errors.New("no such file")
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// put makes a file; the empty one goes.
func (r *rig) put(name, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files == nil {
		r.files = map[string]string{}
	}
	if r.files[name] = text; text == "" {
		delete(r.files, name)
	}
}

// in is the context of a call of an account from a Region, now.
func (r *rig) in(account, region string) context.Context {
	return caller.With(r.t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.User, Account: account}, Region: region, Time: r.clock.Now()})
}

func (r *rig) ctx() context.Context { return r.in(logstest.Account, region) }

// create makes the detector of an account in a Region.
func (r *rig) create(ctx context.Context) string {
	r.t.Helper()
	out, err := r.CreateDetector(ctx, &guarddutyapi.CreateDetectorRequest{Enable: true, FindingPublishingFrequency: guarddutyapi.FindingPublishingFrequency_FIFTEEN_MINUTES})
	if err != nil {
		r.t.Fatal(err)
	}
	return *out.DetectorId
}

// stop records that a trail was stopped.
func (r *rig) stop(account, region, name string) {
	r.t.Helper()
	r.record(account, region, logstest.Event{Source: "cloudtrail.amazonaws.com", Name: "StopLogging", Identity: logstest.Role("ops", "s"), Params: object{"name": name}})
}

func (r *rig) record(account, region string, e logstest.Event) {
	r.t.Helper()
	r.n++
	e.ID, e.Time = fmt.Sprintf("%08d-0000-4000-8000-000000000000", r.n), r.clock.Now()
	text := strings.ReplaceAll(string(e.JSON()), logstest.Account, account)
	text = strings.ReplaceAll(text, `"awsRegion":"eu-west-1"`, `"awsRegion":"`+region+`"`)
	err := r.trail.Append(r.t.Context(), &trail.Event{Time: e.Time, ID: e.ID, Account: account, Region: region, Source: e.Source, Name: e.Name, JSON: []byte(text)})
	if err != nil {
		r.t.Fatal(err)
	}
}

// pass moves time on and has all done that is due.
func (r *rig) pass(d time.Duration, nodes ...*Service) {
	r.t.Helper()
	r.clock.Advance(d)
	if nodes == nil {
		nodes = []*Service{r.Service}
	}
	for range 3 { // what is due can make more be due
		for _, s := range nodes {
			if err := s.Settle(r.t.Context()); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// found are all findings of the caller's detector, by type.
func (r *rig) found(ctx context.Context, id string) map[string]guarddutyapi.Finding {
	r.t.Helper()
	ids, err := r.ListFindings(ctx, &guarddutyapi.ListFindingsRequest{DetectorId: id})
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := r.GetFindings(ctx, &guarddutyapi.GetFindingsRequest{DetectorId: id, FindingIds: ids.FindingIds})
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]guarddutyapi.Finding{}
	for _, f := range got.Findings {
		out[f.Type] = f
	}
	return out
}

func (r *rig) sent() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != "BadRequestException" || e.Status != 400 || !strings.Contains(e.Message, text) {
		t.Errorf("got %v, want %q", err, text)
	}
}

const stopped = "Stealth:IAMUser/CloudTrailLoggingDisabled"

// TestWhatHappensBecomesFindings, counts on over restarts, and is told once.
func TestWhatHappensBecomesFindings(t *testing.T) {
	r := newRig(t)
	r.stop(logstest.Account, region, "early")
	r.clock.Advance(time.Second)
	id := r.create(r.ctx())
	if f := r.found(r.ctx(), id); len(f) != 0 {
		t.Fatalf("%v", f)
	}
	r.stop(logstest.Account, region, "a")
	r.stop("999988887777", region, "of another account")
	r.stop(logstest.Account, "us-west-2", "in another Region")
	r.pass(time.Minute)
	f := r.found(r.ctx(), id)[stopped]
	if f.Service == nil || *f.Service.Count != 1 || *f.Service.DetectorId != id || f.AccountId != logstest.Account || f.Region != region || f.Arn != "arn:aws:guardduty:eu-west-1:111122223333:detector/"+id+"/finding/"+f.Id ||
		*f.Service.Action.AwsApiCallAction.Api != "StopLogging" || f.Service.Action.AwsApiCallAction.AffectedResources["AWS::CloudTrail::Trail"] != "a" {
		t.Fatalf("%+v %+v", f, f.Service)
	}
	sent := r.sent()
	if len(sent) != 1 || sent[0].DetailType != "GuardDuty Finding" || sent[0].Account != logstest.Account || sent[0].Region != region {
		t.Fatalf("%+v", sent)
	}
	var detail struct {
		ID, Type string
		Service  struct{ Count int }
	}
	if err := json.Unmarshal(sent[0].Detail, &detail); err != nil || detail.ID != f.Id || detail.Type != stopped || detail.Service.Count != 1 {
		t.Errorf("%s", sent[0].Detail)
	}
	for i := range 4 {
		if i%2 == 0 {
			r.restart() // another process has nothing in memory
		}
		r.stop(logstest.Account, region, fmt.Sprint("b", i))
		r.pass(time.Minute)
	}
	again := r.found(r.ctx(), id)[stopped]
	if *again.Service.Count != 5 || again.Id != f.Id || again.CreatedAt != f.CreatedAt || *again.Service.EventFirstSeen != *f.Service.EventFirstSeen || *again.Service.EventLastSeen <= *f.Service.EventLastSeen ||
		again.Service.Action.AwsApiCallAction.AffectedResources["AWS::CloudTrail::Trail"] != "a, b0, b1, b2, b3" {
		t.Errorf("%+v %+v", again.Service, again.Service.Action.AwsApiCallAction)
	}
	if n := len(r.sent()); n != 1 {
		t.Errorf("%d events before the detector's frequency says so", n)
	}
	r.pass(15 * time.Minute)
	if n := len(r.sent()); n != 2 {
		t.Errorf("%d events", n)
	}
	r.pass(6 * time.Hour)
	if n := len(r.sent()); n != 2 {
		t.Errorf("%d events, although nothing happened", n)
	}
	r.pass(91 * 24 * time.Hour)
	if f := r.found(r.ctx(), id); len(f) != 0 {
		t.Errorf("kept for more than 90 days: %v", f)
	}
}

// TestGlobalServicesConcernEveryRegion.
func TestGlobalServicesConcernEveryRegion(t *testing.T) {
	r := newRig(t)
	here, there := r.in(logstest.Account, region), r.in(logstest.Account, "us-east-1")
	a, b := r.create(here), r.create(there)
	r.record(logstest.Account, "us-east-1", logstest.Event{Source: "iam.amazonaws.com", Name: "DeleteAccountPasswordPolicy", Identity: logstest.Role("ops", "s")})
	r.pass(time.Minute)
	const kind = "Stealth:IAMUser/PasswordPolicyChange"
	if x, y := r.found(here, a)[kind], r.found(there, b)[kind]; x.Region != region || y.Region != "us-east-1" || x.Id == y.Id {
		t.Errorf("%+v %+v", x, y)
	}
}

// TestTwoNodesAgree: whichever runs, every event is counted once.
func TestTwoNodesAgree(t *testing.T) {
	r := newRig(t)
	other, stop := r.open()
	id := r.create(r.ctx())
	for range 6 {
		r.stop(logstest.Account, region, "t")
		r.pass(3*time.Minute, r.Service, other)
	}
	for range 20 {
		r.stop(logstest.Account, region, "t")
		r.clock.Advance(every)
	}
	r.pass(time.Minute, r.Service, other)
	stop()
	r.stop(logstest.Account, region, "t")
	r.pass(time.Minute)
	if n := *r.found(r.ctx(), id)[stopped].Service.Count; n != 27 {
		t.Errorf("counted %d", n)
	}
}

// TestEventsAreSentAgain when EventBridge did not take them.
func TestEventsAreSentAgain(t *testing.T) {
	r := newRig(t)
	r.create(r.ctx())
	r.mu.Lock()
	r.fail = errors.New("down")
	r.mu.Unlock()
	r.stop(logstest.Account, region, "t")
	r.pass(time.Minute)
	r.mu.Lock()
	r.fail = nil
	r.mu.Unlock()
	r.pass(time.Hour)
	if n := len(r.sent()); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestDetectors(t *testing.T) {
	r := newRig(t)
	ctx := r.ctx()
	in := &guarddutyapi.CreateDetectorRequest{Enable: true, ClientToken: new("token"), Tags: map[string]string{"k": "v"},
		Features: []guarddutyapi.DetectorFeatureConfiguration{{Name: "RUNTIME_MONITORING", Status: "ENABLED", AdditionalConfiguration: []guarddutyapi.DetectorAdditionalConfiguration{{Name: "EC2_AGENT_MANAGEMENT", Status: "ENABLED"}}}}}
	first, err := r.CreateDetector(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.CreateDetector(ctx, in); err != nil || *again.DetectorId != *first.DetectorId {
		t.Errorf("%v %v", again, err)
	}
	in.ClientToken = nil
	_, err = r.CreateDetector(ctx, in)
	wantError(t, err, "a detector already exists for the current account")
	id := *first.DetectorId
	got, err := r.GetDetector(ctx, &guarddutyapi.GetDetectorRequest{DetectorId: id})
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]bool{}
	for _, f := range got.Features {
		on[string(f.Name)] = f.Status == "ENABLED"
		for _, a := range f.AdditionalConfiguration {
			on[string(f.Name)+"/"+string(a.Name)] = a.Status == "ENABLED"
		}
	}
	for name, want := range map[string]bool{"CLOUD_TRAIL": true, "DNS_LOGS": true, "FLOW_LOGS": true, "S3_DATA_EVENTS": true, "RUNTIME_MONITORING": true, "EKS_RUNTIME_MONITORING": false,
		"RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT": true, "RUNTIME_MONITORING/EKS_ADDON_MANAGEMENT": false} {
		if on[name] != want {
			t.Errorf("%s is %v", name, on[name])
		}
	}
	if got.FindingPublishingFrequency != "SIX_HOURS" || got.Status != "ENABLED" || got.Tags["k"] != "v" || got.DataSources.S3Logs.Status != "ENABLED" ||
		got.ServiceRole != "arn:aws:iam::111122223333:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty" {
		t.Errorf("%+v", got)
	}
	update := func(in *guarddutyapi.UpdateDetectorRequest) error {
		in.DetectorId = id
		_, err := r.UpdateDetector(ctx, in)
		return err
	}
	wantError(t, update(&guarddutyapi.UpdateDetectorRequest{Features: []guarddutyapi.DetectorFeatureConfiguration{{Name: "EKS_RUNTIME_MONITORING", Status: "ENABLED"}}}), "cannot be enabled at the same time")
	wantError(t, update(&guarddutyapi.UpdateDetectorRequest{Features: []guarddutyapi.DetectorFeatureConfiguration{{Name: "S3_DATA_EVENTS"}, {Name: "S3_DATA_EVENTS"}}}), "more than once")
	if err := update(&guarddutyapi.UpdateDetectorRequest{Enable: new(false), DataSources: &guarddutyapi.DataSourceConfigurations{S3Logs: &guarddutyapi.S3LogsConfiguration{}}}); err != nil {
		t.Error(err)
	}
	// While it is disabled nothing is found, and nothing of that time later.
	r.stop(logstest.Account, region, "t")
	r.pass(time.Minute)
	if err := update(&guarddutyapi.UpdateDetectorRequest{Enable: new(true)}); err != nil {
		t.Error(err)
	}
	r.pass(time.Minute)
	if f := r.found(ctx, id); len(f) != 0 {
		t.Errorf("%v", f)
	}
	if got, err = r.GetDetector(ctx, &guarddutyapi.GetDetectorRequest{DetectorId: id}); err != nil || got.DataSources.S3Logs.Status != "DISABLED" {
		t.Errorf("%+v %v", got, err)
	}
	r.stop(logstest.Account, region, "t")
	r.pass(time.Minute)
	if f := r.found(ctx, id); len(f) != 1 {
		t.Errorf("%v", f)
	}
	_, err = r.GetDetector(r.in("999988887777", region), &guarddutyapi.GetDetectorRequest{DetectorId: id})
	wantError(t, err, "is not owned by the current account")
	if _, err := r.DeleteDetector(ctx, &guarddutyapi.DeleteDetectorRequest{DetectorId: id}); err != nil {
		t.Error(err)
	}
	if all, err := r.ListDetectors(ctx, &guarddutyapi.ListDetectorsRequest{}); err != nil || len(all.DetectorIds) != 0 {
		t.Errorf("%v %v", all, err)
	}
	r.pass(time.Minute)
	if left, err := r.findings.List(ctx, r.store, "", "", 0); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
	r.pass(100 * 24 * time.Hour)
}

// TestSamples: every type we find has one, and every attribute is read from it.
func TestSamples(t *testing.T) {
	r := newRig(t)
	id := r.create(r.ctx())
	create := func(types ...string) error {
		_, err := r.CreateSampleFindings(r.ctx(), &guarddutyapi.CreateSampleFindingsRequest{DetectorId: id, FindingTypes: types})
		return err
	}
	wantError(t, create("Nothing:EC2/AtAll"), "findingTypes")
	if err := errors.Join(create(), create(stopped)); err != nil {
		t.Fatal(err)
	}
	out, err := r.ListFindings(r.ctx(), &guarddutyapi.ListFindingsRequest{DetectorId: id, MaxResults: new(int32(40)), SortCriteria: &guarddutyapi.SortCriteria{AttributeName: new("type")}})
	if err != nil {
		t.Fatal(err)
	}
	rest, err := r.ListFindings(r.ctx(), &guarddutyapi.ListFindingsRequest{DetectorId: id, NextToken: out.NextToken, SortCriteria: &guarddutyapi.SortCriteria{AttributeName: new("type")}})
	if err != nil || len(out.FindingIds) != 40 || len(out.FindingIds)+len(rest.FindingIds) != len(sampleTypes()) || rest.NextToken != nil {
		t.Fatalf("%d %v %v", len(out.FindingIds), rest, err)
	}
	ids := append(out.FindingIds, rest.FindingIds...)
	for i := 0; i < len(ids); i += 50 {
		got, err := r.GetFindings(r.ctx(), &guarddutyapi.GetFindingsRequest{DetectorId: id, FindingIds: ids[i:min(i+50, len(ids))]})
		if err != nil {
			t.Fatal(err)
		}
		for n, f := range got.Findings {
			if f.Type != sampleTypes()[i+n] || !strings.HasPrefix(*f.Title, "[SAMPLE]") || *f.Service.AdditionalInfo.Value != `{"sample":true}` || *f.Resource.ResourceType == "" || *f.Service.Action.ActionType == "" {
				t.Errorf("%s: %+v", sampleTypes()[i+n], f)
			}
			if want := map[bool]int32{true: 2, false: 1}[f.Type == stopped]; *f.Service.Count != want {
				t.Errorf("%s: count %d", f.Type, *f.Service.Count)
			}
		}
	}
	r.pass(time.Minute)
	if n := len(r.sent()); n != len(ids) {
		t.Errorf("%d events of %d samples", n, len(ids))
	}
}
