package metadata

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// patience is how long a caller with usable credentials waits for newer ones:
	// SDKs give the metadata service one second.
	patience = 800 * time.Millisecond
	// fetchTime bounds one question to a source.
	fetchTime = 20 * time.Second
	// rest is how long a source that failed is left alone, if there are
	// credentials to go on with.
	rest = 15 * time.Second
)

// refresher keeps credentials fresh. New ones are asked for when half of their
// life is over, a little earlier or later on each host, so that a thousand hosts
// do not ask at once. When the source fails, the last good ones are served until
// they end.
type refresher struct {
	source Source
	now    func() time.Time
	failed func(error)

	mu      sync.Mutex
	good    Credentials
	got     time.Time // when good came
	due     time.Time // when newer ones are wanted
	waiting chan struct{}
	err     error // of the last question
}

func (p *Plane) refresher(s Source) *refresher {
	return &refresher{source: s, now: p.now, failed: func(err error) { p.log.Warn("no new credentials", "cause", err) }}
}

// get returns credentials that have not ended, and when they came.
func (r *refresher) get(ctx context.Context) (Credentials, time.Time, error) {
	r.mu.Lock()
	now := r.now()
	usable := now.Before(r.good.Expires)
	if usable && now.Before(r.due) {
		defer r.mu.Unlock()
		return r.good, r.got, nil
	}
	wait := r.waiting
	if wait == nil {
		wait = make(chan struct{})
		r.waiting = wait
		go r.fetch(context.WithoutCancel(ctx), wait)
	}
	r.mu.Unlock()

	if usable {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	var late error
	select {
	case <-wait:
	case <-ctx.Done():
		late = ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Before(r.good.Expires) {
		return r.good, r.got, nil
	}
	if late != nil {
		return Credentials{}, time.Time{}, late
	}
	return Credentials{}, time.Time{}, r.err
}

// fetch asks the source once and wakes those who wait.
func (r *refresher) fetch(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	c, err := r.source(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if err == nil && !now.Before(c.Expires) {
		err = errEnded
	}
	if r.err = err; err != nil {
		r.due = now.Add(rest)
		r.failed(err)
	} else {
		half := c.Expires.Sub(now) / 2
		r.good, r.got = c, now
		r.due = now.Add(half - rand.N(half/5+1))
	}
	r.waiting = nil
	close(done)
}

var errEnded = errors.New("metadata: the source gave credentials that had ended")

// ended reports whether there is nothing worth keeping.
func (r *refresher) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting == nil && !r.now().Before(r.good.Expires)
}
