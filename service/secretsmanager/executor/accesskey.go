package executor

import (
	"context"
	"errors"
	"maps"
	"time"

	iamapi "bartizan.dev/api/iam"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
)

// AccessKeyUsers are the operations of IAM that rotating an access key takes.
type AccessKeyUsers interface {
	CreateAccessKey(context.Context, *iamapi.CreateAccessKeyRequest) (*iamapi.CreateAccessKeyResponse, error)
	DeleteAccessKey(context.Context, *iamapi.DeleteAccessKeyRequest) (*iamapi.DeleteAccessKeyOutput, error)
	ListAccessKeys(context.Context, *iamapi.ListAccessKeysRequest) (*iamapi.ListAccessKeysResponse, error)
}

// Works reports whether an access key with this secret signs.
type Works func(ctx context.Context, accessKey, secret string) (bool, error)

// AccessKeys rotates the access key of an IAM user. The secret's value has the
// members UserName, AccessKeyId and SecretAccessKey. The key before stays valid
// until the next rotation, as AWSPREVIOUS.
func AccessKeys(s Secrets, assume Assume, users AccessKeyUsers, works Works) *Builtin {
	return &Builtin{s, assume, &accessKeys{users, works}}
}

type accessKeys struct {
	users AccessKeyUsers
	works Works
}

// create makes a key. IAM lets a user have two, so the one before goes first, or
// one that an attempt made and could not keep. A key that is neither is not ours
// to delete.
func (a *accessKeys) create(ctx context.Context, r *run) (map[string]any, error) {
	value, err := r.value(ctx, current)
	if err != nil {
		return nil, err
	}
	user, err := text(value, "UserName")
	if err != nil {
		return nil, err
	}
	used, err := text(value, "AccessKeyId")
	if err != nil {
		return nil, err
	}
	if err := a.makeRoom(ctx, r, user, used); err != nil {
		return nil, err
	}
	made, err := a.users.CreateAccessKey(ctx, &iamapi.CreateAccessKeyRequest{UserName: &user})
	if err != nil {
		return nil, err
	}
	out := maps.Clone(value)
	out["AccessKeyId"], out["SecretAccessKey"] = made.AccessKey.AccessKeyId, made.AccessKey.SecretAccessKey
	return out, nil
}

func (a *accessKeys) makeRoom(ctx context.Context, r *run, user, used string) error {
	old := ""
	switch value, err := r.value(ctx, previous); {
	case err == nil:
		old, _ = value["AccessKeyId"].(string)
	case !isMissing(err):
		return err
	}
	began, err := r.began(ctx)
	if err != nil {
		return err
	}
	list, err := a.users.ListAccessKeys(ctx, &iamapi.ListAccessKeysRequest{UserName: &user})
	if err != nil {
		return err
	}
	for _, k := range list.AccessKeyMetadata {
		switch {
		case k.AccessKeyId == nil || *k.AccessKeyId == used:
			continue
		case *k.AccessKeyId != old && k.CreateDate.Before(began):
			return errors.New("the user has another access key, which is not of this secret: delete it, or the user cannot have a new one")
		}
		if _, err := a.users.DeleteAccessKey(ctx, &iamapi.DeleteAccessKeyRequest{UserName: &user, AccessKeyId: *k.AccessKeyId}); err != nil {
			return err
		}
	}
	return nil
}

// began is when the rotation began, which is when its version was made. Keys are
// dated by the second.
func (r *run) began(ctx context.Context) (time.Time, error) {
	list, err := r.ListSecretVersionIds(ctx, &secretsmanagerapi.ListSecretVersionIdsRequest{SecretId: r.SecretId})
	if err != nil {
		return time.Time{}, err
	}
	for _, v := range list.Versions {
		if v.VersionId != nil && *v.VersionId == r.ClientRequestToken {
			return v.CreatedDate.Truncate(time.Second), nil
		}
	}
	return time.Time{}, errors.New("the version of the rotation is gone")
}

// set has nothing to do: IAM knows the key since it was made.
func (a *accessKeys) set(context.Context, *run) error { return nil }

func (a *accessKeys) test(ctx context.Context, r *run) error {
	value, err := r.value(ctx, pending)
	if err != nil {
		return err
	}
	id, err := text(value, "AccessKeyId")
	if err != nil {
		return err
	}
	secret, err := text(value, "SecretAccessKey")
	if err != nil {
		return err
	}
	ok, err := a.works(ctx, id, secret)
	if err == nil && !ok {
		err = errors.New("the new access key does not work")
	}
	return err
}
