package snapshots

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bartizan.dev/wire"
)

// module is a module of the SDK and the service it is a client of.
type module struct{ service, dir string }

// modules downloads the modules of modules.txt, once for all runs on a machine.
func modules(t *testing.T) []module {
	t.Helper()
	var out []module
	args := []string{"mod", "download", "-json"}
	for _, f := range lines(t, "modules.txt") {
		out = append(out, module{service: f[0], dir: f[1]})
		args = append(args, "github.com/aws/aws-sdk-go-v2/service/"+f[1]+"@"+f[2])
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = t.TempDir()
	cmd.Stderr = os.Stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod download: %v\n%s", err, data)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for i := range out {
		var m struct{ Path, Dir string }
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(m.Path) != out[i].dir {
			t.Fatalf("go mod download answered %s where %s was asked", m.Path, out[i].dir)
		}
		out[i].dir = m.Dir
	}
	return out
}

// lines reads the fields of a list file, without comments.
func lines(t *testing.T, file string) [][]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 0 && f[0] != "#" {
			out = append(out, f)
		}
	}
	return out
}

// snapshot is a request (first line: method and target) or an answer (first
// line: status).
type snapshot struct {
	name   string // of the file, without its kind
	first  string
	header http.Header
	body   []byte
}

func snapshots(t *testing.T, dir, kind string) []snapshot {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*."+kind+".snap"))
	if err != nil {
		t.Fatal(err)
	}
	var out []snapshot
	for _, f := range files {
		s, err := readSnapshot(f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		s.name = strings.TrimSuffix(filepath.Base(f), "."+kind+".snap")
		out = append(out, s)
	}
	return out
}

func readSnapshot(file string) (snapshot, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return snapshot{}, err
	}
	r := bufio.NewReader(bytes.NewReader(data))
	first, err := r.ReadString('\n')
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{first: strings.TrimSpace(first), header: http.Header{}}
	if strings.Contains(s.first, " ") { // a request has an empty line here
		if line, err := r.ReadString('\n'); err != nil || line != "\n" {
			return snapshot{}, fmt.Errorf("want an empty line, got %q: %w", line, err)
		}
	}
	for {
		line, err := r.ReadString('\n')
		if line == "\n" || err == io.EOF && line == "" {
			break
		}
		if err != nil {
			return snapshot{}, err
		}
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok {
			return snapshot{}, fmt.Errorf("malformed header %q", line)
		}
		s.header.Add(name, value)
	}
	s.body, err = io.ReadAll(r)
	return s, err
}

func (s snapshot) request() *wire.Request {
	method, target, _ := strings.Cut(s.first, " ")
	path, query, _ := strings.Cut(target, "?")
	return &wire.Request{Method: method, Path: path, Query: query, Header: s.header, Body: s.body}
}

func (s snapshot) response() (*wire.Response, error) {
	status, err := strconv.Atoi(s.first)
	return &wire.Response{Status: status, Header: s.header, Body: s.body}, err
}
