package accessanalyzer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
	"bartizan.dev/store/memory"
	"bartizan.dev/trail"
	"bartizan.dev/trail/segment"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	account = "111122223333"
	region  = "eu-west-1"
)

// fixture is the service over resources and principals that the test sets.
type fixture struct {
	t *testing.T
	*Service
	ctx    context.Context
	roles  []Resource // in the order of ARNs
	usage  []Usage
	held   map[string][]AttachedPolicy
	trail  trail.Trail
	inZone []string

	allowed  map[string]bool // principal and resource
	controls []*policy.Document
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, held: map[string][]AttachedPolicy{}, inZone: []string{account}}
	tr, err := segment.Open(t.TempDir(), segment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	f.trail = tr
	page := func(after string, limit int, arn func(int) string, n int) (out []int) {
		for i := range n {
			if arn(i) > after && len(out) < limit {
				out = append(out, i)
			}
		}
		return out
	}
	f.Service = New(Deps{
		Store: memory.Open(), Clock: new(work.Clock), Log: slog.New(slog.DiscardHandler), Reference: reference.Open(), Trail: tr,
		Sources: []Source{{
			Type: api.ResourceType_AWS__IAM__Role,
			List: func(_ context.Context, owner, _, after string, limit int) (out []Resource, _ error) {
				for _, i := range page(after, limit, func(i int) string { return f.roles[i].ARN }, len(f.roles)) {
					if f.roles[i].Account == owner {
						out = append(out, f.roles[i])
					}
				}
				return out, nil
			},
			Get: func(_ context.Context, arn string) (*Resource, error) {
				for i := range f.roles {
					if f.roles[i].ARN == arn {
						return &f.roles[i], nil
					}
				}
				return nil, nil
			},
		}},
		Zone: func(context.Context, string) (string, []string, bool, error) {
			return "o-exampleorgid", f.inZone, len(f.inZone) > 1, nil
		},
		Usage: func(_ context.Context, _, after string, limit int) (out []Usage, _ error) {
			for _, i := range page(after, limit, func(i int) string { return f.usage[i].ARN }, len(f.usage)) {
				out = append(out, f.usage[i])
			}
			return out, nil
		},
		Policies: func(_ context.Context, arn string) ([]AttachedPolicy, error) { return f.held[arn], nil },
		Principals: func(_ context.Context, owner, after string, limit int) (out []string, _ error) {
			all := []string{"arn:aws:iam::" + owner + ":user/alice", "arn:aws:iam::" + owner + ":user/bob", "arn:aws:iam::" + owner + ":role/app"}
			for i, name := range all {
				if after == "" || slices.Index(all, after) < i {
					out = append(out, name)
				}
			}
			return out[:min(limit, len(out))], nil
		},
		Allows: func(_ context.Context, principal, resource string, actions []string) ([]string, error) {
			if f.allowed[principal+" "+resource] {
				return actions, nil
			}
			return nil, nil
		},
		Link:             func(context.Context, string) error { return nil },
		ResourceControls: func(context.Context, string) ([]*policy.Document, error) { return f.controls, nil },
		HasPrincipal:     func(_ context.Context, arn string) (bool, error) { return !strings.Contains(arn, "nobody"), nil },
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	f.ctx = caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account}, Region: region})
	return f
}

