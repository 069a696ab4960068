package sqlite

import (
	"path/filepath"
	"testing"

	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/store/storetest"
)

func tempStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return tempStore(t) })
}

// TestDifferential compares with the store in memory. A run that fails names its
// seed.
func TestDifferential(t *testing.T) {
	for seed := range uint64(5) {
		m := memory.Open()
		storetest.Differential(t, tempStore(t), m, seed, 200)
		m.Close()
	}
}
