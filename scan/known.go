package scan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Known are finds that somebody has looked at and accepted: a baseline.
type Known struct {
	names map[string]bool
}

const maxKnown = 256 << 20 // bytes of a baseline

// LoadKnown reads a baseline: a report that `bartizan scan-secrets --format
// json` wrote, or lines that begin with a fingerprint, or with a place as
// .gitleaksignore has it (file:rule:line or commit:file:rule:line). A # begins a
// comment.
func LoadKnown(path string) (*Known, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	k, err := readKnown(io.LimitReader(f, maxKnown))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func readKnown(r io.Reader) (*Known, error) {
	k := &Known{map[string]bool{}}
	b := bufio.NewReader(r)
	head, _ := b.Peek(512)
	if bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) {
		var report struct {
			Findings []struct {
				Fingerprint string `json:"fingerprint"`
			} `json:"findings"`
		}
		if err := json.NewDecoder(b).Decode(&report); err != nil {
			return nil, err
		}
		if report.Findings == nil {
			return nil, fmt.Errorf("no findings in it: want a report of --format json")
		}
		for _, f := range report.Findings {
			k.names[f.Fingerprint] = true
		}
		return k, nil
	}
	lines := bufio.NewScanner(b)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			k.names[line] = true
		}
	}
	return k, lines.Err()
}

func (k *Known) has(f *Finding) bool {
	if k == nil {
		return false
	}
	at := func(line int) string { return f.File + ":" + f.Rule + ":" + strconv.Itoa(line) }
	return k.names[f.Fingerprint] || k.names[at(f.Line)] || f.Commit != nil && k.names[f.Commit.ID+":"+at(f.Commit.Line)]
}
