package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/stream"
)

// What is stored, in the node's view of the store:
//
//	node/<id>                            the beat of a node
//	partition/<number>                   record
//	state/<number>/<epoch>-<seq>/<chunk> a saved engine
const (
	nodes          = "node/"
	partitionsName = "partition/"
)

// record is what is known about a partition.
type record struct {
	Owner string          `json:"owner,omitempty"` // id of a node; empty when it is free
	Epoch int64           `json:"epoch"`           // raised by who takes it
	At    stream.Position `json:"at"`              // what the saved state stands for
	// Seq and Of name the saved state: the number of the save, and the epoch that
	// made it. Chunks is in how many pieces it lies; 0 means that there is none yet.
	Seq, Of int64
	Chunks  int
	// Pending says that findings of the saved state may not have been handed on.
	Pending bool
	// Records and Bad are counted up to At.
	Records, Bad int64
}

func recordKey(p int) string { return fmt.Sprintf("%s%04d", partitionsName, p) }

// errFenced ends a worker whose partition another node has taken.
var errFenced = errors.New("another node has the partition")

// partitions reads what is known about all partitions.
func partitions(ctx context.Context, r store.Reader, n int) ([]record, error) {
	items, err := r.List(ctx, store.Range{Prefix: partitionsName})
	if err != nil {
		return nil, err
	}
	out := make([]record, n)
	for _, item := range items {
		var p int
		if _, err := fmt.Sscanf(item.Key[len(partitionsName):], "%04d", &p); err != nil || p < 0 || p >= n {
			return nil, fmt.Errorf("the store knows %s, and the stream has %d partitions: is it another stream?", item.Key, n)
		}
		if err := json.Unmarshal(item.Value, &out[p]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func getRecord(ctx context.Context, r store.Reader, p int) (record, error) {
	var rec record
	item, err := r.Get(ctx, recordKey(p))
	if errors.Is(err, store.ErrNotFound) {
		return rec, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Value, &rec)
	}
	return rec, err
}

func putRecord(ctx context.Context, tx store.Tx, p int, rec record) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return tx.Put(ctx, recordKey(p), text)
}

// change changes the record of a partition if its epoch is still the given one.
func change(ctx context.Context, s store.Store, p int, epoch int64, f func(store.Tx, *record) error) error {
	_, err := s.Update(ctx, func(tx store.Tx) error {
		rec, err := getRecord(ctx, tx, p)
		if err != nil {
			return err
		}
		if rec.Epoch != epoch {
			return errFenced
		}
		if err := f(tx, &rec); err != nil {
			return err
		}
		return putRecord(ctx, tx, p, rec)
	})
	return err
}

// sighting is the beat of a node and since when it is the same, by our clock.
type sighting struct {
	beat  string
	since time.Time
}

func (n *Node) sayAlive(ctx context.Context) error {
	n.beat++
	_, err := n.Store.Update(ctx, func(tx store.Tx) error { return tx.Put(ctx, nodes+n.ID, fmt.Append(nil, n.beat)) })
	return err
}

// alive returns the nodes whose beat goes on, this one among them, and removes
// the records of the others.
func (n *Node) alive(ctx context.Context) (map[string]bool, error) {
	items, err := n.Store.List(ctx, store.Range{Prefix: nodes})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	alive := map[string]bool{n.ID: true}
	seen := map[string]sighting{}
	for _, item := range items {
		id, beat := strings.TrimPrefix(item.Key, nodes), string(item.Value)
		s, known := n.seen[id]
		if !known || s.beat != beat {
			s = sighting{beat, now}
		}
		seen[id] = s
		if id == n.ID || now.Sub(s.since) < n.Patience {
			alive[id] = true
		} else if err := n.bury(ctx, item.Key, beat); err != nil {
			return nil, err
		}
	}
	n.seen = seen
	return alive, nil
}

func (n *Node) bury(ctx context.Context, key, beat string) error {
	n.Logger.Warn("a node is silent: its partitions are free", "node", strings.TrimPrefix(key, nodes))
	_, err := n.Store.Update(ctx, func(tx store.Tx) error {
		item, err := tx.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) || err == nil && string(item.Value) != beat {
			return nil
		}
		if err != nil {
			return err
		}
		return tx.Delete(ctx, key)
	})
	return err
}

func (n *Node) leave(ctx context.Context) error {
	_, err := n.Store.Update(ctx, func(tx store.Tx) error { return tx.Delete(ctx, nodes+n.ID) })
	return err
}

// take makes this node the owner of a partition, unless something happened to it
// since it was seen.
func (n *Node) take(ctx context.Context, p int, seen record) (rec record, ok bool, err error) {
	_, err = n.Store.Update(ctx, func(tx store.Tx) (err error) {
		ok = false
		if rec, err = getRecord(ctx, tx, p); err != nil {
			return err
		}
		if rec.Owner != seen.Owner || rec.Epoch != seen.Epoch {
			return nil
		}
		rec.Owner, ok = n.ID, true
		rec.Epoch++
		return putRecord(ctx, tx, p, rec)
	})
	return rec, ok, err
}
