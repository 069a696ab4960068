package securityhub

import (
	"context"
	"encoding/json"
	"errors"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// outgoing are events that wait for the end of their transaction, in parcels of
// a size that the store takes.
type outgoing struct {
	parcels []*parcel
	size    int
	wanted  map[string]bool
}

const maxParcel = 1 << 20

func (o *outgoing) add(e Event) {
	if len(o.parcels) == 0 || o.size+len(e.Detail) > maxParcel {
		o.parcels, o.size = append(o.parcels, new(parcel)), 0
	}
	last := o.parcels[len(o.parcels)-1]
	last.Events, o.size = append(last.Events, e), o.size+len(e.Detail)
}

// asked tells whether anybody on the account's bus asks for events.
func (s *Service) asked(ctx context.Context, o *outgoing, p place) bool {
	if s.Publish == nil {
		return false
	}
	if s.Wanted == nil {
		return true
	}
	yes, known := o.wanted[p.home()]
	if !known {
		if o.wanted == nil {
			o.wanted = map[string]bool{}
		}
		yes = s.Wanted(ctx, p.account, p.region)
		o.wanted[p.home()] = yes
	}
	return yes
}

// imported tells of a finding that is new or changed: "every BatchImportFindings
// and BatchUpdateFindings request triggers a Security Hub Findings - Imported
// event", for administrators "from both their account and from their member
// accounts".
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-integration-types.html
func (s *Service) imported(ctx context.Context, tx store.Tx, o *outgoing, p place, a ASFF, body json.RawMessage) error {
	homes, err := s.watchers(ctx, tx, p)
	if err != nil {
		return err
	}
	for _, home := range homes {
		if !s.asked(ctx, o, home) {
			continue
		}
		detail, err := json.Marshal(map[string]any{"findings": []json.RawMessage{body}})
		if err != nil {
			return err
		}
		o.add(Event{Account: home.account, Region: home.region, DetailType: "Security Hub Findings - Imported", Resources: []string{a.resource()}, Detail: detail})
	}
	return nil
}

const jobSend = "send" // the id is that of an outbox record

// post has the events sent after the transaction: none is lost, and one may come
// twice after a crash.
func (s *Service) post(ctx context.Context, tx store.Tx, o *outgoing) error {
	for _, p := range o.parcels {
		id := newID()
		if err := s.outbox.Put(ctx, tx, id, p); err != nil {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobSend, ID: id, Due: s.now()}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) doSend(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	p, err := s.outbox.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	for i := range p.Events {
		if err := s.Publish(ctx, &p.Events[i]); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error { return s.outbox.Delete(ctx, tx, j.ID) }, nil
}
