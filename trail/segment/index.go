package segment

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// The index file of a sealed segment, all numbers little endian:
//
//	header    64 bytes, see indexHeader
//	rows      one per record by time and offset: time 8, offset 4, length 4
//	keys      one per key, ascending: key 4, number of its first posting 4;
//	          and a last one that says where the postings end
//	postings  4 bytes each: row number, ascending within a key
//
// A lookup reads the few parts it needs and keeps nothing in memory.
const (
	indexMagic = "BZTRIDX1"
	indexHead  = 64
	rowSize    = 16
	keySize    = 8
)

var errIndex = errors.New("segment: index is damaged")

type indexHeader struct {
	no       uint32
	rows     uint32
	keys     uint32 // without the last one
	postings uint32
	min, max int64  // of the times
	data     uint64 // size of the segment file
	seed     uint64
}

func (h *indexHeader) encode() []byte {
	b := make([]byte, 0, indexHead)
	b = append(b, indexMagic...)
	for _, n := range [...]uint32{h.no, h.rows, h.keys, h.postings} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	for _, n := range [...]uint64{uint64(h.min), uint64(h.max), h.data, h.seed} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = append(b, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeIndexHeader(b []byte) (indexHeader, error) {
	if len(b) != indexHead || string(b[:8]) != indexMagic ||
		crc32.Checksum(b[:indexHead-4], castagnoli) != binary.LittleEndian.Uint32(b[indexHead-4:]) {
		return indexHeader{}, errIndex
	}
	u32 := binary.LittleEndian.Uint32
	u64 := binary.LittleEndian.Uint64
	return indexHeader{
		no: u32(b[8:]), rows: u32(b[12:]), keys: u32(b[16:]), postings: u32(b[20:]),
		min: int64(u64(b[24:])), max: int64(u64(b[32:])), data: u64(b[40:]), seed: u64(b[48:]),
	}, nil
}

func (h *indexHeader) keysAt() int64     { return indexHead + int64(h.rows)*rowSize }
func (h *indexHeader) postingsAt() int64 { return h.keysAt() + (int64(h.keys)+1)*keySize }
func (h *indexHeader) size() int64       { return h.postingsAt() + int64(h.postings)*4 }

func segmentName(no uint32) string { return fmt.Sprintf("%010d.seg", no) }
func indexName(no uint32) string   { return fmt.Sprintf("%010d.idx", no) }

// writeIndex writes the index file of m, which nobody adds to any more, and
// makes it durable. The segment file is durable already.
func writeIndex(dir string, m *memory, data, seed uint64) (indexHeader, error) {
	h := indexHeader{no: m.no, rows: m.nrows, min: m.min, max: m.max(), data: data, seed: seed}
	byTime := make([]uint32, m.nrows) // rank → row
	for i := range byTime {
		byTime[i] = uint32(i)
	}
	slices.SortFunc(byTime, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(m.row(a).time, m.row(b).time), cmp.Compare(a, b))
	})
	rank := make([]uint32, m.nrows)
	for i, r := range byTime {
		rank[r] = uint32(i)
	}
	postings := make([]uint64, m.nentries)
	for i := range postings {
		e := m.entry(uint32(i))
		postings[i] = uint64(e.key)<<32 | uint64(rank[e.row])
	}
	slices.Sort(postings)
	postings = slices.Compact(postings)
	h.postings = uint32(len(postings))
	for i, p := range postings {
		if i == 0 || p>>32 != postings[i-1]>>32 {
			h.keys++
		}
	}
	return h, writeFile(dir, indexName(m.no), func(w *bufio.Writer) error {
		var b [rowSize]byte
		w.Write(h.encode())
		for _, r := range byTime {
			row := m.row(r)
			binary.LittleEndian.PutUint64(b[:], uint64(row.time))
			binary.LittleEndian.PutUint32(b[8:], row.off)
			binary.LittleEndian.PutUint32(b[12:], row.len)
			w.Write(b[:rowSize])
		}
		for i, p := range postings {
			if i == 0 || p>>32 != postings[i-1]>>32 {
				binary.LittleEndian.PutUint32(b[:], uint32(p>>32))
				binary.LittleEndian.PutUint32(b[4:], uint32(i))
				w.Write(b[:keySize])
			}
		}
		binary.LittleEndian.PutUint32(b[:], math.MaxUint32)
		binary.LittleEndian.PutUint32(b[4:], h.postings)
		w.Write(b[:keySize])
		for _, p := range postings {
			binary.LittleEndian.PutUint32(b[:], uint32(p))
			w.Write(b[:4])
		}
		return nil
	})
}

// writeFile makes a durable file under its final name only when it is whole.
// write need not look at the writer's errors: they stick and come out here.
func writeFile(dir, name string, write func(*bufio.Writer) error) (err error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(path + ".tmp")
		}
	}()
	w := bufio.NewWriterSize(f, 64<<10)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
