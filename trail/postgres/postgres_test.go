package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/store/postgres/pgtest"
	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

var (
	quiet   = slog.New(slog.DiscardHandler)
	schemas atomic.Int32
)

func schema() string { return fmt.Sprintf("test %d", schemas.Add(1)) }

func mustOpen(t testing.TB, dsn string, opt Options) *Trail {
	t.Helper()
	opt.Log = quiet
	tr, err := Open(context.Background(), dsn, opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func admin(t testing.TB, dsn, sql string, args ...any) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestTrail(t *testing.T) {
	dsn := pgtest.Start(t)
	trailtest.Run(t, func(t *testing.T) func() trail.Trail {
		opt := Options{Schema: schema()}
		return func() trail.Trail { return mustOpen(t, dsn, opt) }
	})
}

func count(t *testing.T, tr *Trail) (n int) {
	t.Helper()
	ids := map[string]int{}
	q := trail.Query{Account: "111122223333", Region: "eu-central-1", Limit: 50}
	for {
		page, err := tr.Lookup(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if ids[e.ID]++; ids[e.ID] > 1 {
				t.Errorf("event %s is there %d times", e.ID, ids[e.ID])
			}
		}
		if q.Token = page.Next; q.Token == "" {
			return len(ids)
		}
	}
}

// TestNodes: several nodes start on an empty database together and record at
// once; what one has recorded the other finds at once.
func TestNodes(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema(), SyncLater: true}
	nodes := make([]*Trail, 4)
	var wg sync.WaitGroup
	for i := range nodes {
		wg.Go(func() { nodes[i] = mustOpen(t, dsn, opt) })
	}
	wg.Wait()
	for i, tr := range nodes {
		wg.Go(func() {
			for j := range 50 {
				e := trailtest.Event(i*1000 + j)
				if err := tr.Append(t.Context(), e); err != nil {
					t.Error(err)
					return
				}
				q := trail.Query{Account: e.Account, Region: e.Region, Attribute: trail.EventID, Value: e.ID, Limit: 1}
				if page, err := nodes[(i+1)%len(nodes)].Lookup(t.Context(), q); err != nil || len(page.Events) != 1 {
					t.Errorf("the next node does not find it: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := count(t, nodes[0]); n != 200 {
		t.Errorf("%d events, want 200", n)
	}
}

// TestLostConnections kills every connection again and again: each event is
// recorded once.
func TestLostConnections(t *testing.T) {
	dsn := pgtest.Start(t)
	tr := mustOpen(t, dsn, Options{Schema: schema()})
	stop := make(chan struct{})
	var killer, wg sync.WaitGroup
	killer.Go(func() {
		c, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close(context.Background())
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(5+rand.IntN(30)) * time.Millisecond):
			}
			c.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bartizan trail'`)
		}
	})
	for w := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if err := tr.Append(t.Context(), trailtest.Event(w*100+i)); err != nil {
					t.Errorf("Append: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	killer.Wait()
	again := mustOpen(t, dsn, tr.opt)
	if n := count(t, again); n != 800 {
		t.Errorf("%d events, want 800", n)
	}
}

func TestExpire(t *testing.T) {
	dsn := pgtest.Start(t)
	var ahead atomic.Int64
	opt := Options{Schema: schema(), Keep: 10 * 24 * time.Hour, Now: func() time.Time { return trailtest.Base.Add(time.Duration(ahead.Load())) }}
	tr := mustOpen(t, dsn, opt)
	at := func(day int) *trail.Event {
		e := trailtest.Event(day)
		e.Time = trailtest.Base.Add(time.Duration(day) * 24 * time.Hour)
		return e
	}
	for d := 0; d < 30; d += 2 {
		if err := tr.Append(t.Context(), at(d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.maintain(t.Context()); err != nil || count(t, tr) != 15 {
		t.Fatalf("the clock stands still: %v, %d events, want 15", err, count(t, tr))
	}
	ahead.Store(int64(1000 * 24 * time.Hour))
	if err := tr.maintain(t.Context()); err != nil || count(t, tr) != 6 {
		t.Fatalf("%v, %d events, want 6: days 18 to 28", err, count(t, tr))
	}
	// A late event of a day that another node has dropped meanwhile.
	if err := tr.Append(t.Context(), at(20)); err != nil {
		t.Fatal(err)
	}
	s := pgx.Identifier{opt.Schema}.Sanitize()
	admin(t, dsn, fmt.Sprintf(`DROP TABLE %s.event_%s, %s.posting_%s`, s, dayName(dayOf(at(20).Time.UnixNano())), s, dayName(dayOf(at(20).Time.UnixNano()))))
	if err := tr.Append(t.Context(), at(20)); err != nil {
		t.Errorf("Append to a dropped day: %v", err)
	}
}

// TestRefusal: when the database does not take events, Admit refuses until it
// does.
func TestRefusal(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema()}
	tr := mustOpen(t, dsn, opt)
	if err := tr.Admit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := pgx.Identifier{opt.Schema}.Sanitize()
	if err := tr.Append(t.Context(), trailtest.Event(1)); err != nil {
		t.Fatal(err)
	}
	// PostgreSQL's own error for a full disk, from a trigger: on inserting only.
	for _, table := range []string{"event", "trail_probe"} {
		admin(t, dsn, fmt.Sprintf(`CREATE FUNCTION %s.full_%s() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
			CREATE TRIGGER full_%s BEFORE INSERT ON %s.%s FOR EACH ROW EXECUTE FUNCTION %s.full_%s()`, s, table, table, s, table, s, table))
	}
	if err := tr.Append(t.Context(), trailtest.Event(2)); !errors.Is(err, trail.ErrFull) {
		t.Errorf("Append: %v, want ErrFull", err)
	}
	if err := tr.Admit(t.Context()); !errors.Is(err, trail.ErrFull) {
		t.Errorf("Admit: %v, want ErrFull", err)
	}
	if n := count(t, tr); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	admin(t, dsn, fmt.Sprintf(`DROP TRIGGER full_event ON %s.event; DROP TRIGGER full_trail_probe ON %s.trail_probe`, s, s))
	if err := tr.Admit(t.Context()); err != nil {
		t.Errorf("Admit with room: %v", err)
	}
	if err := tr.Append(t.Context(), trailtest.Event(3)); err != nil {
		t.Errorf("Append with room: %v", err)
	}
	// The database goes away.
	admin(t, dsn, `ALTER SCHEMA `+s+` RENAME TO away`)
	if err := tr.Append(t.Context(), trailtest.Event(4)); err == nil {
		t.Error("Append without a database succeeded")
	}
	if err := tr.Admit(t.Context()); err == nil || errors.Is(err, trail.ErrFull) {
		t.Errorf("Admit without a database: %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema(), Log: quiet}
	mustOpen(t, dsn, opt).Close()
	admin(t, dsn, `INSERT INTO `+pgx.Identifier{opt.Schema}.Sanitize()+`.trail_version (version) VALUES (99)`)
	if _, err := Open(t.Context(), dsn, opt); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("Open: %v", err)
	}
}

func FuzzAttributes(f *testing.F) {
	f.Add(encode(nil, trailtest.Event(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again trail.Event
		if decode(b, &e) != nil {
			return
		}
		if err := decode(encode(nil, &e), &again); err != nil || fmt.Sprint(e) != fmt.Sprint(again) {
			t.Fatalf("%v\nbecame\n%v, %v", e, again, err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	dsn := pgtest.StartDurable(b)
	for name, opt := range map[string]Options{"Synced": {}, "SyncLater": {SyncLater: true}} {
		for _, c := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s%d", name, c), func(b *testing.B) {
				opt.Schema = schema()
				tr := mustOpen(b, dsn, opt)
				json := []byte(strings.Repeat(`{"eventVersion":"1.11","x":`, 1200/27))
				var n atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				for range c {
					wg.Go(func() {
						for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
							e := trailtest.Event(int(i))
							e.Username, e.Name, e.JSON = fmt.Sprint("user", i%1000), fmt.Sprint("Op", i%200), json
							e.Time = trailtest.Base.Add(time.Duration(i) * time.Millisecond)
							if err := tr.Append(context.Background(), e); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
				if c == 1 {
					return
				}
				begun := time.Now()
				for i := range 50 {
					q := trail.Query{Account: "111122223333", Region: "eu-central-1", Attribute: trail.Username, Value: fmt.Sprint("user", i), Limit: 50}
					if page, err := tr.Lookup(context.Background(), q); err != nil || len(page.Events) == 0 && b.N > 1000 {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(time.Since(begun).Microseconds())/50, "µs/lookup")
			})
		}
	}
}
