package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

func wake(kick chan struct{}) {
	select {
	case kick <- struct{}{}:
	default:
	}
}

// keepSynced syncs SyncEvery after the first append that is not on disk. It
// sleeps while nothing is appended.
func (t *Trail) keepSynced() {
	for {
		select {
		case <-t.stop:
			return
		case <-t.syncKick:
		}
		select {
		case <-t.stop:
			return
		case <-time.After(t.opt.SyncEvery):
		}
		t.checkRoom()
		if err := t.sync(); err != nil {
			return // broken, and said so
		}
	}
}

// sync makes everything appended so far durable.
func (t *Trail) sync() error {
	t.syncMu.Lock()
	defer t.syncMu.Unlock()
	return t.syncLocked()
}

// syncTo makes the first mark bytes appended durable. Callers that come while a
// sync is under way share the next one.
func (t *Trail) syncTo(mark uint64) error {
	t.syncMu.Lock()
	defer t.syncMu.Unlock()
	if t.synced >= mark {
		return nil
	}
	return t.syncLocked()
}

// syncLocked needs syncMu, which also keeps the files open.
func (t *Trail) syncLocked() error {
	t.mu.Lock()
	var files []*os.File
	for _, s := range t.list {
		if s.memory != nil {
			files = append(files, s.file)
		}
	}
	mark, newDir, broken := t.written, t.newDir, t.broken
	t.dirty, t.newDir = false, false
	t.mu.Unlock()
	if broken != nil {
		return broken
	}
	if t.synced == mark && !newDir {
		return nil
	}
	var err error
	for _, f := range files {
		err = errors.Join(err, f.Sync())
	}
	if newDir {
		err = errors.Join(err, syncDir(t.dir))
	}
	if err != nil {
		// The kernel may have dropped what it could not write and will not say so
		// twice, so nothing that follows could be trusted.
		// https://wiki.postgresql.org/wiki/Fsync_Errors
		err = fmt.Errorf("trail: the disk failed, restart after repair: %w", err)
		t.mu.Lock()
		t.broken = err
		t.room.Broadcast()
		t.mu.Unlock()
		t.setFull(true)
		return err
	}
	t.synced = mark
	return nil
}

// keepSealed writes the index files of full segments and removes what is past
// its time.
func (t *Trail) keepSealed() {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	var retry <-chan time.Time
	for {
		t.expire()
		select {
		case <-t.stop:
			return
		case <-t.sealKick:
		case <-retry:
		case <-hourly.C:
		}
		retry = nil
		if err := t.sealAll(); err != nil {
			t.opt.Log.Error("trail: cannot write an index, will try again", "error", err)
			retry = time.After(time.Second)
		}
	}
}

// sealAll seals every full segment.
func (t *Trail) sealAll() error {
	for {
		s := t.nextFull()
		if s == nil {
			return nil
		}
		index, err := t.seal(s)
		t.mu.Lock()
		if t.sealErr = nil; err != nil {
			t.sealErr = t.writeError(err)
		} else {
			t.replace(&segment{no: s.no, index: index})
		}
		t.room.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return err
		}
		// Now no sync will take the file, and while this one holds the lock none
		// has it.
		t.syncMu.Lock()
		err = s.file.Close()
		t.syncMu.Unlock()
		if err != nil {
			t.opt.Log.Warn("trail: closing a segment", "segment", s.no, "error", err)
		}
	}
}

// nextFull returns the oldest segment that waits for its index, or nil.
func (t *Trail) nextFull() *segment {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.list[:len(t.list)-1] {
		if s.memory != nil {
			return s
		}
	}
	return nil
}

func (t *Trail) seal(s *segment) (indexHeader, error) {
	if err := t.sync(); err != nil {
		return indexHeader{}, err
	}
	return writeIndex(t.dir, s.memory, uint64(s.size), t.seed)
}

// expire removes the sealed segments whose newest event is older than Keep.
// Time is the earlier of the clock's and the newest event's, so that one wrong
// clock alone removes nothing.
func (t *Trail) expire() {
	t.mu.Lock()
	limit := min(t.opt.Now().UnixNano(), t.newest) - int64(t.opt.Keep)
	var gone []uint32
	t.list = slices.DeleteFunc(slices.Clone(t.list), func(s *segment) bool {
		old := s.memory == nil && s.index.rows > 0 && s.index.max < limit
		if old {
			gone = append(gone, s.no)
		}
		return old
	})
	t.mu.Unlock()
	for _, no := range gone {
		t.opt.Log.Info("trail: removing events past their time", "segment", segmentName(no), "keep", t.opt.Keep)
		// The segment goes first: an index without one is swept up at the next
		// start, the other way round it would be made again.
		for _, name := range []string{segmentName(no), indexName(no), tornName(no)} {
			if err := os.Remove(filepath.Join(t.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.opt.Log.Error("trail: cannot remove", "file", name, "error", err)
			}
		}
	}
}
