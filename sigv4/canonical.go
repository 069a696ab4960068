package sigv4

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// canon builds canonical requests in buffers that are used again.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type canon struct {
	buf    []byte  // the canonical request
	query  []byte  // the parameters, names and values encoded AWS's way
	params []param // where they lie in query
}

type param struct{ name, value, end uint32 } // offsets: name, value, end of value

func (c *canon) name(p param) []byte  { return c.query[p.name:p.value] }
func (c *canon) value(p param) []byte { return c.query[p.value:p.end] }

// parseQuery reads a raw query string into c.params, each name and value
// decoded and encoded again, so that two spellings of one parameter are one.
func (c *canon) parseQuery(raw string) error {
	c.query, c.params = c.query[:0], c.params[:0]
	if raw == "" {
		return nil
	}
	if len(raw) > maxQuery || strings.Count(raw, "&") >= maxParams {
		return &Error{Reason: MalformedQuery, Detail: "The query string is too long."}
	}
	for len(raw) > 0 {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		p := param{name: uint32(len(c.query))}
		var ok, okValue bool
		c.query, ok = appendReencoded(c.query, name, false)
		p.value = uint32(len(c.query))
		c.query, okValue = appendReencoded(c.query, value, false)
		p.end = uint32(len(c.query))
		if !ok || !okValue {
			return &Error{Reason: MalformedQuery, Detail: "Illegal hex character in escape % pattern."}
		}
		c.params = append(c.params, p)
	}
	return nil
}

// sortQuery sorts the parameters by encoded name, then by encoded value.
func (c *canon) sortQuery() {
	slices.SortFunc(c.params, func(a, b param) int {
		if d := bytes.Compare(c.name(a), c.name(b)); d != 0 {
			return d
		}
		return bytes.Compare(c.value(a), c.value(b))
	})
}

// build writes the canonical request of r to c.buf, but for the payload hash it
// ends in. parseQuery must have run.
// It reports false if a signed header is not in the request, or the path
// cannot be decoded: nothing such a request carries can be a valid signature.
func (c *canon) build(r *http.Request, rules *Rules, signedHeaders string) bool {
	b := append(c.buf[:0], r.Method...)
	b = append(b, '\n')
	b, ok := appendPath(b, rawPath(r), rules.single, rules.keepPath)
	b = append(b, '\n')

	c.sortQuery()
	sep := false
	for _, p := range c.params {
		if string(c.name(p)) == "X-Amz-Signature" {
			continue
		}
		if sep {
			b = append(b, '&')
		}
		sep = true
		b = append(append(append(b, c.name(p)...), '='), c.value(p)...)
	}
	b = append(b, '\n')

	for rest := signedHeaders; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, ";")
		b = append(append(b, name...), ':')
		var found bool
		if b, found = appendHeader(b, r, name); !found {
			ok = false
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	c.buf = append(append(b, signedHeaders...), '\n')
	return ok
}

// rawPath is the path as it stood on the request line; a mux or StripPrefix
// may have changed r.URL since.
func rawPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	return r.URL.EscapedPath()
}

// appendPath appends the canonical URI of path. Everyone but S3 removes dot
// segments and empty segments, and encodes what is already encoded once more.
func appendPath(dst []byte, path string, single, keep bool) ([]byte, bool) {
	start, ok := len(dst), true
	add := func(s string) {
		if single {
			var good bool
			dst, good = appendReencoded(dst, s, true)
			ok = ok && good
		} else {
			dst = appendEncoded(dst, s)
		}
	}
	if keep {
		if add(path); len(dst) == start {
			dst = append(dst, '/')
		}
		return dst, ok
	}
	for rest := path; rest != ""; {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		switch segment {
		case "", ".":
		case "..":
			if i := bytes.LastIndexByte(dst[start:], '/'); i >= 0 {
				dst = dst[:start+i]
			}
		default:
			dst = append(dst, '/')
			add(segment)
		}
	}
	if len(dst) == start || strings.HasSuffix(path, "/") {
		dst = append(dst, '/')
	}
	return dst, ok
}

