package logs

import (
	"context"
	"fmt"
	"math"
	"strings"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
)

// What one answer holds at most: "up to 1 MB (up to 10,000 log events)".
const (
	maxEvents = 10_000
	maxAnswer = 1 << 20
)

// times is the range of time of a search, in which the group's events have not
// expired: from and to, to not included.
func (s *Service) times(g *group, start, end *int64) (from, to int64) {
	from, to = g.horizon(s.Clock.Now()), math.MaxInt64
	if start != nil {
		from = max(from, *start)
	}
	if end != nil {
		to = *end
	}
	return from, to
}

// firstID is before every event of a time.
func firstID(t int64) string { return fmt.Sprintf("%020d", max(t, 0)) }

// GetLogEvents reads a stream, the newest events first to be returned unless
// startFromHead is true; within an answer the oldest comes first. Both tokens
// are always there: at the end they are those that were sent.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
func (s *Service) GetLogEvents(ctx context.Context, in *logsapi.GetLogEventsRequest) (*logsapi.GetLogEventsResponse, error) {
	name, err := groupName(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	v, err := s.stream(ctx, s.Store, g, in.LogStreamName)
	if err != nil {
		return nil, err
	}
	limit := maxEvents
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	from, to := s.times(g, in.StartTime, in.EndTime)
	low, high, forward := firstID(from), firstID(to), on(in.StartFromHead)
	if text(in.NextToken) != "" {
		kind, at, ok := strings.Cut(*in.NextToken, "/")
		if !ok || len(at) != 56 || kind != "f" && kind != "b" || strings.Trim(at, "0123456789") != "" {
			return nil, invalid("The specified nextToken is invalid.")
		}
		if forward = kind == "f"; forward {
			low = max(low, at+"~") // after it
		} else {
			high = min(high, at)
		}
	}
	ids, err := s.ids(ctx, v, low, high, limit, forward)
	if err != nil {
		return nil, err
	}
	out := &logsapi.GetLogEventsResponse{Events: []logsapi.OutputLogEvent{}}
	first, last := "", ""
	size := 0
	for i := range ids {
		id := ids[i]
		if !forward { // from the newest back, as many as there is room for
			id = ids[len(ids)-1-i]
		}
		l, err := s.read(ctx, g, id)
		if err != nil {
			return nil, err
		}
		if l == nil {
			continue
		}
		if size += len(l.Message) + perEvent; size > maxAnswer && len(out.Events) > 0 {
			break
		}
		e := logsapi.OutputLogEvent{Timestamp: &l.Time, Message: &l.Message, IngestionTime: &l.Ingested}
		out.Events = append(out.Events, e)
		if first == "" {
			first = id
		}
		last = id
	}
	if !forward {
		first, last = last, first
		for i, j := 0, len(out.Events)-1; i < j; i, j = i+1, j-1 {
			out.Events[i], out.Events[j] = out.Events[j], out.Events[i]
		}
	}
	out.NextForwardToken, out.NextBackwardToken = tokens(text(in.NextToken), first, last, from)
	return out, nil
}

// tokens go on after the last event and before the first one. Where nothing was
// found they are at the place that was asked for.
func tokens(sent, first, last string, from int64) (forward, backward *string) {
	if first == "" {
		at := firstID(from) + strings.Repeat("0", 36)
		if sent != "" {
			at = sent[2:]
		}
		first, last = at, at
	}
	return new("f/" + last), new("b/" + first)
}

// ids are the ids of a stream's events from low to high, which is not included:
// the first of them, or the last.
func (s *Service) ids(ctx context.Context, v *stream, low, high string, limit int, forward bool) (out []string, err error) {
	const step = 1000
	prefix := v.line("")
	after := prefix + low
	for {
		items, err := s.Store.List(ctx, store.Range{Prefix: prefix, After: after, Limit: step})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			id := item.Key[len(prefix):]
			if id >= high || forward && len(out) == limit {
				return out[max(0, len(out)-limit):], nil
			}
			if out = append(out, id); len(out) > limit && len(out) >= 2*limit {
				out = append(out[:0], out[len(out)-limit:]...)
			}
			after = item.Key
		}
		if len(items) < step {
			break
		}
	}
	return out[max(0, len(out)-limit):], nil
}
