// Command server measures Bartizan beside its peers, in one run on loopback:
//
//	make bench
//
// It starts bin/bartizan, a bare net/http handler and moto server, drives each
// with wrk (64 connections, one GetCallerIdentity signed beforehand: signature,
// rule, trail on), and prints rates and their ratios; then start-up time, idle
// memory, durable writes, and the same on 100,000 users and 10,000 policies.
//
// KMS follows: the calls that applications make all day, by a user with a policy
// and grants, beside a bare handler of the same sizes and moto, with latencies
// and the server's CPU for each call.
//
//	go run . -scale 5000
//	go run . -kms [-kms-only "Encrypt 32"]
//
// measures an organization of 5,000 accounts, 1,000,000 users and 100,000 roles,
// or KMS, and nothing else.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bartizan.dev/sigv4"
)

var (
	bare    = flag.String("bare", "", "serve a bare handler at this address (used by the program itself)")
	answer  = flag.Int("answer", 460, "size of the bare handler's answer (used by the program itself)")
	binary  = flag.String("binary", "../../bin/bartizan", "the program to measure")
	moto    = flag.String("moto", "../../.tools/moto/bin/moto_server", "moto's server; skipped if it is not there")
	seconds = flag.Int("seconds", 4, "length of each wrk run")
	users   = flag.Int("users", 100_000, "users of the large data directory; 0 skips it")
	kms     = flag.Bool("kms", false, "measure KMS, and nothing else")
	scaled  = flag.Int("scale", 0, "measure an organization of this many accounts, with 200 users and 20 roles each, and nothing else")

	kmsOnly    = flag.String("kms-only", "", "of KMS, measure only the calls whose name contains this")
	kmsSeconds = flag.Int("kms-seconds", 2, "length of each wrk run of KMS")
)

func main() {
	flag.Parse()
	if *bare != "" {
		serveBare(*bare)
		return
	}
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serveBare reads every request and answers with a body of the size asked for,
// by default GetCallerIdentity's.
func serveBare(addr string) {
	body := []byte(strings.Repeat("x", *answer))
	err := http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // the client left
		}
		w.Header().Set("Content-Type", "text/xml")
		if _, err := w.Write(body); err != nil {
			return // the client left
		}
	}))
	fmt.Fprintln(os.Stderr, err)
}

func run(ctx context.Context) error {
	tmp, err := os.MkdirTemp("", "bartizan-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if *scaled > 0 {
		return scale(ctx, filepath.Join(tmp, "scale"), *scaled)
	}
	if *kms {
		return measureKMS(ctx, tmp)
	}
	rates, err := throughput(ctx, tmp)
	if err != nil {
		return err
	}
	if err := starts(ctx, tmp); err != nil {
		return err
	}
	if err := writes(ctx, tmp); err != nil {
		return err
	}
	if err := measureKMS(ctx, tmp); err != nil {
		return err
	}
	if *users > 0 {
		return large(ctx, filepath.Join(tmp, "large"), rates)
	}
	return nil
}

// identity is GetCallerIdentity as every SDK sends it, signed beforehand.
func identity(addr string, c sigv4.Credentials) *http.Request {
	return call("http://"+addr+"/", "sts", "Action=GetCallerIdentity&Version=2011-06-15", c)
}

// presigned is GetCallerIdentity as a presigned URL.
func presigned(addr string, c sigv4.Credentials) (*http.Request, error) {
	r, err := http.NewRequest("GET", "http://"+addr+"/?Action=GetCallerIdentity&Version=2011-06-15", nil)
	if err != nil {
		return nil, err
	}
	url, err := sigv4.Presign(r, c, "us-east-1", "sts", sigv4.EmptyHash, time.Now(), time.Hour)
	if err != nil {
		return nil, err
	}
	return http.NewRequest("GET", url, nil)
}

var devKeys = sigv4.Credentials{AccessKey: "test", Secret: "test"}

// throughput compares GetCallerIdentity with the bare handler and with moto.
func throughput(ctx context.Context, tmp string) (bartizan float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	peers := []peer{
		{name: "bare net/http handler", addr: "127.0.0.1:14571", args: []string{self, "-bare", "127.0.0.1:14571"}},
		{name: "bartizan dev", addr: "127.0.0.1:14572", args: []string{*binary, "dev", "--listen", "127.0.0.1:14572", "--data", filepath.Join(tmp, "dev")}},
		{name: "bartizan serve", addr: "127.0.0.1:14574", args: []string{*binary, "serve", "--listen", "127.0.0.1:14574", "--data", filepath.Join(tmp, "serve")}},
	}
	if _, err := os.Stat(*moto); err == nil {
		peers = append(peers, peer{name: "moto server", addr: "127.0.0.1:14573", args: []string{*moto, "-H", "127.0.0.1", "-p", "14573"}})
	} else {
		fmt.Println("moto is not installed (scripts/setup bench): left out")
	}
	for i := range peers {
		p := &peers[i]
		if err := p.start(ctx); err != nil {
			return 0, err
		}
		defer p.stop()
		keys := devKeys
		if p.name == "bartizan serve" {
			if keys, err = credentials(filepath.Join(tmp, "serve", "credentials")); err != nil {
				return 0, err
			}
		}
		p.signed = identity(p.addr, keys)
		if p.url, err = presigned(p.addr, keys); err != nil {
			return 0, err
		}
	}
	if _, err := compare(ctx, peers, "GetCallerIdentity by presigned URL", func(p *peer) *http.Request { return p.url }); err != nil {
		return 0, err
	}
	return compare(ctx, peers, "GetCallerIdentity as SDKs send it", func(p *peer) *http.Request { return p.signed })
}

// compare drives the peers in turn, so that the machine's moods meet all of
// them, and returns bartizan serve's rate.
func compare(ctx context.Context, peers []peer, title string, request func(*peer) *http.Request) (bartizan float64, err error) {
	const rounds = 3
	for i := range peers {
		peers[i].rates = nil
	}
	for range rounds {
		for i := range peers {
			rate, err := wrk(ctx, request(&peers[i]), 64, *seconds)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", peers[i].name, err)
			}
			peers[i].rates = append(peers[i].rates, rate)
		}
	}
	fmt.Printf("\n%s, 64 connections, median of %d runs of %d s\n", title, rounds, *seconds)
	base := median(peers[0].rates)
	for i := range peers {
		p := &peers[i]
		fmt.Printf("  %-24s %8.0f req/s  %5.1f %% of bare  %4d MB resident after\n", p.name, median(p.rates), 100*median(p.rates)/base, p.resident()>>20)
		if p.name == "bartizan serve" {
			bartizan = median(p.rates)
		}
	}
	return bartizan, nil
}

// starts measures the time from exec to the first answer, and idle memory.
func starts(ctx context.Context, tmp string) error {
	const rounds = 10
	data := filepath.Join(tmp, "starts")
	var first []float64
	var idle int64
	for i := range rounds {
		p := peer{name: "bartizan serve", addr: "127.0.0.1:14575", args: []string{*binary, "serve", "--listen", "127.0.0.1:14575", "--data", data}}
		begin := time.Now()
		if err := p.start(ctx); err != nil {
			return err
		}
		first = append(first, float64(time.Since(begin).Microseconds())/1000)
		if i == rounds-1 {
			time.Sleep(2 * time.Second)
			idle = p.resident()
		}
		p.stop()
	}
	fmt.Printf("\nstart to first answer: median %.0f ms of %d starts, the first of all with a new data directory %.0f ms\n", median(first), rounds, first[0])
	fmt.Printf("idle: %d MB resident\n", idle>>20)
	return nil
}
