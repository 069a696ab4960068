package logs

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/service/logs/filter"
	"bartizan.dev/store"
)

// maxLooked bounds how many events one call looks at: AWS, too, answers fewer
// than it could, or none, with a token to go on.
const maxLooked = 20_000

// FilterLogEvents searches the streams of a group, in the order of time.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
func (s *Service) FilterLogEvents(ctx context.Context, in *logsapi.FilterLogEventsRequest) (*logsapi.FilterLogEventsResponse, error) {
	name, err := groupName(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	if in.StartFromHead != nil && !*in.StartFromHead {
		return nil, invalid("Bartizan returns filtered events from the oldest on: startFromHead false is not supported.")
	}
	want, err := parseFilter(text(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	if err := s.streamsExist(ctx, g, in.LogStreamNames); err != nil {
		return nil, err
	}
	from, to := s.times(g, in.StartTime, in.EndTime)
	q := query{group: g, names: in.LogStreamNames, prefix: text(in.LogStreamNamePrefix), want: want, limit: maxEvents, after: firstID(from), end: firstID(to)}
	if in.Limit != nil {
		q.limit = int(*in.Limit)
	}
	if text(in.NextToken) != "" {
		if len(*in.NextToken) != 56 || strings.Trim(*in.NextToken, "0123456789") != "" {
			return nil, invalid("The specified nextToken is invalid.")
		}
		q.after = max(q.after, *in.NextToken)
	}
	return s.search(ctx, &q)
}

func parseFilter(pattern string) (*filter.Pattern, error) {
	p, err := filter.Parse(pattern)
	if errors.Is(err, filter.ErrColumns) {
		return nil, invalid("Bartizan does not filter space-delimited log events: patterns in square brackets are not supported.")
	} else if err != nil {
		return nil, invalid("Invalid filter pattern")
	}
	return p, nil
}

// streamsExist refuses names of streams that are not there.
func (s *Service) streamsExist(ctx context.Context, g *group, names []string) error {
	for _, n := range names {
		if _, err := s.stream(ctx, s.Store, g, n); err != nil {
			return err
		}
	}
	return nil
}

type query struct {
	group      *group
	names      []string
	prefix     string
	want       *filter.Pattern
	limit      int
	after, end string // event ids
}

func (q *query) matches(l *line) bool {
	return (len(q.names) == 0 || slices.Contains(q.names, l.Stream)) && strings.HasPrefix(l.Stream, q.prefix) && q.want.Match(l.Message)
}

func (s *Service) search(ctx context.Context, q *query) (*logsapi.FilterLogEventsResponse, error) {
	out := &logsapi.FilterLogEventsResponse{Events: []logsapi.FilteredLogEvent{}, SearchedLogStreams: []logsapi.SearchedLogStream{}}
	prefix := q.group.event("")
	at, size := prefix+q.after, 0
	for range maxLooked / 500 {
		items, err := s.Store.List(ctx, store.Range{Prefix: prefix, After: at, Limit: 500})
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			id := item.Key[len(prefix):]
			if id >= q.end {
				return out, nil
			}
			l := new(line)
			if err := json.Unmarshal(item.Value, l); err != nil {
				return nil, err
			}
			if q.matches(l) {
				if size += len(l.Message) + perEvent; len(out.Events) == q.limit || size > maxAnswer && len(out.Events) > 0 {
					out.NextToken = new(at[len(prefix):])
					return out, nil
				}
				out.Events = append(out.Events, logsapi.FilteredLogEvent{LogStreamName: &l.Stream, Timestamp: &l.Time, Message: &l.Message, IngestionTime: &l.Ingested, EventId: &id})
			}
			at = item.Key
		}
		if len(items) < 500 {
			return out, nil
		}
	}
	out.NextToken = new(at[len(prefix):])
	return out, nil
}

// TestMetricFilter tries a filter pattern on messages.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html
func (s *Service) TestMetricFilter(_ context.Context, in *logsapi.TestMetricFilterRequest) (*logsapi.TestMetricFilterResponse, error) {
	want, err := parseFilter(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	out := &logsapi.TestMetricFilterResponse{Matches: []logsapi.MetricFilterMatchRecord{}}
	for i, m := range in.LogEventMessages {
		if want.Match(m) {
			out.Matches = append(out.Matches, logsapi.MetricFilterMatchRecord{EventNumber: new(int64(i + 1)), EventMessage: &m, ExtractedValues: map[string]string{}})
		}
	}
	return out, nil
}
