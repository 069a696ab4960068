package postgres

import (
	"fmt"
	"path/filepath"
	"testing"

	"bartizan.dev/store"
	"bartizan.dev/store/postgres/pgtest"
	"bartizan.dev/store/sqlite"
	"bartizan.dev/store/storetest"
)

func TestStore(t *testing.T) {
	dsn := pgtest.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store { return mustOpen(t, dsn, Options{Schema: schema()}) })
}

// TestDifferential compares us with the embedded engine on random transactions.
func TestDifferential(t *testing.T) {
	dsn := pgtest.Start(t)
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			other, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			storetest.Differential(t, mustOpen(t, dsn, Options{Schema: schema()}), other, seed, 200)
		})
	}
}
