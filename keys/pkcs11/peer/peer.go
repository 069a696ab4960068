// Package peer says who is at the other end of a Unix socket. A PIN goes only to
// a helper of the same user or of root, and a helper listens only to these.
package peer

import (
	"errors"
	"net"
)

// ErrStranger is returned for the process of another user.
var ErrStranger = errors.New("the other end of the socket belongs to another user")

// Check refuses a connection to a process of a user who is neither this one nor
// root. The kernel says whose it is.
func Check(c *net.UnixConn) error { return check(c) }
