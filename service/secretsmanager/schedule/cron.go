package schedule

import (
	"slices"
	"strings"
	"time"
)

// cron is a parsed cron expression: Minutes Hours Day-of-month Month
// Day-of-week Year. Minutes are 0 and years are * in Secrets Manager.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html#rotate-secrets_schedule-cron
type cron struct {
	hours    []int // ascending
	months   set
	days     dayOfMonth
	weekdays dayOfWeek
	byWeek   bool // Day-of-week counts, not Day-of-month
}

// set is numbers below 64.
type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// dayOfMonth: plain days, the last day (or some days before it), and weekdays
// nearest to a day.
type dayOfMonth struct {
	plain   set
	last    bool
	nearest int // nW; 32: LW, the last weekday
}

// dayOfWeek: plain days with Sunday as 1, the nth or the last of the month.
type dayOfWeek struct {
	plain set
	nth   [6]set // nth[k]: the kth of the month
	last  set
}

var (
	monthNames   = []string{"", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdayNames = []string{"", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(inside string) (*cron, error) {
	f := strings.Fields(inside)
	if len(f) != 6 {
		return nil, bad("A cron expression has six fields: minutes, hours, day of month, month, day of week, year.")
	}
	if f[0] != "0" {
		return nil, bad("The minutes of a cron expression must be 0.")
	}
	if f[5] != "*" {
		return nil, bad("The year of a cron expression must be *.")
	}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, bad("Exactly one of day of month and day of week must be ?.")
	}
	c := &cron{byWeek: f[2] == "?"}
	hours, ok := numbers(f[1], 0, 23, nil)
	if !ok {
		return nil, bad("The hours of the cron expression cannot be understood.")
	}
	for h := range 24 {
		if hours.has(h) {
			c.hours = append(c.hours, h)
		}
	}
	if c.apart() < least {
		return nil, bad("Rotations must be at least 4 hours apart.")
	}
	if c.months, ok = numbers(f[3], 1, 12, monthNames); !ok {
		return nil, bad("The month of the cron expression cannot be understood.")
	}
	if c.byWeek {
		ok = c.weekdays.parse(f[4])
	} else {
		ok = c.days.parse(f[2])
	}
	if !ok {
		return nil, bad("The day of the cron expression cannot be understood.")
	}
	if _, ok := c.next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return nil, bad("The cron expression names no day that exists.")
	}
	return c, nil
}

// apart is the least number of hours between two windows, were every day one of
// the schedule's.
func (c *cron) apart() int {
	least := c.hours[0] + 24 - c.hours[len(c.hours)-1]
	for i := 1; i < len(c.hours); i++ {
		least = min(least, c.hours[i]-c.hours[i-1])
	}
	return least
}

// numbers reads a list of values, ranges and increments between low and high.
func numbers(field string, low, high int, names []string) (out set, ok bool) {
	for part := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		by := 1
		if stepped {
			if by, ok = natural(step, high); !ok || by < 1 {
				return 0, false
			}
		}
		from, to := low, high
		if span != "*" {
			a, b, ranged := strings.Cut(span, "-")
			if from, ok = value(a, low, high, names); !ok {
				return 0, false
			}
			switch {
			case ranged:
				if to, ok = value(b, low, high, names); !ok || to < from {
					return 0, false
				}
			case !stepped:
				to = from
			}
		}
		for n := from; n <= to; n += by {
			out |= 1 << n
		}
	}
	return out, out != 0
}

func value(text string, low, high int, names []string) (int, bool) {
	if i := slices.Index(names, strings.ToUpper(text)); i > 0 {
		return i, true
	}
	n, ok := natural(text, high)
	return n, ok && n >= low
}

func (d *dayOfMonth) parse(field string) (ok bool) {
	switch {
	case field == "L":
		d.last = true
		return true
	case field == "LW":
		d.nearest = 32
		return true
	case strings.HasSuffix(field, "W"):
		d.nearest, ok = value(strings.TrimSuffix(field, "W"), 1, 31, nil)
		return ok
	}
	d.plain, ok = numbers(field, 1, 31, nil)
	return ok
}

func (d *dayOfWeek) parse(field string) (ok bool) {
	if name, k, numbered := strings.Cut(field, "#"); numbered {
		n, ok := value(name, 1, 7, weekdayNames)
		th, okay := natural(k, 5)
		if !ok || !okay || th < 1 {
			return false
		}
		d.nth[th] = 1 << n
		return true
	}
	if name, ok := strings.CutSuffix(field, "L"); ok {
		if name == "" { // L alone is Saturday
			d.plain = 1 << 7
			return true
		}
		n, ok := value(name, 1, 7, weekdayNames)
		d.last = 1 << n
		return ok
	}
	d.plain, ok = numbers(field, 1, 7, weekdayNames)
	return ok
}

// next is the first start of a window after a moment, within ten years.
func (c *cron) next(after time.Time) (time.Time, bool) {
	d := midnight(after)
	for limit := d.AddDate(10, 0, 0); d.Before(limit); d = d.AddDate(0, 0, 1) {
		if !c.months.has(int(d.Month())) {
			d = time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC) // its last day
			continue
		}
		if !c.on(d) {
			continue
		}
		for _, h := range c.hours {
			if t := d.Add(time.Duration(h) * time.Hour); t.After(after) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// on reports whether d is one of the schedule's days of its month.
func (c *cron) on(d time.Time) bool {
	lastDay := time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if c.byWeek {
		w := int(d.Weekday()) + 1
		return c.weekdays.plain.has(w) || c.weekdays.nth[(d.Day()+6)/7].has(w) ||
			c.weekdays.last.has(w) && d.Day() > lastDay-7
	}
	switch {
	case c.days.last:
		return d.Day() == lastDay
	case c.days.nearest > 0:
		target := min(c.days.nearest, lastDay)
		if target < c.days.nearest && c.days.nearest != 32 {
			return false // the month has no such day
		}
		return d.Day() == weekdayNear(d.Year(), d.Month(), target, lastDay)
	}
	return c.days.plain.has(d.Day())
}

// weekdayNear is the day from Monday to Friday nearest to a day, within its
// month.
func weekdayNear(year int, month time.Month, d, lastDay int) int {
	switch time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if d == 1 {
			return 3
		}
		return d - 1
	case time.Sunday:
		if d == lastDay {
			return d - 2
		}
		return d + 1
	}
	return d
}
