package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// unlock reads the ring, or makes the first.
func (z *Sealed) unlock(ctx context.Context) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	var r *ring
	open := func(reader Reader) (err error) {
		r, err = z.read(ctx, reader)
		return err
	}
	err := open(z.Store)
	if errors.Is(err, ErrNotFound) {
		_, err = z.Store.Update(ctx, func(tx Tx) error {
			if err := open(tx); !errors.Is(err, ErrNotFound) {
				return err // another node was faster
			}
			r, err = z.first(ctx, tx)
			return err
		})
	}
	if err != nil {
		return err
	}
	z.install(r)
	return nil
}

// install makes r the ring, unless a later one is there already. What this node
// has left of each key stays.
func (z *Sealed) install(r *ring) {
	for {
		now := z.ring.Load()
		if now != nil && !r.later(now) {
			return
		}
		if now != nil {
			for _, b := range r.keys {
				if old := now.find(b.version); old != nil {
					b.left = old.left
				}
			}
		}
		if z.ring.CompareAndSwap(now, r) {
			return
		}
	}
}

func (r *ring) later(than *ring) bool {
	a, b := r.newest, than.newest
	return a.version > b.version || a.version == b.version && a.reserved > b.reserved
}

// read reads master key and ring.
func (z *Sealed) read(ctx context.Context, reader Reader) (*ring, error) {
	wrapped, err := reader.Get(ctx, masterKey)
	if err != nil {
		return nil, err
	}
	secret, err := z.custodian.Unwrap(ctx, barrierPurpose, wrapped.Value)
	if err != nil {
		return nil, fmt.Errorf("store: the database is sealed under another root key than this one (%s); put the right one back: %w", z.custodian.Describe(), err)
	}
	defer clear(secret)
	master, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	item, err := reader.Get(ctx, ringKey)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w (the ring of keys is missing)", ErrDamaged)
	} else if err != nil {
		return nil, err
	}
	return decodeRing(master, item.Value)
}

// first makes and writes the first master key and ring.
func (z *Sealed) first(ctx context.Context, tx Tx) (*ring, error) {
	if items, err := tx.List(ctx, Range{Limit: 1}); err != nil {
		return nil, err
	} else if len(items) > 0 {
		return nil, errors.New("store: the database holds records but no keys of a seal: it was made by something else, or damaged; restore a backup or use another database")
	}
	secret := newSecret()
	defer clear(secret)
	wrapped, err := z.custodian.Wrap(ctx, barrierPurpose, secret)
	if err != nil {
		return nil, err
	}
	master, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	r, err := (&ring{master: master}).with(barrierRecord{1, newSecret(), 0})
	if err != nil {
		return nil, err
	}
	sealed, err := r.encode()
	if err != nil {
		return nil, err
	}
	return r, errors.Join(tx.Put(ctx, masterKey, wrapped), tx.Put(ctx, ringKey, sealed))
}

// barrier returns the key of a version, and looks for it in the store when
// another node has made it since.
func (z *Sealed) barrier(ctx context.Context, version uint32) (*barrier, error) {
	if version == 0 {
		return nil, ErrDamaged
	}
	if b := z.ring.Load().find(version); b != nil {
		return b, nil
	}
	// Without the lock: this may run in a transaction, for whose end the holder
	// of the lock may be waiting.
	if err := z.reload(ctx); err != nil {
		return nil, err
	}
	if b := z.ring.Load().find(version); b != nil {
		return b, nil
	}
	return nil, ErrDamaged
}

// reload reads the ring again.
func (z *Sealed) reload(ctx context.Context) error {
	z.stale.Store(false) // before reading: what changes after it is not missed
	item, err := z.Store.Get(ctx, ringKey)
	if err == nil {
		var r *ring
		if r, err = decodeRing(z.ring.Load().master, item.Value); err == nil {
			z.install(r)
			return nil
		}
	}
	z.stale.Store(true)
	return err
}

// ready makes sure that a transaction can seal under the newest key; wait says
// that one could not.
func (z *Sealed) ready(ctx context.Context, wait bool) error {
	left := z.ring.Load().newest.left.Load()
	if left > barrierBlock/4 && !z.stale.Load() {
		return nil
	}
	if wait || left <= 0 || z.stale.Load() {
		z.mu.Lock()
	} else if !z.mu.TryLock() { // somebody is at it, and there is enough for now
		return nil
	}
	defer z.mu.Unlock()
	if z.stale.Load() {
		if err := z.reload(ctx); err != nil {
			return err
		}
	}
	if z.ring.Load().newest.left.Load() > barrierBlock/4 {
		return nil
	}
	return z.change(ctx, func(r *ring) (*ring, error) {
		if r.newest.reserved+barrierBlock > barrierLimit {
			return r.next()
		}
		b := *r.newest
		b.reserved += barrierBlock
		keys := slices.Clone(r.keys)
		keys[len(keys)-1] = &b
		return &ring{r.master, keys, &b}, nil
	})
}

// next returns r with a new key, a block of which is reserved.
func (r *ring) next() (*ring, error) {
	return r.with(barrierRecord{r.newest.version + 1, newSecret(), barrierBlock})
}

// change replaces the stored ring by what fn makes of it, in which a block of
// the newest key was reserved. The lock mu is held.
func (z *Sealed) change(ctx context.Context, fn func(*ring) (*ring, error)) error {
	var r *ring
	_, err := z.Store.Update(ctx, func(tx Tx) error {
		item, err := tx.Get(ctx, ringKey)
		if err != nil {
			return err
		}
		if r, err = decodeRing(z.ring.Load().master, item.Value); err != nil {
			return err
		}
		if r, err = fn(r); err != nil {
			return err
		}
		sealed, err := r.encode()
		if err != nil {
			return err
		}
		return tx.Put(ctx, ringKey, sealed)
	})
	if err != nil {
		return err
	}
	z.install(r)
	if b := z.ring.Load().find(r.newest.version); b != nil {
		b.left.Add(barrierBlock)
	}
	return nil
}
