package schedule

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	const from = "2026-01-31T10:07:30Z" // a Saturday
	for expression, want := range map[string]string{
		"rate(1 minute)": "2026-01-31T10:08:30Z", "rate(5 minutes)": "2026-01-31T10:12:30Z", "rate(1 day)": "2026-02-01T10:07:30Z",
		"cron(15 12 * * ? *)": "2026-01-31T12:15:00Z", "cron(0/15 * * * ? *)": "2026-01-31T10:15:00Z", "cron(0 8 1 * ? *)": "2026-02-01T08:00:00Z",
		"cron(0 18 ? * MON-FRI *)": "2026-02-02T18:00:00Z", "cron(*/10 * ? * MON-FRI *)": "2026-02-02T00:00:00Z", "cron(0 0 L * ? *)": "2026-02-28T00:00:00Z",
		"cron(0 0 L-3 * ? *)": "2026-02-25T00:00:00Z", "cron(0 9 1W * ? *)": "2026-02-02T09:00:00Z", "cron(0 9 LW * ? *)": "2026-02-27T09:00:00Z",
		"cron(0 9 ? * 6L *)": "2026-02-27T09:00:00Z", "cron(0 9 ? * 2#1 *)": "2026-02-02T09:00:00Z", "cron(0 0 29 2 ? *)": "2028-02-29T00:00:00Z",
		"cron(0 0 1 1 ? 2199)": "2199-01-01T00:00:00Z", "cron(0 0 1 jan,mar ? 2026-2030)": "2026-03-01T00:00:00Z", "cron(0 12 ? * FRI-SUN *)": "2026-01-31T12:00:00Z",
		"cron(0 0 1 1 ? 2025)": "", "cron(0 0 30 2 ? *)": "",
	} {
		s, err := Parse(expression)
		if err != nil {
			t.Error(expression, err)
			continue
		}
		start, _ := time.Parse(time.RFC3339, from)
		next, ok := s.Next(start)
		if got := next.Format(time.RFC3339); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s %v, want %s", expression, got, ok, want)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, bad := range []string{
		"", "rate(5)", "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(-1 minutes)", "rate(5 seconds)", "rate(99999999999 days)",
		"cron(0 12 * * *)", "cron(0 12 * * * *)", "cron(0 12 ? * ? *)", "cron(60 12 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 0 * ? *)", "cron(0 0 1 13 ? *)",
		"cron(0 0 ? * 8 *)", "cron(0 0 1 1 ? 1969)", "cron(0 0 ? * 2#6 *)", "cron(0 0 32W * ? *)", "cron(5-1 0 1 1 ? *)", "cron(a 0 1 1 ? *)", "cron(0/0 0 1 1 ? *)", "at(2026-01-01T00:00:00)",
	} {
		if _, err := Parse(bad); err == nil {
			t.Error(bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("cron(0/15 8-17 ? * MON#2 2026-2030)")
	f.Add("rate(5 minutes)")
	f.Add("cron(0 9 15W JAN-MAR ? *)")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if next, ok := s.Next(now); ok && !next.After(now) {
			t.Fatalf("%s: %s", text, next)
		}
	})
}
