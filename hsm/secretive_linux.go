package main

import "syscall"

const prSetDumpable = 4 // prctl(2)

// secretive keeps PINs and plaintexts out of core files and from debuggers of
// the same user, best as the first thing a process does.
func secretive() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return err
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
