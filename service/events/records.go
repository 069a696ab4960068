package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id:
//
//	bus/{account}/{region}/{name}           the default bus only once it was changed
//	rule/{account}/{region}/{bus}/{name}    with its targets; index target: bus and target ARN
//	delivery/{id}                           an event on its way to one target
//	connection/{account}/{region}/{name}    index arn
//	destination/{account}/{region}/{name}   API destinations; index arn
//	archive/{account}/{region}/{name}       index bus: the bus's id
//	replay/{account}/{region}/{name}
//	tally/{archive uid}                     how much an archive holds
//	archived/{archive uid}/{time}-{id}      an event; in the order of their times
//
// Names have no slashes.
type records struct {
	busRecords   store.Collection[bus]
	rules        store.Collection[rule]
	deliveries   store.Collection[delivery]
	connections  store.Collection[connection]
	destinations store.Collection[destination]
	archives     store.Collection[archive]
	replays      store.Collection[replay]
	tallies      store.Collection[tally]
}

func newRecords() records {
	return records{
		busRecords: store.Collection[bus]{Name: "bus"},
		rules: store.Collection[rule]{Name: "rule", Indexes: []store.Index[rule]{{Name: "target", Keys: func(r *rule) []string {
			var out []string
			for _, t := range r.Targets {
				out = append(out, r.Bus.key()+" "+t.Arn)
			}
			return out
		}}}},
		deliveries: store.Collection[delivery]{Name: "delivery"},
		connections: store.Collection[connection]{Name: "connection", Indexes: []store.Index[connection]{
			{Name: "arn", Keys: func(c *connection) []string { return []string{c.arn()} }},
		}},
		destinations: store.Collection[destination]{Name: "destination", Indexes: []store.Index[destination]{
			{Name: "arn", Keys: func(d *destination) []string { return []string{d.arn()} }},
		}},
		archives: store.Collection[archive]{Name: "archive", Indexes: []store.Index[archive]{
			{Name: "bus", Keys: func(a *archive) []string { return []string{a.Bus.key()} }},
		}},
		replays: store.Collection[replay]{Name: "replay"},
		tallies: store.Collection[tally]{Name: "tally"},
	}
}

const defaultBus = "default"

// place names a bus.
type place struct{ Account, Region, Name string }

func (p place) home() string { return p.Account + "/" + p.Region + "/" }

func (p place) key() string { return p.home() + p.Name }

func (p place) rule(name string) string { return p.key() + "/" + name }

func (p place) arn() string { return arn.New("events", p.Region, p.Account, "event-bus/"+p.Name) }

func (p place) ruleARN(name string) string {
	if p.Name != defaultBus {
		name = p.Name + "/" + name
	}
	return arn.New("events", p.Region, p.Account, "rule/"+name)
}

// bus is an event bus.
type bus struct {
	Place            place
	Description      string `json:",omitzero"`
	Policy           string `json:",omitzero"` // bound
	Tags             []tag  `json:",omitzero"`
	Created, Changed time.Time
}

type tag struct{ Key, Value string }

// rule is a rule with its targets.
type rule struct {
	Bus         place
	Name, UID   string
	Description string `json:",omitzero"`
	Pattern     string `json:",omitzero"`
	Schedule    string `json:",omitzero"`
	State       string
	Role        string    `json:",omitzero"`
	Creator     string    // account
	Tags        []tag     `json:",omitzero"`
	Targets     []target  `json:",omitzero"`
	Created     time.Time // when its schedule begins to count
}

func (r *rule) key() string { return r.Bus.rule(r.Name) }

func (r *rule) arn() string { return r.Bus.ruleARN(r.Name) }

// placeOf is the bus that a call means, by name or ARN; empty is the default
// bus. ok is false for an ARN that is none of a bus.
func placeOf(ctx context.Context, name string) (place, bool) {
	c := caller.From(ctx)
	p := place{c.Identity.Account, c.Region, defaultBus}
	if name == "" {
		return p, true
	}
	if !strings.HasPrefix(name, "arn:") {
		p.Name = name
		return p, true
	}
	return placeOfARN(name)
}

func placeOfARN(name string) (place, bool) {
	a, err := arn.Parse(name)
	id, ok := strings.CutPrefix(a.Resource, "event-bus/")
	return place{a.Account, a.Region, id}, err == nil && ok && a.Service == "events" && id != "" && !strings.ContainsAny(id, "/*")
}

// bus reads a bus. The default one is always there.
func (s *Service) bus(ctx context.Context, r store.Reader, p place) (*bus, error) {
	b, err := s.busRecords.Get(ctx, r, p.key())
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		if p.Name == defaultBus {
			return &bus{Place: p}, nil
		}
		return nil, notFound("Event bus %s does not exist.", p.Name)
	}
	return b, err
}

// rule reads a rule of a bus.
func (s *Service) rule(ctx context.Context, r store.Reader, p place, name string) (*rule, error) {
	if _, err := s.bus(ctx, r, p); err != nil {
		return nil, err
	}
	v, err := s.rules.Get(ctx, r, p.rule(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Rule %s does not exist on EventBus %s.", name, p.Name)
	}
	return v, err
}

// event is an event as rules match it and targets get it.
type event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Replay     string          `json:"replay-name,omitempty"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// newID is a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return uuid(b)
}

func uuid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
