// Command detect measures the reading of logs, the detectors and the event
// patterns, in one run beside encoding/json:
//
//	make bench
//
// It runs the benchmarks of ../../detect, ../../pattern and ../../report, whose
// unit is what one processor does in a second of its time, and prints each
// beside its bar. The exit status is 1 if one is missed.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

var (
	count = flag.Int("count", 5, "runs of each benchmark; the median counts")
	only  = flag.String("only", "", "print only figures whose name contains this")
)

// rates are what each benchmark of a package did, by name, in records a second.
type rates map[string][]float64

func (r rates) of(name string) float64 {
	all := slices.Sorted(slices.Values(r[name]))
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}

// figure is a line of the table: a rate or a ratio, and what it must reach.
type figure struct {
	name, unit string
	got, want  float64
}

func main() {
	flag.Parse()
	figures, err := measure(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if !show(figures) {
		os.Exit(1)
	}
}

func measure(ctx context.Context) ([]figure, error) {
	r := rates{}
	runs := []struct{ folder, bench, cpus string }{
		{"detect", "^Benchmark(Calls|CallsJSON|Flows|Queries)$", "1"},
		{"pattern", "^BenchmarkMatch$/rules=(10|1000)$", "1"},
		{"pattern", "^BenchmarkPeers$/encoding-json", "1"},
		{"report", "^BenchmarkAnalyze$", ""},
	}
	for _, run := range runs {
		fmt.Fprintf(os.Stderr, "%s, %s …\n", run.folder, run.bench)
		if err := r.run(ctx, run.folder, run.bench, run.cpus); err != nil {
			return nil, err
		}
	}
	out := []figure{
		{"CloudTrail events, every detector", "events/s a core", r.of("Calls"), 300_000},
		{"the same beside encoding/json", "times", r.of("Calls") / r.of("CallsJSON/struct"), 3},
		{"the same beside encoding/json into maps", "times", r.of("Calls") / r.of("CallsJSON/map"), 3},
		{"flow lines, 250,000 threats", "lines/s a core", r.of("Flows"), 1_500_000},
		{"DNS queries, 250,000 threats", "queries/s a core", r.of("Queries"), 1_000_000},
		{"1,000 event rules beside 10", "of the time", r.of("Match/rules=10") / r.of("Match/rules=1000"), -2},
		{"1,000 event rules beside encoding/json", "times", r.of("Match/rules=1000") / r.of("Peers/encoding-json"), 1},
	}
	if runtime.NumCPU() > 1 {
		for _, kind := range []string{"CloudTrail", "flows", "queries"} {
			one, two := r.of("Analyze/"+kind+"/cores=1"), r.of("Analyze/"+kind+"/cores=2")
			out = append(out, figure{"bartizan analyze of " + kind + ", two cores beside one", "times", two / one, 1.8})
		}
	}
	return out, nil
}

var line = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s.*?([0-9.e+]+) (k/cpu-s|events/cpu-s|events/s)`)

// run adds what the benchmarks of a folder print.
func (r rates) run(ctx context.Context, folder, bench, cpus string) error {
	args := []string{"test", "-run", "^$", "-bench", bench, "-count", strconv.Itoa(*count)}
	if cpus != "" {
		args = append(args, "-cpu", cpus)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "../../"+folder)...) //nolint:gosec // all of it stands above
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", folder, err, text.String())
	}
	found := line.FindAllStringSubmatch(text.String(), -1)
	if len(found) == 0 {
		return fmt.Errorf("%s has no benchmark %s", folder, bench)
	}
	for _, m := range found {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return err
		}
		if strings.HasPrefix(m[3], "k/") {
			v *= 1000
		}
		r[m[1]] = append(r[m[1]], v)
	}
	return nil
}

// show prints the table and says whether every bar is reached. A bar below zero
// is one that must not be passed.
func show(figures []figure) bool {
	all := true
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		if !strings.Contains(f.name, *only) {
			continue
		}
		ok, bar := f.got >= f.want, fmt.Sprintf("at least %s", number(f.want))
		if f.want < 0 {
			ok, bar = f.got <= -f.want, fmt.Sprintf("at most %s", number(-f.want))
		}
		verdict := "reached"
		if !ok {
			verdict, all = "MISSED", false
		}
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\n", f.name, number(f.got), f.unit, bar, verdict)
	}
	if err := w.Flush(); err != nil {
		return false
	}
	return all
}

func number(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
