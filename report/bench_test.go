package report

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// BenchmarkAnalyze reads CloudTrail files as AWS delivers them, of one account,
// with every detector, on one processor and on two.
func BenchmarkAnalyze(b *testing.B) {
	const n, files = 4000, 16
	events := logstest.Events(n * files)
	all := map[string][]byte{}
	for i := range files {
		all[fmt.Sprintf("1_CloudTrail_eu-west-1_20261130T12%02dZ_x.json.gz", i)] = logstest.Gzip(logstest.Records(events[i*n : (i+1)*n]...))
	}
	inputs, err := logs.Find(write(b, all))
	if err != nil {
		b.Fatal(err)
	}
	for _, cores := range []int{1, 2} {
		b.Run(fmt.Sprintf("cores=%d", cores), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			for b.Loop() {
				r, err := Run(context.Background(), inputs, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if r.Read.Records != n*files {
					b.Fatal(r.Read.Records)
				}
			}
			b.ReportMetric(float64(n*files*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
