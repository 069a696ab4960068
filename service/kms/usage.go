package kms

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// lastUse is what a key did last.
type lastUse struct {
	Operation string    `json:"operation"`
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	Request   string    `json:"request"`
}

// usage notes what a key did last, in memory: Flush writes it down. A crash
// loses what was noted since; the trail has it all the same.
type usage struct {
	last  atomic.Pointer[lastUse]
	dirty atomic.Bool
}

const usageKeys = "usage/"

func (s *Service) usageOf(path string) *usage {
	u, _ := s.usage.LoadOrStore(path, &usage{})
	return u.(*usage)
}

// used notes that the key has done an operation.
func (t *target) used(ctx context.Context, operation string) {
	call := caller.From(ctx)
	t.usage.last.Store(&lastUse{Operation: operation, Time: call.Time, Event: call.EventID, Request: call.RequestID})
	if !t.usage.dirty.Load() {
		t.usage.dirty.Store(true)
	}
}

// Flush writes down when keys were used last.
func (s *Service) Flush(ctx context.Context) error {
	pending := map[string]*lastUse{}
	var noted []*usage
	s.usage.Range(func(path, value any) bool {
		if u := value.(*usage); u.dirty.Swap(false) {
			pending[path.(string)] = u.last.Load()
			noted = append(noted, u)
		}
		return true
	})
	if len(pending) == 0 {
		return nil
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		for path, last := range pending {
			if err := putUsage(ctx, tx, path, last); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, u := range noted {
			u.dirty.Store(true)
		}
	}
	return err
}

// putUsage writes a later use over an earlier one, of this node or another.
func putUsage(ctx context.Context, tx store.Tx, path string, last *lastUse) error {
	old, err := storedUsage(ctx, tx, path)
	if err != nil || old != nil && !last.Time.After(old.Time) {
		return err
	}
	doc, err := json.Marshal(last)
	if err != nil {
		return err
	}
	return tx.Put(ctx, usageKeys+path, doc)
}

func storedUsage(ctx context.Context, r store.Reader, path string) (*lastUse, error) {
	item, err := r.Get(ctx, usageKeys+path)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	last := new(lastUse)
	return last, json.Unmarshal(item.Value, last)
}

// lastUse is what a key did last, or nil.
func (s *Service) lastUse(ctx context.Context, l *loaded) (*lastUse, error) {
	last, err := storedUsage(ctx, s.Store, l.path())
	if err != nil {
		return nil, err
	}
	if here := l.usage.last.Load(); here != nil && (last == nil || here.Time.After(last.Time)) {
		last = here
	}
	return last, nil
}

// daysUnused is kms:TrailingDaysWithoutKeyUsage: whole days since the last use,
// or since the key was made.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html#awskeymanagementservice-policy-keys
func (s *Service) daysUnused(ctx context.Context, l *loaded, now time.Time) (int32, error) {
	last, err := s.lastUse(ctx, l)
	since := l.Created
	if last != nil && last.Time.After(since) {
		since = last.Time
	}
	return int32(max(0, now.Sub(since)/(24*time.Hour))), err
}

// GetKeyLastUsage tells when and for what a key was used last.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html
func (s *Service) GetKeyLastUsage(ctx context.Context, in *api.GetKeyLastUsageRequest) (*api.GetKeyLastUsageResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	last, err := s.lastUse(ctx, t.loaded)
	if err != nil {
		return nil, err
	}
	out := &api.GetKeyLastUsageResponse{KeyId: &t.arn, KeyCreationDate: t.Created, TrackingStartDate: t.Created, KeyLastUsage: &api.KeyLastUsageData{}}
	if last != nil {
		out.KeyLastUsage = &api.KeyLastUsageData{
			Operation: api.KeyLastUsageTrackingOperation(last.Operation), Timestamp: last.Time,
			CloudTrailEventId: &last.Event, KmsRequestId: &last.Request,
		}
	}
	return out, nil
}
