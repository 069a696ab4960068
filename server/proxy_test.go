package server

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestBehindProxies(t *testing.T) {
	s := &Server{opt: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	for _, tc := range []struct {
		name, peer, forwarded, proto string
		wantPeer                     string
		wantTLS                      bool
	}{
		{"not a proxy", "192.0.2.9:1234", "198.51.100.1", "https", "192.0.2.9:1234", false},
		{"one proxy", "10.0.0.1:1234", "198.51.100.1", "https", "198.51.100.1:0", true},
		{"a chain", "10.0.0.1:1234", "198.51.100.1, 10.2.3.4", "https", "198.51.100.1:0", true},
		{"what the client wrote itself", "10.0.0.1:1234", "203.0.113.5, 198.51.100.1", "http", "198.51.100.1:0", false},
		{"no address", "10.0.0.1:1234", "unknown", "http", "10.0.0.1:1234", false},
		{"garbage before the client", "10.0.0.1:1234", "evil, 198.51.100.1", "", "198.51.100.1:0", false},
		{"no header", "[fd00::1]:1234", "", "", "[fd00::1]:1234", false},
		{"an IPv6 client", "[fd00::1]:1234", "2001:db8::7", "HTTPS", "[2001:db8::7]:0", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://example.com/", nil)
			r.RemoteAddr = tc.peer
			if tc.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tc.forwarded)
			}
			if tc.proto != "" {
				r.Header.Set("X-Forwarded-Proto", tc.proto)
			}
			var peer string
			var over *tls.ConnectionState
			s.behind(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { peer, over = r.RemoteAddr, r.TLS })).ServeHTTP(httptest.NewRecorder(), r)
			if peer != tc.wantPeer || (over != nil) != tc.wantTLS {
				t.Errorf("peer %s over TLS %v, want %s and %v", peer, over != nil, tc.wantPeer, tc.wantTLS)
			}
		})
	}
}
