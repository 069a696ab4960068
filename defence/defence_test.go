package defence

import (
	"os"
	"path/filepath"
	"testing"
)

// A row that is built names services, a plane and a script that are there.
func TestOrderIsProved(t *testing.T) {
	for _, r := range Order() {
		if r.Layer == "" || len(r.Services) == 0 || r.Plane == "" || r.Script == "" {
			t.Errorf("row %+v lacks a part", r)
			continue
		}
		if r.Planned {
			continue
		}
		for _, path := range []string{filepath.Join("..", "script", "defence", r.Script), filepath.Join("..", r.Plane)} {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s is not planned, yet: %v", r.Layer, err)
			}
		}
		for _, s := range r.Services {
			if _, err := os.Stat(filepath.Join("..", "service", s)); err != nil {
				t.Errorf("%s: %v", r.Layer, err)
			}
		}
	}
}
