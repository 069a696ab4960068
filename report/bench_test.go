package report

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

// BenchmarkAnalyze reads files as AWS delivers them, of one account, with every
// detector, on one processor and on two.
func BenchmarkAnalyze(b *testing.B) {
	const n, files = 4000, 16
	for _, kind := range []struct {
		name string
		data func(i int) []byte
	}{
		{"CloudTrail", func() func(int) []byte {
			events := logstest.Events(n * files)
			return func(i int) []byte { return logstest.Records(events[i*n : (i+1)*n]...) }
		}()},
		{"flows", func() func(int) []byte {
			flows := logstest.Flows(n * files)
			return func(i int) []byte { return logstest.FlowLog(true, logstest.Version2, flows[i*n:(i+1)*n]...) }
		}()},
		{"queries", func() func(int) []byte {
			queries := logstest.Queries(n * files)
			return func(i int) []byte { return logstest.ResolverLog(queries[i*n : (i+1)*n]...) }
		}()},
	} {
		all := map[string][]byte{}
		for i := range files {
			all[fmt.Sprintf("1_%s_eu-west-1_20261130T12%02dZ_x.gz", kind.name, i)] = logstest.Gzip(kind.data(i))
		}
		inputs, err := logs.Find(write(b, all))
		if err != nil {
			b.Fatal(err)
		}
		for _, cores := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/cores=%d", kind.name, cores), func(b *testing.B) {
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
}
