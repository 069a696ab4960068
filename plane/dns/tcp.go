package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of TCP (RFC 7766, section 6.2.3).
const (
	maxStreams = 1000
	idle       = 10 * time.Second
)

func (s *Server) serveTCP(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	free := make(chan struct{}, maxStreams)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		c, err := s.tcp.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			<-free
			s.log.Warn("a DNS connection could not be taken", "cause", err)
			select { // of all errors, those that last are that no file descriptor is left
			case <-time.After(10 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		group.Go(func() {
			s.stream(c)
			stop()
			_ = c.Close() // all has been written
			<-free
		})
	}
}

// stream answers the queries of one connection, in their order.
func (s *Server) stream(c net.Conn) {
	in := make([]byte, 2, 2+minUDP)
	out := make([]byte, 2, 2+maxUDP)
	for {
		if c.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		if _, err := io.ReadFull(c, in[:2]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(in))
		if n > cap(in)-2 {
			in = make([]byte, 2, 2+n)
		}
		packet := in[2 : 2+n]
		if _, err := io.ReadFull(c, packet); err != nil {
			return
		}
		out = s.plane.Answer(out[:2], packet, true)
		if len(out) == 2 {
			return // nothing that a client would say
		}
		binary.BigEndian.PutUint16(out, uint16(len(out)-2))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}
