package pattern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Random patterns against random events: a small world, so that much matches,
// with every operator, nested arrays, dotted keys and both ends of ranges.

type world struct {
	*rand.Rand
	dense bool // few names and values, many arrays: for array consistency
}

func (w world) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w world) name() string {
	if w.dense {
		return w.pick("a", "b", "c")
	}
	return w.pick("a", "b", "c", "d", "a.b", "é", "")
}

func (w world) text() string {
	switch w.IntN(12) {
	case 0:
		return w.pick("10.0.0.1", "10.0.1.200", "010.0.0.1", "2001:db8::1", "2001:0DB8:0::1", "::ffff:a00:1", "10.0.0", "::")
	case 1:
		return ""
	case 2:
		return w.pick("Straße", "STRASSE", "é", "É", "ⱥ", "Ⱥ", "日本", "K", "k")
	case 3:
		return w.pick("a*b", `a\b`, `"`, "\n", "1", "null", "true")
	}
	var b strings.Builder
	for range 1 + w.IntN(6) {
		b.WriteByte("abAB"[w.IntN(4)])
	}
	return b.String()
}

func (w world) number() json.Number {
	return json.Number(w.pick("0", "-0", "1", "1.0", "1e0", "2", "3", "2.5", "25e-1", "-1", "-1.5", "100", "1E2", "0.0000014", "0.000001",
		"0.0000019", "5e9", "5000000000.000001", "123456789012", "-5e9", "1e400", "1e-400", "0e9999", "2.0000000"))
}

func (w world) scalar() any {
	if w.dense {
		return json.Number(w.pick("1", "2"))
	}
	switch w.IntN(9) {
	case 0, 1, 2:
		return w.number()
	case 3:
		return nil
	case 4:
		return w.IntN(2) == 0
	}
	return w.text()
}

func (w world) event(depth int) map[string]any {
	o := map[string]any{}
	for range w.IntN(5) {
		n := w.name()
		if strings.Contains(n, ".") && depth > 1 {
			continue // see the package's words on a path that comes twice
		}
		o[n] = w.eventValue(depth)
	}
	if _, ok := o["a.b"]; ok {
		delete(o, "a")
	}
	return o
}

func (w world) eventValue(depth int) any {
	if depth == 0 {
		return w.scalar()
	}
	kind := w.IntN(6)
	if w.dense {
		kind = w.IntN(4)
	}
	switch kind {
	case 0, 1:
		return w.event(depth - 1)
	case 2, 3:
		var list []any
		for range w.IntN(4) {
			list = append(list, w.eventValue(depth-1))
		}
		if list == nil {
			list = []any{}
		}
		return list
	}
	return w.scalar()
}

func (w world) pattern(depth int, inOr bool) map[string]any {
	o := map[string]any{}
	for range 1 + w.IntN(3) {
		if w.IntN(10) == 0 && depth > 0 {
			var list []any
			for range 2 + w.IntN(2) {
				list = append(list, w.pattern(depth-1, true))
			}
			o["$or"] = list
			continue
		}
		n := w.name()
		if depth > 0 && w.IntN(2) == 0 {
			o[n] = w.pattern(depth-1, inOr)
			continue
		}
		var list []any
		for range 1 + w.IntN(3) {
			list = append(list, w.matcher())
		}
		o[n] = list
	}
	if _, ok := o["a.b"]; ok {
		delete(o, "a") // a path that comes twice: the last counts, and maps have no last
	}
	return o
}

func (w world) wild() string {
	for {
		s := w.text() + "*" + w.text()
		switch w.IntN(6) {
		case 0:
			s = "*" + w.text()
		case 1:
			s = w.text() + "*"
		case 2:
			s = "*" + w.text() + "*" + w.text() + "*"
		case 3:
			s = w.pick("*", "", `a\*b`, `\\*`, "ab", "a*b*a")
		}
		if wc, bad := parseWildcard(s); bad == "" && !wc.exceeds(DefaultComplexity) {
			return s
		}
	}
}

func (w world) comparable() json.Number {
	for {
		n := w.number()
		if _, ok, _ := number([]byte(n)); ok {
			return n
		}
	}
}

