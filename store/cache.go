package store

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A Cache keeps what was made from records, and makes it again when one of
// those records has changed, on this node or another. An entry may depend on any
// number of records and prefixes: the Reader passed to load notes what it reads.
// So a principal's compiled policies, made from its own record, its groups and
// their policies, are made again when any of these changes.
//
// A value may be shared by many goroutines and must not be changed. A load that
// finds nothing caches that too, if it returns no error. Callers who want the
// same key at the same time share one load.
//
// Get asks the store's Fresh first, so that what another node changed more than
// a second ago is never answered from here; and what this node's Update has
// changed is seen by every Get that begins after it.
type Cache[T any] struct {
	store  Store
	load   func(ctx context.Context, r Reader, key string) (T, error)
	graph  *graph
	seed   maphash.Seed
	shards []shard[T]
}

// shard is a part of the entries. The oldest that was not asked for since the
// hand came by makes room (the clock algorithm), so a flood of keys that are
// asked for once drives out nothing that is in use.
type shard[T any] struct {
	mu      sync.RWMutex
	entries map[string]*entry[T]
	loads   map[string]*loading[T]
	ring    []*entry[T]
	hand    int
	size    int
	_       [64]byte // shards do not share a cache line
}

type entry[T any] struct {
	key   string
	value T
	deps  []dep
	slot  int // in the ring
	used  atomic.Bool
}

// loading is a load under way. The fields are set when done is closed.
type loading[T any] struct {
	done  chan struct{}
	entry *entry[T]
	err   error
	good  bool // the outcome was right when the last one joined
}

// reloads is how often something is loaded when what it was made from keeps
// changing. The last time it is read within a transaction, which sees one state:
// read in pieces, a user who leaves a group and a group that is then given more
// rights would make a user with rights that he has never had.
const reloads = 3

// NewCache returns a cache of at most size entries that follows changes until
// ctx ends; it must not be used after that. load must not ask the cache for its
// own key, nor in a circle with others.
func NewCache[T any](ctx context.Context, s Store, size int, load func(ctx context.Context, r Reader, key string) (T, error)) (*Cache[T], error) {
	size = max(size, 1)
	c := &Cache[T]{store: s, load: load, graph: newGraph(), seed: maphash.MakeSeed(), shards: make([]shard[T], min(16, 1+size/256))}
	for i := range c.shards {
		c.shards[i].entries = map[string]*entry[T]{}
		c.shards[i].loads = map[string]*loading[T]{}
		c.shards[i].size = size / len(c.shards)
	}
	if err := s.Watch(ctx, c.graph.changed, c.graph.forget); err != nil {
		return nil, err
	}
	return c, nil
}

// Get returns the value for key, loading it if need be. When a load fails
// nothing is cached. It must not be called within Update, as it may need a
// transaction of its own.
func (c *Cache[T]) Get(ctx context.Context, key string) (T, error) {
	e, err := c.get(ctx, key)
	if err != nil {
		var none T
		return none, err
	}
	return e.value, nil
}

// Through is Get for use in the load of another cache, whose Reader is r: the
// entry that is being made there depends on all that this one depends on.
func (c *Cache[T]) Through(ctx context.Context, r Reader, key string) (T, error) {
	n, ok := r.(*noting)
	if ok && n.inTx { // what is cached may be of another moment
		return c.load(ctx, r, key)
	}
	e, err := c.get(ctx, key)
	if err != nil {
		var none T
		return none, err
	}
	if ok {
		n.adopt(e.deps)
	}
	return e.value, nil
}

func (c *Cache[T]) get(ctx context.Context, key string) (*entry[T], error) {
	if err := c.store.Fresh(ctx); err != nil {
		return nil, err
	}
	s := &c.shards[maphash.String(c.seed, key)%uint64(len(c.shards))]
	s.mu.RLock()
	e := s.entries[key]
	s.mu.RUnlock()
	if e != nil && unchanged(e.deps) {
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e, nil
	}
	return c.fill(ctx, s, key)
}

