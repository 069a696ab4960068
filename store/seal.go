package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// Sealed is a store whose engine sees no value: each is encrypted under a
// barrier key, and the barrier keys are kept in the store itself, encrypted
// under a key that the custodian has wrapped.
//
// A sealed value is one byte 1, the version of the barrier key (4 bytes, big
// endian), a nonce of 12 bytes, and the value under AES-256-GCM with its tag of
// 16 bytes. Associated data is the byte 1, the version and the record's key.
//
// What this protects from someone who reads and changes the database, or a
// backup of it, but does not have the root key: he learns no value; he cannot
// make a record, change one, or put one under another key, not even an empty one
// as index entries are: reading it fails with ErrDamaged.
//
// What it does not: he sees key names, the lengths of values and when they
// change; so secrets do not belong into key names. And he can delete a record,
// or put back an earlier value of the same record, unnoticed; against that stand
// the permissions of the database alone.
type Sealed struct {
	Store     // the engine
	custodian Custodian

	ring  atomic.Pointer[ring]
	stale atomic.Bool // another node may have changed the ring
	mu    sync.Mutex  // one change of the ring at a time; not to be taken in a transaction
	stop  context.CancelFunc
}

var _ Store = (*Sealed)(nil)

// Custodian is what a seal needs of keys.Custodian.
type Custodian interface {
	Wrap(ctx context.Context, purpose string, secret []byte) ([]byte, error)
	Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error)
	Describe() string
}

var (
	// ErrDamaged is returned for a record that was not written through the seal,
	// or was changed or moved since.
	ErrDamaged = errors.New("store: a record does not open: it was not written by bartizan, or was changed since")
	// ErrReserved is returned for a write under the prefix that the seal uses.
	ErrReserved = errors.New("store: a key of the seal")
)

const (
	sealFormat = 1
	sealHeader = 1 + 4
	// SealOverhead is how many bytes a sealed value is longer.
	SealOverhead = sealHeader + 12 + 16
)

// Seal returns s with values sealed under c. The first time it makes the
// barrier keys, which needs an empty store.
func Seal(ctx context.Context, s Store, c Custodian) (*Sealed, error) {
	z := &Sealed{Store: s, custodian: c}
	if err := z.unlock(ctx); err != nil {
		return nil, err
	}
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	z.stop = stop
	err := s.Watch(watch, func(changes []Change) {
		for _, change := range changes {
			if change.Key == ringKey {
				z.stale.Store(true)
			}
		}
	}, func() { z.stale.Store(true) })
	if err != nil {
		stop()
		return nil, err
	}
	return z, nil
}

// Close closes the engine as well, but not the custodian.
func (z *Sealed) Close() error {
	z.stop()
	return z.Store.Close()
}

// adPool holds buffers for associated data.
var adPool = sync.Pool{New: func() any { b := make([]byte, 0, sealHeader+MaxKey); return &b }}

// seal returns value sealed under b for the record key.
func (b *barrier) seal(key string, value []byte) []byte {
	out := make([]byte, sealHeader, SealOverhead+len(value))
	out[0] = sealFormat
	binary.BigEndian.PutUint32(out[1:], b.version)
	ad := adPool.Get().(*[]byte)
	*ad = append(append((*ad)[:0], out...), key...)
	out = b.aead.Seal(out, nil, value, *ad)
	adPool.Put(ad)
	return out
}

// version returns the barrier key version of a sealed value, or 0.
func version(sealed []byte) uint32 {
	if len(sealed) < SealOverhead || sealed[0] != sealFormat {
		return 0
	}
	return binary.BigEndian.Uint32(sealed[1:])
}

// open opens item.Value in place: by the Reader's contract it is ours.
func (z *Sealed) open(ctx context.Context, item *Item) error {
	b, err := z.barrier(ctx, version(item.Value))
	if err != nil {
		return fmt.Errorf("%w (%q)", err, item.Key)
	}
	ad := adPool.Get().(*[]byte)
	*ad = append(append((*ad)[:0], item.Value[:sealHeader]...), item.Key...)
	body := item.Value[sealHeader:]
	item.Value, err = b.aead.Open(body[:0], nil, body, *ad)
	adPool.Put(ad)
	if err != nil {
		return fmt.Errorf("%w (%q)", ErrDamaged, item.Key)
	}
	return nil
}

func (z *Sealed) Get(ctx context.Context, key string) (Item, error) { return z.get(ctx, z.Store, key) }

func (z *Sealed) get(ctx context.Context, r Reader, key string) (Item, error) {
	if reserved(key) {
		return Item{}, ErrNotFound
	}
	item, err := r.Get(ctx, key)
	if err != nil {
		return Item{}, err
	}
	if err := z.open(ctx, &item); err != nil {
		return Item{}, err
	}
	return item, nil
}

