package store

import (
	"context"
	"strings"
	"sync"
)

// A Cache keeps what was made from records, and forgets it when one of those
// records changes, on this node or another. An entry may depend on any number
// of records and prefixes: while it is loaded, the Reader passed to load notes
// what it reads. So a principal's compiled policies, made from its own record,
// its groups and their policies, go away when any of these changes.
//
// A value may be shared by many goroutines and must not be changed. A load that
// finds nothing caches that too, if it returns no error.
//
// Get costs a map lookup and asks the store's Fresh first, so that what another
// node changed more than a second ago is never answered from here.
type Cache[T any] struct {
	store Store
	load  func(ctx context.Context, r Reader, key string) (T, error)
	size  int

	mu       sync.RWMutex
	entries  map[string]*entry[T]
	byKey    map[string]map[*entry[T]]struct{} // record key -> dependents
	byPrefix map[string]map[*entry[T]]struct{} // listed prefix -> dependents
	loads    map[*entry[T]]struct{}            // under way
}

type entry[T any] struct {
	key      string
	value    T
	keys     map[string]struct{}
	prefixes map[string]struct{}
	stale    bool // something it read has changed while it was loaded
}

// NewCache returns a cache of at most size entries that lives until ctx ends.
func NewCache[T any](ctx context.Context, s Store, size int, load func(ctx context.Context, r Reader, key string) (T, error)) (*Cache[T], error) {
	c := &Cache[T]{store: s, load: load, size: size, loads: map[*entry[T]]struct{}{}}
	c.forget()
	if err := s.Watch(ctx, c.changed, c.forgetAll); err != nil {
		return nil, err
	}
	return c, nil
}

// Get returns the value for key, loading it if need be. When a load fails
// nothing is cached.
func (c *Cache[T]) Get(ctx context.Context, key string) (T, error) {
	if err := c.store.Fresh(ctx); err != nil {
		var none T
		return none, err
	}
	c.mu.RLock()
	e := c.entries[key]
	c.mu.RUnlock()
	if e != nil {
		return e.value, nil
	}
	return c.fill(ctx, key)
}

func (c *Cache[T]) fill(ctx context.Context, key string) (T, error) {
	e := &entry[T]{key: key, keys: map[string]struct{}{}, prefixes: map[string]struct{}{}}
	c.mu.Lock()
	c.loads[e] = struct{}{}
	c.mu.Unlock()

	value, err := c.load(ctx, &noting[T]{c, e}, key)

	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.loads, e)
	if err != nil {
		return value, err
	}
	e.value = value
	if !e.stale {
		c.insert(e)
	}
	return value, nil
}

// insert adds e and what it depends on, and makes room for it. The caller
// holds the lock.
func (c *Cache[T]) insert(e *entry[T]) {
	if old := c.entries[e.key]; old != nil {
		c.remove(old)
	}
	for _, victim := range c.entries { // Go's map order picks a victim well enough
		if len(c.entries) < c.size {
			break
		}
		c.remove(victim)
	}
	c.entries[e.key] = e
	link(c.byKey, e.keys, e)
	link(c.byPrefix, e.prefixes, e)
}

func (c *Cache[T]) remove(e *entry[T]) {
	delete(c.entries, e.key)
	unlink(c.byKey, e.keys, e)
	unlink(c.byPrefix, e.prefixes, e)
}

func link[T any](index map[string]map[*entry[T]]struct{}, keys map[string]struct{}, e *entry[T]) {
	for k := range keys {
		set := index[k]
		if set == nil {
			set = map[*entry[T]]struct{}{}
			index[k] = set
		}
		set[e] = struct{}{}
	}
}

func unlink[T any](index map[string]map[*entry[T]]struct{}, keys map[string]struct{}, e *entry[T]) {
	for k := range keys {
		if set := index[k]; len(set) == 1 {
			delete(index, k)
		} else {
			delete(set, e)
		}
	}
}

// changed forgets the entries that depend on changed records.
func (c *Cache[T]) changed(changes []Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, change := range changes {
		for e := range c.loads {
			if e.dependsOn(change.Key) {
				e.stale = true
			}
		}
		for e := range c.byKey[change.Key] {
			c.remove(e)
		}
		if len(c.byPrefix) == 0 {
			continue
		}
		for i := range len(change.Key) + 1 {
			for e := range c.byPrefix[change.Key[:i]] {
				c.remove(e)
			}
		}
	}
}

func (e *entry[T]) dependsOn(key string) bool {
	if _, ok := e.keys[key]; ok {
		return true
	}
	for p := range e.prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

func (c *Cache[T]) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := range c.loads {
		e.stale = true
	}
	c.forget()
}

func (c *Cache[T]) forget() {
	c.entries = map[string]*entry[T]{}
	c.byKey = map[string]map[*entry[T]]struct{}{}
	c.byPrefix = map[string]map[*entry[T]]struct{}{}
}

// Len is the number of entries.
func (c *Cache[T]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}

// noting is the Reader of a load. What is read is noted before it is read, so
// that a change in between is not missed.
type noting[T any] struct {
	c *Cache[T]
	e *entry[T]
}

func (n *noting[T]) Get(ctx context.Context, key string) (Item, error) {
	n.c.mu.Lock()
	n.e.keys[key] = struct{}{}
	n.c.mu.Unlock()
	return n.c.store.Get(ctx, key)
}

func (n *noting[T]) List(ctx context.Context, r Range) ([]Item, error) {
	n.c.mu.Lock()
	n.e.prefixes[r.Prefix] = struct{}{}
	n.c.mu.Unlock()
	return n.c.store.List(ctx, r)
}