// fill joins the load under way or begins one.
func (c *Cache[T]) fill(ctx context.Context, s *shard[T], key string) (*entry[T], error) {
	s.mu.Lock()
	if e := s.entries[key]; e != nil && unchanged(e.deps) {
		s.mu.Unlock()
		return e, nil
	}
	l := s.loads[key]
	if l == nil {
		l = &loading[T]{done: make(chan struct{})}
		s.loads[key] = l
		s.mu.Unlock()
		return c.lead(ctx, s, key, l)
	}
	s.mu.Unlock()
	select {
	case <-l.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.good {
		return l.entry, l.err
	}
	// What came out may be older than our question, or be the leader's own
	// trouble.
	e, err, _ := c.make(ctx, s, key, nil)
	return e, err
}

// lead loads for all who join.
func (c *Cache[T]) lead(ctx context.Context, s *shard[T], key string, l *loading[T]) (*entry[T], error) {
	defer func() { // also when load panics
		s.mu.Lock()
		s.over(key, l)
		s.mu.Unlock()
		close(l.done)
	}()
	l.entry, l.err, l.good = c.make(ctx, s, key, l)
	if l.err != nil && ctx.Err() != nil {
		l.good = false
	}
	return l.entry, l.err
}

// over says that nobody may join l any more. The caller holds the lock.
func (s *shard[T]) over(key string, l *loading[T]) {
	if s.loads[key] == l {
		delete(s.loads, key)
	}
}

// make loads and inserts. good means that nothing had changed when the last
// one joined.
func (c *Cache[T]) make(ctx context.Context, s *shard[T], key string, l *loading[T]) (e *entry[T], err error, good bool) {
	for try := 1; ; try++ {
		if e, err, good = c.once(ctx, s, key, l, try == reloads); e != nil || err != nil {
			return e, err, good
		}
	}
}

// once loads once. It returns nothing when what was read has changed meanwhile,
// unless it is the last try.
func (c *Cache[T]) once(ctx context.Context, s *shard[T], key string, l *loading[T], last bool) (e *entry[T], err error, good bool) {
	n := newNoting(c.store, c.graph)
	kept := false
	defer func() {
		if !kept {
			release(n.deps)
		}
	}()
	value, err := c.read(ctx, n, key, last)
	if err == nil && !last && !n.good() {
		return nil, nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over(key, l) // and only now look whether it is good, for those who joined
	good = n.good()
	if err != nil {
		return nil, err, good
	}
	e = &entry[T]{key: key, value: value, deps: n.deps}
	if kept = good; kept {
		s.insert(e)
	}
	return e, nil, good
}

// read loads, within a transaction if whole is set.
func (c *Cache[T]) read(ctx context.Context, n *noting, key string, whole bool) (value T, err error) {
	if !whole {
		return c.load(ctx, n, key)
	}
	_, err = c.store.Update(ctx, func(tx Tx) (err error) {
		n.reader, n.inTx = tx, true
		value, err = c.load(ctx, n, key)
		return err
	})
	return value, err
}

// insert adds e and makes room for it. The caller holds the lock.
func (s *shard[T]) insert(e *entry[T]) {
	if old := s.entries[e.key]; old != nil {
		e.slot = old.slot
		e.used.Store(old.used.Load())
		s.replace(old, e)
		return
	}
	if len(s.ring) < s.size {
		e.slot = len(s.ring)
		s.ring = append(s.ring, e)
		s.entries[e.key] = e
		return
	}
	for s.ring[s.hand].used.CompareAndSwap(true, false) {
		s.hand = (s.hand + 1) % len(s.ring)
	}
	e.slot = s.hand
	s.hand = (s.hand + 1) % len(s.ring)
	s.replace(s.ring[e.slot], e)
}

func (s *shard[T]) replace(old, e *entry[T]) {
	delete(s.entries, old.key)
	s.entries[e.key] = e
	s.ring[e.slot] = e
	release(old.deps)
}

// Len is the number of entries, of which some may have to be made again.
func (c *Cache[T]) Len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.entries)
		s.mu.RUnlock()
	}
	return n
}
