package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/store/postgres"
	"bartizan.dev/store/postgres/pgtest"
)

// TestNodesOnPostgres: three nodes on one database do each job once, and each
// hears of work that another has added.
func TestNodesOnPostgres(t *testing.T) {
	dsn := pgtest.Start(t)
	ctx := context.Background()
	const jobs = 60
	var runs [3]atomic.Int32
	var done sync.WaitGroup
	done.Add(jobs)
	queues := make([]*Queue, len(runs))
	stores := make([]store.Store, len(runs))
	for i := range runs {
		s, err := postgres.Open(ctx, dsn, postgres.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		stores[i] = store.View(s, "svc/")
		queues[i] = New(stores[i], new(Clock), quiet, map[string]Handler{"k": func(ctx context.Context, j Job) (func(store.Tx) error, error) {
			runs[i].Add(1)
			return func(tx store.Tx) error {
				item, err := tx.Get(ctx, "done/"+j.ID)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				return tx.Put(ctx, "done/"+j.ID, append(item.Value, '|'))
			}, nil
		}})
		if err := stores[i].Watch(t.Context(), func(changes []store.Change) {
			for _, c := range changes {
				if i == 0 && len(c.Key) > 5 && c.Key[:5] == "done/" {
					done.Done()
				}
			}
		}, func() {}); err != nil {
			t.Fatal(err)
		}
		start(t, queues[i])
	}
	if _, err := stores[0].Update(ctx, func(tx store.Tx) error {
		for i := range jobs {
			if err := queues[0].Add(ctx, tx, Job{Kind: "k", ID: fmt.Sprint(i), Due: time.Now().Add(200 * time.Millisecond)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	done.Wait()
	items, err := stores[1].List(ctx, store.Range{Prefix: "done/"})
	if err != nil || len(items) != jobs {
		t.Fatalf("%d jobs done, %v, want %d", len(items), err, jobs)
	}
	for _, item := range items {
		if string(item.Value) != "|" {
			t.Errorf("%s took effect %d times", item.Key, len(item.Value))
		}
	}
	if a, b, c := runs[0].Load(), runs[1].Load(), runs[2].Load(); a+b+c != jobs {
		t.Errorf("runs on each node: %d %d %d, want %d in all", a, b, c, jobs)
	} else {
		t.Logf("runs on each node: %d %d %d", a, b, c)
	}
}
