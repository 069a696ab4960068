package segment

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bartizan.dev/trail"
)

func tornName(no uint32) string { return fmt.Sprintf("%010d.torn", no) }

// recover builds the list of segments. Only the newest one is read, and any
// that has no index because the process died before it was written.
func (t *Trail) recover() error {
	var seed [8]byte
	rand.Read(seed[:])
	t.seed = binary.LittleEndian.Uint64(seed[:])
	numbers, err := t.sweep()
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		s, err := createSegment(t.dir, 1)
		if err != nil {
			return err
		}
		t.list, t.file, t.size, t.newDir = []*segment{s}, s.file, segmentHead, true
		return nil
	}
	for _, no := range numbers[:len(numbers)-1] {
		s, err := t.openSealed(no)
		if err != nil {
			return fmt.Errorf("%s: %w", segmentName(no), err)
		}
		t.list = append(t.list, s)
		if s.index.rows > 0 {
			t.newest = max(t.newest, s.index.max)
		}
	}
	last := numbers[len(numbers)-1]
	s, err := t.load(last)
	if err != nil {
		return fmt.Errorf("%s: %w", segmentName(last), err)
	}
	t.list = append(t.list, s)
	t.file, t.size = s.file, s.size
	if s.memory.nrows > 0 {
		t.first = s.memory.row(0).time
		t.newest = max(t.newest, s.memory.max())
	}
	t.newDir = true // have what the last process left unsynced synced
	wake(t.syncKick)
	return nil
}

// sweep returns the numbers of the segments in order, and removes leftovers.
func (t *Trail) sweep() (numbers []uint32, err error) {
	files, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, f := range files {
		have[f.Name()] = true
		if base, ok := strings.CutSuffix(f.Name(), ".seg"); ok {
			no, err := strconv.ParseUint(base, 10, 32)
			if err != nil || segmentName(uint32(no)) != f.Name() {
				return nil, fmt.Errorf("%s is not ours", f.Name())
			}
			numbers = append(numbers, uint32(no))
		}
	}
	for name := range have {
		base, isIndex := strings.CutSuffix(name, ".idx")
		if strings.HasSuffix(name, ".tmp") || isIndex && !have[base+".seg"] {
			if err := os.Remove(filepath.Join(t.dir, name)); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// openSealed reads the header of a segment's index, and makes the index anew if
// it is missing or damaged.
func (t *Trail) openSealed(no uint32) (*segment, error) {
	h, err := readIndexHeader(t.dir, no)
	if err == nil {
		return &segment{no: no, index: h}, nil
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errIndex) {
		return nil, err
	}
	t.opt.Log.Warn("trail: making an index anew", "segment", segmentName(no), "reason", err)
	s, err := t.load(no)
	if err != nil {
		return nil, err
	}
	if err = s.file.Sync(); err == nil {
		h, err = writeIndex(t.dir, s.memory, uint64(s.size), t.seed)
	}
	if isFull(err) && pending(t.list) < maxPending {
		wake(t.sealKick) // reads go on on a full disk; the index is written when it can be
		return s, nil
	}
	if err = errors.Join(err, s.file.Close()); err != nil {
		return nil, err
	}
	return &segment{no: no, index: h}, nil
}

// load reads a whole segment and indexes it in memory. What follows the last
// whole record is cut off and kept in a file of its own.
func (t *Trail) load(no uint32) (*segment, error) {
	f, err := os.OpenFile(filepath.Join(t.dir, segmentName(no)), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{no: no, memory: newMemory(no), file: f}
	if s.size, err = t.scan(f, s.memory); err == nil {
		err = t.cut(s)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// scan indexes the records of f and returns where the last whole one ends.
func (t *Trail) scan(f *os.File, m *memory) (int64, error) {
	head := make([]byte, segmentHead)
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return 0, err
	}
	if want := encodeSegmentHead(m.no); !bytes.Equal(head, want) {
		// A crash while the segment was made leaves this, and then there are no
		// records. If there are, their checksums speak for them.
		t.opt.Log.Warn("trail: writing a damaged segment head anew", "segment", segmentName(m.no))
		if _, err := f.WriteAt(want, 0); err != nil {
			return 0, err
		}
	}
	var (
		size = int64(segmentHead)
		buf  = make([]byte, 512<<10)
		rest []byte // of buf, not yet indexed
		keys []uint32
		e    trail.Event
		eof  bool
	)
	for {
		n, err := frame(rest)
		if err != nil {
			if eof || len(rest) >= headSize+maxRecord {
				return size, nil
			}
			if buf, n, eof, err = fill(f, buf, len(rest), size); err != nil {
				return 0, err
			}
			rest = buf[:n]
			continue
		}
		if err := decode(rest[:n], &e); err != nil {
			return size, nil // the checksum is right and the record is not: cut and keep
		}
		keys = appendKeys(keys[:0], t.seed, &e)
		m.add(e.Time.UnixNano(), uint32(size), uint32(n), keys)
		size += int64(n)
		rest = rest[n:]
	}
}

// fill reads f from offset at into buf, which is made larger when rest is all
// that it could hold.
func fill(f *os.File, buf []byte, rest int, at int64) (_ []byte, n int, eof bool, err error) {
	if len(buf) < 2*rest {
		buf = make([]byte, 2*rest)
	}
	n, err = f.ReadAt(buf, at)
	if err == io.EOF {
		eof, err = true, nil
	}
	return buf, n, eof, err
}

// cut removes what follows the last whole record: a write that the process or
// the machine did not live to finish.
func (t *Trail) cut(s *segment) error {
	st, err := s.file.Stat()
	if err != nil || st.Size() <= s.size {
		return err
	}
	n := st.Size() - s.size
	t.opt.Log.Warn("trail: cutting off what follows the last whole record",
		"segment", segmentName(s.no), "bytes", n, "events", s.memory.nrows, "kept", tornName(s.no))
	if err := t.keepTorn(s, n); err != nil {
		if n > headSize+maxRecord { // more than one unfinished record
			return fmt.Errorf("keeping a copy of a damaged end: %w", err)
		}
		t.opt.Log.Warn("trail: no copy of it could be kept", "error", err)
	}
	if err := s.file.Truncate(s.size); err != nil {
		return err
	}
	return s.file.Sync()
}

func (t *Trail) keepTorn(s *segment, n int64) error {
	f, err := os.OpenFile(filepath.Join(t.dir, tornName(s.no)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(s.file, s.size, n))
	return errors.Join(err, f.Sync(), f.Close())
}
