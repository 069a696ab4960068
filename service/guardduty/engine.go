package guardduty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"bartizan.dev/detect"
	"bartizan.dev/logs"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

// remember is how many ids of events an engine remembers. The place in the trail
// is what keeps it from counting twice; ids catch a record that was written twice.
const remember = 4096

// engines are the engines of this node, as they are after a run.
type engines struct {
	run   int64
	at    trail.Place
	all   map[place]*engine
	batch *logs.Batch
}

type engine struct {
	*detect.Engine
	id    string // of the detector
	dirty bool   // has seen events since it was saved
}

func newEngine(d *detector) *engine {
	id := d.ID
	return &engine{id: id, Engine: detect.New(detect.Config{DetectorID: func(string, string) string { return id }, Remember: remember}, detect.All()...)}
}

// of is the engine of a detector. One of a deleted detector is of no use to the
// next in its place.
func (x *engines) of(d *detector) *engine {
	e := x.all[d.Place]
	if e == nil || e.id != d.ID {
		e = newEngine(d)
		x.all[d.Place] = e
	}
	return e
}

// read analyses a part of the trail.
// The lists must have been set.
func (x *engines) read(ctx context.Context, from trail.Log, start, end trail.Place, w *watched) (trail.Place, error) {
	total := 0
	return from.Read(ctx, start, end, func(e *trail.Event) bool {
		w.each(e, func(d *detector) {
			x.look(x.of(d), d, e)
			total += len(e.JSON)
		})
		return total < maxRun
	})
}

// look shows an engine one event. What cannot be read raises nothing; the trail
// is ours, so that does not happen.
func (x *engines) look(g *engine, d *detector, e *trail.Event) {
	dec, err := logs.NewDecoder(e.ID, bytes.NewReader(e.JSON))
	if err != nil {
		return
	}
	for dec.Next(x.batch) == nil {
		for i := range x.batch.Calls {
			c := &x.batch.Calls[i]
			c.Region = d.Place.Region // an event of a global service concerns this one too
			g.Call(c)
			g.dirty = true
		}
	}
}

// take returns what the engines have found, for detectors with the feature.
func (x *engines) take(w *watched) []*detect.Finding {
	var out []*detect.Finding
	for at, g := range x.all {
		d := w.accounts[at.Account][at.Region]
		if d == nil || d.ID != g.id {
			delete(x.all, at) // the detector is gone or disabled
			continue
		}
		for _, f := range g.Take() {
			if d.has(f.Service.Feature) {
				out = append(out, f)
			}
		}
	}
	return out
}

// catchUp makes the engines be as they were after the run p: what was saved, and
// the trail since then, without raising anything.
func (s *Service) catchUp(ctx context.Context, p *progress, w *watched) error {
	if s.engines != nil && s.engines.run == p.Run && s.engines.at == p.At {
		return nil
	}
	x := &engines{run: p.Run, at: p.At, all: map[place]*engine{}, batch: logs.NewBatch()}
	for account, regions := range w.accounts {
		for region, d := range regions {
			g := newEngine(d)
			if err := s.load(ctx, place{account, region}, g); err != nil {
				return err
			}
			x.all[d.Place] = g
		}
	}
	s.engines = x
	if err := s.equip(ctx, w); err != nil {
		s.engines = nil
		return err
	}
	for at := p.Saved; at.Before(p.At); {
		reached, err := x.read(ctx, s.Log, at, p.At, w)
		if err != nil {
			s.engines = nil
			return err
		}
		if reached == at {
			break
		}
		at = reached
	}
	for _, g := range x.all {
		g.Take()
	}
	return nil
}

// equip gives every engine the lists of its detector.
func (s *Service) equip(ctx context.Context, w *watched) error {
	for _, regions := range w.accounts {
		for _, d := range regions {
			set, err := s.intel.Get(ctx, d.Place.id())
			if err != nil {
				return err
			}
			s.engines.of(d).SetIntel(set)
		}
	}
	return nil
}

// pieces is how much of a state goes into one record: the embedded store is slow
// with large ones.
const pieces = 32 << 10

func chunkID(at place, generation int64, n int) string {
	return fmt.Sprintf("%s/%016x/%06d", at.id(), generation, n)
}

// save writes the states of the engines that have changed, under a generation
// that nobody reads yet. finish makes it the one that counts.
func (s *Service) save(ctx context.Context, generation int64) ([]place, error) {
	var out []place
	for at, g := range s.engines.all {
		if !g.dirty {
			continue
		}
		var b bytes.Buffer
		if err := g.Save(&b); err != nil {
			return nil, err
		}
		if _, err := s.write(ctx, b.Bytes(), func(n int) string { return chunkID(at, generation, n) }); err != nil {
			return nil, err
		}
		g.dirty = false
		out = append(out, at)
	}
	return out, nil
}

// write writes data in pieces, and says how many.
func (s *Service) write(ctx context.Context, data []byte, id func(n int) string) (n int, err error) {
	const batch = 32 // pieces in a transaction
	for len(data) > 0 {
		rest, k := data, 0
		_, err := s.Store.Update(ctx, func(tx store.Tx) error {
			for rest, k = data, 0; k < batch && len(rest) > 0; k++ {
				size := min(pieces, len(rest))
				if err := s.chunks.Put(ctx, tx, id(n+k), &chunk{rest[:size]}); err != nil {
					return err
				}
				rest = rest[size:]
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		data, n = rest, n+k
	}
	return n, nil
}

// point makes a generation the one that counts, and deletes the others.
func (s *Service) point(ctx context.Context, tx store.Tx, at place, generation int64) error {
	all, err := s.chunks.List(ctx, tx, at.id()+"/", "", 0)
	if err != nil {
		return err
	}
	n := 0
	for _, c := range all {
		if strings.HasPrefix(c.ID, fmt.Sprintf("%s/%016x/", at.id(), generation)) {
			n++
		} else if err := s.chunks.Delete(ctx, tx, c.ID); err != nil {
			return err
		}
	}
	d, err := s.detectors.Get(ctx, tx, at.id())
	if errors.Is(err, store.ErrNotFound) {
		return s.dropState(ctx, tx, at)
	} else if err != nil {
		return err
	}
	return s.heads.Put(ctx, tx, at.id(), &head{Detector: d.ID, Generation: generation, Chunks: n})
}

// load reads the state that counts. One that cannot be read is a fresh one: an
// engine without memory finds less, but goes on.
func (s *Service) load(ctx context.Context, at place, g *engine) error {
	h, err := s.heads.Get(ctx, s.Store, at.id())
	if errors.Is(err, store.ErrNotFound) || err == nil && h.Detector != g.id {
		return nil
	} else if err != nil {
		return err
	}
	var b bytes.Buffer
	for n := range h.Chunks {
		c, err := s.chunks.Get(ctx, s.Store, chunkID(at, h.Generation, n))
		if err != nil {
			return fmt.Errorf("the saved state of the detectors of %s is incomplete: %w", at.id(), err)
		}
		b.Write(c.Data)
	}
	if err := g.Load(&b); err != nil {
		s.Logger.Error("a detector begins without memory", "account", at.Account, "region", at.Region, "cause", err)
		fresh := detect.New(g.Config, detect.All()...)
		g.Engine = fresh
	}
	return nil
}

// dropState deletes what an engine has saved.
func (s *Service) dropState(ctx context.Context, tx store.Tx, at place) error {
	return errors.Join(clear(ctx, tx, &s.chunks, at.id()+"/"), s.heads.Delete(ctx, tx, at.id()))
}
