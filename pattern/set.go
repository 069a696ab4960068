package pattern

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Set is many patterns compiled into one matcher. Any number of goroutines may
// call Match while others change the set: a match sees the set as it was when
// it began, and nobody waits for it.
type Set[ID cmp.Ordered] struct {
	now  atomic.Pointer[published[ID]]
	pool sync.Pool // of *scratch

	mu    sync.Mutex // the fields below
	build *builder
	slots map[ID]uint32
	ids   []ID // by slot
}

type published[ID cmp.Ordered] struct {
	snap *snapshot
	ids  []ID
	n    int
}

// NewSet makes an empty set of patterns that are named by ids.
func NewSet[ID cmp.Ordered]() *Set[ID] {
	s := &Set[ID]{build: newBuilder(), slots: map[ID]uint32{}}
	s.now.Store(&published[ID]{snap: s.build.freeze()})
	return s
}

// Put adds a pattern, or replaces the one that is under id.
func (s *Set[ID]) Put(id ID, p *Pattern) { s.Update(map[ID]*Pattern{id: p}) }

// Delete removes a pattern, and reports whether there was one.
func (s *Set[ID]) Delete(id ID) bool {
	s.mu.Lock()
	_, there := s.slots[id]
	s.mu.Unlock()
	if there {
		s.Update(map[ID]*Pattern{id: nil})
	}
	return there
}

// Update puts many patterns in one step, which is what to load a set with: nil
// removes. It takes time for the fields that the patterns name, in all rules.
func (s *Set[ID]) Update(changes map[ID]*Pattern) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]ID, 0, len(changes))
	for id := range changes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var added []uint32
	for _, id := range ids {
		if slot, ok := s.slots[id]; ok {
			s.build.remove(slot)
			delete(s.slots, id)
			var none ID
			s.ids[slot] = none
		}
		if p := changes[id]; p != nil {
			slot := s.build.slot()
			s.build.add(slot, p)
			s.slots[id] = slot
			if int(slot) == len(s.ids) {
				s.ids = append(s.ids, id)
			}
			s.ids[slot] = id
			added = append(added, slot)
		}
	}
	for _, slot := range added { // when it is known what they share
		s.build.pick(slot)
	}
	s.now.Store(&published[ID]{snap: s.build.freeze(), ids: slices.Clone(s.ids), n: len(s.slots)})
}

// Len is how many patterns the set has.
func (s *Set[ID]) Len() int { return s.now.Load().n }

// Match appends to dst the ids of the patterns that event, a JSON object,
// matches, in ascending order. It allocates nothing but dst's room. After
// ErrUndecided the ids are those that could be decided; after any other error
// there are none.
func (s *Set[ID]) Match(dst []ID, event []byte) ([]ID, error) {
	now := s.now.Load()
	sc, _ := s.pool.Get().(*scratch)
	if sc == nil {
		sc = &scratch{}
	}
	err := now.snap.match(sc, event)
	from := len(dst)
	if err == nil || err == ErrUndecided {
		for _, slot := range sc.rules {
			dst = append(dst, now.ids[slot])
		}
		slices.Sort(dst[from:])
	}
	if sc.end() {
		s.pool.Put(sc)
	}
	return dst, err
}

// Match reports whether event, a JSON object, matches the pattern. For one
// pattern and many events it does what a Set of one would.
func (p *Pattern) Match(event []byte) (bool, error) {
	p.once.Do(func() {
		b := newBuilder()
		slot := b.slot()
		b.add(slot, p)
		b.pick(slot)
		p.snap = b.freeze()
	})
	sc := &scratch{}
	err := p.snap.match(sc, event)
	return len(sc.rules) > 0, err
}
