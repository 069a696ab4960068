package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/wire"
)

const function = "arn:aws:lambda:" + home + ":" + own + ":function:rotator"

// player is an executor that does its steps by the service's own operations, as
// a rotation function does.
type player struct {
	f     *fixture
	mu    sync.Mutex
	steps []string
	fail  map[string]int // how often a step is still to fail
	ready error
	lazy  bool // does not move AWSCURRENT
}

func (f *fixture) player() *player {
	p := &player{f: f, fail: map[string]int{}}
	f.runs[function] = p
	return p
}

// set changes what the player does; the service's queue runs it meanwhile.
func (p *player) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *player) Ready(context.Context, executor.Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

func (p *player) done() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.steps, " ")
	p.steps = nil
	return s
}

func (p *player) Run(_ context.Context, c executor.Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = append(p.steps, strings.TrimSuffix(c.Step, "Secret"))
	if p.fail[c.Step] > 0 {
		p.fail[c.Step]--
		return errors.New("the database sleeps")
	}
	id := &c.ClientRequestToken
	switch c.Step {
	case executor.CreateSecret:
		if _, err := p.f.GetSecretValue(p.f.ctx, &api.GetSecretValueRequest{SecretId: c.SecretId, VersionId: id, VersionStage: new("AWSPENDING")}); err == nil {
			return nil
		}
		_, err := p.f.PutSecretValue(p.f.ctx, &api.PutSecretValueRequest{SecretId: c.SecretId, ClientRequestToken: id, SecretString: new("rotated " + *id), VersionStages: []string{"AWSPENDING"}, RotationToken: &c.RotationToken})
		return err
	case executor.FinishSecret:
		if p.lazy {
			return nil
		}
		d, err := p.f.DescribeSecret(p.f.ctx, &api.DescribeSecretRequest{SecretId: c.SecretId})
		if err != nil {
			return err
		}
		for v, stages := range d.VersionIdsToStages {
			if slices.Contains(stages, "AWSCURRENT") {
				_, err = p.f.UpdateSecretVersionStage(p.f.ctx, &api.UpdateSecretVersionStageRequest{SecretId: c.SecretId, VersionStage: "AWSCURRENT", RemoveFromVersionId: &v, MoveToVersionId: id})
			}
		}
		return err
	}
	return nil
}

func rotating(days int64) *api.RotateSecretRequest {
	return &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(2), RotationLambdaARN: new(function), RotationRules: &api.RotationRulesType{AutomaticallyAfterDays: &days}}
}

func TestRotation(t *testing.T) {
	f := newFixture(t)
	p := f.player()
	f.make("s", "one")
	out := must(f.RotateSecret(f.ctx, rotating(10)))(t)
	if *out.VersionId != *token(2) {
		t.Errorf("%+v", out)
	}
	f.settle()
	if got := p.done(); got != "create set test finish" {
		t.Errorf("steps %s", got)
	}
	if f.value(f.ctx, "s", current) != "rotated "+*token(2) || f.value(f.ctx, "s", previous) != "one" {
		t.Error("not rotated")
	}
	f.settle()
	if got := f.recorded(); got != "RotationStarted RotationSucceeded" {
		t.Errorf("events %s", got)
	}
	d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t)
	next := f.now().Truncate(day).Add(11*day - time.Second)
	if !*d.RotationEnabled || d.LastRotatedDate.IsZero() || !d.NextRotationDate.Equal(next) || *d.RotationRules.AutomaticallyAfterDays != 10 || *d.RotationLambdaARN != function {
		t.Errorf("%+v, want next %v", d, next)
	}
	f.Clock.Advance(5 * day)
	f.settle()
	if got := p.done(); got != "" {
		t.Errorf("rotated too early: %s", got)
	}
	f.put("s", "by hand", 3) // counts as a rotation
	f.Clock.Advance(6 * day)
	f.settle()
	if got := p.done(); got != "" {
		t.Errorf("rotated though a value was put: %s", got)
	}
	f.Clock.Advance(5 * day)
	f.settle()
	f.settle() // what became due by it
	if got := p.done(); got != "create set test finish" {
		t.Errorf("steps after ten days: %s", got)
	}
	if f.value(f.ctx, "s", previous) != "by hand" {
		t.Error("not rotated")
	}
	must(f.CancelRotateSecret(f.ctx, &api.CancelRotateSecretRequest{SecretId: "s"}))(t)
	f.Clock.Advance(100 * day)
	f.settle()
	if got := p.done(); got != "" {
		t.Errorf("rotated after it was cancelled: %s", got)
	}
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t); *d.RotationEnabled || !d.NextRotationDate.IsZero() {
		t.Errorf("%+v", d)
	}
	must(f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(5)}))(t) // with what is known
	f.settle()
	if got := p.done(); got != "create set test finish" {
		t.Errorf("steps %s", got)
	}
}

