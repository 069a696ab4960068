package segment

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"bartizan.dev/trail"
)

// readIndexHeader reads the header of a segment's index file and checks that
// both files have the size that it says.
func readIndexHeader(dir string, no uint32) (indexHeader, error) {
	f, err := os.Open(filepath.Join(dir, indexName(no)))
	if err != nil {
		return indexHeader{}, err
	}
	defer f.Close()
	var b [indexHead]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return indexHeader{}, fmt.Errorf("%w: %w", errIndex, err)
	}
	h, err := decodeIndexHeader(b[:])
	if err != nil {
		return h, err
	}
	st, err := f.Stat()
	if err != nil {
		return h, err
	}
	data, err := os.Stat(filepath.Join(dir, segmentName(no)))
	if err != nil {
		return h, err
	}
	if h.no != no || st.Size() != h.size() || uint64(data.Size()) != h.data {
		return h, errIndex
	}
	return h, nil
}

// sealed is one key's postings in an index file.
type sealed struct {
	h        indexHeader
	f        *os.File
	from, to uint32 // postings of the key
}

// openSealed returns nil without an error when the segment has nothing for the
// key.
func openSealed(dir string, h indexHeader, key uint32) (*sealed, error) {
	f, err := os.Open(filepath.Join(dir, indexName(h.no)))
	if err != nil {
		return nil, err
	}
	s := &sealed{h: h, f: f}
	found, err := s.find(key)
	if err != nil || !found {
		f.Close()
		return nil, err
	}
	return s, nil
}

// find looks key up in the table of keys. Keys are hashes and spread evenly, so
// the first read is made where the key ought to be and mostly suffices.
func (s *sealed) find(key uint32) (bool, error) {
	const block = 64
	var b [(block + 1) * keySize]byte
	lo, hi := uint32(0), s.h.keys
	guess := uint32(uint64(key) * uint64(s.h.keys) >> 32)
	for lo < hi {
		at := max(lo, guess-min(guess, block/2))
		n := min(block, hi-at)
		k := b[:(n+1)*keySize] // the one after says where the last one's postings end
		if _, err := s.f.ReadAt(k, s.h.keysAt()+int64(at)*keySize); err != nil {
			return false, fmt.Errorf("%w: keys: %w", errIndex, err)
		}
		u32 := binary.LittleEndian.Uint32
		switch first, last := u32(k), u32(k[(n-1)*keySize:]); {
		case key < first:
			hi = at
		case key > last:
			lo = at + n
		default:
			for i := range n {
				if u32(k[i*keySize:]) == key {
					s.from, s.to = u32(k[i*keySize+4:]), u32(k[(i+1)*keySize+4:])
					if s.from > s.to || s.to > s.h.postings {
						return false, errIndex
					}
					return true, nil
				}
			}
			return false, nil
		}
		guess = lo + (hi-lo)/2
	}
	return false, nil
}

// place returns where the record of the key's posting i is.
func (s *sealed) place(posting uint32) (place, error) {
	var b [rowSize]byte
	if _, err := s.f.ReadAt(b[:4], s.h.postingsAt()+int64(posting)*4); err != nil {
		return place{}, fmt.Errorf("%w: postings: %w", errIndex, err)
	}
	return s.row(binary.LittleEndian.Uint32(b[:]))
}

func (s *sealed) row(i uint32) (place, error) {
	var b [rowSize]byte
	if i >= s.h.rows {
		return place{}, errIndex
	}
	if _, err := s.f.ReadAt(b[:], indexHead+int64(i)*rowSize); err != nil {
		return place{}, fmt.Errorf("%w: rows: %w", errIndex, err)
	}
	off := binary.LittleEndian.Uint32(b[8:])
	return place{
		Position: trail.Position{Time: int64(binary.LittleEndian.Uint64(b[:])), Seq: seqOf(s.h.no, off)},
		off:      off,
		len:      binary.LittleEndian.Uint32(b[12:]),
	}, nil
}

// before is as for a view.
func (s *sealed) before(p trail.Position, start int64, n int) ([]place, error) {
	lo, hi := s.from, s.to // the first posting not older than p
	if p.Time > s.h.max {
		lo = hi
	}
	for lo < hi {
		mid := lo + (hi-lo)/2
		c, err := s.place(mid)
		if err != nil {
			return nil, err
		}
		if c.Before(p) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	from := s.from
	if uint32(n) < lo-from {
		from = lo - uint32(n)
	}
	b := make([]byte, (lo-from)*4)
	if _, err := s.f.ReadAt(b, s.h.postingsAt()+int64(from)*4); err != nil {
		return nil, fmt.Errorf("%w: postings: %w", errIndex, err)
	}
	out := make([]place, 0, len(b)/4)
	for i := len(b) - 4; i >= 0; i -= 4 {
		c, err := s.row(binary.LittleEndian.Uint32(b[i:]))
		if err != nil {
			return nil, err
		}
		if c.Time < start {
			break
		}
		if !c.Before(p) || c.off >= math.MaxUint32-c.len || uint64(c.off+c.len) > s.h.data {
			return nil, errIndex
		}
		out = append(out, c)
	}
	return out, nil
}
