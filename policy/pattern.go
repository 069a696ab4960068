package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a compiled policy string: literal text, the wildcards * and ?,
// and policy variables. Matching takes time in proportion to
// len(pattern) × len(text) at worst; it never backtracks further than the
// last star.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
type pattern struct {
	form   form
	lit    string  // the whole text of exact, the prefix of prefixed and glob
	tokens []token // of glob
	vars   int     // variables among tokens
}

type form uint8

const (
	exact    form = iota // lit, nothing else
	anything             // "*"
	prefixed             // lit, then one star
	glob                 // tokens
)

type token struct {
	kind tokenKind
	text string // of literal, and the default of variable
	key  key    // of variable
	dflt bool   // variable has a default
}

type tokenKind uint8

const (
	literal tokenKind = iota
	star
	question
	variable
)

// syntax says what has a meaning in a pattern's text.
type syntax uint8

const (
	wildcards syntax = 1 << iota // * and ?
	variables                    // ${key}, ${key, 'default'}, ${*} ${?} ${$}
)

func compilePattern(text string, with syntax) pattern {
	return newPattern(tokenize(text, with))
}

// newPattern chooses the cheapest form for tokens.
func newPattern(tokens []token) pattern {
	switch {
	case len(tokens) == 0:
		return pattern{form: exact}
	case len(tokens) == 1 && tokens[0].kind == literal:
		return pattern{form: exact, lit: tokens[0].text}
	case len(tokens) == 1 && tokens[0].kind == star:
		return pattern{form: anything}
	case len(tokens) == 2 && tokens[0].kind == literal && tokens[1].kind == star:
		return pattern{form: prefixed, lit: tokens[0].text}
	}
	p := pattern{form: glob, tokens: tokens}
	if tokens[0].kind == literal {
		p.lit = tokens[0].text
	}
	for i := range tokens {
		if tokens[i].kind == variable {
			p.vars++
		}
	}
	return p
}

// tokenize splits text; neighbouring literals are joined and stars in a row
// are one.
func tokenize(text string, with syntax) []token {
	var out []token
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			out = append(out, token{kind: literal, text: run.String()})
			run.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '*' && with&wildcards != 0:
			flush()
			if len(out) == 0 || out[len(out)-1].kind != star {
				out = append(out, token{kind: star})
			}
			i++
		case c == '?' && with&wildcards != 0:
			flush()
			out = append(out, token{kind: question})
			i++
		case c == '$' && with&variables != 0 && strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				run.WriteString(text[i:])
				i = len(text)
				break
			}
			inner := text[i+2 : i+end]
			i += end + 1
			if inner == "*" || inner == "?" || inner == "$" {
				run.WriteString(inner)
				break
			}
			flush()
			out = append(out, variableToken(inner))
		default:
			run.WriteByte(c)
			i++
		}
	}
	flush()
	return out
}

// variableToken reads what stands between ${ and }: a key, and perhaps a
// default in single quotes after a comma.
func variableToken(inner string) token {
	name, rest, found := strings.Cut(inner, ",")
	t := token{kind: variable, key: newKey(strings.TrimSpace(name))}
	if found {
		rest = strings.TrimSpace(rest)
		if len(rest) >= 2 && rest[0] == '\'' && rest[len(rest)-1] == '\'' {
			t.text, t.dflt = rest[1:len(rest)-1], true
		}
	}
	return t
}

// split returns p as tokens.
func (p *pattern) split() []token {
	switch p.form {
	case exact:
		return []token{{kind: literal, text: p.lit}}
	case anything:
		return []token{{kind: star}}
	case prefixed:
		return []token{{kind: literal, text: p.lit}, {kind: star}}
	}
	return p.tokens
}

// match reports whether s matches p with the variables of c. A variable
// without a value matches nothing.
func (p *pattern) match(s string, c *Context) bool {
	switch p.form {
	case exact:
		return s == p.lit
	case anything:
		return true
	case prefixed:
		return strings.HasPrefix(s, p.lit)
	}
	if !strings.HasPrefix(s, p.lit) {
		return false
	}
	if p.vars == 0 {
		return matchTokens(p.tokens, nil, s)
	}
	return p.matchVariables(s, c)
}

// maxVariables is how many variables one pattern resolves without allocating.
const maxVariables = 8

func (p *pattern) matchVariables(s string, c *Context) bool {
	var stack [maxVariables]string
	values := stack[:0]
	if p.vars > maxVariables {
		values = make([]string, 0, p.vars)
	}
	for i := range p.tokens {
		t := &p.tokens[i]
		if t.kind != variable {
			continue
		}
		v, ok := c.resolve(t)
		if !ok {
			return false
		}
		values = append(values, v)
	}
	return matchTokens(p.tokens, values, s)
}

// matchTokens is the usual two-pointer glob match over tokens: on a mismatch
// it returns to the last star and lets it swallow one character more. values
// are the resolved variables in their order.
func matchTokens(tokens []token, values []string, s string) bool {
	t, v, pos := 0, 0, 0 // next token, next variable, next byte of s
	backT, backV, backPos := -1, 0, 0
	for {
		if t == len(tokens) {
			if pos == len(s) {
				return true
			}
		} else if tokens[t].kind == star {
			if t == len(tokens)-1 {
				return true
			}
			backT, backV, backPos = t+1, v, pos
			t++
			continue
		} else if n, ok := step(&tokens[t], values, v, s[pos:]); ok {
			if tokens[t].kind == variable {
				v++
			}
			t++
			pos += n
			continue
		}
		if backT < 0 {
			return false
		}
		next, ok := retry(&tokens[backT], s, backPos)
		if !ok {
			return false
		}
		t, v, pos, backPos = backT, backV, next, next
	}
}

// step matches one token, not a star, at the start of s and returns how many
// bytes it took.
func step(t *token, values []string, v int, s string) (int, bool) {
	switch t.kind {
	case literal:
		return len(t.text), strings.HasPrefix(s, t.text)
	case variable:
		return len(values[v]), strings.HasPrefix(s, values[v])
	default:
		if s == "" {
			return 0, false
		}
		_, n := utf8.DecodeRuneInString(s)
		return n, true
	}
}

// retry returns the next place after pos where the token behind a star may
// begin. A literal is searched for at once.
func retry(t *token, s string, pos int) (int, bool) {
	if pos >= len(s) {
		return 0, false
	}
	_, n := utf8.DecodeRuneInString(s[pos:])
	pos += n
	if t.kind == literal {
		i := strings.Index(s[pos:], t.text)
		return pos + i, i >= 0
	}
	return pos, true
}
