package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) accessKeyRules() policy.Rules {
	return policy.Rules{
		"CreateAccessKey":      onOwn(s, "CreateAccessKey", func(in *iamapi.CreateAccessKeyRequest) *string { return in.UserName }),
		"DeleteAccessKey":      onOwn(s, "DeleteAccessKey", func(in *iamapi.DeleteAccessKeyRequest) *string { return in.UserName }),
		"GetAccessKeyLastUsed": policy.On(s.touchLastUsed),
		"ListAccessKeys":       onOwn(s, "ListAccessKeys", func(in *iamapi.ListAccessKeysRequest) *string { return in.UserName }),
		"UpdateAccessKey":      onOwn(s, "UpdateAccessKey", func(in *iamapi.UpdateAccessKeyRequest) *string { return in.UserName }),
	}
}

func (s *Service) touchLastUsed(ctx context.Context, in *iamapi.GetAccessKeyLastUsedRequest) ([]policy.Touch, error) {
	k, err := s.keys.Get(ctx, s.Store, in.AccessKeyId)
	if err != nil || k.Account != accountOf(ctx) {
		return []policy.Touch{{Action: "iam:GetAccessKeyLastUsed"}}, nil
	}
	if k.User == "" {
		return []policy.Touch{{Action: "iam:GetAccessKeyLastUsed", Account: k.Account, Resource: rootARN(k.Account)}}, nil
	}
	t, err := s.touchBearer(ctx, "GetAccessKeyLastUsed", aUser, k.User)
	return []policy.Touch{t}, err
}

// keyOwner is the id of the user that an access key operation is about, or
// "account/" for the root user.
func (s *Service) keyOwner(ctx context.Context, r store.Reader, name *string) (owner string, u *user, err error) {
	id := &caller.From(ctx).Identity
	if name == nil && id.Kind == caller.Root {
		return id.Account + "/", nil, nil
	}
	if u, err = s.userOrOwn(ctx, r, name); err != nil {
		return "", nil, err
	}
	return recordID(u.Account, u.Name), u, nil
}

