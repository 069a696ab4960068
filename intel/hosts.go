package intel

import (
	"math/bits"
	"net/netip"
)

// hosts are the single IPv4 addresses of threat lists, which are nearly all of
// them: open addressing without pointers, so that the garbage collector has nothing
// to look at. A place holds the address and the number of its hit plus 1.
type hosts struct {
	places []uint64
	hits   []*Hit
	index  map[*Hit]uint32
	n      int
}

// single returns the address of a prefix that is one IPv4 address.
func single(p netip.Prefix) (uint32, bool) {
	if !p.Addr().Is4() || p.Bits() != 32 {
		return 0, false
	}
	return number(p.Addr()), true
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// room makes the table large enough for n addresses, before any is added.
func (h *hosts) room(n int) {
	h.places = make([]uint64, max(64, 1<<bits.Len(uint(n*2))))
	h.index = map[*Hit]uint32{}
}

func (h *hosts) place(addr uint32) uint {
	return uint(addr*0x9e3779b1>>7) & uint(len(h.places)-1)
}

// add notes an address; the first hit of one stays.
func (h *hosts) add(addr uint32, hit *Hit) {
	at := h.place(addr)
	for ; h.places[at] != 0; at = (at + 1) & uint(len(h.places)-1) {
		if uint32(h.places[at]>>32) == addr {
			return
		}
	}
	i, ok := h.index[hit]
	if !ok {
		h.hits = append(h.hits, hit)
		i = uint32(len(h.hits))
		h.index[hit] = i
	}
	h.places[at] = uint64(addr)<<32 | uint64(i)
	h.n++
}

func (h *hosts) lookup(addr uint32) *Hit {
	if h.n == 0 {
		return nil
	}
	for at := h.place(addr); ; at = (at + 1) & uint(len(h.places)-1) {
		p := h.places[at]
		if p == 0 {
			return nil
		}
		if uint32(p>>32) == addr {
			return h.hits[uint32(p)-1]
		}
	}
}
