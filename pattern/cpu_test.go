//go:build unix

package pattern

import (
	"syscall"
	"testing"
	"time"
)

// cpu is the processor time this process has used: on a machine that others
// use too it says more than the clock.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
