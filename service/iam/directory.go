package iam

import (
	"context"
	"errors"
	"sync"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// Credential is an active long-term access key with its owner.
type Credential struct {
	Secret   string
	Identity caller.Identity
}

// Credential returns the owner of a long-term access key; nil if there is no
// such key or it is inactive.
func (s *Service) Credential(ctx context.Context, accessKeyID string) (*Credential, error) {
	return s.credentials.Get(ctx, accessKeyID)
}

func (s *Service) loadCredential(ctx context.Context, r store.Reader, id string) (*Credential, error) {
	k, err := s.keys.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if !k.Active {
		return nil, nil
	}
	if k.User == "" {
		return &Credential{k.Secret, caller.Identity{
			Kind: caller.Root, Account: k.Account, ID: k.Account, ARN: rootARN(k.Account), AccessKey: k.ID,
		}}, nil
	}
	u, err := s.users.Get(ctx, r, k.Account+"/"+k.User)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return &Credential{k.Secret, caller.Identity{
		Kind: caller.User, Account: k.Account, ID: u.ID, ARN: u.ARN(), Name: u.Name, AccessKey: k.ID,
	}}, nil
}

// usage remembers in memory when keys and roles were last used, until Flush
// writes it down. A crash loses at most the time since the last Flush, as AWS
// promises no more than "activity is reported with some delay".
type usage struct {
	mu sync.Mutex
	m  map[string]lastUse
}

// Used notes a use of an access key, or of a role by its id.
func (s *Service) Used(id string, at time.Time, service, region string) {
	s.used.mu.Lock()
	defer s.used.mu.Unlock()
	if s.used.m == nil {
		s.used.m = map[string]lastUse{}
	}
	s.used.m[id] = lastUse{at.Truncate(time.Minute), service, region}
}

// Flush writes the uses since the last Flush to the store.
func (s *Service) Flush(ctx context.Context) error {
	return errors.Join(s.flushUses(ctx), s.flushAccess(ctx))
}

func (s *Service) flushUses(ctx context.Context) error {
	s.used.mu.Lock()
	m := s.used.m
	s.used.m = nil
	s.used.mu.Unlock()
	if len(m) == 0 {
		return nil
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		for id, use := range m {
			if err := s.uses.Put(ctx, tx, id, &use); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// lastUse returns the last use of a key or role; nil if there was none.
func (s *Service) lastUse(ctx context.Context, id string) (*lastUse, error) {
	s.used.mu.Lock()
	use, ok := s.used.m[id]
	s.used.mu.Unlock()
	if ok {
		return &use, nil
	}
	stored, err := s.uses.Get(ctx, s.Store, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return stored, err
}
