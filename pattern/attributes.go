package pattern

import (
	"encoding/json"
	"strings"
)

// SNS filter policies are patterns. With the scope MessageBody the event is the
// message, and a message that is no JSON object matches nothing. With the scope
// MessageAttributes it is what AttributeEvent makes, and policies must not be
// nested.
// https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html

// Attribute is a message attribute: Type is String, String.Array, Number or
// Binary, where what follows a further dot is the caller's own.
type Attribute struct {
	Name, Type, Value string
}

// AttributeEvent appends the attributes as a JSON object. Attributes that
// policies cannot see are left out: binary ones, and numbers and arrays that
// are none.
func AttributeEvent(dst []byte, attributes []Attribute) []byte {
	dst = append(dst, '{')
	first := true
	for _, a := range attributes {
		var v []byte
		switch {
		case a.Type == "String.Array":
			var list []json.RawMessage
			if json.Unmarshal([]byte(a.Value), &list) != nil || list == nil {
				continue
			}
			v = []byte(a.Value)
		case a.Type == "String" || strings.HasPrefix(a.Type, "String."):
			v, _ = json.Marshal(a.Value) // a string always encodes
		case a.Type == "Number" || strings.HasPrefix(a.Type, "Number."):
			if _, _, ok := number([]byte(a.Value)); !ok {
				continue
			}
			v = []byte(a.Value)
		default:
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		name, _ := json.Marshal(a.Name)
		dst = append(append(append(dst, name...), ':'), v...)
	}
	return append(dst, '}')
}

// Shape is what services bound patterns by.
type Shape struct {
	Keys         int  // distinct paths; SNS allows 5
	Combinations int  // the values of all paths multiplied, at most over the branches; SNS allows 150
	Nested       bool // an object holds another; SNS refuses that for attributes
}

// Shape measures a pattern.
func (p *Pattern) Shape() (s Shape) {
	paths := map[string]bool{}
	for _, b := range p.branches {
		n := 1
		for i := range b {
			paths[b[i].path] = true
			values := 0
			for k := range b[i].any {
				values += max(1, len(b[i].any[k].not))
			}
			if n *= values; n > 1<<20 {
				n = 1 << 20 // more than any bound
			}
		}
		s.Combinations = max(s.Combinations, n)
	}
	s.Keys, s.Nested = len(paths), p.nested
	return s
}