func (f *fixture) settle() {
	f.t.Helper()
	if err := f.Settle(f.ctx); err != nil {
		f.t.Fatal(err)
	}
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

func trust(principal string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,"Action":"sts:AssumeRole"}]}`, principal)
}

func (f *fixture) analyzer(kind api.Type) string {
	f.t.Helper()
	out, err := f.CreateAnalyzer(f.ctx, &api.CreateAnalyzerRequest{AnalyzerName: "a", Type: kind})
	if err != nil {
		f.t.Fatal(err)
	}
	f.settle()
	return *out.Arn
}

// findings lists "resource status principal" of all findings, sorted.
func (f *fixture) findings(arn string) (out []string) {
	f.t.Helper()
	list, err := f.ListFindings(f.ctx, &api.ListFindingsRequest{AnalyzerArn: arn})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, x := range list.Findings {
		name := (*x.Resource)[strings.LastIndexByte(*x.Resource, '/')+1:]
		line := fmt.Sprintf("%s %s public=%v", name, x.Status, *x.IsPublic)
		for k, v := range x.Principal {
			line += " " + k + ":" + v
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func (f *fixture) want(got []string, want ...string) {
	f.t.Helper()
	if !slices.Equal(got, want) {
		f.t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// TestLateLook: what a scan read before a resource changed does not undo what
// was seen of the change.
func TestLateLook(t *testing.T) {
	f := newFixture(t)
	f.roles = []Resource{{ARN: roleARN("app"), Account: account, Document: trust(`{"Service":"ec2.amazonaws.com"}`)}}
	arn := f.analyzer(api.Type_ACCOUNT)
	f.want(f.findings(arn))
	list, err := f.analyzers.List(f.ctx, f.Store, account+"/", "", 0)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	before, read := f.roles[0], f.Clock.Now()
	f.Clock.Advance(time.Second)
	f.roles = []Resource{{ARN: roleARN("app"), Account: account, Document: trust(`"*"`)}}
	if err := f.Changed(f.ctx, roleARN("app")); err != nil {
		t.Fatal(err)
	}
	f.settle()
	if err := f.look(f.ctx, list[0].Value, &f.Sources[0], &before, read); err != nil {
		t.Fatal(err)
	}
	f.want(f.findings(arn), "app ACTIVE public=true AWS:*")
}

// TestExternalAccess: who is outside is found, is resolved when it is gone, and
// is found again.
func TestExternalAccess(t *testing.T) {
	f := newFixture(t)
	f.roles = []Resource{
		{ARN: roleARN("inside"), Account: account, Document: trust(`{"AWS":"arn:aws:iam::` + account + `:root"}`)},
		{ARN: roleARN("open"), Account: account, Document: trust(`"*"`)},
		{ARN: roleARN("outside"), Account: account, Document: trust(`{"AWS":["999988887777","arn:aws:iam::444455556666:user/eve"]}`)},
		{ARN: roleARN("service"), Account: account, Document: trust(`{"Service":"ec2.amazonaws.com"}`)},
	}
	arn := f.analyzer(api.Type_ACCOUNT)
	f.want(f.findings(arn),
		"open ACTIVE public=true AWS:*",
		"outside ACTIVE public=false AWS:999988887777",
		"outside ACTIVE public=false AWS:arn:aws:iam::444455556666:user/eve")
	seen, err := f.ListAnalyzedResources(f.ctx, &api.ListAnalyzedResourcesRequest{AnalyzerArn: arn})
	if err != nil || len(seen.AnalyzedResources) != 4 {
		t.Errorf("analyzed %v, %v", seen, err)
	}

	f.roles[2].Document = trust(`{"AWS":"999988887777"}`)
	if err := f.Changed(f.ctx, roleARN("outside")); err != nil {
		t.Fatal(err)
	}
	f.settle()
	f.roles = f.roles[2:] // open is deleted, and nobody tells: the daily scan sees it
	f.Clock.Advance(day + time.Minute)
	f.settle()
	f.want(f.findings(arn),
		"open RESOLVED public=true AWS:*",
		"outside ACTIVE public=false AWS:999988887777",
		"outside RESOLVED public=false AWS:arn:aws:iam::444455556666:user/eve")
	if _, err := f.GetAnalyzedResource(f.ctx, &api.GetAnalyzedResourceRequest{AnalyzerArn: arn, ResourceArn: roleARN("open")}); code(err) != "ResourceNotFoundException" {
		t.Errorf("a deleted resource: %v", err)
	}

	defer func() { // what is resolved goes after 90 days, also of a resource that is gone
		f.Clock.Advance(91 * day)
		f.settle()
		f.want(f.findings(arn), "outside ACTIVE public=false AWS:999988887777")
	}()

	stats, err := f.GetFindingsStatistics(f.ctx, &api.GetFindingsStatisticsRequest{AnalyzerArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	x := stats.FindingsStatistics[0].ExternalAccessFindingsStatistics
	if *x.TotalActiveFindings != 1 || *x.TotalResolvedFindings != 2 || *x.ResourceTypeStatistics[api.ResourceType_AWS__IAM__Role].TotalActiveCrossAccount != 1 {
		t.Errorf("statistics %+v", x)
	}
}

// TestOrganizationZone: accounts of the organization are inside.
func TestOrganizationZone(t *testing.T) {
	f := newFixture(t)
	if _, err := f.CreateAnalyzer(f.ctx, &api.CreateAnalyzerRequest{AnalyzerName: "o", Type: api.Type_ORGANIZATION}); code(err) != "ValidationException" {
		t.Errorf("an organization analyzer without organization: %v", err)
	}
	f.inZone = []string{account, "999988887777"}
	f.roles = []Resource{
		{ARN: roleARN("r"), Account: account, Document: trust(`{"AWS":["999988887777","444455556666"]}`)},
		{ARN: "arn:aws:iam::999988887777:role/s", Account: "999988887777", Document: trust(`{"AWS":"` + account + `"}`)},
	}
	arn := f.analyzer(api.Type_ORGANIZATION)
	f.want(f.findings(arn), "r ACTIVE public=false AWS:444455556666")
}

// TestResourceControls: what an RCP keeps out is not found, and what it lets in
// is found with the remark that RCPs were asked.
func TestResourceControls(t *testing.T) {
	f := newFixture(t)
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
		{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":["111122223333","999988887777"]}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	f.controls = []*policy.Document{doc}
	f.roles = []Resource{{ARN: roleARN("r"), Account: account, Document: trust(`{"AWS":["999988887777","444455556666"]}`)}}
	arn := f.analyzer(api.Type_ACCOUNT)
	f.want(f.findings(arn), "r ACTIVE public=false AWS:999988887777")
	list, err := f.ListFindings(f.ctx, &api.ListFindingsRequest{AnalyzerArn: arn})
	if err != nil || list.Findings[0].ResourceControlPolicyRestriction != api.ResourceControlPolicyRestriction_APPLIED {
		t.Errorf("findings %+v, %v", list, err)
	}
}

func TestArchiveRules(t *testing.T) {
	f := newFixture(t)
	f.roles = []Resource{{ARN: roleARN("a"), Account: account, Document: trust(`{"AWS":"999988887777"}`)}, {ARN: roleARN("b"), Account: account, Document: trust(`"*"`)}}
	public := map[string]api.Criterion{"isPublic": {Eq: []string{"true"}}}
	out, err := f.CreateAnalyzer(f.ctx, &api.CreateAnalyzerRequest{
		AnalyzerName: "a", Type: api.Type_ACCOUNT, ArchiveRules: []api.InlineArchiveRule{{RuleName: "public", Filter: public}},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := *out.Arn
	f.settle()
	f.want(f.findings(arn), "a ACTIVE public=false AWS:999988887777", "b ARCHIVED public=true AWS:*")

	rule := &api.CreateArchiveRuleRequest{AnalyzerName: "a", RuleName: "known", Filter: map[string]api.Criterion{"principal.AWS": {Contains: []string{"9999"}}}}
	if _, err := f.CreateArchiveRule(f.ctx, rule); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateArchiveRule(f.ctx, rule); code(err) != "ConflictException" {
		t.Errorf("the rule twice: %v", err)
	}
	f.want(f.findings(arn), "a ACTIVE public=false AWS:999988887777", "b ARCHIVED public=true AWS:*")
	if _, err := f.ApplyArchiveRule(f.ctx, &api.ApplyArchiveRuleRequest{AnalyzerArn: arn, RuleName: "known"}); err != nil {
		t.Fatal(err)
	}
	f.want(f.findings(arn), "a ARCHIVED public=false AWS:999988887777", "b ARCHIVED public=true AWS:*")

	resource := roleARN("b")
	if _, err := f.UpdateFindings(f.ctx, &api.UpdateFindingsRequest{AnalyzerArn: arn, Status: api.FindingStatusUpdate_ACTIVE, ResourceArn: &resource}); err != nil {
		t.Fatal(err)
	}
	f.want(f.findings(arn), "a ARCHIVED public=false AWS:999988887777", "b ACTIVE public=true AWS:*")
	bad := &api.CreateArchiveRuleRequest{AnalyzerName: "a", RuleName: "bad", Filter: map[string]api.Criterion{"colour": {Eq: []string{"red"}}}}
	if _, err := f.CreateArchiveRule(f.ctx, bad); code(err) != "ValidationException" {
		t.Errorf("an unknown filter key: %v", err)
	}
}

func TestAnalyzers(t *testing.T) {
	f := newFixture(t)
	token := "once"
	in := &api.CreateAnalyzerRequest{AnalyzerName: "a", Type: api.Type_ACCOUNT, ClientToken: &token, Tags: map[string]string{"k": "v"}}
	for range 2 { // the same token: the same call
		if _, err := f.CreateAnalyzer(f.ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	in.ClientToken = nil
	if _, err := f.CreateAnalyzer(f.ctx, in); code(err) != "ConflictException" {
		t.Errorf("the name again: %v", err)
	}
	in.AnalyzerName = "b"
	if _, err := f.CreateAnalyzer(f.ctx, in); code(err) != "ServiceQuotaExceededException" {
		t.Errorf("a second analyzer: %v", err)
	}
	for i := range 5 {
		if _, err := f.CreateArchiveRule(f.ctx, &api.CreateArchiveRuleRequest{AnalyzerName: "a", RuleName: fmt.Sprint("r", i), Filter: map[string]api.Criterion{"status": {Exists: new(true)}}}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	var next *string
	for {
		out, err := f.ListArchiveRules(f.ctx, &api.ListArchiveRulesRequest{AnalyzerName: "a", MaxResults: new(int32(2)), NextToken: next})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.ArchiveRules {
			names = append(names, r.RuleName)
		}
		if next = out.NextToken; next == nil {
			break
		}
	}
	f.want(names, "r0", "r1", "r2", "r3", "r4")
	if _, err := f.UntagResource(f.ctx, &api.UntagResourceRequest{ResourceArn: own(f.ctx, "a").ARN(), TagKeys: []string{"k"}}); err != nil {
		t.Fatal(err)
	}
	if out, err := f.ListTagsForResource(f.ctx, &api.ListTagsForResourceRequest{ResourceArn: own(f.ctx, "a").ARN()}); err != nil || len(out.Tags) != 0 {
		t.Errorf("tags %v, %v", out, err)
	}
	elsewhere := caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Account: "999988887777"}, Region: region})
	if _, err := f.GetFinding(elsewhere, &api.GetFindingRequest{AnalyzerArn: own(f.ctx, "a").ARN(), Id: "x"}); code(err) != "ResourceNotFoundException" {
		t.Errorf("another account sees the analyzer: %v", err)
	}

	// One that is made anew has nothing of the old one.
	if _, err := f.DeleteAnalyzer(f.ctx, &api.DeleteAnalyzerRequest{AnalyzerName: "a"}); err != nil {
		t.Fatal(err)
	}
	f.analyzer(api.Type_ACCOUNT)
	if _, err := f.ListArchiveRules(f.ctx, &api.ListArchiveRulesRequest{AnalyzerName: "none"}); code(err) != "ValidationException" {
		t.Errorf("rules of no analyzer: %v, and the reference lists no other error", err)
	}
	if out, err := f.ListArchiveRules(f.ctx, &api.ListArchiveRulesRequest{AnalyzerName: "a"}); err != nil || len(out.ArchiveRules) != 0 {
		t.Errorf("rules of the old analyzer: %v, %v", out, err)
	}
	if left, err := f.rules.List(f.ctx, f.Store, "", "", 0); err != nil || len(left) != 0 {
		t.Errorf("%d rules are left, %v", len(left), err)
	}
}

// TestGrants: what a grant gives beside the policy is found, with what the policy
// gives to the same principal; an explicit Deny takes it away.
func TestGrants(t *testing.T) {
	f := newFixture(t)
	const partner = "arn:aws:iam::999988887777:root"
	f.roles = []Resource{{ARN: roleARN("r"), Account: account, Document: trust(`{"AWS":"` + partner + `"}`), Grants: map[string][]string{
		partner: {"kms:Decrypt"}, "arn:aws:iam::444455556666:user/eve": {"kms:Encrypt"},
	}}}
	arn := f.analyzer(api.Type_ACCOUNT)
	f.want(f.findings(arn), "r ACTIVE public=false AWS:arn:aws:iam::444455556666:user/eve", "r ACTIVE public=false AWS:"+partner)
	list, err := f.ListFindings(f.ctx, &api.ListFindingsRequest{AnalyzerArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Findings {
		if x.Principal["AWS"] == partner && !slices.Equal(x.Action, []string{"kms:Decrypt", "sts:AssumeRole"}) {
			t.Errorf("actions %q", x.Action)
		}
	}
	f.roles[0].Document = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"}}`
	if err := f.Changed(f.ctx, roleARN("r")); err != nil {
		t.Fatal(err)
	}
	f.settle()
	f.want(f.findings(arn), "r RESOLVED public=false AWS:arn:aws:iam::444455556666:user/eve", "r RESOLVED public=false AWS:"+partner)
}