func (z *Sealed) List(ctx context.Context, r Range) ([]Item, error) { return z.list(ctx, z.Store, r) }

func (z *Sealed) list(ctx context.Context, reader Reader, r Range) ([]Item, error) {
	wide := r
	if r.Limit > 0 && strings.HasPrefix(sealPrefix, r.Prefix) {
		wide.Limit += sealRecords
	}
	items, err := reader.List(ctx, wide)
	if err != nil {
		return nil, err
	}
	out := items[:0]
	for _, item := range items {
		if reserved(item.Key) {
			continue
		}
		if r.Limit > 0 && len(out) == r.Limit {
			break
		}
		if err := z.open(ctx, &item); err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// Update runs fn in a transaction of the engine.
func (z *Sealed) Update(ctx context.Context, fn func(Tx) error) (int64, error) {
	for attempt := range 3 {
		if err := z.ready(ctx, attempt > 0); err != nil {
			return 0, err
		}
		rev, err := z.Store.Update(ctx, func(tx Tx) error {
			t := &sealedTx{z: z, tx: tx, b: z.ring.Load().newest}
			if err := fn(t); err != nil && !t.exhausted {
				return err
			} else if t.exhausted {
				return errExhausted
			}
			return nil
		})
		if !errors.Is(err, errExhausted) {
			return rev, err
		}
	}
	return 0, fmt.Errorf("store: one transaction with more than %d writes", barrierBlock)
}

// errExhausted stops a transaction when the barrier key has sealed as many
// values as this node has reserved.
var errExhausted = errors.New("store: the barrier key's reservation is used up")

// Changes leaves out what the seal itself wrote.
func (z *Sealed) Changes(ctx context.Context, rev int64, limit int) ([]Change, error) {
	return changesOf(ctx, z.Store, rev, limit, withoutReserved)
}

// changesOf returns a page of those of s's changes that keep leaves: at most
// limit in whole commits, but the first commit whole, as Store.Changes promises.
// So an empty page means that there is nothing more.
func changesOf(ctx context.Context, s Store, rev int64, limit int, keep func([]Change) []Change) ([]Change, error) {
	limit = max(limit, 1)
	var out []Change
	for len(out) <= limit {
		page, err := s.Changes(ctx, rev, limit)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return out, nil
		}
		rev = page[len(page)-1].Rev
		out = append(out, keep(page)...)
	}
	first, end := 1, limit
	for first < len(out) && out[first].Rev == out[0].Rev {
		first++
	}
	for end > 0 && out[end-1].Rev == out[end].Rev {
		end--
	}
	return out[:max(first, end)], nil
}

func (z *Sealed) Watch(ctx context.Context, fn func([]Change), forget func()) error {
	return z.Store.Watch(ctx, func(changes []Change) {
		if own := withoutReserved(changes); len(own) > 0 {
			fn(own)
		}
	}, forget)
}

// withoutReserved copies only when there is something to leave out.
func withoutReserved(changes []Change) []Change {
	for i, c := range changes {
		if !reserved(c.Key) {
			continue
		}
		out := append([]Change(nil), changes[:i]...)
		for _, c := range changes[i:] {
			if !reserved(c.Key) {
				out = append(out, c)
			}
		}
		return out
	}
	return changes
}

type sealedTx struct {
	z         *Sealed
	tx        Tx
	b         *barrier
	exhausted bool
}

func (t *sealedTx) Get(ctx context.Context, key string) (Item, error) { return t.z.get(ctx, t.tx, key) }

func (t *sealedTx) List(ctx context.Context, r Range) ([]Item, error) { return t.z.list(ctx, t.tx, r) }

func (t *sealedTx) seal(key string, value []byte) ([]byte, error) {
	switch {
	case reserved(key):
		return nil, ErrReserved
	case len(key) > MaxKey || len(value) > MaxValue-SealOverhead:
		return nil, ErrTooLarge
	case !t.b.take():
		t.exhausted = true
		return nil, errExhausted
	}
	return t.b.seal(key, value), nil
}

func (t *sealedTx) Put(ctx context.Context, key string, value []byte) error {
	sealed, err := t.seal(key, value)
	if err != nil {
		return err
	}
	return t.tx.Put(ctx, key, sealed)
}

func (t *sealedTx) PutIf(ctx context.Context, key string, value []byte, rev int64) error {
	sealed, err := t.seal(key, value)
	if err != nil {
		return err
	}
	return t.tx.PutIf(ctx, key, sealed, rev)
}

func (t *sealedTx) Delete(ctx context.Context, key string) error {
	if reserved(key) {
		return ErrReserved
	}
	return t.tx.Delete(ctx, key)
}
