package detect

// index finds numbers of entries by their keys: open addressing, half full to
// three quarters, 8 bytes a place. A place holds half of a hash of the key, which
// says where it belongs, and the number plus 1; 0 is a free place.
type index struct {
	places []uint64
	n      int
}

func tagOf(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> 32) }

func (x *index) add(key uint64, i int) {
	if x.n*4 >= len(x.places)*3 {
		old := x.places
		x.places = make([]uint64, max(64, 2*len(old)))
		for _, p := range old {
			if p != 0 {
				x.put(p)
			}
		}
	}
	x.put(uint64(tagOf(key))<<32 | uint64(i+1))
	x.n++
}

func (x *index) put(place uint64) {
	mask := len(x.places) - 1
	at := int(place>>32) & mask
	for ; x.places[at] != 0; at = (at + 1) & mask {
	}
	x.places[at] = place
}

// remove frees the place of entry i and moves up what has gone past it.
func (x *index) remove(key uint64, i int) {
	mask := len(x.places) - 1
	free := int(tagOf(key)) & mask
	for ; uint32(x.places[free]) != uint32(i+1); free = (free + 1) & mask {
	}
	for at := (free + 1) & mask; x.places[at] != 0; at = (at + 1) & mask {
		home := int(x.places[at]>>32) & mask
		if (at-home)&mask >= (at-free)&mask { // it may stand where the hole is
			x.places[free] = x.places[at]
			free = at
		}
	}
	x.places[free] = 0
	x.n--
}
