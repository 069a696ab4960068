package peer

import (
	"net"
	"path/filepath"
	"testing"
)

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := Check(c.(*net.UnixConn)); err != nil {
		t.Errorf("our own socket: %v", err)
	}
	for _, test := range []struct {
		uid  uint32
		own  int
		want bool
	}{{0, 1000, true}, {1000, 1000, true}, {1001, 1000, false}, {1000, 0, false}, {1<<32 - 1, -1, false}} {
		if got := trusted(test.uid, test.own); got != test.want {
			t.Errorf("uid %d for a process of %d: %v", test.uid, test.own, got)
		}
	}
}
