package detect

import "bartizan.dev/logs"

// seen remembers the ids of events, in one set for each hour of event time. Eight
// to sixteen bytes an id; when there are too many, the hour goes that lies
// furthest back. It keeps 64 bits of an id: of 4 million ids, the chance that a
// new one is taken for an old one is 1 in 4 trillion.
type seen struct {
	most  int
	count int
	hours map[int64]*idSet
	hour  int64 // of set
	set   *idSet
}

// add notes an id and says whether it was known.
func (s *seen) add(id string, t logs.Time) bool { return s.note(idHash(id), t) }

// note is add for what has no id but a hash of its own.
func (s *seen) note(hash uint64, t logs.Time) bool {
	h := int64(t / logs.Hour)
	if s.set == nil || s.hour != h {
		if s.hours == nil {
			s.hours = map[int64]*idSet{}
		}
		s.set, s.hour = s.hours[h], h
		if s.set == nil {
			s.set = &idSet{}
			s.hours[h] = s.set
		}
	}
	if s.set.add(max(1, hash)) {
		return true
	}
	if s.count++; s.count > s.most {
		s.drop()
	}
	return false
}

func (s *seen) drop() {
	for len(s.hours) > 1 && s.count > s.most {
		oldest, first := int64(0), true
		for h := range s.hours {
			if first || h < oldest {
				oldest, first = h, false
			}
		}
		s.count -= s.hours[oldest].n
		delete(s.hours, oldest)
		if oldest == s.hour {
			s.set = nil
		}
	}
	if s.count > s.most { // one hour alone is too much: it begins anew
		s.hours, s.set, s.count = nil, nil, 0
	}
}

// idHash is stable: it is saved.
func idHash(id string) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for len(id) >= 8 {
		x := uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16 | uint64(id[3])<<24 | uint64(id[4])<<32 | uint64(id[5])<<40 | uint64(id[6])<<48 | uint64(id[7])<<56
		h = mix(h ^ x)
		id = id[8:]
	}
	for i := range len(id) {
		h = mix(h ^ uint64(id[i]))
	}
	if h == 0 {
		h = 1
	}
	return h
}

// mix is the finaliser of MurmurHash3: every bit of x moves every bit of it.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// idSet is a hash set with open addressing; 0 marks a free place.
type idSet struct {
	slots []uint64
	n     int
}

func (s *idSet) add(h uint64) bool {
	if s.n*4 >= len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, max(64, 2*len(old)))
		for _, x := range old {
			if x != 0 {
				s.place(x)
			}
		}
	}
	if s.place(h) {
		return true
	}
	s.n++
	return false
}

func (s *idSet) place(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	i := h & mask
	for ; s.slots[i] != 0; i = (i + 1) & mask {
		if s.slots[i] == h {
			return true
		}
	}
	s.slots[i] = h
	return false
}
