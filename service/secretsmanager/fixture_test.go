package secretsmanager

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kmsapi "bartizan.dev/api/kms"
	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/caller"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	own   = "111111111111"
	other = "222222222222"
	home  = "eu-central-1"
	away  = "us-east-1"
)

// vault stands for KMS: it wraps data keys under a key of its own, AES-256-GCM
// with key and encryption context as associated data, and refuses whom it is told
// to refuse.
type vault struct {
	mu     sync.Mutex
	aead   cipher.AEAD
	refuse map[string]*wire.Error // by operation and key ARN
	calls  []string
}

func newVault() *vault {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &vault{aead: aead, refuse: map[string]*wire.Error{}}
}

func (v *vault) asked(ctx context.Context, op, key string, context map[string]string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, op+" "+key+" in "+caller.From(ctx).Region+" of "+context["SecretARN"]+" "+context["SecretVersionId"])
	if e := v.refuse[op+" "+key]; e != nil {
		return e
	}
	return nil
}

var errDry = wire.Errorf("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")

func bound(key string, context map[string]string) []byte {
	b, err := json.Marshal(context)
	if err != nil {
		panic(err)
	}
	return append([]byte(key+"\x00"), b...)
}

func (v *vault) GenerateDataKey(ctx context.Context, in *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error) {
	if err := v.asked(ctx, "GenerateDataKey", in.KeyId, in.EncryptionContext); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key)
	return &kmsapi.GenerateDataKeyResponse{KeyId: &in.KeyId, Plaintext: key, CiphertextBlob: v.aead.Seal(nil, nil, key, bound(in.KeyId, in.EncryptionContext))}, nil
}

func (v *vault) Encrypt(ctx context.Context, in *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error) {
	if err := v.asked(ctx, "Encrypt", in.KeyId, in.EncryptionContext); err != nil {
		return nil, err
	}
	if in.DryRun != nil && *in.DryRun {
		return nil, errDry
	}
	return &kmsapi.EncryptResponse{KeyId: &in.KeyId, CiphertextBlob: v.aead.Seal(nil, nil, in.Plaintext, bound(in.KeyId, in.EncryptionContext))}, nil
}

func (v *vault) Decrypt(ctx context.Context, in *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error) {
	if err := v.asked(ctx, "Decrypt", *in.KeyId, in.EncryptionContext); err != nil {
		return nil, err
	}
	text, err := v.aead.Open(nil, nil, in.CiphertextBlob, bound(*in.KeyId, in.EncryptionContext))
	if err != nil {
		return nil, wire.Errorf("InvalidCiphertextException", "")
	}
	if in.DryRun != nil && *in.DryRun {
		return nil, errDry
	}
	return &kmsapi.DecryptResponse{KeyId: in.KeyId, Plaintext: text}, nil
}

// fixture is the service over a real store, with a queue that runs.
type fixture struct {
	*Service
	t      testing.TB
	engine store.Store
	keys   *vault
	log    *safeLog
	ctx    context.Context // own account at home
	runs   map[string]executor.Executor

	orgs map[string]string // by account

	mu      sync.Mutex // the service's queue runs beside the test
	events  []trail.Event
	trusted map[string]bool // roles that can be assumed
	assumed []string
}

type safeLog struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *safeLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// trusts says whether a role can be assumed.
func (f *fixture) trusts(role string, yes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trusted[role] = yes
}

// took is who was assumed since it was asked last.
func (f *fixture) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	roles := f.assumed
	f.assumed = nil
	return roles
}

func newFixture(t testing.TB) *fixture { return newFixtureWith(t, Quotas{}) }

