package pattern

import (
	"sort"
	"strings"
)

// radix is a compressed trie of prefixes. Walking a value finds every prefix of
// it in time bounded by the value's length. Suffixes lie in one reversed, and
// values are walked from their end.
type radix struct {
	nodes []radixNode
}

type radixNode struct {
	label  string // the bytes on the way here, without the first
	firsts string // the first bytes of the ways on
	kids   []int32
	hits   []uint32
}

// newRadix builds the trie of the keys of m.
func newRadix(m map[string][]uint32) *radix {
	if len(m) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	r := &radix{}
	r.build(keys, m, 0, 0)
	return r
}

// build makes the node of the sorted keys, which agree in their first from
// bytes; its label begins at from+1, or at 0 for the root.
func (r *radix) build(keys []string, m map[string][]uint32, from, depth int) int32 {
	first, last := keys[0], keys[len(keys)-1]
	end := from
	for end < len(first) && end < len(last) && first[end] == last[end] {
		end++
	}
	if depth == 0 {
		end = 0
	}
	id := int32(len(r.nodes))
	n := radixNode{}
	if depth > 0 {
		n.label = first[from+1 : end]
	}
	if len(first) == end {
		n.hits = m[first]
		keys = keys[1:]
	}
	r.nodes = append(r.nodes, n)
	var firsts []byte
	var kids []int32
	for len(keys) > 0 {
		c := keys[0][end]
		to := sort.Search(len(keys), func(i int) bool { return keys[i][end] > c })
		firsts = append(firsts, c)
		kids = append(kids, r.build(keys[:to], m, end, depth+1))
		keys = keys[to:]
	}
	r.nodes[id].firsts, r.nodes[id].kids = string(firsts), kids
	return id
}

// walk reports the hits of every key that v begins with.
func (r *radix) walk(sc *scratch, v []byte) {
	n, i := &r.nodes[0], 0
	for {
		sc.hitAll(n.hits)
		if i == len(v) {
			return
		}
		k := strings.IndexByte(n.firsts, v[i])
		if k < 0 {
			return
		}
		n = &r.nodes[n.kids[k]]
		i++
		if !hasPrefix(v[i:], n.label) {
			return
		}
		i += len(n.label)
	}
}

// walkBack reports the hits of every reversed key that v ends with.
func (r *radix) walkBack(sc *scratch, v []byte) {
	n, i := &r.nodes[0], len(v)
	for {
		sc.hitAll(n.hits)
		if i == 0 {
			return
		}
		k := strings.IndexByte(n.firsts, v[i-1])
		if k < 0 {
			return
		}
		n = &r.nodes[n.kids[k]]
		i--
		if len(n.label) > i {
			return
		}
		for _, c := range []byte(n.label) {
			if i--; v[i] != c {
				return
			}
		}
	}
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
