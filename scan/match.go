package scan

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// matcher finds the secrets of one text after the other. It belongs to one
// goroutine, which uses its buffers again and again.
type matcher struct {
	rules *Rules
	todo  [][]window // of a rule, in one chunk
	used  []int32    // the rules that have some
	spent []int      // by a rule on a chunk, about in bytes looked at
	long  runes
	found []raw  // in this chunk
	buf   []byte // of the chunks
	text  text
}

// window is a part of a chunk in which a rule is asked.
type window struct{ from, to int }

// raw is a find that is not yet told from others.
type raw struct {
	rule      *rule
	line, end int
	secret    string
	at        int // of the match, in the chunk
}

func newMatcher(rules *Rules) *matcher {
	return &matcher{rules: rules, todo: make([][]window, len(rules.rules)), spent: make([]int, len(rules.rules)), buf: make([]byte, chunkSize+overlap+lookBack)}
}

// allowMark on a line means that its author says it is no secret.
var allowMark = []byte("gitleaks:allow")

// chunk is a piece of a text. Matches that begin in own are its own; what lies
// around them is there to be looked at.
type chunk struct {
	data []byte
	own  window
	line int // of data[0], from 1
}

// match returns what the rules find in c, a piece of the file at p, and how many
// finds their own lines allow.
func (m *matcher) match(v *verdict, p place, c chunk) (found []raw, allowed int) {
	m.found = m.found[:0]
	m.hits(v.skip, c.data)
	for _, i := range m.used {
		r := m.rules.rules[i]
		for _, w := range m.todo[i] {
			allowed += m.ask(r, p, c, w)
		}
		m.todo[i] = m.todo[i][:0]
	}
	m.used = m.used[:0]
	return m.settle(), allowed
}

// hits fills todo.
func (m *matcher) hits(skip []bool, data []byte) {
	want := func(i int32, w window) {
		list := m.todo[i]
		if len(list) == 0 {
			m.used = append(m.used, i)
		} else if last := &list[len(list)-1]; w.from <= last.to { // hits come in the order of their ends, nearly that of their starts
			last.from, last.to = min(last.from, w.from), max(last.to, w.to)
			return
		}
		m.todo[i] = append(list, w)
	}
	for i, r := range m.rules.rules {
		if len(r.keywords) == 0 && r.expr != "" && !skip[i] {
			want(int32(i), window{0, len(data)})
		}
	}
	budget := 4*len(data) + 256<<10
	m.rules.words.find(data, func(at int, rules []int32) {
		for _, i := range rules {
			if skip[i] || m.spent[i] > budget {
				continue
			}
			w, ok := m.near(i, at, data)
			if m.spent[i] > budget { // from here on it is cheaper to ask once, of everything
				w, ok = window{0, len(data)}, true
			}
			if ok {
				want(i, w)
			}
		}
	})
	clear(m.spent)
	slices.Sort(m.used)
}

// near returns the window of a keyword at a place, and whether it needs one.
func (m *matcher) near(i int32, at int, data []byte) (window, bool) {
	r := m.rules.rules[i]
	p := r.plan()
	if p.whole {
		return window{0, len(data)}, true
	}
	w := window{max(0, at-p.back), min(len(data), at+p.ahead)}
	if p.probe == nil {
		return w, true
	}
	if p.gate != nil {
		m.spent[i] += p.gateAhead/8 + 16
		if !p.gate.Match(data[at:min(len(data), at+p.gateAhead)]) {
			return w, false
		}
	}
	found := m.try(i, p, data[at:w.to])
	if found == nil || p.same && m.harmless(r, pick(r, data[at:], found)) {
		return w, false
	}
	w.to = min(len(data), at+found[1]+margin)
	return w, true
}

// maxShort is how much text a probe without bound is asked first.
const maxShort = 512

// try asks a rule's probe at a keyword.
func (m *matcher) try(i int32, p *plan, text []byte) []int {
	short := text
	if p.gate != nil {
		short = text[:min(len(text), maxShort)]
	}
	m.spent[i] += len(short)/8 + 16
	found := p.probe.FindSubmatchIndex(short)
	if len(short) == len(text) || found != nil && found[1] < len(short)-margin {
		return found
	}
	// How far it looks is counted, or a hostile text would cost its square.
	m.long = runes{text: text}
	found = p.probe.FindReaderSubmatchIndex(&m.long)
	m.spent[i] += m.long.at
	return found
}

