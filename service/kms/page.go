package kms

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// A page is what the List operations share: Limit and Marker.
type page struct {
	after string // id of the last item of the page before
	limit int
}

// newPage reads Limit and Marker. A marker is the id of the last item, in base64
// behind a letter; it is no secret and gives no rights.
func newPage(limit *int32, marker *string, usual, most int) (page, error) {
	p := page{limit: usual}
	if limit != nil {
		p.limit = min(int(*limit), most)
	}
	if marker != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*marker)
		if err != nil || len(raw) < 2 || raw[0] != 'M' || strings.ContainsRune(string(raw), 0) {
			return p, wire.Errorf("InvalidMarkerException", "Could not deserialize marker '%s'", *marker)
		}
		p.after = string(raw[1:])
	}
	return p, nil
}

func markerAfter(id string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte("M" + id)))
}

// cut returns the page of a list in memory that is sorted by id.
func cut[T any](p page, items []T, id func(*T) string) (out []T, next *string) {
	out = []T{}
	for i := range items {
		if p.after != "" && id(&items[i]) <= p.after {
			continue
		}
		if len(out) == p.limit {
			return out, markerAfter(id(&out[len(out)-1]))
		}
		out = append(out, items[i])
	}
	return out, nil
}

// pageOf reads a page of the records whose ids begin with prefix.
func pageOf[T any](ctx context.Context, r store.Reader, c *store.Collection[T], prefix string, p page) (out []store.Entry[T], next *string, err error) {
	after := ""
	if p.after != "" {
		after = prefix + p.after
	}
	entries, err := c.List(ctx, r, prefix, after, p.limit+1)
	if err != nil {
		return nil, nil, err
	}
	if len(entries) > p.limit {
		entries = entries[:p.limit]
		next = markerAfter(strings.TrimPrefix(entries[len(entries)-1].ID, prefix))
	}
	return entries, next, nil
}

// pageBy reads a page of the records that have a value in an index.
func pageBy[T any](ctx context.Context, r store.Reader, c *store.Collection[T], index, value string, p page) (out []store.Entry[T], next *string, err error) {
	ids, err := c.By(ctx, r, index, value, p.after, p.limit+1)
	if err != nil {
		return nil, nil, err
	}
	if len(ids) > p.limit {
		ids = ids[:p.limit]
		next = markerAfter(ids[len(ids)-1])
	}
	for _, id := range ids {
		v, err := c.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted since the index was read
		} else if err != nil {
			return nil, nil, err
		}
		out = append(out, store.Entry[T]{ID: id, Value: v})
	}
	return out, next, nil
}
