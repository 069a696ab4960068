package sqs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// What is stored, and under which id:
//
//	queue/{account}/{region}/{name}   index dead: the ARN of its dead-letter queue
//	message/{queue uid}/{sent}-{id}   in the order of their arrival
//	due/{queue uid}/{time}/{message}  when a message can be received; the value says
//	                                  whether it is new, delayed or in flight
//
// A queue that is purged gets another UID.
type records struct {
	queues   store.Collection[queue]
	messages store.Collection[message]
}

func newRecords() records {
	return records{
		queues: store.Collection[queue]{Name: "queue", Indexes: []store.Index[queue]{{Name: "dead", Keys: func(q *queue) []string {
			if q.Redrive == nil {
				return nil
			}
			return []string{q.Redrive.Target}
		}}}},
		messages: store.Collection[message]{Name: "message"},
	}
}

// place names a queue.
type place struct{ Account, Region, Name string }

func (p place) home() string { return p.Account + "/" + p.Region + "/" }

func (p place) key() string { return p.home() + p.Name }

func (p place) arn() string { return arn.New("sqs", p.Region, p.Account, p.Name) }

// queue is a queue with its attributes.
type queue struct {
	Place            place
	UID              string
	Delay, Timeout   int32    // seconds
	Size, Wait       int32    // bytes, seconds
	Retention        int32    // seconds
	Policy           string   `json:",omitzero"` // bound
	Redrive          *redrive `json:",omitzero"`
	Allow            string   `json:",omitzero"` // RedriveAllowPolicy
	Tags             map[string]string
	Created, Changed time.Time
	Purged           time.Time `json:",omitzero"`
}

// redrive is a RedrivePolicy.
type redrive struct {
	Target string
	Max    int
}

// message is a message in a queue.
type message struct {
	ID, Body    string
	Attributes  []attribute `json:",omitzero"`
	Trace       string      `json:",omitzero"` // AWSTraceHeader
	Sender      string
	Sent, First time.Time `json:",omitzero"` // First is when it was first received
	Due         string    // the time in its due key
	Count       int       `json:",omitzero"` // how often it was received
	Receipt     string    `json:",omitzero"` // of the last time
	Source      string    `json:",omitzero"` // the queue that it was a dead letter of
}

// What the value of a due key says.
const (
	stateNew     = "n"
	stateDelayed = "d"
	stateFlying  = "f"
)

func instant(t time.Time) string { return fmt.Sprintf("%012x", max(t.UnixMilli(), 0)) }

func dueKey(uid, at, id string) string { return "due/" + uid + "/" + at + "/" + id }

// dueQueue is the queue of a due key.
func dueQueue(key string) (uid string, ok bool) {
	rest, ok := strings.CutPrefix(key, "due/")
	uid, _, found := strings.Cut(rest, "/")
	return uid, ok && found
}

func newUID() string { return rand.Text() }

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var errNoQueue = wire.Errorf("QueueDoesNotExist", "The specified queue does not exist.")

// placeOf reads the URL of a queue: its last two parts are account and name.
func placeOf(ctx context.Context, address string) (place, bool) {
	c := caller.From(ctx)
	u, err := url.Parse(address)
	if err != nil {
		return place{}, false
	}
	parts := strings.Split(strings.TrimPrefix(u.Path, "/"), "/")
	if len(parts) < 2 {
		if goodName(address) { // some SDKs take a bare name
			return place{c.Identity.Account, c.Region, address}, true
		}
		return place{}, false
	}
	p := place{parts[len(parts)-2], c.Region, parts[len(parts)-1]}
	return p, arn.IsAccount(p.Account) && goodName(p.Name)
}

func placeOfARN(name string) (place, bool) {
	a, err := arn.Parse(name)
	return place{a.Account, a.Region, a.Resource}, err == nil && a.Service == "sqs" && arn.IsAccount(a.Account) && goodName(a.Resource)
}

func goodName(name string) bool {
	return name != "" && len(name) <= 80 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}

// url is the address of a queue.
func (s *Service) url(p place) *string { return new(s.URL() + "/" + p.Account + "/" + p.Name) }

// find reads the queue of a URL.
func (s *Service) find(ctx context.Context, r store.Reader, address string) (*queue, error) {
	p, ok := placeOf(ctx, address)
	if !ok {
		return nil, wire.Errorf("InvalidAddress", "The address %s is not valid for this endpoint.", address)
	}
	q, err := s.queues.Get(ctx, r, p.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoQueue
	}
	return q, err
}

// change changes the queue of a URL.
func (s *Service) change(ctx context.Context, address string, do func(tx store.Tx, q *queue) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		q, err := s.find(ctx, tx, address)
		if err != nil {
			return err
		}
		if err := do(tx, q); err != nil {
			return err
		}
		return s.queues.Put(ctx, tx, q.Place.key(), q)
	})
	return err
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
