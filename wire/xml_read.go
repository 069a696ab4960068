package wire

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxAttrs = 16 // of one element; AWS's messages have two at most

var errXML = Errorf("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")

func malformed(what string) error { return errXML.With(errors.New(what)) }

// An xmlReader reads one XML document (XML 1.0, UTF-8) into a tree. Document
// types, and with them every entity but XML's five, are refused.
type xmlReader struct {
	src   string
	pos   int
	tree  tree
	stack []*node // the open elements, the document first
	room  [16]*node
}

func parseXML(data []byte) (*node, error) {
	if !utf8.Valid(data) {
		return nil, malformed("invalid UTF-8")
	}
	r := xmlReader{src: strings.TrimPrefix(string(data), "\uFEFF")}
	doc := r.tree.node("")
	r.stack = append(r.room[:0], doc)
	for r.pos < len(r.src) {
		var err error
		if r.src[r.pos] == '<' {
			err = r.markup()
		} else {
			err = r.text()
		}
		if err != nil {
			return nil, err
		}
	}
	if len(r.stack) != 1 || doc.kids != 1 {
		return nil, malformed("want one root element")
	}
	return doc.first, nil
}

func (r *xmlReader) top() *node { return r.stack[len(r.stack)-1] }

// until returns what stands before the end mark and reads past both.
func (r *xmlReader) until(skip int, end string) (string, error) {
	i := strings.Index(r.src[r.pos+skip:], end)
	if i < 0 {
		return "", malformed("unexpected end")
	}
	s := r.src[r.pos+skip : r.pos+skip+i]
	r.pos += skip + i + len(end)
	return s, nil
}

func (r *xmlReader) markup() error {
	rest := r.src[r.pos:]
	switch {
	case strings.HasPrefix(rest, "</"):
		return r.endTag()
	case strings.HasPrefix(rest, "<!--"):
		_, err := r.until(4, "-->")
		return err
	case strings.HasPrefix(rest, "<![CDATA["):
		s, err := r.until(9, "]]>")
		if err == nil && len(r.stack) == 1 {
			err = malformed("text outside the root element")
		}
		if err != nil {
			return err
		}
		return r.piece(s)
	case strings.HasPrefix(rest, "<?"):
		s, err := r.until(2, "?>")
		if _, encoding, ok := strings.Cut(s, "encoding="); ok && err == nil && strings.HasPrefix(s, "xml ") {
			if encoding = strings.Trim(encoding, `"' `); len(encoding) < 5 || !strings.EqualFold(encoding[:5], "utf-8") {
				return malformed("an encoding that is not UTF-8")
			}
		}
		return err
	case strings.HasPrefix(rest, "<!"):
		return malformed("a document type")
	}
	return r.startTag()
}

func (r *xmlReader) endTag() error {
	name, err := r.until(2, ">")
	if err != nil {
		return err
	}
	top := r.top()
	if len(r.stack) == 1 || strings.TrimRight(name, " \t\r\n") != top.name {
		return malformed("elements do not nest")
	}
	if top.pieces != nil {
		top.text, top.pieces = string(top.pieces), nil
	}
	r.stack = r.stack[:len(r.stack)-1]
	return nil
}

func (r *xmlReader) startTag() error {
	r.pos++
	name := r.name()
	if name == "" {
		return malformed("want a name")
	}
	if len(r.stack) > maxDepth {
		return errDepth
	}
	if len(r.stack) == 1 && r.top().kids == 1 {
		return malformed("more than one root element")
	}
	n := r.tree.node(name)
	if n == nil {
		return malformed("too many elements")
	}
	r.top().add(n)
	for {
		spaced := r.space()
		switch {
		case r.pos >= len(r.src):
			return malformed("unexpected end")
		case r.src[r.pos] == '>':
			r.pos++
			r.stack = append(r.stack, n)
			return nil
		case strings.HasPrefix(r.src[r.pos:], "/>"):
			r.pos += 2
			return nil
		case !spaced || len(n.attrs) == maxAttrs:
			return malformed("bad attributes")
		}
		if err := r.attribute(n); err != nil {
			return err
		}
	}
}

func (r *xmlReader) attribute(n *node) error {
	name := r.name()
	r.space()
	if name == "" || r.pos >= len(r.src) || r.src[r.pos] != '=' {
		return malformed("want an attribute")
	}
	r.pos++
	r.space()
	if r.pos >= len(r.src) || r.src[r.pos] != '"' && r.src[r.pos] != '\'' {
		return malformed("want a quoted value")
	}
	raw, err := r.until(1, r.src[r.pos:r.pos+1])
	if err != nil {
		return err
	}
	if strings.IndexByte(raw, '<') >= 0 {
		return malformed("a tag in an attribute")
	}
	value, err := plainText(raw)
	if err != nil {
		return err
	}
	for _, a := range n.attrs {
		if a.name == name {
			return malformed("an attribute twice")
		}
	}
	n.attrs = append(n.attrs, attr{name, value})
	return nil
}

// name reads a name with its prefix, if any.
func (r *xmlReader) name() string {
	start := r.pos
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c >= utf8.RuneSelf, c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
		case (c >= '0' && c <= '9' || c == '-' || c == '.') && r.pos > start:
		default:
			return r.src[start:r.pos]
		}
		r.pos++
	}
	return r.src[start:r.pos]
}

// space reads white space, if there is any.
func (r *xmlReader) space() bool {
	start := r.pos
	for r.pos < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.pos]) >= 0 {
		r.pos++
	}
	return r.pos > start
}

// text reads character data up to the next tag.
func (r *xmlReader) text() error {
	s := r.src[r.pos:]
	if i := strings.IndexByte(s, '<'); i >= 0 {
		s = s[:i]
	}
	r.pos += len(s)
	if len(r.stack) == 1 {
		if strings.Trim(s, " \t\r\n") != "" {
			return malformed("text outside the root element")
		}
		return nil
	}
	s, err := plainText(s)
	if err != nil {
		return err
	}
	return r.piece(s)
}

// piece adds text to the open element. Text usually comes in one piece.
func (r *xmlReader) piece(s string) error {
	n := r.top()
	switch {
	case n.pieces != nil:
		n.pieces = append(n.pieces, s...)
	case n.text == "":
		n.text = s
	default:
		n.pieces = append(append(make([]byte, 0, 2*(len(n.text)+len(s))), n.text...), s...)
	}
	return nil
}

// plainText resolves references and line ends, and refuses characters that XML
// has not.
func plainText(s string) (string, error) {
	plain := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == '&', c == '\r':
			plain = false
		case c < 0x20 && c != '\t' && c != '\n':
			return "", malformed("a control character")
		}
	}
	if plain {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		switch {
		case s[0] == '\r':
			b = append(b, '\n')
			s = strings.TrimPrefix(s[1:], "\n")
		case s[0] != '&':
			b = append(b, s[0])
			s = s[1:]
		default:
			end := strings.IndexByte(s[:min(len(s), 16)], ';')
			if end < 0 {
				return "", malformed("a bare &")
			}
			c, ok := reference(s[1:end])
			if !ok {
				return "", malformed("an unknown entity")
			}
			b = utf8.AppendRune(b, c)
			s = s[end+1:]
		}
	}
	return string(b), nil
}

// reference returns the character that an entity or a number stands for.
func reference(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	c := rune(n)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(c) || c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
		return 0, false
	}
	return c, true
}
