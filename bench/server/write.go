package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/service/iam"
	"bartizan.dev/sigv4"
)

// writes measures durable CreateUser calls at 16 connections.
func writes(ctx context.Context, tmp string) error {
	data := filepath.Join(tmp, "writes")
	p := peer{name: "bartizan serve", addr: "127.0.0.1:14576", args: []string{*binary, "serve", "--listen", "127.0.0.1:14576", "--data", data, "--quota", "iam.users=10000000"}}
	if err := p.start(ctx); err != nil {
		return err
	}
	defer p.stop()
	keys, err := credentials(filepath.Join(data, "credentials"))
	if err != nil {
		return err
	}
	const length = 5 * time.Second
	var done, failed atomic.Int64
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	var group sync.WaitGroup
	begin := time.Now()
	for worker := range 16 {
		group.Go(func() {
			for i := 0; time.Since(begin) < length; i++ {
				req := call("http://"+p.addr+"/", "iam", fmt.Sprintf("Action=CreateUser&Version=2010-05-08&UserName=u%d-%d", worker, i), keys)
				res, err := transport.RoundTrip(req)
				if err != nil {
					failed.Add(1)
					continue
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
					failed.Add(1)
				} else {
					done.Add(1)
				}
				res.Body.Close()
			}
		})
	}
	group.Wait()
	if failed.Load() > 0 {
		return fmt.Errorf("%d CreateUser calls failed", failed.Load())
	}
	syncs, err := syncRate(tmp)
	if err != nil {
		return err
	}
	fmt.Printf("\ndurable CreateUser, 16 connections: %.0f per second (the disk: %.0f synced writes per second; the load generator runs on the same cores)\n",
		float64(done.Load())/time.Since(begin).Seconds(), syncs)
	return nil
}

// call makes a signed call of the query protocol.
func call(url, service, form string, keys sigv4.Credentials) *http.Request {
	req, err := http.NewRequest("POST", url, strings.NewReader(form))
	if err != nil {
		panic(err) // the URL is ours
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if err := sigv4.Sign(req, keys, "us-east-1", service, sigv4.HashPayload([]byte(form)), time.Now()); err != nil {
		panic(err) // so is the request
	}
	return req
}

// syncRate is how many 4 KiB writes a second this disk makes durable.
func syncRate(dir string) (float64, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	begin := time.Now()
	n := 0
	for ; time.Since(begin) < time.Second; n++ {
		if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}

// large fills a data directory with users and a tenth as many policies, each
// attached to ten of them, and measures start and calls on it.
func large(ctx context.Context, data string, empty float64) error {
	if err := fill(ctx, data); err != nil {
		return err
	}
	p := peer{name: "bartizan serve", addr: "127.0.0.1:14577", args: []string{*binary, "serve", "--listen", "127.0.0.1:14577", "--data", data}}
	begin := time.Now()
	if err := p.start(ctx); err != nil {
		return err
	}
	defer p.stop()
	start := time.Since(begin)
	keys, err := credentials(filepath.Join(data, "credentials"))
	if err != nil {
		return err
	}
	var rates []float64
	for range 3 {
		rate, err := wrk(ctx, identity(p.addr, keys), 64, *seconds)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	fmt.Printf("\nwith %d users and %d policies: start %.0f ms; GetCallerIdentity %.0f req/s, %.0f %% of the empty server's; %d MB resident\n",
		*users, *users/10, float64(start.Microseconds())/1000, median(rates), 100*median(rates)/empty, p.resident()>>20)
	return nil
}

// fill makes the records through the real operations, in this process.
func fill(ctx context.Context, data string) (err error) {
	s, err := server.Open(ctx, server.Options{Data: data, Listen: "127.0.0.1:0", Quotas: server.Quotas{IAM: iam.Quotas{Users: *users, Policies: *users}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	keys, err := credentials(s.CredentialsFile())
	if err != nil {
		return err
	}
	h := s.Handler()
	var failed atomic.Value
	do := func(form string) {
		w := &sink{header: http.Header{}}
		req := call("http://127.0.0.1/", "iam", form, keys)
		req.RemoteAddr = "127.0.0.1:1"
		if h.ServeHTTP(w, req); w.status != http.StatusOK {
			failed.Store(fmt.Sprintf("%d for %.80s", w.status, form))
		}
	}
	const document = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22iam%3AGet%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D"
	each(*users/10, func(i int) {
		do(fmt.Sprintf("Action=CreatePolicy&Version=2010-05-08&PolicyName=p%d&PolicyDocument=%s", i, document))
	})
	each(*users, func(i int) {
		do(fmt.Sprintf("Action=CreateUser&Version=2010-05-08&UserName=u%d", i))
		do(fmt.Sprintf("Action=AttachUserPolicy&Version=2010-05-08&UserName=u%d&PolicyArn=arn:aws:iam::%s:policy/p%d", i, server.DefaultAccount, i/10))
	})
	if text := failed.Load(); text != nil {
		return fmt.Errorf("filling: %v", text)
	}
	return nil
}

// each calls fn for 0 to n-1, from 64 goroutines, so that commits are shared.
func each(n int, fn func(int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				fn(int(i))
			}
		})
	}
	group.Wait()
}

// sink is a ResponseWriter that keeps only the status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }
