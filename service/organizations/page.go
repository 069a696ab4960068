package organizations

import (
	"context"
	"encoding/base64"
	"errors"

	"bartizan.dev/store"
)

// A page is what all List operations share: MaxResults and NextToken.
type page struct {
	after string // where the page before ended
	limit int
}

// newPage reads MaxResults and NextToken. A token is the id of the last item, in
// base64; it is no secret and gives no rights.
func newPage(max *int32, token *string) (page, error) {
	p := page{limit: maxPageItems}
	if max != nil {
		p.limit = int(*max)
	}
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) == 0 || len(raw) > 512 {
			return p, invalid("INVALID_NEXT_TOKEN", "You specified an invalid value for nextToken. You must get the value from the response to a previous call of the API.")
		}
		p.after = string(raw)
	}
	return p, nil
}

func tokenAfter(id string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte(id)))
}

// cut returns the items of a page out of a sorted list that is in memory, and
// the token of the next page. id gives an item's place in the order.
func cut[T any](p page, items []T, id func(T) string) (out []T, next *string) {
	out = []T{}
	for _, item := range items {
		if p.after != "" && id(item) <= p.after {
			continue
		}
		if len(out) == p.limit {
			return out, tokenAfter(id(out[len(out)-1]))
		}
		out = append(out, item)
	}
	return out, nil
}

// pageBy reads a page of the records that have a value in an index.
func pageBy[T any](ctx context.Context, r store.Reader, c *store.Collection[T], index, value string, p page) (out []*T, next *string, err error) {
	ids, err := c.By(ctx, r, index, value, p.after, p.limit+1)
	if err != nil {
		return nil, nil, err
	}
	if len(ids) > p.limit {
		ids = ids[:p.limit]
		next = tokenAfter(ids[len(ids)-1])
	}
	for _, id := range ids {
		v, err := c.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted since the index was read
		} else if err != nil {
			return nil, nil, err
		}
		out = append(out, v)
	}
	return out, next, nil
}
