package trail

import "context"

// Place is a place between two events, in the order in which an engine keeps
// them for reading on. Its numbers are the engine's own affair. The zero value is
// before all events.
type Place struct {
	Part   uint64
	Offset uint64
}

// Before reports whether p is before o.
func (p Place) Before(o Place) bool {
	return p.Part < o.Part || p.Part == o.Part && p.Offset < o.Offset
}

// Log is a trail that is read from a place on, once and in an order that does
// not change: what comes later comes behind what was read.
type Log interface {
	// End returns the place behind all that is there now and will stay: what is
	// before it survives a power cut.
	End(ctx context.Context) (Place, error)
	// Read calls fn for each event from one place to another, until fn returns
	// false, and returns the place behind the last event that fn has seen, or to.
	// The event is fn's only until it returns. Events that are past the time for
	// which they are kept are skipped.
	Read(ctx context.Context, from, to Place, fn func(*Event) bool) (Place, error)
}
