package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/pattern"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// accepted is an event that a bus takes.
type accepted struct {
	bus      place
	event    *event
	hops     int
	readOnly bool     // a call that changes nothing: only rules that ask for such get it
	only     []string // if set, the rules that a replay is for
}

// routes are the enabled rules and the archives of a bus, compiled into one
// matcher. In it an archive's id is its UID behind a NUL, which no rule's name has.
type routes struct {
	set      *pattern.Set[string]
	all      map[string]bool // rules that take read-only calls too
	archives []string        // UIDs of those that take every event
}

// loadRoutes compiles the rules of a bus. It is asked again when one of them changes.
func (s *Service) loadRoutes(ctx context.Context, r store.Reader, key string) (*routes, error) {
	found, err := s.rules.List(ctx, r, key+"/", "", 0)
	if err != nil {
		return nil, err
	}
	out := &routes{all: map[string]bool{}}
	changes := map[string]*pattern.Pattern{}
	for _, e := range found {
		v := e.Value
		if v.Pattern == "" || v.State == string(eventsapi.RuleState_DISABLED) || len(v.Targets) == 0 {
			continue
		}
		if changes[v.Name], err = pattern.Parse(v.Pattern); err != nil {
			return nil, err
		}
		out.all[v.Name] = v.State == string(eventsapi.RuleState_ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS)
	}
	if err := s.loadArchives(ctx, r, key, out, changes); err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		out.set = pattern.NewSet[string]()
		out.set.Update(changes)
	}
	return out, nil
}

// matched are an event's rules, its archives and its text.
type matched struct {
	*accepted
	rules    []string
	archives []string // UIDs
	text     []byte
}

// accept matches events and writes down what is to be delivered. When it
// returns nil, that is durable.
func (s *Service) accept(ctx context.Context, all []*accepted) error {
	var todo []matched
	for _, a := range all {
		m, err := s.match(ctx, a)
		if err != nil {
			return err
		}
		if len(m.rules)+len(m.archives) > 0 {
			todo = append(todo, m)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error { return s.write(ctx, tx, todo, s.now()) })
	return err
}

// write writes down what is to be delivered and kept.
func (s *Service) write(ctx context.Context, tx store.Tx, todo []matched, now time.Time) error {
	for _, m := range todo {
		for _, name := range m.rules {
			r, err := s.rules.Get(ctx, tx, m.bus.rule(name))
			if errors.Is(err, store.ErrNotFound) || err == nil && r.State == string(eventsapi.RuleState_DISABLED) {
				continue
			} else if err != nil {
				return err
			}
			if err := s.dispatch(ctx, tx, r, m.text, m.hops, now); err != nil {
				return err
			}
		}
	}
	return s.archive(ctx, tx, todo)
}

func (s *Service) match(ctx context.Context, a *accepted) (matched, error) {
	m := matched{accepted: a}
	to, err := s.routes.Get(ctx, a.bus.key())
	if err != nil || to.set == nil && len(to.archives) == 0 {
		return m, err
	}
	if m.text, err = marshal(a.event); err != nil {
		return m, err
	}
	archived := a.event.Replay == "" && !a.readOnly
	if archived {
		m.archives = append(m.archives, to.archives...)
	}
	if to.set == nil {
		return m, nil
	}
	found, err := to.set.Match(nil, m.text)
	if err != nil && !errors.Is(err, pattern.ErrUndecided) {
		// An event that no rule can be asked about matches none.
		s.Log.Warn("an event cannot be matched", "bus", a.bus.arn(), "event", a.event.ID, "cause", err)
		return m, nil
	} else if err != nil {
		s.Log.Warn("a rule could not be decided", "bus", a.bus.arn(), "event", a.event.ID, "cause", err)
	}
	for _, name := range found {
		if uid, ok := strings.CutPrefix(name, "\x00"); ok {
			if archived {
				m.archives = append(m.archives, uid)
			}
		} else if (!a.readOnly || to.all[name]) && (a.only == nil || slices.Contains(a.only, name)) {
			m.rules = append(m.rules, name)
		}
	}
	return m, nil
}

// marshal writes an event as EventBridge does, with < > & as they are.
func marshal(e *event) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(e)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}

// dispatch has an event delivered to the targets of a rule.
func (s *Service) dispatch(ctx context.Context, tx store.Tx, r *rule, text []byte, hops int, now time.Time) error {
	for _, t := range r.Targets {
		id := newID()
		d := &delivery{Account: r.Bus.Account, Region: r.Bus.Region, Rule: r.arn(), RuleName: r.Name, Target: t, Event: text, Hops: hops, Ingested: now}
		if err := s.deliveries.Put(ctx, tx, id, d); err != nil {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: id, Due: now}); err != nil {
			return err
		}
	}
	return nil
}

// Record is a CloudTrail event as rules see it.
type Record struct {
	Account, Region string
	Source          string // such as kms.amazonaws.com
	Type            string // eventType
	ReadOnly        bool
	Detail          []byte // the record
}

// TakesReads reports whether a rule on the default bus asks for calls that change
// nothing, which are most: the others need not be copied for it.
func (s *Service) TakesReads(ctx context.Context, account, region string) bool {
	r, err := s.routes.Get(ctx, place{account, region, defaultBus}.key())
	if err != nil {
		return true // whoever puts the event there says what is wrong
	}
	for _, all := range r.all {
		if all {
			return true
		}
	}
	return false
}

// Recorded gives the default bus what the trail has recorded.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func (s *Service) Recorded(ctx context.Context, r *Record) error {
	detailType := "AWS API Call via CloudTrail"
	switch r.Type {
	case "AwsServiceEvent":
		detailType = "AWS Service Event via CloudTrail"
	case "AwsConsoleSignIn":
		detailType = "AWS Console Sign In via CloudTrail"
	}
	if len(r.Detail) > maxEntries {
		return nil
	}
	name, _, _ := strings.Cut(r.Source, ".")
	if r.Type == "AwsCloudTrailInsight" { // it is CloudTrail's, whatever it is about
		detailType, name = "AWS Insight via CloudTrail", "cloudtrail"
	}
	e := s.newEvent(r.Account, r.Region, "aws."+name, detailType, r.Detail)
	return s.accept(ctx, []*accepted{{bus: place{r.Account, r.Region, defaultBus}, event: e, readOnly: r.ReadOnly}})
}
