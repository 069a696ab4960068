// Package lake runs the SQL of CloudTrail Lake: SELECT over event data stores, by
// SQLite, for which every store is a virtual table that reads its events as they
// are asked for.
//
// Lake's SQL is Presto's, SQLite's is its own. What differs and can be told from
// single tokens is rewritten here (sql.go); what is left is SQLite's to
// understand or to refuse. Nothing here parses SQL.
//
//   - sql.go: from Lake's text to SQLite's.
//   - engine.go: connections that can do nothing but read these tables.
//   - table.go: a store as a virtual table.
//   - function.go: functions that Presto has and SQLite has not.
package lake

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Statement is a statement in SQLite's SQL.
type Statement struct {
	Text       string
	Stores     []string // ids of the event data stores it names, each once
	Parameters int      // how many values it takes
}

// MaxStatement bounds a statement, in bytes; AWS's limit is 10,000 characters.
const MaxStatement = 40_000

// ID is the form of an event data store's id.
var ID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

type kind uint8

const (
	space  kind = iota // and comments
	word               // an identifier or a keyword
	quoted             // an identifier in quotes
	text               // a string
	number
	store // the id of an event data store
	sign  // one character of anything else
)

type token struct {
	kind kind
	text string
}

func wordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func digit(c byte) bool { return c >= '0' && c <= '9' }

// scan takes a statement apart.
func scan(s string) (tokens []token, err error) {
	for len(s) > 0 {
		n, k := 1, sign
		switch c := s[0]; {
		case strings.IndexByte(" \t\r\n\f", c) >= 0:
			k = space
		case strings.HasPrefix(s, "--"):
			if k, n = space, strings.IndexByte(s, '\n'); n < 0 {
				n = len(s)
			}
		case strings.HasPrefix(s, "/*"):
			end := strings.Index(s[2:], "*/")
			if end < 0 {
				return nil, errors.New("a comment does not end")
			}
			k, n = space, end+4
		case c == '\'' || c == '"':
			if n = literal(s); n < 0 {
				return nil, errors.New("a quoted text does not end")
			}
			if k = text; c == '"' {
				k = quoted
			}
			if id := s[1 : n-1]; k == quoted && len(id) == 36 && ID.MatchString(id) {
				tokens = append(tokens, token{store, id})
				s = s[n:]
				continue
			}
		case len(s) >= 36 && ID.MatchString(s) && (len(s) == 36 || !wordStart(s[36]) && !digit(s[36])):
			k, n = store, 36
		case wordStart(c):
			for k = word; n < len(s) && (wordStart(s[n]) || digit(s[n])); n++ {
			}
		case digit(c):
			for k = number; n < len(s) && (wordStart(s[n]) || digit(s[n]) || s[n] == '.'); n++ {
			}
		case c == 0 || c == '`' || c == '$' || c == '@' || c == ':' || c == '#':
			return nil, fmt.Errorf("unexpected character %q", c)
		}
		tokens, s = append(tokens, token{k, s[:n]}), s[n:]
	}
	return tokens, nil
}

// literal is the length of the quoted text that s begins with, or -1. A quote in
// it is written twice.
func literal(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] != s[0] {
			continue
		}
		if i+1 < len(s) && s[i+1] == s[0] {
			i++
			continue
		}
		return i + 1
	}
	return -1
}

// Parse checks a statement and writes it in SQLite's SQL.
func Parse(statement string) (*Statement, error) {
	if len(statement) > MaxStatement {
		return nil, errors.New("the statement is too long")
	}
	tokens, err := scan(statement)
	if err != nil {
		return nil, err
	}
	tokens = slices.DeleteFunc(tokens, func(t token) bool { return t.kind == space })
	if n := len(tokens); n > 0 && tokens[n-1].text == ";" {
		tokens = tokens[:n-1]
	}
	if err := only(tokens); err != nil {
		return nil, err
	}
	w := &writer{tokens: tokens}
	for w.at < len(tokens) {
		if err := w.next(); err != nil {
			return nil, err
		}
	}
	if len(w.stores) == 0 {
		return nil, errors.New("the statement names no event data store: FROM takes the id of one")
	}
	return &Statement{Text: w.out.String(), Stores: w.stores, Parameters: w.parameters}, nil
}

// only refuses what is not one SELECT. "CloudTrail Lake supports all valid
// Presto SELECT statements and functions."
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-limitations.html
func only(tokens []token) error {
	first := slices.IndexFunc(tokens, func(t token) bool { return t.text != "(" })
	if first < 0 || tokens[first].kind != word || !is(tokens[first], "SELECT") && !is(tokens[first], "WITH") {
		return errors.New("only SELECT statements are supported")
	}
	if slices.ContainsFunc(tokens, func(t token) bool { return t.kind == sign && t.text == ";" }) {
		return errors.New("only one statement is allowed")
	}
	return nil
}

func is(t token, name string) bool { return t.kind == word && strings.EqualFold(t.text, name) }
