package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"bartizan.dev/store"
)

var record = bytes.Repeat([]byte("0123456789"), 54) // 500 bytes, sealed

func fill(b *testing.B, s *Store, n int) {
	b.Helper()
	for i := 0; i < n; i += 1000 {
		_, err := s.Update(b.Context(), func(tx store.Tx) error {
			for j := i; j < min(i+1000, n); j++ {
				if err := tx.Put(b.Context(), recordKey(j), record); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func recordKey(i int) string { return fmt.Sprintf("iam/user/000000000000/user%08d", i*7919%1000003) }

// BenchmarkUpdate is a control-plane write by 16 callers at once: read one
// record, write four of 500 bytes. In the one case they lie anywhere among
// 50,000, which is the worst for a B-tree; in the other they are what creating a
// user writes: the record, two index entries, the account.
func BenchmarkUpdate(b *testing.B) {
	for name, key := range map[string]func(i, k int) string{
		"random": func(i, k int) string { return recordKey((i*4 + k) % 50_000) },
		"user": func(i, k int) string {
			switch k {
			case 0:
				return fmt.Sprintf("iam/user/000000000000/new%09d", i)
			case 1:
				return fmt.Sprintf("iam/user.id/AIDA%016X", uint64(i)*0x9E3779B97F4A7C15)
			case 2:
				return fmt.Sprintf("iam/user.path/000000000000/%09d", i)
			default:
				return "iam/account/000000000000"
			}
		},
	} {
		b.Run(name, func(b *testing.B) { benchmarkUpdate(b, key) })
	}
}

func benchmarkUpdate(b *testing.B, key func(i, k int) string) {
	s := tempStore(b)
	fill(b, s, 50_000)
	var n atomic.Int64
	b.SetParallelism(8) // times GOMAXPROCS, which is 2 on the machine of the figures
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			_, err := s.Update(b.Context(), func(tx store.Tx) error {
				if _, err := tx.Get(b.Context(), recordKey(i%50_000)); err != nil {
					return err
				}
				for k := range 4 {
					if err := tx.Put(b.Context(), key(i, k), record); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// BenchmarkSync is what the disk allows: 4 KiB written and synced.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for i := 0; b.Loop(); i++ {
		if _, err := f.WriteAt(page, int64(i%1000)*4096); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
}

func BenchmarkGet(b *testing.B) {
	s := tempStore(b)
	fill(b, s, 50_000)
	ctx := context.Background()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := s.Get(ctx, recordKey(i%50_000)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkList100(b *testing.B) {
	s := tempStore(b)
	fill(b, s, 50_000)
	b.ReportAllocs()
	for b.Loop() {
		items, err := s.List(b.Context(), store.Range{Prefix: "iam/user/000000000000/", After: recordKey(77), Limit: 100})
		if err != nil || len(items) != 100 {
			b.Fatal(len(items), err)
		}
	}
}

// BenchmarkOpen opens a database of about 200 MB.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "store.db")
	s, err := Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, 330_000)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Get(b.Context(), recordKey(5)); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
