package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"bartizan.dev/trail"
)

// A segment file begins with 16 bytes: magic 8, number 4, CRC32C 4.
const (
	segmentMagic = "BZTRSEG1"
	segmentHead  = 16
	// maxEntries bounds the memory of a segment's index, and what a start must
	// rebuild: 768 Ki entries of 12 bytes.
	maxEntries = 768 << 10
	// maxPending is how many full segments may wait for their index files before
	// Append waits too.
	maxPending = 2
	day        = 24 * time.Hour
)

// buffer is what an Append needs for a moment.
type buffer struct {
	record []byte
	keys   []uint32
}

// Append implements trail.Trail. It does not heed the end of ctx: a caller that
// has gone away is no reason to leave the record out.
func (t *Trail) Append(_ context.Context, e *trail.Event) error {
	if err := e.Check(); err != nil {
		return err
	}
	buf := t.pool.Get().(*buffer)
	buf.record = encode(buf.record[:0], e)
	buf.keys = appendKeys(buf.keys[:0], t.seed, e)
	mark, kick, err := t.append(buf, e.Time.UnixNano())
	if cap(buf.record) <= 64<<10 {
		t.pool.Put(buf)
	}
	if err != nil {
		return err
	}
	if t.opt.SyncAlways {
		return t.syncTo(mark)
	}
	if kick {
		wake(t.syncKick)
	}
	return nil
}

// append writes and indexes a record. kick is set when the keeper has to hear
// that there is something to sync.
func (t *Trail) append(buf *buffer, at int64) (mark uint64, kick bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.makeRoom(len(buf.record), len(buf.keys), at); err != nil {
		return 0, false, err
	}
	n, err := t.write(t.file, buf.record, t.size)
	if err != nil || n != len(buf.record) {
		// The next record is written over what this one left; the truncation only
		// keeps the file tidy should there be none.
		_ = t.file.Truncate(t.size)
		return 0, false, t.writeError(err)
	}
	s := t.list[len(t.list)-1]
	if s.memory.nrows == 0 {
		t.first = at
	}
	s.memory.add(at, uint32(t.size), uint32(n), buf.keys)
	t.newest = max(t.newest, at)
	t.size += int64(n)
	t.written += uint64(n)
	// Only the first record after a sync wakes the keeper.
	kick = !t.dirty
	t.dirty = true
	return t.written, kick, nil
}

// writeError turns a failed write into what the caller hears. The lock is held.
func (t *Trail) writeError(err error) error {
	if isFull(err) {
		if !t.full.Swap(true) {
			t.opt.Log.Error("trail: the disk is full, calls are refused", "dir", t.dir)
		}
		t.lastCheck.Store(int64(time.Since(t.born)))
		return fmt.Errorf("%w: %w", trail.ErrFull, err)
	}
	if err == nil {
		err = errors.New("short write")
	}
	return fmt.Errorf("trail: writing: %w", err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// makeRoom begins another segment when this one is full, and waits when too
// many full ones have no index file yet. The lock is held.
func (t *Trail) makeRoom(size, keys int, at int64) error {
	for {
		if t.closed {
			return trail.ErrClosed
		}
		if t.broken != nil {
			return t.broken
		}
		m := t.list[len(t.list)-1].memory
		if m.nrows == 0 || t.size+int64(size) <= t.opt.SegmentBytes && int(m.nentries)+keys <= maxEntries && at-t.first <= int64(day) {
			return nil
		}
		if pending(t.list[:len(t.list)-1]) < maxPending {
			return t.roll()
		}
		if t.sealErr != nil {
			return t.sealErr
		}
		t.room.Wait()
	}
}

// pending counts the segments that have no index file.
func pending(list []*segment) (n int) {
	for _, s := range list {
		if s.memory != nil {
			n++
		}
	}
	return n
}

// roll closes the open segment to new records and begins the next. The lock is
// held.
func (t *Trail) roll() error {
	last := t.list[len(t.list)-1]
	next, err := createSegment(t.dir, last.no+1)
	if err != nil {
		return t.writeError(err)
	}
	t.replace(&segment{no: last.no, memory: last.memory, size: t.size, file: last.file})
	t.list = append(t.list, next) // replace has made the list ours
	t.file, t.size = next.file, segmentHead
	t.newDir = true
	wake(t.sealKick)
	return nil
}

func createSegment(dir string, no uint32) (*segment, error) {
	path := filepath.Join(dir, segmentName(no))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(encodeSegmentHead(no), 0); err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return &segment{no: no, memory: newMemory(no), file: f}, nil
}

func encodeSegmentHead(no uint32) []byte {
	b := make([]byte, 0, segmentHead)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, no)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}
