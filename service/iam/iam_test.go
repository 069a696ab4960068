package iam

import (
	"context"
	"errors"
	"testing"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/service/iam/managed"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
)

const (
	testAccount  = "111122223333"
	otherAccount = "444455556666"
)

// fixture is the service over a real store, with a clock that the test moves
// and password hashes that cost little.
type fixture struct {
	*Service
	t     testing.TB
	clock time.Time
	root  context.Context // a call of the account's root user
	other context.Context // a call of another account's root user
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	engine := memory.Open()
	t.Cleanup(func() { engine.Close() })
	var err error
	f.Service, err = New(t.Context(), Deps{Store: engine, Managed: managed.Open(), Now: func() time.Time { return f.clock }})
	if err != nil {
		t.Fatal(err)
	}
	f.passwords.memory, f.passwords.passes = 64, 1
	for id, key := range map[string]string{testAccount: "AKIAROOTROOTROOTROOT", otherAccount: "AKIAOTHEROTHEROTHER0"} {
		if _, err := f.EnsureAccount(t.Context(), id, key, "a secret of the root user"); err != nil {
			t.Fatal(err)
		}
	}
	f.root, f.other = f.as(rootOf(testAccount)), f.as(rootOf(otherAccount))
	return f
}

func rootOf(account string) caller.Identity {
	return caller.Identity{Kind: caller.Root, Account: account, ID: account, ARN: rootARN(account)}
}

// as is a call of the identity.
func (f *fixture) as(id caller.Identity) context.Context {
	return caller.With(f.t.Context(), &caller.Call{Identity: id, Time: f.clock, Region: "us-east-1"})
}

// asUser is a call of a user of the test account, with a long-term key.
func (f *fixture) asUser(name string) context.Context {
	f.t.Helper()
	u, err := f.users.Get(f.t.Context(), f.Store, recordID(testAccount, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return f.as(caller.Identity{Kind: caller.User, Account: testAccount, ID: u.ID, ARN: u.ARN(), Name: u.Name})
}

// allowed decides as the gateway does whether the caller may make the call, by
// the caller's own policies and boundary.
func (f *fixture) allowed(ctx context.Context, operation string, in any) bool {
	f.t.Helper()
	touches, err := f.Rules()[operation].Touches(ctx, in)
	if err != nil {
		f.t.Fatal(err)
	}
	id := caller.From(ctx).Identity
	standing, err := f.Standing(ctx, id.ID)
	if err != nil || standing == nil {
		f.t.Fatal(standing, err)
	}
	req := &policy.Request{Principal: standing.Principal}
	b := &policy.Bindings{Identity: standing.Identity, Boundary: standing.Boundary}
	req.Context.Set("aws:username", id.Name)
	for _, touch := range touches {
		mark := req.Context.Mark()
		touch.Apply(req, b)
		d := policy.Decide(req, b)
		req.Context.Reset(mark)
		if !d.Allowed {
			return false
		}
	}
	return true
}

// must returns the answer of a call that has to succeed. It is called as
// must(f.GetUser(…))(t).
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// fails checks that a call was answered with an error: its code and message.
func fails[T any](out T, err error) func(t testing.TB, code, message string) {
	return func(t testing.TB, code, message string) {
		t.Helper()
		e, ok := errors.AsType[*wire.Error](err)
		if !ok {
			t.Fatalf("got %v, %v, want the error %s", out, err, code)
		}
		if e.Code != code || e.Message != message {
			t.Fatalf("got  %s: %s\nwant %s: %s", e.Code, e.Message, code, message)
		}
	}
}
