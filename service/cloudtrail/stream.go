package cloudtrail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// What PutLogEvents takes at once.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const (
	maxLogBatch  = 1 << 20
	maxLogEvents = 10_000
	perLogEvent  = 26
	maxLogEvent  = 256 << 10 // larger events are not sent: "CloudTrail only sends events of at most 256 KB"
	maxLogSpan   = 23 * time.Hour
)

// stream is how far a trail is delivered to its log group.
type stream struct {
	Alive bool
	At    trail.Place
	Last  time.Time `json:",omitzero"`
	Error string    `json:",omitzero"`
}

// startStream has a trail that logs delivered to its log group, from a place on.
func (s *Service) startStream(ctx context.Context, tx store.Tx, r *record, end trail.Place) error {
	if r.Group == "" || !r.Logging || r.Stream.Alive {
		return nil
	}
	r.Stream.Alive, r.Stream.At = true, end
	return s.queue.Add(ctx, tx, work.Job{Kind: jobStream, ID: r.UID, Due: s.Clock.Now().Add(ingestEvery)})
}

// stream sends what a trail has logged to its log group. A run that is repeated
// after a crash sends again what it had sent: AWS does not say once either.
func (s *Service) stream(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	r, _, err := s.byUID(ctx, s.Store, j.ID)
	if err != nil || r == nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now, from := s.Clock.Now(), r.Stream.At
	var batch []logsapi.InputLogEvent
	total := 0
	wants := s.wanting(ctx, r)
	reached, err := s.Log.Read(ctx, from, end, func(e *trail.Event) bool {
		if r.Group != "" && len(e.JSON) <= maxLogEvent && wants(e) && !ownCall(e) {
			batch = append(batch, logsapi.InputLogEvent{Timestamp: e.Time.UnixMilli(), Message: string(e.JSON)})
			total += len(e.JSON) + perLogEvent
		}
		return total < maxLogBatch-maxLogEvent-perLogEvent && len(batch) < maxLogEvents
	})
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, r, batch); err != nil {
		_, amended := s.amend(ctx, j.ID, func(r *record) { r.Stream.Error = codeOf(err) })
		return nil, errors.Join(err, amended)
	}
	return func(tx store.Tx) error {
		r, gone, err := s.byUID(ctx, tx, j.ID)
		if err != nil || r == nil || r.Stream.At != from {
			return err
		}
		if r.Stream.At, r.Stream.Error = reached, ""; len(batch) > 0 {
			r.Stream.Last = now
		}
		due := now.Add(ingestEvery)
		if reached.Before(end) {
			due = now
		} else {
			r.Stream.Alive = r.Group != "" && (r.Logging || now.Before(r.Stopped.Add(settling)))
		}
		if r.Stream.Alive {
			if err := s.queue.Add(ctx, tx, work.Job{Kind: jobStream, ID: j.ID, Due: due}); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, r, gone)
	}, nil
}

// send writes events to a trail's log group, those of one day at a time.
func (s *Service) send(ctx context.Context, r *record, batch []logsapi.InputLogEvent) error {
	if len(batch) == 0 {
		return nil
	}
	w, err := s.writer(ctx, r, r.target)
	if err != nil {
		return err
	}
	slices.SortStableFunc(batch, func(a, b logsapi.InputLogEvent) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	for len(batch) > 0 {
		n := 1
		for n < len(batch) && batch[n].Timestamp-batch[0].Timestamp < maxLogSpan.Milliseconds() {
			n++
		}
		in := &logsapi.PutLogEventsRequest{LogGroupName: groupName(r.Group), LogStreamName: r.streamName(), LogEvents: batch[:n]}
		if _, err := s.Logs.PutLogEvents(w, in); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// ownCall reports whether CloudTrail itself made a call: sending those would make
// more of them, for ever.
func ownCall(e *trail.Event) bool {
	if !strings.Contains(string(e.JSON), principal) {
		return false
	}
	var f struct {
		Identity struct {
			InvokedBy string `json:"invokedBy"`
		} `json:"userIdentity"`
	}
	return json.Unmarshal(e.JSON, &f) == nil && f.Identity.InvokedBy == principal
}
