package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
)

// The rules of a batch.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const (
	maxBatch  = 1_048_576 // bytes of messages, with 26 more for each
	perEvent  = 26
	maxSpan   = 24 * time.Hour
	oldest    = 14 * 24 * time.Hour
	newest    = 2 * time.Hour
	dayMillis = int64(24 * time.Hour / time.Millisecond)
)

// PutLogEvents writes a batch of events into a stream. Those too old, too new
// or expired are told and left out.
func (s *Service) PutLogEvents(ctx context.Context, in *logsapi.PutLogEventsRequest) (*logsapi.PutLogEventsResponse, error) {
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	if in.Entity != nil {
		return nil, invalid("Bartizan keeps no entities: entity is not supported.")
	}
	// "The sequence token is now ignored in PutLogEvents actions."
	out := &logsapi.PutLogEventsResponse{NextSequenceToken: new(fmt.Sprintf("%056d", rand.Int64()))}
	if in.SequenceToken != nil && len(*in.SequenceToken) > 1024 {
		return nil, invalid("The sequenceToken is too long.")
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, in.LogGroupName)
		if err != nil {
			return err
		}
		v, err := s.stream(ctx, tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		var events []logsapi.InputLogEvent
		events, out.RejectedLogEventsInfo = g.within(in.LogEvents, now)
		for i := range events {
			e := &events[i]
			id := eventID(e.Timestamp, now, i)
			raw, err := json.Marshal(line{v.Name, e.Timestamp, now.UnixMilli(), e.Message})
			if err != nil {
				return err
			}
			if err := tx.Put(ctx, g.event(id), raw); err != nil {
				return err
			}
			if err := tx.Put(ctx, v.line(id), nil); err != nil {
				return err
			}
			if v.Ingested == 0 || e.Timestamp < v.First {
				v.First = e.Timestamp
			}
			v.Last, v.Ingested = max(v.Last, e.Timestamp), now.UnixMilli()
		}
		return s.streams.Put(ctx, tx, g.UID+"/"+v.Name, v)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// eventID is 56 digits, as AWS's are, in the order of time, then of arrival.
func eventID(t int64, now time.Time, i int) string {
	return fmt.Sprintf("%020d%019d%08d%09d", t, now.UnixNano(), i, rand.IntN(1_000_000_000))
}

func checkBatch(events []logsapi.InputLogEvent) error {
	size := 0
	for i := range events {
		e := &events[i]
		size += len(e.Message) + perEvent
		if i > 0 && e.Timestamp < events[i-1].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	switch n := len(events); {
	case size > maxBatch:
		return invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
	case n > 0 && events[n-1].Timestamp-events[0].Timestamp > maxSpan.Milliseconds():
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// within are the events whose time is right, and which are not.
func (g *group) within(events []logsapi.InputLogEvent, now time.Time) ([]logsapi.InputLogEvent, *logsapi.RejectedLogEventsInfo) {
	tooOld, tooNew, expired := now.Add(-oldest).UnixMilli(), now.Add(newest).UnixMilli(), g.horizon(now)
	from, to := 0, len(events)
	var info logsapi.RejectedLogEventsInfo
	for from < len(events) && events[from].Timestamp < max(tooOld, expired) {
		from++
		if t := events[from-1].Timestamp; t < expired {
			info.ExpiredLogEventEndIndex = new(int32(from))
		} else {
			info.TooOldLogEventEndIndex = new(int32(from))
		}
	}
	for to > from && events[to-1].Timestamp > tooNew {
		to--
		info.TooNewLogEventStartIndex = new(int32(to))
	}
	if from == 0 && to == len(events) {
		return events, nil
	}
	return events[from:to], &info
}

// horizon is the time before which the group's events have expired.
func (g *group) horizon(now time.Time) int64 {
	if g.Days == 0 {
		return 0
	}
	return now.UnixMilli() - int64(g.Days)*dayMillis
}
