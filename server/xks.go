package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"bartizan.dev/service/kms"
	"bartizan.dev/service/kms/xks"
)

// XKS says how external key store proxies are reached.
type XKS struct {
	// CA is a file with certificates of authorities that vouch for proxies, beside
	// the system's.
	CA string
	// Dial replaces the address of a proxy's host: names of hosts, which KMS takes
	// without a port, and addresses with one.
	Dial map[string]string
}

// xksTransport carries the calls to XKS proxies, whose addresses are the choice
// of whoever may make a custom key store.
func (s *Server) xksTransport() (http.RoundTripper, error) {
	config := &tls.Config{}
	if s.opt.XKS.CA != "" {
		pem, err := os.ReadFile(s.opt.XKS.CA)
		if err != nil {
			return nil, fmt.Errorf("the authorities of XKS proxies: %w", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", s.opt.XKS.CA)
		}
	}
	t := xks.NewTransport(config)
	guarded := &net.Dialer{Timeout: time.Second, Control: notThisMachine}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if other, ok := s.opt.XKS.Dial[host]; ok { // the administrator's choice
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, other)
		}
		return guarded.DialContext(ctx, network, address)
	}
	return t, nil
}

var errThisMachine = errors.New("an XKS proxy cannot be at an address of this machine or link; the administrator can allow it with --xks-dial")

// notThisMachine keeps a customer's proxy from being what only this machine
// reaches, such as its metadata service.
func notThisMachine(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return errThisMachine
	}
	return nil
}

// proxies answers calls of XKS before others: a KMS elsewhere uses keys here.
func (s *Server) proxies(next http.Handler) http.Handler {
	own := s.kms.ProxyHandler(inner{server: s})
	own.Now = time.Now
	own.Log = func(ctx context.Context, e *xks.Event) {
		if e.Fault != nil {
			s.log.InfoContext(ctx, "an XKS request was refused", "prefix", e.Prefix, "operation", e.Operation, "key", e.KeyID, "for", e.Metadata.PrincipalARN, "fault", string(e.Fault.Name), "cause", e.Fault.Cause)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > 5 && r.URL.Path[:5] == "/xks/" && xks.Serves(r.URL.Path) {
			own.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Proxy is a KMS elsewhere that may use keys here.
type Proxy = kms.Proxy

// NewProxy is what `bartizan xks add` prints.
type NewProxy struct {
	Proxy
	Configuration string // what AWS's console takes when an external key store is made
}

// AddProxy lets a KMS elsewhere use keys of a Region, as an IAM user.
func (s *Server) AddProxy(ctx context.Context, name, region, user string) (*NewProxy, error) {
	p, credential, err := s.kms.AddProxy(ctx, name, region, user)
	if err != nil {
		return nil, err
	}
	text, err := credential.Configuration(p.Path)
	return &NewProxy{*p, string(text)}, err
}

// RemoveProxy ends what AddProxy began.
func (s *Server) RemoveProxy(ctx context.Context, name string) error {
	return s.kms.RemoveProxy(ctx, name)
}
