package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
)

// value is one value of a condition, compiled for its operator. An invalid
// value, such as a date that is none, matches nothing.
type value struct {
	valid   bool
	yes     bool // boolean, null
	number  number
	instant instant
	network netip.Prefix
	text    pattern // string operators, boolean with a variable
	arn     arnPattern
	binary  string // decoded
}

// compileValue reads text for test. Variables work in the string, ARN and
// boolean operators only.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-conditionelement
func compileValue(t test, text string, with syntax) value {
	v := value{valid: true}
	switch t {
	case stringEquals, stringEqualsIgnoreCase:
		v.text = compilePattern(text, with&variables)
	case stringLike:
		v.text = compilePattern(text, with|wildcards)
	case arnLike:
		v.arn = compileARNValue(text, with|wildcards)
	case boolean:
		v.text = compilePattern(strings.ToLower(text), with&variables)
	case null:
		v.yes, v.valid = parseBool(text)
	case binaryEquals:
		b, err := base64.StdEncoding.DecodeString(text)
		v.binary, v.valid = string(b), err == nil
	case ipAddress:
		v.network, v.valid = parseNetwork(text)
	case numericEquals, numericLess, numericLessEquals, numericGreater, numericGreaterEquals:
		v.number, v.valid = parseNumber(text)
	default:
		v.instant, v.valid = parseInstant(text)
	}
	return v
}

func parseBool(s string) (yes, ok bool) {
	return equalFold(s, "true"), equalFold(s, "true") || equalFold(s, "false")
}

// matches tests value i of the context by the operator without its negation.
func (v *value) matches(t test, f found, i int, c *Context) bool {
	if !v.valid {
		return false
	}
	switch t {
	case stringEquals, stringLike:
		return v.text.match(f.at(i), c)
	case stringEqualsIgnoreCase:
		return v.text.matchFold(f.at(i), c)
	case boolean:
		_, ok := parseBool(f.at(i))
		return ok && v.text.matchFold(f.at(i), c)
	case arnLike:
		a := splitARN(f.at(i))
		return a.arn && v.arn.match(&a, c)
	case binaryEquals:
		return v.binary == f.at(i)
	case ipAddress:
		addr, err := netip.ParseAddr(f.at(i))
		return err == nil && v.network.Contains(addr.Unmap().WithZone(""))
	case numericEquals, numericLess, numericLessEquals, numericGreater, numericGreaterEquals:
		n, ok := f.number(i)
		return ok && compares(t-numericEquals, n.compare(v.number))
	default:
		at, ok := f.instant(i)
		return ok && compares(t-dateEquals, at.compare(v.instant))
	}
}

// compares applies an ordering test, counted from its Equals, to the outcome
// of a comparison.
func compares(t test, order int) bool {
	switch t + numericEquals {
	case numericEquals:
		return order == 0
	case numericLess:
		return order < 0
	case numericLessEquals:
		return order <= 0
	case numericGreater:
		return order > 0
	}
	return order >= 0
}

// parseNetwork reads a CIDR block; an address alone is a block of one.
func parseNetwork(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, false
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

// matchFold is match for text that ignores case and has no wildcards.
func (p *pattern) matchFold(s string, c *Context) bool {
	if p.form == exact {
		return strings.EqualFold(s, p.lit)
	}
	for i := range p.tokens {
		t := &p.tokens[i]
		want := t.text
		if t.kind == variable {
			var ok bool
			if want, ok = c.resolve(t); !ok {
				return false
			}
		}
		if len(s) < len(want) || !strings.EqualFold(s[:len(want)], want) {
			return false
		}
		s = s[len(want):]
	}
	return s == ""
}
