package secretsmanager

import (
	"context"
	"slices"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
)

// UpdateSecret changes a secret's description, key, type or value. A replica has
// nothing of its own but its key.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
func (s *Service) UpdateSecret(ctx context.Context, in *secretsmanagerapi.UpdateSecretRequest) (*secretsmanagerapi.UpdateSecretResponse, error) {
	if err := checkToken(in.ClientRequestToken); err != nil {
		return nil, err
	}
	value, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	was, err := s.active(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	if was.Primary == "" || value != nil || in.Description != nil || in.Type != nil {
		if err := was.changeable(ctx); err != nil {
			return nil, err
		}
	}
	if was.From != nil && (value != nil || in.Type != nil) {
		return nil, errCopied
	}
	if was.From != nil && in.KmsKeyId != nil && ownKey(was.place(), in.KmsKeyId) == "" {
		return nil, errOwnReplica
	}
	also := func(v *secret) {
		if in.Description != nil {
			v.Description = *in.Description
		}
		if in.Type != nil {
			v.Type = *in.Type
		}
		if in.KmsKeyId != nil {
			if v.KMSKey = *in.KmsKeyId; v.KMSKey != "" {
				v.KMSKey = ownKey(v.place(), in.KmsKeyId)
			}
		}
	}
	if was, err = s.newKey(ctx, was, also); err != nil {
		return nil, err
	}
	out := &secretsmanagerapi.UpdateSecretResponse{ARN: new(was.arn()), Name: &was.Name}
	if value != nil {
		out.VersionId = in.ClientRequestToken
		_, err = s.putValue(ctx, was, *in.ClientRequestToken, value, []string{current}, also)
		return out, err
	}
	_, err = s.change(ctx, was, func(_ store.Tx, v *secret) error { also(v); return nil })
	return out, err
}

// newKey puts a secret under another key, if also gives it one: "Secrets Manager
// uses [it] to encrypt new secret versions as well as any existing versions with
// the staging labels AWSCURRENT, AWSPENDING, or AWSPREVIOUS. If you don't have
// kms:Encrypt permission to the new key, Secrets Manager does not re-encrypt
// existing secret versions."
func (s *Service) newKey(ctx context.Context, was *secret, also func(*secret)) (*secret, error) {
	as := was.clone()
	also(as)
	if as.KMSKey == was.KMSKey {
		return was, nil
	}
	if err := s.tryKey(ctx, as); err != nil {
		return nil, err
	}
	fresh := map[string]*sealed{}
	for i := range was.Versions {
		x := &was.Versions[i]
		if x.Empty || !slices.ContainsFunc(x.Stages, func(l string) bool { return l == current || l == pending || l == previous }) {
			continue
		}
		box, err := s.load(ctx, s.Store, was, x.ID)
		if err != nil {
			return nil, err
		}
		box, err = s.rewrap(ctx, was, as, x.ID, box)
		if is(err, errKMS) {
			continue
		} else if err != nil {
			return nil, err
		}
		fresh[x.ID] = box
	}
	return s.change(ctx, was, func(tx store.Tx, v *secret) error {
		if v.KMSKey != was.KMSKey {
			return invalidRequest("The secret's key has just been changed by another call. Try again.")
		}
		v.KMSKey = as.KMSKey
		if err := s.ofReplica(ctx, tx, v); err != nil {
			return err
		}
		for id, box := range fresh {
			x := v.version(id)
			if x == nil || x.Empty {
				continue // trimmed since
			}
			x.Key = v.shownKey(box)
			if err := s.values.Put(ctx, tx, v.valueKey(id), box); err != nil {
				return err
			}
		}
		return nil
	})
}
