package iam

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) sshKeyRules() policy.Rules {
	return policy.Rules{
		"DeleteSSHPublicKey": onBearer(s, "DeleteSSHPublicKey", aUser, func(in *iamapi.DeleteSSHPublicKeyRequest) string { return in.UserName }, nil),
		"GetSSHPublicKey":    onBearer(s, "GetSSHPublicKey", aUser, func(in *iamapi.GetSSHPublicKeyRequest) string { return in.UserName }, nil),
		"ListSSHPublicKeys":  onOwn(s, "ListSSHPublicKeys", func(in *iamapi.ListSSHPublicKeysRequest) *string { return in.UserName }),
		"UpdateSSHPublicKey": onBearer(s, "UpdateSSHPublicKey", aUser, func(in *iamapi.UpdateSSHPublicKeyRequest) string { return in.UserName }, nil),
		"UploadSSHPublicKey": onBearer(s, "UploadSSHPublicKey", aUser, func(in *iamapi.UploadSSHPublicKeyRequest) string { return in.UserName }, nil),
	}
}

const sshKeyPrefix = "APKA"

// sshKeyOf reads an SSH key of a user.
func (s *Service) sshKeyOf(ctx context.Context, r store.Reader, name, id string) (*sshKey, *user, error) {
	u, err := s.user(ctx, r, name)
	if err != nil {
		return nil, nil, err
	}
	absent := wire.Errorf("NoSuchEntity", "The Public Key with id %s cannot be found.", id).WithStatus(404)
	k, err := s.sshKeys.Get(ctx, r, u.Account+"/"+id)
	if k, err = found(k, err, absent); err != nil {
		return nil, nil, err
	}
	if k.Owner != u.ID {
		return nil, nil, absent
	}
	return k, u, nil
}

// UploadSSHPublicKey gives a user an RSA key of 2,048 bits or more. The same key
// may belong to several users.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html
func (s *Service) UploadSSHPublicKey(ctx context.Context, in *iamapi.UploadSSHPublicKeyRequest) (*iamapi.UploadSSHPublicKeyResponse, error) {
	key, isPEM, keyErr := parseSSHKey(in.SSHPublicKeyBody)
	k := &sshKey{
		Account: accountOf(ctx), ID: newID(sshKeyPrefix), Body: in.SSHPublicKeyBody, PEM: isPEM,
		Active: true, Uploaded: s.now(),
	}
	var out *iamapi.SSHPublicKey
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		u, err := s.user(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		if keyErr != nil {
			return keyErr
		}
		k.Owner, k.Wire = u.ID, key.Marshal()
		old, err := owned(ctx, tx, &s.sshKeys, u.ID)
		if err != nil {
			return err
		}
		for _, o := range old {
			if string(o.Wire) == string(k.Wire) {
				return wire.Errorf("DuplicateSSHPublicKey", "The SSH public key is already associated with the specified IAM user.")
			}
		}
		if len(old) >= maxSSHKeys {
			return exceeded("SSHPublicKeysPerUser", maxSSHKeys)
		}
		if out, err = apiSSHKey(k, u, k.PEM); err != nil {
			return err
		}
		return s.sshKeys.Insert(ctx, tx, k.Account+"/"+k.ID, k)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UploadSSHPublicKeyResponse{SSHPublicKey: out}, nil
}

// apiSSHKey shows a key, as a line of OpenSSH or as PEM. In the encoding it was
// uploaded in, the text is the one that was uploaded.
func apiSSHKey(k *sshKey, u *user, asPEM bool) (*iamapi.SSHPublicKey, error) {
	key, err := ssh.ParsePublicKey(k.Wire)
	if err != nil {
		return nil, fmt.Errorf("iam: SSH key %s: %w", k.ID, err)
	}
	out := &iamapi.SSHPublicKey{
		UserName: u.Name, SSHPublicKeyId: k.ID, Fingerprint: ssh.FingerprintLegacyMD5(key),
		SSHPublicKeyBody: k.Body, Status: status(k.Active), UploadDate: k.Uploaded,
	}
	switch {
	case asPEM == k.PEM:
	case asPEM:
		der, err := x509.MarshalPKIXPublicKey(key.(ssh.CryptoPublicKey).CryptoPublicKey())
		if err != nil {
			return nil, fmt.Errorf("iam: SSH key %s: %w", k.ID, err)
		}
		out.SSHPublicKeyBody = string(pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}))
	default:
		out.SSHPublicKeyBody = strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n")
	}
	return out, nil
}

// GetSSHPublicKey shows a key, in either encoding.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetSSHPublicKey.html
func (s *Service) GetSSHPublicKey(ctx context.Context, in *iamapi.GetSSHPublicKeyRequest) (*iamapi.GetSSHPublicKeyResponse, error) {
	k, u, err := s.sshKeyOf(ctx, s.Store, in.UserName, in.SSHPublicKeyId)
	if err != nil {
		return nil, err
	}
	out, err := apiSSHKey(k, u, in.Encoding == iamapi.EncodingType_PEM)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetSSHPublicKeyResponse{SSHPublicKey: out}, nil
}

// ListSSHPublicKeys lists a user's keys without the keys themselves. The root
// user has none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSSHPublicKeys.html
func (s *Service) ListSSHPublicKeys(ctx context.Context, in *iamapi.ListSSHPublicKeysRequest) (*iamapi.ListSSHPublicKeysResponse, error) {
	o, page, truncated, marker, err := ownedPage(ctx, s, &s.sshKeys, in.UserName, in.MaxItems, in.Marker, func(k *sshKey) string { return k.ID })
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListSSHPublicKeysResponse{SSHPublicKeys: []iamapi.SSHPublicKeyMetadata{}, IsTruncated: truncated, Marker: marker}
	for _, k := range page {
		out.SSHPublicKeys = append(out.SSHPublicKeys, iamapi.SSHPublicKeyMetadata{
			UserName: o.name, SSHPublicKeyId: k.ID, Status: status(k.Active), UploadDate: k.Uploaded,
		})
	}
	return out, nil
}

// UpdateSSHPublicKey activates or deactivates a key.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateSSHPublicKey.html
func (s *Service) UpdateSSHPublicKey(ctx context.Context, in *iamapi.UpdateSSHPublicKeyRequest) (*iamapi.UpdateSSHPublicKeyOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		k, _, err := s.sshKeyOf(ctx, tx, in.UserName, in.SSHPublicKeyId)
		if err != nil {
			return err
		}
		if k.Active, err = active(in.Status); err != nil {
			return err
		}
		return s.sshKeys.Put(ctx, tx, k.Account+"/"+k.ID, k)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateSSHPublicKeyOutput{}, nil
}

// DeleteSSHPublicKey deletes a key.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSSHPublicKey.html
func (s *Service) DeleteSSHPublicKey(ctx context.Context, in *iamapi.DeleteSSHPublicKeyRequest) (*iamapi.DeleteSSHPublicKeyOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		k, _, err := s.sshKeyOf(ctx, tx, in.UserName, in.SSHPublicKeyId)
		if err != nil {
			return err
		}
		return s.sshKeys.Delete(ctx, tx, k.Account+"/"+k.ID)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteSSHPublicKeyOutput{}, nil
}
