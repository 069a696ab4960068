package securityhub

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/caller"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

type fixture struct {
	*Service
	t      *testing.T
	ctx    context.Context
	clock  *work.Clock
	mu     sync.Mutex
	events []Event
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: new(work.Clock)}
	f.Service = New(Deps{Store: memory.Open(), Clock: f.clock, Publish: func(_ context.Context, e *Event) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.events = append(f.events, *e)
		return nil
	}})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	f.ctx = f.as(account)
	return f
}

// as is a call of an account's root user.
func (f *fixture) as(account string) context.Context {
	return caller.With(f.t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}, Region: region})
}

func (f *fixture) enable() *fixture {
	f.t.Helper()
	ok[*api.EnableSecurityHubResponse](f.t)(f.EnableSecurityHub(f.ctx, &api.EnableSecurityHubRequest{EnableDefaultStandards: new(false)}))
	return f
}

// told are the events so far, by type.
func (f *fixture) told(detailType string) (out []Event) {
	f.t.Helper()
	if err := f.Settle(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.DetailType == detailType {
			out = append(out, e)
		}
	}
	return out
}

func ok[O any](t *testing.T) func(out O, err error) O {
	return func(out O, err error) O {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("%v, want %s: %s", err, code, message)
	}
}

// sample is a finding of the account's own product, with changes.
func sample(id string, edits ...func(*api.AwsSecurityFinding)) api.AwsSecurityFinding {
	v := api.AwsSecurityFinding{
		SchemaVersion: "2018-10-08", Id: id, ProductArn: "arn:aws:securityhub:" + region + ":" + account + ":product/" + account + "/default",
		GeneratorId: "gen", AwsAccountId: account, Types: []string{"Software and Configuration Checks/Vulnerabilities/CVE"},
		CreatedAt: "2026-01-01T00:00:00Z", UpdatedAt: "2026-01-01T00:00:00Z", Severity: &api.Severity{Label: api.SeverityLabel_HIGH},
		Title: "Title of " + id, Description: "A description", Resources: []api.Resource{{Type: "AwsEc2Instance", Id: "arn:aws:ec2:eu-west-1:111111111111:instance/i-" + id}},
	}
	for _, e := range edits {
		e(&v)
	}
	return v
}

func (f *fixture) send(all ...api.AwsSecurityFinding) *api.BatchImportFindingsResponse {
	f.t.Helper()
	return ok[*api.BatchImportFindingsResponse](f.t)(f.BatchImportFindings(f.ctx, &api.BatchImportFindingsRequest{Findings: all}))
}

func (f *fixture) one(id string) api.AwsSecurityFinding {
	f.t.Helper()
	out := ok[*api.GetFindingsResponse](f.t)(f.GetFindings(f.ctx, &api.GetFindingsRequest{Filters: &api.AwsSecurityFindingFilters{Id: []api.StringFilter{{Value: &id, Comparison: "EQUALS"}}}}))
	if len(out.Findings) != 1 {
		f.t.Fatalf("%d findings with the id %s", len(out.Findings), id)
	}
	return out.Findings[0]
}

// ids are those of findings, joined.
func ids(all []api.AwsSecurityFinding) string {
	var out []string
	for _, v := range all {
		out = append(out, v.Id)
	}
	return strings.Join(out, " ")
}

// fromJSON reads an input as it stands in documentation.
func fromJSON[T any](t *testing.T, text string) *T {
	t.Helper()
	v := new(T)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
	return v
}
