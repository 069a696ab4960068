package secretsmanager

import (
	"context"
	"strings"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

const day = 24 * time.Hour

// DeleteSecret marks a secret for deletion at the end of its recovery window, or
// deletes it at once.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
func (s *Service) DeleteSecret(ctx context.Context, in *secretsmanagerapi.DeleteSecretRequest) (*secretsmanagerapi.DeleteSecretResponse, error) {
	force := on(in.ForceDeleteWithoutRecovery)
	switch {
	case force && in.RecoveryWindowInDays != nil:
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case in.RecoveryWindowInDays != nil && (*in.RecoveryWindowInDays < 7 || *in.RecoveryWindowInDays > 30):
		return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	now := s.now()
	was, err := s.find(ctx, s.Store, in.SecretId)
	if force && is(err, errNotFound) {
		return s.deleteNothing(ctx, in.SecretId, now)
	} else if err != nil {
		return nil, err
	}
	if err := was.changeable(ctx); err != nil {
		return nil, err
	}
	window := 30 * day
	if in.RecoveryWindowInDays != nil {
		window = time.Duration(*in.RecoveryWindowInDays) * day
	}
	out := &secretsmanagerapi.DeleteSecretResponse{ARN: new(was.arn()), Name: &was.Name, DeletionDate: now}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.same(ctx, tx, was)
		switch {
		case err != nil:
			return err
		case len(v.Replicas) > 0:
			return invalidParameter("You can't delete secret %s that still has replica regions [%s].", v.Name, strings.Join(v.regions(), ", "))
		case v.Across != nil:
			return invalidRequest("You can't delete secret %s that is associated with the cross-account replica %s. First call DisassociateCrossAccountReplica.", v.Name, v.Across.ARN)
		case v.From != nil:
			return invalidRequest("You can't delete secret %s that is a cross-account replica. First call StopReplicationToReplica.", v.Name)
		case force:
			return s.erase(ctx, tx, v)
		case !v.Deleted.IsZero():
			return errDeleted
		}
		v.Deleted, v.Gone = now, now.Add(window)
		out.DeletionDate = v.Gone
		if err := s.unschedule(ctx, tx, v); err != nil {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobDelete, ID: v.job(), Due: v.Gone}); err != nil {
			return err
		}
		return s.save(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// deleteNothing: "If you forcibly delete an already deleted or nonexistent
// secret, the operation does not return ResourceNotFoundException."
func (s *Service) deleteNothing(ctx context.Context, id string, now time.Time) (*secretsmanagerapi.DeleteSecretResponse, error) {
	ref, err := parseID(ctx, id)
	if err != nil {
		return nil, err
	}
	if ref.suffix == "" {
		ref.suffix = suffixOf(ctx, ref.name)
	}
	v := &secret{Account: ref.account, Region: ref.region, Name: ref.name, Suffix: ref.suffix}
	return &secretsmanagerapi.DeleteSecretResponse{ARN: new(v.arn()), Name: &v.Name, DeletionDate: now}, nil
}

// erase removes a secret with its values and jobs.
func (s *Service) erase(ctx context.Context, tx store.Tx, v *secret) error {
	for i := range v.Versions {
		if err := s.values.Delete(ctx, tx, v.valueKey(v.Versions[i].ID)); err != nil {
			return err
		}
	}
	if err := s.unschedule(ctx, tx, v); err != nil {
		return err
	}
	if err := s.queue.Cancel(ctx, tx, jobDelete, v.job()); err != nil {
		return err
	}
	if err := s.secrets.Delete(ctx, tx, v.key()); err != nil {
		return err
	}
	return s.counted(ctx, tx, v.place(), -1)
}

// RestoreSecret takes the mark away. Its rotation goes on.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RestoreSecret.html
func (s *Service) RestoreSecret(ctx context.Context, in *secretsmanagerapi.RestoreSecretRequest) (*secretsmanagerapi.RestoreSecretResponse, error) {
	was, err := s.find(ctx, s.Store, in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := was.changeable(ctx); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.same(ctx, tx, was)
		if err != nil || v.Deleted.IsZero() { // to restore what is not deleted has no effect
			return err
		}
		v.Deleted, v.Gone = time.Time{}, time.Time{}
		if err := s.queue.Cancel(ctx, tx, jobDelete, v.job()); err != nil {
			return err
		}
		if v.Rotation.Enabled {
			if err := s.schedule(ctx, tx, v, s.now()); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanagerapi.RestoreSecretResponse{ARN: new(was.arn()), Name: &was.Name}, nil
}
