package organizations

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store/memory"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	boss     = "111111111111" // the management account of the fixture's organization
	stranger = "222222222222" // an account in no organization
	other    = "333333333333" // likewise
)

// fixture is the service over a real store, with a queue that runs.
type fixture struct {
	*Service
	t        testing.TB
	mu       sync.Mutex
	opened   map[string]string // accounts made, with role and trusted account
	linked   map[string]bool   // accounts with the service-linked role
	events   []trail.Event
	boss     context.Context
	stranger context.Context
	org      *api.Organization
	root     string
}

func newFixture(t testing.TB, q Quotas) *fixture {
	t.Helper()
	engine := memory.Open()
	t.Cleanup(func() { engine.Close() })
	f := &fixture{t: t, opened: map[string]string{}, linked: map[string]bool{}}
	var err error
	f.Service, err = New(t.Context(), Deps{Store: engine, Clock: new(work.Clock), Quotas: q,
		OpenAccount: func(_ context.Context, id, role, trusted string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.opened[id] = role + " " + trusted
			return nil
		},
		HasAccount: func(_ context.Context, id string) (bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			_, ok := f.opened[id]
			return ok || id == boss || id == stranger || id == other, nil
		},
		LinkRole: func(_ context.Context, account, principal string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.linked[account] = principal == "organizations.amazonaws.com"
			return nil
		},
		Record: func(_ context.Context, e *trail.Event) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, *e)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	f.boss, f.stranger = f.as(boss), f.as(stranger)
	return f
}

// withOrg is a fixture whose boss has an organization with all features.
func withOrg(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t, Quotas{Accounts: 10_000, Creating: 10_000})
	f.org = must(f.CreateOrganization(f.boss, &api.CreateOrganizationRequest{}))(t).Organization
	f.root = *must(f.ListRoots(f.boss, &api.ListRootsRequest{}))(t).Roots[0].Id
	return f
}

// as is a call of an account's root user.
func (f *fixture) as(account string) context.Context {
	return caller.With(f.t.Context(), &caller.Call{
		Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account, ARN: "arn:aws:iam::" + account + ":root"},
		Time:     f.Clock.Now(), Region: "us-east-1",
	})
}

// settle waits for the due work.
func (f *fixture) settle() {
	f.t.Helper()
	if err := f.Settle(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) advance(d time.Duration) {
	f.t.Helper()
	f.Clock.Advance(d)
	f.settle()
}

// account makes a member and returns its id.
func (f *fixture) account(name string) string {
	f.t.Helper()
	status := must(f.CreateAccount(f.boss, &api.CreateAccountRequest{Email: name + "@example.com", AccountName: name}))(f.t).CreateAccountStatus
	f.settle()
	done := must(f.DescribeCreateAccountStatus(f.boss, &api.DescribeCreateAccountStatusRequest{CreateAccountRequestId: *status.Id}))(f.t).CreateAccountStatus
	if done.State != api.CreateAccountState_SUCCEEDED {
		f.t.Fatalf("%s: %s %s", name, done.State, done.FailureReason)
	}
	return *done.AccountId
}

func (f *fixture) unit(parent, name string) string {
	f.t.Helper()
	return *must(f.CreateOrganizationalUnit(f.boss, &api.CreateOrganizationalUnitRequest{ParentId: parent, Name: name}))(f.t).OrganizationalUnit.Id
}

func (f *fixture) enable(t api.PolicyType) {
	f.t.Helper()
	must(f.EnablePolicyType(f.boss, &api.EnablePolicyTypeRequest{RootId: f.root, PolicyType: t}))(f.t)
}

func (f *fixture) policy(t api.PolicyType, name, content string) string {
	f.t.Helper()
	return *must(f.CreatePolicy(f.boss, &api.CreatePolicyRequest{Name: name, Type: t, Content: content}))(f.t).Policy.PolicySummary.Id
}

func (f *fixture) attach(id, target string) {
	f.t.Helper()
	must(f.AttachPolicy(f.boss, &api.AttachPolicyRequest{PolicyId: id, TargetId: target}))(f.t)
}

// rule asks the rule of an operation and decides as the gateway does, for a
// caller whose own policies are these; nil stands for the root user.
func (f *fixture) rule(ctx context.Context, op string, in any, own *policy.Set) error {
	f.t.Helper()
	touches, err := f.Rules()[op].Touches(ctx, in)
	if err != nil {
		return err
	}
	id := caller.From(ctx).Identity
	req := &policy.Request{Principal: policy.Principal{Kind: policy.Root, Account: id.Account, ARN: id.ARN, ID: id.ID}}
	if own != nil {
		req.Principal.Kind, req.Principal.ARN = policy.User, "arn:aws:iam::"+id.Account+":user/u"
	}
	for i := range touches {
		b := &policy.Bindings{Identity: own}
		mark := req.Context.Mark()
		touches[i].Apply(req, b)
		d := policy.Decide(req, b)
		if !d.Allowed {
			return errors.New(d.Message(req, false))
		}
		req.Context.Reset(mark)
	}
	return nil
}

// compile makes a set of an identity-based policy.
func compile(t testing.TB, text string) *policy.Set {
	t.Helper()
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: doc})
}

// must returns the answer of a call that has to succeed. It is called as
// must(f.ListRoots(…))(t).
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// fails checks that a call was answered with an error: its code and reason.
func fails[T any](out T, err error) func(t testing.TB, code, reason string) {
	return func(t testing.TB, code, reason string) {
		t.Helper()
		e, ok := errors.AsType[*wire.Error](err)
		if !ok {
			t.Fatalf("got %v, %v, want the error %s", out, err, code)
		}
		got := ""
		for _, f := range e.Fields {
			if f.Name == "Reason" {
				got = f.Value.(string)
			}
		}
		if e.Code != code || got != reason {
			t.Fatalf("got  %s %s: %s\nwant %s %s", e.Code, got, e.Message, code, reason)
		}
	}
}
