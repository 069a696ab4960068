package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// maxPending is how many sightings wait at most; a flow more settles the oldest.
const maxPending = 256

// pending is a sighting in a flow that something which comes later may explain: the
// other direction, that is logged after it.
type pending struct {
	due   logs.Time
	event Event
	flow  logs.Flow
	what  Sighting
	still func() bool
}

// Later raises s a while after this flow, as the time of events goes, or when the
// findings are asked for, if it still holds then.
func (ev *Event) Later(wait logs.Time, s *Sighting, still func() bool) {
	e, f := ev.engine, ev.Flow
	if len(e.pending) == maxPending {
		e.settle(e.pending[0].due)
	}
	p := &pending{due: e.now + wait, event: *ev, flow: *f, what: *s, still: still}
	for _, text := range []*string{&p.flow.Account, &p.flow.Interface, &p.flow.Status, &p.flow.VPC, &p.flow.Subnet, &p.flow.Instance, &p.flow.Type, &p.flow.Region, &p.flow.Zone,
		&p.flow.PktSrcService, &p.flow.PktDstService, &p.flow.RejectReason, &p.flow.Application} {
		*text = strings.Clone(*text) // it would keep the buffers of logs
	}
	p.event.Flow = &p.flow
	e.pending = append(e.pending, p)
}

// settle raises what was due by a time, if it still holds.
func (e *Engine) settle(by logs.Time) {
	n := 0
	for ; n < len(e.pending) && e.pending[n].due <= by; n++ {
		if p := e.pending[n]; p.still() {
			p.event.Raise(&p.what)
		}
	}
	e.pending = append(e.pending[:0:0], e.pending[n:]...)
}
