package pattern

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The lexer of patterns. EventBridge ends an error's text with the place where
// its JSON parser (Jackson) stood, and we stand where it stands: a string is
// read only when its text is asked for, and a field name takes the colon and
// the beginning of the value with it.

type token uint8

const (
	noToken token = iota
	beginObject
	endObject
	beginArray
	endArray
	nameToken
	stringToken
	numberToken
	trueToken
	falseToken
	nullToken
)

type lexer struct {
	src     string
	pos     int
	tok     token
	pending token  // the value after a field name
	field   string // the text of the last field name
	lit     string // the text of a number, and of a string once it is read
	read    bool   // the string's text was read
	stack   []container
	failed  *Error
}

type container struct {
	array bool
	at    int // its opening bracket, for "expected close marker"
	n     int // values or fields so far
}

// fail stops the lexer with a reason and the place where it stands.
func (l *lexer) fail(format string, args ...any) token {
	return l.failAt(l.pos, format, args...)
}

func (l *lexer) failAt(pos int, format string, args ...any) token {
	if l.failed == nil {
		l.failed = &Error{Reason: fmt.Sprintf(format, args...) + l.place(pos)}
	}
	return noToken
}

// failBare stops it with a reason alone.
func (l *lexer) failBare(reason string) token {
	if l.failed == nil {
		l.failed = &Error{Reason: reason}
	}
	return noToken
}

// maxShown characters of a pattern are shown in an error.
const maxShown = 500

func (l *lexer) place(pos int) string { return "\n at " + l.where(pos) }

func (l *lexer) where(pos int) string {
	line := 1 + strings.Count(l.src[:pos], "\n")
	column := 1 + units(l.src[strings.LastIndexByte(l.src[:pos], '\n')+1:pos])
	shown, rest := l.src, ""
	if all := utf16.Encode([]rune(l.src)); len(all) > maxShown {
		shown = string(utf16.Decode(all[:maxShown]))
		rest = fmt.Sprintf("[truncated %d chars]", len(all)-maxShown)
	}
	return fmt.Sprintf("[Source: (String)\"%s\"%s; line: %d, column: %d]", shown, rest, line, column)
}

