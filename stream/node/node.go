package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"bartizan.dev/detect"
	"bartizan.dev/store"
	"bartizan.dev/stream"
)

// Options say how a node works. Log, Store, ID and Sink are needed.
type Options struct {
	Log   stream.Log
	Store store.Store // a view of its own for each stream
	// ID names this node among all that share the store; a new one for each start.
	ID string
	// Engine is what engines need to know.
	Engine detect.Config
	// Detectors makes an engine's detectors; nil means all.
	Detectors func() []*detect.Detector
	// Sink is given findings that are new or have changed. What it has taken is not
	// given again, but for a node's death at that moment. It is called from several
	// goroutines. The findings are only valid until it returns.
	Sink func(ctx context.Context, findings []*detect.Finding) error
	// Every is how often a partition's state is saved; 0 means 5 seconds. It takes
	// longer when saving takes more than a tenth of the time.
	Every time.Duration
	// Patience is how long a node may be silent; 0 means 15 seconds.
	Patience time.Duration
	// UntilEnd ends Run when everything that was in the log at the start has been
	// looked at and its findings handed on, by this node or others.
	UntilEnd bool
	Logger   *slog.Logger // nil means slog.Default()
}

// Node is one node.
type Node struct {
	Options
	beat    int64
	seen    map[string]sighting
	workers map[int]*worker
	ended   chan *worker
	saved   chan struct{} // a worker has saved something; the end may be reached
	ends    []stream.Position
	gone    sync.WaitGroup

	messages, records, bad, gaps atomic.Int64
}

// Stats is what this node has done since it was made.
type Stats struct {
	Messages, Records int64
	Bad               int64 // records, and messages that are no log at all
	Gaps              int64 // how often the log had removed what was to be read
}

// Stats may be called at any time.
func (n *Node) Stats() Stats {
	return Stats{n.messages.Load(), n.records.Load(), n.bad.Load(), n.gaps.Load()}
}

// What all partitions of a log remember together, unless Options.Engine says
// otherwise: a node that has all of them needs 256 MiB for ids of calls, and 1.2
// GB when there are so many findings.
const (
	remember    = 16 << 20
	maxFindings = 400_000
)

// share sets one partition's share of a bound.
func share(n *int, all, partitions int) {
	if *n == 0 {
		*n = max(all/partitions, all/64)
	}
}

// New makes a node.
func New(o Options) *Node {
	if o.Detectors == nil {
		o.Detectors = detect.All
	}
	if o.Every == 0 {
		o.Every = 5 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Log != nil {
		share(&o.Engine.Remember, remember, o.Log.Partitions())
		share(&o.Engine.MaxFindings, maxFindings, o.Log.Partitions())
	}
	return &Node{Options: o, seen: map[string]sighting{}, workers: map[int]*worker{}, ended: make(chan *worker), saved: make(chan struct{}, 1)}
}

// farewell is how long a node that stops takes to say so.
const farewell = 10 * time.Second

// Run works until ctx ends, or to the end. It then saves everything and gives its
// partitions back, so that others need not wait.
func (n *Node) Run(ctx context.Context) error {
	if n.UntilEnd {
		for p := range n.Log.Partitions() {
			end, err := n.Log.End(ctx, p)
			if err != nil {
				return err
			}
			n.ends = append(n.ends, end)
		}
	}
	err := n.coordinate(ctx)
	for _, w := range n.workers {
		w.stop()
	}
	go func() {
		n.gone.Wait()
		close(n.ended)
	}()
	for w := range n.ended {
		delete(n.workers, w.partition)
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	return errors.Join(err, n.leave(bye))
}

// coordinate beats, and takes and gives back partitions.
func (n *Node) coordinate(ctx context.Context) error {
	tick := time.NewTicker(n.Patience / 5)
	defer tick.Stop()
	quiet := time.Now() // since when the store has not answered
	for {
		done, err := n.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			quiet = time.Now()
			if done {
				return nil
			}
		case time.Since(quiet) > 4*n.Patience:
			return fmt.Errorf("the store does not answer: %w", err)
		default: // others may take our partitions now; their epochs keep us from harm
			n.Logger.Warn("the store does not answer", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case w := <-n.ended:
			if n.workers[w.partition] == w {
				delete(n.workers, w.partition)
			}
		case <-n.saved:
		case <-tick.C:
		}
	}
}

// round is one look at the store; done says that the end was reached.
func (n *Node) round(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, n.Patience)
	defer cancel()
	if err := n.sayAlive(ctx); err != nil {
		return false, err
	}
	alive, err := n.alive(ctx)
	if err != nil {
		return false, err
	}
	parts, err := partitions(ctx, n.Store, n.Log.Partitions())
	if err != nil {
		return false, err
	}
	if n.ends != nil && reached(parts, n.ends) {
		return true, nil
	}
	for p, w := range n.workers {
		if parts[p].Epoch != w.epoch {
			w.stop() // another node has it
		}
	}
	return false, n.share(ctx, parts, alive)
}

func reached(parts []record, ends []stream.Position) bool {
	for p, end := range ends {
		if parts[p].At < end || parts[p].Pending {
			return false
		}
	}
	return true
}

// share takes what is free until this node has its part, and gives back what is
// more than that while another has too little.
func (n *Node) share(ctx context.Context, parts []record, alive map[string]bool) error {
	has := map[string]int{}
	var free []int
	from := stream.PartitionOf(n.ID, len(parts)) // nodes begin at different places
	for i := range parts {
		p := (from + i) % len(parts)
		if owner := parts[p].Owner; alive[owner] && (owner != n.ID || n.workers[p] != nil) {
			has[owner]++
		} else {
			free = append(free, p)
		}
	}
	most := (len(parts) + len(alive) - 1) / len(alive)
	for _, p := range free {
		if has[n.ID] >= most || n.workers[p] != nil {
			continue
		}
		rec, ok, err := n.take(ctx, p, parts[p])
		if err != nil {
			return err
		}
		if ok {
			has[n.ID]++
			n.start(p, rec)
		}
	}
	n.giveBack(has, alive, most, len(parts)/len(alive))
	return nil
}

// giveBack stops one worker, if this node has more than its part.
func (n *Node) giveBack(has map[string]int, alive map[string]bool, most, least int) {
	mine, short := has[n.ID], false
	var one *worker
	for _, w := range n.workers {
		if w.stopped {
			mine--
		} else {
			one = w
		}
	}
	for id := range alive {
		short = short || has[id] < least
	}
	if one != nil && (mine > most || mine > least && short) {
		one.stop()
	}
}