// runes is an io.RuneReader.
type runes struct {
	text []byte
	at   int
}

func (r *runes) ReadRune() (rune, int, error) {
	if r.at == len(r.text) {
		return 0, 0, io.EOF
	}
	c, n := utf8.DecodeRune(r.text[r.at:])
	r.at += n
	return c, n, nil
}

// harmless says of a secret what can be said without what is around it. A match
// of the whole expression through the keyword has the secret that the probe has.
func (m *matcher) harmless(r *rule, secret []byte) bool {
	if len(secret) == 0 || r.entropy != 0 && entropy(secret) <= r.entropy {
		return true
	}
	for _, list := range [][]*allowlist{m.rules.allow, r.allow} {
		for _, a := range list {
			if a.excuses(secret) {
				return true
			}
		}
	}
	return false
}

// ask asks r in a window of c.
func (m *matcher) ask(r *rule, p place, c chunk, w window) (allowed int) {
	text := c.data[w.from:w.to]
	for _, at := range r.plan().re.FindAllSubmatchIndex(text, -1) {
		start, end := w.from+at[0], w.from+at[1]
		if start < c.own.from || start >= c.own.to {
			continue
		}
		if at[0] == 0 && w.from > 0 || at[1] == len(text) && w.to < len(c.data) {
			continue // cut off: a window reaches further than any real match
		}
		secret := pick(r, text, at)
		match := bytes.Trim(c.data[start:end], "\n")
		start += bytes.Index(c.data[start:end], match)
		line := lines(c.data, start, start+len(match))
		switch {
		case len(secret) == 0 || r.entropy != 0 && entropy(secret) <= r.entropy:
		case m.excused(r, p, secret, match, line):
		case bytes.Contains(line, allowMark):
			allowed++
		default:
			n := c.line + bytes.Count(c.data[:start], newline)
			m.found = append(m.found, raw{r, n, n + bytes.Count(match, newline), string(secret), start})
		}
	}
	return allowed
}

var newline = []byte{'\n'}

func (m *matcher) excused(r *rule, p place, secret, match, line []byte) bool {
	for _, list := range [][]*allowlist{m.rules.allow, r.allow} {
		for _, a := range list {
			if a.allows(p, secret, match, line) {
				return true
			}
		}
	}
	return false
}

// pick returns the secret of a match: the group that the rule names, else the
// first that holds something, else the match.
func pick(r *rule, text []byte, at []int) []byte {
	if r.group > 0 {
		if 2*r.group+1 >= len(at) || at[2*r.group] < 0 {
			return nil
		}
		return text[at[2*r.group]:at[2*r.group+1]]
	}
	for i := 2; i+1 < len(at); i += 2 {
		if at[i] >= 0 && at[i+1] > at[i] {
			return text[at[i]:at[i+1]]
		}
	}
	return bytes.Trim(text[at[0]:at[1]], "\n")
}

// maxLine bounds what is taken for a line on each side of a match.
const maxLine = 16 << 10

// lines returns the lines that data[start:end] lies on.
func lines(data []byte, start, end int) []byte {
	from, to := max(0, start-maxLine), min(len(data), end+maxLine)
	if i := bytes.LastIndexByte(data[from:start], '\n'); i >= 0 {
		from += i + 1
	}
	if i := bytes.IndexByte(data[end:to], '\n'); i >= 0 {
		to = end + i
	}
	return data[from:to]
}

// settle leaves out what a generic rule found where a rule that knows the kind
// of secret found as much.
func (m *matcher) settle() []raw {
	out := m.found[:0:0]
	for i := range m.found {
		f := &m.found[i]
		better := strings.Contains(f.rule.id, "generic") && slices.ContainsFunc(m.found, func(g raw) bool {
			return g.line == f.line && !strings.Contains(g.rule.id, "generic") && strings.Contains(g.secret, f.secret)
		})
		if !better {
			out = append(out, *f)
		}
	}
	return out
}

// entropy is Shannon's, in bits for each byte.
func entropy(s []byte) float64 {
	var count [256]int
	for _, b := range s {
		count[b]++
	}
	sum := 0.0
	for _, n := range count {
		if n > 0 {
			f := float64(n) / float64(len(s))
			sum -= f * math.Log2(f)
		}
	}
	return sum
}
