package dns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Record types that the answers depend on.
const (
	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typeSOA   = 6
	typeAAAA  = 28
	typeOPT   = 41
	typeDS    = 43
	typeANY   = 255
)

// toQuestion is the compression pointer to the name of the question, which
// stands behind the header. All owners in answers are made from it.
const toQuestion = 0xC000 | headerLen

// zone is a zone made ready: every set is the bytes that an answer holds.
type zone struct {
	id, rank, name string
	names          map[string]*node // by owner, those between owner and apex included
	soa            set              // as negative answers hold it
}

type node struct {
	sets []set
	// cut is, at and below a delegation, the node that holds it.
	cut   *node
	wild  *node  // child whose label is *
	name  string // owner
	glue  []byte // addresses for a delegation, whole records
	glues uint16
}

// set is a set's records, each with toQuestion as owner. An answer under another
// owner replaces that.
type set struct {
	typ    uint16
	count  uint16
	wire   []byte
	target string // of a CNAME
	route  *route // instead of records
}

// route is a choice of sets.
type route struct {
	policy Policy
	total  uint64
	to     []choice
}

type choice struct {
	weight uint32
	set    *set
}

var errZone = errors.New("dns: zone cannot be compiled")

func compile(in *Zone) (*zone, error) {
	z := &zone{id: in.ID, rank: in.Rank, name: in.Name, names: make(map[string]*node, len(in.Sets))}
	apex := z.node(in.Name)
	type key struct {
		owner string
		typ   uint16
	}
	routes := map[key][]*Set{}
	var order []key
	for i := range in.Sets {
		s := &in.Sets[i]
		if !under(s.Owner, in.Name) {
			return nil, fmt.Errorf("%w: %q is not in %q", errZone, s.Owner, in.Name)
		}
		k := key{s.Owner, s.Type}
		if routes[k] == nil {
			order = append(order, k)
		}
		routes[k] = append(routes[k], s)
	}
	for _, k := range order {
		n := z.node(k.owner)
		n.sets = append(n.sets, z.leaf(routes[k]))
	}
	// Aliases point at sets, which do not move any more.
	for _, k := range order {
		if list := routes[k]; list[0].Route.Policy != Simple || list[0].Alias != "" {
			n := z.names[k.owner]
			n.find(k.typ).route = z.route(list)
		}
	}
	if soa := apex.find(typeSOA); soa != nil {
		z.soa = negative(*soa)
	} else {
		return nil, fmt.Errorf("%w: %q has no SOA", errZone, in.Name)
	}
	z.delegate(apex)
	return z, nil
}

// node returns the node of an owner, and makes those above it.
func (z *zone) node(owner string) *node {
	n := z.names[owner]
	if n != nil {
		return n
	}
	n = &node{name: owner}
	z.names[owner] = n
	if owner != z.name {
		up := z.node(owner[1+owner[0]:])
		if owner[0] == 1 && owner[1] == '*' {
			up.wild = n
		}
	}
	return n
}

func under(name, apex string) bool {
	for len(name) > len(apex) {
		name = name[1+name[0]:]
	}
	return name == apex
}

func (n *node) find(typ uint16) *set {
	for i := range n.sets {
		if n.sets[i].typ == typ {
			return &n.sets[i]
		}
	}
	return nil
}

// leaf is a simple set, or the place of a policy's.
func (z *zone) leaf(list []*Set) set {
	if s := list[0]; s.Route.Policy == Simple && s.Alias == "" {
		return records(s)
	}
	return set{typ: list[0].Type}
}

func records(s *Set) set {
	out := set{typ: s.Type, count: uint16(len(s.Data))}
	for _, data := range s.Data {
		out.wire = record(out.wire, s.Type, s.TTL, data)
	}
	if s.Type == typeCNAME && len(s.Data) > 0 {
		out.target = strings.ToLower(string(s.Data[0]))
	}
	return out
}

func record(b []byte, typ uint16, ttl uint32, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, toQuestion)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, classIN)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// route makes the choice of a policy's sets. An alias whose target is not there
// is left out: who picks it has no answer.
func (z *zone) route(list []*Set) *route {
	r := &route{policy: list[0].Route.Policy}
	for _, s := range list {
		c := choice{weight: s.Route.Weight}
		if s.Alias != "" && r.policy == Multivalue {
			continue // several values are several sets; aliases among them could go in circles
		}
		if s.Alias != "" {
			c.set = z.target(s)
		} else {
			leaf := records(s)
			c.set = &leaf
		}
		r.total += uint64(c.weight)
		r.to = append(r.to, c)
	}
	return r
}

func (z *zone) target(s *Set) *set {
	if !under(s.Alias, z.name) {
		return nil
	}
	n, up := z.lookup([]byte(s.Alias))
	if n == nil {
		n = up.wild
	}
	if n == nil {
		return nil
	}
	return n.find(s.Type)
}

// negative is the SOA of a negative answer: its TTL is at most the field
// MINIMUM (RFC 2308, section 3).
func negative(soa set) set {
	wire := append([]byte(nil), soa.wire...)
	if len(wire) >= 16 {
		ttl := min(binary.BigEndian.Uint32(wire[6:]), binary.BigEndian.Uint32(wire[len(wire)-4:]))
		binary.BigEndian.PutUint32(wire[6:], ttl)
	}
	soa.wire = wire
	return soa
}

// delegate marks what lies at and below the zone's cuts (RFC 1034, section
// 4.2.1), and collects the addresses of name servers below them.
func (z *zone) delegate(apex *node) {
	for name, n := range z.names {
		for up := name; up != z.name; up = up[1+up[0]:] {
			// The cut nearest to the apex counts.
			if at := z.names[up]; at != apex && at.find(typeNS) != nil && up[:2] != "\x01*" {
				n.cut = at
			}
		}
	}
	for _, n := range z.names {
		if n.cut != n {
			continue
		}
		for _, target := range targets(n.find(typeNS).wire) {
			at := z.names[target]
			if at == nil || at.cut == nil {
				continue
			}
			for _, typ := range []uint16{typeA, typeAAAA} {
				if s := at.find(typ); s != nil && s.route == nil {
					n.glue = appendGlue(n.glue, target, s.wire)
					n.glues += s.count
				}
			}
		}
	}
}

// targets are the data of records: names.
func targets(wire []byte) (out []string) {
	for len(wire) >= recordLen {
		end := recordLen + int(binary.BigEndian.Uint16(wire[10:]))
		out = append(out, strings.ToLower(string(wire[recordLen:end])))
		wire = wire[end:]
	}
	return out
}

// appendGlue appends records under an owner that is written out.
func appendGlue(b []byte, owner string, wire []byte) []byte {
	for len(wire) >= recordLen {
		end := recordLen + int(binary.BigEndian.Uint16(wire[10:]))
		b = append(append(b, owner...), wire[2:end]...)
		wire = wire[end:]
	}
	return b
}

// lookup returns the node of a name in the zone, or else its closest encloser
// (RFC 4592, section 3.3.1).
func (z *zone) lookup(name []byte) (exact, encloser *node) {
	if n := z.names[string(name)]; n != nil {
		return n, n
	}
	for len(name) > len(z.name) {
		name = name[1+name[0]:]
		if n := z.names[string(name)]; n != nil {
			return nil, n
		}
	}
	return nil, nil
}
