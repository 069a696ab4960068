// Package dns is the authoritative DNS plane: it answers queries from zones that
// are compiled once, over UDP and TCP. It keeps nothing but the zones it was
// given last, and never waits for who gives them.
//
//   - plane.go: what it is given; compile.go: zones made ready.
//   - query.go: what a query says; answer.go: what it is answered.
//   - listen.go, udp.go, tcp.go: the sockets.
package dns

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Zone is a zone as the control plane holds it. Names are in wire form, in lower
// case, with the root's zero at the end.
type Zone struct {
	ID   string
	Rank string // of zones of one name, the one with the lowest rank answers
	Name string
	Sets []Set
}

// Set is a resource record set. Several of one owner and type are one routing
// policy, and must all have the same one.
type Set struct {
	Owner string
	Type  uint16
	TTL   uint32
	Data  [][]byte // wire form, without compression
	Alias string   // owner of the set of the same type that answers instead; Data is empty
	Route Route
}

// Policy is a routing policy.
type Policy uint8

const (
	Simple     Policy = iota
	Weighted          // one set, with a chance of its weight among all weights
	Multivalue        // up to eight sets, in random order
)

// Route is what a set's routing policy says of it.
type Route struct {
	Policy Policy
	Weight uint32
}

// Plane answers queries.
type Plane struct {
	mu    sync.Mutex         // of writers
	all   map[string]*zone   // by id; owned by writers
	names map[string][]*zone // by name, in order of rank; owned by writers
	table atomic.Pointer[table]
}

// table is what queries read. It is never changed, only replaced.
type table struct {
	zones map[string]*zone
}

// New returns a plane without zones, which refuses every query.
func New() *Plane {
	p := &Plane{all: map[string]*zone{}, names: map[string][]*zone{}}
	p.table.Store(&table{})
	return p
}

// Apply takes zones that are new or have changed, and forgets those whose ids
// are in gone. All of it is seen at once. A zone that cannot be compiled changes
// nothing of the plane.
func (p *Plane) Apply(zones []Zone, gone []string) error {
	compiled := make([]*zone, len(zones))
	for i := range zones {
		z, err := compile(&zones[i])
		if err != nil {
			return err
		}
		compiled[i] = z
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	touched := map[string]bool{}
	drop := func(id string) {
		if old := p.all[id]; old != nil {
			touched[old.name] = true
			delete(p.all, id)
			p.names[old.name] = slices.DeleteFunc(p.names[old.name], func(z *zone) bool { return z == old })
		}
	}
	for _, id := range gone {
		drop(id)
	}
	for _, z := range compiled {
		drop(z.id)
		touched[z.name] = true
		p.all[z.id] = z
		at, _ := slices.BinarySearchFunc(p.names[z.name], z, func(a, b *zone) int { return strings.Compare(a.rank, b.rank) })
		p.names[z.name] = slices.Insert(p.names[z.name], at, z)
	}
	old := p.table.Load().zones
	t := &table{zones: make(map[string]*zone, len(old)+len(compiled))}
	for name, z := range old {
		if !touched[name] {
			t.zones[name] = z
		}
	}
	for name := range touched {
		if list := p.names[name]; len(list) > 0 {
			t.zones[name] = list[0]
		} else {
			delete(p.names, name)
		}
	}
	p.table.Store(t)
	return nil
}
