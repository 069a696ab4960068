package folder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPut(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"one", "two"} { // the second replaces the first
		if err := f.Put(t.Context(), "a/b/c.json.gz", []byte(body), map[string]string{"signature": body}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "a/b/c.json.gz"))
		if err != nil || string(got) != body {
			t.Errorf("object %q, %v", got, err)
		}
		meta, err := os.ReadFile(filepath.Join(dir, Metadata, "a/b/c.json.gz.json"))
		if err != nil || string(meta) != `{"signature":"`+body+`"}` {
			t.Errorf("metadata %q, %v", meta, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "a/b/.put-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, key := range []string{"", ".", "../x", "a/../../x", "/x", "a//b", "a/", Metadata + "/x", strings.Repeat("x", 251)} {
		if err := f.Put(t.Context(), key, nil, nil); !errors.Is(err, errKey) {
			t.Errorf("Put(%q): %v", key, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there is a bucket")
	}
	if _, err := Open(filepath.Join(dir, "a/b/c.json.gz")); err == nil {
		t.Error("a file is a bucket")
	}
}
