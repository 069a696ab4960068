package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/store"
)

// watcher is a Watch under way.
type watcher struct {
	fn     func([]store.Change)
	forget func()
}

// A gate is a mutex that one need not wait for longer than a context.
type gate chan struct{}

func (g gate) Lock()   { g <- struct{}{} }
func (g gate) Unlock() { <-g }

func (g gate) LockContext(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const pollLimit = 10_000 // changes in one reading of the log

// Watch implements store.Store. It returns at once: fn is called for what is
// committed after that, until ctx ends. Neither fn nor forget may call Update or
// Fresh.
func (s *Store) Watch(ctx context.Context, fn func([]store.Change), forget func()) error {
	if s.ctx.Err() != nil {
		return store.ErrClosed
	}
	w := &watcher{fn, forget}
	s.deliver.Lock()
	s.watchers = append(s.watchers, w)
	s.deliver.Unlock()
	context.AfterFunc(ctx, func() {
		s.deliver.Lock()
		defer s.deliver.Unlock()
		s.watchers = slices.DeleteFunc(s.watchers, func(o *watcher) bool { return o == w })
	})
	return nil
}

// Fresh implements store.Store. It fails within a second when the database does
// not answer.
func (s *Store) Fresh(ctx context.Context) error {
	if s.fresh() {
		return nil
	}
	if s.ctx.Err() != nil {
		return store.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.deliver.LockContext(ctx); err != nil {
		return s.wrap(err)
	}
	defer s.deliver.Unlock()
	if s.fresh() { // somebody else has polled meanwhile
		return nil
	}
	return s.wrap(s.poll(ctx))
}

func (s *Store) fresh() bool {
	last := s.lastPoll.Load()
	return last != 0 && time.Since(s.born)-time.Duration(last) <= time.Second && s.ctx.Err() == nil
}

// poll delivers what was committed since the last time. The lock deliver is
// held.
func (s *Store) poll(ctx context.Context) error {
	begun := max(1, int64(time.Since(s.born)))
	for {
		log, err := s.readLog(ctx, s.delivered, pollLimit)
		if err != nil {
			return err
		}
		if log.floor > s.delivered || log.head < s.delivered {
			// Cut, or the database was put back to an earlier state.
			s.opt.Log.Warn("store: the change log does not reach back, forgetting all", "known", s.delivered, "floor", log.floor, "head", log.head)
			for _, w := range s.watchers {
				w.forget()
			}
			s.delivered = log.head
			break
		}
		if len(log.changes) == 0 {
			break
		}
		s.hand(log.changes)
	}
	s.lastPoll.Store(begun)
	return nil
}

// hand calls the watchers. The lock deliver is held.
func (s *Store) hand(changes []store.Change) {
	for _, w := range s.watchers {
		w.fn(slices.Clone(changes))
	}
	s.delivered = changes[len(changes)-1].Rev
}

// committed delivers a group of our own, and before it what other nodes
// committed earlier.
func (s *Store) committed(ctx context.Context, g *group) {
	s.deliver.Lock()
	defer s.deliver.Unlock()
	if s.delivered >= g.rev { // a poll was faster
		return
	}
	if s.delivered == g.base {
		s.hand(g.log)
		return
	}
	if err := s.poll(ctx); err != nil {
		s.lastPoll.Store(0) // nobody trusts what he knows until a poll succeeds
		s.opt.Log.Error("store: cannot read the change log", "error", err)
	}
}

// logPage is the change log after some revision, and its ends, all of one
// moment.
type logPage struct {
	head, floor int64
	changes     []store.Change
}

// readLog reads whole commits after rev, at most limit changes unless the first
// commit alone has more.
func (s *Store) readLog(ctx context.Context, rev int64, limit int) (logPage, error) {
	page, err := s.query(ctx, `SELECT h.rev, h.floor, c.rev, c.key, c.deleted FROM head h
		LEFT JOIN (SELECT rev, n, key, deleted FROM change WHERE rev > $1 ORDER BY rev, n LIMIT $2) c ON true ORDER BY c.rev, c.n`, rev, limit+1)
	if err != nil || len(page.changes) <= limit {
		return page, err
	}
	last := page.changes[limit].Rev
	whole := page.changes
	for len(whole) > 0 && whole[len(whole)-1].Rev == last {
		whole = whole[:len(whole)-1]
	}
	if page.changes = whole; len(whole) > 0 {
		return page, nil
	}
	return s.query(ctx, `SELECT h.rev, h.floor, c.rev, c.key, c.deleted FROM head h
		LEFT JOIN change c ON c.rev = $1 ORDER BY c.n`, last)
}

func (s *Store) query(ctx context.Context, sql string, args ...any) (page logPage, err error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return page, err
	}
	var (
		rev  *int64
		key  []byte
		gone *bool
	)
	_, err = pgx.ForEachRow(rows, []any{&page.head, &page.floor, &rev, &key, &gone}, func() error {
		if rev != nil {
			page.changes = append(page.changes, store.Change{Rev: *rev, Key: string(key), Deleted: *gone})
		}
		return nil
	})
	return page, err
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, rev int64, limit int) ([]store.Change, error) {
	if s.ctx.Err() != nil {
		return nil, store.ErrClosed
	}
	if limit < 1 {
		limit = pollLimit
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	page, err := s.readLog(ctx, rev, limit)
	if err != nil {
		return nil, s.wrap(err)
	}
	if rev < page.floor {
		return nil, fmt.Errorf("changes after revision %d: %w", rev, store.ErrNotFound)
	}
	return page.changes, nil
}

// pollLoop polls, sooner when a notification comes.
func (s *Store) pollLoop() {
	tick := time.NewTicker(s.opt.Poll)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		case <-s.kick:
		}
		s.deliver.Lock()
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		err := s.poll(ctx)
		cancel()
		s.deliver.Unlock()
		if s.ctx.Err() == nil && (err != nil) != failing {
			if failing = err != nil; failing {
				s.opt.Log.Error("store: cannot read the change log; what is cached is not used after a second", "error", err)
			} else {
				s.opt.Log.Info("store: reads the change log again")
			}
		}
	}
}

// listenLoop waits for notifications on a connection of its own.
func (s *Store) listenLoop() {
	for s.ctx.Err() == nil {
		if err := s.listen(); err != nil && s.ctx.Err() == nil {
			s.opt.Log.Info("store: no notifications, polling goes on", "error", err)
		}
		select {
		case <-s.ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (s *Store) listen() error {
	config := s.pool.Config().ConnConfig
	conn, err := pgx.ConnectConfig(s.ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(s.ctx))
	if _, err := conn.Exec(s.ctx, `LISTEN `+pgx.Identifier{s.opt.Schema}.Sanitize()); err != nil {
		return err
	}
	for {
		select {
		case s.kick <- struct{}{}: // also for what came before we listened
		default:
		}
		if _, err := conn.WaitForNotification(s.ctx); err != nil {
			return err
		}
	}
}
