package secretsmanager

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// GetSecretValue opens a version's value.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (s *Service) GetSecretValue(ctx context.Context, in *secretsmanagerapi.GetSecretValueRequest) (*secretsmanagerapi.GetSecretValueResponse, error) {
	v, err := s.active(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	x, err := v.asked(in.VersionId, in.VersionStage)
	if err != nil {
		return nil, err
	}
	box, err := s.load(ctx, s.Store, v, x.ID)
	if err != nil {
		return nil, err
	}
	value, err := s.open(ctx, v, x.ID, box)
	if err != nil {
		return nil, err
	}
	if err := s.accessed(ctx, v, x); err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.GetSecretValueResponse{ARN: new(v.arn()), Name: &v.Name, VersionId: &x.ID, VersionStages: x.Stages, CreatedDate: x.Created}
	out.SecretString, out.SecretBinary = value.answer()
	return out, nil
}

// asked is the version that an id, a label, both or neither names.
func (v *secret) asked(id, stage *string) (*version, error) {
	label := current
	if stage != nil {
		label = *stage
	}
	if id == nil {
		x := v.holder(label)
		if x == nil || x.Empty {
			return nil, noValue("staging label: %s", label)
		}
		return x, nil
	}
	x := v.version(*id)
	switch {
	case x == nil:
		return nil, noValue("VersionId: %s", *id)
	case stage != nil && !slices.Contains(x.Stages, *stage):
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	case x.Empty:
		return nil, noValue("VersionId: %s", *id)
	}
	return x, nil
}

// accessed notes the day of a retrieval: AWS keeps no finer time. That there is no
// room for the note stops nobody from reading, nor that the secret has just gone.
func (s *Service) accessed(ctx context.Context, was *secret, x *version) error {
	today := s.Clock.Now().Truncate(24 * time.Hour)
	if was.Accessed.Equal(today) && x.Accessed.Equal(today) {
		return nil
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.same(ctx, tx, was)
		if err != nil {
			return err
		}
		if y := v.version(x.ID); y != nil {
			y.Accessed = today
		}
		v.Accessed = today
		return s.secrets.Put(ctx, tx, v.key(), v)
	})
	if errors.Is(err, store.ErrFull) || is(err, errNotFound) {
		return nil
	}
	return err
}

// PutSecretValue adds a version. The same call again has no effect.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func (s *Service) PutSecretValue(ctx context.Context, in *secretsmanagerapi.PutSecretValueRequest) (*secretsmanagerapi.PutSecretValueResponse, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	value, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, errNeither
	}
	was, err := s.writableValue(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if in.RotationToken != nil {
		r := was.Rotation.Running
		if r == nil || r.Version != *in.ClientRequestToken || subtle.ConstantTimeCompare([]byte(r.Token), []byte(*in.RotationToken)) == 0 {
			return nil, invalidParameter("The RotationToken is not that of a rotation of this version which is under way.")
		}
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	v, err := s.putValue(ctx, was, *in.ClientRequestToken, value, stages, nil)
	if err != nil {
		return nil, err
	}
	x := v.version(*in.ClientRequestToken)
	return &secretsmanagerapi.PutSecretValueResponse{ARN: new(v.arn()), Name: &v.Name, VersionId: in.ClientRequestToken, VersionStages: x.Stages}, nil
}

// errAgain has putValue begin again: what it had read has changed.
var errAgain = errors.New("secretsmanager: the secret has changed")

// putValue seals a value as a version with labels. A secret's first value is
// AWSCURRENT whatever the labels say. also, which may be nil, changes the secret
// first, its key for instance; it is called several times.
func (s *Service) putValue(ctx context.Context, was *secret, id string, value *plain, stages []string, also func(*secret)) (*secret, error) {
	for range 3 {
		v, err := s.tryPut(ctx, was, id, value, stages, also)
		if !errors.Is(err, errAgain) {
			return v, err
		}
		if was, err = s.same(ctx, s.Store, was); err != nil {
			return nil, err
		}
	}
	return nil, invalidRequest("The secret is being changed by others. Try again.")
}

func (s *Service) tryPut(ctx context.Context, was *secret, id string, value *plain, stages []string, also func(*secret)) (*secret, error) {
	if x := was.version(id); x != nil && !x.Empty {
		same, err := s.holds(ctx, was, id, value)
		if err == nil && !same {
			err = wire.Errorf("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", id, was.arn())
		}
		return was, err
	}
	as := was.clone()
	if also != nil {
		also(as)
	}
	box, err := s.seal(ctx, as, id, value)
	if err != nil {
		return nil, err
	}
	copies := s.copiesOf(ctx, was, value, id)
	return s.change(ctx, was, func(tx store.Tx, v *secret) error {
		if x := v.version(id); v.KMSKey != was.KMSKey || x != nil && !x.Empty {
			return errAgain
		}
		if also != nil {
			also(v)
		}
		v.add(id, s.now(), v.shownKey(box), stages)
		if err := v.checkStages(); err != nil {
			return err
		}
		if err := s.values.Put(ctx, tx, v.valueKey(id), box); err != nil {
			return err
		}
		if h := v.holder(current); h != nil && h.ID == id {
			if err := s.rotatedByHand(ctx, tx, v); err != nil {
				return err
			}
		}
		if err := copies.put(tx, v); err != nil {
			return err
		}
		return s.trim(ctx, tx, v)
	})
}

// add makes a version, or fills the empty one that a rotation has begun, and
// gives it its labels.
func (v *secret) add(id string, now time.Time, key string, stages []string) {
	first := v.holder(current) == nil
	x := v.version(id)
	if x == nil {
		v.Versions = append(v.Versions, version{ID: id})
		x = &v.Versions[len(v.Versions)-1]
	}
	x.Created, x.Key, x.Empty = now, key, false
	for _, stage := range stages {
		v.attach(x, stage)
	}
	if first {
		v.attach(x, current)
	}
}
