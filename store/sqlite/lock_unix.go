//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// lockFile makes sure that only one process has the database open. The lock is
// a file of its own: closing any descriptor of the database itself would drop
// SQLite's locks. It goes with the process, however that ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		who, _ := io.ReadAll(io.LimitReader(f, 20)) // for people only
		return nil, errors.Join(fmt.Errorf("store: %s is in use by another bartizan (process %s): stop it, or choose another directory with --data", path, strings.TrimSpace(string(who))), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("store: locking %s: %w", f.Name(), err), f.Close())
	}
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	return f, nil
}
