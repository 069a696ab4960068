package memory_test

import (
	"testing"

	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memory.Open() })
}
