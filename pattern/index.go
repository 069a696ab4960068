package pattern

// field is the frozen index of one path: what its values satisfy, over all
// rules. A lookup costs the value's length, not the number of rules.
type field struct {
	strings    map[string][]uint32
	digits     map[string][]uint32
	numbers    map[int64][]uint32
	trueHits   []uint32
	falseHits  []uint32
	nullHits   []uint32
	prefixes   *radix
	suffixes   *radix
	folded     map[string][]uint32
	foldPrefix *radix
	foldSuffix *radix
	wilds      *grams
	ranges     *ranges
	blocks     map[block][]uint32
	blockBits  [2][]int // the lengths there are, of IPv4 and IPv6
	drive      []uint32 // clauses that any value makes candidates
	wantsFold  bool
}

type block struct {
	ip   ip
	bits int
}

// fieldBuilder gathers a field's index.
type fieldBuilder struct {
	f                          *field
	pre, suf, foldPre, foldSuf map[string][]uint32
	wilds                      []wildEntry
	spans                      []rangeEntry
}

func push[K comparable](m *map[K][]uint32, k K, id uint32) {
	if *m == nil {
		*m = map[K][]uint32{}
	}
	l := (*m)[k]
	if len(l) > 0 && l[len(l)-1] == id {
		return
	}
	(*m)[k] = append(l, id)
}

// freezeField builds the index of a field's clauses.
func freezeField(clauses []*frozenClause) *field {
	b := fieldBuilder{f: &field{}}
	for _, c := range clauses {
		for i := range c.any {
			b.wants(&c.any[i])
			if c.eager {
				b.add(c.id, &c.any[i])
			}
		}
		if !c.eager && len(c.pivots) > 0 {
			b.f.drive = append(b.f.drive, c.id)
		}
	}
	f := b.f
	f.prefixes, f.suffixes = newRadix(b.pre), newRadix(b.suf)
	f.foldPrefix, f.foldSuffix = newRadix(b.foldPre), newRadix(b.foldSuf)
	f.wilds, f.ranges = newGrams(b.wilds), newRanges(b.spans)
	return f
}

// wants notes what values must be prepared for.
func (b *fieldBuilder) wants(m *matcher) {
	switch m.op {
	case opFold, opPrefixFold, opSuffixFold:
		b.f.wantsFold = true
	}
	for i := range m.not {
		b.wants(&m.not[i])
	}
}

func (b *fieldBuilder) add(id uint32, m *matcher) {
	f := b.f
	switch m.op {
	case opString:
		push(&f.strings, m.s, id)
	case opDigits:
		push(&f.digits, m.s, id)
	case opNumber:
		push(&f.numbers, m.lo, id)
	case opLiteral:
		switch m.s {
		case "true":
			f.trueHits = append(f.trueHits, id)
		case "false":
			f.falseHits = append(f.falseHits, id)
		default:
			f.nullHits = append(f.nullHits, id)
		}
	case opPrefix:
		push(&b.pre, m.s, id)
	case opSuffix:
		push(&b.suf, reversed(m.s), id)
	case opFold:
		push(&f.folded, m.s, id)
	case opPrefixFold:
		push(&b.foldPre, m.s, id)
	case opSuffixFold:
		push(&b.foldSuf, reversed(m.s), id)
	case opWildcard:
		b.wilds = append(b.wilds, wildEntry{m.wild, id})
	case opRange:
		b.spans = append(b.spans, rangeEntry{m.lo, m.hi, id})
	case opCIDR:
		b.addBlock(id, m)
	}
}

func (b *fieldBuilder) addBlock(id uint32, m *matcher) {
	v := 0
	if m.ip.v6 {
		v = 1
	}
	known := false
	for _, n := range b.f.blockBits[v] {
		known = known || n == m.bits
	}
	if !known {
		b.f.blockBits[v] = append(b.f.blockBits[v], m.bits)
	}
	push(&b.f.blocks, block{m.ip, m.bits}, id)
}

// find marks what the value v satisfies.
func (f *field) find(sc *scratch, v *value) {
	switch v.kind {
	case literalValue:
		switch v.text[0] {
		case 't':
			sc.hitAll(f.trueHits)
		case 'f':
			sc.hitAll(f.falseHits)
		default:
			sc.hitAll(f.nullHits)
		}
		return
	case numberValue:
		if f.digits != nil {
			sc.hitAll(f.digits[string(v.text)])
		}
		if v.comparable {
			if f.numbers != nil {
				sc.hitAll(f.numbers[v.number])
			}
			if f.ranges != nil {
				f.ranges.find(sc, v.number)
			}
		}
		return
	}
	if f.strings != nil {
		sc.hitAll(f.strings[string(v.text)])
	}
	if f.prefixes != nil {
		f.prefixes.walk(sc, v.text)
	}
	if f.suffixes != nil {
		f.suffixes.walkBack(sc, v.text)
	}
	if f.wilds != nil {
		f.wilds.find(sc, v.text)
	}
	if f.folded != nil {
		sc.hitAll(f.folded[string(v.folded)])
	}
	if f.foldPrefix != nil {
		f.foldPrefix.walk(sc, v.folded)
	}
	if f.foldSuffix != nil {
		f.foldSuffix.walkBack(sc, v.folded)
	}
	if f.blocks != nil {
		f.findBlocks(sc, v)
	}
}

func (f *field) findBlocks(sc *scratch, v *value) {
	a, ok := v.address()
	if !ok {
		return
	}
	fam := 0
	if a.v6 {
		fam = 1
	}
	for _, n := range f.blockBits[fam] {
		sc.hitAll(f.blocks[block{a.masked(n), n}])
	}
}
