package securityhub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

// keepHistory: "returns history for a finding in the last 90 days".
const keepHistory = 90 * 24 * time.Hour

// quiet are fields whose changes are no history: "except top-level timestamp
// fields, such as the CreatedAt and UpdatedAt fields".
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingHistory.html
var quiet = map[string]bool{"CreatedAt": true, "UpdatedAt": true, "FirstObservedAt": true, "LastObservedAt": true, "ProcessedAt": true}

// differences are the fields at the top of which two states of a finding differ.
func differences(before, after ASFF) (out []update) {
	if before == nil {
		return nil
	}
	names := map[string]bool{}
	for k := range before {
		names[k] = true
	}
	for k := range after {
		names[k] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !quiet[name] && !reflect.DeepEqual(before[name], after[name]) {
			out = append(out, update{name, brief(before[name]), brief(after[name])})
		}
	}
	return out
}

// brief is a value as history shows it, which is no copy of large parts.
func brief(v any) string {
	s := word(v)
	if len(s) > 2048 {
		s = s[:2048]
	}
	return s
}

// note appends to the history of a finding and forgets what is too old. An
// import that changed nothing leaves none.
func (s *Service) note(ctx context.Context, tx store.Tx, key string, c *change) error {
	if !c.Created && len(c.Updates) == 0 {
		return nil
	}
	past, err := s.history.List(ctx, tx, key+"/", "", 0)
	if err != nil {
		return err
	}
	for i, e := range past {
		if i >= 1000 || c.Time.Sub(e.Value.Time) > keepHistory {
			if err := s.history.Delete(ctx, tx, e.ID); err != nil {
				return err
			}
		}
	}
	// Newest first: keys go by the time left until the end of all times.
	return s.history.Put(ctx, tx, fmt.Sprintf("%s/%016x-%s", key, math.MaxInt64-s.Clock.Now().UnixNano(), newID()[:8]), c)
}

// GetFindingHistory tells what happened to a finding, the newest first.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingHistory.html
func (s *Service) GetFindingHistory(ctx context.Context, in *api.GetFindingHistoryRequest) (*api.GetFindingHistoryResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	homes, err := s.visible(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	id := in.FindingIdentifier
	if !in.StartTime.IsZero() && !in.EndTime.IsZero() && (in.EndTime.Before(in.StartTime) || in.EndTime.Sub(in.StartTime) > keepHistory) {
		return nil, invalid("The time between StartTime and EndTime must be positive and at most 90 days.")
	}
	p, _, err := s.locate(ctx, s.Store, homes, id.ProductArn, id.Id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, invalid("The finding %s of %s was not found.", id.Id, id.ProductArn)
	} else if err != nil {
		return nil, err
	}
	from, err := readMark(in.NextToken)
	if err != nil {
		return nil, err
	}
	prefix, after, n := p.findingKey(id.ProductArn, id.Id)+"/", "", 100
	if from != nil {
		after = prefix + from.Key
	}
	if in.MaxResults != nil {
		n = int(*in.MaxResults)
	}
	past, err := s.history.List(ctx, s.Store, prefix, after, 0)
	if err != nil {
		return nil, err
	}
	out := &api.GetFindingHistoryResponse{Records: []api.FindingHistoryRecord{}}
	last := ""
	for _, e := range past {
		c := e.Value
		if s.now().Sub(c.Time) > keepHistory || !in.StartTime.IsZero() && c.Time.Before(in.StartTime) || !in.EndTime.IsZero() && c.Time.After(in.EndTime) {
			continue
		}
		if len(out.Records) == n {
			out.NextToken = (&mark{Key: last}).token()
			break
		}
		last = e.ID[len(prefix):]
		out.Records = append(out.Records, c.shown(id))
	}
	return out, nil
}

func (c *change) shown(id *api.AwsSecurityFindingIdentifier) api.FindingHistoryRecord {
	r := api.FindingHistoryRecord{
		FindingIdentifier: id, UpdateTime: c.Time, FindingCreated: &c.Created,
		UpdateSource: &api.FindingHistoryUpdateSource{Type: api.FindingHistoryUpdateSourceType(c.Type), Identity: &c.By},
		Updates:      []api.FindingHistoryUpdate{},
	}
	for _, u := range c.Updates {
		v := api.FindingHistoryUpdate{UpdatedField: &u.Field}
		if u.Old != "" {
			v.OldValue = &u.Old
		}
		if u.New != "" {
			v.NewValue = &u.New
		}
		r.Updates = append(r.Updates, v)
	}
	return r
}
