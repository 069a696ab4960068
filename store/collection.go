package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrExists is returned by Insert for an id that has a record.
	ErrExists = errors.New("store: exists already")
	// ErrNUL is returned for an id or an index value with a NUL byte.
	ErrNUL = errors.New("store: an id or index value holds a NUL byte")
)

// A Collection is a typed set of records: JSON documents under Name/id, and
// under Name.index/value\x00id an empty record for each value of each declared
// index. Record and index entries are written in one transaction.
//
// An id may contain slashes, and List takes a prefix of ids, so an id such as
// account/name gives each account a set of its own. Ids and index values with
// a NUL byte are refused with ErrNUL: they could pass for another record's.
type Collection[T any] struct {
	Name    string
	Indexes []Index[T]
}

// Index is a declared index: the values under which a record is found.
type Index[T any] struct {
	Name string
	Keys func(*T) []string
}

// Entry is a record with its id.
type Entry[T any] struct {
	ID    string
	Value *T
}

func (c *Collection[T]) key(id string) string { return c.Name + "/" + id }

func (c *Collection[T]) indexKey(index, value, id string) string {
	return c.Name + "." + index + "/" + value + "\x00" + id
}

// Get returns the record, or ErrNotFound.
func (c *Collection[T]) Get(ctx context.Context, r Reader, id string) (*T, error) {
	item, err := r.Get(ctx, c.key(id))
	if err != nil {
		return nil, err
	}
	return c.decode(item)
}

func (c *Collection[T]) decode(item Item) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(item.Value, v); err != nil {
		return nil, fmt.Errorf("store: record %q: %w", item.Key, err)
	}
	return v, nil
}

// Insert writes a new record, or returns ErrExists.
func (c *Collection[T]) Insert(ctx context.Context, tx Tx, id string, v *T) error {
	switch _, err := tx.Get(ctx, c.key(id)); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, ErrNotFound):
		return err
	}
	return c.write(ctx, tx, id, nil, v)
}

// Put writes a record, new or not.
func (c *Collection[T]) Put(ctx context.Context, tx Tx, id string, v *T) error {
	old, err := c.Get(ctx, tx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return c.write(ctx, tx, id, old, v)
}

// Delete removes a record; one that is absent is no error.
func (c *Collection[T]) Delete(ctx context.Context, tx Tx, id string) error {
	old, err := c.Get(ctx, tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return c.write(ctx, tx, id, old, nil)
}

// write replaces old by v; nil stands for no record.
func (c *Collection[T]) write(ctx context.Context, tx Tx, id string, old, v *T) error {
	if strings.Contains(id, "\x00") {
		return ErrNUL
	}
	for _, index := range c.Indexes {
		var before, after []string
		if old != nil {
			before = index.Keys(old)
		}
		if v != nil {
			after = index.Keys(v)
		}
		if err := c.reindex(ctx, tx, index.Name, id, before, after); err != nil {
			return err
		}
	}
	if v == nil {
		return tx.Delete(ctx, c.key(id))
	}
	doc, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: record %q: %w", c.key(id), err)
	}
	return tx.Put(ctx, c.key(id), doc)
}

func (c *Collection[T]) reindex(ctx context.Context, tx Tx, index, id string, before, after []string) error {
	for _, value := range before {
		if !slices.Contains(after, value) {
			if err := tx.Delete(ctx, c.indexKey(index, value, id)); err != nil {
				return err
			}
		}
	}
	for _, value := range after {
		if slices.Contains(before, value) {
			continue
		}
		if strings.Contains(value, "\x00") {
			return ErrNUL
		}
		if err := tx.Put(ctx, c.indexKey(index, value, id), nil); err != nil {
			return err
		}
	}
	return nil
}

// List returns the records whose ids begin with prefix and come after the id
// after, in the order of ids; limit 0 means all.
func (c *Collection[T]) List(ctx context.Context, r Reader, prefix, after string, limit int) ([]Entry[T], error) {
	rg := Range{Prefix: c.key(prefix), Limit: limit}
	if after != "" {
		rg.After = c.key(after)
	}
	items, err := r.List(ctx, rg)
	if err != nil {
		return nil, err
	}
	out := make([]Entry[T], 0, len(items))
	for _, item := range items {
		v, err := c.decode(item)
		if err != nil {
			return nil, err
		}
		out = append(out, Entry[T]{item.Key[len(c.Name)+1:], v})
	}
	return out, nil
}

// By returns the ids of the records that have the value in the index, in
// order, after the id after; limit 0 means all.
func (c *Collection[T]) By(ctx context.Context, r Reader, index, value, after string, limit int) ([]string, error) {
	if strings.Contains(value, "\x00") {
		return nil, ErrNUL
	}
	rg := Range{Prefix: c.indexKey(index, value, ""), Limit: limit}
	if after != "" {
		rg.After = rg.Prefix + after
	}
	items, err := r.List(ctx, rg)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(items))
	for _, item := range items {
		ids = append(ids, strings.TrimPrefix(item.Key, rg.Prefix))
	}
	return ids, nil
}

// OneBy returns the first record that has the value in the index, or
// ErrNotFound. Outside of a transaction the record may change between the
// reading of the index and its own; one that lost the value is not returned.
func (c *Collection[T]) OneBy(ctx context.Context, r Reader, index, value string) (Entry[T], error) {
	for range 3 {
		ids, err := c.By(ctx, r, index, value, "", 1)
		if err != nil {
			return Entry[T]{}, err
		}
		if len(ids) == 0 {
			break
		}
		v, err := c.Get(ctx, r, ids[0])
		if errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return Entry[T]{}, err
		}
		if slices.Contains(c.keys(index, v), value) {
			return Entry[T]{ids[0], v}, nil
		}
	}
	return Entry[T]{}, ErrNotFound
}

func (c *Collection[T]) keys(index string, v *T) []string {
	for _, i := range c.Indexes {
		if i.Name == index {
			return i.Keys(v)
		}
	}
	return nil
}
