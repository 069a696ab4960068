package events

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// replay sends the events of an archive to their bus again.
type replay struct {
	Home        place // Name is the replay's
	UID         string
	Description string `json:",omitzero"`
	Archive     string // ARN
	ArchiveKey  string
	ArchiveUID  string
	Bus         place
	Filters     []string  `json:",omitzero"` // ARNs of rules
	Start, End  time.Time // of the events' times
	State       string
	Reason      string    `json:",omitzero"`
	Began       time.Time // the replay
	Ended       time.Time `json:",omitzero"`
	Last        time.Time `json:",omitzero"` // time of the last event that was replayed
	Cursor      string    `json:",omitzero"` // key of that event
}

func (r *replay) arn() string { return replayARN(r.Home) }

func replayARN(p place) string { return arn.New("events", p.Region, p.Account, "replay/"+p.Name) }

// active reports whether a replay is under way.
func (r *replay) active() bool {
	switch eventsapi.ReplayState(r.State) {
	case eventsapi.ReplayState_STARTING, eventsapi.ReplayState_RUNNING, eventsapi.ReplayState_CANCELLING:
		return true
	}
	return false
}

// keepReplay is how long a replay that is over is shown.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
const keepReplay = 90 * 24 * time.Hour

// StartReplay begins a replay.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html
func (s *Service) StartReplay(ctx context.Context, in *eventsapi.StartReplayRequest) (*eventsapi.StartReplayResponse, error) {
	to, err := own(ctx, in.Destination.Arn)
	if err != nil {
		return nil, err
	}
	if _, ok := placeOfARN(in.Destination.Arn); !ok {
		return nil, notValid("Destination.Arn", "Must contain an event bus ARN.")
	}
	name := in.EventSourceArn[strings.LastIndexByte(in.EventSourceArn, '/')+1:]
	home, _ := placeOf(ctx, "")
	from := place{home.Account, home.Region, name}
	if in.EventSourceArn != archiveARN(from) {
		return nil, notValid("EventSourceArn", "Must contain an archive ARN of the caller's account and Region.")
	}
	r := &replay{
		Home: place{home.Account, home.Region, in.ReplayName}, UID: newID(), Description: text(in.Description), Archive: in.EventSourceArn, ArchiveKey: from.key(), Bus: to,
		Filters: in.Destination.FilterArns, Start: in.EventStartTime.UTC(), End: in.EventEndTime.UTC(), State: string(eventsapi.ReplayState_STARTING), Began: s.now(),
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.bus(ctx, tx, to); err != nil {
			return err
		}
		if err := s.checkReplay(ctx, tx, r, name); err != nil {
			return err
		}
		if err := s.replays.Insert(ctx, tx, r.Home.key(), r); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobReplay, ID: r.UID, Due: r.Began, Payload: []byte(r.Home.key())})
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Replay %s already exists.", in.ReplayName)
	} else if err != nil {
		return nil, err
	}
	return &eventsapi.StartReplayResponse{ReplayArn: new(r.arn()), State: eventsapi.ReplayState_STARTING, ReplayStartTime: r.Began}, nil
}

// checkReplay looks whether there is what r wants to replay, and room.
func (s *Service) checkReplay(ctx context.Context, tx store.Tx, r *replay, name string) error {
	a, err := s.archives.Get(ctx, tx, r.ArchiveKey)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notValid("EventSourceArn", "Archive "+name+" does not exist.")
	case err != nil:
		return err
	case a.Bus != r.Bus:
		return notValid("Destination.Arn", "Cross event bus replay is not permitted.")
	case !r.Start.Before(r.End):
		return notValid("EventEndTime", "EventStartTime must be before EventEndTime.")
	}
	r.ArchiveUID = a.UID
	for _, f := range r.Filters {
		p, rule, err := named(f)
		if err != nil || rule == "" || p != r.Bus {
			return notValid("Destination.FilterArns", "Must contain ARNs of rules of the event bus.")
		}
		if _, err := s.rule(ctx, tx, p, rule); err != nil {
			return err
		}
	}
	all, err := s.replays.List(ctx, tx, r.Home.home(), "", 0)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range all {
		if e.Value.active() {
			n++
		}
	}
	if n >= s.Quotas.Replays {
		return errLimit
	}
	return nil
}

// doReplay replays the next events, in the order of their times. They are on
// their way in the transaction that moves the cursor, so none is sent twice.
func (s *Service) doReplay(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	key := string(j.Payload)
	r, err := s.replays.Get(ctx, s.Store, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.UID != j.ID {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if !r.active() { // its 90 days are over
		return func(tx store.Tx) error { return s.replays.Delete(ctx, tx, key) }, nil
	}
	at := r.Cursor
	if at == "" {
		at = archived(r.ArchiveUID) + instant(r.Start)
	}
	items, err := s.Store.List(ctx, store.Range{Prefix: archived(r.ArchiveUID), After: at, Limit: perJob})
	if err != nil {
		return nil, err
	}
	todo, last, cursor, err := s.replayed(ctx, r, items)
	if err != nil {
		return nil, err
	}
	done := len(items) < perJob || cursor != items[len(items)-1].Key
	return func(tx store.Tx) error {
		r, err := s.replays.Get(ctx, tx, key) // it may be cancelled by now
		if err != nil {
			return err
		}
		now := s.now()
		a, err := s.archives.Get(ctx, tx, r.ArchiveKey)
		switch {
		case r.State == string(eventsapi.ReplayState_CANCELLING):
			return s.endReplay(ctx, tx, r, eventsapi.ReplayState_CANCELLED, "", now)
		case errors.Is(err, store.ErrNotFound) || err == nil && a.UID != r.ArchiveUID:
			return s.endReplay(ctx, tx, r, eventsapi.ReplayState_FAILED, "The archive has been deleted.", now)
		case err != nil:
			return err
		}
		if err := s.write(ctx, tx, todo, now); err != nil {
			return err
		}
		if r.State = string(eventsapi.ReplayState_RUNNING); cursor != "" {
			r.Last, r.Cursor = last, cursor
		}
		if done {
			return s.endReplay(ctx, tx, r, eventsapi.ReplayState_COMPLETED, "", now)
		}
		if err := s.replays.Put(ctx, tx, key, r); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobReplay, ID: j.ID, Due: now, Payload: j.Payload})
	}, nil
}