func newFixtureWith(t testing.TB, q Quotas) *fixture {
	t.Helper()
	f := &fixture{t: t, engine: memory.Open(), keys: newVault(), log: new(safeLog), runs: map[string]executor.Executor{}, orgs: map[string]string{own: "o-1", other: "o-1"}, trusted: map[string]bool{}}
	t.Cleanup(func() { f.engine.Close() })
	plainPolicy := func(_ context.Context, text string) (string, string, error) { return text, "", nil }
	clock := new(work.Clock) // begins at one in the morning, far from where days and windows end
	clock.Advance(clock.Now().Truncate(day).Add(day + time.Hour).Sub(clock.Now()))
	d := Deps{
		Store: f.engine, Clock: clock, Keys: f.keys, Reference: reference.Open(), Quotas: q,
		Bind: plainPolicy, Show: func(_ context.Context, text string) (string, error) { return text, nil },
		Organization: func(_ context.Context, account string) (string, error) { return f.orgs[account], nil },
		Assume: func(_ context.Context, role, secret string) (context.Context, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if !f.trusted[role] {
				return nil, wire.Errorf("AccessDenied", "no")
			}
			f.assumed = append(f.assumed, role+" for "+secret)
			return as(own, home), nil
		},
		Executor: func(function string) executor.Executor { return f.runs[function] },
		Record: func(_ context.Context, e *trail.Event) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, *e)
			return nil
		},
		Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	var err error
	if f.Service, err = New(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	f.Self = f.Service
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	f.ctx = as(own, home)
	return f
}

// as is a call of an account's root user in a Region.
func as(account, region string) context.Context {
	return caller.With(context.Background(), &caller.Call{
		Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account, ARN: "arn:aws:iam::" + account + ":root"}, Region: region,
	})
}

func (f *fixture) settle() {
	f.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := f.Settle(ctx); err != nil {
		f.t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wants checks an error's code and words.
func wants[T any](t testing.TB, _ T, err error) func(code, message string) {
	t.Helper()
	return func(code, message string) {
		t.Helper()
		e, ok := err.(*wire.Error) //nolint:errorlint // the service's own are not wrapped
		if !ok || e.Code != code || e.Message != message {
			t.Errorf("%v, want %s: %s", err, code, message)
		}
	}
}

var tokens int

// token makes the nth ClientRequestToken.
func token(n int) *string { return new(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

func fresh() *string { tokens++; return new(fmt.Sprintf("10000000-0000-4000-8000-%012d", tokens)) }

// make makes a secret with a value, whose version has token 1.
func (f *fixture) make(name, value string) *api.CreateSecretResponse {
	f.t.Helper()
	return must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: name, ClientRequestToken: token(1), SecretString: &value}))(f.t)
}

func (f *fixture) put(id, value string, n int, stages ...string) []string {
	f.t.Helper()
	return must(f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: id, ClientRequestToken: token(n), SecretString: &value, VersionStages: stages}))(f.t).VersionStages
}

// labels are a secret's versions, by the number of their token, with their
// labels.
func (f *fixture) labels(ctx context.Context, id string) string {
	f.t.Helper()
	list := must(f.ListSecretVersionIds(ctx, &api.ListSecretVersionIdsRequest{SecretId: id, IncludeDeprecated: new(true)}))(f.t)
	var out []string
	for _, v := range list.Versions {
		out = append(out, strings.TrimLeft((*v.VersionId)[24:], "0")+":"+strings.Join(v.VersionStages, ","))
	}
	return strings.Join(out, " ")
}

func (f *fixture) value(ctx context.Context, id, stage string) string {
	f.t.Helper()
	return *must(f.GetSecretValue(ctx, &api.GetSecretValueRequest{SecretId: id, VersionStage: &stage}))(f.t).SecretString
}

// recorded are the names of the service's own events, since it was asked last,
// in alphabetical order.
func (f *fixture) recorded() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, e := range f.events {
		if !strings.Contains(string(e.JSON), `"SecretId":"arn:aws:secretsmanager:`) || len(e.Resources) != 1 {
			f.t.Errorf("%s", e.JSON)
		}
		out = append(out, e.Name)
	}
	f.events = nil
	slices.Sort(out)
	return strings.Join(out, " ")
}
