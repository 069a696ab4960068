// Package work does everything that happens later: each piece of work has a
// due time in the store, and one loop does what is due. Services hold no
// timers, so `bartizan dev advance` can move time forward.
package work

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock tells the time services live in. The zero value is the machine's time.
// How far it was moved is kept in memory only: the next process starts at the
// machine's time again.
type Clock struct {
	offset atomic.Int64
	mu     sync.Mutex
	moved  chan struct{}
}

// Now returns the current time in UTC.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC()
}

// Advance moves the clock forward by d, which must not be negative.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("work: Clock.Advance: time does not go back")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset.Add(int64(d))
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
}

// Moved returns a channel that is closed by the next Advance. Take it before
// Now: then no move is missed.
func (c *Clock) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	return c.moved
}
