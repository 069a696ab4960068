package secretsmanager

import (
	"context"
	"slices"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
)

// The labels that Secrets Manager itself knows.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
const (
	current  = "AWSCURRENT"
	pending  = "AWSPENDING"
	previous = "AWSPREVIOUS"
)

// maxStages is how many labels the versions of a secret may have together.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxStages = 20

func (v *secret) checkStages() error {
	n := 0
	for i := range v.Versions {
		n += len(v.Versions[i].Stages)
	}
	if n > maxStages {
		return limitExceeded("The versions of a secret can have at most %d staging labels.", maxStages)
	}
	return nil
}

// holder is the version with a label, or nil. There is never more than one.
func (v *secret) holder(stage string) *version {
	for i := range v.Versions {
		if slices.Contains(v.Versions[i].Stages, stage) {
			return &v.Versions[i]
		}
	}
	return nil
}

func (v *secret) drop(stage string) {
	if h := v.holder(stage); h != nil {
		h.Stages = slices.DeleteFunc(h.Stages, func(s string) bool { return s == stage })
	}
}

// attach moves a label to a version. "Whenever you move AWSCURRENT, Secrets
// Manager automatically moves the label AWSPREVIOUS to the version that AWSCURRENT
// was removed from."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
func (v *secret) attach(to *version, stage string) {
	from := v.holder(stage)
	if from == to {
		return
	}
	v.drop(stage)
	to.Stages = append(to.Stages, stage)
	slices.Sort(to.Stages)
	if stage == current && from != nil {
		v.drop(previous)
		from.Stages = append(from.Stages, previous)
		slices.Sort(from.Stages)
	}
}

// UpdateSecretVersionStage moves a label, or takes it away.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
func (s *Service) UpdateSecretVersionStage(ctx context.Context, in *secretsmanagerapi.UpdateSecretVersionStageRequest) (*secretsmanagerapi.UpdateSecretVersionStageResponse, error) {
	was, err := s.writableValue(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	copies := &copies{s: s, ctx: ctx}
	if in.MoveToVersionId != nil {
		copies = s.copiesOf(ctx, was, nil, *in.MoveToVersionId)
	}
	v, err := s.change(ctx, was, func(tx store.Tx, v *secret) error {
		if err := v.moveStage(in.VersionStage, in.RemoveFromVersionId, in.MoveToVersionId); err != nil {
			return err
		}
		if in.VersionStage == current {
			if err := s.rotatedByHand(ctx, tx, v); err != nil {
				return err
			}
		}
		if err := copies.put(tx, v); err != nil {
			return err
		}
		return s.trim(ctx, tx, v)
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanagerapi.UpdateSecretVersionStageResponse{ARN: new(v.arn()), Name: &v.Name}, nil
}

// moveStage does what UpdateSecretVersionStage says: a label that another version
// has can be taken from it only by one who names that version.
func (v *secret) moveStage(stage string, from, to *string) error {
	if from == nil && to == nil {
		return invalidParameter("You must specify MoveToVersionId, RemoveFromVersionId, or both.")
	}
	for _, id := range []*string{from, to} {
		if id != nil && v.version(*id) == nil {
			return noValue("VersionId: %s", *id)
		}
	}
	has := v.holder(stage)
	switch {
	case from != nil && has == nil:
		return invalidParameter("Staging label %s is not attached to version %s.", stage, *from)
	case from != nil && has.ID != *from:
		return invalidParameter("Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, has.ID)
	case from == nil && has != nil && has.ID != *to:
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, has.ID)
	case to == nil && stage == current:
		return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	case to == nil:
		v.drop(stage)
		return nil
	}
	target := v.version(*to)
	if stage == current && target.Empty {
		return invalidRequest("You can't move staging label AWSCURRENT to version %s because that version has no value yet.", *to)
	}
	v.attach(target, stage)
	return v.checkStages()
}

// What goes away: "Secrets Manager removes outdated versions when there are more
// than 100, but it does not remove versions created less than 24 hours ago."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
const (
	keepOutdated = 100
	keepYoung    = 24 * time.Hour
)

// trim removes the oldest versions without labels, with their values.
func (s *Service) trim(ctx context.Context, tx store.Tx, v *secret) error {
	outdated := 0
	for i := range v.Versions {
		if len(v.Versions[i].Stages) == 0 {
			outdated++
		}
	}
	limit := s.now().Add(-keepYoung)
	var gone []string
	v.Versions = slices.DeleteFunc(v.Versions, func(x version) bool { // they are in the order of their making
		if outdated <= keepOutdated || len(x.Stages) > 0 || x.Created.After(limit) {
			return false
		}
		outdated--
		gone = append(gone, x.ID)
		return true
	})
	for _, id := range gone {
		if err := s.values.Delete(ctx, tx, v.valueKey(id)); err != nil {
			return err
		}
	}
	if len(v.Versions) > s.Quotas.Versions {
		return limitExceeded("You've reached the quota of %d versions of a secret. Versions that are younger than 24 hours are not removed.", s.Quotas.Versions)
	}
	return nil
}
