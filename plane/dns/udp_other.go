//go:build !linux

package dns

import (
	"errors"
	"net"
	"syscall"
)

const canShare = false

func sharePort(string, string, syscall.RawConn) error { return nil }

// serveUDP answers what comes over the socket, a packet at a time.
func (s *Server) serveUDP(c *net.UDPConn) error {
	in, out := make([]byte, 4096), make([]byte, 0, maxUDP)
	for {
		n, from, err := c.ReadFromUDPAddrPort(in)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			continue // an ICMP error of an answer before
		}
		if out = s.plane.Answer(out[:0], in[:n], false); len(out) > 0 {
			_, _ = c.WriteToUDPAddrPort(out, from) // a client that hears nothing asks again
		}
	}
}
