package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"bartizan.dev/store"
)

// When a principal last used a service and an action of it, for the reports of
// last access. The gateway notes every call in memory, and Flush writes down
// what is new: of several uses within accessWindow the first, as AWS does for
// access keys.
const (
	accessWindow = 15 * time.Minute
	maxSeen      = 100_000 // remembered (principal, service, action), about 12 MB
	maxFresh     = 50_000  // of which not written yet
	flushChunk   = 100     // principals a transaction
)

// seen is a time and a place.
type seen struct {
	Time   time.Time
	Region string
}

func (s *seen) merge(o seen) {
	if o.Time.After(s.Time) {
		*s = o
	}
}

// serviceUse is the last use of a service and of its actions.
type serviceUse struct {
	seen
	Actions map[string]seen `json:",omitzero"`
}

// access is what a principal has used, by the service's namespace. ID is the
// unique id of a user or role, or the account's for its root user.
type access struct {
	Account, ID string
	Services    map[string]*serviceUse
}

// accountAccess is what any principal of an account has used.
type accountAccess struct {
	Account  string
	Services map[string]seen
}

// useKey is what is remembered of one use. action is empty for the service.
type useKey struct{ account, principal, service, action string }

// accesses are the uses in memory.
type accesses struct {
	mu    sync.Mutex
	last  map[useKey]int64 // when each was last noted, in seconds since 1970
	fresh map[useKey]seen  // what Flush has to write
}

// Accessed notes that a principal has tried to call an operation. principal is
// the unique id of a user or role, or the account's id for its root user.
func (s *Service) Accessed(account, principal, service, operation, region string, at time.Time) {
	key := useKey{account, principal, service, operation}
	now := at.Unix()
	a := &s.accessed
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.last[key]; ok && now-last < int64(accessWindow/time.Second) {
		return
	}
	if len(a.fresh) >= maxFresh {
		return // it will be noted when it is used again
	}
	if len(a.last) >= maxSeen || a.last == nil {
		a.last = map[useKey]int64{}
	}
	if a.fresh == nil {
		a.fresh = map[useKey]seen{}
	}
	a.last[key] = now
	a.fresh[key] = seen{time.Unix(now, 0).UTC(), strings.Clone(region)}
}

// take empties what is to be written, by principal.
func (a *accesses) take() map[string]*access {
	a.mu.Lock()
	fresh := a.fresh
	a.fresh = nil
	a.mu.Unlock()
	out := map[string]*access{}
	for k, use := range fresh {
		id := k.account + "/" + k.principal
		p := out[id]
		if p == nil {
			p = &access{Account: k.account, ID: k.principal, Services: map[string]*serviceUse{}}
			out[id] = p
		}
		p.note(k.service, k.action, use)
	}
	return out
}

func (p *access) note(service, action string, use seen) {
	v := p.Services[service]
	if v == nil {
		v = &serviceUse{}
		p.Services[service] = v
	}
	v.merge(use)
	if action == "" {
		return
	}
	if v.Actions == nil {
		v.Actions = map[string]seen{}
	}
	old := v.Actions[action]
	old.merge(use)
	v.Actions[action] = old
}

// flushAccess writes down what was used since the last time. What cannot be
// written is lost, as the caller is told.
func (s *Service) flushAccess(ctx context.Context) error {
	all := s.accessed.take()
	chunk := make([]*access, 0, flushChunk)
	var errs []error
	write := func() {
		if len(chunk) == 0 {
			return
		}
		if _, err := s.Store.Update(ctx, func(tx store.Tx) error { return s.mergeAccess(ctx, tx, chunk) }); err != nil {
			errs = append(errs, fmt.Errorf("iam: last access of %d principals: %w", len(chunk), err))
		}
		chunk = chunk[:0]
	}
	for _, p := range all {
		if p.ID != p.Account { // who was deleted since leaves nothing
			if standing, err := s.Standing(ctx, p.ID); err != nil {
				errs = append(errs, err)
				continue
			} else if standing == nil {
				continue
			}
		}
		if chunk = append(chunk, p); len(chunk) == flushChunk {
			write()
		}
	}
	write()
	return errors.Join(errs...)
}

func (s *Service) mergeAccess(ctx context.Context, tx store.Tx, chunk []*access) error {
	accounts := map[string]*accountAccess{}
	for _, p := range chunk {
		id := p.Account + "/" + p.ID
		old, err := s.access.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			old = &access{Account: p.Account, ID: p.ID, Services: map[string]*serviceUse{}}
		} else if err != nil {
			return err
		}
		a := accounts[p.Account]
		if a == nil {
			if a, err = s.accountUse(ctx, tx, p.Account); err != nil {
				return err
			}
			accounts[p.Account] = a
		}
		for service, use := range p.Services {
			old.note(service, "", use.seen)
			for action, at := range use.Actions {
				old.note(service, action, at)
			}
			at := a.Services[service]
			at.merge(use.seen)
			a.Services[service] = at
		}
		if err := s.access.Put(ctx, tx, id, old); err != nil {
			return err
		}
	}
	for id, a := range accounts {
		if err := s.accountUses.Put(ctx, tx, id, a); err != nil {
			return err
		}
	}
	return nil
}

// accountUse reads what an account has used.
func (s *Service) accountUse(ctx context.Context, r store.Reader, account string) (*accountAccess, error) {
	a, err := s.accountUses.Get(ctx, r, account)
	if errors.Is(err, store.ErrNotFound) {
		return &accountAccess{Account: account, Services: map[string]seen{}}, nil
	}
	return a, err
}

// accessOf reads what a principal has used; nil if that is nothing.
func (s *Service) accessOf(ctx context.Context, r store.Reader, account, id string) (*access, error) {
	p, err := s.access.Get(ctx, r, account+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// tracked reports whether a use is recent enough to be told.
func (s *Service) tracked(at seen) bool {
	return !at.Time.IsZero() && s.Now().Sub(at.Time) <= trackingPeriod
}
