//go:build !linux

package pgtest

import "syscall"

func newAttr() *syscall.SysProcAttr { return new(syscall.SysProcAttr) }
