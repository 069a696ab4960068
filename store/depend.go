package store

import (
	"context"
	"sync"
	"sync/atomic"
)

// A graph counts the changes of the records and prefixes that entries of a
// cache were made from. Whoever reads a record notes its count first; what he
// made of it is good as long as the count is the same. So a change costs the
// same however many entries it touches, and one that comes while an entry is
// being made cannot be missed.
type graph struct {
	all *node // counts the times that everything had to be forgotten

	mu       sync.Mutex
	keys     map[string]*node
	prefixes map[string]*node
	lengths  map[int]int // how many prefixes there are of a length
}

// node is a record or a prefix that somebody depends on.
type node struct {
	home    *graph
	name    string
	prefix  bool
	version atomic.Uint64
	refs    int // guarded by home.mu; at 0 the node is gone and counts no more
}

// dep is a node and its count when it was read.
type dep struct {
	node *node
	seen uint64
}

func newGraph() *graph {
	g := &graph{keys: map[string]*node{}, prefixes: map[string]*node{}, lengths: map[int]int{}}
	g.all = &node{home: g, refs: 1}
	return g
}

// unchanged reports whether nothing has happened since deps were noted.
func unchanged(deps []dep) bool {
	for i := range deps {
		if deps[i].node.version.Load() != deps[i].seen {
			return false
		}
	}
	return true
}

// depend notes a record or a prefix.
func (g *graph) depend(name string, prefix bool) dep {
	g.mu.Lock()
	defer g.mu.Unlock()
	table := g.keys
	if prefix {
		table = g.prefixes
	}
	n := table[name]
	if n == nil {
		n = &node{home: g, name: name, prefix: prefix}
		table[name] = n
		if prefix {
			g.lengths[len(name)]++
		}
	}
	n.refs++
	return dep{n, n.version.Load()}
}

// retain keeps a node that belongs to somebody else's entry, unless it is gone.
func (n *node) retain() bool {
	n.home.mu.Lock()
	defer n.home.mu.Unlock()
	if n.refs == 0 {
		return false
	}
	n.refs++
	return true
}

func release(deps []dep) {
	for _, d := range deps {
		d.node.release()
	}
}

func (n *node) release() {
	g := n.home
	g.mu.Lock()
	defer g.mu.Unlock()
	if n.refs--; n.refs > 0 {
		return
	}
	if !n.prefix {
		delete(g.keys, n.name)
		return
	}
	delete(g.prefixes, n.name)
	if g.lengths[len(n.name)]--; g.lengths[len(n.name)] == 0 {
		delete(g.lengths, len(n.name))
	}
}

// changed counts what a commit did.
func (g *graph) changed(changes []Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range changes {
		if n := g.keys[c.Key]; n != nil {
			n.version.Add(1)
		}
		for l := range g.lengths {
			if l > len(c.Key) {
				continue
			}
			if n := g.prefixes[c.Key[:l]]; n != nil {
				n.version.Add(1)
			}
		}
	}
}

func (g *graph) forget() { g.all.version.Add(1) }

// noting is the Reader of a load. What is read is noted before it is read.
type noting struct {
	reader Reader
	inTx   bool // the reader is a transaction
	graph  *graph

	mu     sync.Mutex
	deps   []dep
	spoilt bool // something was read whose changes nobody counts
}

func newNoting(s Store, g *graph) *noting {
	g.all.retain()
	return &noting{reader: s, graph: g, deps: []dep{{g.all, g.all.version.Load()}}}
}

func (n *noting) note(name string, prefix bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.deps) < 64 { // beyond, a few that are there twice do no harm
		for _, d := range n.deps {
			if d.node.home == n.graph && d.node.prefix == prefix && d.node.name == name && d.node != n.graph.all {
				return
			}
		}
	}
	n.deps = append(n.deps, n.graph.depend(name, prefix))
}

func (n *noting) Get(ctx context.Context, key string) (Item, error) {
	n.note(key, false)
	return n.reader.Get(ctx, key)
}

func (n *noting) List(ctx context.Context, r Range) ([]Item, error) {
	n.note(r.Prefix, true)
	return n.reader.List(ctx, r)
}

// adopt takes over what an entry of another cache depends on.
func (n *noting) adopt(deps []dep) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range deps {
		if !d.node.retain() {
			n.spoilt = true
			return
		}
		n.deps = append(n.deps, d)
	}
}

// good reports whether what was read is still so.
func (n *noting) good() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.spoilt && unchanged(n.deps)
}
