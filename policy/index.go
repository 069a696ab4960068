package policy

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// index leads from an action to the statements that may match it.
type index struct {
	exact   map[string]*resources // actions without wildcards, in lower case
	wild    prefixes              // literal prefixes of action patterns
	buckets [][]bucket            // of prefix n
}

// bucket holds the statements with one action pattern.
type bucket struct {
	pattern   string
	resources *resources
}

// resources leads from a resource to candidates: by the beginning of the whole
// ARN, and, where the pattern has wildcards for Region or account, by the
// beginning of the ARN's sixth part.
type resources struct {
	whole, sixth *tree
}

// tree is a radix tree over patterns, flattened: candidates lie under the
// literal that begins their pattern, and those that go on with a variable lie
// in a tree of their own behind it.
type tree struct {
	prefixes prefixes
	nodes    []node // of prefix n
}

type node struct {
	list   []candidate
	behind []branch
}

// branch is what follows when the text goes on with the value of a variable.
type branch struct {
	variable token
	tree     *tree
}

// candidate is a statement by one of its resource patterns, or -1 when it has
// NotResource or no resource at all.
type candidate struct{ statement, pattern int32 }

// prefixes is a set of strings that finds those which begin a given string.
type prefixes struct {
	keys []string // sorted
	up   []int32  // the longest other key that begins keys[n], or -1
}

// newPrefixes makes a set of sorted, distinct keys.
func newPrefixes(keys []string) prefixes {
	p := prefixes{keys: keys, up: make([]int32, len(keys))}
	for i := range keys {
		j := int32(i) - 1
		for j >= 0 && !strings.HasPrefix(keys[i], keys[j]) {
			j = p.up[j]
		}
		p.up[i] = j
	}
	return p
}

// longest returns the longest key that begins s, or -1. Every other key that
// begins s is up from there: a key that begins s sorts between its own
// extensions and s, so the last key not after s has all of them above it.
func (p *prefixes) longest(s string) int32 {
	lo, hi := 0, len(p.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if p.keys[mid] <= s {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	n := int32(lo) - 1
	for n >= 0 && !strings.HasPrefix(s, p.keys[n]) {
		n = p.up[n]
	}
	return n
}

// longestOf is longest for bytes, which it does not copy.
func (p *prefixes) longestOf(s []byte) int32 {
	lo, hi := 0, len(p.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if p.keys[mid] <= string(s) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	n := int32(lo) - 1
	for n >= 0 && !(len(s) >= len(p.keys[n]) && string(s[:len(p.keys[n])]) == p.keys[n]) {
		n = p.up[n]
	}
	return n
}

// buildIndex indexes the statements of one effect.
func buildIndex(statements []statement, deny bool) index {
	byPattern := map[string][]int32{}
	for i := range statements {
		st := &statements[i]
		if st.deny != deny || st.dead {
			continue
		}
		patterns := st.actions
		if st.notAction {
			patterns = []string{"*"}
		}
		for _, p := range patterns {
			if l := byPattern[p]; len(l) == 0 || l[len(l)-1] != int32(i) {
				byPattern[p] = append(l, int32(i))
			}
		}
	}
	x := index{exact: map[string]*resources{}}
	wild := map[string][]bucket{}
	shared := map[string]*resources{} // by list of statements: many actions have the same
	for p, list := range byPattern {
		id := listID(list)
		if shared[id] == nil {
			shared[id] = buildResources(statements, list)
		}
		if prefix := literalPrefix(p); prefix != p {
			wild[prefix] = append(wild[prefix], bucket{p, shared[id]})
		} else {
			x.exact[p] = shared[id]
		}
	}
	x.wild = newPrefixes(slices.Sorted(maps.Keys(wild)))
	for _, prefix := range x.wild.keys {
		slices.SortFunc(wild[prefix], func(a, b bucket) int { return strings.Compare(a.pattern, b.pattern) })
		x.buckets = append(x.buckets, wild[prefix])
	}
	return x
}

func listID(list []int32) string {
	b := make([]byte, 0, 4*len(list))
	for _, n := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	return string(b)
}

// item is a candidate with what is left of its pattern.
type item struct {
	candidate
	tokens []token
}

func buildResources(statements []statement, list []int32) *resources {
	var whole, sixth []item
	for _, n := range list {
		st := &statements[n]
		if st.notRes {
			whole = append(whole, item{candidate{n, -1}, nil})
			continue
		}
		for i := range st.resources {
			p := &st.resources[i]
			if p.form == parts && !p.plain {
				sixth = append(sixth, item{candidate{n, int32(i)}, p.rest.split()})
			} else {
				whole = append(whole, item{candidate{n, int32(i)}, p.split()})
			}
		}
	}
	return &resources{buildTree(whole, 0), buildTree(sixth, 0)}
}

// maxDepth is how many variables of a pattern the tree follows.
const maxDepth = 4

func buildTree(items []item, depth int) *tree {
	under := map[string][]item{}
	for _, it := range items {
		prefix := ""
		if len(it.tokens) > 0 && it.tokens[0].kind == literal {
			prefix, it.tokens = it.tokens[0].text, it.tokens[1:]
		}
		under[prefix] = append(under[prefix], it)
	}
	t := &tree{prefixes: newPrefixes(slices.Sorted(maps.Keys(under)))}
	for _, prefix := range t.prefixes.keys {
		t.nodes = append(t.nodes, buildNode(under[prefix], depth))
	}
	return t
}

func buildNode(items []item, depth int) node {
	var n node
	behind := map[token][]item{}
	var order []token
	for _, it := range items {
		if len(it.tokens) == 0 || it.tokens[0].kind != variable || depth == maxDepth {
			n.list = append(n.list, it.candidate)
			continue
		}
		v := it.tokens[0]
		v.key.name = lower(v.key.name)
		if behind[v] == nil {
			order = append(order, v)
		}
		behind[v] = append(behind[v], item{it.candidate, it.tokens[1:]})
	}
	for _, v := range order {
		n.behind = append(n.behind, branch{v, buildTree(behind[v], depth+1)})
	}
	return n
}
