package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a document.
const (
	maxDepth = 40
	maxNodes = 200_000 // elements; metadata of a large federation has many
	maxAttrs = 64      // of an element, namespace declarations included
)

// node is an element. The tree is never changed once it is read.
type node struct {
	prefix, local string
	space         string // namespace
	attrs         []attr
	decls         []attr // namespace declarations: local is the prefix
	parent        *node
	children      []child
}

// child is an element or, with el nil, text.
type child struct {
	el   *node
	text string
}

type attr struct{ prefix, local, space, value string }

// parse reads a document. It must be XML 1.0 in UTF-8 with namespaces, and
// nothing but elements, attributes and text. comments allows comments too, which
// are left out: the text around one is one text.
func parse(doc []byte, comments bool) (*node, error) {
	root, err := build(doc, comments)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return root, nil
}

type builder struct {
	root, at     *node
	depth, count int
}

func build(doc []byte, comments bool) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.Strict = true
	b := &builder{}
	for {
		start := d.InputOffset()
		// Raw: we want the prefixes, because the canonical form has them.
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			err = b.open(t)
		case xml.EndElement:
			err = b.end(t)
		case xml.CharData:
			err = b.text(string(t))
		case xml.ProcInst:
			if t.Target != "xml" || start != 0 {
				err = errors.New("a processing instruction")
			}
		case xml.Comment:
			if !comments {
				err = errors.New("a comment")
			}
		default: // xml.Directive
			err = errors.New("a document type")
		}
		if err != nil {
			return nil, err
		}
	}
	if b.root == nil || b.at != nil {
		return nil, errors.New("no whole document")
	}
	return b.root, b.root.resolve()
}

func (b *builder) open(t xml.StartElement) error {
	if b.root != nil && b.at == nil {
		return errors.New("more than one root")
	}
	if b.depth++; b.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	if b.count++; b.count > maxNodes || len(t.Attr) > maxAttrs {
		return errors.New("too many elements or attributes")
	}
	n := &node{prefix: t.Name.Space, local: t.Name.Local, parent: b.at}
	if strings.Contains(n.local, ":") || n.prefix == "xmlns" || n.prefix == "xml" {
		return fmt.Errorf("the name %.50q", n.local)
	}
	for _, a := range t.Attr {
		if err := n.add(a); err != nil {
			return err
		}
	}
	if b.at == nil {
		b.root = n
	} else {
		b.at.children = append(b.at.children, child{el: n})
	}
	b.at = n
	return nil
}

// add adds an attribute or a namespace declaration.
func (n *node) add(a xml.Attr) error {
	name := a.Name
	if strings.Contains(name.Local, ":") {
		return fmt.Errorf("the name %.50q", name.Local)
	}
	switch {
	case name.Space == "" && name.Local == "xmlns":
		name.Local = ""
	case name.Space == "xmlns":
		if name.Local == "xml" || name.Local == "xmlns" || a.Value == "" || a.Value == xmlSpace {
			return errors.New("a namespace that cannot be declared")
		}
	default:
		n.attrs = append(n.attrs, attr{prefix: name.Space, local: name.Local, value: a.Value})
		return nil
	}
	if a.Value == xmlSpace || a.Value == "http://www.w3.org/2000/xmlns/" {
		return errors.New("a namespace that cannot be declared")
	}
	for _, d := range n.decls {
		if d.local == name.Local {
			return errors.New("a namespace declared twice")
		}
	}
	n.decls = append(n.decls, attr{local: name.Local, value: a.Value})
	return nil
}

func (b *builder) end(t xml.EndElement) error {
	if b.at == nil || b.at.prefix != t.Name.Space || b.at.local != t.Name.Local {
		return errors.New("an end without its beginning")
	}
	b.at = b.at.parent
	b.depth--
	return nil
}

func (b *builder) text(s string) error {
	if b.at == nil {
		if strings.TrimSpace(s) != "" {
			return errors.New("text outside of the root")
		}
		return nil
	}
	b.at.children = append(b.at.children, child{text: s})
	return nil
}

// resolve finds the namespaces of all names and refuses duplicate attributes.
func (n *node) resolve() error {
	var ok bool
	if n.space, ok = n.lookup(n.prefix); !ok && n.prefix != "" {
		return fmt.Errorf("the prefix %.50q is not declared", n.prefix)
	}
	for i := range n.attrs {
		a := &n.attrs[i]
		if a.prefix != "" {
			if a.space, ok = n.lookup(a.prefix); !ok {
				return fmt.Errorf("the prefix %.50q is not declared", a.prefix)
			}
		}
		for _, other := range n.attrs[:i] {
			if other.space == a.space && other.local == a.local {
				return fmt.Errorf("the attribute %.50q twice", a.local)
			}
		}
	}
	for _, c := range n.children {
		if c.el != nil {
			if err := c.el.resolve(); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookup is the namespace that a prefix stands for at n.
func (n *node) lookup(prefix string) (string, bool) {
	if prefix == "xml" {
		return xmlSpace, true
	}
	for ; n != nil; n = n.parent {
		for _, d := range n.decls {
			if d.local == prefix {
				return d.value, true
			}
		}
	}
	return "", false
}

func (n *node) is(space, local string) bool { return n.space == space && n.local == local }

// elements are the children that are elements.
func (n *node) elements() (out []*node) {
	for _, c := range n.children {
		if c.el != nil {
			out = append(out, c.el)
		}
	}
	return out
}

// all are the children of this name.
func (n *node) all(space, local string) (out []*node) {
	for _, c := range n.children {
		if c.el != nil && c.el.is(space, local) {
			out = append(out, c.el)
		}
	}
	return out
}

// one is the only child of this name, or nil if there is none; several are an
// error.
func (n *node) one(space, local string) (*node, error) {
	list := n.all(space, local)
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return list[0], nil
	}
	return nil, fmt.Errorf("%w: more than one %s", ErrMalformed, local)
}

// must is the only child of this name; none is an error too.
func (n *node) must(space, local string) (*node, error) {
	c, err := n.one(space, local)
	if err == nil && c == nil {
		err = fmt.Errorf("%w: no %s", ErrMalformed, local)
	}
	return c, err
}

// attr is an attribute without a namespace, or "".
func (n *node) attr(local string) string {
	v, _ := n.has(local)
	return v
}

func (n *node) has(local string) (string, bool) {
	for _, a := range n.attrs {
		if a.space == "" && a.local == local {
			return a.value, true
		}
	}
	return "", false
}

// content is the text of an element that has no elements.
func (n *node) content() (string, error) {
	var b strings.Builder
	for _, c := range n.children {
		if c.el != nil {
			return "", fmt.Errorf("%w: elements in %s", ErrMalformed, n.local)
		}
		b.WriteString(c.text)
	}
	return b.String(), nil
}

// walk calls f with n and everything below it.
func (n *node) walk(f func(*node) error) error {
	if err := f(n); err != nil {
		return err
	}
	for _, c := range n.children {
		if c.el != nil {
			if err := c.el.walk(f); err != nil {
				return err
			}
		}
	}
	return nil
}
