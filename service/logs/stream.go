package logs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// CreateLogStream makes a log stream.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
func (s *Service) CreateLogStream(ctx context.Context, in *logsapi.CreateLogStreamRequest) (*logsapi.CreateLogStreamOutput, error) {
	v := &stream{Name: in.LogStreamName, UID: newUID(), Created: s.now().UnixMilli()}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, in.LogGroupName)
		if err != nil {
			return err
		}
		return s.streams.Insert(ctx, tx, g.UID+"/"+v.Name, v)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, wire.Errorf("ResourceAlreadyExistsException", "The specified log stream already exists")
	} else if err != nil {
		return nil, err
	}
	return &logsapi.CreateLogStreamOutput{}, nil
}

// DeleteLogStream deletes a log stream with its events.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogStream.html
func (s *Service) DeleteLogStream(ctx context.Context, in *logsapi.DeleteLogStreamRequest) (*logsapi.DeleteLogStreamOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, in.LogGroupName)
		if err != nil {
			return err
		}
		v, err := s.stream(ctx, tx, g, in.LogStreamName)
		if err != nil {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobStream, ID: v.UID, Due: s.now(), Payload: []byte(g.UID)}); err != nil {
			return err
		}
		return s.streams.Delete(ctx, tx, g.UID+"/"+v.Name)
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.DeleteLogStreamOutput{}, nil
}

// mostStreams bounds a listing by time of the last event, which sorts them all.
const mostStreams = 100_000

// DescribeLogStreams lists the streams of a group, by name or by the time of
// their last event.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
func (s *Service) DescribeLogStreams(ctx context.Context, in *logsapi.DescribeLogStreamsRequest) (*logsapi.DescribeLogStreamsResponse, error) {
	name, err := groupName(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == logsapi.OrderBy_LastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	home, limit, after := g.UID+"/", pg.limit+1, pg.from(g.UID+"/")
	sorted := byTime || on(in.Descending)
	if sorted {
		limit, after = mostStreams, ""
	}
	found, err := s.streams.List(ctx, s.Store, home+text(in.LogStreamNamePrefix), after, limit)
	if err != nil {
		return nil, err
	}
	if sorted {
		slices.SortStableFunc(found, func(a, b store.Entry[stream]) int {
			n := strings.Compare(a.Value.Name, b.Value.Name)
			if byTime {
				n = cmp.Or(cmp.Compare(a.Value.Last, b.Value.Last), n)
			}
			if on(in.Descending) {
				n = -n
			}
			return n
		})
		if i := slices.IndexFunc(found, func(e store.Entry[stream]) bool { return e.Value.Name == pg.after }); i >= 0 {
			found = found[i+1:]
		}
	}
	out := &logsapi.DescribeLogStreamsResponse{LogStreams: []logsapi.LogStream{}}
	if len(found) > pg.limit {
		found = found[:pg.limit]
		out.NextToken = tokenAfter(found[pg.limit-1].Value.Name)
	}
	for _, e := range found {
		out.LogStreams = append(out.LogStreams, e.Value.shown(g))
	}
	return out, nil
}

// shown: "storedBytes: this parameter is no longer supported" for streams: 0.
func (v *stream) shown(g *group) logsapi.LogStream {
	out := logsapi.LogStream{LogStreamName: &v.Name, CreationTime: &v.Created, Arn: new(g.arn() + ":log-stream:" + v.Name), StoredBytes: new(int64(0))}
	if v.Ingested > 0 {
		out.FirstEventTimestamp, out.LastEventTimestamp, out.LastIngestionTime = &v.First, &v.Last, &v.Ingested
	}
	return out
}
