package pattern

import "bytes"

// node is a step of the paths that rules name.
type node struct {
	field int32 // the field whose path ends here, or -1
	names []string
	kids  []*node
	large map[string]*node // for nodes with many names
}

const smallNode = 8

// child is the node of a key without escapes. A dot in a key is what joins
// steps: {"a.b": 1} and {"a": {"b": 1}} are one path to EventBridge.
func (n *node) child(key []byte) *node {
	if n.large != nil {
		if k := n.large[string(key)]; k != nil {
			return k
		}
	} else {
		for i, name := range n.names {
			if len(name) == len(key) && name == string(key) {
				return n.kids[i]
			}
		}
	}
	dot := bytes.IndexByte(key, '.')
	if dot < 0 {
		return nil
	}
	if n = n.child(key[:dot]); n == nil {
		return nil
	}
	return n.child(key[dot+1:])
}

// scan walks the event once. It enters only what some rule names, and checks
// what it passes by no further than to find its end.
func (sc *scratch) scan() error {
	sc.space()
	if sc.i >= len(sc.b) || sc.b[sc.i] != '{' {
		return ErrEvent
	}
	if err := sc.object(sc.snap.root, 0); err != nil {
		return err
	}
	if sc.space(); sc.i < len(sc.b) {
		return ErrEvent
	}
	return nil
}

func (sc *scratch) space() {
	b, i := sc.b, sc.i
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	sc.i = i
}

// at is the byte at i after white space, or 0.
func (sc *scratch) at() byte {
	if sc.i < len(sc.b) && sc.b[sc.i] > ' ' {
		return sc.b[sc.i]
	}
	if sc.space(); sc.i < len(sc.b) {
		return sc.b[sc.i]
	}
	return 0
}

// object scans an object at n, within the element e.
func (sc *scratch) object(n *node, e int32) error {
	if sc.depth++; sc.depth > MaxEventDepth {
		return ErrDepth
	}
	sc.i++
	if sc.at() == '}' {
		sc.i++
		sc.depth--
		return nil
	}
	for {
		if sc.at() != '"' {
			return ErrEvent
		}
		start := sc.i + 1
		end, escaped := stringEnd(sc.b, start)
		if end < 0 {
			return ErrEvent
		}
		key := sc.b[start:end]
		sc.i = end + 1
		if sc.at() != ':' {
			return ErrEvent
		}
		sc.i++
		if escaped {
			var ok bool
			if key, ok = sc.unescape(key); !ok {
				return ErrEvent
			}
		}
		c := sc.at()
		if k := n.child(key); k != nil {
			if err := sc.value(k, e, c); err != nil {
				return err
			}
		} else if !sc.skip(c) {
			return ErrEvent
		}
		switch sc.at() {
		case ',':
			sc.i++
		case '}':
			sc.i++
			sc.depth--
			return nil
		default:
			return ErrEvent
		}
	}
}

// value scans the value at n that begins with c.
func (sc *scratch) value(n *node, e int32, c byte) error {
	switch {
	case c == '[':
		return sc.array(n, e)
	case c == '{' && len(n.kids) > 0:
		return sc.object(n, e)
	case c != '{' && n.field >= 0:
		return sc.leaf(n.field, e, c)
	}
	if !sc.skip(c) {
		return ErrEvent
	}
	return nil
}

// array scans an array at n. Its scalars belong to the path as if they stood
// alone; its objects and arrays are elements, of which a rule must take one.
func (sc *scratch) array(n *node, e int32) error {
	if sc.depth++; sc.depth > MaxEventDepth {
		return ErrDepth
	}
	sc.i++
	if sc.at() == ']' {
		sc.i++
		sc.depth--
		return nil
	}
	for {
		c := sc.at()
		if c == '[' || c == '{' && len(n.kids) > 0 {
			mine, before := int32(len(sc.elems)), len(sc.values)
			sc.elems = append(sc.elems, elem{parent: e, array: n, depth: sc.elems[e].depth + 1})
			if err := sc.value(n, mine, c); err != nil {
				return err
			}
			if len(sc.values) == before {
				sc.elems = sc.elems[:mine] // nothing named in it
			} else {
				sc.elems[mine].last = int32(len(sc.elems) - 1)
			}
		} else if err := sc.value(n, e, c); err != nil {
			return err
		}
		switch sc.at() {
		case ',':
			sc.i++
		case ']':
			sc.i++
			sc.depth--
			return nil
		default:
			return ErrEvent
		}
	}
}

// leaf reads a scalar of a field and looks up what it satisfies.
func (sc *scratch) leaf(id int32, e int32, c byte) error {
	sc.values = append(sc.values, value{elem: e})
	v := &sc.values[len(sc.values)-1]
	if !sc.scalar(v, c) {
		return ErrEvent
	}
	sc.nested = sc.nested || e > 0
	f := sc.snap.fields[id]
	if sc.fieldAt[id] == sc.epoch {
		v.next = sc.fieldVal[id]
	} else {
		sc.fieldAt[id] = sc.epoch
		sc.driven = append(sc.driven, f.drive...)
	}
	sc.fieldVal[id] = int32(len(sc.values))
	if f.wantsFold && v.kind == stringValue {
		start := len(sc.arena)
		sc.arena = appendFold(sc.arena, v.text)
		v.folded = sc.arena[start:len(sc.arena):len(sc.arena)]
	}
	f.find(sc, v)
	return nil
}

// scalar reads a string, a number, true, false or null.
func (sc *scratch) scalar(v *value, c byte) bool {
	if c == '"' {
		start := sc.i + 1
		end, escaped := stringEnd(sc.b, start)
		if end < 0 {
			return false
		}
		v.text = sc.b[start:end]
		sc.i = end + 1
		if escaped {
			var ok bool
			v.text, ok = sc.unescape(v.text)
			return ok
		}
		return true
	}
	start := sc.i
	sc.plain()
	v.text = sc.b[start:sc.i]
	if c == '-' || isDigit(c) {
		var ok bool
		v.kind = numberValue
		v.number, v.comparable, ok = number(v.text)
		return ok
	}
	v.kind = literalValue
	return string(v.text) == "true" || string(v.text) == "false" || string(v.text) == "null"
}

// plain passes by what stands without quotes.
func (sc *scratch) plain() {
	b, i := sc.b, sc.i
	for i < len(b) && b[i] > ' ' && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] != ':' && b[i] != '"' {
		i++
	}
	sc.i = i
}

func (sc *scratch) unescape(raw []byte) ([]byte, bool) {
	start := len(sc.arena)
	var ok bool
	sc.arena, ok = appendUnescaped(sc.arena, raw)
	return sc.arena[start:len(sc.arena):len(sc.arena)], ok
}

// skip passes by the value that begins with c.
func (sc *scratch) skip(c byte) bool {
	switch c {
	case '"':
		end, _ := stringEnd(sc.b, sc.i+1)
		sc.i = end + 1
		return end >= 0
	case '{', '[':
		return sc.skipContainer()
	}
	start := sc.i
	sc.plain()
	return sc.i > start
}

func (sc *scratch) skipContainer() bool {
	b, open := sc.b, 0
	for i := sc.i; i < len(b); i++ {
		switch b[i] {
		case '"':
			end, _ := stringEnd(b, i+1)
			if end < 0 {
				return false
			}
			i = end
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				sc.i = i + 1
				return true
			}
		}
	}
	return false
}
