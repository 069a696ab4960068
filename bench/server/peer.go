package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bartizan.dev/sigv4"
)

// peer is a server that is measured.
type peer struct {
	name, addr  string
	args        []string
	signed, url *http.Request
	rates       []float64
	cmd         *exec.Cmd
}

// start runs the server and waits until it answers.
func (p *peer) start(ctx context.Context) error {
	p.cmd = exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	client := http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		res, err := client.Get("http://" + p.addr + "/_bartizan/health/ready")
		if err == nil {
			return res.Body.Close()
		}
	}
	p.stop()
	return fmt.Errorf("%s does not answer at %s", p.name, p.addr)
}

func (p *peer) stop() {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		fmt.Fprintln(os.Stderr, p.name, err)
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			if err := p.cmd.Process.Kill(); err != nil {
				fmt.Fprintln(os.Stderr, p.name, err)
			}
		}
	}()
	err := p.cmd.Wait()
	close(done)
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		fmt.Fprintln(os.Stderr, p.name, err)
	}
}

// resident is the memory of the process in bytes.
func (p *peer) resident() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}

var (
	wrkLines  = regexp.MustCompile(`(?s)\n\s+50%\s+(\S+).*\n\s+99%\s+(\S+).*?(\d+) requests in.*Requests/sec:\s+([0-9.]+)`)
	errorLine = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors:.*`)
)

// wrk repeats one request and returns requests per second.
func wrk(ctx context.Context, r *http.Request, connections, seconds int) (float64, error) {
	l, err := drive(ctx, r, connections, seconds)
	return l.rate, err
}

// load is what one run of wrk has measured.
type load struct {
	rate     float64 // calls per second
	p50, p99 string  // as wrk writes them
	calls    float64
	cpu      float64 // of the server, seconds for each call
}

// load drives the peer and takes the CPU time that it needed.
func (p *peer) load(ctx context.Context, r *http.Request, connections, seconds int) (load, error) {
	before, err := p.cpu()
	if err != nil {
		return load{}, err
	}
	l, err := drive(ctx, r, connections, seconds)
	if err != nil {
		return l, err
	}
	after, err := p.cpu()
	l.cpu = (after - before) / l.calls
	return l, err
}

// cpu is the CPU time of the process so far, user and system, in seconds.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (p *peer) cpu() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	const utime, stime, ticks = 14 - 3, 15 - 3, 100
	if len(fields) <= stime {
		return 0, fmt.Errorf("/proc/PID/stat of %s: %q", p.name, text)
	}
	user, err := strconv.ParseFloat(fields[utime], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[stime], 64)
	return (user + system) / ticks, err
}

// middle is the run with the median rate.
func middle(runs []load) load {
	s := slices.SortedFunc(slices.Values(runs), func(a, b load) int { return cmp.Compare(a.rate, b.rate) })
	return s[len(s)/2]
}

// drive repeats one request. An answer that is no success makes the run
// worthless, so it is an error.
func drive(ctx context.Context, r *http.Request, connections, seconds int) (l load, err error) {
	script, err := os.CreateTemp("", "wrk*.lua")
	if err != nil {
		return l, err
	}
	defer os.Remove(script.Name())
	fmt.Fprintf(script, "wrk.method = %q\n", r.Method)
	for name, values := range r.Header {
		fmt.Fprintf(script, "wrk.headers[%q] = %q\n", name, values[0])
	}
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return l, err
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return l, err
		}
		fmt.Fprintf(script, "wrk.body = %q\n", text)
	}
	if err := script.Close(); err != nil {
		return l, err
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t2", "--latency", "-c"+strconv.Itoa(connections), fmt.Sprintf("-d%ds", seconds), "-s", script.Name(), r.URL.String()).CombinedOutput()
	if err != nil {
		return l, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	if bad := errorLine.Find(out); bad != nil {
		return l, fmt.Errorf("wrk: %s", bad)
	}
	m := wrkLines.FindSubmatch(out)
	if m == nil {
		return l, fmt.Errorf("wrk printed no rate:\n%s", out)
	}
	l.p50, l.p99 = string(m[1]), string(m[2])
	if l.calls, err = strconv.ParseFloat(string(m[3]), 64); err == nil {
		l.rate, err = strconv.ParseFloat(string(m[4]), 64)
	}
	return l, err
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// credentials reads an AWS credentials file of one profile.
func credentials(path string) (c sigv4.Credentials, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(text)) {
		switch k, v, _ := strings.Cut(strings.TrimSpace(line), " = "); k {
		case "aws_access_key_id":
			c.AccessKey = v
		case "aws_secret_access_key":
			c.Secret = v
		}
	}
	return c, nil
}