func (s *Service) endReplay(ctx context.Context, tx store.Tx, r *replay, state eventsapi.ReplayState, reason string, now time.Time) error {
	r.State, r.Reason, r.Ended = string(state), reason, now
	if err := s.replays.Put(ctx, tx, r.Home.key(), r); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobReplay, ID: r.UID, Due: now.Add(keepReplay), Payload: []byte(r.Home.key())})
}

// replayed matches the events that are in time. They carry the replay's name.
func (s *Service) replayed(ctx context.Context, r *replay, items []store.Item) (todo []matched, last time.Time, cursor string, err error) {
	var only []string
	for _, f := range r.Filters {
		_, rule, err := named(f)
		if err != nil {
			return nil, last, "", err
		}
		only = append(only, rule)
	}
	for _, item := range items {
		e := new(event)
		if err := json.Unmarshal(item.Value, e); err != nil {
			return nil, last, "", err
		}
		at, err := time.Parse(time.RFC3339, e.Time)
		if err != nil {
			return nil, last, "", err
		}
		if !at.Before(r.End) {
			break
		}
		e.Replay, last, cursor = r.Home.Name, at, item.Key
		m, err := s.match(ctx, &accepted{bus: r.Bus, event: e, only: only})
		if err != nil {
			return nil, last, "", err
		}
		todo = append(todo, m)
	}
	return todo, last, cursor, nil
}

func (s *Service) replayNamed(ctx context.Context, r store.Reader, name string) (*replay, error) {
	home, _ := placeOf(ctx, "")
	home.Name = name
	v, err := s.replays.Get(ctx, r, home.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Replay %s does not exist.", name)
	}
	return v, err
}

// CancelReplay ends a replay that is under way.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CancelReplay.html
func (s *Service) CancelReplay(ctx context.Context, in *eventsapi.CancelReplayRequest) (*eventsapi.CancelReplayResponse, error) {
	var r *replay
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if r, err = s.replayNamed(ctx, tx, in.ReplayName); err != nil {
			return err
		}
		if !r.active() || r.State == string(eventsapi.ReplayState_CANCELLING) {
			return wire.Errorf("IllegalStatusException", "Replay %s is not in a valid state for this operation.", in.ReplayName)
		}
		r.State = string(eventsapi.ReplayState_CANCELLING)
		return s.replays.Put(ctx, tx, r.Home.key(), r)
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.CancelReplayResponse{ReplayArn: new(r.arn()), State: eventsapi.ReplayState_CANCELLING}, nil
}

// DescribeReplay shows a replay.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeReplay.html
func (s *Service) DescribeReplay(ctx context.Context, in *eventsapi.DescribeReplayRequest) (*eventsapi.DescribeReplayResponse, error) {
	r, err := s.replayNamed(ctx, s.Store, in.ReplayName)
	if err != nil {
		return nil, err
	}
	return &eventsapi.DescribeReplayResponse{
		ReplayName: &r.Home.Name, ReplayArn: new(r.arn()), Description: orNil(r.Description), State: eventsapi.ReplayState(r.State), StateReason: orNil(r.Reason),
		EventSourceArn: &r.Archive, Destination: &eventsapi.ReplayDestination{Arn: r.Bus.arn(), FilterArns: r.Filters}, EventStartTime: r.Start, EventEndTime: r.End,
		EventLastReplayedTime: r.Last, ReplayStartTime: r.Began, ReplayEndTime: r.Ended,
	}, nil
}

// ListReplays lists the account's replays by name, all or those of an archive,
// with a prefix or in a state.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListReplays.html
func (s *Service) ListReplays(ctx context.Context, in *eventsapi.ListReplaysRequest) (*eventsapi.ListReplaysResponse, error) {
	given := 0
	for _, set := range []bool{in.NamePrefix != nil, in.EventSourceArn != nil, in.State != ""} {
		if set {
			given++
		}
	}
	if given > 1 {
		return nil, invalid("At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix.")
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	home, _ := placeOf(ctx, "")
	found, err := s.replays.List(ctx, s.Store, home.home()+text(in.NamePrefix), pg.from(home.home()), 0)
	if err != nil {
		return nil, err
	}
	out := &eventsapi.ListReplaysResponse{Replays: []eventsapi.Replay{}}
	for _, e := range found {
		r := e.Value
		if in.EventSourceArn != nil && *in.EventSourceArn != r.Archive || in.State != "" && string(in.State) != r.State {
			continue
		}
		out.Replays = append(out.Replays, eventsapi.Replay{
			ReplayName: &r.Home.Name, EventSourceArn: &r.Archive, State: eventsapi.ReplayState(r.State), StateReason: orNil(r.Reason),
			EventStartTime: r.Start, EventEndTime: r.End, EventLastReplayedTime: r.Last, ReplayStartTime: r.Began, ReplayEndTime: r.Ended,
		})
	}
	out.Replays, out.NextToken = cut(out.Replays, pg, func(r *eventsapi.Replay) string { return *r.ReplayName })
	return out, nil
}
