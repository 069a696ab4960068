package detect

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Table is a map of bounded size from names (of principals, hosts, pairs of them)
// to what a detector keeps about them. V must have a fixed size (numbers and
// arrays of numbers), so the memory is known: size × (32 + sizeof V) bytes at most,
// taken as it fills. When it is full, one of those not touched for longest goes
// (second chance). Names are kept as 64-bit hashes.
type Table[V any] struct {
	most   int
	index  index
	chunks [][]slot[V] // full ones have chunkSize entries; none is ever moved
	n      int
	hand   int
}

const chunkSize = 1024

type slot[V any] struct {
	Key     uint64
	Touched bool
	Value   V
}

// NewTable makes a table of at most size entries.
func NewTable[V any](size int) *Table[V] { return &Table[V]{most: max(1, size)} }

// Len is the number of entries.
func (t *Table[V]) Len() int { return t.n }

// Key makes the key of one or several names.
func Key(names ...string) uint64 {
	h := uint64(len(names))
	for _, n := range names {
		h = mix(h*31 + idHash(n))
	}
	return h
}

func (t *Table[V]) slot(i int) *slot[V] { return &t.chunks[i/chunkSize][i%chunkSize] }

// find returns the number of a key's entry; -1 when there is none.
func (t *Table[V]) find(key uint64) int {
	if t.n == 0 {
		return -1
	}
	tag, mask := tagOf(key), len(t.index.places)-1
	for at := int(tag) & mask; ; at = (at + 1) & mask {
		p := t.index.places[at]
		if p == 0 {
			return -1
		}
		if i := int(uint32(p)) - 1; uint32(p>>32) == tag && t.slot(i).Key == key {
			return i
		}
	}
}

// Get returns what is kept; nil when there is nothing.
func (t *Table[V]) Get(key uint64) *V {
	i := t.find(key)
	if i < 0 {
		return nil
	}
	s := t.slot(i)
	s.Touched = true
	return &s.Value
}

// At returns what is kept, making a zero V where there is nothing; isNew says so.
// The pointer is valid until the next At.
func (t *Table[V]) At(key uint64) (v *V, isNew bool) {
	if v := t.Get(key); v != nil {
		return v, false
	}
	i := t.n
	if t.n < t.most {
		t.grow()
	} else {
		for t.slot(t.hand).Touched {
			t.slot(t.hand).Touched = false
			t.hand = (t.hand + 1) % t.n
		}
		i = t.hand
		t.hand = (t.hand + 1) % t.n
		t.index.remove(t.slot(i).Key, i)
	}
	s := t.slot(i)
	*s = slot[V]{Key: key}
	t.index.add(key, i)
	return &s.Value, true
}

// grow makes room for one entry more.
func (t *Table[V]) grow() {
	if c := t.n / chunkSize; c == len(t.chunks) {
		t.chunks = append(t.chunks, nil)
	}
	last := &t.chunks[len(t.chunks)-1]
	*last = append(*last, slot[V]{})
	t.n++
}

// Save writes the table.
func (t *Table[V]) Save() ([]byte, error) {
	var b bytes.Buffer
	err := binary.Write(&b, binary.LittleEndian, uint64(t.n))
	for _, c := range t.chunks {
		if err == nil {
			err = binary.Write(&b, binary.LittleEndian, c)
		}
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
	if data = data[8:]; n > uint64(len(data))/uint64(size) {
		return errors.New("detect: a table is cut off")
	}
	slots := make([]slot[V], min(int(n), t.most))
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, slots); err != nil {
		return err
	}
	*t = Table[V]{most: t.most}
	for _, s := range slots {
		if t.find(s.Key) < 0 {
			i := t.n
			t.grow()
			*t.slot(i) = s
			t.index.add(s.Key, i)
		}
	}
	return nil
}
