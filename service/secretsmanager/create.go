package secretsmanager

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const maxTags = 50

// CreateSecret makes a secret, with a first version if it is given a value.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
func (s *Service) CreateSecret(ctx context.Context, in *secretsmanagerapi.CreateSecretRequest) (*secretsmanagerapi.CreateSecretResponse, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	value, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	at := placeOf(ctx)
	if old, err := s.get(ctx, s.Store, secretID{place: at, name: in.Name}); err == nil {
		return s.createAgain(ctx, old, *in.ClientRequestToken, value)
	} else if !is(err, errNotFound) {
		return nil, err
	}
	v, err := s.newSecret(ctx, at, in)
	if err != nil {
		return nil, err
	}
	if err := v.newReplica(in); err != nil {
		return nil, err
	}
	if err := checkRegions(v, in.AddReplicaRegions); err != nil {
		return nil, err
	}
	if v.KMSKey != "" {
		if err := s.tryKey(ctx, v); err != nil {
			return nil, err
		}
	}
	if err := s.insert(ctx, v, *in.ClientRequestToken, value); err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.CreateSecretResponse{ARN: new(v.arn()), Name: &v.Name}
	if value != nil {
		out.VersionId = in.ClientRequestToken
	}
	if len(in.AddReplicaRegions) > 0 {
		if v, err = s.replicate(ctx, v, in.AddReplicaRegions, on(in.ForceOverwriteReplicaSecret)); err != nil {
			return nil, err
		}
		if out.ReplicationStatus, err = s.replication(ctx, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// newSecret is a secret as a call describes it.
func (s *Service) newSecret(ctx context.Context, at place, in *secretsmanagerapi.CreateSecretRequest) (*secret, error) {
	now := s.now()
	v := &secret{
		Account: at.account, Region: at.region, Name: in.Name, UID: rand.Text(), Suffix: suffixOf(ctx, in.Name),
		KMSKey: ownKey(at, in.KmsKeyId), Owner: owner(ctx), Created: now, Changed: now,
	}
	if in.Description != nil {
		v.Description = *in.Description
	}
	if in.Type != nil {
		v.Type = *in.Type
	}
	var err error
	v.Tags, err = addTags(nil, in.Tags)
	return v, err
}

// insert writes a new secret, with its first value sealed.
func (s *Service) insert(ctx context.Context, v *secret, token string, value *plain) error {
	var box *sealed
	if value != nil {
		var err error
		if box, err = s.seal(ctx, v, token, value); err != nil {
			return err
		}
		v.Versions = []version{{ID: token, Created: v.Created, Stages: []string{current}, Key: v.shownKey(box)}}
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.secrets.Insert(ctx, tx, v.key(), v)
		if errors.Is(err, store.ErrExists) {
			return exists(v.Name)
		} else if err != nil {
			return err
		}
		if box != nil {
			if err := s.values.Put(ctx, tx, v.valueKey(token), box); err != nil {
				return err
			}
		}
		return s.counted(ctx, tx, v.place(), 1)
	})
	return err
}

// shownKey is a value's key as ListSecretVersionIds names it.
func (v *secret) shownKey(box *sealed) string {
	if v.KMSKey == "" {
		return ""
	}
	return box.Key
}

func exists(name string) error {
	return wire.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
}

// createAgain answers for a name that is taken: the same call again has no
// effect.
func (s *Service) createAgain(ctx context.Context, old *secret, token string, value *plain) (*secretsmanagerapi.CreateSecretResponse, error) {
	if !old.Deleted.IsZero() {
		return nil, errScheduled
	}
	x := old.version(token)
	if value == nil || x == nil || x.Empty {
		return nil, exists(old.Name)
	}
	same, err := s.holds(ctx, old, token, value)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, exists(old.Name)
	}
	out := &secretsmanagerapi.CreateSecretResponse{ARN: new(old.arn()), Name: &old.Name, VersionId: &token}
	out.ReplicationStatus, err = s.replication(ctx, old)
	return out, err
}

// holds reports whether a version has this value.
func (s *Service) holds(ctx context.Context, v *secret, id string, value *plain) (bool, error) {
	box, err := s.load(ctx, s.Store, v, id)
	if err != nil {
		return false, err
	}
	has, err := s.open(ctx, v, id, box)
	if err != nil {
		return false, err
	}
	defer clear(has.bytes)
	return has.equal(value), nil
}

// on reads a switch that is off by default.
func on(b *bool) bool { return b != nil && *b }

// addTags adds tags to a secret's, or gives them new values.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html
func addTags(have []tag, add []secretsmanagerapi.Tag) ([]tag, error) {
	have = slices.Clone(have)
	seen := map[string]bool{}
	for _, t := range add {
		if t.Key == nil {
			return nil, invalidParameter("A tag needs a key.")
		}
		key, value := *t.Key, ""
		if t.Value != nil {
			value = *t.Value
		}
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, invalidParameter("Tag keys can't begin with aws:, which is reserved for AWS use.")
		case seen[key]:
			return nil, invalidParameter("The tag key %s is given more than once.", key)
		}
		seen[key] = true
		if i := slices.IndexFunc(have, func(o tag) bool { return o.Key == key }); i >= 0 {
			have[i].Value = value
		} else {
			have = append(have, tag{key, value})
		}
	}
	if len(have) > maxTags {
		return nil, invalidParameter("A secret can have at most %d tags.", maxTags)
	}
	return have, nil
}
