package generate

import (
	"bytes"
	"encoding/json"
)

// The scanner finds members of JSON objects without building anything. It
// trusts nothing: every function works on any bytes, in one pass and without
// recursion. It does not check the syntax of what it passes over.

const (
	more = -1 // the value goes on behind the end of the buffer
	bad  = -2 // no JSON
)

// space returns the offset of the next byte that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipString returns the offset behind the string that begins at i.
func skipString(b []byte, i int) int {
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return more
		}
		i += n + 1
		escapes := 0
		for j := i - 2; j >= 0 && b[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

// skip returns the offset behind the value that begins at i.
func skip(b []byte, i int) int {
	if i >= len(b) {
		return more
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	case '}', ']', ',', ':':
		return bad
	}
	for ; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		case '"', '{', '[', ':':
			return bad
		}
	}
	return more
}

func skipNested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return more
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return more
}

// members calls each for the members of the object that begins at b[i], with
// the name as written and the offset of the value, and returns the offset
// behind the object. each returns the offset behind the value, more or bad.
func members(b []byte, i int, each func(name []byte, at int) int) int {
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i = space(b, i); i >= len(b) {
			return more
		}
		if b[i] != '"' {
			return bad
		}
		end := skipString(b, i)
		if end < 0 {
			return more
		}
		name := b[i+1 : end-1]
		if i = space(b, end); i >= len(b) {
			return more
		}
		if b[i] != ':' {
			return bad
		}
		if end = each(name, space(b, i+1)); end < 0 {
			return end
		}
		if i = space(b, end); i >= len(b) {
			return more
		}
		switch b[i] {
		case ',':
			i++
		case '}':
			return i + 1
		default:
			return bad
		}
	}
}

// inside is members for a value that may be none: it skips what is no object.
func inside(b []byte, i int, each func(name []byte, at int) int) int {
	if i < len(b) && b[i] == '{' {
		return members(b, i, each)
	}
	return skip(b, i)
}

// values calls each for the values of the members of an object.
func values(b []byte, each func(name, value []byte)) {
	inside(b, 0, func(name []byte, at int) int {
		end := skip(b, at)
		if end >= 0 {
			each(name, b[at:end])
		}
		return end
	})
}

// elements calls each for the elements of an array.
func elements(b []byte, each func(value []byte)) {
	if len(b) == 0 || b[0] != '[' {
		return
	}
	for i := space(b, 1); i < len(b) && b[i] != ']'; {
		end := skip(b, i)
		if end < 0 {
			return
		}
		each(b[i:end])
		if i = space(b, end); i < len(b) && b[i] == ',' {
			i = space(b, i+1)
		}
	}
}

// text reads the string at b[i] into to and returns the offset behind it; of
// any other value it reads nothing.
func text(b []byte, i int, to *[]byte) int {
	end := skip(b, i)
	if end >= 0 {
		*to = unquote(b[i:end])
	}
	return end
}

// unquote returns the text of a string as written, and nothing of any other
// value. Without escapes it does not allocate.
func unquote(b []byte) []byte {
	if len(b) < 2 || b[0] != '"' {
		return nil
	}
	inner := b[1 : len(b)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return nil
	}
	return []byte(s)
}
