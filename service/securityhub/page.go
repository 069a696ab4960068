package securityhub

import (
	"context"

	"bartizan.dev/store"
)

// page goes through a list that is sorted by ids.
type page struct {
	from  string
	limit int
	n     int
	last  string
}

func newPage(limit *int32, token *string) (*page, error) {
	m, err := readMark(token)
	if err != nil {
		return nil, err
	}
	p := &page{limit: 100}
	if m != nil {
		p.from = m.Key
	}
	if limit != nil {
		p.limit = int(*limit)
	}
	return p, nil
}

// after says that an id is on this page or a later one.
func (p *page) after(id string) bool { return id > p.from }

// full says that there is no more room, or counts the id in.
func (p *page) full(id string) bool {
	if p.n == p.limit {
		return true
	}
	p.n, p.last = p.n+1, id
	return false
}

func (p *page) next() *string { return (&mark{Key: p.last}).token() }

// listPage shows a page of the records with a prefix; show gets ids without it.
func listPage[T any](ctx context.Context, r store.Reader, c *store.Collection[T], prefix string, limit *int32, token *string, show func(id string, v *T)) (*string, error) {
	pg, err := newPage(limit, token)
	if err != nil {
		return nil, err
	}
	after := ""
	if pg.from != "" {
		after = prefix + pg.from
	}
	list, err := c.List(ctx, r, prefix, after, pg.limit+1)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		id := e.ID[len(prefix):]
		if pg.full(id) {
			return pg.next(), nil
		}
		show(id, e.Value)
	}
	return nil, nil
}
