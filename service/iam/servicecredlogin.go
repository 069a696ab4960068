package iam

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// ServiceCredential returns whose password or API key this is; nil if it is
// nobody's, inactive or expired. login is the ServiceUserName, or what an API
// key carries: see APIKeyLogin.
func (s *Service) ServiceCredential(ctx context.Context, service, login, secret string) (*caller.Identity, error) {
	e, err := s.serviceCreds.OneBy(ctx, s.Store, "login", service+"/"+login)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNUL) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(secret))
	c := e.Value
	if subtle.ConstantTimeCompare(sum[:], c.Hash) != 1 || c.status(s.Now()) != iamapi.StatusType_Active {
		return nil, nil
	}
	u, err := s.users.OneBy(ctx, s.Store, "id", c.Owner)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &caller.Identity{
		Kind: caller.User, Account: u.Value.Account, ID: u.Value.ID, ARN: u.Value.ARN(), Name: u.Value.Name, AccessKey: c.ID,
	}, nil
}

// APIKeyLogin is the login that an API key for a service carries, or "".
func APIKeyLogin(service, key string) string {
	_, keyPrefix, err := credentialService(service)
	if err != nil || keyPrefix == "" || len(key) > 1024 {
		return ""
	}
	rest, ok := strings.CutPrefix(key, keyPrefix)
	raw, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil {
		return ""
	}
	login, _, ok := strings.Cut(string(raw), ":")
	if !ok {
		return ""
	}
	return login
}
