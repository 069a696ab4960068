package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo answers with what it got, so that two servers can be compared.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/panic":
		panic("as asked")
	case "/none":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/unread":
		w.Header().Set("Content-Type", "text/plain")
	case "/short":
		w.Header().Set("Content-Length", "10")
	case "/split":
		w.Header().Set("X-Evil", "a\r\nSet-Cookie: b")
		w.Header()["Bad Name"] = []string{"x"}
	case "/long", "/longer":
		if r.URL.Path == "/longer" {
			w.Header().Set("Content-Length", fmt.Sprint(300_000))
		}
		for range 30 {
			fmt.Fprint(w, strings.Repeat("0123456789", 1000))
		}
		return
	case "/flush":
		fmt.Fprint(w, "first")
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
	case "/last":
		w.Header().Set("Connection", "close")
	case "/html":
		fmt.Fprint(w, "<html>")
	}
	r.Header.Del("Content-Length") // net/http hides it in some cases
	fmt.Fprintf(w, "%s %s %s %v %s %d %q %v\n", r.Method, r.URL, r.Host, r.Header, r.Proto, r.ContentLength, body, err)
}

func start(t *testing.T, h http.Handler) (addr string, s *Server) {
	t.Helper()
	return startLimited(t, h, 5*time.Second, time.Minute)
}

func startLimited(t *testing.T, h http.Handler, read, idle time.Duration) (addr string, s *Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = New(&http.Server{Handler: h, ReadTimeout: read, IdleTimeout: idle, ErrorLog: log.New(io.Discard, "", 0)})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String(), s
}

// talk sends parts one after the other and returns all that came back.
func talk(t *testing.T, addr string, parts ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, p := range parts {
		if i > 0 { // let the server see them apart
			time.Sleep(2 * time.Millisecond)
		}
		if _, err := io.WriteString(c, p); err != nil {
			return "write: " + err.Error()
		}
	}
	c.(*net.TCPConn).CloseWrite()
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	return read(c)
}

// read takes the answers apart, so that the order of headers, the date and the
// framing of a body do not matter, as long as it is right.
func read(c io.Reader) string {
	var out strings.Builder
	for r := bufio.NewReader(c); ; {
		if _, err := r.Peek(1); err != nil {
			fmt.Fprintf(&out, "end")
			return out.String()
		}
		res, err := http.ReadResponse(r, &http.Request{Method: "GET"})
		if err != nil {
			fmt.Fprintf(&out, "bad answer: %v", err)
			return out.String()
		}
		body, err := io.ReadAll(res.Body)
		if res.StatusCode >= 200 && res.StatusCode < 400 && res.Header.Get("Date") == "" {
			fmt.Fprint(&out, "no date ")
		}
		res.Header.Del("Date")
		res.Header.Del("Content-Length")
		if len(body) > 1000 {
			body = fmt.Appendf(nil, "%d bytes, %x", len(body), body[len(body)-4:])
		}
		fmt.Fprintf(&out, "%d %v\n%s%v\n", res.StatusCode, res.Header, body, err)
	}
}

