package analysis

import (
	"strings"
	"unicode"
)

// A glob is a pattern of the policy language as a list of tokens over
// characters. Two kinds of star tell apart what AWS tells apart: within one of
// the first five parts of an ARN a wildcard does not reach over the colon.
type glob struct {
	tokens  []token
	text    string // as written, for people
	literal bool   // characters only
	chooses bool   // has a ? that the policy wrote, so that comparing tokens is not enough
	symbols bool   // has policy variables
}

type token struct {
	kind  kind
	char  rune // of char; of symbol: the variable's number, beyond Unicode
	fold  bool // char in any case
	colon bool // one, many, some: may be a colon
}

type kind uint8

const (
	char   kind = iota
	symbol      // the value of a policy variable, whatever it is
	digit       // one decimal digit
	one         // ?
	many        // *
	some        // ?*: at least one character
)

// symbols begin where Unicode ends.
const firstSymbol rune = unicode.MaxRune + 1

// newGlob puts tokens in normal form: in a run of wildcards the ?s come first,
// then at most one star. ?* becomes "some" only where the caller wrote it so:
// chooses tells which globs have a ? that the policy wrote.
func newGlob(text string, tokens []token) *glob {
	g := &glob{text: text, literal: true}
	for i := 0; i < len(tokens); {
		j := i
		ones, stars, plus := 0, false, false
		colon := tokens[i].colon
		for ; j < len(tokens) && tokens[j].wild() && tokens[j].colon == colon; j++ {
			switch tokens[j].kind {
			case one:
				ones++
			case many:
				stars = true
			case some:
				plus = true
			}
		}
		if j == i {
			g.tokens = append(g.tokens, tokens[i])
			i++
			continue
		}
		i = j
		g.chooses = g.chooses || ones > 0
		for range ones {
			g.tokens = append(g.tokens, token{kind: one, colon: colon})
		}
		switch {
		case plus && ones == 0:
			g.tokens = append(g.tokens, token{kind: some, colon: colon})
		case plus || stars: // the ?s have taken the one that plus needs, or it needs one more
			if plus {
				g.tokens = append(g.tokens, token{kind: one, colon: colon})
			}
			g.tokens = append(g.tokens, token{kind: many, colon: colon})
		}
	}
	for _, t := range g.tokens {
		g.literal = g.literal && t.kind == char && !t.fold
		g.symbols = g.symbols || t.kind == symbol
		g.chooses = g.chooses || t.fold || t.kind == digit
	}
	return g
}

func (t token) wild() bool { return t.kind == one || t.kind == many || t.kind == some }

// takes reports whether one character (or symbol) r fits t.
func (t token) takes(r rune) bool {
	switch t.kind {
	case char:
		return r == t.char || t.fold && r < firstSymbol && foldEqual(r, t.char)
	case symbol:
		return r == t.char
	case digit:
		return '0' <= r && r <= '9'
	case one:
		return r < firstSymbol && (t.colon || r != ':')
	}
	return t.colon || r != ':'
}

func foldEqual(a, b rune) bool {
	for r := unicode.SimpleFold(a); ; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
		if r == a {
			return false
		}
	}
}

// chars returns s as tokens.
func chars(s string, fold bool) []token {
	out := make([]token, 0, len(s))
	for _, r := range s {
		out = append(out, token{kind: char, char: r, fold: fold})
	}
	return out
}

// wilds returns s as tokens, with * and ? as wildcards.
func wilds(s string, colon bool) []token {
	out := make([]token, 0, len(s))
	for _, r := range s {
		switch r {
		case '*':
			out = append(out, token{kind: many, colon: colon})
		case '?':
			out = append(out, token{kind: one, colon: colon})
		default:
			out = append(out, token{kind: char, char: r})
		}
	}
	return out
}

// string returns the text of a literal glob.
func (g *glob) string() string {
	var b strings.Builder
	for _, t := range g.tokens {
		b.WriteRune(t.char)
	}
	return b.String()
}

// A place is a sorted set of positions in a glob's tokens: the state of the
// automaton that reads it. The position len(tokens) accepts. Empty: dead.
type place []int32

// start returns the first state.
func (g *glob) start() place { return g.close(nil, 0) }

// close adds position i and what can be reached from it without reading.
func (g *glob) close(p place, i int32) place {
	for {
		if n := len(p); n > 0 && p[n-1] >= i {
			// Positions come in order, so a repeated one is near the end.
			for k := n - 1; k >= 0 && p[k] >= i; k-- {
				if p[k] == i {
					return p
				}
			}
			return insert(p, i, g)
		}
		p = append(p, i)
		if int(i) == len(g.tokens) || g.tokens[i].kind != many {
			return p
		}
		i++
	}
}

func insert(p place, i int32, g *glob) place {
	k := len(p)
	for k > 0 && p[k-1] > i {
		k--
	}
	p = append(p, 0)
	copy(p[k+1:], p[k:])
	p[k] = i
	if int(i) < len(g.tokens) && g.tokens[i].kind == many {
		return g.close(p, i+1)
	}
	return p
}

// step reads one character or symbol. Only flat globs are read.
func (g *glob) step(p place, r rune) place {
	var out place
	for _, i := range p {
		if int(i) == len(g.tokens) || !g.tokens[i].takes(r) {
			continue
		}
		if out == nil {
			out = make(place, 0, len(p)+1)
		}
		if g.tokens[i].kind == many {
			out = g.close(out, i)
		} else {
			out = g.close(out, i+1)
		}
	}
	return out
}

func (g *glob) accepts(p place) bool { return len(p) > 0 && int(p[len(p)-1]) == len(g.tokens) }

// forever reports whether whatever follows is accepted.
func (g *glob) forever(p place) bool {
	n := len(g.tokens)
	if n == 0 || g.tokens[n-1].kind != many || !g.tokens[n-1].colon {
		return false
	}
	for _, i := range p {
		if int(i) == n-1 {
			return true
		}
	}
	return false
}

// flat returns g with each "some" as one and many, which automata read.
func (g *glob) flat() *glob {
	out := &glob{text: g.text, literal: g.literal, symbols: g.symbols, chooses: g.chooses}
	for _, t := range g.tokens {
		if t.kind == some {
			out.tokens = append(out.tokens, token{kind: one, colon: t.colon}, token{kind: many, colon: t.colon})
		} else {
			out.tokens = append(out.tokens, t)
		}
	}
	return out
}

// starred returns flat g with each symbol as a star: what g matches at most,
// whatever the values of its variables.
func (g *glob) starred() *glob {
	out := &glob{text: g.text, literal: g.literal, chooses: g.chooses}
	for _, t := range g.flat().tokens {
		if t.kind == symbol {
			t = token{kind: many, colon: true}
		}
		out.tokens = append(out.tokens, t)
	}
	return out
}

// matches reports whether the flat g matches s.
func (g *glob) matches(s string) bool {
	p := g.start()
	for _, r := range s {
		if p = g.step(p, r); len(p) == 0 {
			return false
		}
	}
	return g.accepts(p)
}
