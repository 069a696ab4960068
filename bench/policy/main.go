// Command policy measures Bartizan's policy engine beside cedar-go, OPA and
// MinIO's policy package: the same statements and requests, written in each
// one's own language, in one run on one machine.
//
//	go -C bench/policy run .
//
// It first asks all of them every request and stops if one answers otherwise.
// Requests are prepared beforehand in each one's own form, so only the
// decision is measured. It is a module of its own, so that none of the peers
// is a dependency of Bartizan; MinIO's package is under the AGPL. The workspace
// (go.work) keeps this module's list of requirements independent of Bartizan's.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// engine is one of the peers, with a set of statements and requests prepared.
type engine interface {
	// decide answers the request with the number.
	decide(request int) bool
}

// engines in the order of the table; the first is the one all are compared with.
var engines = []struct {
	name, module string
	make         func(statements []statement, requests []request) (engine, error)
}{
	{"Bartizan", "bartizan.dev", newOurs},
	{"cedar-go", "github.com/cedar-policy/cedar-go", newCedar},
	{"OPA", "github.com/open-policy-agent/opa", newOPA},
}

func main() {
	testing.Init()
	benchtime := flag.Duration("time", 500*time.Millisecond, "about how long to measure each engine with each set")
	flag.Parse()
	flag.Set("test.benchtime", benchtime.String())
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	fmt.Printf("%s, %s/%s, %d CPUs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Printf("%10s  %-22s %12s %10s %10s %9s\n", "statements", "engine", "ns/decision", "bytes", "allocs", "ratio")
	for _, n := range []int{10, 100, 1_000, 10_000} {
		statements, requests := makeStatements(n), makeRequests(n)
		made := make([]engine, len(engines))
		for i, e := range engines {
			var err error
			if made[i], err = e.make(statements, requests); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			for number, r := range requests {
				if got := made[i].decide(number); got != r.allowed {
					return fmt.Errorf("%s with %d statements answers %v to %+v", e.name, n, got, r)
				}
			}
		}
		var first float64
		for i, e := range engines {
			r := measure(made[i], len(requests))
			ns := float64(r.T.Nanoseconds()) / float64(r.N)
			if i == 0 {
				first = ns
			}
			fmt.Printf("%10d  %-22s %12.0f %10d %10d %8.1fx\n", n, e.name+" "+version(e.module), ns, r.AllocedBytesPerOp(), r.AllocsPerOp(), ns/first)
		}
	}
	return nil
}

// measure asks all requests in turn.
func measure(e engine, requests int) testing.BenchmarkResult {
	runtime.GC()
	return testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			e.decide(i % requests)
		}
	})
}

func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == module && m.Version != "(devel)" {
				return m.Version
			}
		}
	}
	return ""
}
