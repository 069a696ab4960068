package dns

import (
	"encoding/binary"
	"math/rand/v2"
)

// maxChain is how many CNAME records one answer follows.
const maxChain = 8

// reply is an answer that is being written.
type reply struct {
	b          []byte
	limit      int
	full       bool // something did not fit
	flags      uint16
	code       int
	an, ns, ar uint16
}

// Answer appends the answer to a packet to dst, which should have room for 1232
// bytes, or for 65535 where stream says that it goes over a stream. A packet
// that must not be answered appends nothing.
func (p *Plane) Answer(dst, packet []byte, stream bool) []byte {
	var q query
	code, drop := q.parse(packet)
	if drop {
		return dst
	}
	r := reply{b: dst[len(dst):], limit: q.limit(stream), flags: flagQR | q.flags&(0xF<<11|flagRD|flagCD), code: code}
	end := headerLen
	if q.end > 0 {
		end = q.end
	}
	r.b = append(r.b, packet[:end]...)
	if q.edns {
		r.limit -= optLen
	}
	if code == rcodeOK {
		p.fill(&r, &q)
	}
	if r.full {
		r.b, r.an, r.ns, r.ar = r.b[:end], 0, 0, 0
		r.flags |= flagTC
	}
	if q.edns {
		r.opt(&q)
	}
	binary.BigEndian.PutUint16(r.b[2:], r.flags|uint16(r.code&15))
	binary.BigEndian.PutUint16(r.b[4:], uint16(min(q.end, 1)))
	binary.BigEndian.PutUint16(r.b[6:], r.an)
	binary.BigEndian.PutUint16(r.b[8:], r.ns)
	binary.BigEndian.PutUint16(r.b[10:], r.ar)
	return append(dst, r.b...)
}

// opt appends the OPT record.
func (r *reply) opt(q *query) {
	r.b = append(r.b, 0, 0, typeOPT, maxUDP>>8, maxUDP&0xFF, byte(r.code>>4), 0, 0, 0, 0, 0)
	if q.do {
		r.b[len(r.b)-4] = 0x80
	}
	r.ar++
}

// zone is the zone that answers for a name: the nearest above it. A DS record
// belongs to the zone above (RFC 4035, section 3.1.4.1).
func (t *table) zone(q *query) *zone {
	var child *zone
	for at := 0; at < q.length; at += 1 + int(q.name[at]) {
		z := t.zones[string(q.name[at:q.length])]
		switch {
		case z == nil:
		case at == 0 && q.typ == typeDS:
			child = z
		default:
			return z
		}
	}
	return child
}

func (p *Plane) fill(r *reply, q *query) {
	if q.class != classIN {
		r.code = rcodeRefused
		return
	}
	z := p.table.Load().zone(q)
	if z == nil {
		r.code = rcodeRefused
		return
	}
	r.flags |= flagAA
	r.resolve(z, q)
}

// resolve is the algorithm of RFC 1034, section 4.3.2, with RFC 4592's wildcards:
// it follows aliases inside of the zone.
func (r *reply) resolve(z *zone, q *query) {
	name, at := q.name[:q.length], headerLen // the name, and where it stands in the answer
	var buf [maxName]byte
	for range maxChain {
		n, encloser := z.lookup(name)
		if cut := encloser.cut; cut != nil && (q.typ != typeDS || n != cut) {
			r.refer(cut, at+len(name)-len(cut.name))
			return
		}
		if n == nil {
			if n = encloser.wild; n == nil {
				r.code = rcodeNoName // also behind an alias (RFC 6604, section 3)
				r.negative(z, at+len(name)-len(z.name))
				return
			}
		}
		s := n.find(q.typ)
		if q.typ == typeANY && len(n.sets) > 0 {
			s = &n.sets[0] // one set is enough (RFC 8482, section 4.1)
		}
		if s != nil {
			if r.add(&r.an, s, at) == 0 {
				r.negative(z, at+len(name)-len(z.name))
			}
			return
		}
		if s = n.find(typeCNAME); s == nil {
			r.negative(z, at+len(name)-len(z.name))
			return
		}
		if s = s.pick(); s == nil {
			r.negative(z, at+len(name)-len(z.name))
			return
		}
		next := len(r.b) + recordLen
		r.add(&r.an, s, at)
		if r.full || next > 0x3FFF || !under(s.target, z.name) {
			return
		}
		name, at = buf[:copy(buf[:], s.target)], next
	}
}

// refer names the servers of the zone that begins at the cut.
func (r *reply) refer(cut *node, at int) {
	if r.an == 0 {
		r.flags &^= flagAA
	}
	r.add(&r.ns, cut.find(typeNS), at)
	if len(r.b)+len(cut.glue) > r.limit {
		r.full = true // RFC 9471: without its glue a referral leads nowhere
		return
	}
	r.b = append(r.b, cut.glue...)
	r.ar += cut.glues
}

func (r *reply) negative(z *zone, at int) { r.add(&r.ns, &z.soa, at) }

// add appends the records of a set to a section under the name that stands at a
// place of the answer, and returns how many they are.
func (r *reply) add(section *uint16, s *set, at int) uint16 {
	if s = s.pick(); s == nil {
		return 0
	}
	if s.route != nil {
		return r.several(section, s.route, at)
	}
	if len(r.b)+len(s.wire) > r.limit {
		r.full = true
		return s.count
	}
	begin := len(r.b)
	r.b = append(r.b, s.wire...)
	*section += s.count
	if at != headerLen {
		for rest := r.b[begin:]; len(rest) >= recordLen; {
			binary.BigEndian.PutUint16(rest, 0xC000|uint16(at))
			rest = rest[recordLen+int(binary.BigEndian.Uint16(rest[10:])):]
		}
	}
	return s.count
}

// maxValues is how many records a multivalue answer has.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-multivalue.html
const maxValues = 8

func (r *reply) several(section *uint16, m *route, at int) (n uint16) {
	if len(m.to) == 0 {
		return 0
	}
	first := rand.IntN(len(m.to))
	for i := range min(len(m.to), maxValues) {
		n += r.add(section, m.to[(first+i)%len(m.to)].set, at)
	}
	return n
}

// pick follows the choices down to a set with records, to one with several
// values, or to nil.
func (s *set) pick() *set {
	for range maxChain {
		if s == nil || s.route == nil || s.route.policy == Multivalue {
			return s
		}
		s = s.route.pick()
	}
	return nil
}

func (m *route) pick() *set {
	if m.total == 0 { // a simple alias; or all weights are zero, which counts as all equal
		return m.to[rand.IntN(len(m.to))].set
	}
	n := rand.Uint64N(m.total)
	for _, c := range m.to {
		if n < uint64(c.weight) {
			return c.set
		}
		n -= uint64(c.weight)
	}
	return nil
}
