package secretsmanager

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later. The id of a job is the secret's, see secret.job.
const (
	jobDelete = "delete" // the recovery window has ended
	jobDue    = "due"    // a rotation window has begun
	jobRotate = "rotate" // a rotation is under way; the payload is the version's id
	jobRecord = "record" // an event is written to the trail; the id is the event's
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobDelete: work.InTx(s.doDelete),
		jobDue:    work.InTx(s.doDue),
		jobRotate: s.doRotate,
		jobRecord: s.doRecord,
	}
}

// ofJob is the secret that a job is about, or nil.
func (s *Service) ofJob(ctx context.Context, r store.Reader, j work.Job) (*secret, error) {
	e, err := s.secrets.OneBy(ctx, r, "uid", j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return e.Value, err
}

func (s *Service) doDelete(ctx context.Context, tx store.Tx, j work.Job) error {
	v, err := s.ofJob(ctx, tx, j)
	if v == nil || err != nil || v.Deleted.IsZero() {
		return err
	}
	if err := s.notify(ctx, tx, v, versionsDeleted); err != nil {
		return err
	}
	return s.erase(ctx, tx, v)
}

// doDue begins the rotation of a window and waits for the next one. A rotation
// that was begun before is tried again.
func (s *Service) doDue(ctx context.Context, tx store.Tx, j work.Job) error {
	v, err := s.ofJob(ctx, tx, j)
	if v == nil || err != nil || !v.Rotation.Enabled || !v.Deleted.IsZero() {
		return err
	}
	id := newToken()
	if p := v.incomplete(); p != nil {
		id = p.ID
		err = s.begin(ctx, tx, v, id, false)
	} else {
		err = s.start(ctx, tx, v, id, trial{})
	}
	if err != nil {
		return err
	}
	if err := s.schedule(ctx, tx, v, s.now()); err != nil {
		return err
	}
	return s.save(ctx, tx, v)
}

// schedule waits for the first window after a rotation.
func (s *Service) schedule(ctx context.Context, tx store.Tx, v *secret, last time.Time) error {
	p, err := v.Rotation.plan()
	if err != nil {
		return err
	}
	v.Rotation.Next = time.Time{}
	if p == nil {
		return s.queue.Cancel(ctx, tx, jobDue, v.job())
	}
	w, ok := p.Next(last)
	if !ok {
		return invalidParameter("The schedule expression names no day within ten years.")
	}
	v.Rotation.Next = w.End
	return s.queue.Add(ctx, tx, work.Job{Kind: jobDue, ID: v.job(), Due: w.Start})
}

// rotatedByHand: "Secrets Manager calculates the next rotation date based on the
// previous rotation. Manually updating the secret value by calling PutSecretValue
// or UpdateSecret is considered a valid rotation."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html
func (s *Service) rotatedByHand(ctx context.Context, tx store.Tx, v *secret) error {
	if !v.Rotation.Enabled || v.Rotation.Days == 0 {
		return nil
	}
	return s.schedule(ctx, tx, v, s.now())
}

// begin has a rotation's executor called.
func (s *Service) begin(ctx context.Context, tx store.Tx, v *secret, id string, test bool) error {
	if r := v.Rotation.Running; r == nil || r.Version != id {
		v.Rotation.Running = &runningStep{Version: id, Token: newToken(), Test: test}
	}
	name := rotationStarted
	if test {
		name = testStarted
	}
	if err := s.notify(ctx, tx, v, name); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRotate, ID: v.job(), Due: s.now(), Payload: []byte(id)})
}

// unschedule takes away all that would rotate a secret.
func (s *Service) unschedule(ctx context.Context, tx store.Tx, v *secret) error {
	if err := s.queue.Cancel(ctx, tx, jobDue, v.job()); err != nil {
		return err
	}
	return s.queue.Cancel(ctx, tx, jobRotate, v.job())
}
