package cloudtrail

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// insight looks for what is unusual in an account since the last time. What it
// finds is recorded before the place moves on, under ids that a run that is
// repeated makes again, so that it is there once.
func (s *Service) insight(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	w, err := s.watches.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now, from, total := s.Clock.Now(), w.At, 0
	w.At, err = s.Log.Read(ctx, from, end, func(e *trail.Event) bool {
		if e.Account == j.ID && !strings.Contains(e.Region, "/") {
			var o observed
			if json.Unmarshal(e.JSON, &o) == nil {
				w.see(e, &o)
			}
		}
		total += len(e.JSON)
		return total < maxRun
	})
	if err != nil {
		return nil, err
	}
	due := now.Truncate(every).Add(every)
	if w.At.Before(end) {
		due = now // minutes are judged when all of them was read
	} else {
		for _, f := range w.judge(minuteOf(now.Add(-late))) {
			if err := s.tell(ctx, j.ID, &f); err != nil {
				return nil, err
			}
		}
	}
	return func(tx store.Tx) error {
		old, err := s.watches.Get(ctx, tx, j.ID)
		if err != nil || old.At != from {
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return err
		}
		if wanted, err := s.insightsWanted(ctx, tx, j.ID); err != nil || !wanted {
			return errors.Join(err, s.watches.Delete(ctx, tx, j.ID)) // turned on again, it learns anew
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobInsight, ID: j.ID, Due: due}); err != nil {
			return err
		}
		return s.watches.Put(ctx, tx, j.ID, w)
	}, nil
}

func (s *Service) insightsWanted(ctx context.Context, r store.Reader, account string) (bool, error) {
	all, err := s.trails.List(ctx, r, account+"/", "", 0)
	for _, e := range all {
		if len(e.Value.Insights) > 0 {
			return true, nil
		}
	}
	return false, err
}

// insightEvent is AWS's, record version 1.11.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html
type insightEvent struct {
	Version  string         `json:"eventVersion"`
	Time     string         `json:"eventTime"`
	Region   string         `json:"awsRegion"`
	ID       string         `json:"eventID"`
	Type     string         `json:"eventType"`
	Account  string         `json:"recipientAccountId"`
	Shared   string         `json:"sharedEventID"`
	Details  insightDetails `json:"insightDetails"`
	Category string         `json:"eventCategory"`
}

type insightDetails struct {
	State   string `json:"state"`
	Source  string `json:"eventSource"`
	Name    string `json:"eventName"`
	Type    string `json:"insightType"`
	Error   string `json:"errorCode,omitempty"`
	Context struct {
		Statistics struct {
			Baseline         rate  `json:"baseline"`
			Insight          rate  `json:"insight"`
			InsightDuration  int64 `json:"insightDuration"`
			BaselineDuration int64 `json:"baselineDuration"`
		} `json:"statistics"`
		Attributions []attribution `json:"attributions"`
	} `json:"insightContext"`
}

type rate struct {
	Average float64 `json:"average"`
}

type attribution struct {
	Attribute string  `json:"attribute"`
	Insight   []share `json:"insight"`
	Baseline  []share `json:"baseline"`
}

// tell records a finding.
func (s *Service) tell(ctx context.Context, account string, f *finding) error {
	e := insightEvent{
		Version: "1.11", Time: time.Unix(60*f.At, 0).UTC().Format(time.RFC3339), Region: f.Region, Type: "AwsCloudTrailInsight", Account: account, Category: "Insight",
		Shared: f.uuid(account, "shared"), ID: f.uuid(account, "start"),
		Details: insightDetails{State: "Start", Source: f.Source, Name: f.Name, Type: f.Kind, Error: f.Error},
	}
	if f.End {
		e.Details.State, e.ID = "End", f.uuid(account, "end")
	}
	q := trail.Query{Account: account, Region: insightRegion(f.Region), Attribute: trail.EventID, Value: e.ID, Limit: 1}
	if page, err := s.Trail.Lookup(ctx, q); err != nil || len(page.Events) > 0 {
		return err
	}
	x := &e.Details.Context
	x.Statistics.Baseline.Average, x.Statistics.BaselineDuration = f.Baseline.PerMinute, f.Baseline.Minutes
	x.Statistics.Insight.Average, x.Statistics.InsightDuration = f.Insight.PerMinute, f.Insight.Minutes
	for i, name := range attributed {
		if f.Kind == errorRate && name == "errorCode" {
			continue // it is the insight's own
		}
		x.Attributions = append(x.Attributions, attribution{name, f.Insight.Who[i], f.Baseline.Who[i]})
	}
	text, err := json.Marshal(&e)
	if err != nil {
		return err
	}
	record := s.Trail.Append
	if s.Record != nil {
		record = s.Record
	}
	return record(ctx, &trail.Event{Time: s.Clock.Now(), ID: e.ID, Account: account, Region: insightRegion(f.Region), Source: f.Source, Name: f.Name, JSON: text})
}

// uuid is always the same for the same part of the same finding.
func (f *finding) uuid(account, part string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "bartizan insight 1\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%d\x00%s", account, f.Region, f.Kind, f.Source, f.Name, f.Error, f.Start, part))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: made as its maker likes
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
