package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
)

// Server is the sockets on which a plane answers.
type Server struct {
	plane *Plane
	log   *slog.Logger
	udp   []*net.UDPConn
	tcp   net.Listener
}

// Listen opens an address for UDP and TCP. Port 0 takes a free one.
func (p *Plane) Listen(ctx context.Context, address string, log *slog.Logger) (*Server, error) {
	s := &Server{plane: p, log: log}
	lc := net.ListenConfig{Control: sharePort}
	var err error
	// A port that is free for TCP can be taken for UDP.
	for range 10 {
		if s.tcp, err = lc.Listen(ctx, "tcp", address); err != nil {
			break
		}
		for range sockets() {
			var c net.PacketConn
			if c, err = lc.ListenPacket(ctx, "udp", s.tcp.Addr().String()); err != nil {
				break
			}
			s.udp = append(s.udp, c.(*net.UDPConn))
		}
		if err == nil {
			return s, nil
		}
		err = errors.Join(err, s.Close())
		s.udp = nil
	}
	return nil, fmt.Errorf("the DNS address %s: %w", address, err)
}

// Addr is the address that was opened.
func (s *Server) Addr() net.Addr { return s.tcp.Addr() }

// Close closes the sockets.
func (s *Server) Close() error {
	err := s.tcp.Close()
	for _, c := range s.udp {
		err = errors.Join(err, c.Close())
	}
	return err
}

// Serve answers until ctx ends, then closes the sockets.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	errs := make(chan error, len(s.udp)+1)
	run := func(f func() error) {
		group.Go(func() {
			if err := f(); err != nil && ctx.Err() == nil {
				errs <- err
				cancel()
			}
		})
	}
	for _, c := range s.udp {
		run(func() error { return s.serveUDP(c) })
	}
	run(func() error { return s.serveTCP(ctx) })
	<-ctx.Done()
	err := s.Close()
	group.Wait()
	select {
	case first := <-errs:
		return first
	default:
		return err
	}
}

// sockets is how many UDP sockets share the load: the kernel spreads packets over
// them by their source.
func sockets() int {
	if canShare {
		return runtime.GOMAXPROCS(0)
	}
	return 1
}
