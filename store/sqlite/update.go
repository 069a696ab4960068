package sqlite

import (
	"context"
	"errors"
	"runtime"

	"bartizan.dev/store"
)

// maxGroup is how many bytes of writes may gather before transactions wait.
const maxGroup = 16 << 20

// A group is the transactions that share a commit.
type group struct {
	*store.Batch                  // what they wrote, over what is behind
	commits      [][]store.Change // of each transaction that wrote
	done         chan struct{}    // closed when the outcome is known
	err          error            // the outcome
	again        bool             // it has read what was not committed: run it again
}

func newGroup(base store.Reader) *group {
	return &group{Batch: store.NewBatch(base), done: make(chan struct{})}
}

func (g *group) end(err error, again bool) {
	g.err, g.again = err, again
	close(g.done)
}

// tip reads what SQLite has, for transactions.
type tip struct{ s *Store }

func (t tip) Get(ctx context.Context, key string) (store.Item, error) {
	if err := ctx.Err(); err != nil {
		return store.Item{}, err
	}
	return t.s.reads.get(key)
}

func (t tip) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.s.reads.list(r)
}

// Update implements store.Store. fn runs on the caller's goroutine.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	for tries := 0; ; tries++ {
		g, rev, wrote, err := s.run(ctx, fn)
		if g == nil {
			return rev, err
		}
		<-g.done // even if ctx ends: the caller must know the outcome
		switch {
		case g.err == nil && err != errBusy:
			return rev, err
		case g.err != nil && (wrote && !g.again || tries == 8):
			return 0, g.err
		}
	}
}

// errBusy says that so much has gathered that a transaction must wait.
var errBusy = errors.New("store: busy")

// run runs fn when it is its turn. It returns the group whose outcome decides
// whether what fn read and wrote has happened, or nil if there is none to wait
// for.
func (s *Store) run(ctx context.Context, fn func(store.Tx) error) (g *group, rev int64, wrote bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, false, err
	}
	s.coming.Add(1)
	defer s.gone()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, false, ctx.Err()
	}
	defer func() { <-s.turn }()
	switch {
	case s.closed.Load():
		return nil, 0, false, store.ErrClosed
	case s.broken != nil:
		return nil, 0, false, s.broken
	case s.open.Bytes() > maxGroup:
		return s.open, 0, false, errBusy
	}
	tx := store.NewBatch(s.open)
	if err := fn(tx); err != nil {
		return s.unsettled(), 0, false, err
	}
	if tx.Len() == 0 {
		return s.unsettled(), s.next, false, nil
	}
	s.next++
	s.open.commits = append(s.open.commits, s.open.Absorb(tx, s.next))
	if len(s.open.commits) == enough {
		s.urgent.Store(true)
		s.nudge()
	}
	return s.open, s.next, true, nil
}

// enough transactions have gathered for a commit that waits for no more.
const enough = 128

// gone is called by each that came for a turn. The last of them wakes the
// committer: as long as others are about to join, its fsync can wait for them.
func (s *Store) gone() {
	if s.coming.Add(-1) == 0 {
		s.nudge()
	}
}

func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// unsettled returns the newest group that a transaction may have read from and
// that is not on the disk, or nil.
func (s *Store) unsettled() *group {
	if s.open.Len() > 0 {
		return s.open
	}
	return s.behind
}

// committer commits what gathers until the store closes.
func (s *Store) committer() {
	defer close(s.stopped)
	for {
		select {
		case <-s.wake:
			// Those whom the last commit released come back now, if at all.
			runtime.Gosched()
			if s.coming.Load() == 0 || s.urgent.Load() {
				s.commit()
			}
		case <-s.closing:
			s.commit()
			return
		}
	}
}

// commit writes the group that has gathered, while the next one gathers on top
// of it.
func (s *Store) commit() {
	s.turn <- struct{}{}
	g := s.open
	if g.Len() == 0 {
		<-s.turn
		return
	}
	s.behind, s.open = g, newGroup(g)
	s.urgent.Store(false)
	<-s.turn

	last := g.commits[len(g.commits)-1][0].Rev
	err := s.write(g, last)

	s.turn <- struct{}{}
	s.behind = nil
	if err == nil {
		s.open.Rebase(tip{s}) // SQLite has it now
	} else {
		s.next = g.commits[0][0].Rev - 1
		if lostSync(err) {
			s.broken = errors.Join(errors.New("store: the disk did not keep a commit; no more writes until a restart has found out what it holds"), err)
		}
		s.open.end(err, true)
		s.open = newGroup(tip{s})
	}
	<-s.turn

	if err == nil {
		for _, changes := range g.commits {
			s.log.Append(changes[0].Rev, changes)
		}
	}
	g.end(err, false)
}

// write makes the group one durable SQLite transaction.
func (s *Store) write(g *group, rev int64) (err error) {
	if err := s.writer.exec(begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// After some errors SQLite has rolled back itself, and this one fails.
			// https://sqlite.org/lang_transaction.html
			_ = s.writer.exec(rollback)
		}
	}()
	err = g.Each(func(key string, value []byte, rev int64, deleted bool) error {
		if deleted {
			return s.writer.exec(del, []byte(key))
		}
		if value == nil {
			value = []byte{} // the driver writes nil as NULL
		}
		return s.writer.exec(put, []byte(key), value, rev)
	})
	if err != nil {
		return err
	}
	if err := s.writer.exec(setRev, rev); err != nil {
		return err
	}
	return s.writer.exec(commit)
}