func (w world) matcher() any {
	op := func(name string, arg any) any { return map[string]any{name: arg} }
	if w.dense {
		switch w.IntN(6) {
		case 0:
			return op("exists", w.IntN(2) == 0)
		case 1:
			return op("anything-but", w.scalar())
		}
		return w.scalar()
	}
	switch w.IntN(20) {
	case 0:
		return op("prefix", w.text())
	case 1:
		return op("suffix", w.text())
	case 2:
		return op("prefix", op("equals-ignore-case", w.text()))
	case 3:
		return op("suffix", op("equals-ignore-case", w.text()))
	case 4:
		return op("equals-ignore-case", w.text())
	case 5, 6:
		return op("wildcard", w.wild())
	case 7, 8:
		for {
			lo, hi := w.comparable(), w.comparable()
			a, _ := naiveNumber(lo)
			b, _ := naiveNumber(hi)
			switch w.IntN(3) {
			case 0:
				return op("numeric", []any{w.pick("=", "<", "<=", ">", ">="), lo})
			default:
				if a.Cmp(b) < 0 {
					return op("numeric", []any{w.pick(">", ">="), lo, w.pick("<", "<="), hi})
				}
			}
		}
	case 9:
		return op("cidr", w.pick("10.0.0.0/24", "10.0.0.7/8", "0.0.0.0/0", "2001:db8::/32", "::/0", "10.0.1.192/27"))
	case 10, 11:
		return op("exists", w.IntN(2) == 0)
	case 12, 13, 14, 15:
		return op("anything-but", w.not())
	case 16:
		return op("exactly", w.text())
	}
	return w.scalar()
}

func (w world) not() any {
	list := func(f func() any) any {
		if w.IntN(2) == 0 {
			return f()
		}
		var l []any
		for range 1 + w.IntN(10) {
			l = append(l, f())
		}
		return l
	}
	switch w.IntN(4) {
	case 0:
		return list(func() any { return w.comparable() })
	case 1:
		return list(func() any { return w.text() })
	case 2:
		return map[string]any{"wildcard": list(func() any { return w.wild() })}
	}
	name := w.pick("prefix", "suffix", "equals-ignore-case")
	return map[string]any{name: list(func() any {
		for {
			if s := w.text(); s != "" {
				return s
			}
		}
	})}
}

func encode(t testing.TB, v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// TestAgainstNaive runs a few thousand cases; -short=false -run does not change
// that, -cases does. See the flag for the million.
func TestAgainstNaive(t *testing.T) {
	w := world{Rand: rand.New(rand.NewPCG(5, *seed))}
	sets := [2]*Set[string]{NewSet[string](), NewSet[string]()}
	all := [2]map[string]map[string]any{{}, {}}
	var got []string
	matched := 0
	for n := 0; n < *cases; {
		w.dense = !w.dense
		set, patterns, depth := sets[0], all[0], 3
		if w.dense {
			set, patterns, depth = sets[1], all[1], 5
		}
		changes := map[string]*Pattern{}
		for range 1 + w.IntN(12) {
			id := fmt.Sprint("r", w.IntN(40))
			if w.IntN(4) == 0 {
				changes[id] = nil
				delete(patterns, id)
				continue
			}
			p := w.pattern(depth-1, false)
			parsed, err := Parse(string(encode(t, p)))
			if err != nil {
				t.Fatalf("%s: %v", encode(t, p), err)
			}
			changes[id], patterns[id] = parsed, p
		}
		set.Update(changes)
		if set.Len() != len(patterns) {
			t.Fatalf("the set has %d rules, want %d", set.Len(), len(patterns))
		}
		for range 8 {
			event := w.event(depth)
			raw := encode(t, event)
			var err error
			if got, err = set.Match(got[:0], raw); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			var want []string
			for id, p := range patterns {
				if naiveMatch(p, event) {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			n += len(patterns)
			matched += len(want)
			if !slices.Equal(got, want) {
				for id, p := range patterns {
					if slices.Contains(got, id) != slices.Contains(want, id) {
						t.Errorf("rule %s\n%s\nwant %v", id, encode(t, p), slices.Contains(want, id))
					}
				}
				t.Fatalf("event %s\ngot %v want %v", raw, got, want)
			}
		}
	}
	if matched == 0 {
		t.Error("nothing matched at all")
	}
	t.Logf("%d of %d cases matched", matched, *cases)
}
