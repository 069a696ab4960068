package signin

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"bartizan.dev/store"
)

// A limit says how many failures are free and how long the next attempt must
// wait after more: one second, then twice as long each time, up to longestWait.
// The wait begins with the failure, so who waits is never locked out for good.
//
// AWS does not document what it does. This keeps what OWASP's ASVS 4.0.3 asks
// for in 2.2.1 (no more than 100 failures an hour on one account) with the
// least to gain for who wants to lock somebody else out: one source alone is
// slowed down long before the user is, and a user who has signed in from a source
// before does not wait there for the failures of others elsewhere.
// https://github.com/OWASP/ASVS/blob/v4.0.3/4.0/en/0x11-V2-Authentication.md
type limit struct {
	kind string
	free int
}

const (
	longestWait = 15 * time.Minute
	// attemptsKept is how long failures are remembered after the last one.
	attemptsKept = time.Hour
	// knownFor is how long a source is, from which the user has signed in.
	knownFor = 30 * 24 * time.Hour
)

// wait is how long after the count-th failure the next attempt may come.
func (l limit) wait(count int) time.Duration {
	over := count - l.free
	if over < 0 {
		return 0
	}
	if over > 10 {
		return longestWait
	}
	return min(time.Second<<over, longestWait)
}

// guess names who tries and what: the failures that one attempt is counted
// with.
type guess struct {
	limits [3]limit
	ids    [3]string
	known  string       // id of the record that the user has signed in from the source
	before [3]time.Time // when the failures before this attempt ended
	at     time.Time    // when it began
}

// newGuess is an attempt on a user of an account, from a source. Names that
// nobody has are counted like those of users, or the wait would tell them
// apart.
func newGuess(account, name string, source netip.Addr) *guess {
	if source.Is6() { // whoever has one address has the /64
		if p, err := source.Prefix(64); err == nil {
			source = p.Addr()
		}
	}
	who := account + "/" + strings.ToLower(name)
	return &guess{
		limits: [3]limit{{"pair", 5}, {"user", 20}, {"source", 50}},
		ids:    [3]string{hashed("pair", who, source.String()), hashed("user", who), hashed("source", source.String())},
		known:  hashed("known", who, source.String()),
	}
}

// begin counts an attempt as a failure before it is known to be one, so that
// many at a time are counted as well. It returns how long to wait instead, if
// there were too many before.
func (s *Service) begin(ctx context.Context, g *guess) (wait time.Duration, err error) {
	now := s.Clock.Now()
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		wait = 0
		var found [3]attempts
		before, err := s.attempts.Get(ctx, tx, g.known)
		known := err == nil && now.Sub(before.Last) < knownFor
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		for i, id := range g.ids {
			a, err := s.attempts.Get(ctx, tx, id)
			if errors.Is(err, store.ErrNotFound) || err == nil && now.Sub(a.Last) >= attemptsKept {
				continue
			} else if err != nil {
				return err
			}
			found[i] = *a
			if known && g.limits[i].kind == "user" {
				continue
			}
			wait = max(wait, a.Last.Add(g.limits[i].wait(a.Count)).Sub(now))
		}
		if wait > 0 {
			return nil
		}
		for i, id := range g.ids {
			g.before[i], g.at = found[i].Last, now
			a := attempts{Count: found[i].Count + 1, Last: now}
			if err := s.attempts.Put(ctx, tx, id, &a); err != nil {
				return err
			}
			if err := s.forget(ctx, tx, s.attempts.Name, id, now.Add(attemptsKept)); err != nil {
				return err
			}
		}
		return nil
	})
	return wait, err
}

// succeed takes back the count of an attempt that was none. When all is shown
// that is asked for, the user's failures are forgotten; before, with a right
// password and no second factor, they are not: whoever has stolen the password
// must not get more guesses at the code by it.
func (s *Service) succeed(ctx context.Context, g *guess, all bool) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if all {
			now := s.Clock.Now()
			if err := s.attempts.Put(ctx, tx, g.known, &attempts{Last: now}); err != nil {
				return err
			}
			if err := s.forget(ctx, tx, s.attempts.Name, g.known, now.Add(knownFor)); err != nil {
				return err
			}
		}
		for i, id := range g.ids {
			if all && g.limits[i].kind != "source" {
				if err := s.attempts.Delete(ctx, tx, id); err != nil {
					return err
				}
				continue
			}
			a, err := s.attempts.Get(ctx, tx, id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			if a.Count = max(0, a.Count-1); a.Last.Equal(g.at) { // nobody failed meanwhile
				a.Last = g.before[i]
			}
			if err := s.attempts.Put(ctx, tx, id, a); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
