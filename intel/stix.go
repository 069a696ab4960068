package intel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// stix reads STIX 1.x (XML: CybOX observables with addresses and domain names)
// and STIX 2.x (JSON: indicators with patterns, and observables).
func (l *List) stix(data []byte) error {
	switch trimmed := bytes.TrimLeft(data, " \t\r\n"); {
	case len(trimmed) == 0:
		return fmt.Errorf("%w: it is empty", ErrFormat)
	case trimmed[0] == '<':
		return l.stixXML(data)
	case trimmed[0] == '{':
		return l.stixJSON(data)
	}
	return fmt.Errorf("%w: it is neither XML nor JSON", ErrFormat)
}

// stixXML walks the tags itself: it needs two elements, resolves no entities and
// reads no document types, so that no document can make it work.
func (l *List) stixXML(data []byte) error {
	line, pos := 1, 0
	root, inDomain := false, false
	for {
		i := bytes.IndexByte(data[pos:], '<')
		if i < 0 {
			break
		}
		line += bytes.Count(data[pos:pos+i], newline)
		pos += i
		rest := data[pos:]
		end := tagEnd(rest)
		if end < 0 {
			l.bad(line, "a tag is not closed")
			break
		}
		tag := rest[1:end]
		pos += end + 1
		if len(tag) == 0 || tag[0] == '!' || tag[0] == '?' {
			line += bytes.Count(tag, newline)
			continue
		}
		name := localName(tag)
		switch {
		case bytes.HasPrefix(name, []byte("STIX_Package")):
			root = true
		case bytes.HasPrefix(name, []byte("Properties")) && tag[0] != '/':
			inDomain = bytes.Contains(tag, []byte("DomainNameObjectType"))
		case tag[0] != '/' && (bytes.HasPrefix(name, []byte("Address_Value")) || inDomain && bytes.Equal(name, []byte("Value"))):
			n := bytes.IndexByte(data[pos:], '<')
			if n < 0 {
				n = len(data) - pos
			}
			if err := l.observable(line, string(bytes.TrimSpace(data[pos:pos+n])), bytes.Contains(tag, []byte("Between"))); err != nil {
				return err
			}
		}
		line += bytes.Count(tag, newline)
	}
	if !root {
		return fmt.Errorf("%w: it has no STIX_Package", ErrFormat)
	}
	return nil
}

var newline = []byte("\n")

// tagEnd finds the end of the tag, comment or CDATA section that begins b.
func tagEnd(b []byte) int {
	if bytes.HasPrefix(b, []byte("<!--")) {
		if i := bytes.Index(b, []byte("-->")); i >= 0 {
			return i + 2
		}
		return -1
	}
	if len(b) < 3 {
		return -1
	}
	return bytes.IndexByte(b, '>')
}

func localName(tag []byte) []byte {
	tag = bytes.TrimPrefix(tag, []byte("/"))
	if i := bytes.IndexAny(tag, " \t\r\n/"); i >= 0 {
		tag = tag[:i]
	}
	if i := bytes.IndexByte(tag, ':'); i >= 0 {
		tag = tag[i+1:]
	}
	return tag
}

// observable takes a value of CybOX: several values are joined by ##comma##, and
// with the condition InclusiveBetween two of them are a range.
func (l *List) observable(line int, value string, between bool) error {
	parts := strings.Split(value, "##comma##")
	if between && len(parts) == 2 {
		from, to := strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1])
		a, ok := parsePrefix(from)
		b, ok2 := parsePrefix(to)
		if !ok || !ok2 || !a.IsSingleIP() || !b.IsSingleIP() || a.Addr().Is4() != b.Addr().Is4() || b.Addr().Less(a.Addr()) {
			l.bad(line, "not a range of addresses")
			return nil
		}
		for _, p := range prefixes(a.Addr(), b.Addr()) {
			if err := l.addPrefix(line, p, ""); err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range parts {
		if err := l.add(line, strings.TrimSpace(p), ""); err != nil {
			return err
		}
	}
	return nil
}

// prefixes cuts a range of addresses into CIDR ranges, at most two for each bit.
func prefixes(from, to netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for {
		bits := from.BitLen()
		for bits > 0 {
			p := netip.PrefixFrom(from, bits-1)
			if p.Masked().Addr() != from || to.Less(last(p)) {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(from, bits)
		out = append(out, p)
		end := last(p)
		if !end.Less(to) {
			return out
		}
		from = end.Next()
	}
}

func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// stixJSON reads a STIX 2 bundle object by object.
func (l *List) stixJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := toObjects(d); err != nil {
		return err
	}
	line, counted := 1, 0
	for d.More() {
		var o struct{ Type, Name, Value, Pattern string }
		err := d.Decode(&o)
		offset := int(d.InputOffset())
		line += bytes.Count(data[counted:offset], newline)
		counted = offset
		var wrong *json.UnmarshalTypeError
		switch {
		case err == nil:
		case asType(err, &wrong):
			l.bad(line, "an object's members have the wrong types")
			continue
		default:
			return fmt.Errorf("%w: line %d: %v", ErrFormat, line, err)
		}
		switch o.Type {
		case "indicator":
			err = l.pattern(line, o.Pattern, o.Name)
		case "ipv4-addr", "ipv6-addr", "domain-name":
			err = l.add(line, o.Value, "")
		default:
			l.Other++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func asType(err error, to **json.UnmarshalTypeError) bool {
	e, ok := err.(*json.UnmarshalTypeError)
	*to = e
	return ok
}

// toObjects moves to the first element of the bundle's objects.
func toObjects(d *json.Decoder) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("%w: it is not a JSON object", ErrFormat)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("%w: %v", ErrFormat, err)
		}
		if key == "objects" {
			if t, err := d.Token(); err != nil || t != json.Delim('[') {
				return fmt.Errorf("%w: objects is not an array", ErrFormat)
			}
			return nil
		}
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil && err != io.EOF {
			return fmt.Errorf("%w: %v", ErrFormat, err)
		}
	}
	return fmt.Errorf("%w: it has no objects", ErrFormat)
}

// pattern takes the comparisons of a STIX pattern with addresses and domains,
// such as [ipv4-addr:value = '198.51.100.1' OR domain-name:value IN ('a.example')].
// Negated ones are not indicators.
func (l *List) pattern(line int, s, name string) error {
	found := false
	for {
		i := strings.Index(s, ":value")
		if i < 0 {
			break
		}
		object := s[strings.LastIndexAny(s[:i], " [(")+1 : i]
		negated := strings.HasSuffix(strings.TrimRight(s[:i-len(object)], " "), "NOT")
		s = strings.TrimLeft(s[i+len(":value"):], " ")
		operator := s
		if q := strings.IndexByte(s, '\''); q >= 0 {
			operator, s = strings.TrimSpace(s[:q]), s[q:]
		} else {
			s = ""
		}
		wanted := object == "ipv4-addr" || object == "ipv6-addr" || object == "domain-name"
		many := strings.HasPrefix(operator, "IN")
		wanted = wanted && !negated && (many || operator == "=" || operator == "ISSUBSET")
		for strings.HasPrefix(s, "'") {
			q := strings.IndexByte(s[1:], '\'')
			if q < 0 {
				l.bad(line, "a pattern's string is not closed")
				return nil
			}
			if wanted {
				found = true
				if err := l.add(line, s[1:1+q], name); err != nil {
					return err
				}
			}
			s = s[q+2:]
			if !many {
				break
			}
			s = strings.TrimLeft(s, " ,")
		}
	}
	if !found {
		l.Other++
	}
	return nil
}
