package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestApart: the main program stays static, so purego is in this one only.
func TestApart(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "bartizan.dev").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "bartizan.dev/server\n") || strings.Contains(string(out), "purego") {
		t.Error("bartizan imports purego")
	}
}
