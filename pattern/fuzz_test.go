package pattern

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, x := range matchCases {
		f.Add(x.pattern)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Parse(src)
		if err != nil {
			return
		}
		if !json.Valid([]byte(src)) {
			t.Fatalf("accepted what is no JSON: %q", src)
		}
		if _, err := p.Match([]byte(readme)); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzScan gives any bytes to a set of rules of every kind.
func FuzzScan(f *testing.F) {
	set := NewSet[int]()
	for i, x := range matchCases {
		p, err := Parse(x.pattern)
		if err != nil {
			f.Fatal(err)
		}
		set.Put(i, p)
		f.Add([]byte(x.event))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		_, err := set.Match(nil, event)
		if err == ErrEvent && json.Valid(event) && bytes.TrimSpace(event)[0] == '{' {
			t.Fatalf("refused %q", event)
		}
	})
}

// FuzzEqual compares with the naive evaluator.
func FuzzEqual(f *testing.F) {
	for _, x := range matchCases {
		f.Add(x.pattern, []byte(x.event))
	}
	f.Fuzz(func(t *testing.T, src string, event []byte) {
		p, err := Parse(src)
		if err != nil || !json.Valid(event) || !utf8.Valid(event) || len(event) > 2000 || twice([]byte(src)) || twice(event) {
			return
		}
		got, err := p.Match(event)
		if err != nil {
			return
		}
		if want := naiveMatch(decodeNumbers(t, []byte(src)).(map[string]any), decodeNumbers(t, event)); got != want {
			t.Fatalf("%s\n%s\ngot %v want %v", src, event, got, want)
		}
	})
}

// twice reports whether a path comes twice, by equal names or by dots, where
// decoding differs from what stands there.
func twice(raw []byte) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	type level struct {
		names  map[string]bool
		object bool
		name   bool
	}
	stack := []level{{}}
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		top := &stack[len(stack)-1]
		switch tok {
		case json.Delim('{'), json.Delim('['):
			top.name = true
			stack = append(stack, level{names: map[string]bool{}, object: tok == json.Delim('{'), name: true})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		default:
			if s, ok := tok.(string); ok && top.object && top.name {
				if strings.Contains(s, ".") || top.names[s] || s == "" {
					return true
				}
				top.names[s] = true
				top.name = false
				continue
			}
			top.name = true
		}
	}
}

func TestIPs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, *seed))
	for range 50_000 {
		var b []byte
		for range 1 + r.IntN(12) {
			b = append(b, []string{"1", "25", ":", "::", ".", "0", "f", "A", "ffff", "300", "g", "10."}[r.IntN(12)]...)
		}
		if r.IntN(2) == 0 {
			var x [16]byte
			for i := range x {
				if r.IntN(2) == 0 {
					x[i] = byte(r.IntN(256))
				}
			}
			b = []byte(netip.AddrFrom16(x).String())
			if r.IntN(2) == 0 {
				b = []byte(netip.AddrFrom4([4]byte(x[:4])).String())
			}
		}
		got, ok := parseIP(b)
		want, wantOK := naiveIP(string(b))
		if ok != wantOK {
			t.Fatalf("%s: %v, want %v", b, ok, wantOK)
		}
		if ok && (got.v6 != want.Is6() || !bytes.Equal(got.b[:len(want.AsSlice())], want.AsSlice())) {
			t.Fatalf("%s: %v, want %v", b, got, want)
		}
	}
}
