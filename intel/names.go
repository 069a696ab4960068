package intel

import (
	"math/bits"
	"strings"
)

// names is a hash table of domains, walked from the last label to the first: the
// hash of a name contains that of its parent, so one pass over the name asks for
// every suffix of it. A bitmap in front answers most questions about names that
// are not there without touching the table.
type names struct {
	filter []uint64 // one bit for hash>>shift
	shift  uint
	slots  []uint32 // index+1 into data; open addressing
	mask   uint64
	data   []place
	text   string // the names, one after the other
	hits   []*Hit
}

// entry is a domain to be compiled; place is one that has been, without pointers,
// so that the garbage collector has nothing to look at in large lists.
type entry struct {
	name  string
	self  bool // the name itself is listed
	below bool // the names below it are
	hit   *Hit
}

type place struct {
	at          uint32 // in text
	hit         uint32
	length      uint8
	self, below bool
}

func (n *names) name(p *place) string { return n.text[p.at : p.at+uint32(p.length)] }

const (
	seed  = 0xcbf29ce484222325
	prime = 0x9e3779b97f4a7c15
)

// compileNames returns nil when there is nothing to ask for.
func compileNames(in []entry) *names {
	if len(in) == 0 {
		return nil
	}
	size := max(64, 1<<bits.Len(uint(len(in)*2)))
	n := &names{slots: make([]uint32, size), mask: uint64(size - 1)}
	filter := max(1024, size*4)
	n.filter = make([]uint64, filter/64)
	n.shift = 64 - uint(bits.Len(uint(filter-1)))
	var text strings.Builder
	hits := map[*Hit]uint32{}
	for _, e := range in {
		h := hash(e.name)
		i := h & n.mask
		for ; n.slots[i] != 0; i = (i + 1) & n.mask {
			p := &n.data[n.slots[i]-1]
			if text.String()[p.at:p.at+uint32(p.length)] == e.name {
				p.self, p.below = p.self || e.self, p.below || e.below
				break
			}
		}
		if n.slots[i] != 0 {
			continue
		}
		hit, ok := hits[e.hit]
		if !ok {
			hit = uint32(len(n.hits))
			hits[e.hit] = hit
			n.hits = append(n.hits, e.hit)
		}
		n.data = append(n.data, place{uint32(text.Len()), hit, uint8(len(e.name)), e.self, e.below}) // a name has at most 253 bytes
		text.WriteString(e.name)
		n.slots[i] = uint32(len(n.data))
		bit := h >> n.shift
		n.filter[bit/64] |= 1 << (bit % 64)
	}
	n.text = text.String()
	return n
}

// step takes one more byte; mix makes a hash of what steps have made.
func step(h uint64, c byte) uint64 { return h*31 + uint64(lower[c]) }

func mix(h uint64) uint64 {
	h *= prime
	return h ^ h>>29
}

var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] |= 0x20
		}
	}
	return t
}()

// hash hashes a name from its end to its beginning.
func hash(name string) uint64 {
	h := uint64(seed)
	for i := len(name) - 1; i >= 0; i-- {
		h = step(h, name[i])
	}
	return mix(h)
}

// lookup returns the entry of the shortest suffix that answers for name.
func (n *names) lookup(name string) *Hit {
	if l := len(name); l > 0 && name[l-1] == '.' {
		name = name[:l-1]
	}
	h := uint64(seed)
	i := len(name) - 1
	for ; i >= 0 && name[i] != '.'; i-- { // no list holds a whole top-level domain
		h = step(h, name[i])
	}
	first := i
	for ; i >= 0; i-- {
		c := name[i]
		if c == '.' && i != first {
			if m := mix(h); n.has(m) {
				if e := n.find(m, name[i+1:]); e != nil && e.below {
					return n.hits[e.hit]
				}
			}
		}
		h = step(h, c)
	}
	if h = mix(h); n.has(h) {
		if e := n.find(h, name); e != nil && e.self {
			return n.hits[e.hit]
		}
	}
	return nil
}

func (n *names) has(h uint64) bool {
	bit := h >> n.shift
	return n.filter[bit/64]&(1<<(bit%64)) != 0
}

func (n *names) find(h uint64, name string) *place {
	for i := h & n.mask; n.slots[i] != 0; i = (i + 1) & n.mask {
		if e := &n.data[n.slots[i]-1]; int(e.length) == len(name) && equal(n.name(e), name) {
			return e
		}
	}
	return nil
}

// equal compares a name in lower case with one in any.
func equal(known, name string) bool {
	if len(known) != len(name) {
		return false
	}
	for i := range len(known) {
		if lower[name[i]] != known[i] {
			return false
		}
	}
	return true
}
