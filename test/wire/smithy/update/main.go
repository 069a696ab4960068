// Command update makes the data of package smithy from Smithy's published
// protocol tests. It needs mvn and java, and is run by hand when a new release
// is wanted.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// artifacts are the jars, below software.amazon.smithy: the tests, the traits
// they use, and the tool that reads Smithy's language.
var artifacts = []struct{ name, version string }{
	{"smithy-aws-protocol-tests", "1.74.1"},
	{"smithy-protocol-tests", "1.54.0"},
	{"smithy-protocol-traits", "1.73.0"},
	{"smithy-aws-traits", "1.74.1"},
	{"smithy-protocol-test-traits", "1.74.1"},
	{"smithy-validation-model", "1.67.0"},
	{"smithy-model", "1.73.0"},
	{"smithy-syntax", "1.73.0"},
	{"smithy-utils", "1.73.0"},
	{"smithy-cli", "1.54.0"},
	{"smithy-build", "1.54.0"},
	{"smithy-diff", "1.54.0"},
}

const models = 6 // the first artifacts are models, all of them are the tool's

func main() {
	if err := run(filepath.Join("smithy", "testdata")); err != nil {
		fmt.Fprintln(os.Stderr, "update:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	tmp, err := os.MkdirTemp("", "smithy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	ast, err := fetch(tmp)
	if err != nil {
		return err
	}
	var m model
	if err := json.Unmarshal(ast, &m); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(out, "models"), 0o755); err != nil {
		return err
	}
	var cases []testCase
	for _, s := range services {
		c := converter{model: &m, service: s}
		service, err := c.convert()
		if err != nil {
			return fmt.Errorf("%s: %w", s.shape, err)
		}
		if err := pack(filepath.Join(out, "models", s.name+".json.gz"), service); err != nil {
			return err
		}
		cases = append(cases, c.cases...)
	}
	return pack(filepath.Join(out, "cases.json.gz"), cases)
}

// fetch gets the jars and returns the models in Smithy's JSON form.
func fetch(dir string) ([]byte, error) {
	args := []string{"-cp", ""}
	ast := []string{"software.amazon.smithy.cli.SmithyCli", "ast", "--allow-unknown-traits"}
	for i, a := range artifacts {
		cmd := exec.Command("mvn", "-B", "-q", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
			"-Dartifact=software.amazon.smithy:"+a.name+":"+a.version, "-DoutputDirectory="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s %s: %w\n%s", a.name, a.version, err, out)
		}
		jar := filepath.Join(dir, a.name+"-"+a.version+".jar")
		if i < models {
			ast = append(ast, jar)
		}
		if i >= 2 {
			args[1] += jar + string(os.PathListSeparator)
		}
	}
	cmd := exec.Command("java", append(args, ast...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("smithy ast: %w\n%s", err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

func pack(file string, v any) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
