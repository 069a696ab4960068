package server

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
)

// behind makes of a request that a trusted proxy passed on what it was when it
// reached the proxy: the client's address, and that it came over TLS. What any
// other peer says of that in headers counts for nothing.
func (s *Server) behind(next http.Handler) http.Handler {
	if len(s.opt.Proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !s.proxy(peer.Addr()) {
			next.ServeHTTP(w, r)
			return
		}
		was := r.Clone(r.Context())
		if client := s.client(r.Header.Values("X-Forwarded-For")); client.IsValid() {
			was.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		}
		if was.TLS == nil && last(r.Header.Values("X-Forwarded-Proto")) == "https" {
			was.TLS = &tls.ConnectionState{} // of which nothing more is known
		}
		next.ServeHTTP(w, was)
	})
}

func (s *Server) proxy(addr netip.Addr) bool {
	for _, p := range s.opt.Proxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// client is the last address that no proxy of ours wrote of another: each proxy
// appends who came to it, so what stands before that anybody may have written.
func (s *Server) client(headers []string) (out netip.Addr) {
	list := strings.Split(strings.Join(headers, ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(list[i]))
		if err != nil {
			return out
		}
		if out = addr.Unmap(); !s.proxy(out) {
			return out
		}
	}
	return out
}

func last(headers []string) string {
	list := strings.Split(strings.Join(headers, ","), ",")
	return strings.ToLower(strings.TrimSpace(list[len(list)-1]))
}