// TestRotationIsTriedAgain: a failed attempt begins anew; after five the version
// stays AWSPENDING until RotateSecret or the next window.
func TestRotationIsTriedAgain(t *testing.T) {
	f := newFixture(t)
	p := f.player()
	f.make("s", "one")
	p.set(func() { p.fail[executor.SetSecret] = 2 })
	must(f.RotateSecret(f.ctx, rotating(1)))(t)
	f.settle()
	f.Clock.Advance(time.Second + time.Millisecond)
	f.settle()
	f.Clock.Advance(3 * time.Second)
	f.settle()
	if got := p.done(); got != "create set create set create set test finish" {
		t.Errorf("steps %s", got)
	}
	if strings.Count(f.log.text(), "the database sleeps") != 2 {
		t.Errorf("log: %s", f.log.text())
	}
	p.set(func() { p.fail[executor.TestSecret] = 1000 })
	must(f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(3)}))(t)
	for range 8 {
		f.settle()
		f.Clock.Advance(time.Minute)
	}
	if got := strings.Count(p.done(), "test"); got != attempts {
		t.Errorf("%d attempts", got)
	}
	if got := f.recorded(); got != "RotationFailed RotationStarted RotationStarted RotationSucceeded" {
		t.Errorf("events %s", got)
	}
	if got := f.labels(f.ctx, "s"); got != "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING 3:AWSPENDING" && got != "1:AWSPREVIOUS 2:AWSCURRENT 3:AWSPENDING" {
		t.Errorf("labels %s", got)
	}
	_, err := f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(4)})
	wants(t, 0, err)("InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
	p.set(func() { p.fail = map[string]int{} })
	f.settle()
	f.Clock.Advance(time.Minute)
	f.settle()
	if f.value(f.ctx, "s", current) != "rotated "+*token(3) {
		t.Errorf("not reattempted: %s", f.labels(f.ctx, "s"))
	}
	p.set(func() { p.lazy = true })
	must(f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(6)}))(t)
	before := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t).LastRotatedDate
	for range 8 {
		f.settle()
		f.Clock.Advance(time.Minute)
	}
	if after := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t).LastRotatedDate; !after.Equal(before) {
		t.Error("a rotation that did not move AWSCURRENT counts")
	}
	p.set(func() { p.lazy = false })
	f.Clock.Advance(2 * day) // the next window takes the same version up again
	f.settle()
	f.settle()
	if f.value(f.ctx, "s", current) != "rotated "+*token(6) {
		t.Errorf("labels %s", f.labels(f.ctx, "s"))
	}
}

