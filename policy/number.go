package policy

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// number is an integer or decimal. Integers are compared exactly.
type number struct {
	integer int64
	decimal float64
	whole   bool // integer holds the value
}

func parseNumber(s string) (number, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{integer: n, decimal: float64(n), whole: true}, true
	}
	d, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(d) || math.IsInf(d, 0) || strings.ContainsAny(s, "xX_pP") {
		return number{}, false
	}
	return number{decimal: d}, true
}

func (n number) compare(m number) int {
	if n.whole && m.whole {
		return cmp.Compare(n.integer, m.integer)
	}
	return cmp.Compare(n.decimal, m.decimal)
}

func (f found) number(i int) (number, bool) {
	if f.entry.kind == numberEntry {
		return number{integer: f.entry.number, decimal: float64(f.entry.number), whole: true}, true
	}
	return parseNumber(f.at(i))
}

// instant is a point in time.
type instant struct {
	seconds int64 // since 1970
	nanos   int32
}

func (a instant) compare(b instant) int {
	if c := cmp.Compare(a.seconds, b.seconds); c != 0 {
		return c
	}
	return cmp.Compare(a.nanos, b.nanos)
}

// parseInstant reads seconds since 1970, or a date in one of the W3C forms of
// ISO 8601 (https://www.w3.org/TR/NOTE-datetime). Digits alone are seconds; a
// date without a zone is in UTC.
func parseInstant(s string) (instant, bool) {
	if len(s) > 40 {
		return instant{}, false
	}
	if !strings.ContainsAny(s, "Tt") && strings.LastIndexByte(s, '-') <= 0 {
		n, err := strconv.ParseInt(s, 10, 64)
		return instant{seconds: n}, err == nil
	}
	t, err := time.Parse(layout(s), strings.ToUpper(s))
	return instant{t.Unix(), int32(t.Nanosecond())}, err == nil
}

// layout chooses the one layout that s may have, because each failed attempt
// of time.Parse allocates. Go takes fractions of a second without asking.
func layout(s string) string {
	date, clock, found := strings.Cut(strings.ToUpper(s), "T")
	switch {
	case !found && strings.Count(date, "-") == 1:
		return "2006-01"
	case !found:
		return "2006-01-02"
	}
	time, zoned := clock, false
	if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
		time, zoned = clock[:i], true
	}
	switch seconds := strings.Count(time, ":") > 1; {
	case seconds && zoned:
		return "2006-01-02T15:04:05Z07:00"
	case seconds:
		return "2006-01-02T15:04:05"
	case zoned:
		return "2006-01-02T15:04Z07:00"
	}
	return "2006-01-02T15:04"
}

func (f found) instant(i int) (instant, bool) {
	if f.entry.kind == timeEntry || f.entry.kind == numberEntry {
		return instant{seconds: f.entry.number}, true
	}
	return parseInstant(f.at(i))
}
