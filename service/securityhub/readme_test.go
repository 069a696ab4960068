package securityhub

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeIsExecuted: every command of README.md is one of the acceptance
// script.
func TestReadmeIsExecuted(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../script/securityhub.txtar")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(readme)) {
		if command, ok := strings.CutPrefix(line, "    aws "); ok {
			n++
			if !strings.Contains(string(script), "\naws "+command) {
				t.Errorf("script/securityhub.txtar does not run %s", command)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d commands", n)
	}
}
