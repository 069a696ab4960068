// Package bartizantest runs a whole Bartizan inside a test, as httptest does
// with a web server: the real gateway, signatures, policies and services on a
// port of the loopback interface, in memory, gone when the test ends. Servers
// share nothing, so tests may run in parallel.
//
//	func TestUploadIsDenied(t *testing.T) {
//		s := bartizantest.New(t)
//		user := s.NewUser(`{"Version": "2012-10-17", "Statement": []}`)
//		// point any AWS client at s.URL() with user.Credentials, or at
//		// s.Env(user.Credentials) for another program
//	}
package bartizantest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/sigv4"
)

// Credentials sign calls. Token is empty but for temporary credentials.
type Credentials = sigv4.Credentials

// Region is the Region that the helpers of this package call in.
const Region = "us-east-1"

// Server is a running Bartizan.
type Server struct {
	t     testing.TB
	s     *server.Server
	ca    string // file of the authority's certificate, with TLS
	http  http.RoundTripper
	users atomic.Int64 // made by NewUser
}

// Option changes how New starts a server.
type Option func(*server.Options)

// TLS serves HTTPS. CA names the file with the certificate to trust, and
// Client trusts it.
func TLS() Option { return func(o *server.Options) { o.TLS = true } }

// Log sends the server's log to w; without it, it is thrown away.
func Log(w io.Writer) Option {
	return func(o *server.Options) { o.Log = slog.New(slog.NewTextHandler(w, nil)) }
}

// Quotas replaces AWS's default quotas where they are not zero.
func Quotas(q server.Quotas) Option { return func(o *server.Options) { o.Quotas = q } }

// Change changes any other option of the server.
func Change(do func(*server.Options)) Option { return do }

// Server returns the server itself, for what only its administrator can do.
func (s *Server) Server() *server.Server { return s.s }

// New starts a server and stops it when the test ends. It ends the test if it
// cannot.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	data, err := os.MkdirTemp("", "bz") // short, as the path of a Unix socket must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	opt := server.Options{Data: data, Store: "memory", Dev: true, Listen: "127.0.0.1:0"}
	for _, o := range opts {
		o(&opt)
	}
	ctx, stop := context.WithCancel(context.Background())
	s, err := server.Open(ctx, opt)
	if err != nil {
		stop()
		t.Fatalf("bartizantest: %v", err)
	}
	l, err := s.Listen(ctx)
	if err != nil {
		stop()
		t.Fatalf("bartizantest: %v", errors.Join(err, s.Close()))
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	out := &Server{t: t, s: s}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Errorf("bartizantest: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("bartizantest: %v", err)
		}
	})
	if opt.TLS {
		out.ca = filepath.Join(data, "tls", "ca.pem")
		pem, err := os.ReadFile(out.ca)
		if err != nil {
			t.Fatalf("bartizantest: %v", err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	out.http = transport
	return out
}

// URL is the endpoint, such as http://127.0.0.1:34567, for every service.
func (s *Server) URL() string { return s.s.URL() }

// CA is the file with the certificate that clients must trust, or "" without
// TLS.
func (s *Server) CA() string { return s.ca }

// Account is the number of the account that Root is the root user of.
func (s *Server) Account() string { return server.DefaultAccount }

// Root are the credentials of the account's root user, who may do everything.
func (s *Server) Root() Credentials { return Credentials{AccessKey: "test", Secret: "test"} }

// Now is the server's time.
func (s *Server) Now() time.Time { return s.s.Status(context.Background()).Now }

// Advance moves the server's time forward: sessions expire, and what is due
// happens. Signatures go by the machine's time, so clients notice nothing else.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if err := s.s.Advance(d); err != nil {
		s.t.Fatalf("bartizantest: %v", err)
	}
}

// Env is an environment for another program, such as the AWS CLI or Terraform:
// the endpoint, the Region, the credentials and where to trust the certificate.
// It has nothing of this process's environment.
func (s *Server) Env(as Credentials) []string {
	env := []string{
		"AWS_ENDPOINT_URL=" + s.URL(), "AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + as.AccessKey, "AWS_SECRET_ACCESS_KEY=" + as.Secret,
		"AWS_EC2_METADATA_DISABLED=true",
	}
	if as.Token != "" {
		env = append(env, "AWS_SESSION_TOKEN="+as.Token)
	}
	if s.ca != "" {
		env = append(env, "AWS_CA_BUNDLE="+s.ca)
	}
	return env
}
