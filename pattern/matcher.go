package pattern

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
)

// matcher is one thing a field's value may be.
type matcher struct {
	op     op
	s      string // what to compare with; folded where the operator folds
	lo, hi int64  // bounds of a number, both included
	ip     ip
	bits   int
	wild   *wildcard
	not    []matcher
	set    map[string]struct{} // the strings of a long not, of which it then has no others
}

type op uint8

const (
	opString     op = iota // a string
	opCIDR                 // a string that is an address of a block, or one address however it is written
	opNumber               // a number, however it is written
	opDigits               // a number too large to compare, by its text
	opLiteral              // true, false, null
	opPrefix               // a string that begins so
	opSuffix               // or ends
	opFold                 // or is so but for case
	opPrefixFold           // or begins so but for case
	opSuffixFold           // or ends
	opWildcard             // or fits a wildcard
	opRange                // a number between two
	opExists               // any value
	opAbsent               // no value
	opNot                  // any value but
)

// kind is the kind of a leaf value in an event.
type kind uint8

const (
	stringValue kind = iota
	numberValue
	literalValue
)

// value is one value of a field in an event.
type value struct {
	text       []byte // of a string unescaped, otherwise as it stands
	folded     []byte // made when first wanted
	number     int64
	kind       kind
	comparable bool // number can be compared
	addr       ip
	addrState  int8 // 0 unknown, 1 an address, -1 none
	elem       int32
	next       int32 // the field's value before, plus one
}

func (v *value) address() (ip, bool) {
	if v.addrState == 0 {
		v.addrState = -1
		if a, ok := parseIP(v.text); ok && v.kind == stringValue {
			v.addr, v.addrState = a, 1
		}
	}
	return v.addr, v.addrState == 1
}

// match decides one matcher on one value. The index decides most of them for
// all rules at once; what it does not, and array consistency, is decided here.
func (m *matcher) match(v *value) bool {
	switch m.op {
	case opExists:
		return true
	case opAbsent:
		return false
	case opNot:
		return !m.matchNot(v)
	case opNumber, opRange:
		return v.kind == numberValue && v.comparable && m.lo <= v.number && v.number <= m.hi
	case opDigits:
		return v.kind == numberValue && string(v.text) == m.s
	case opLiteral:
		return v.kind == literalValue && string(v.text) == m.s
	}
	if v.kind != stringValue {
		return false
	}
	switch m.op {
	case opString:
		return string(v.text) == m.s
	case opPrefix:
		return hasPrefix(v.text, m.s)
	case opSuffix:
		return hasSuffix(v.text, m.s)
	case opFold:
		return string(v.fold()) == m.s
	case opPrefixFold:
		return hasPrefix(v.fold(), m.s)
	case opSuffixFold:
		return hasSuffix(v.fold(), m.s)
	case opWildcard:
		return m.wild.match(v.text)
	case opCIDR:
		a, ok := v.address()
		return ok && a.v6 == m.ip.v6 && a.masked(m.bits) == m.ip
	}
	return false
}

func (m *matcher) matchNot(v *value) bool {
	if m.set != nil {
		_, in := m.set[string(v.text)]
		return in && v.kind == stringValue
	}
	for i := range m.not {
		if m.not[i].match(v) {
			return true
		}
	}
	return false
}

// indexStrings makes a long list of strings a set.
func (m *matcher) indexStrings() {
	if len(m.not) < 8 || m.not[0].op != opString {
		return
	}
	m.set = make(map[string]struct{}, len(m.not))
	for _, x := range m.not {
		if x.op != opString {
			m.set = nil
			return
		}
		m.set[x.s] = struct{}{}
	}
}

// fold is the folded text; the scanner has made room for it.
func (v *value) fold() []byte {
	if v.folded == nil {
		v.folded = appendFold(make([]byte, 0, len(v.text)), v.text)
	}
	return v.folded
}

func hasPrefix(v []byte, s string) bool { return len(v) >= len(s) && string(v[:len(s)]) == s }
func hasSuffix(v []byte, s string) bool { return len(v) >= len(s) && string(v[len(v)-len(s):]) == s }

// clauseKey is equal for equal clauses, in whatever order they list what they take.
func clauseKey(path string, any []matcher) string {
	keys := make([]string, len(any))
	for i := range any {
		keys[i] = any[i].key()
	}
	sort.Strings(keys)
	return fmt.Sprintf("%q %s", path, strings.Join(keys, " "))
}

func (m *matcher) key() string {
	if m.op != opNot {
		return fmt.Sprintf("%d:%q:%d:%d:%x:%t:%d", m.op, m.s, m.lo, m.hi, bytes.TrimRight(m.ip.b[:], "\x00"), m.ip.v6, m.bits)
	}
	keys := make([]string, len(m.not))
	for i := range m.not {
		keys[i] = m.not[i].key()
	}
	sort.Strings(keys)
	return fmt.Sprintf("not(%s)", strings.Join(keys, " "))
}

// score says how little a clause selects: the lower, the better it serves to
// find candidates by. 0: it cannot, for it may be satisfied without a value.
func score(any []matcher) int {
	worst := 0
	for i := range any {
		s := 0
		switch any[i].op {
		case opAbsent:
			return 0
		case opExists, opNot:
			s = 64
		case opRange:
			s = 8
		case opPrefix, opSuffix, opPrefixFold, opSuffixFold, opWildcard:
			s = 2
		case opLiteral:
			s = 4
		default:
			s = 1
		}
		worst = max(worst, s)
	}
	return worst
}
