package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// attempts is how often the steps of a rotation are tried before it waits for
// its next window, or for RotateSecret.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_turn-on.html
const attempts = 5

// doRotate calls the executor for the four steps, or for testSecret alone. An
// attempt that has failed begins with the first step again: executors bear that,
// as rotation functions must. What went wrong is for the log: an executor's error
// has no secret in it, and no caller sees it.
func (s *Service) doRotate(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	v, err := s.ofJob(ctx, s.Store, j)
	if err != nil {
		return nil, err
	}
	if v == nil || v.Rotation.Running == nil || v.Rotation.Running.Version != string(j.Payload) {
		return nil, nil
	}
	run := *v.Rotation.Running
	failed := s.steps(ctx, v, run)
	if failed != nil {
		failed = fmt.Errorf("%s was not rotated to version %s by %s: %w", v.arn(), run.Version, v.Rotation.Function, failed)
		if j.Attempts+1 < attempts {
			return nil, failed // the queue logs it
		}
		s.Log.Error("a rotation has failed and is not tried again before the next window", "attempts", attempts, "error", failed)
	}
	return func(tx store.Tx) error {
		v, err := s.ofJob(ctx, tx, j)
		if v == nil || err != nil || v.Rotation.Running == nil || v.Rotation.Running.Version != run.Version {
			return err
		}
		if err := s.notify(ctx, tx, v, outcome(run.Test, failed)); err != nil {
			return err
		}
		switch {
		case run.Test:
			if err := s.endTest(ctx, tx, v, run.Version); err != nil {
				return err
			}
		case failed != nil:
			return nil // the version keeps AWSPENDING
		default:
			if err := s.rotated(ctx, tx, v); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, v)
	}, nil
}

// steps runs the executor.
func (s *Service) steps(ctx context.Context, v *secret, run runningStep) error {
	e := s.Executor(v.Rotation.Function)
	if e == nil {
		return errors.New("no rotator is registered under this name")
	}
	steps := []string{executor.CreateSecret, executor.SetSecret, executor.TestSecret, executor.FinishSecret}
	if run.Test {
		steps = []string{executor.TestSecret}
	}
	call := s.callOf(v, v.Rotation.Function)
	for _, step := range steps {
		call.Event = executor.Event{Step: step, SecretId: v.arn(), ClientRequestToken: run.Version, RotationToken: run.Token}
		if err := e.Run(ctx, call); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	if run.Test {
		return nil
	}
	now, err := s.same(ctx, s.Store, v)
	if err != nil {
		return err
	}
	if h := now.holder(current); h == nil || h.ID != run.Version {
		return errors.New("finishSecret did not move AWSCURRENT to the new version")
	}
	return nil
}

// rotated notes a rotation that succeeded.
func (s *Service) rotated(ctx context.Context, tx store.Tx, v *secret) error {
	v.Rotation.Running = nil
	v.Rotation.Last = s.now()
	if !v.Rotation.Enabled {
		return nil
	}
	return s.schedule(ctx, tx, v, v.Rotation.Last)
}

// endTest removes the version that only tried the configuration.
func (s *Service) endTest(ctx context.Context, tx store.Tx, v *secret, id string) error {
	v.Rotation.Running = nil
	x := v.version(id)
	if x == nil || !slices.Equal(x.Stages, []string{pending}) {
		return nil
	}
	v.Versions = slices.DeleteFunc(v.Versions, func(x version) bool { return x.ID == id })
	return s.values.Delete(ctx, tx, v.valueKey(id))
}
