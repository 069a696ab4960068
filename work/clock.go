// Package work does everything that happens later: each piece of work has a
// due time in the store, and one loop does what is due. Services hold no
// timers, so `bartizan dev advance` can move time forward.
package work

import (
	"sync/atomic"
	"time"
)

// Clock tells the time services live in. The zero value is the machine's time.
type Clock struct{ offset atomic.Int64 }

// Now returns the current time in UTC.
func (c *Clock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load())).UTC()
}

// Offset is how far Advance has moved the clock.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Advance moves the clock forward by d, which must not be negative.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("work: Clock.Advance: time does not go back")
	}
	c.offset.Add(int64(d))
}
