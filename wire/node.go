package wire

import (
	"slices"
	"strconv"
)

// maxNodes bounds the elements of one XML document or the parts of one form.
const maxNodes = 50_000

// A node is an element of an XML document or a part of a query form; one
// decoder serves both.
type node struct {
	name, text        string
	attrs             []attr
	first, last, next *node
	kids              int
	given             bool             // of a form: it has a value of its own
	index             map[string]*node // the first kid of each name, when there are many
	pieces            []byte           // of an XML element: text in more than one piece
}

type attr struct{ name, value string }

// A tree makes nodes, many at a time.
type tree struct {
	free  []node
	count int
}

// node returns a new node, or nil if there are too many.
func (t *tree) node(name string) *node {
	if t.count++; t.count > maxNodes {
		return nil
	}
	if len(t.free) == 0 {
		t.free = make([]node, min(max(t.count, 8), 1024))
	}
	n := &t.free[0]
	t.free = t.free[1:]
	n.name = name
	return n
}

func (n *node) add(k *node) {
	if n.last == nil {
		n.first = k
	} else {
		n.last.next = k
	}
	n.last = k
	n.kids++
	if n.index != nil && n.index[k.name] == nil {
		n.index[k.name] = k
	}
}

// child returns the first kid with the name, or nil.
func (n *node) child(name string) *node {
	if n.kids > 16 && n.index == nil {
		n.index = make(map[string]*node, n.kids)
		for k := n.first; k != nil; k = k.next {
			if n.index[k.name] == nil {
				n.index[k.name] = k
			}
		}
	}
	if n.index != nil {
		return n.index[name]
	}
	for k := n.first; k != nil; k = k.next {
		if k.name == name {
			return k
		}
	}
	return nil
}

// sort brings the kids of a form's list in the order of their numbers.
func (n *node) sort() error {
	last, sorted := -1, true
	for k := n.first; k != nil; k = k.next {
		i, err := strconv.Atoi(k.name)
		if err != nil || i < 0 || len(k.name) > 1 && k.name[0] == '0' {
			return Errorf("MalformedInput", "Unexpected list element %q: want a number.", clip(k.name))
		}
		sorted = sorted && i > last
		last = i
	}
	if sorted {
		return nil
	}
	type numbered struct {
		n int
		k *node
	}
	list := make([]numbered, 0, n.kids)
	for k := n.first; k != nil; k = k.next {
		i, _ := strconv.Atoi(k.name) // it was a number above
		list = append(list, numbered{i, k})
	}
	slices.SortFunc(list, func(a, b numbered) int { return a.n - b.n })
	n.first, n.last, n.kids, n.index = nil, nil, 0, nil
	for _, e := range list {
		e.k.next = nil
		n.add(e.k)
	}
	return nil
}
