package intel

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// Hit is what was found on a threat list.
type Hit struct {
	List   *List
	Threat string // the name the list gives to the threat; may be empty
}

// Set is lists compiled for look-ups. It is immutable and may be used by several
// goroutines at once; nil is an empty set.
type Set struct {
	trusted *bart.Fast[struct{}]
	threats *bart.Fast[*Hit] // what is not in hosts
	hosts   hosts
	blocks  []uint64 // one bit for each /24 of IPv4 that a threat list touches; nil for short lists
	coarse  []uint64 // one bit for the hash of each such /24: 128 KB, which stay near the processor
	trust   *names
	names   *names
	lists   []*List
}

// Compile makes a set of lists; those of Kind Trusted silence the others. When
// two threat lists hold the same entry, the first list names it; of two prefixes
// that contain an address, the longer one does.
//
// A domain on a threat list stands for itself and everything below it. On a
// trusted list it stands for itself alone, and *.domain for what is below it: a
// trust is never wider than what was written.
func Compile(lists ...*List) *Set {
	s := &Set{trusted: new(bart.Fast[struct{}]), threats: new(bart.Fast[*Hit]), lists: lists}
	var trust, threat []entry
	count := 0
	for _, l := range lists {
		if l != nil && l.Kind != Trusted {
			count += len(l.prefixes)
		}
	}
	s.hosts.room(count)
	if count > manyPrefixes {
		s.blocks, s.coarse = make([]uint64, 1<<24/64), make([]uint64, coarseBits/64)
	}
	for _, l := range lists {
		if l == nil {
			continue
		}
		hits := make([]*Hit, len(l.threats))
		for i, t := range l.threats {
			hits[i] = &Hit{List: l, Threat: t}
		}
		for _, p := range l.prefixes {
			if l.Kind == Trusted {
				s.trusted.Insert(p.Prefix, struct{}{})
				continue
			}
			s.block(p.Prefix)
			if a, ok := single(p.Prefix); ok {
				s.hosts.add(a, hits[p.threat])
				continue
			}
			s.threats.Modify(p.Prefix, func(old *Hit, ok bool) (*Hit, bool) {
				if ok {
					return old, false
				}
				return hits[p.threat], false
			})
		}
		for _, d := range l.domains {
			if l.Kind == Trusted {
				trust = append(trust, entry{d.name, !d.below, d.below, hits[d.threat]})
			} else {
				threat = append(threat, entry{d.name, !d.below, true, hits[d.threat]})
			}
		}
	}
	s.hosts.index = nil
	s.trust, s.names = compileNames(trust), compileNames(threat)
	return s
}

// Lists returns the lists the set was made of.
func (s *Set) Lists() []*List {
	if s == nil {
		return nil
	}
	return s.lists
}

// Addr returns what threat lists say about an address; nil when they say nothing
// or the address is trusted.
func (s *Set) Addr(a netip.Addr) *Hit {
	if s == nil {
		return nil
	}
	if a.Is4In6() {
		a = a.Unmap()
	}
	var hit *Hit
	if a.Is4() {
		n := number(a)
		if s.blocks != nil {
			block := uint(n >> 8)
			if c := coarseOf(block); s.coarse[c/64]&(1<<(c%64)) == 0 || s.blocks[block/64]&(1<<(block%64)) == 0 {
				return nil
			}
		}
		hit = s.hosts.lookup(n)
	}
	if hit == nil {
		hit, _ = s.threats.Lookup(a)
	}
	if hit == nil || s.trusted.Contains(a) {
		return nil
	}
	return hit
}

// TrustsAddr says whether an address is on a trusted list.
func (s *Set) TrustsAddr(a netip.Addr) bool {
	return s != nil && s.trusted.Contains(a.Unmap())
}

// Domain returns what threat lists say about a name or one that it is below; nil
// when they say nothing or the name is trusted. Case does not matter, nor does a
// dot at the end.
func (s *Set) Domain(name string) *Hit {
	if s == nil || s.names == nil {
		return nil
	}
	hit := s.names.lookup(name)
	if hit == nil || s.TrustsDomain(name) {
		return nil
	}
	return hit
}

// TrustsDomain says whether a name is on a trusted list.
func (s *Set) TrustsDomain(name string) bool {
	return s != nil && s.trust != nil && s.trust.lookup(name) != nil
}

// manyPrefixes is from where on two megabytes of bits, which answer most
// questions with one read, are faster than the tree alone.
const manyPrefixes = 4096

const coarseBits = 1 << 20

// coarseOf is the bit of a /24 in coarse.
func coarseOf(block uint) uint { return uint(uint32(block)*0x9e3779b1) >> 12 }

func (s *Set) block(p netip.Prefix) {
	if s.blocks == nil || !p.Addr().Is4() {
		return
	}
	b := p.Addr().As4()
	n := uint(b[0])<<16 | uint(b[1])<<8 | uint(b[2])
	for range 1 << max(0, 24-p.Bits()) {
		s.blocks[n/64] |= 1 << (n % 64)
		c := coarseOf(n)
		s.coarse[c/64] |= 1 << (c % 64)
		n++
	}
}
