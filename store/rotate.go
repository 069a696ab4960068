package store

import (
	"context"
	"fmt"
)

// RotateBarrier makes a new barrier key for what is written from now on. What
// the older keys have sealed still opens; Reseal brings it under the new one.
func (z *Sealed) RotateBarrier(ctx context.Context) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.change(ctx, (*ring).next)
}

// RewrapRoot wraps the master key again, to be called after the custodian's
// Rotate. From then on the store opens with the new root key alone.
func (z *Sealed) RewrapRoot(ctx context.Context) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	_, err := z.Store.Update(ctx, func(tx Tx) error {
		item, err := tx.Get(ctx, masterKey)
		if err != nil {
			return err
		}
		secret, err := z.custodian.Unwrap(ctx, barrierPurpose, item.Value)
		if err != nil {
			return err
		}
		defer clear(secret)
		wrapped, err := z.custodian.Wrap(ctx, barrierPurpose, secret)
		if err != nil {
			return err
		}
		return tx.Put(ctx, masterKey, wrapped)
	})
	return err
}

// resealPage is how many records Reseal reads and writes at a time.
const resealPage = 32

// Reseal writes every record again that an older barrier key sealed, while the
// store stays in use, and returns how many those were. It may be stopped and
// begun again. Records get new revisions and are announced as changed.
func (z *Sealed) Reseal(ctx context.Context) (int, error) {
	n, after := 0, ""
	for {
		items, err := z.Store.List(ctx, Range{After: after, Limit: resealPage})
		if err != nil || len(items) == 0 {
			return n, err
		}
		after = items[len(items)-1].Key
		newest := z.ring.Load().newest.version
		var old []string
		for _, item := range items {
			if !reserved(item.Key) && version(item.Value) != newest {
				old = append(old, item.Key)
			}
		}
		if len(old) == 0 {
			continue
		}
		if err := z.resealKeys(ctx, old); err != nil {
			return n, err
		}
		n += len(old)
	}
}

func (z *Sealed) resealKeys(ctx context.Context, keys []string) error {
	_, err := z.Update(ctx, func(tx Tx) error {
		for _, key := range keys {
			item, err := tx.Get(ctx, key)
			if err == ErrNotFound { // deleted meanwhile
				continue
			} else if err != nil {
				return err
			}
			if err := tx.Put(ctx, key, item.Value); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// Describe says what seals the store, for people.
func (z *Sealed) Describe() string {
	return fmt.Sprintf("sealed with barrier key version %d under %s", z.ring.Load().newest.version, z.custodian.Describe())
}
