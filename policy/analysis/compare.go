package analysis

// isWithin reports whether b matches whatever a matches, whatever the values of
// variables.
func (s *space) isWithin(a, b int32) (bool, error) {
	if a == b {
		return true, nil
	}
	key := [2]int32{a, b}
	if in, ok := s.within[key]; ok {
		return in, nil
	}
	in, err := s.compare(a, b)
	if err == nil {
		s.within[key] = in
	}
	return in, err
}

func (s *space) compare(a, b int32) (bool, error) {
	g, h := s.globs[a], s.globs[b]
	if err := s.meter.spend(1); err != nil {
		return false, err
	}
	if h.literal && !g.literal || begin(g, h) {
		return false, nil // a has more words than one, or begins otherwise
	}
	if h.covers(g) {
		return true, nil
	}
	if !h.chooses {
		return false, nil
	}
	_, found, err := difference(s.meter, []*glob{s.flat[a]}, []*glob{s.flat[b]})
	return !found, err
}

// begin reports whether the characters before the first wildcard differ.
func begin(g, h *glob) bool {
	for i := 0; i < len(g.tokens) && i < len(h.tokens); i++ {
		a, b := g.tokens[i], h.tokens[i]
		if a.kind != char || b.kind != char || a.fold || b.fold {
			return false
		}
		if a.char != b.char {
			return true
		}
	}
	return false
}

// end reports whether the characters after the last wildcard differ.
func end(g, h *glob) bool {
	for i, j := len(g.tokens)-1, len(h.tokens)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		a, b := g.tokens[i], h.tokens[j]
		if a.kind != char || b.kind != char || a.fold || b.fold {
			return false
		}
		if a.char != b.char {
			return true
		}
	}
	return false
}

// isApart reports whether no word matches both, whatever the values of
// variables.
func (s *space) isApart(a, b int32) (bool, error) {
	if a == b {
		return false, nil
	}
	if a > b {
		a, b = b, a
	}
	key := [2]int32{a, b}
	if far, ok := s.apart[key]; ok {
		return far, nil
	}
	if err := s.meter.spend(1); err != nil {
		return false, err
	}
	far := begin(s.globs[a], s.globs[b]) || end(s.globs[a], s.globs[b])
	if !far {
		_, found, err := difference(s.meter, s.pick([]int32{a, b}, true), nil)
		if err != nil {
			return false, err
		}
		far = !found
	}
	s.apart[key] = far
	return far, nil
}

// covers reports whether h matches the tokens of g as if they were characters:
// a star of g only under a star of h. What it affirms is so for all words and
// values; what it denies is so too unless h.chooses.
func (h *glob) covers(g *glob) bool {
	var a, b [512]bool
	at, next := reached{h, a[:0]}, reached{h, b[:0]}
	at.clear()
	at.open(0, false)
	for _, t := range g.tokens {
		next.clear()
		alive := false
		for i, here := range at.places {
			if j := i / 2; here && j < len(h.tokens) && next.read(t, j, i&1 == 1) {
				alive = true
			}
		}
		if !alive {
			return false
		}
		at, next = next, at
	}
	return at.places[2*len(h.tokens)]
}

// reached are the positions in h's tokens, two places for each: the second says
// that a "some" has had its character.
type reached struct {
	glob   *glob
	places []bool
}

func (r *reached) clear() {
	n := 2*len(r.glob.tokens) + 1
	if cap(r.places) < n {
		r.places = make([]bool, n)
	}
	r.places = r.places[:n]
	clear(r.places)
}

// open marks position i and what follows without reading.
func (r *reached) open(i int, fed bool) {
	for {
		if fed {
			r.places[2*i+1] = true
		} else {
			r.places[2*i] = true
		}
		if i == len(r.glob.tokens) || r.glob.tokens[i].kind != many && !(r.glob.tokens[i].kind == some && fed) {
			return
		}
		i, fed = i+1, false
	}
}

// read marks where reading t leads from position j, and reports whether it
// leads anywhere.
func (r *reached) read(t token, j int, fed bool) bool {
	switch u := r.glob.tokens[j]; {
	case u.kind == many || u.kind == some:
		if !u.colon && (t.kind == char && t.char == ':' || t.wild() && t.colon) {
			return false
		}
		empty := t.kind == many || t.kind == symbol
		r.open(j, u.kind == some && (fed || !empty))
	case u.kind == one:
		if !(t.kind == char && (u.colon || t.char != ':') || t.kind == one && (u.colon || !t.colon) || t.kind == digit) {
			return false
		}
		r.open(j+1, false)
	default:
		if t.kind != u.kind || t.char != u.char || t.fold && !u.fold {
			return false
		}
		r.open(j+1, false)
	}
	return true
}
