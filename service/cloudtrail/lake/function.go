package lake

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// fieldFunction follows a path of keys and places into a structure.
const fieldFunction = "event_field"

// register adds the functions that Presto has and SQLite has not.
// https://prestodb.io/docs/current/functions.html
func register(d *sqlite.Driver, now func() time.Time) error {
	pure := func(name string, args int32, f func(args []driver.Value) (driver.Value, error)) error {
		return d.RegisterDeterministicScalarFunction(name, args, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) { return f(args) })
	}
	return errors.Join(
		pure(fieldFunction, -1, field),
		pure("element_at", 2, field),
		pure("regexp_like", 2, newRegexps().like),
		pure("date_trunc", 2, truncate),
		pure("date_add", 3, addTime),
		pure("from_iso8601_timestamp", 1, func(args []driver.Value) (driver.Value, error) { return timeOf(args[0]) }),
		d.RegisterScalarFunction("now", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
			return now().UTC().Format(layout), nil
		}),
		d.RegisterCollationUtf8(collation, compareTimes),
	)
}

func textOf(v driver.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// field is what a path leads to: a text, JSON for what has a structure itself, or
// NULL. Keys are compared like Presto's names, without regard to case.
func field(args []driver.Value) (driver.Value, error) {
	if len(args) == 0 {
		return nil, nil
	}
	doc, ok := textOf(args[0])
	if !ok {
		return nil, nil
	}
	at := json.RawMessage(doc)
	for _, key := range args[1:] {
		switch key := key.(type) {
		case int64: // Presto counts from one
			var list []json.RawMessage
			if json.Unmarshal(at, &list) != nil || key < 1 || key > int64(len(list)) {
				return nil, nil
			}
			at = list[key-1]
		case string:
			if at = member(at, key); at == nil {
				return nil, nil
			}
		default:
			return nil, nil
		}
	}
	return plain(at), nil
}

// member is an object's member by exact name, else by one that differs in case.
func member(object json.RawMessage, key string) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(object, &m) != nil {
		return nil
	}
	if v, ok := m[key]; ok {
		return v
	}
	for k, v := range m {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return nil
}

// plain is a JSON value as SQL has it.
func plain(raw json.RawMessage) driver.Value {
	s := strings.TrimSpace(string(raw))
	if s == "" || s == "null" {
		return nil
	}
	if s[0] == '"' {
		var out string
		if json.Unmarshal(raw, &out) != nil {
			return nil
		}
		return out
	}
	return s
}

// regexps keeps the last patterns compiled.
type regexps struct {
	mu   sync.Mutex
	last map[string]*regexp.Regexp
}

func newRegexps() *regexps { return &regexps{last: map[string]*regexp.Regexp{}} }

func (r *regexps) like(args []driver.Value) (driver.Value, error) {
	s, ok := textOf(args[0])
	pattern, good := textOf(args[1])
	if !ok || !good {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	re := r.last[pattern]
	if re == nil {
		if len(pattern) > 1000 {
			return nil, errors.New("the pattern is too long")
		}
		var err error
		if re, err = regexp.Compile(pattern); err != nil {
			return nil, err
		}
		if len(r.last) >= 16 {
			clear(r.last)
		}
		r.last[pattern] = re
	}
	if re.MatchString(s) {
		return int64(1), nil
	}
	return int64(0), nil
}

// layout is how times are written: events have whole seconds.
const (
	layout    = "2006-01-02 15:04:05.000"
	collation = "moment"
)

// parseTime reads a time as literals have it.
func parseTime(s string) (time.Time, bool) {
	s = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(s), " UTC"), "Z")
	for _, form := range [...]string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02", "2006-01-02 15:04"} {
		if t, err := time.Parse(form, s); err == nil { // fractions of seconds are read without being asked for
			return t, true
		}
	}
	return time.Time{}, false
}

// compareTimes orders texts as the moments they stand for, and those that stand
// for none as texts.
func compareTimes(a, b string) int {
	if x, ok := parseTime(a); ok {
		if y, ok := parseTime(b); ok {
			return x.Compare(y)
		}
	}
	return strings.Compare(a, b)
}

func timeOf(v driver.Value) (driver.Value, error) {
	s, ok := textOf(v)
	if !ok {
		return nil, nil
	}
	t, ok := parseTime(s)
	if !ok {
		return nil, fmt.Errorf("%.40q is not a time", s)
	}
	return t.Format(layout), nil
}

func truncate(args []driver.Value) (driver.Value, error) {
	unit, _ := textOf(args[0])
	s, ok := textOf(args[1])
	if !ok {
		return nil, nil
	}
	t, ok := parseTime(s)
	if !ok {
		return nil, fmt.Errorf("%.40q is not a time", s)
	}
	y, m, d := t.Date()
	switch strings.ToLower(unit) {
	case "second":
		t = t.Truncate(time.Second)
	case "minute":
		t = t.Truncate(time.Minute)
	case "hour":
		t = t.Truncate(time.Hour)
	case "day":
		t = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "week": // which begins on Monday
		t = time.Date(y, m, d-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "month":
		t = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	case "year":
		t = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	default:
		return nil, fmt.Errorf("date_trunc has no unit %.40q", unit)
	}
	return t.Format(layout), nil
}

func addTime(args []driver.Value) (driver.Value, error) {
	unit, _ := textOf(args[0])
	n, whole := args[1].(int64)
	s, ok := textOf(args[2])
	if !whole || !ok {
		return nil, nil
	}
	t, ok := parseTime(s)
	if !ok {
		return nil, fmt.Errorf("%.40q is not a time", s)
	}
	if n > 1e6 || n < -1e6 {
		return nil, errors.New("date_add adds at most a million units")
	}
	switch strings.ToLower(unit) {
	case "second":
		t = t.Add(time.Duration(n) * time.Second)
	case "minute":
		t = t.Add(time.Duration(n) * time.Minute)
	case "hour":
		t = t.Add(time.Duration(n) * time.Hour)
	case "day":
		t = t.AddDate(0, 0, int(n))
	case "week":
		t = t.AddDate(0, 0, 7*int(n))
	case "month":
		t = t.AddDate(0, int(n), 0)
	case "year":
		t = t.AddDate(int(n), 0, 0)
	default:
		return nil, fmt.Errorf("date_add has no unit %.40q", unit)
	}
	return t.Format(layout), nil
}
