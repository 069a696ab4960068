package lint

import (
	"encoding/base64"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value checks that a value is one of the operator's type.
func (l *linter) value(c *condition, v *node) {
	switch c.family {
	case stringOp:
		if !c.like && strings.ContainsAny(v.text, "*?") {
			l.about("WILDCARD_WITHOUT_LIKE_OPERATOR", at(v))
		}
	case numericOp:
		if _, err := strconv.ParseFloat(v.text, 64); err != nil || strings.ContainsAny(v.text, "xXpP_nN") {
			l.about("TYPE_MISMATCH_NUMBER", at(v), c.opName)
		}
	case dateOp:
		l.date(c, v)
	case boolOp, nullOp:
		if word := lower(v.text); word != "true" && word != "false" {
			l.about("TYPE_MISMATCH_BOOLEAN", at(v), c.opName)
		}
	case binaryOp:
		if _, err := base64.StdEncoding.DecodeString(v.text); err != nil {
			l.about("TYPE_MISMATCH_STRING", at(v), c.opName)
		}
	case ipOp:
		prefix, ok := network(v.text)
		switch {
		case !ok:
			l.about("TYPE_MISMATCH_IP_RANGE", at(v), c.opName)
		case prefix.Masked() != prefix:
			l.about("IMPROVE_IP_RANGE", at(v), prefix.Masked().String())
		}
	}
}

// dateLayouts are the forms of ISO 8601 that the W3C's note lists.
// https://www.w3.org/TR/NOTE-datetime
var dateLayouts = []string{
	"2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
}

func (l *linter) date(c *condition, v *node) {
	if _, err := strconv.ParseInt(v.text, 10, 64); err == nil && len(v.text) != 4 {
		if c.key != "aws:epochtime" {
			l.about("INVALID_DATE_VALUE", at(v), v.text)
		}
		return
	}
	if !slices.ContainsFunc(dateLayouts, func(layout string) bool {
		_, err := time.Parse(layout, v.text)
		return err == nil
	}) {
		l.about("TYPE_MISMATCH_DATE", at(v))
	}
}

// network reads an address or a CIDR block.
func network(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// privates are the blocks whose addresses never reach AWS as a source.
var privateBlocks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"),
}

func isPrivate(p netip.Prefix) bool {
	return slices.ContainsFunc(privateBlocks, func(b netip.Prefix) bool {
		return b.Bits() <= p.Bits() && b.Contains(p.Addr())
	})
}

// addresses: aws:SourceIp is the public address of who asks.
func (l *linter) addresses(c *condition) {
	if c.key != "aws:sourceip" || c.family != ipOp {
		return
	}
	private, public := 0, 0
	for _, v := range c.values {
		p, ok := network(v.text)
		switch {
		case ok && isPrivate(p):
			private++
		default:
			public++
		}
	}
	code := "PRIVATE_IP_ADDRESS"
	if c.negated {
		code = "PRIVATE_NOT_IP_ADDRESS"
	}
	switch {
	case private == 0:
		return
	case public > 0:
		code += "_SUBSET"
	}
	l.about(code, at(c.node))
}

// together checks the values of a condition as a whole.
func (l *linter) together(c *condition) {
	if len(c.values) < 2 {
		return
	}
	switch {
	case c.family == boolOp:
		l.about("INVALID_CONDITION_MULTIPLE_BOOLEAN", at(c.node))
	case c.family == numericOp && c.less:
		l.about("REDUNDANT_CONDITION_VALUE_NUM", at(c.node), c.opName, "greatest", c.name)
	case c.family == numericOp && c.greater:
		l.about("REDUNDANT_CONDITION_VALUE_NUM", at(c.node), c.opName, "least", c.name)
	}
}
