package segment

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

// benchEvent is like what a call of IAM leaves: 1.2 KB of JSON.
func benchEvent(i int) *trail.Event {
	e := trailtest.Event(i)
	e.Source, e.Name, e.Username = "iam.amazonaws.com", fmt.Sprintf("Operation%d", i%200), fmt.Sprintf("user%d", i%5000)
	e.AccessKeyID = fmt.Sprintf("AKIA%016d", i%5000)
	e.Resources = []trail.Resource{{Type: "AWS::IAM::User", Name: fmt.Sprintf("arn:aws:iam::111122223333:user/user%d", i%10000)}}
	e.Time = trailtest.Base.Add(time.Duration(i) * 10 * time.Millisecond)
	e.JSON = bytes.Repeat([]byte(`{"eventVersion":"1.11","x":`), 1200/27)
	return e
}

func benchmarkAppend(b *testing.B, opt Options, parallel int) {
	tr := mustOpen(b, b.TempDir(), opt)
	defer tr.Close()
	events := make([]*trail.Event, 4096)
	for i := range events {
		events[i] = benchEvent(i)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(encode(nil, events[0]))))
	ctx := context.Background()
	if parallel == 0 {
		i := 0
		for b.Loop() {
			if err := tr.Append(ctx, events[i&4095]); err != nil {
				b.Fatal(err)
			}
			i++
		}
		return
	}
	var n atomic.Uint32
	b.SetParallelism(parallel)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := tr.Append(ctx, events[n.Add(1)&4095]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkAppend(b *testing.B)           { benchmarkAppend(b, Options{}, 0) }
func BenchmarkAppendParallel64(b *testing.B) { benchmarkAppend(b, Options{}, 32) } // × GOMAXPROCS 2
func BenchmarkAppendSyncAlways64(b *testing.B) {
	benchmarkAppend(b, Options{SyncAlways: true}, 32)
}

// BenchmarkAppendPaced appends 30 events each millisecond, as a busy gateway
// does, so that the figure is not the disk's throughput.
func BenchmarkAppendPaced(b *testing.B) {
	tr := mustOpen(b, b.TempDir(), Options{})
	defer tr.Close()
	var spent time.Duration
	n, e := 0, benchEvent(1)
	for b.Loop() {
		start := time.Now()
		for range 30 {
			if err := tr.Append(b.Context(), e); err != nil {
				b.Fatal(err)
			}
			n++
		}
		d := time.Since(start)
		spent += d
		time.Sleep(time.Millisecond - d)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(n), "ns/append")
}

func BenchmarkAdmit(b *testing.B) {
	tr := mustOpen(b, b.TempDir(), Options{})
	defer tr.Close()
	for b.Loop() {
		if err := tr.Admit(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMillion looks things up among a million events (1.4 GB on disk).
func BenchmarkMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("builds 1.4 GB")
	}
	dir, err := os.MkdirTemp("", "trail")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	tr := mustOpen(b, dir, Options{})
	start := time.Now()
	const n = 1_000_000
	for i := range n {
		if err := tr.Append(context.Background(), benchEvent(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("built in %v", time.Since(start))
	tr.Close()
	start = time.Now()
	tr = mustOpen(b, dir, Options{})
	defer func() { tr.Close() }()
	b.Logf("opened in %v", time.Since(start))
	q := trail.Query{Account: "111122223333", Region: "eu-central-1", Limit: 50}
	with := func(a trail.Attribute, v string) trail.Query { q := q; q.Attribute, q.Value = a, v; return q }
	old := q
	old.End = trailtest.Base.Add(time.Hour)
	for name, q := range map[string]trail.Query{
		"Newest": q, "AnHour": old,
		"OneID":  with(trail.EventID, benchEvent(1234).ID),
		"User":   with(trail.Username, "user77"),
		"Nobody": with(trail.Username, "nobody"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, err := tr.Lookup(context.Background(), q)
				if err != nil || name != "Nobody" && len(page.Events) == 0 {
					b.Fatal(len(page.Events), err)
				}
			}
		})
	}
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			tr.Close()
			tr = mustOpen(b, dir, Options{})
		}
	})
}
