package peer

import (
	"net"
	"os"
	"syscall"
)

// check reads SO_PEERCRED, unix(7).
func check(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *syscall.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil {
		return credErr
	}
	if !trusted(cred.Uid, os.Geteuid()) {
		return ErrStranger
	}
	return nil
}

func trusted(uid uint32, own int) bool { return uid == 0 || int64(uid) == int64(own) }
