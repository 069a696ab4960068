package schedule

import (
	"strconv"
	"strings"
	"time"
)

var (
	months   = strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")
	weekdays = strings.Fields("SUN MON TUE WED THU FRI SAT")
)

// each calls fn for every number that a field names: *, 1, 1-5, 1,3, */10, 0/15.
// Names stand for low, low+1 and so on.
func each(s string, low, high int, names []string, fn func(int)) error {
	for part := range strings.SplitSeq(s, ",") {
		part, stepText, stepped := strings.Cut(part, "/")
		from, to, step := low, high, 1
		if part != "*" {
			a, b, ranged := strings.Cut(part, "-")
			var ok bool
			if from, ok = number(a, low, high, names); !ok {
				return ErrInvalid
			}
			switch {
			case ranged:
				if to, ok = number(b, low, high, names); !ok {
					return ErrInvalid
				}
			case !stepped:
				to = from
			}
		}
		if stepped {
			n, err := strconv.Atoi(stepText)
			if err != nil || n < 1 || n > high {
				return ErrInvalid
			}
			step = n
		}
		if from > to && names == nil {
			return ErrInvalid
		}
		if from > to { // FRI-MON goes round
			to += high - low + 1
		}
		for n := from; n <= to; n += step {
			fn(low + (n-low)%(high-low+1))
		}
	}
	return nil
}

func number(s string, low, high int, names []string) (int, bool) {
	for i, name := range names {
		if strings.EqualFold(s, name) {
			return low + i, true
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && int(n) >= low && int(n) <= high
}

func bits(s string, low, high int, names []string) (out uint64, err error) {
	err = each(s, low, high, names, func(n int) { out |= 1 << n })
	return out, err
}

// days are the two fields for days, of which one is "?".
type days struct {
	any     bool
	month   uint64 // bit n: on the nth
	last    bool   // L
	before  int    // of L-3
	working int    // 15W: the weekday nearest to the 15th; lastWorking is LW
	week    uint64 // bit n: 1 is Sunday
	lastDay int    // 6L: the last Friday
	nth     int    // 6#3: the third …
	nthDay  int    // … Friday
}

const lastWorking = -1

// parseDays: "You can't specify the Day-of-month and Day-of-week fields in the
// same cron expression. If you specify a value or a * in one of the fields, you
// must use a ? in the other."
func parseDays(month, week string) (d days, err error) {
	if (month == "?") == (week == "?") {
		return d, ErrInvalid
	}
	if week != "?" {
		return d, d.parseWeek(week)
	}
	switch rest, w := strings.CutSuffix(month, "W"); {
	case month == "*":
		d.any = true
	case month == "LW":
		d.working = lastWorking
	case w:
		var ok bool
		if d.working, ok = number(rest, 1, 31, nil); !ok {
			return d, ErrInvalid
		}
	case strings.HasPrefix(month, "L"):
		d.last = true
		if month != "L" {
			var ok bool
			if d.before, ok = number(strings.TrimPrefix(month, "L-"), 1, 30, nil); !ok {
				return d, ErrInvalid
			}
		}
	default:
		d.month, err = bits(month, 1, 31, nil)
	}
	return d, err
}

func (d *days) parseWeek(s string) (err error) {
	day, nth, ordinal := strings.Cut(s, "#")
	rest, last := strings.CutSuffix(s, "L")
	var ok bool
	switch {
	case s == "*":
		d.any = true
	case s == "L":
		d.week = 1 << 7
	case ordinal:
		d.nthDay, ok = number(day, 1, 7, weekdays)
		if d.nth, err = strconv.Atoi(nth); err != nil || !ok || d.nth < 1 || d.nth > 5 {
			return ErrInvalid
		}
	case last:
		if d.lastDay, ok = number(rest, 1, 7, weekdays); !ok {
			return ErrInvalid
		}
	default:
		d.week, err = bits(s, 1, 7, weekdays)
	}
	return err
}

func (d *days) on(t time.Time) bool {
	end := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	weekday := int(t.Weekday()) + 1
	switch {
	case d.any:
		return true
	case d.last:
		return t.Day() == end-d.before
	case d.working == lastWorking:
		return t.Day() == nearest(t, end, end)
	case d.working > 0:
		return d.working <= end && t.Day() == nearest(t, d.working, end)
	case d.lastDay > 0:
		return weekday == d.lastDay && t.Day() > end-7
	case d.nth > 0:
		return weekday == d.nthDay && (t.Day()-1)/7 == d.nth-1
	case d.week != 0:
		return d.week>>weekday&1 == 1
	}
	return d.month>>t.Day()&1 == 1
}

// nearest is the weekday nearest to a day, within its month.
func nearest(t time.Time, day, end int) int {
	switch time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == end {
			return day - 2
		}
		return day + 1
	}
	return day
}
