package node

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/detect"
	"bartizan.dev/logs"
	"bartizan.dev/store"
	"bartizan.dev/stream"
)

// worker works on one partition.
type worker struct {
	n         *Node
	partition int
	epoch     int64
	cancel    context.CancelFunc
	stopped   bool // by the coordinator

	rec     record // as it was saved last
	engine  *detect.Engine
	next    stream.Position // where the engine is
	dirty   bool            // it has seen more than was saved
	records int64           // since it was saved
	bad     int64
	batch   *logs.Batch
}

// start begins to work on a partition that was taken.
func (n *Node) start(p int, rec record) {
	ctx, cancel := context.WithCancel(context.Background()) // it ends when it is stopped: what it has must be saved first
	w := &worker{n: n, partition: p, epoch: rec.Epoch, cancel: cancel, batch: logs.NewBatch()}
	n.workers[p] = w
	n.Logger.Info("partition taken", "partition", p, "epoch", rec.Epoch, "at", int64(rec.At))
	n.gone.Go(func() {
		w.run(ctx)
		n.ended <- w
	})
}

// stop has the worker save what it has and give the partition back.
func (w *worker) stop() {
	w.stopped = true
	w.cancel()
}

// run works until it is stopped or fenced off; after other errors it begins again
// from what was saved.
func (w *worker) run(ctx context.Context) {
	wait := 100 * time.Millisecond
	for {
		err := w.work(ctx)
		if errors.Is(err, errFenced) {
			w.n.Logger.Warn("another node has taken the partition", "partition", w.partition)
			return
		}
		if ctx.Err() != nil {
			if err != nil {
				w.n.Logger.Error("the partition is given back without what was not saved", "partition", w.partition, "err", err)
			}
			break
		}
		w.n.Logger.Error("the partition is begun again from what was saved", "partition", w.partition, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, 10*time.Second)
		}
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := change(bye, w.n.Store, w.partition, w.epoch, func(_ store.Tx, rec *record) error {
		rec.Owner = ""
		return nil
	}); err != nil && !errors.Is(err, errFenced) {
		w.n.Logger.Error("the partition could not be given back", "partition", w.partition, "err", err)
	}
}

// work reads the partition from what was saved on. When it is stopped it saves
// once more.
func (w *worker) work(ctx context.Context) error {
	if err := w.load(ctx); err != nil {
		return err
	}
	if err := w.handOn(); err != nil { // what the owner before saved and did not hand on
		return err
	}
	r, err := w.n.Log.Open(ctx, w.partition, w.next)
	if err != nil {
		return err
	}
	defer r.Close()
	due := time.Now()
	for {
		b, err := w.wait(ctx, r, due)
		if ctx.Err() != nil {
			return w.checkpoint()
		}
		if err != nil {
			return err
		}
		w.look(&b)
		if now := time.Now(); w.dirty && !now.Before(due) {
			if err := w.checkpoint(); err != nil {
				return err
			}
			due = time.Now().Add(max(w.n.Every, 10*time.Since(now)))
		}
	}
}

// wait reads what comes next; nothing, when it is time to save before.
func (w *worker) wait(ctx context.Context, r stream.Reader, due time.Time) (stream.Batch, error) {
	if !w.dirty {
		return r.Next(ctx)
	}
	until, cancel := context.WithDeadline(ctx, due)
	defer cancel()
	b, err := r.Next(until)
	if err != nil && until.Err() != nil {
		return stream.Batch{}, nil
	}
	return b, err
}

// look runs the detectors over a batch.
func (w *worker) look(b *stream.Batch) {
	if b.Gap {
		w.n.gaps.Add(1)
		w.n.Logger.Error("the log has removed messages that were not read", "partition", w.partition, "from", int64(w.next))
	}
	if len(b.Messages) == 0 && b.Next <= w.next {
		return
	}
	records, bad := w.records, w.bad
	for i := range b.Messages {
		if m := &b.Messages[i]; m.At >= w.next {
			w.message(m.Body)
		}
	}
	w.next, w.dirty = max(w.next, b.Next), true
	w.n.messages.Add(int64(len(b.Messages)))
	w.n.records.Add(w.records - records)
	w.n.bad.Add(w.bad - bad)
}

func (w *worker) message(body []byte) {
	bad, err := unwrap(body, func(d *logs.Decoder) {
		for d.Next(w.batch) == nil {
			b := w.batch
			for i := range b.Calls {
				w.engine.Call(&b.Calls[i])
			}
			for i := range b.Flows {
				w.engine.Flow(&b.Flows[i])
			}
			for i := range b.Queries {
				w.engine.Query(&b.Queries[i])
			}
		}
		w.records += d.Records
		w.bad += d.Bad
	})
	w.bad += bad
	if err != nil {
		w.bad++
		w.n.Logger.Debug("a message is passed over", "partition", w.partition, "err", err)
	}
}

// Saving and handing on are not broken off when the worker is stopped; these
// bound them.
const (
	saving    = 2 * time.Minute
	handingOn = 30 * time.Second
)

// checkpoint saves and hands on.
func (w *worker) checkpoint() error {
	if !w.dirty {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), saving)
	defer cancel()
	if err := w.save(ctx); err != nil {
		return err
	}
	w.dirty = false
	if err := w.handOn(); err != nil {
		return err
	}
	if err := w.n.Log.Commit(ctx, w.partition, w.next); err != nil { // for people's eyes only
		w.n.Logger.Debug("the log took no note of the position", "partition", w.partition, "err", err)
	}
	if w.n.UntilEnd {
		select {
		case w.n.saved <- struct{}{}:
		default:
		}
	}
	return nil
}

// handOn gives the findings of the saved state to the sink and notes that.
func (w *worker) handOn() error {
	if !w.rec.Pending {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), handingOn)
	defer cancel()
	var changed []*detect.Finding
	for f := range w.engine.Changed() {
		changed = append(changed, f)
	}
	if len(changed) > 0 {
		if err := w.n.Sink(ctx, changed); err != nil {
			return err
		}
	}
	w.rec.Pending = false
	return change(ctx, w.n.Store, w.partition, w.epoch, func(_ store.Tx, rec *record) error {
		rec.Pending = false
		return nil
	})
}
