package store_test

import (
	"path/filepath"
	"testing"

	"bartizan.dev/keys/soft"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/store/sqlite"
	"bartizan.dev/store/storetest"
)

func openSQLite(t testing.TB) store.Store {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestSealedSQLite is what `bartizan serve` stands on.
func TestSealedSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return seal(t, openSQLite(t), soft.Memory()) })
}

func TestSealedSQLiteDifferential(t *testing.T) {
	storetest.Differential(t, memory.Open(), seal(t, openSQLite(t), soft.Memory()), 11, 200)
}

// TestSealedSQLiteRotation: rotation while transactions read under the engine's
// own lock.
func TestSealedSQLiteRotation(t *testing.T) { concurrentRotation(t, openSQLite(t)) }
