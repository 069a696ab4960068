// Package schedule reads the schedules of rules: rate(5 minutes) and
// cron(0 12 * * ? *), in UTC.
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
package schedule

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrInvalid is the answer for what is no schedule.
var ErrInvalid = errors.New("not a schedule expression")

// Schedule says when. It is immutable.
type Schedule struct {
	every time.Duration // of a rate; 0 is a cron expression
	minute, hour,
	month uint64 // bit n: at n
	days days
	year [4]uint64 // bit n of word w: in 1970+64w+n
}

// Parse reads an expression.
func Parse(s string) (*Schedule, error) {
	if in, ok := within(s, "rate("); ok {
		return rate(in)
	}
	if in, ok := within(s, "cron("); ok && len(in) <= 256 {
		return cron(strings.Fields(in))
	}
	return nil, ErrInvalid
}

func within(s, head string) (string, bool) {
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(s, ")")
}

// rate: "If the value is equal to 1, then the unit must be singular."
func rate(s string) (*Schedule, error) {
	value, unit, ok := strings.Cut(s, " ")
	n, err := strconv.ParseUint(value, 10, 31)
	if !ok || err != nil || n == 0 {
		return nil, ErrInvalid
	}
	unit, plural := strings.CutSuffix(strings.TrimSpace(unit), "s")
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	d := units[unit]
	if d == 0 || plural != (n > 1) || n > uint64(100*365*24*time.Hour/d) {
		return nil, ErrInvalid
	}
	return &Schedule{every: time.Duration(n) * d}, nil
}

const firstYear, lastYear = 1970, 2199

func cron(f []string) (*Schedule, error) {
	if len(f) != 6 {
		return nil, ErrInvalid
	}
	c := &Schedule{}
	var err [5]error
	c.minute, err[0] = bits(f[0], 0, 59, nil)
	c.hour, err[1] = bits(f[1], 0, 23, nil)
	c.month, err[2] = bits(f[3], 1, 12, months)
	c.days, err[3] = parseDays(f[2], f[4])
	err[4] = c.years(f[5])
	return c, errors.Join(err[:]...)
}

func (c *Schedule) years(s string) error {
	return each(s, firstYear, lastYear, nil, func(n int) { c.year[(n-firstYear)/64] |= 1 << ((n - firstYear) % 64) })
}

func (c *Schedule) inYear(y int) bool {
	n := y - firstYear
	return n >= 0 && y <= lastYear && c.year[n/64]>>(n%64)&1 == 1
}

// Next is the first time after t, or false when there is none.
func (c *Schedule) Next(t time.Time) (time.Time, bool) {
	if c.every > 0 {
		return t.Add(c.every), true
	}
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= lastYear {
		switch {
		case !c.inYear(t.Year()):
			t = time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case c.month>>t.Month()&1 == 0:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !c.days.on(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		case c.hour>>t.Hour()&1 == 0:
			t = t.Truncate(time.Hour).Add(time.Hour)
		case c.minute>>t.Minute()&1 == 0:
			t = t.Add(time.Minute)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}
