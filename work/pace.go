package work

import (
	"sync"
	"time"
)

// Pace keeps what is done for others below a rate, on this node. The zero value
// is ready.
type Pace struct {
	mu   sync.Mutex
	next map[string]time.Time
}

// Take reports whether id may be done once more now, at most rate times a second.
// Up to a second's worth comes at once.
func (p *Pace) Take(id string, rate int32, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil || len(p.next) > 10_000 {
		p.next = map[string]time.Time{}
	}
	next := p.next[id]
	if next.Before(now) {
		next = now
	}
	if next.Sub(now) >= time.Second {
		return false
	}
	p.next[id] = next.Add(time.Second / time.Duration(rate))
	return true
}

// Reset forgets what was taken.
func (p *Pace) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = nil
}
