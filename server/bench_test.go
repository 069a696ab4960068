package server

import (
	"net/http"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

func openDev(t testing.TB) *Server {
	t.Helper()
	s, err := Open(t.Context(), Options{Data: t.TempDir(), Store: "memory", Dev: true, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var devKeys = sigv4.Credentials{AccessKey: "test", Secret: "test"}

// BenchmarkGetCallerIdentity is the whole way of a call but for net/http's own
// part: signature, rule, trail, answer.
func BenchmarkGetCallerIdentity(b *testing.B) {
	benchmark(b, openDev(b), devKeys, 200, "http://127.0.0.1:4566/?Action=GetCallerIdentity&Version=2011-06-15", "sts")
}

// BenchmarkListUsers adds a decision by a policy.
func BenchmarkListUsers(b *testing.B) {
	benchmark(b, openDev(b), devKeys, 200, "http://127.0.0.1:4566/?Action=ListUsers&Version=2010-05-08", "iam")
}

// BenchmarkDenied is a call that is denied by a policy of 1,600 actions and
// leaves its evidence.
func BenchmarkDenied(b *testing.B) {
	s := openDev(b)
	c := &client{b, s, s.Handler()}
	eve := c.user("eve", allow("s3:GetObject", "*"))
	c.must(c.root("AttachUserPolicy", "UserName=eve", "PolicyArn=arn:aws:iam::aws:policy/SecurityAudit"))
	benchmark(b, s, eve, 403, "http://127.0.0.1:4566/?Action=DeleteUser&UserName=eve&Version=2010-05-08", "iam")
}

func benchmark(b *testing.B, s *Server, keys sigv4.Credentials, status int, url, service string) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		b.Fatal(err)
	}
	signed, err := sigv4.Presign(req, keys, "us-east-1", service, sigv4.EmptyHash, time.Now(), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		w := &sink{header: http.Header{}}
		for pb.Next() {
			r, _ := http.NewRequest("GET", signed, nil)
			r.RemoteAddr = "127.0.0.1:50000"
			w.status = 0
			h.ServeHTTP(w, r)
			if w.status != status {
				b.Errorf("status %d", w.status)
				return
			}
		}
	})
}
