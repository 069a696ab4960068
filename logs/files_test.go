package logs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// tree writes logs as AWS lays them out, with files that are none among them.
func tree(t testing.TB, files, events int) (dir string, ids []string) {
	t.Helper()
	dir = t.TempDir()
	all := logstest.Events(files * events)
	for i := range files {
		region := [...]string{"us-east-1", "eu-west-1"}[i%2]
		path := filepath.Join(dir, "AWSLogs", logstest.Account, "CloudTrail", region, "2026/11/30", fmt.Sprintf("%s_CloudTrail_%s_20261130T%02d%02dZ_x.json.gz", logstest.Account, region, i/60, i%60))
		write(t, path, logstest.Gzip(logstest.Records(all[i*events:(i+1)*events]...)))
	}
	write(t, filepath.Join(dir, "README"), []byte("not a log\n"))
	write(t, filepath.Join(dir, ".hidden"), []byte("not seen\n"))
	write(t, filepath.Join(dir, ".git", "x.json"), []byte("not seen\n"))
	for _, e := range all {
		_, rest, _ := strings.Cut(string(e), `"eventID":"`)
		id, _, _ := strings.Cut(rest, `"`)
		ids = append(ids, id)
	}
	return dir, ids
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFoldersAreReadInTheOrderOfTime(t *testing.T) {
	dir, ids := tree(t, 30, 700)
	inputs, err := logs.Find(dir, dir)
	if err != nil || len(inputs) != 31 {
		t.Fatalf("%d files, %v", len(inputs), err)
	}
	for _, workers := range []int{1, 2, 7} {
		var got []string
		var last int64
		report, err := logs.Read(context.Background(), inputs, logs.Options{Workers: workers, Progress: func(n int64, _ int) { last = n }}, func(b *logs.Batch) error {
			for i := range b.Calls {
				got = append(got, b.Calls[i].ID) // strings stay true without a copy
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%d workers: %d events, want %d, or another order", workers, len(got), len(ids))
		}
		if report.Records != int64(len(ids)) || len(report.Files) != 31 || !errors.Is(report.Files[0].Err, logs.ErrFormat) || report.Bytes != last || last == 0 {
			t.Errorf("%d workers: %d records, %d files, first %+v, %d bytes of %d", workers, report.Records, len(report.Files), report.Files[0], last, report.Bytes)
		}
	}
}

func TestStandardInput(t *testing.T) {
	inputs, err := logs.Find("-")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	count := func(b *logs.Batch) error { n += len(b.Flows); return nil }
	if _, err := logs.Read(context.Background(), inputs, logs.Options{Stdin: bytes.NewReader(logstest.FlowParquet(logstest.Flows(100)...))}, count); err != nil || n != 100 {
		t.Errorf("%d flows, %v", n, err)
	}
	report, err := logs.Read(context.Background(), inputs, logs.Options{}, count)
	if err != nil || report.Files[0].Err == nil {
		t.Errorf("without a standard input: %+v, %v", report, err)
	}
	if _, err := logs.Find(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

func TestReadingStops(t *testing.T) {
	dir, _ := tree(t, 8, 2000)
	inputs, err := logs.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	if _, err := logs.Read(context.Background(), inputs, logs.Options{Workers: 4}, func(*logs.Batch) error { return stop }); err != stop {
		t.Errorf("error of the callback: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := logs.Read(ctx, inputs, logs.Options{Workers: 4}, func(*logs.Batch) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func BenchmarkRead(b *testing.B) {
	dir, ids := tree(b, 40, 1000)
	inputs, err := logs.Find(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			for b.Loop() {
				if _, err := logs.Read(context.Background(), inputs, logs.Options{Workers: workers}, func(*logs.Batch) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds()/1e3, "k/s")
		})
	}
}
