package memory

import (
	"slices"
	"strings"
	"testing"
)

func TestCodeMappings(t *testing.T) {
	const maps = `00400000-01a2f000 r-xp 00000000 fe:00 12 /opt/a b/bartizan
01a2f000-02e00000 r--p 0162f000 fe:00 12 /opt/a b/bartizan
02e00000-02f00000 rw-p 02a00000 fe:00 12 /opt/a b/bartizan
02f00000-02f40000 rw-p 00000000 00:00 0
c000000000-c000800000 rw-p 00000000 00:00 0
7f00-7f01 r-xp 00000000 fe:00 13 /lib/libc.so
zz-7f01 r-xp 00000000 fe:00 12 /opt/a b/bartizan
`
	want := []mapping{{0x400000, 0x1a2f000}, {0x1a2f000, 0x2e00000}}
	if got := codeMappings(strings.NewReader(maps), "/opt/a b/bartizan"); !slices.Equal(got, want) {
		t.Errorf("%x", got)
	}
}

// TestReleaseCode: the program goes on after its pages went.
func TestReleaseCode(t *testing.T) {
	if err := ReleaseCode(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Repeat("a", 3); got != "aaa" {
		t.Error(got)
	}
}
