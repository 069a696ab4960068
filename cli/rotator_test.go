package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/server"
)

func TestRotatorFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	key := strings.Repeat("k", 32)
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := rotatorFlags{
		Rotator:    map[string]string{"a": "https://rotator.example.com/a", "b": "exec:/usr/local/bin/rotate"},
		RotatorKey: map[string]string{"a": file},
	}
	var opt server.Options
	if err := f.apply(&opt); err != nil {
		t.Fatal(err)
	}
	if a, b := opt.Rotators["a"], opt.Rotators["b"]; a.URL != "https://rotator.example.com/a" || string(a.Key) != key || a.Command != "" || b.Command != "/usr/local/bin/rotate" || b.URL != "" {
		t.Errorf("%+v", opt.Rotators)
	}
	for _, keys := range []map[string]string{{"b": file}, {"c": file}, {"a": file + "x"}} {
		f.RotatorKey = keys
		if err := f.apply(new(server.Options)); err == nil {
			t.Errorf("%v is accepted", keys)
		}
	}
}
