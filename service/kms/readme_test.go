package kms

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeIsRun: script/kms.txtar runs every command that README.md shows.
func TestReadmeIsRun(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../script/kms.txtar")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^ {4}(aws kms \S+)`).FindAllStringSubmatch(string(readme), -1)
	if len(shown) < 5 {
		t.Fatalf("%d commands", len(shown))
	}
	for _, m := range shown {
		if !strings.Contains(string(script), m[1]+" ") {
			t.Errorf("the script does not run %s", m[1])
		}
	}
}
