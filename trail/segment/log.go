package segment

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bartizan.dev/trail"
)

var _ trail.Log = (*Trail)(nil)

// End implements trail.Log. A place is a segment's number and an offset in it.
func (t *Trail) End(context.Context) (trail.Place, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return trail.Place{}, trail.ErrClosed
	}
	p := trail.Place{Part: uint64(t.list[len(t.list)-1].no), Offset: uint64(t.size)}
	mark := t.written
	t.mu.Unlock()
	return p, t.syncTo(mark)
}

// Read implements trail.Log: it reads the segments' files one after the other. A
// place behind the end is of a trail that was lost or put back from a copy: then
// all of this one is new.
func (t *Trail) Read(ctx context.Context, from, to trail.Place, fn func(*trail.Event) bool) (trail.Place, error) {
	t.mu.Lock()
	list, closed := t.list, t.closed
	end := trail.Place{Part: uint64(list[len(list)-1].no), Offset: uint64(t.size)}
	t.mu.Unlock()
	if closed {
		return from, trail.ErrClosed
	}
	if end.Before(from) {
		t.opt.Log.Warn("trail: reading on from the start: the place is behind the end", "place", from, "end", end)
		from = trail.Place{}
	}
	if !from.Before(to) {
		return from, nil
	}
	for _, s := range list {
		no := uint64(s.no)
		if no < from.Part || no > to.Part {
			continue
		}
		if no > from.Part {
			from = trail.Place{Part: no}
		}
		at, more, err := t.readSegment(ctx, s, from, to, fn)
		if errors.Is(err, os.ErrNotExist) { // removed as past its time just now
			continue
		}
		if err != nil {
			return at, fmt.Errorf("trail: reading on: %s: %w", segmentName(s.no), err)
		}
		if from = at; !more {
			return from, nil
		}
	}
	return to, nil
}

// readSegment reads one segment from a place on. more is false when fn wants no
// more.
func (t *Trail) readSegment(ctx context.Context, s *segment, at, to trail.Place, fn func(*trail.Event) bool) (_ trail.Place, more bool, err error) {
	f, err := os.Open(filepath.Join(t.dir, segmentName(s.no)))
	if err != nil {
		return at, false, err
	}
	defer f.Close()
	end := to.Offset
	switch {
	case uint64(s.no) == to.Part:
	case s.memory != nil: // full, without an index file yet
		end = uint64(s.size)
	default:
		end = s.index.data
	}
	at.Offset = max(at.Offset, segmentHead)
	if end <= at.Offset {
		return at, true, nil
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, int64(at.Offset), int64(end-at.Offset)), 256<<10)
	var buf []byte
	var e trail.Event
	for i := 0; at.Offset < end; i++ {
		if i%1024 == 0 && ctx.Err() != nil {
			return at, false, ctx.Err()
		}
		n := 0
		if buf, n, err = next(r, buf); err == nil {
			err = decode(buf[:n], &e)
		}
		if err != nil {
			return at, false, fmt.Errorf("at %d: %w", at.Offset, err)
		}
		at.Offset += uint64(n)
		if !fn(&e) {
			return at, false, nil
		}
	}
	return at, true, nil
}

// next reads a whole record into buf, which it makes larger if it must.
func next(r *bufio.Reader, buf []byte) ([]byte, int, error) {
	head, err := r.Peek(headSize)
	if err != nil {
		return buf, 0, errTorn
	}
	n := int(binary.LittleEndian.Uint32(head))
	if n < minRecord || n > maxRecord {
		return buf, 0, errTorn
	}
	n += headSize
	if cap(buf) < n {
		buf = make([]byte, n, 2*n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return buf, 0, errTorn
	}
	if _, err := frame(buf); err != nil {
		return buf, 0, err
	}
	return buf, n, nil
}
