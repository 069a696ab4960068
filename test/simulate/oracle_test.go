package simulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// oracle is the running other implementation.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// answer is what it says of a case.
type answer struct {
	Result  string   // Allowed, ExplicitlyDenied, ImplicitlyDenied
	Ignored []string // context keys it left out
	Error   string
}

// startOracle starts the other implementation, or skips the test where it is
// not installed; in CI its absence is a failure.
func startOracle(t *testing.T) *oracle {
	t.Helper()
	folder, err := filepath.Abs("../../.tools/node")
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules/@cloud-copilot/iam-simulate/package.json"))
	}
	if err != nil {
		const message = "THE POLICY ENGINE IS NOT COMPARED WITH iam-simulate: run scripts/setup, which installs it: %v"
		if os.Getenv("CI") == "true" {
			t.Fatalf(message, err)
		}
		t.Skipf(message, err)
	}
	cmd := exec.CommandContext(t.Context(), node, "oracle.mjs", folder)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait() // killed when the context of the test ends
	})
	return &oracle{in, bufio.NewReaderSize(out, 1<<16)}
}

// ask puts the cases to the oracle, all at once, and returns its answers.
func (o *oracle) ask(cases ...*testCase) ([]answer, error) {
	failed := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(o.in)
		encoder := json.NewEncoder(w)
		for _, c := range cases {
			if err := encoder.Encode(map[string]any{"simulation": c.simulation()}); err != nil {
				failed <- err
				return
			}
		}
		failed <- w.Flush()
	}()
	answers := make([]answer, len(cases))
	for i := range answers {
		line, err := o.out.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("the oracle stopped: %w", err)
		}
		if err := json.Unmarshal(line, &answers[i]); err != nil {
			return nil, fmt.Errorf("the oracle says %q: %w", line, err)
		}
	}
	return answers, <-failed
}
