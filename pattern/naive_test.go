package pattern

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"sort"
	"strings"
	"unicode"
)

// The naive evaluator: EventBridge's rules over decoded JSON, one rule at a
// time, every choice tried. Slow, and plainly right; all else is measured by it.

type naiveLeaf struct {
	path  string
	value any         // string, json.Number, bool, nil
	takes map[int]int // of which array which element
}

func naiveFlatten(event any) []naiveLeaf {
	var out []naiveLeaf
	arrays := 0
	var walk func(path []string, v any, takes map[int]int)
	walk = func(path []string, v any, takes map[int]int) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(append(path[:len(path):len(path)], k), x, takes)
			}
		case []any:
			arrays++
			id := arrays
			for i, x := range v {
				switch x.(type) {
				case map[string]any, []any:
					in := map[int]int{id: i}
					for a, e := range takes {
						in[a] = e
					}
					walk(path, x, in)
				default:
					walk(path, x, takes)
				}
			}
		default:
			out = append(out, naiveLeaf{strings.Join(path, "."), v, takes})
		}
	}
	walk(nil, event, nil)
	return out
}

func naiveAgree(a, b map[int]int) bool {
	for k, x := range a {
		if y, ok := b[k]; ok && x != y {
			return false
		}
	}
	return true
}

// naiveMatch decides a decoded pattern on a decoded event.
func naiveMatch(pattern map[string]any, event any) bool {
	leaves := naiveFlatten(event)
	for _, alt := range naiveAlternatives(pattern, nil, []map[string][]any{{}}) {
		paths := make([]string, 0, len(alt))
		for p := range alt {
			paths = append(paths, p)
		}
		sort.Strings(paths)
		if naivePlace(alt, paths, leaves, map[int]int{}) {
			return true
		}
	}
	return false
}

func naivePlace(alt map[string][]any, paths []string, leaves []naiveLeaf, taken map[int]int) bool {
	if len(paths) == 0 {
		return true
	}
	path := paths[0]
	absent := true
	for _, l := range leaves {
		if l.path != path || !naiveAgree(l.takes, taken) {
			continue
		}
		absent = false
		for _, m := range alt[path] {
			if !naiveValue(m, l.value) {
				continue
			}
			now := map[int]int{}
			for k, v := range taken {
				now[k] = v
			}
			for k, v := range l.takes {
				now[k] = v
			}
			if naivePlace(alt, paths[1:], leaves, now) {
				return true
			}
		}
	}
	for _, m := range alt[path] {
		if o, ok := m.(map[string]any); ok && o["exists"] == false {
			return absent && naivePlace(alt, paths[1:], leaves, taken)
		}
	}
	return false
}

// naiveAlternatives multiplies $or out.
func naiveAlternatives(p map[string]any, path []string, alts []map[string][]any) []map[string][]any {
	names := make([]string, 0, len(p))
	for n := range p {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, name := range names {
		at := append(path[:len(path):len(path)], name)
		switch v := p[name].(type) {
		case map[string]any:
			alts = naiveAlternatives(v, at, alts)
		case []any:
			if name == "$or" {
				var all []map[string][]any
				for _, member := range v {
					each := make([]map[string][]any, len(alts))
					for i, a := range alts {
						each[i] = map[string][]any{}
						for k, x := range a {
							each[i][k] = x
						}
					}
					all = append(all, naiveAlternatives(member.(map[string]any), path, each)...)
				}
				alts = all
				continue
			}
			for _, a := range alts {
				a[strings.Join(at, ".")] = v
			}
		}
	}
	return alts
}

func naiveValue(m, v any) bool {
	op, ok := m.(map[string]any)
	if !ok {
		return naiveEqual(m, v)
	}
	s, isString := v.(string)
	for name, arg := range op {
		switch name {
		case "exists":
			return arg == true
		case "anything-but":
			return !naiveBut(arg, v)
		case "numeric":
			return naiveNumeric(arg.([]any), v)
		case "exactly":
			return isString && s == arg
		case "prefix", "suffix":
			has := strings.HasPrefix
			if name == "suffix" {
				has = strings.HasSuffix
			}
			if o, ok := arg.(map[string]any); ok {
				return isString && has(naiveFold(s), naiveFold(o["equals-ignore-case"].(string)))
			}
			return isString && has(s, arg.(string))
		case "equals-ignore-case":
			return isString && naiveFold(s) == naiveFold(arg.(string))
		case "wildcard":
			return isString && naiveWild(arg.(string), s)
		case "cidr":
			return isString && naiveCIDR(arg.(string), s)
		}
	}
	panic("unknown operator")
}

func naiveEqual(m, v any) bool {
	if n, ok := m.(json.Number); ok {
		x, ok := v.(json.Number)
		if !ok {
			return false
		}
		a, ca := naiveNumber(n)
		b, cb := naiveNumber(x)
		return ca && cb && a.Cmp(b) == 0 || n == x
	}
	if a, ok := m.(string); ok {
		b, isString := v.(string)
		if x, ok := naiveIP(a); ok && isString {
			y, ok := naiveIP(b)
			return ok && x == y
		}
	}
	return m == v
}

func naiveBut(arg, v any) bool {
	switch arg := arg.(type) {
	case []any:
		for _, x := range arg {
			if naiveBut(x, v) {
				return true
			}
		}
		return false
	case map[string]any:
		for name, inner := range arg {
			list, ok := inner.([]any)
			if !ok {
				list = []any{inner}
			}
			for _, x := range list {
				if naiveValue(map[string]any{name: x}, v) {
					return true
				}
			}
		}
		return false
	case string:
		return arg == v
	}
	return naiveEqual(arg, v)
}

func naiveNumeric(arg []any, v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	x, ok := naiveNumber(n)
	if !ok {
		return false
	}
	for i := 0; i+1 < len(arg); i += 2 {
		y, _ := naiveNumber(arg[i+1].(json.Number))
		c := x.Cmp(y)
		if !map[string]bool{"=": c == 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[arg[i].(string)] {
			return false
		}
	}
	return true
}

// naiveNumber is n cut off to millionths, and whether it can be compared.
func naiveNumber(n json.Number) (*big.Int, bool) {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil, false
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	q := new(big.Int).Quo(r.Num(), r.Denom())
	return q, q.CmpAbs(big.NewInt(5_000_000_000_000_000)) <= 0
}

func naiveFold(s string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, s)
}

// naiveWild tries every length for every star.
func naiveWild(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		for i := 0; i <= len(s); i++ {
			if naiveWild(p[1:], s[i:]) {
				return true
			}
		}
		return false
	case p[0] == '\\':
		p = p[1:]
	}
	return s != "" && s[0] == p[0] && naiveWild(p[1:], s[1:])
}

func naiveIP(s string) (netip.Addr, bool) {
	if strings.Count(s, ".") == 3 && !strings.Contains(s, ":") { // leading zeros are fine
		parts := strings.Split(s, ".")
		for i, p := range parts {
			if t := strings.TrimLeft(p, "0"); t != "" || p == "" {
				parts[i] = t
			} else {
				parts[i] = "0"
			}
		}
		s = strings.Join(parts, ".")
	} else if strings.ContainsAny(s, ".%") {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

func naiveCIDR(block, s string) bool {
	at := strings.Split(block, "/")
	base, _ := naiveIP(at[0])
	bits, _ := json.Number(at[1]).Int64()
	p, err := base.Prefix(int(bits))
	a, ok := naiveIP(s)
	return err == nil && ok && p.Contains(a)
}