// CreateAccessKey makes an access key. Only this answer ever has its secret.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
func (s *Service) CreateAccessKey(ctx context.Context, in *iamapi.CreateAccessKeyRequest) (*iamapi.CreateAccessKeyResponse, error) {
	k := &accessKey{Account: accountOf(ctx), Active: true, Created: s.now()}
	var err error
	if k.ID, err = caller.NewAccessKey("AKIA", k.Account); err != nil {
		return nil, err
	}
	if k.Secret, err = caller.NewSecret(); err != nil {
		return nil, err
	}
	name := ""
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		owner, u, err := s.keyOwner(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		if k.User, name = "", ""; u != nil {
			k.User, name = fold(u.Name), u.Name
		}
		old, err := s.keys.By(ctx, tx, "owner", owner, "", 0)
		if err != nil {
			return err
		}
		if len(old) >= s.Quotas.AccessKeysPerUser {
			return exceeded("AccessKeysPerUser", s.Quotas.AccessKeysPerUser)
		}
		return s.keys.Insert(ctx, tx, k.ID, k)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateAccessKeyResponse{AccessKey: &iamapi.AccessKey{
		UserName: name, AccessKeyId: k.ID, Status: status(k.Active), SecretAccessKey: k.Secret, CreateDate: k.Created,
	}}, nil
}

func status(active bool) iamapi.StatusType {
	if active {
		return iamapi.StatusType_Active
	}
	return iamapi.StatusType_Inactive
}

// ownKey reads an access key of the owner that the call names.
func (s *Service) ownKey(ctx context.Context, tx store.Tx, name *string, id string) (*accessKey, error) {
	owner, _, err := s.keyOwner(ctx, tx, name)
	if err != nil {
		return nil, err
	}
	absent := wire.Errorf("NoSuchEntity", "The Access Key with id %s cannot be found.", id).WithStatus(404)
	k, err := s.keys.Get(ctx, tx, id)
	if k, err = found(k, err, absent); err != nil {
		return nil, err
	}
	if k.owner() != owner {
		return nil, absent
	}
	return k, nil
}

// UpdateAccessKey activates or deactivates an access key.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
func (s *Service) UpdateAccessKey(ctx context.Context, in *iamapi.UpdateAccessKeyRequest) (*iamapi.UpdateAccessKeyOutput, error) {
	if in.Status == iamapi.StatusType_Expired {
		return nil, invalidInput("Access keys cannot be set to Expired.")
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		k, err := s.ownKey(ctx, tx, in.UserName, in.AccessKeyId)
		if err != nil {
			return err
		}
		k.Active = in.Status == iamapi.StatusType_Active
		return s.keys.Put(ctx, tx, k.ID, k)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateAccessKeyOutput{}, nil
}

// DeleteAccessKey deletes an access key for good.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
func (s *Service) DeleteAccessKey(ctx context.Context, in *iamapi.DeleteAccessKeyRequest) (*iamapi.DeleteAccessKeyOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		k, err := s.ownKey(ctx, tx, in.UserName, in.AccessKeyId)
		if err != nil {
			return err
		}
		if err := s.uses.Delete(ctx, tx, k.ID); err != nil {
			return err
		}
		return s.keys.Delete(ctx, tx, k.ID)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteAccessKeyOutput{}, nil
}

// ListAccessKeys lists a user's access keys, without their secrets.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
func (s *Service) ListAccessKeys(ctx context.Context, in *iamapi.ListAccessKeysRequest) (*iamapi.ListAccessKeysResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	owner, u, err := s.keyOwner(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	ids, err := s.keys.By(ctx, s.Store, "owner", owner, "", 0)
	if err != nil {
		return nil, err
	}
	page, truncated, marker := cut(p, ids, func(id string) string { return id })
	out := &iamapi.ListAccessKeysResponse{AccessKeyMetadata: []iamapi.AccessKeyMetadata{}, IsTruncated: truncated, Marker: marker}
	for _, id := range page {
		k, err := s.keys.Get(ctx, s.Store, id)
		if err != nil {
			return nil, err
		}
		m := iamapi.AccessKeyMetadata{AccessKeyId: &k.ID, Status: status(k.Active), CreateDate: k.Created}
		if u != nil {
			m.UserName = &u.Name
		}
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, m)
	}
	return out, nil
}

// GetAccessKeyLastUsed tells when a key was last used. A key of another account
// is answered like one that does not exist.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
func (s *Service) GetAccessKeyLastUsed(ctx context.Context, in *iamapi.GetAccessKeyLastUsedRequest) (*iamapi.GetAccessKeyLastUsedResponse, error) {
	absent := wire.Errorf("AccessDenied", "User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key %s", caller.From(ctx).Identity.ARN, in.AccessKeyId).WithStatus(403)
	k, err := s.keys.Get(ctx, s.Store, in.AccessKeyId)
	if k, err = found(k, err, absent); err != nil {
		return nil, err
	}
	if k.Account != accountOf(ctx) {
		return nil, absent
	}
	out := &iamapi.GetAccessKeyLastUsedResponse{AccessKeyLastUsed: &iamapi.AccessKeyLastUsed{ServiceName: "N/A", Region: "N/A"}}
	if k.User != "" {
		u, err := s.user(ctx, s.Store, k.User)
		if err != nil {
			return nil, err
		}
		out.UserName = &u.Name
	}
	use, err := s.lastUse(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	if use != nil {
		out.AccessKeyLastUsed = &iamapi.AccessKeyLastUsed{LastUsedDate: use.Time, ServiceName: use.Service, Region: use.Region}
	}
	return out, nil
}

// moveKeys hands the access keys of a user that is renamed to its new name.
func (s *Service) moveKeys(ctx context.Context, tx store.Tx, account, from, to string) error {
	ids, err := s.keys.By(ctx, tx, "owner", recordID(account, from), "", 0)
	if err != nil {
		return err
	}
	for _, id := range ids {
		k, err := s.keys.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		k.User = fold(to)
		if err := s.keys.Put(ctx, tx, id, k); err != nil {
			return err
		}
	}
	return nil
}
