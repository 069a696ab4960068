package iam

import (
	"context"

	"bartizan.dev/store"
)

// listPage reads one page of an account's records that keep passes, from a
// collection whose ids are account/name. It reads on until the page is full, so
// that a filter never gives a short page.
func listPage[T any](ctx context.Context, r store.Reader, c *store.Collection[T], account string, p page, keep func(*T) bool) (out []*T, truncated *bool, marker *string, err error) {
	const chunk = 200
	after, last := "", ""
	if p.after != "" {
		after = account + "/" + p.after
	}
	for {
		entries, err := c.List(ctx, r, account+"/", after, chunk)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, e := range entries {
			after = e.ID
			if !keep(e.Value) {
				continue
			}
			if len(out) == p.limit {
				return out, new(true), markerFor(last), nil
			}
			out = append(out, e.Value)
			last = e.ID[len(account)+1:]
		}
		if len(entries) < chunk {
			return out, new(false), nil, nil
		}
	}
}

// each calls f with all records of an account, a chunk at a time.
func each[T any](ctx context.Context, r store.Reader, c *store.Collection[T], account string, f func(*T)) error {
	const chunk = 200
	after := ""
	for {
		entries, err := c.List(ctx, r, account+"/", after, chunk)
		if err != nil {
			return err
		}
		for _, e := range entries {
			f(e.Value)
			after = e.ID
		}
		if len(entries) < chunk {
			return nil
		}
	}
}