// units counts UTF-16 code units, in which the parser counts columns.
func units(s string) (n int) {
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// next moves to the next token; noToken means it failed.
func (l *lexer) next() token {
	l.tok = l.advance()
	return l.tok
}

func (l *lexer) advance() token {
	if l.failed != nil {
		return noToken
	}
	if l.pending != noToken {
		t := l.pending
		l.pending = noToken
		return l.open(t, l.pos-1)
	}
	if l.tok == stringToken && !l.read {
		l.text()
	}
	if l.failed != nil {
		return noToken
	}
	l.space()
	if len(l.stack) == 0 {
		if l.pos == len(l.src) {
			return l.fail("No content to map due to end-of-input")
		}
		return l.open(l.value(), l.pos-1)
	}
	top := &l.stack[len(l.stack)-1]
	if l.pos == len(l.src) {
		return l.fail("Unexpected end-of-input: expected close marker for %s (start marker at %s)", top.name(), l.where(top.at))
	}
	c := l.src[l.pos]
	if c == '}' && !top.array || c == ']' && top.array {
		l.pos++
		l.stack = l.stack[:len(l.stack)-1]
		if c == '}' {
			return endObject
		}
		return endArray
	}
	if c == '}' || c == ']' {
		want := byte(']')
		if !top.array {
			want = '}'
		}
		return l.fail("Unexpected close marker '%c': expected '%c' (for %s starting at %s)", c, want, top.name(), l.where(top.at))
	}
	if top.n > 0 {
		if c != ',' {
			return l.unexpected("was expecting comma to separate %s entries", top.name())
		}
		l.pos++
		l.space()
	}
	top.n++
	if top.array {
		return l.open(l.value(), l.pos-1)
	}
	return l.name()
}

func (c *container) name() string {
	if c.array {
		return "Array"
	}
	return "Object"
}

// open enters the container that a value token begins.
func (l *lexer) open(t token, at int) token {
	if t == beginObject || t == beginArray {
		l.stack = append(l.stack, container{array: t == beginArray, at: at})
	}
	return t
}

func (l *lexer) space() {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
}

func (l *lexer) unexpected(format string, args ...any) token {
	if l.pos == len(l.src) {
		return l.fail("Unexpected end-of-input")
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return l.fail("Unexpected character ('%c' (code %d)): %s", r, r, fmt.Sprintf(format, args...))
}

// name reads a field name, its colon, and where its value begins.
func (l *lexer) name() token {
	if l.pos == len(l.src) || l.src[l.pos] != '"' {
		return l.unexpected("was expecting double-quote to start field name")
	}
	l.pos++
	text, ok := l.quoted("Unexpected end-of-input in field name")
	if !ok {
		return noToken
	}
	l.space()
	if l.pos == len(l.src) || l.src[l.pos] != ':' {
		return l.unexpected("was expecting a colon to separate field name and value")
	}
	l.pos++
	l.space()
	if l.pending = l.value(); l.pending == noToken {
		return noToken
	}
	l.field = text
	return nameToken
}

// value begins a value: containers and strings by their first character,
// other scalars whole.
func (l *lexer) value() token {
	if l.pos == len(l.src) {
		return l.fail("Unexpected end-of-input within/between Object entries")
	}
	switch c := l.src[l.pos]; {
	case c == '{':
		l.pos++
		return beginObject
	case c == '[':
		l.pos++
		return beginArray
	case c == '"':
		l.pos++
		l.read = false
		return stringToken
	case c == '-' || isDigit(c):
		return l.number()
	}
	start := l.pos
	for l.pos < len(l.src) && (l.src[l.pos] >= utf8.RuneSelf || isWord(l.src[l.pos])) {
		l.pos++
	}
	switch word := l.src[start:l.pos]; word {
	case "true":
		return trueToken
	case "false":
		return falseToken
	case "null":
		return nullToken
	case "":
		return l.unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
	default:
		return l.fail("Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", word)
	}
}

func isWord(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' }

func (l *lexer) number() token {
	start := l.pos
	for l.pos < len(l.src) && (isDigit(l.src[l.pos]) || strings.IndexByte("+-.eE", l.src[l.pos]) >= 0) {
		l.pos++
	}
	l.lit = l.src[start:l.pos]
	if _, _, ok := number([]byte(l.lit)); !ok {
		return l.fail("Invalid numeric value: %s", l.lit)
	}
	return numberToken
}

// text is the current token's text; it reads a string to its end.
func (l *lexer) text() string {
	switch l.tok {
	case nameToken:
		return l.field
	case stringToken:
		if !l.read {
			l.read = true
			l.lit, _ = l.quoted("Unexpected end-of-input: was expecting closing quote for a string value")
		}
		return l.lit
	case numberToken:
		return l.lit
	case trueToken:
		return "true"
	case falseToken:
		return "false"
	case nullToken:
		return "null"
	}
	return string("?{}[]"[min(l.tok, endArray)])
}

// quoted reads to the closing quote; the opening one has been read.
func (l *lexer) quoted(atEnd string) (string, bool) {
	start := l.pos
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '"':
			raw := l.src[start:l.pos]
			l.pos++
			if !utf8.ValidString(raw) {
				return "", l.fail("Invalid UTF-8") != noToken
			}
			if strings.IndexByte(raw, '\\') < 0 {
				return raw, true
			}
			out, ok := appendUnescaped(nil, []byte(raw))
			if !ok {
				return "", l.fail("Unrecognized character escape in %s", strconv.Quote(raw)) != noToken
			}
			return string(out), true
		case c == '\\':
			l.pos++
		case c < ' ':
			return "", l.fail("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c) != noToken
		}
		l.pos++
	}
	l.pos = len(l.src)
	return "", l.fail("%s", atEnd) != noToken
}
