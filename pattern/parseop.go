package pattern

import (
	"regexp"
	"strconv"
	"strings"
)

// expression reads {"operator": argument}; the brace has been read.
func (p *parser) expression() (m matcher) {
	if p.next() != nameToken {
		p.fail("Match expression name not found")
		return m
	}
	switch name := p.field; name {
	case "exactly":
		m = matcher{op: opString, s: p.str("exact match pattern must be a string")}
	case "prefix", "suffix":
		return p.affix(name)
	case "equals-ignore-case":
		m = matcher{op: opFold, s: fold(p.str("equals-ignore-case match pattern must be a string"))}
	case "wildcard":
		m = p.wildcard(p.str("wildcard match pattern must be a string"))
	case "cidr":
		m = p.cidr(p.str("prefix match pattern must be a string")) // the text is EventBridge's
	case "exists":
		switch p.next() {
		case trueToken:
			m = matcher{op: opExists}
		case falseToken:
			m = matcher{op: opAbsent}
		default:
			p.fail("exists match pattern must be either true or false.")
		}
	case "numeric":
		return p.numeric()
	case "anything-but":
		return p.anythingBut()
	default:
		p.fail("Unrecognized match type %s", name)
	}
	p.close("Only one key allowed in match expression")
	return m
}

// close wants the end of the expression's object.
func (p *parser) close(otherwise string) {
	if p.failed == nil && p.next() != endObject {
		p.fail("%s", otherwise)
	}
}

// str reads a string argument.
func (p *parser) str(otherwise string) string {
	if p.next() != stringToken {
		p.fail("%s", otherwise)
		return ""
	}
	return p.text()
}

func (p *parser) affix(name string) (m matcher) {
	exact, folded := opPrefix, opPrefixFold
	if name == "suffix" {
		exact, folded = opSuffix, opSuffixFold
	}
	switch p.next() {
	case stringToken:
		m = matcher{op: exact, s: p.text()}
	case beginObject:
		if p.next() != nameToken {
			p.fail("%s expression name not found", strings.ToUpper(name[:1])+name[1:])
		} else if p.field != "equals-ignore-case" {
			p.fail("Unsupported %s pattern: %s", name, p.field)
		}
		m = matcher{op: folded, s: fold(p.str("equals-ignore-case match pattern must be a string"))}
		p.close("Only one key allowed in match expression")
	default:
		p.fail("%s match pattern must be a string", name)
	}
	p.close("Only one key allowed in match expression")
	return m
}

func (p *parser) wildcard(s string) matcher {
	w, bad := parseWildcard(s)
	switch {
	case p.failed != nil:
	case bad != "":
		p.fail("%s", bad)
	case w.exceeds(p.limits.Complexity):
		p.failBare(tooComplex)
	case len(w.parts) == 1:
		return matcher{op: opString, s: w.parts[0]}
	}
	return matcher{op: opWildcard, s: s, wild: w}
}

var looksIP = regexp.MustCompile(`^(?:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*)$`)

// cidr reads a block; host bits may be set, the whole block is meant.
func (p *parser) cidr(s string) matcher {
	if p.failed != nil {
		return matcher{}
	}
	parts := strings.Split(s, "/")
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	if len(parts) != 2 {
		p.failBare("Malformed CIDR, one '/' required")
		return matcher{}
	}
	bits, err := strconv.ParseInt(parts[1], 10, 32)
	a, ok := parseIP([]byte(parts[0]))
	switch {
	case err != nil:
		p.failBare("Malformed CIDR, mask bits must be an integer")
	case bits < 0:
		p.failBare("Malformed CIDR, mask bits must not be negative")
	case !looksIP.MatchString(parts[0]):
		p.failBare("Nonstandard IP address: " + parts[0])
	case !ok:
		p.failBare("Invalid IP address: " + parts[0])
	case !a.v6 && bits > 31:
		p.failBare("IPv4 mask bits must be < 32")
	case bits > 127:
		p.failBare("IPv6 mask bits must be < 128")
	}
	if p.failed != nil {
		return matcher{}
	}
	return matcher{op: opCIDR, ip: a.masked(int(bits)), bits: int(bits)}
}

const outOfRange = "Value must be between -5.0E9 and 5.0E9, inclusive"

// numeric reads ["=", n], ["<", n], … or a range [">", n, "<=", m].
func (p *parser) numeric() matcher {
	const tooMany = "Too many elements in numeric expression"
	if p.next() != beginArray {
		p.fail("Value of numeric must be an array.")
		return matcher{}
	}
	if p.next() != stringToken {
		p.fail("Invalid member in numeric match: %s", p.text())
		return matcher{}
	}
	m := matcher{op: opRange, lo: -maxMillions, hi: maxMillions}
	op := p.text()
	if op != "=" && op != "<" && op != "<=" && op != ">" && op != ">=" {
		p.next()
		p.fail("Unrecognized numeric range operator: %s", op)
		return m
	}
	named := op
	if op == "=" {
		named = "equals"
	}
	v := p.bound(named)
	p.next()
	switch op {
	case "=":
		m = matcher{op: opNumber, lo: v, hi: v}
	case "<":
		m.hi = v - 1
	case "<=":
		m.hi = v
	case ">":
		m.lo = v + 1
	case ">=":
		m.lo = v
	}
	if op[0] == '>' && p.failed == nil && p.tok != endArray {
		m.hi = p.upper(v)
	} else if p.tok != endArray {
		p.fail(tooMany)
	}
	p.close(tooMany)
	return m
}

// upper reads the second half of a range that begins at lower.
func (p *parser) upper(lower int64) int64 {
	if p.tok != stringToken {
		p.fail("Bad value in numeric range: %s", p.text())
		return 0
	}
	op := p.text()
	if op != "<" && op != "<=" {
		p.fail("Bad numeric range operator: %s", op)
		return 0
	}
	hi := p.bound(op)
	if p.next() != endArray {
		p.fail("Too many terms in numeric range expression")
	} else if hi <= lower {
		p.fail("Bottom must be less than top")
	}
	if op == "<" {
		hi--
	}
	return hi
}

// bound reads a number that can be compared.
func (p *parser) bound(op string) int64 {
	if p.next() != numberToken {
		p.fail("Value of %s must be numeric", op)
		return 0
	}
	v, ok, _ := number([]byte(p.lit))
	if !ok {
		p.fail(outOfRange)
	}
	return v
}
