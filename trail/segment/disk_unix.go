//go:build linux || darwin || freebsd

package segment

import (
	"os"
	"syscall"
)

// lockDir takes the lock file, which the kernel gives back when the process
// ends, however it ends.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// freeBytes returns the room that an ordinary user has on dir's disk.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(max(0, int64(st.Bavail))) * uint64(st.Bsize), nil
}
