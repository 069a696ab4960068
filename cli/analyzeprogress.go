package cli

import (
	"fmt"
	"os"
	"sync"
	"time"

	"bartizan.dev/logs"
	"bartizan.dev/report"
)

// showAnalysis writes one line on a terminal's standard error again and again
// until the function that it returns is called.
func showAnalysis(env Env, p *report.Progress, inputs []logs.Input) (stop func()) {
	f, ok := env.Err.(*os.File)
	if !ok {
		return func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 || env.Getenv("TERM") == "dumb" {
		return func() {}
	}
	var total int64
	for _, in := range inputs {
		if in.Size == 0 && in.Path == "-" { // nobody knows how long it is
			total = 0
			break
		}
		total += in.Size
	}
	start := time.Now()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(150 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-done:
				fmt.Fprint(f, "\r\x1b[K")
				return
			case now := <-t.C:
				fmt.Fprint(f, "\r\x1b[K"+progressLine(p, len(inputs), total, now.Sub(start)))
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func progressLine(p *report.Progress, files int, total int64, took time.Duration) string {
	bytes, records := p.Bytes.Load(), p.Records.Load()
	line := fmt.Sprintf("%d of %d files, %d records, %.0f/s, %d findings", p.Files.Load(), files, records, float64(records)/max(took.Seconds(), 0.001), p.Findings.Load())
	if total > 0 && bytes > 0 && took > time.Second {
		left := time.Duration(float64(took) * float64(max(0, total-bytes)) / float64(bytes))
		line += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return line
}
