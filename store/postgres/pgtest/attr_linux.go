package pgtest

import "syscall"

// newAttr has the server stop when the test process is killed.
func newAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT} }
