package detect

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Table is a map of bounded size from names (of principals, hosts, pairs of them)
// to what a detector keeps about them. V must have a fixed size (numbers and
// arrays of numbers), so the memory is known: size × (16 + sizeof V) bytes, taken
// as it fills. When it is full, one of those not touched for longest goes (second
// chance). Names are kept as 64-bit hashes.
type Table[V any] struct {
	most  int
	index map[uint64]int32
	slots []slot[V]
	hand  int
}

type slot[V any] struct {
	Key     uint64
	Touched bool
	Value   V
}

// NewTable makes a table of at most size entries.
func NewTable[V any](size int) *Table[V] {
	return &Table[V]{most: max(1, size), index: map[uint64]int32{}}
}

// Len is the number of entries.
func (t *Table[V]) Len() int { return len(t.slots) }

// Key makes the key of one or several names.
func Key(names ...string) uint64 {
	h := uint64(len(names))
	for _, n := range names {
		h = mix(h*31 + idHash(n))
	}
	return h
}

// Get returns what is kept; nil when there is nothing.
func (t *Table[V]) Get(key uint64) *V {
	i, ok := t.index[key]
	if !ok {
		return nil
	}
	t.slots[i].Touched = true
	return &t.slots[i].Value
}

// At returns what is kept, making a zero V where there is nothing; isNew says so.
// The pointer is valid until the next At.
func (t *Table[V]) At(key uint64) (v *V, isNew bool) {
	if v := t.Get(key); v != nil {
		return v, false
	}
	var i int
	if len(t.slots) < t.most {
		i = len(t.slots)
		t.slots = append(t.slots, slot[V]{})
	} else {
		for t.slots[t.hand].Touched {
			t.slots[t.hand].Touched = false
			t.hand = (t.hand + 1) % len(t.slots)
		}
		i = t.hand
		t.hand = (t.hand + 1) % len(t.slots)
		delete(t.index, t.slots[i].Key)
	}
	t.slots[i] = slot[V]{Key: key}
	t.index[key] = int32(i)
	return &t.slots[i].Value, true
}

// Save writes the table.
func (t *Table[V]) Save() ([]byte, error) {
	var b bytes.Buffer
	err := binary.Write(&b, binary.LittleEndian, uint64(len(t.slots)))
	if err == nil {
		err = binary.Write(&b, binary.LittleEndian, t.slots)
	}
	return b.Bytes(), err
}

// Load replaces the table by a saved one, as much of it as there is room for.
func (t *Table[V]) Load(data []byte) error {
	size := binary.Size(slot[V]{})
	if len(data) < 8 || size <= 0 {
		return errors.New("detect: a table is cut off")
	}
	n := binary.LittleEndian.Uint64(data)
	if n > uint64(len(data)-8)/uint64(size) {
		return errors.New("detect: a table is cut off")
	}
	slots := make([]slot[V], min(int(n), t.most))
	if err := binary.Read(bytes.NewReader(data[8:]), binary.LittleEndian, slots); err != nil {
		return err
	}
	t.slots, t.hand, t.index = slots[:0], 0, make(map[uint64]int32, len(slots))
	for _, s := range slots {
		if _, twice := t.index[s.Key]; !twice {
			t.index[s.Key] = int32(len(t.slots))
			t.slots = append(t.slots, s)
		}
	}
	return nil
}
