package memory

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestProtect protects a process of its own, whose limits the test then reads.
func TestProtect(t *testing.T) {
	if os.Getenv("MEMORY_CHILD") != "" {
		locked, err := Protect()
		if err != nil {
			t.Fatal(err)
		}
		grown := make([]byte, 32<<20) // which must still be possible
		for i := range grown {
			grown[i] = 1
		}
		for _, name := range []string{"limits", "status"} {
			text, err := os.ReadFile("/proc/self/" + name)
			if err != nil {
				t.Fatal(err)
			}
			os.Stdout.Write(text)
		}
		fmt.Println("locked", locked)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestProtect$")
	cmd.Env = append(os.Environ(), "MEMORY_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(out) {
		t.Errorf("core files are possible:\n%s", out)
	}
	if bytes.Contains(out, []byte("locked true")) != regexp.MustCompile(`(?m)^VmLck:\s+[1-9]`).Match(out) {
		t.Errorf("what it says of locking is not so:\n%s", out)
	}
}
