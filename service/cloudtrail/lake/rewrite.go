package lake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// writer writes a statement in SQLite's SQL.
type writer struct {
	tokens     []token
	at         int
	out        strings.Builder
	stores     []string
	parameters int
}

// renamed are functions that SQLite has under other names; the rest of its
// spelling comes before the parenthesis.
var renamed = map[string]string{
	"json_extract_scalar": "json_extract", "strpos": "instr", "cardinality": "json_array_length", "array_agg": "json_group_array",
}

// peek is a token further on; none is an empty sign.
func (w *writer) peek(n int) token {
	if w.at+n < len(w.tokens) {
		return w.tokens[w.at+n]
	}
	return token{kind: sign}
}

func (w *writer) put(text string, tokens int) {
	w.out.WriteByte(' ')
	w.out.WriteString(text)
	w.at += tokens
}

func (w *writer) next() error {
	t := w.tokens[w.at]
	switch {
	case t.kind == store:
		if !slices.Contains(w.stores, t.text) {
			w.stores = append(w.stores, t.text)
		}
		w.put(`"`+t.text+`"`, 1)
	case t.kind == sign && t.text == "?":
		w.parameters++
		w.put("?", 1)
	case t.kind == sign && (t.text == "[" || t.text == "]"):
		return fmt.Errorf("unexpected %q", t.text)
	case t.kind == sign && w.at > 0 && w.tokens[w.at-1].kind == sign && strings.Contains("<=>=<>!=||==", w.tokens[w.at-1].text+t.text):
		w.out.WriteString(t.text) // an operator of two characters
		w.at++
	case t.kind == word && w.peek(1).text == "(":
		w.function(t)
	case is(t, "CURRENT_TIMESTAMP"):
		w.put("now()", 1)
	case is(t, "TIMESTAMP") && w.peek(1).kind == text:
		w.at++ // the text says it all: eventTime compares times
	case is(t, "AS") && is(w.peek(1), "TIMESTAMP") && w.peek(2).text == ")":
		w.put("AS TEXT", 2)
	case is(t, "AS") && is(w.peek(1), "DATE") && w.peek(2).text == ")":
		return fmt.Errorf("CAST to DATE is not supported: use date(…)")
	case t.kind == word || t.kind == quoted:
		return w.chain()
	default:
		w.put(t.text, 1)
	}
	return nil
}

func (w *writer) function(t token) {
	switch name := strings.ToLower(t.text); {
	case name == "approx_distinct":
		w.put("count(DISTINCT", 2)
	case renamed[name] != "":
		w.put(renamed[name], 1)
	default:
		w.put(t.text, 1)
	}
}

// chain writes names with dots and subscripts between them. What follows a
// column that has a structure is a path into it, and so is every subscript.
func (w *writer) chain() error {
	names, path := []string{w.tokens[w.at].text}, []string(nil)
	w.at++
	for {
		switch dot, name := w.peek(0), w.peek(1); {
		case dot.text == "." && dot.kind == sign && (name.kind == word || name.kind == quoted):
			if len(path) > 0 || structured(names[len(names)-1]) {
				path = append(path, "'"+strings.ReplaceAll(bare(name.text), "'", "''")+"'")
			} else {
				names = append(names, name.text)
			}
			w.at += 2
		case dot.text == "[" && dot.kind == sign && w.peek(2).text == "]" && (name.kind == text || name.kind == number):
			if _, err := strconv.Atoi(name.text); err != nil && name.kind == number {
				return fmt.Errorf("bad subscript %s", name.text)
			}
			path = append(path, name.text)
			w.at += 3
		default:
			if len(path) == 0 {
				w.put(strings.Join(names, "."), 0)
			} else {
				w.put(fieldFunction+"("+strings.Join(names, ".")+", "+strings.Join(path, ", ")+")", 0)
			}
			return nil
		}
	}
}

func bare(name string) string {
	if name[0] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return name
}

func structured(name string) bool {
	return slices.ContainsFunc(columns, func(c column) bool { return c.kind == structure && strings.EqualFold(c.name, bare(name)) })
}

// label is the name of a column of results: SQLite's is the text of an
// expression, Presto's the last name of a path, or else a number.
func label(name string, i int) string {
	if path, ok := strings.CutPrefix(name, fieldFunction+"("); ok {
		if keys := strings.Split(strings.TrimSuffix(path, ")"), ", "); len(keys) > 1 && !strings.ContainsAny(keys[len(keys)-1], "()") {
			if last := keys[len(keys)-1]; last[0] == '\'' {
				return strings.ReplaceAll(last[1:len(last)-1], "''", "'")
			}
		}
	}
	for j := range len(name) {
		if !wordStart(name[j]) && !digit(name[j]) {
			return "_col" + strconv.Itoa(i)
		}
	}
	return name
}
