// Package memory keeps the memory of a process that holds keys out of core
// files and swap.
package memory

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Of prctl(2), mlockall(2) and capabilities(7); package syscall lacks them.
const (
	prSetDumpable = 4
	mclOnFault    = 4
	rlimitMemlock = 8
	capIPCLock    = 14
)

// Protect keeps the memory of this process from core files and from other
// processes of its user, and, where the system permits it, from swap. It is best
// the first thing that a process does. Locked says whether nothing will be
// swapped.
//
// Pages are locked when they are first used (MCL_ONFAULT), so that locking makes
// no process larger. Where the limit of locked memory is bounded
// (RLIMIT_MEMLOCK) nothing is locked: the process would fail when it grows.
func Protect() (locked bool, err error) {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return false, fmt.Errorf("memory: core files: %w", err)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return false, fmt.Errorf("memory: dumps: %w", errno)
	}
	if !mayLock() {
		return false, nil
	}
	if err := syscall.Mlockall(syscall.MCL_CURRENT | syscall.MCL_FUTURE | mclOnFault); err != nil {
		return false, nil // a container that withholds it
	}
	return true, nil
}

// mayLock reports whether any amount of memory may be locked.
func mayLock() bool {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(rlimitMemlock, &l); err == nil && l.Cur == ^uint64(0) {
		return true
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(status), "\nCapEff:")
	if !ok {
		return false
	}
	field, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	caps, err := strconv.ParseUint(field, 16, 64)
	return err == nil && caps&(1<<capIPCLock) != 0
}
