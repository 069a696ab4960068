package server

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// outside is the client for endpoints that customers name: API destinations of
// EventBridge, subscribers of SNS. An endpoint has a time to answer. Redirects are
// not followed, and what only this machine or its link reaches, such as where
// clouds keep credentials, is not called, whatever a name resolves to; development
// may call itself.
func outside(within time.Duration, dev bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(network, address string, raw syscall.RawConn) error {
		if dev {
			if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().Unmap().IsLoopback() {
				return nil
			}
		}
		if notThisMachine(network, address, raw) != nil {
			return errNotOutside
		}
		return nil
	}}
	return &http.Client{
		Timeout: within, Transport: &http.Transport{DialContext: dialer.DialContext, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 5 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errNotOutside = errors.New("an address of this machine or link is not called")
