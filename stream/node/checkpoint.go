package node

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"bartizan.dev/detect"
	"bartizan.dev/store"
)

// A state lies in pieces, since an engine that remembers millions of calls has
// more than a record of the store takes. Only the record of the partition says
// which pieces count: those of a save that was not finished are never read.
const (
	chunkSize = 256 << 10
	statesKey = "state/"
	// maxSaved bounds what a saved state unpacks to.
	maxSaved = 4 << 30
)

func statePrefix(p int) string { return fmt.Sprintf("%s%04d/", statesKey, p) }

func chunkKey(p int, of, seq int64, chunk int) string {
	return fmt.Sprintf("%s%d-%d/%06d", statePrefix(p), of, seq, chunk)
}

// saver cuts a state into pieces and stores all but the last.
type saver struct {
	ctx     context.Context
	w       *worker
	seq     int64
	chunks  int // stored already
	pending []byte
}

func (s *saver) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(s.pending) == chunkSize {
			chunk, key := s.pending, chunkKey(s.w.partition, s.w.epoch, s.seq, s.chunks)
			if err := change(s.ctx, s.w.n.Store, s.w.partition, s.w.epoch, func(tx store.Tx, _ *record) error { return tx.Put(s.ctx, key, chunk) }); err != nil {
				return 0, err
			}
			s.chunks++
			s.pending = nil
		}
		if s.pending == nil {
			s.pending = make([]byte, 0, chunkSize)
		}
		k := min(len(b), chunkSize-len(s.pending))
		s.pending, b = append(s.pending, b[:k]...), b[k:]
	}
	return n, nil
}

// save stores the engine and its place. The last piece, which is the only one of
// most states, the record and the end of the state before are one transaction.
func (w *worker) save(ctx context.Context) error {
	s := &saver{ctx: ctx, w: w, seq: w.rec.Seq + 1}
	z, err := gzip.NewWriterLevel(s, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := w.engine.Save(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	next := w.rec
	next.At, next.Seq, next.Of, next.Chunks, next.Pending = w.next, s.seq, w.epoch, s.chunks+1, w.engine.Pending() > 0
	next.Records, next.Bad = next.Records+w.records, next.Bad+w.bad
	err = change(ctx, w.n.Store, w.partition, w.epoch, func(tx store.Tx, rec *record) error {
		if err := tx.Put(ctx, chunkKey(w.partition, w.epoch, s.seq, s.chunks), s.pending); err != nil {
			return err
		}
		for i := range rec.Chunks {
			if err := tx.Delete(ctx, chunkKey(w.partition, rec.Of, rec.Seq, i)); err != nil {
				return err
			}
		}
		*rec = next
		return nil
	})
	if err != nil {
		return err
	}
	w.rec, w.records, w.bad = next, 0, 0
	return nil
}

// load makes the engine as it was saved last, and removes what is left of saves
// that were not finished.
func (w *worker) load(ctx context.Context) error {
	n := w.n
	rec, err := getRecord(ctx, n.Store, w.partition)
	if err != nil {
		return err
	}
	if rec.Epoch != w.epoch {
		return errFenced
	}
	w.rec, w.next, w.records, w.bad, w.dirty = rec, rec.At, 0, 0, false
	w.engine = detect.New(n.Engine, n.Detectors()...)
	if rec.Chunks == 0 {
		return w.sweep(ctx)
	}
	l := &loader{ctx: ctx, w: w}
	z, err := gzip.NewReader(l)
	if err == nil {
		err = w.engine.Load(io.LimitReader(z, maxSaved))
	}
	if l.err != nil {
		return fmt.Errorf("reading the saved state of partition %d: %w", w.partition, l.err)
	}
	if err != nil { // of another version, perhaps: what could be read counts, the place does anyway
		n.Logger.Error("a saved state cannot be read as a whole", "partition", w.partition, "err", err)
	}
	if !rec.Pending {
		for range w.engine.Changed() { // they were handed on
		}
	}
	return w.sweep(ctx)
}

// loader reads the pieces of the state that counts.
type loader struct {
	ctx   context.Context
	w     *worker
	chunk int
	r     bytes.Reader
	err   error // of the store: the state is whole, only we could not read it
}

func (l *loader) Read(b []byte) (int, error) {
	for l.r.Len() == 0 {
		if l.chunk == l.w.rec.Chunks {
			return 0, io.EOF
		}
		item, err := l.w.n.Store.Get(l.ctx, chunkKey(l.w.partition, l.w.rec.Of, l.w.rec.Seq, l.chunk))
		if err != nil {
			l.err = err
			return 0, err
		}
		l.r.Reset(item.Value)
		l.chunk++
	}
	return l.r.Read(b)
}

// sweep removes pieces that no record counts.
func (w *worker) sweep(ctx context.Context) error {
	counts := map[string]bool{}
	for i := range w.rec.Chunks {
		counts[chunkKey(w.partition, w.rec.Of, w.rec.Seq, i)] = true
	}
	after := ""
	for {
		items, err := w.n.Store.List(ctx, store.Range{Prefix: statePrefix(w.partition), After: after, Limit: 16})
		if err != nil {
			return err
		}
		var old []string
		for _, item := range items {
			if after = item.Key; !counts[after] {
				old = append(old, after)
			}
		}
		if len(old) > 0 {
			if err := change(ctx, w.n.Store, w.partition, w.epoch, func(tx store.Tx, _ *record) error {
				for _, key := range old {
					if err := tx.Delete(ctx, key); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
		}
		if len(items) < 16 {
			return nil
		}
	}
}