func TestRotateErrors(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	_, err := f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(2)})
	wants(t, 0, err)("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	const words = "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."
	_, err = f.RotateSecret(f.ctx, rotating(1))
	wants(t, 0, err)("AccessDeniedException", words)
	p := f.player()
	p.set(func() { p.ready = errors.New("no role") })
	_, err = f.RotateSecret(f.ctx, rotating(1))
	wants(t, 0, err)("AccessDeniedException", words)
	p.set(func() { p.ready = nil })
	for _, elsewhere := range []string{strings.Replace(function, own, other, 1), strings.Replace(function, home, away, 1)} {
		f.runs[elsewhere] = p
		_, err = f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "s", ClientRequestToken: token(2), RotationLambdaARN: &elsewhere})
		wants(t, 0, err)("AccessDeniedException", words)
	}
	in := rotating(1)
	in.RotationRules.ScheduleExpression = new("rate(4 hours)")
	_, err = f.RotateSecret(f.ctx, in)
	wants(t, 0, err)("InvalidParameterException", "You cannot specify both rotation frequency and schedule expression together.")
	in = rotating(1)
	in.RotationRules = &api.RotationRulesType{ScheduleExpression: new("rate(3 hours)")}
	_, err = f.RotateSecret(f.ctx, in)
	wants(t, 0, err)("InvalidParameterException", "Rotations must be at least 4 hours apart.")
	in.RotationRules = &api.RotationRulesType{Duration: new("3h")}
	if _, err = f.RotateSecret(f.ctx, in); wire.AsError(err).Code != "InvalidParameterException" {
		t.Errorf("%v", err)
	}
	_, err = f.CancelRotateSecret(f.ctx, &api.CancelRotateSecretRequest{SecretId: "s"})
	wants(t, 0, err)("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "ext", ClientRequestToken: token(1), Type: new("Partner")}))(t)
	_, err = f.RotateSecret(f.ctx, &api.RotateSecretRequest{SecretId: "ext", ClientRequestToken: token(2), ExternalSecretRotationRoleArn: new("arn:aws:iam::111111111111:role/r")})
	if e := wire.AsError(err); e.Code != "InvalidRequestException" || !strings.Contains(e.Message, "Partner") {
		t.Errorf("%v", err)
	}
	if d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t); d.RotationEnabled != nil || d.RotationLambdaARN != nil {
		t.Errorf("an error has changed something: %+v", d)
	}
	_, err = f.PutSecretValue(f.ctx, &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: token(7), SecretString: new("x"), RotationToken: token(8)})
	if e := wire.AsError(err); e.Code != "InvalidParameterException" {
		t.Errorf("a RotationToken without a rotation: %v", err)
	}
}

// TestRotateLater: with RotateImmediately false only the configuration is tried,
// and the version of that goes away again.
func TestRotateLater(t *testing.T) {
	f := newFixture(t)
	p := f.player()
	f.make("s", "one")
	in := rotating(0)
	in.RotationRules = &api.RotationRulesType{ScheduleExpression: new("cron(0 8 ? * MON *)"), Duration: new("2h")}
	in.RotateImmediately = new(false)
	must(f.RotateSecret(f.ctx, in))(t)
	f.settle()
	if got := p.done(); got != "test" {
		t.Errorf("steps %s", got)
	}
	if got := f.labels(f.ctx, "s"); got != "1:AWSCURRENT" {
		t.Errorf("labels %s", got)
	}
	f.left("value/", 1)
	f.settle()
	if got := f.recorded(); got != "TestRotationStarted TestRotationSucceeded" {
		t.Errorf("events %s", got)
	}
	d := must(f.DescribeSecret(f.ctx, &api.DescribeSecretRequest{SecretId: "s"}))(t)
	if d.NextRotationDate.Weekday() != time.Monday || d.NextRotationDate.Hour() != 9 || *d.RotationRules.AutomaticallyAfterDays != 7 || !d.LastRotatedDate.IsZero() {
		t.Errorf("%+v", d)
	}
	f.Clock.Advance(8 * day)
	f.settle()
	f.settle()
	if got := p.done(); got != "create set test finish" {
		t.Errorf("steps %s", got)
	}
	must(f.DeleteSecret(f.ctx, &api.DeleteSecretRequest{SecretId: "s", RecoveryWindowInDays: new(int64(30))}))(t)
	f.Clock.Advance(8 * day)
	f.settle()
	if got := p.done(); got != "" {
		t.Errorf("a secret marked for deletion is rotated: %s", got)
	}
	must(f.RestoreSecret(f.ctx, &api.RestoreSecretRequest{SecretId: "s"}))(t)
	f.Clock.Advance(8 * day)
	f.settle()
	f.settle()
	if got := p.done(); got != "create set test finish" {
		t.Errorf("steps after it was restored: %s", got)
	}
}

