package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNodes bounds the elements of one XML document or the parts of one form.
const maxNodes = 100_000

// A node is an element of an XML document or a part of a query form; one
// decoder serves both.
type node struct {
	name  string
	text  string
	attrs []xml.Attr
	kids  []*node
	index map[string]*node // of a form's node with many kids
}

func (n *node) child(name string) *node {
	if n.index != nil {
		return n.index[name]
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// grown returns the child with the name, made if need be.
func (n *node) grown(name string) *node {
	if k := n.child(name); k != nil {
		return k
	}
	k := &node{name: name}
	n.kids = append(n.kids, k)
	if n.index != nil {
		n.index[name] = k
	} else if len(n.kids) > 16 {
		n.index = make(map[string]*node, 64)
		for _, k := range n.kids {
			n.index[k.name] = k
		}
	}
	return k
}

// parseForm turns a form's body into a tree: Tags.member.1.Key=k becomes a
// path of four nodes.
func parseForm(body []byte) (*node, error) {
	root := &node{}
	parts := 0
	for len(body) > 0 {
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte{'&'})
		if len(pair) == 0 {
			continue
		}
		rawKey, rawValue, _ := bytes.Cut(pair, []byte{'='})
		key, err := unescape(rawKey)
		if err != nil {
			return nil, err
		}
		value, err := unescape(rawValue)
		if err != nil {
			return nil, err
		}
		if parts += 1 + strings.Count(key, "."); parts > maxNodes {
			return nil, Errorf("MalformedQueryString", "The request has too many parameters.")
		}
		if strings.Count(key, ".") > 2*maxDepth {
			return nil, errDepth
		}
		n := root
		for part := range strings.SplitSeq(key, ".") {
			n = n.grown(part)
		}
		if n.attrs != nil {
			return nil, Errorf("MalformedQueryString", "The parameter %s is given more than once.", key)
		}
		n.text, n.attrs = value, given
	}
	return root, nil
}

// given marks a form's node that has a value of its own.
var given = []xml.Attr{}

func unescape(b []byte) (string, error) {
	s := string(b)
	if bytes.IndexByte(b, '%') >= 0 || bytes.IndexByte(b, '+') >= 0 {
		var err error
		if s, err = url.QueryUnescape(s); err != nil {
			return "", Errorf("MalformedQueryString", "The query string contains a syntax error.").With(err)
		}
	}
	if !utf8.ValidString(s) {
		return "", Errorf("MalformedQueryString", "The request is not valid UTF-8.")
	}
	return s, nil
}

// numbered returns the kids of a form's list in the order of their numbers.
func (n *node) numbered() ([]*node, error) {
	kids := slices.Clone(n.kids)
	var bad error
	number := func(k *node) int {
		i, err := strconv.Atoi(k.name)
		if err != nil || i < 0 {
			bad = Errorf("MalformedInput", "Unexpected list element %q: want a number.", k.name)
		}
		return i
	}
	slices.SortStableFunc(kids, func(a, b *node) int { return number(a) - number(b) })
	if len(kids) == 1 {
		number(kids[0])
	}
	return kids, bad
}

// parseXML reads a document into a tree. Document types, and with them every
// entity but XML's five, are refused.
func parseXML(data []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	malformed := func(cause error) error {
		return Errorf("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema").With(cause)
	}
	root := &node{}
	stack := []*node{root}
	for count := 0; ; {
		t, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed(err)
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.Directive:
			return nil, malformed(errors.New("a document type"))
		case xml.StartElement:
			if count++; count > maxNodes {
				return nil, malformed(errors.New("too many elements"))
			}
			if len(stack) > maxDepth {
				return nil, errDepth
			}
			k := &node{name: qualified(t.Name), attrs: t.Attr}
			top.kids = append(top.kids, k)
			stack = append(stack, k)
		case xml.EndElement:
			if len(stack) == 1 || top.name != qualified(t.Name) {
				return nil, malformed(errors.New("elements do not nest"))
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 1 {
				top.text += string(t)
			}
		}
	}
	if len(stack) != 1 || len(root.kids) != 1 {
		return nil, malformed(errors.New("want one root element"))
	}
	return root.kids[0], nil
}

// qualified is a name as AWS's models write it: with its prefix, if any.
func qualified(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}
