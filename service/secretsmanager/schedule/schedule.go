// Package schedule is the language of rotation schedules of Secrets Manager:
// rate() and cron() expressions with a window, in UTC. It is pure: it knows no
// clock.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
package schedule

import (
	"strconv"
	"strings"
	"time"
)

const (
	day = 24 * time.Hour
	// least is how far rotations must be apart: "You can rotate a secret as often
	// as every four hours."
	least   = 4
	maxText = 256  // characters of an expression, as AWS's model has it
	maxDays = 1000 // of AutomaticallyAfterDays and of rate(… days)
)

// Error says what is wrong with an expression or a window, in words for the
// user.
type Error struct{ Message string }

func (e *Error) Error() string { return "schedule: " + e.Message }

func bad(message string) error { return &Error{message} }

// A Window is when a rotation may happen.
type Window struct{ Start, End time.Time }

// A Schedule says when rotations are due. Exactly one of days, hours and cron is
// set.
type Schedule struct {
	days   int // rate(N days), or AutomaticallyAfterDays
	hours  int // rate(N hours)
	cron   *cron
	window int // hours the window is open; 0: the default
}

// Days is the schedule of AutomaticallyAfterDays, with an optional window.
func Days(n int64, duration string) (*Schedule, error) {
	if n < 1 || n > maxDays {
		return nil, bad("AutomaticallyAfterDays must be between 1 and 1000.")
	}
	return (&Schedule{days: int(n)}).within(duration)
}

// Parse reads a rate() or cron() expression and an optional window.
func Parse(expression, duration string) (*Schedule, error) {
	if len(expression) > maxText {
		return nil, bad("The schedule expression is too long.")
	}
	s := new(Schedule)
	var err error
	switch inside, kind := cut(expression); kind {
	case "rate":
		err = s.rate(inside)
	case "cron":
		s.cron, err = parseCron(inside)
	default:
		err = bad("The schedule expression must be of the form rate(…) or cron(…).")
	}
	if err != nil {
		return nil, err
	}
	return s.within(duration)
}

// cut splits kind(inside).
func cut(expression string) (inside, kind string) {
	kind, rest, ok := strings.Cut(expression, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return "", ""
	}
	return rest[:len(rest)-1], kind
}

// rate reads the inside of rate(): a number and a unit.
func (s *Schedule) rate(inside string) error {
	number, unit, _ := strings.Cut(inside, " ")
	n, ok := natural(number, maxDays*24)
	if !ok || n < 1 {
		return bad("The rate must be a whole number above 0, such as rate(10 days).")
	}
	switch {
	case unit == "hours" || unit == "hour":
		if n < least {
			return bad("Rotations must be at least 4 hours apart.")
		}
		s.hours = n
	case unit == "days" || unit == "day":
		s.days = n
	default:
		return bad("The unit of a rate must be hours or days.")
	}
	if s.days > maxDays || s.hours > maxDays*24 {
		return bad("The rate must be at most 1000 days.")
	}
	return nil
}

// within sets the window and checks that it fits: it must not reach into the
// next UTC day nor into the next window.
func (s *Schedule) within(duration string) (*Schedule, error) {
	if duration == "" {
		return s, nil
	}
	text, ok := strings.CutSuffix(duration, "h")
	n, digits := natural(text, 24)
	if !ok || !digits || n < 1 {
		return nil, bad("The duration must be a whole number of hours, such as 3h, from 1h to 24h.")
	}
	s.window = n
	last, apart := 0, 24
	switch {
	case s.cron != nil:
		last, apart = s.cron.hours[len(s.cron.hours)-1], s.cron.apart()
	case s.hours > 0:
		apart = s.hours
		if s.hours%24 != 0 { // any hour that is a multiple of both
			last = 24 - gcd(24, s.hours)
		}
	}
	if n > apart {
		return nil, bad("The rotation window must not extend into the next rotation window.")
	}
	if last+n > 24 {
		return nil, bad("The rotation window must not extend into the next UTC day.")
	}
	return s, nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Next returns the first window that begins after a rotation at last: with days,
// the midnight that many days later; with hours, the next multiple of the rate
// since the midnight of 1970-01-01. It is false when there is none within ten
// years.
func (s *Schedule) Next(last time.Time) (Window, bool) {
	last = last.UTC()
	var start time.Time
	switch {
	case s.cron != nil:
		var ok bool
		if start, ok = s.cron.next(last); !ok {
			return Window{}, false
		}
	case s.hours > 0:
		step := int64(s.hours) * 3600
		start = time.Unix((floor(last.Unix(), step)+1)*step, 0).UTC()
	default:
		start = midnight(last).AddDate(0, 0, s.days)
	}
	return Window{start, s.end(start)}, true
}

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// end closes a window: "If you don't specify a Duration, for a
// ScheduleExpression in hours, the window automatically closes after one hour.
// For a ScheduleExpression in days, the window automatically closes at the end of
// the UTC day."
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html
func (s *Schedule) end(start time.Time) time.Time {
	switch {
	case s.window > 0:
		return start.Add(time.Duration(s.window)*time.Hour - time.Second)
	case s.hours > 0 || s.cron != nil && len(s.cron.hours) > 1:
		return start.Add(time.Hour - time.Second)
	}
	return midnight(start).Add(day - time.Second)
}

// EveryDays is how many days lie between rotations, as AutomaticallyAfterDays
// shows it: at least one, and of a cron expression those between the next two
// windows after now.
func (s *Schedule) EveryDays(now time.Time) int64 {
	switch {
	case s.days > 0:
		return int64(s.days)
	case s.hours > 0:
		return int64(max(1, (s.hours+12)/24))
	}
	first, ok := s.Next(now)
	if !ok {
		return 1
	}
	second, ok := s.Next(first.Start)
	if !ok {
		return 1
	}
	return max(1, int64((second.Start.Sub(first.Start)+day/2)/day))
}

// natural reads a number of decimal digits, at most limit.
func natural(text string, limit int) (int, bool) {
	if text == "" || len(text) > 6 {
		return 0, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n <= limit
}
