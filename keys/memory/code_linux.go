package memory

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// ReleaseCode gives back the pages of the program's own code and constants that
// are in memory: most were read once, to start. Those that are used again come
// back from the page cache. They hold no secret, and need not be locked.
func ReleaseCode() error {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer f.Close()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	for _, m := range codeMappings(f, self) {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_MUNLOCK, m.from, m.to-m.from, 0); errno != 0 {
			return errno
		}
		// What is mapped read-only from a file loses nothing by MADV_DONTNEED.
		if _, _, errno := syscall.RawSyscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); errno != 0 {
			return errno
		}
	}
	return nil
}

type mapping struct{ from, to uintptr }

// codeMappings reads proc_pid_maps(5) and returns what is mapped from the file
// exe and cannot be written.
func codeMappings(r io.Reader, exe string) []mapping {
	var out []mapping
	for s := bufio.NewScanner(r); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 6 || fields[1][0] != 'r' || fields[1][1] != '-' || strings.Join(fields[5:], " ") != exe {
			continue
		}
		from, to, ok := strings.Cut(fields[0], "-")
		m := mapping{address(from), address(to)}
		if ok && m.from != 0 && m.from < m.to {
			out = append(out, m)
		}
	}
	return out
}

func address(hex string) uintptr {
	n, err := strconv.ParseUint(hex, 16, int(8*unsafe.Sizeof(uintptr(0))))
	if err != nil {
		return 0
	}
	return uintptr(n)
}
