//go:build !linux

package memory

// Protect does nothing here.
func Protect() (locked bool, err error) { return false, nil }

// ReleaseCode does nothing here.
func ReleaseCode() error { return nil }
