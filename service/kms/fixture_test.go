package kms

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/keys/soft"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	account = "111122223333"
	other   = "444455556666"
	region  = "us-east-1"
)

// fixture is the service on a store of its own, called as the gateway calls it:
// the rule, a decision about each of its touches, the handler.
type fixture struct {
	t testing.TB
	*Service
	ops   map[string]wire.Operation
	rules policy.Rules
	clock *work.Clock
	kv    store.Store
}

// newFixture starts a service. It stands for a server in which no principal but
// account roots has a record: principals are stored as they are written.
func newFixture(t testing.TB, change ...func(*Deps)) *fixture {
	t.Helper()
	kv := memory.Open()
	clock := &work.Clock{}
	same := func(_ context.Context, s string) (string, error) { return s, nil }
	d := Deps{
		Store: kv, Custodian: soft.Memory(), Clock: clock,
		Bind: func(_ context.Context, s string) (string, string, error) { return s, "", nil }, Show: same,
		BindPrincipal: same, ShowPrincipal: same,
	}
	for _, c := range change {
		c(&d)
	}
	return serve(t, d)
}

// serve starts a service on d.
func serve(t testing.TB, d Deps) *fixture {
	t.Helper()
	s, err := New(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	f := &fixture{t: t, Service: s, ops: map[string]wire.Operation{}, rules: s.Rules(), clock: d.Clock, kv: d.Store}
	for _, op := range api.Operations(s) {
		f.ops[op.Name] = op
	}
	return f
}

// as is a caller with an identity policy.
type as struct {
	caller.Call
	identity string
}

const all = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func root(account string) as {
	return as{caller.Call{Region: region, Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account, ARN: rootARN(account)}}, all}
}

func user(account, name string) as {
	arn := "arn:aws:iam::" + account + ":user/" + name
	return as{caller.Call{Region: region, Identity: caller.Identity{Kind: caller.User, Account: account, ID: arn, ARN: arn, Name: name}}, all}
}

// with replaces the identity policy.
func (a as) with(document string) as {
	a.identity = document
	return a
}

func (a as) in(region string) as {
	a.Region = region
	return a
}

// by has a service call for the caller.
func (a as) by(service string) as {
	a.Via = []string{service + ".amazonaws.com"}
	return a
}

func principal(id *caller.Identity) policy.Principal {
	p := policy.Principal{Account: id.Account, ARN: id.ARN, ID: id.ID}
	switch id.Kind {
	case caller.Root:
		p.Kind = policy.Root
	case caller.User:
		p.Kind = policy.User
	case caller.Role:
		p.Kind, p.Issuer = policy.Role, id.Session.IssuerARN
	case caller.Service:
		p.Kind, p.Names, p.Account = policy.Service, []string{id.Service}, ""
	}
	return p
}

// call makes a call. A denial by a policy is an AccessDeniedException.
func (f *fixture) call(a as, name string, in any) (any, error) {
	f.t.Helper()
	ctx, err := f.decide(a, name, in)
	if err != nil {
		return nil, err
	}
	return f.ops[name].Call(ctx, in)
}

// decide asks whether a call is allowed.
func (f *fixture) decide(a as, name string, in any) (context.Context, error) {
	f.t.Helper()
	c := a.Call
	c.Time, c.RequestID, c.EventID = f.clock.Now(), "request", "event"
	ctx := caller.With(f.t.Context(), &c)
	rule := f.rules[name]
	if rule.Touches == nil {
		f.t.Fatalf("%s has no rule", name)
	}
	touches, err := rule.Touches(ctx, in)
	if err != nil {
		return nil, err
	}
	doc, err := policy.Parse([]byte(a.identity))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := range touches {
		b := &policy.Bindings{Identity: policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity, Name: "own"}, Document: doc})}
		r := &policy.Request{Principal: principal(&c.Identity)}
		if c.SourceARN != "" {
			r.Context.Set("aws:SourceArn", c.SourceARN)
		}
		touches[i].Apply(r, b)
		if d := policy.Decide(r, b); !d.Allowed {
			return nil, wire.Errorf("AccessDeniedException", "%s", d.Message(r, false))
		}
	}
	return ctx, nil
}

// do makes a call that must succeed.
func do[O any](f *fixture, a as, in any) *O {
	f.t.Helper()
	out, err := f.call(a, operationOf(in), in)
	if err != nil {
		f.t.Fatalf("%s: %v", operationOf(in), err)
	}
	return out.(*O)
}

// operationOf is the operation that takes an input.
func operationOf(in any) string {
	return strings.TrimSuffix(reflect.TypeOf(in).Elem().Name(), "Request")
}

// refused makes a call that must fail with a code, and a message if one is
// given.
func (f *fixture) refused(a as, in any, code string, message ...string) {
	f.t.Helper()
	_, err := f.call(a, operationOf(in), in)
	wantError(f.t, operationOf(in), err, code, message...)
}

func wantError(t testing.TB, what string, err error, code string, message ...string) {
	t.Helper()
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		t.Errorf("%s: got %v, want %s", what, err, code)
		return
	}
	if e.Code != code || len(message) > 0 && e.Message != message[0] {
		t.Errorf("%s: got %s: %q, want %s: %q", what, e.Code, e.Message, code, message)
	}
}

// newKey makes a key and returns its metadata. Without a spec it is a symmetric
// one.
func (f *fixture) newKey(a as, in *api.CreateKeyRequest) *api.KeyMetadata {
	f.t.Helper()
	if in == nil {
		in = &api.CreateKeyRequest{}
	}
	return do[api.CreateKeyResponse](f, a, in).KeyMetadata
}

func (f *fixture) encrypt(a as, key string, plaintext string, context map[string]string) []byte {
	f.t.Helper()
	return do[api.EncryptResponse](f, a, &api.EncryptRequest{KeyId: key, Plaintext: []byte(plaintext), EncryptionContext: context}).CiphertextBlob
}

func (f *fixture) decrypt(a as, blob []byte, context map[string]string) string {
	f.t.Helper()
	return string(do[api.DecryptResponse](f, a, &api.DecryptRequest{CiphertextBlob: blob, EncryptionContext: context}).Plaintext)
}

// advance moves the clock and has done what is due.
func (f *fixture) advance(d time.Duration) {
	f.t.Helper()
	f.clock.Advance(d)
	if err := f.Settle(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

const day = 24 * time.Hour

func allowing(principal, actions string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":%s,"Resource":"*"}]}`, principal, actions)
}
