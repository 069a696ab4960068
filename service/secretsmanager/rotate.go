package secretsmanager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/service/secretsmanager/schedule"
	"bartizan.dev/store"
)

var errNoFunction = invalidRequest("No Lambda rotation function ARN is associated with this secret.")

// RotateSecret says how a secret is rotated, and rotates it.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
func (s *Service) RotateSecret(ctx context.Context, in *secretsmanagerapi.RotateSecretRequest) (*secretsmanagerapi.RotateSecretResponse, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	was, err := s.writableValue(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	r, err := was.Rotation.asked(in)
	if err != nil {
		return nil, err
	}
	if err := s.canRotate(ctx, was, r); err != nil {
		return nil, err
	}
	now := in.RotateImmediately == nil || *in.RotateImmediately
	x := s.trial(ctx, was, *in.ClientRequestToken, now)
	if x.err != nil {
		return nil, x.err
	}
	var unfinished error
	v, err := s.change(ctx, was, func(tx store.Tx, v *secret) error {
		unfinished = nil
		if p := v.incomplete(); p != nil && p.ID != *in.ClientRequestToken {
			unfinished = invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
			return s.begin(ctx, tx, v, p.ID, false)
		}
		running := v.Rotation.Running
		v.Rotation = r
		v.Rotation.Last, v.Rotation.Running = was.Rotation.Last, running
		if err := s.schedule(ctx, tx, v, s.now()); err != nil {
			return err
		}
		return s.start(ctx, tx, v, *in.ClientRequestToken, x)
	})
	if err == nil {
		err = unfinished
	}
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.RotateSecretResponse{ARN: new(v.arn()), Name: &v.Name}
	if now {
		out.VersionId = in.ClientRequestToken
	}
	return out, nil
}

const maxMetadata = 50 // items of ExternalSecretRotationMetadata

// asked is a secret's rotation with what a call changes of it.
func (r rotation) asked(in *secretsmanagerapi.RotateSecretRequest) (rotation, error) {
	r.Enabled = true
	if in.RotationLambdaARN != nil {
		r.Function = *in.RotationLambdaARN
	}
	if in.ExternalSecretRotationRoleArn != nil {
		r.Role = *in.ExternalSecretRotationRoleArn
	}
	if len(in.ExternalSecretRotationMetadata) > maxMetadata {
		return r, invalidParameter("ExternalSecretRotationMetadata can have at most %d items.", maxMetadata)
	}
	if in.ExternalSecretRotationMetadata != nil {
		r.Metadata = nil
		for _, m := range in.ExternalSecretRotationMetadata {
			if m.Key == nil || m.Value == nil {
				return r, invalidParameter("An item of ExternalSecretRotationMetadata needs a key and a value.")
			}
			r.Metadata = append(r.Metadata, tag{*m.Key, *m.Value})
		}
	}
	if rules := in.RotationRules; rules != nil {
		if rules.AutomaticallyAfterDays != nil && rules.ScheduleExpression != nil {
			return r, invalidParameter("You cannot specify both rotation frequency and schedule expression together.")
		}
		r.Days, r.Expression, r.Duration = 0, "", ""
		if rules.AutomaticallyAfterDays != nil {
			r.Days = *rules.AutomaticallyAfterDays
		}
		if rules.ScheduleExpression != nil {
			r.Expression = *rules.ScheduleExpression
		}
		if rules.Duration != nil {
			r.Duration = *rules.Duration
		}
		if r.Days == 0 && r.Expression == "" {
			return r, invalidParameter("You must specify either AutomaticallyAfterDays or ScheduleExpression in RotationRules.")
		}
	}
	_, err := r.plan()
	return r, err
}

// plan is the schedule of a rotation; nil if it is rotated by hand only.
func (r *rotation) plan() (p *schedule.Schedule, err error) {
	switch {
	case r.Expression != "":
		p, err = schedule.Parse(r.Expression, r.Duration)
	case r.Days > 0:
		p, err = schedule.Days(r.Days, r.Duration)
	}
	if e, ok := errors.AsType[*schedule.Error](err); ok {
		return nil, invalidParameter("%s", e.Message)
	}
	return p, err
}

// rules is a rotation's schedule as DescribeSecret shows it. "In DescribeSecret
// and ListSecrets, [AutomaticallyAfterDays] is calculated from the rotation
// schedule."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html
func (r *rotation) rules(now time.Time) *secretsmanagerapi.RotationRulesType {
	p, err := r.plan()
	if p == nil || err != nil {
		return nil
	}
	return &secretsmanagerapi.RotationRulesType{AutomaticallyAfterDays: new(p.EveryDays(now)), Duration: some(r.Duration), ScheduleExpression: some(r.Expression)}
}

// canRotate refuses what nobody would do: so a mistake is found when it is made,
// not at night.
func (s *Service) canRotate(ctx context.Context, v *secret, r rotation) error {
	switch {
	case r.Function == "" && v.Type != "":
		return invalidRequest("Bartizan does not rotate managed external secrets, since it has no connection to the partner that holds them (%s). Give RotationLambdaARN to have a rotator of your own do it.", v.Type)
	case r.Function == "":
		return errNoFunction
	}
	if f, err := arn.Parse(r.Function); err != nil || f.Account != v.Account || f.Region != v.Region {
		return errInvoke.With(fmt.Errorf("%s is not a function of the secret's account and Region", r.Function))
	}
	e := s.Executor(r.Function)
	if e == nil {
		return errInvoke.With(fmt.Errorf("no rotator is registered for %s", r.Function))
	}
	if err := e.Ready(ctx, s.callOf(v, r.Function)); err != nil {
		return errInvoke.With(err)
	}
	return nil
}

func (s *Service) callOf(v *secret, function string) executor.Call {
	return executor.Call{Function: function, Account: v.Account, Region: v.Region}
}

// incomplete is the version of a rotation that was begun and not finished.
func (v *secret) incomplete() *version {
	p := v.holder(pending)
	if p == nil || p == v.holder(current) {
		return nil
	}
	return p
}

// trial is what RotateSecret begins with: for a rotation an empty version, for a
// test of the configuration one with the current value.
type trial struct {
	test bool
	box  *sealed
	err  error
}

// trial: "If you set RotateImmediately to false, Secrets Manager tests the
// rotation configuration by running the testSecret step […]. This test creates an
// AWSPENDING version of the secret and then removes it."
func (s *Service) trial(ctx context.Context, was *secret, id string, now bool) trial {
	h := was.holder(current)
	if now || h == nil || was.incomplete() != nil || was.version(id) != nil {
		return trial{test: !now}
	}
	value, err := s.reopen(ctx, was, h.ID)
	if err != nil {
		return trial{err: err}
	}
	box, err := s.seal(ctx, was, id, value)
	return trial{true, box, err}
}

// start makes the version that a rotation fills, or a test tries.
func (s *Service) start(ctx context.Context, tx store.Tx, v *secret, id string, x trial) error {
	if old := v.version(id); old != nil {
		if v.holder(pending) == old || v.holder(current) == old { // the same call again
			return nil
		}
		return invalidParameter("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, v.arn())
	}
	fresh := version{ID: id, Created: s.now(), Empty: x.box == nil}
	if x.box != nil {
		fresh.Key = v.shownKey(x.box)
		if err := s.values.Put(ctx, tx, v.valueKey(id), x.box); err != nil {
			return err
		}
	}
	v.Versions = append(v.Versions, fresh)
	v.attach(v.version(id), pending)
	if err := s.trim(ctx, tx, v); err != nil {
		return err
	}
	return s.begin(ctx, tx, v, id, x.test)
}

// newToken is a RotationToken or a version's id: a random UUID.
func newToken() string {
	var b [16]byte
	rand.Read(b[:])         // never fails: see crypto/rand
	b[6] = b[6]&0x0f | 0x40 // RFC 9562, section 5.4
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// CancelRotateSecret turns rotation off. A version that was begun keeps its
// label.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CancelRotateSecret.html
func (s *Service) CancelRotateSecret(ctx context.Context, in *secretsmanagerapi.CancelRotateSecretRequest) (*secretsmanagerapi.CancelRotateSecretResponse, error) {
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if was.Rotation.Function == "" {
		return nil, errNoFunction
	}
	v, err := s.change(ctx, was, func(tx store.Tx, v *secret) error {
		v.Rotation.Enabled, v.Rotation.Next, v.Rotation.Running = false, time.Time{}, nil
		return s.unschedule(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.CancelRotateSecretResponse{ARN: new(v.arn()), Name: &v.Name}
	if p := v.incomplete(); p != nil {
		out.VersionId = &p.ID
	}
	return out, nil
}
