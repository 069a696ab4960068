package dns

import (
	"errors"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	canShare = true
	batch    = 64   // packets that one system call moves
	maxQuery = 4096 // longer ones are cut, and then are malformed
)

func sharePort(network, _ string, c syscall.RawConn) error {
	if network[:3] != "udp" {
		return nil
	}
	var err error
	return errors.Join(c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}), err)
}

// message is struct mmsghdr of recvmmsg(2). Go pads it as C does.
type message struct {
	header unix.Msghdr
	length uint32
}

// buffers are what the two system calls read and write. The address that the
// kernel wrote for a query is given back to it for the answer, unread.
type buffers struct {
	in, out [batch]message
	from    [batch]unix.RawSockaddrInet6
	inVec   [batch]unix.Iovec
	outVec  [batch]unix.Iovec
	packets [batch][maxQuery]byte
	answers [batch][maxUDP]byte
}

func newBuffers() *buffers {
	b := new(buffers)
	for i := range batch {
		b.inVec[i].Base = &b.packets[i][0]
		b.inVec[i].SetLen(maxQuery)
		b.in[i].header.Iov = &b.inVec[i]
		b.in[i].header.SetIovlen(1)
		b.in[i].header.Name = (*byte)(unsafe.Pointer(&b.from[i]))
	}
	return b
}

// serveUDP answers what comes over one socket, a batch at a time.
func (s *Server) serveUDP(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	b := newBuffers()
	var n, sent, ready int
	var errno syscall.Errno
	receive := func(fd uintptr) bool {
		for i := range batch {
			b.in[i].header.Namelen = uint32(unsafe.Sizeof(b.from[i]))
		}
		n, errno = mmsg(unix.SYS_RECVMMSG, fd, &b.in[0], batch)
		return errno != unix.EAGAIN
	}
	send := func(fd uintptr) bool {
		sent, errno = mmsg(unix.SYS_SENDMMSG, fd, &b.out[0], ready)
		return errno != unix.EAGAIN
	}
	for {
		if err := raw.Read(receive); err != nil {
			return closed(err)
		}
		if errno != 0 {
			if errno == unix.EINTR || errno == unix.ECONNREFUSED {
				continue
			}
			return errno
		}
		ready = s.answerBatch(b, n)
		for ready > 0 {
			if err := raw.Write(send); err != nil {
				return closed(err)
			}
			if errno == unix.EINTR {
				continue
			}
			if errno != 0 {
				sent = 1 // the first cannot be sent: its client asks again
			}
			ready -= sent
			copy(b.out[:], b.out[sent:sent+ready])
		}
	}
}

// answerBatch makes the answers to the first n packets.
func (s *Server) answerBatch(b *buffers, n int) (ready int) {
	for i := range n {
		out := s.plane.Answer(b.answers[ready][:0], b.packets[i][:b.in[i].length], false)
		if len(out) == 0 {
			continue
		}
		b.outVec[ready].Base = &out[0]
		b.outVec[ready].SetLen(len(out))
		h := &b.out[ready].header
		*h = unix.Msghdr{Name: b.in[i].header.Name, Namelen: b.in[i].header.Namelen, Iov: &b.outVec[ready]}
		h.SetIovlen(1)
		ready++
	}
	return ready
}

func mmsg(call, fd uintptr, m *message, n int) (int, syscall.Errno) {
	r, _, errno := unix.Syscall6(call, fd, uintptr(unsafe.Pointer(m)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