// TestLikeNetHTTP sends the same bytes to net/http and to this server, which must
// answer the same.
func TestLikeNetHTTP(t *testing.T) {
	addr, _ := start(t, http.HandlerFunc(echo))
	plain := &http.Server{Handler: http.HandlerFunc(echo), ErrorLog: log.New(io.Discard, "", 0)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go plain.Serve(l)
	defer plain.Close()
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	post := "POST / HTTP/1.1\r\nHost: a:80\r\nX-Amz-Target: b\r\ncontent-length: 5\r\n\r\nhello"
	large := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("x", 9000)
	for _, parts := range [][]string{
		{get("/")}, {get("/x?y=%20z")}, {get("//a/b")}, {post}, {post + post + get("/")}, {post[:20], post[20:70], post[70:]},
		{large}, {large + large + post}, {large[:3000], large[3000:]},
		{get("/html")}, {get("/none") + get("/")}, {get("/long") + get("/")}, {get("/longer") + get("/")}, {get("/flush") + get("/")},
		{get("/short")}, {get("/split")}, {get("/last") + get("/")}, {get("/panic") + get("/")}, {strings.Replace(post, "/", "/unread", 1) + post},
		// Not ordinary.
		{"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"}, {"GET / HTTP/1.0\r\n\r\n"}, {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + post},
		{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"}, {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"},
		{"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "hello"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get("/")}, {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + get("/")},
		{"GET / HTTP/1.1\r\n\r\n"}, {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}, {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{"GET / HTTP/1.1\nHost: a\n\n"}, {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"}, {"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n"}, {"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n"}, {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n"}, {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"}, {"\r\n" + get("/")}, {"\x16\x03\x01"}, {"GE"}, {"GET / HTTP/1.1\r\nHo"},
		{post + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + post}, {post[:len(post)-2]},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("y", 20_000) + "\r\n\r\n" + post},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000) + post},
		{"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n" + post},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\nX:3\t\r\nY:\r\n\r\n"}, {"GET / HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\n\r\n"},
	} {
		want, got := talk(t, l.Addr().String(), parts...), talk(t, addr, parts...)
		if want != got {
			t.Errorf("%.200q\nanswered\n%s\nand not\n%s", parts, got, want)
		}
	}
}

// TestShutdown: an idle connection is closed, a call under way finishes and says
// that it was the last.
func TestShutdown(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	addr, s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			entered <- true
			<-leave
		}
	}))
	dial := func(path string) net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		return c
	}
	resting := dial("/")
	defer resting.Close()
	if _, err := http.ReadResponse(bufio.NewReader(resting), nil); err != nil {
		t.Fatal(err)
	}
	busy := dial("/wait")
	defer busy.Close()
	<-entered
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	if _, err := resting.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection: %v, want its end", err)
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(leave)
	if got := read(busy); !strings.HasPrefix(got, "200 ") || !strings.HasSuffix(got, "end") {
		t.Error(got)
	}
	busy.Close()
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// TestTimeouts: half a head and half a body do not hold a connection, nor does
// silence.
func TestTimeouts(t *testing.T) {
	addr, _ := startLimited(t, http.HandlerFunc(echo), 50*time.Millisecond, 50*time.Millisecond)
	for _, sent := range []string{"", "POST / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, sent)
		c.SetReadDeadline(time.Now().Add(3 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("%q: %v, want the end of the connection", sent, err)
		}
		c.Close()
	}
}

// TestMany: connections do not mix.
func TestMany(t *testing.T) {
	addr, _ := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Header.Get("X-N"), body)
	}))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for g := range 16 {
		group.Go(func() {
			for i := range 200 {
				n := fmt.Sprintf("%d-%d", g, i)
				body := strings.Repeat(n, 1+i*i%2000)
				r, _ := http.NewRequest("POST", "http://"+addr+"/", strings.NewReader(body))
				r.Header.Set("X-N", n)
				res, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(got) != n+" "+body {
					t.Errorf("%s: %v, %d bytes", n, err, len(got))
				}
			}
		})
	}
	group.Wait()
}

// FuzzParse holds what parse takes against net/http.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"POST / HTTP/1.1\r\nHost: a:80\r\nX-Amz-Target: b\r\ncontent-length: 5\r\nConnection: keep-alive\r\n\r\nhello",
		"GET /a?b=c&d=%20 HTTP/1.1\r\nhost: [::1]:1\r\nX: 1\r\nX:\t2 \r\n\r\nGET",
		"PUT /é HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got http.Request
		size, v := parse(b, &got)
		if v == incomplete && bytes.Contains(b, []byte("\r\n\r\n")) && len(b) > 0 {
			t.Fatal("waits for a head that is there")
		}
		if v != ordinary {
			return
		}
		for _, n := range []int{0, 1, size / 2, size - 1} {
			if _, v := parse(b[:n], new(http.Request)); v != incomplete {
				t.Fatalf("verdict %d of %d bytes of the head", v, n)
			}
		}
		in := bufio.NewReader(bytes.NewReader(b))
		want, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		rest := b[size:]
		if int64(len(rest)) >= got.ContentLength {
			body, err := io.ReadAll(want.Body)
			if err != nil || !bytes.Equal(body, rest[:got.ContentLength]) {
				t.Fatalf("body %q, %v", body, err)
			}
			if next, _ := io.ReadAll(in); !bytes.Equal(next, rest[got.ContentLength:]) {
				t.Fatalf("the next request begins with %q", next)
			}
		}
		if got.Method != want.Method || *got.URL != *want.URL || got.RequestURI != want.RequestURI || got.Host != want.Host || got.Proto != want.Proto ||
			got.ContentLength != want.ContentLength || want.TransferEncoding != nil || want.Close || want.Trailer != nil || !reflect.DeepEqual(got.Header, want.Header) {
			t.Fatalf("%+v\nis to net/http\n%+v", &got, want)
		}
	})
}

// BenchmarkParse is a KMS call.
func BenchmarkParse(b *testing.B) {
	head := []byte("POST / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nAccept-Encoding: identity\r\nX-Amz-Target: TrentService.Encrypt\r\nContent-Type: application/x-amz-json-1.1\r\n" +
		"User-Agent: aws-cli/2.31.0\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/kms/aws4_request, SignedHeaders=a;b, Signature=00\r\nContent-Length: 5\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		var r http.Request
		if _, v := parse(head, &r); v != ordinary {
			b.Fatal(v)
		}
	}
}
