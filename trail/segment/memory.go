package segment

import (
	"math"
	"slices"

	"bartizan.dev/trail"
)

// place says where a record is: its position in the order of events, and its
// bytes in the segment.
type place struct {
	trail.Position
	off, len uint32
}

func seqOf(no, off uint32) uint64 { return uint64(no)<<32 | uint64(off) }

// memory is the index of a segment that has no index file yet: a hash table
// whose chains run from the newest entry to the oldest. Rows and entries are
// only ever appended and never change, in chunks that never move, so a view
// taken under the trail's lock can be read without it.
type memory struct {
	no       uint32
	rows     []*[chunk]row
	entries  []*[chunk]entry
	nrows    uint32
	nentries uint32
	heads    []uint32 // by the key's low bits: number of the newest entry + 1
	min      int64    // of the times
}

const (
	chunk     = 1 << 12
	chunkBits = 12
	buckets   = 1 << 16
)

// row is one record, in the order of arrival.
type row struct {
	time     int64
	max      int64 // latest time of this row and those before it
	off, len uint32
}

type entry struct {
	key, row uint32
	prev     uint32 // number of the next older entry of the bucket + 1
}

func newMemory(no uint32) *memory {
	return &memory{no: no, heads: make([]uint32, buckets), min: math.MaxInt64}
}

// max is the latest time, or the smallest number when there is no row.
func (m *memory) max() int64 {
	if m.nrows == 0 {
		return math.MinInt64
	}
	return m.row(m.nrows - 1).max
}

func (m *memory) row(i uint32) *row     { return &m.rows[i>>chunkBits][i&(chunk-1)] }
func (m *memory) entry(i uint32) *entry { return &m.entries[i>>chunkBits][i&(chunk-1)] }

// add indexes a record. The trail's lock is held.
func (m *memory) add(time int64, off, len uint32, keys []uint32) {
	i := m.nrows
	if i&(chunk-1) == 0 {
		m.rows = append(m.rows, new([chunk]row))
	}
	m.rows[i>>chunkBits][i&(chunk-1)] = row{time, max(time, m.max()), off, len}
	m.nrows++
	m.min = min(m.min, time)
	for _, k := range keys {
		j := m.nentries
		if j&(chunk-1) == 0 {
			m.entries = append(m.entries, new([chunk]entry))
		}
		head := &m.heads[k&(buckets-1)]
		m.entries[j>>chunkBits][j&(chunk-1)] = entry{k, i, *head}
		m.nentries++
		*head = m.nentries
	}
}

// view is a memory as it was when the view was taken, for one key.
type view struct {
	memory // without heads
	key    uint32
	head   uint32
}

// view must be called with the trail's lock held; its result needs none.
func (m *memory) view(key uint32) *view {
	v := &view{memory: *m, key: key, head: m.heads[key&(buckets-1)]}
	v.heads = nil
	return v
}

// before returns the newest n places older than p and not older than start,
// newest first. Fewer than n means there are no more.
func (v *view) before(p trail.Position, start int64, n int) ([]place, error) {
	out := make([]place, 0, n)
	last := uint32(math.MaxUint32)
	for i := v.head; i != 0; {
		e := v.entry(i - 1)
		i = e.prev
		if e.key != v.key || e.row == last { // an event may name one thing twice
			continue
		}
		last = e.row
		r := v.row(e.row)
		// Nothing that arrived earlier is later than r.max.
		if r.max < start || len(out) == n && r.max <= out[n-1].Time {
			break
		}
		c := place{trail.Position{Time: r.time, Seq: seqOf(v.no, r.off)}, r.off, r.len}
		if r.time < start || !c.Before(p) || len(out) == n && c.Before(out[n-1].Position) {
			continue
		}
		at := len(out)
		for at > 0 && out[at-1].Before(c.Position) {
			at--
		}
		if len(out) == n {
			out = out[:n-1]
		}
		out = slices.Insert(out, at, c)
	}
	return out, nil
}
