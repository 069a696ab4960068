package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"
)

const (
	one = "0233062f-51ae-4bd6-a7c1-ab2c6dc5e8dc"
	two = "11111111-2222-4333-8444-555555555555"
)

// events has six events, one every ten minutes, of which two are errors.
func events(ctx context.Context, store string, from, to time.Time) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range 6 {
			at := time.Date(2026, 1, 1, 0, 10*i, 0, 0, time.UTC)
			if !from.IsZero() && at.Before(from) || !to.IsZero() && at.After(to) {
				continue
			}
			code := ""
			if i%3 == 2 {
				code = `"errorCode":"AccessDenied",`
			}
			user := []string{"ann", "bob"}[i%2]
			e := fmt.Sprintf(`{"eventVersion":"1.11","eventTime":%q,"eventName":"Get%d",%s"readOnly":%t,"eventID":"%s-%d",`+
				`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::1:user/%s","sessionContext":{"attributes":{"mfaAuthenticated":"true"}}},`+
				`"requestParameters":{"roleArn":"r%d","n":3},"responseElements":null,"resources":[{"ARN":"a%d"}]}`,
				at.Format(time.RFC3339), i, code, i%2 == 0, store[:4], i, user, i, i)
			if !yield([]byte(e), nil) {
				return
			}
		}
	}
}

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(func() time.Time { return time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ask(t testing.TB, e *Engine, q string, parameters ...string) (string, Stats, error) {
	t.Helper()
	st, err := Parse(q)
	if err != nil {
		return "", Stats{}, err
	}
	if err := e.Check(t.Context(), st); err != nil {
		return "", Stats{}, err
	}
	var out []string
	stats, err := e.Run(t.Context(), st, parameters, events, func(names []string, values []*string) error {
		var row []string
		for i, v := range values {
			if v == nil {
				row = append(row, names[i]+" null")
			} else {
				row = append(row, names[i]+"="+*v)
			}
		}
		out = append(out, strings.Join(row, " "))
		return nil
	})
	return strings.Join(out, "; "), stats, err
}

func TestQueries(t *testing.T) {
	e := engine(t)
	for _, tc := range []struct {
		q, want string
		scanned int64
		args    []string
	}{
		{"SELECT count(*) FROM " + one, "_col0=6", 6, nil},
		{"SELECT eventname, readOnly, errorCode FROM " + one + " LIMIT 1;", "eventName=Get0 readOnly=true errorCode null", 1, nil},
		{"SELECT eventTime FROM " + one + " WHERE eventTime > '2026-01-01 00:40:00'", "eventTime=2026-01-01 00:50:00.000", 2, nil},
		{"SELECT count(*) AS n FROM " + one + " WHERE eventTime >= '2026-01-01 00:40:00' AND eventTime <= '2026-01-01'", "n=0", 0, nil},
		{"SELECT count(*) AS n FROM " + one + " WHERE eventTime BETWEEN timestamp '2026-01-01 00:10:00.000' AND cast('2026-01-01T00:20:00Z' as timestamp)", "n=2", 2, nil},
		{"SELECT eventName FROM " + one + " WHERE userIdentity.arn LIKE '%/bob' AND errorCode IS NOT NULL", "eventName=Get5", 6, nil},
		{"SELECT eventName FROM " + one + " WHERE userIdentity.arn LIKE '%/BOB'", "", 6, nil},
		{"SELECT e.userIdentity.sessionContext.attributes.mfaauthenticated, e.eventName FROM " + one + " e WHERE e.eventName = 'Get1'", "mfaauthenticated=true eventName=Get1", 6, nil},
		{"SELECT element_at(requestParameters, 'roleArn') AS r, requestParameters['n'] AS n, resources[1].arn FROM " + one + " LIMIT 1", "r=r0 n=3 arn=a0", 1, nil},
		{"SELECT userIdentity.arn AS who, count(*) AS n FROM \"" + one + "\" GROUP BY userIdentity.arn ORDER BY n DESC, 1 -- a remark", "who=arn:aws:iam::1:user/ann n=3; who=arn:aws:iam::1:user/bob n=3", 6, nil},
		{"WITH x AS (SELECT eventName AS n FROM " + one + " WHERE readOnly = true) SELECT n FROM x WHERE regexp_like(n, '^Get[24]$')", "n=Get2; n=Get4", 6, nil},
		{"SELECT a.eventName FROM " + one + " a JOIN " + two + " b ON a.eventName = b.eventName WHERE a.errorCode <> '' AND b.eventID LIKE '1111%'", "eventName=Get2; eventName=Get5", -1, nil},
		{"SELECT eventName FROM " + one + " WHERE eventName = ? AND eventTime >= ?", "eventName=Get3", 3, []string{"Get3", "2026-01-01 00:30:00"}},
		{"SELECT count(*) n, approx_distinct(userIdentity.arn) u FROM " + one + " WHERE eventTime > date_add('minute', -21, now())", "n=2 u=2", 2, nil},
		{"SELECT date_trunc('hour', eventTime) h, avg(2) a, strpos(eventName,'t') p FROM " + one + " GROUP BY 1", "h=2026-01-01 00:00:00.000 a=2.0 p=3", 6, nil},
		{"SELECT /* it's */ 'a;b -- c' AS s FROM " + one + " LIMIT 1", "s=a;b -- c", 1, nil},
		{"SELECT j.value FROM " + one + ", json_each(userIdentity) j WHERE j.key = 'type' LIMIT 1", "value=IAMUser", 1, nil},
		{"SELECT json_extract_scalar(eventJson, '$.requestParameters.roleArn') AS r FROM " + one + " WHERE eventName != 'Get0' LIMIT 1", "r=r1", 2, nil},
	} {
		got, stats, err := ask(t, e, tc.q, tc.args...)
		if err != nil || got != tc.want || tc.scanned >= 0 && stats.Events != tc.scanned {
			st, _ := Parse(tc.q)
			t.Errorf("%s\n%+v\n got %s, %+v, %v\nwant %s, scanned %d", tc.q, st, got, stats, err, tc.want, tc.scanned)
		}
	}
}

// TestRefused: nothing but reading what is named.
func TestRefused(t *testing.T) {
	e := engine(t)
	for _, q := range []string{
		"", ";", "SELECT 1", "SELECT * FROM events", "DROP TABLE " + one, "INSERT INTO " + one + " VALUES (1)", "DELETE FROM " + one,
		"WITH x AS (SELECT 1) DELETE FROM " + one, "SELECT 1 FROM " + one + "; SELECT 2", "PRAGMA table_info(" + one + ")",
		"SELECT * FROM sqlite_master, " + one, "SELECT * FROM pragma_database_list, " + one, "SELECT * FROM sqlite_schema UNION SELECT 1 FROM " + one,
		"SELECT load_extension('x') FROM " + one, "SELECT \"nothing\" FROM " + one, "SELECT 'open FROM " + one, "SELECT /* FROM " + one,
		"SELECT nosuch FROM " + one, "SELECT nosuch(1) FROM " + one, "SELECT cast(eventTime AS date) FROM " + one, "SELECT [a] FROM " + one,
		"ATTACH 'x' AS " + one, "VACUUM INTO '" + one + "'", "EXPLAIN SELECT 1 FROM " + one, "SELECT `a` FROM " + one, "SELECT * FROM event_data_store(1), " + one,
		"SELECT a FROM " + one + " WHERE x = $1", strings.Repeat("(", 300) + "SELECT 1 FROM " + one, "SELECT 1 FROM " + one + strings.Repeat(" ", MaxStatement),
	} {
		if got, _, err := ask(t, e, q); err == nil {
			t.Errorf("%.100s is answered: %s", q, got)
		}
	}
}

// TestEnds: a statement that would never end, ends when its time is over, and one
// whose events cannot be read says why.
func TestEnds(t *testing.T) {
	e := engine(t)
	st, err := Parse("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r, " + one)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Run(ctx, st, nil, events, func([]string, []*string) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	broken := errors.New("broken")
	bad := func(context.Context, string, time.Time, time.Time) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) { yield(nil, broken) }
	}
	st, _ = Parse("SELECT * FROM " + one)
	if _, err := e.Run(t.Context(), st, nil, bad, func([]string, []*string) error { return nil }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	enough := errors.New("enough")
	if _, err := e.Run(t.Context(), st, nil, events, func([]string, []*string) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	n := 0
	e.runs.Range(func(any, any) bool { n++; return true })
	if n != 0 {
		t.Errorf("%d runs are left", n)
	}
}

// FuzzStatement: whatever is asked, the answer is a result or an error, in time.
func FuzzStatement(f *testing.F) {
	e := engine(f)
	for _, q := range []string{
		"SELECT count(*) FROM " + one, "SELECT userIdentity.arn, requestParameters['a'] FROM " + one + " WHERE eventTime > '2026-01-01' AND x <> 'it''s'",
		"WITH a AS (SELECT 1) SELECT * FROM " + one + " JOIN a ON 1=1", "SELECT date_trunc('day', eventTime) FROM " + one, "SELECT regexp_like(eventName, '(') FROM " + one,
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		st, err := Parse(q)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		n := 0
		_, err = e.Run(ctx, st, make([]string, st.Parameters), events, func(names []string, values []*string) error {
			if len(names) != len(values) {
				t.Error("a row of another length")
			}
			if n++; n > 100 {
				return errors.New("enough")
			}
			return nil
		})
		_ = err // either is an answer
	})
}