// appendHeader appends the values of the named header, each trimmed and with
// runs of white space made one space, joined by commas. It reports whether the
// header is there. net/http moves some headers out of the map.
func appendHeader(dst []byte, r *http.Request, name string) ([]byte, bool) {
	switch name {
	case "host":
		if r.Host == "" && r.URL != nil {
			return append(dst, r.URL.Host...), r.URL.Host != ""
		}
		return appendTrimmed(dst, r.Host), r.Host != ""
	case "transfer-encoding":
		for i, v := range r.TransferEncoding {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendTrimmed(dst, v)
		}
		return dst, len(r.TransferEncoding) > 0
	}
	var key [maxName]byte
	n := canonicalKey(&key, name)
	values := r.Header[string(key[:n])] // no allocation in a map index
	if len(values) == 0 {
		if name == "content-length" && r.ContentLength >= 0 {
			return strconv.AppendInt(dst, r.ContentLength, 10), true
		}
		return dst, false
	}
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTrimmed(dst, v)
	}
	return dst, true
}

// canonicalKey writes the key net/http files the lower-case header name under.
func canonicalKey(dst *[maxName]byte, name string) int {
	upper := true
	n := copy(dst[:], name)
	for i := range n {
		if upper && 'a' <= dst[i] && dst[i] <= 'z' {
			dst[i] -= 'a' - 'A'
		}
		upper = dst[i] == '-'
	}
	return n
}

func appendTrimmed(dst []byte, s string) []byte {
	if strings.IndexByte(s, ' ') < 0 && strings.IndexByte(s, '\t') < 0 {
		return append(dst, s...) // net/http lets no other white space through
	}
	start, space := len(dst), false
	for i := 0; i < len(s); i++ {
		if ch := s[i]; ch != ' ' && ch != '\t' {
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, ch)
		} else {
			space = true
		}
	}
	return dst
}

const upperHex = "0123456789ABCDEF"

func unreserved(ch byte) bool {
	return 'a' <= ch && ch <= 'z' || 'A' <= ch && ch <= 'Z' || '0' <= ch && ch <= '9' ||
		ch == '-' || ch == '.' || ch == '_' || ch == '~'
}

func appendByte(dst []byte, ch byte) []byte {
	if unreserved(ch) {
		return append(dst, ch)
	}
	return append(dst, '%', upperHex[ch>>4], upperHex[ch&15])
}

// appendEncoded percent-encodes every byte outside RFC 3986's unreserved set.
func appendEncoded(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		dst = appendByte(dst, s[i])
	}
	return dst
}

// appendReencoded percent-decodes s and encodes it again. In a query a plus is
// a space; in a path it is a plus, and a slash stays one. It reports false at
// a percent sign that two hex digits do not follow.
func appendReencoded(dst []byte, s string, path bool) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case ch == '%':
			if i+2 >= len(s) {
				return dst, false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi > 15 || lo > 15 {
				return dst, false
			}
			ch = hi<<4 | lo
			i += 2
		case ch == '+' && !path:
			ch = ' '
		}
		if ch == '/' && path {
			dst = append(dst, ch)
			continue
		}
		dst = appendByte(dst, ch)
	}
	return dst, true
}

// unhex returns the value of a hex digit, or 255.
func unhex(ch byte) byte {
	switch {
	case '0' <= ch && ch <= '9':
		return ch - '0'
	case 'a' <= ch && ch <= 'f':
		return ch - 'a' + 10
	case 'A' <= ch && ch <= 'F':
		return ch - 'A' + 10
	}
	return 255
}

// appendDecoded appends the plain text of what appendReencoded wrote.
func appendDecoded(dst, encoded []byte) []byte {
	for i := 0; i < len(encoded); i++ {
		ch := encoded[i]
		if ch == '%' {
			ch = unhex(encoded[i+1])<<4 | unhex(encoded[i+2])
			i += 2
		}
		dst = append(dst, ch)
	}
	return dst
}