// TestInvariants: whatever is called in whatever order, each label is on one
// version, AWSCURRENT is there once there is a value and opens, and every value
// in the store belongs to a version.
func TestInvariants(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			f := newFixture(t)
			p := f.player()
			r := rand.New(rand.NewPCG(seed, 1))
			must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "s", ClientRequestToken: token(0)}))(t)
			hasValue := false
			stages := []string{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "x", "y"}
			id := func() *string { return token(r.IntN(12)) }
			for step := range 120 {
				var err error
				switch r.IntN(8) {
				case 0, 1:
					in := &api.PutSecretValueRequest{SecretId: "s", ClientRequestToken: id(), SecretString: new(fmt.Sprint(r.IntN(3)))}
					for range r.IntN(3) {
						in.VersionStages = append(in.VersionStages, stages[r.IntN(len(stages))])
					}
					_, err = f.PutSecretValue(f.ctx, in)
				case 2, 3, 4:
					in := &api.UpdateSecretVersionStageRequest{SecretId: "s", VersionStage: stages[r.IntN(len(stages))]}
					if r.IntN(4) > 0 {
						in.MoveToVersionId = id()
					}
					if r.IntN(4) > 0 {
						in.RemoveFromVersionId = id()
					}
					_, err = f.UpdateSecretVersionStage(f.ctx, in)
				case 5:
					p.set(func() { p.fail = map[string]int{executor.SetSecret: r.IntN(2) * 10} })
					in := rotating(1)
					in.ClientRequestToken, in.RotateImmediately = id(), new(r.IntN(3) > 0)
					_, err = f.RotateSecret(f.ctx, in)
					f.settle()
				case 6:
					_, err = f.UpdateSecret(f.ctx, &api.UpdateSecretRequest{SecretId: "s", ClientRequestToken: id(), SecretString: new(fmt.Sprint(r.IntN(3)))})
				case 7:
					f.Clock.Advance(time.Duration(r.IntN(30)) * time.Hour)
					f.settle()
				}
				if err != nil && wire.AsError(err).Fault {
					t.Fatalf("step %d: %v", step, err)
				}
				hasValue = f.sound(step) || hasValue
			}
			if !hasValue {
				t.Error("never had a value")
			}
		})
	}
}

// sound checks the invariants and reports whether the secret has a value.
func (f *fixture) sound(step int) bool {
	f.t.Helper()
	v := must(f.find(f.ctx, f.Store, "s"))(f.t)
	seen := map[string]string{}
	values := 0
	for _, x := range v.Versions {
		if !slices.IsSorted(x.Stages) {
			f.t.Fatalf("step %d: labels %v", step, x.Stages)
		}
		if !x.Empty {
			values++
		}
		for _, l := range x.Stages {
			if seen[l] != "" {
				f.t.Fatalf("step %d: %s is on two versions", step, l)
			}
			seen[l] = x.ID
		}
	}
	items := must(f.values.List(context.Background(), f.Store, v.job()+"/", "", 0))(f.t)
	if len(items) != values {
		f.t.Fatalf("step %d: %d values stored, %d versions have one", step, len(items), values)
	}
	if values == 0 {
		return false
	}
	if _, err := f.GetSecretValue(f.ctx, &api.GetSecretValueRequest{SecretId: "s"}); err != nil {
		f.t.Fatalf("step %d: AWSCURRENT: %v", step, err)
	}
	return true
}
