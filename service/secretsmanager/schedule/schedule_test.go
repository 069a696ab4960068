package schedule

import (
	"errors"
	"testing"
	"time"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	out, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNext: the examples of AWS's documentation, and the corners of months.
func TestNext(t *testing.T) {
	for _, c := range []struct{ expression, duration, last, start, end string }{
		{"rate(10 days)", "", "2026-11-30 22:00", "2026-12-10 00:00", "2026-12-10 23:59"},
		{"rate(10 days)", "3h", "2026-11-30 22:00", "2026-12-10 00:00", "2026-12-10 02:59"},
		{"rate(1 day)", "", "2026-02-28 00:00", "2026-03-01 00:00", "2026-03-01 23:59"},
		{"rate(12 hours)", "", "2026-11-30 12:00", "2026-12-01 00:00", "2026-12-01 00:59"},
		{"rate(4 hours)", "2h", "2026-11-30 03:59", "2026-11-30 04:00", "2026-11-30 05:59"},
		{"cron(0 10 * * ? *)", "", "2026-11-30 10:00", "2026-12-01 10:00", "2026-12-01 23:59"},
		{"cron(0 18 ? * SAT *)", "", "2026-11-30 00:00", "2026-12-05 18:00", "2026-12-05 23:59"},
		{"cron(0 8 1 * ? *)", "", "2026-11-30 00:00", "2026-12-01 08:00", "2026-12-01 23:59"},
		{"cron(0 1 1 JAN,APR,JUL,OCT ? *)", "", "2026-11-30 00:00", "2027-01-01 01:00", "2027-01-01 23:59"},
		{"cron(0 17 L * ? *)", "", "2028-02-01 00:00", "2028-02-29 17:00", "2028-02-29 23:59"},
		{"cron(0 8 ? * MON-FRI *)", "2h", "2026-11-28 00:00", "2026-11-30 08:00", "2026-11-30 09:59"},
		{"cron(0 16 1,15 * ? *)", "", "2026-12-01 16:00", "2026-12-15 16:00", "2026-12-15 23:59"},
		{"cron(0 0 ? * SUN#1 *)", "", "2026-12-07 00:00", "2027-01-03 00:00", "2027-01-03 23:59"},
		{"cron(0 0 ? * 6L *)", "", "2026-11-28 00:00", "2026-12-25 00:00", "2026-12-25 23:59"},
		{"cron(0 2/8 * * ? *)", "", "2026-11-30 02:00", "2026-11-30 10:00", "2026-11-30 10:59"},
		{"cron(0 */4 * * ? *)", "4h", "2026-11-30 20:00", "2026-12-01 00:00", "2026-12-01 03:59"},
		{"cron(0 9 15W * ? *)", "", "2026-08-01 00:00", "2026-08-14 09:00", "2026-08-14 23:59"}, // the 15th is a Saturday
		{"cron(0 9 1W * ? *)", "", "2026-07-31 00:00", "2026-08-03 09:00", "2026-08-03 23:59"},
		{"cron(0 9 LW * ? *)", "", "2026-10-01 00:00", "2026-10-30 09:00", "2026-10-30 23:59"},
		{"cron(0 9 29 2 ? *)", "", "2026-10-01 00:00", "2028-02-29 09:00", "2028-02-29 23:59"},
	} {
		s, err := Parse(c.expression, c.duration)
		if err != nil {
			t.Errorf("%s %s: %v", c.expression, c.duration, err)
			continue
		}
		w, ok := s.Next(at(t, c.last))
		if !ok || !w.Start.Equal(at(t, c.start)) || !w.End.Truncate(time.Minute).Equal(at(t, c.end)) {
			t.Errorf("%s %s after %s: %v to %v, want %s to %s", c.expression, c.duration, c.last, w.Start, w.End, c.start, c.end)
		}
	}
}

func TestBad(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""}, {"rate()", ""}, {"rate(3 hours)", ""}, {"rate(1 hour)", ""}, {"rate(0 days)", ""}, {"rate(1001 days)", ""}, {"rate(10 weeks)", ""},
		{"rate(10)", ""}, {"rate(-1 days)", ""}, {"rate(10 days", ""}, {"every(10 days)", ""}, {"cron(5 10 * * ? *)", ""}, {"cron(0 10 * * ? 2026)", ""},
		{"cron(0 10 * * * *)", ""}, {"cron(0 10 ? * ? *)", ""}, {"cron(0 * * * ? *)", ""}, {"cron(0 1,3 * * ? *)", ""}, {"cron(0 0/3 * * ? *)", ""},
		{"cron(0 24 * * ? *)", ""}, {"cron(0 10 0 * ? *)", ""}, {"cron(0 10 32 * ? *)", ""}, {"cron(0 10 31 2 ? *)", ""}, {"cron(0 10 ? * 8 *)", ""},
		{"cron(0 10 ? * MON#6 *)", ""}, {"cron(0 10 5-2 * ? *)", ""}, {"cron(0 10 * *)", ""}, {"cron(0 1,23 * * ? *)", ""},
		{"rate(10 days)", "0h"}, {"rate(10 days)", "25h"}, {"rate(10 days)", "3"}, {"rate(4 hours)", "5h"}, {"cron(0 20 * * ? *)", "5h"},
		{"cron(0 0,6 * * ? *)", "7h"}, {"rate(10 hours)", "3h"},
	} {
		s, err := Parse(c[0], c[1])
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%q %q: %+v, %v", c[0], c[1], s, err)
		}
	}
	for _, n := range []int64{0, -1, 1001} {
		if _, err := Days(n, ""); err == nil {
			t.Errorf("%d days are accepted", n)
		}
	}
}

func TestEveryDays(t *testing.T) {
	now := at(t, "2026-11-30 12:00")
	for expression, want := range map[string]int64{
		"rate(10 days)": 10, "rate(4 hours)": 1, "rate(48 hours)": 2, "cron(0 18 ? * SAT *)": 7, "cron(0 8 1 * ? *)": 31, "cron(0 */4 * * ? *)": 1,
	} {
		s, err := Parse(expression, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.EveryDays(now); got != want {
			t.Errorf("%s: every %d days, want %d", expression, got, want)
		}
	}
}

// FuzzParse: whatever is accepted has windows that lie after the last rotation,
// do not end before they begin, stay within a day and lie four hours apart.
func FuzzParse(f *testing.F) {
	f.Add("rate(12 hours)", "2h", int64(1_800_000_000))
	f.Add("cron(0 8 ? * MON-FRI *)", "", int64(0))
	f.Add("cron(0 9 LW 2 ? *)", "3h", int64(-5))
	f.Add("cron(0 2/8 L * ? *)", "1h", int64(4_000_000_000))
	f.Fuzz(func(t *testing.T, expression, duration string, unix int64) {
		s, err := Parse(expression, duration)
		if err != nil {
			return
		}
		last := time.Unix(unix%8_000_000_000, 0)
		w, ok := s.Next(last)
		if !ok {
			return
		}
		if !w.Start.After(last) || !w.End.After(w.Start) || midnight(w.End) != midnight(w.Start) {
			t.Fatalf("%q %q after %v: %v", expression, duration, last, w)
		}
		next, ok := s.Next(w.Start)
		if ok && (next.Start.Sub(w.Start) < least*time.Hour || !next.Start.After(w.End)) {
			t.Fatalf("%q %q: %v and then %v", expression, duration, w, next)
		}
		if s.EveryDays(last) < 1 {
			t.Fatal("less than a day")
		}
	})
}
