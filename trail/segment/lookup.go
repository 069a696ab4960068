package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"bartizan.dev/trail"
)

// finder finds the places of one key in one segment; view and sealed are the
// two kinds.
type finder interface {
	// before returns the newest n places older than p and not older than start,
	// newest first. Fewer than n means there are no more.
	before(p trail.Position, start int64, n int) ([]place, error)
}

// cursor walks one segment's places from the newest to the oldest.
type cursor struct {
	no     uint32
	max    int64 // latest time in the segment
	finder finder
	index  indexHeader
	files  []*os.File // open while the cursor is in use
	data   *os.File
	places []place
	done   bool // finder has nothing after places
}

// Lookup implements trail.Trail. A record that cannot be read is an error, not
// a gap in the answer.
func (t *Trail) Lookup(ctx context.Context, q trail.Query) (trail.Page, error) {
	if err := q.Check(); err != nil {
		return trail.Page{}, err
	}
	from, err := q.From()
	if err != nil {
		return trail.Page{}, err
	}
	cursors, err := t.cursors(&q)
	if err != nil {
		return trail.Page{}, err
	}
	defer func() {
		for _, c := range cursors {
			c.close()
		}
	}()
	l := lookup{t: t, ctx: ctx, q: &q, waiting: cursors, from: from}
	l.start, _ = q.Bounds()
	page, err := l.run()
	if err != nil {
		return trail.Page{}, fmt.Errorf("trail: lookup: %w", err)
	}
	return page, nil
}

// cursors returns one for each segment, by latest time, the latest first. What
// is appended afterwards they do not see.
func (t *Trail) cursors(q *trail.Query) ([]*cursor, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, trail.ErrClosed
	}
	k := key(scope(t.seed, q.Account, q.Region), q.Attribute, q.Value)
	out := make([]*cursor, 0, len(t.list))
	for _, s := range t.list {
		c := &cursor{no: s.no, max: s.index.max, index: s.index}
		if s.memory != nil {
			c.max, c.finder = s.memory.max(), s.memory.view(k)
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *cursor) int { return cmp.Or(cmp.Compare(b.max, a.max), cmp.Compare(b.no, a.no)) })
	return out, nil
}

// lookup merges the segments' places. Segments follow each other in time but
// for events that were appended out of order, so mostly one or two are active.
type lookup struct {
	t       *Trail
	ctx     context.Context
	q       *trail.Query
	from    trail.Position // everything returned is older
	start   int64          // and not older than this
	waiting []*cursor      // by latest time
	active  []*cursor
	page    trail.Page
}

func (l *lookup) run() (trail.Page, error) {
	for {
		c, err := l.newest()
		if err != nil || c == nil {
			return l.page, err
		}
		p := c.places[0]
		e, err := c.read(l.t.dir, p)
		if errors.Is(err, os.ErrNotExist) { // removed as past its time just now
			l.drop(c)
			continue
		}
		if err != nil {
			return l.page, err
		}
		c.places = c.places[1:]
		if !l.q.Matches(&e) { // another value with the same hash
			l.from = p.Position
			continue
		}
		if len(l.page.Events) == l.q.Limit {
			l.page.Next = l.q.NextToken(l.from)
			return l.page, nil
		}
		l.page.Events = append(l.page.Events, e)
		l.from = p.Position
	}
}

// newest returns the cursor that stands at the newest place, or nil.
func (l *lookup) newest() (*cursor, error) {
	for {
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
		var best *cursor
		for _, c := range slices.Clone(l.active) {
			if err := l.advance(c); err != nil {
				return nil, err
			}
			if len(c.places) == 0 {
				l.drop(c)
			} else if best == nil || best.places[0].Before(c.places[0].Position) {
				best = c
			}
		}
		if len(l.waiting) == 0 || l.waiting[0].max < l.start || best != nil && l.waiting[0].max < best.places[0].Time {
			return best, nil
		}
		next := l.waiting[0]
		l.waiting = l.waiting[1:]
		if next.finder == nil && next.index.min > l.from.Time {
			continue
		}
		if err := next.open(l.t.dir, l.q); err != nil {
			return nil, err
		}
		l.active = append(l.active, next)
	}
}

// advance fetches places when c has none left.
func (l *lookup) advance(c *cursor) (err error) {
	if len(c.places) > 0 || c.done {
		return nil
	}
	n := l.q.Limit + 1 - len(l.page.Events)
	c.places, err = c.finder.before(l.from, l.start, n)
	c.done = len(c.places) < n
	return err
}

func (l *lookup) drop(c *cursor) {
	c.close()
	l.active = slices.DeleteFunc(l.active, func(a *cursor) bool { return a == c })
}

// open finds the key in the index file, if the segment is sealed.
func (c *cursor) open(dir string, q *trail.Query) error {
	if c.finder != nil {
		return nil
	}
	k := key(scope(c.index.seed, q.Account, q.Region), q.Attribute, q.Value)
	s, err := openSealed(dir, c.index, k)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", indexName(c.no), err)
	}
	if s == nil {
		c.done = true
		return nil
	}
	c.files = append(c.files, s.f)
	c.finder = s
	return nil
}

// read returns the event at p.
func (c *cursor) read(dir string, p place) (trail.Event, error) {
	if c.data == nil {
		f, err := os.Open(filepath.Join(dir, segmentName(c.no)))
		if err != nil {
			return trail.Event{}, err
		}
		c.data = f
		c.files = append(c.files, f)
	}
	if p.len < headSize+minRecord || p.len > headSize+maxRecord {
		return trail.Event{}, fmt.Errorf("%s: %w", indexName(c.no), errIndex)
	}
	b := make([]byte, p.len)
	if _, err := c.data.ReadAt(b, int64(p.off)); err != nil {
		return trail.Event{}, fmt.Errorf("%s at %d: %w", segmentName(c.no), p.off, err)
	}
	var e trail.Event
	n, err := frame(b)
	if err == nil && n != len(b) {
		err = errTorn
	}
	if err == nil {
		err = decode(b, &e)
	}
	if err == nil && e.Time.UnixNano() != p.Time {
		err = errIndex
	}
	if err != nil {
		return e, fmt.Errorf("%s at %d: %w", segmentName(c.no), p.off, err)
	}
	return e, nil
}

func (c *cursor) close() {
	for _, f := range c.files {
		f.Close()
	}
	c.files, c.data = nil, nil
}
