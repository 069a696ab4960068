package guardduty

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/detect"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

const (
	jobAnalyze = "analyze" // the trail; there is one such job, whatever the number of nodes
	theTrail   = "trail"
)

const (
	// every is how often the new part of the trail is analysed.
	every = 10 * time.Second
	// maxRun bounds the events of one run, in bytes.
	maxRun = 32 << 20
	// checkpoint is how often the state of the engines is saved.
	checkpoint = 5 * time.Minute
)

// watched are the enabled detectors by account, then Region.
type watched struct {
	accounts map[string]map[string]*detector
}

// loadWatched is asked again when a detector changes.
func (s *Service) loadWatched(ctx context.Context, r store.Reader, _ string) (*watched, error) {
	ids, err := s.detectors.By(ctx, r, "status", "ENABLED", "", 0)
	if err != nil {
		return nil, err
	}
	w := &watched{accounts: map[string]map[string]*detector{}}
	for _, id := range ids {
		d, err := s.detectors.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if w.accounts[d.Place.Account] == nil {
			w.accounts[d.Place.Account] = map[string]*detector{}
		}
		w.accounts[d.Place.Account][d.Place.Region] = d
	}
	return w, nil
}

// global are the sources whose events concern every Region: "GuardDuty also
// processes CloudTrail events of global services" wherever it is enabled.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_data-sources.html#cloudtrail_global
func global(source string) bool {
	switch source {
	case "iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com", "organizations.amazonaws.com", "signin.amazonaws.com":
		return true
	}
	return false
}

// each hands an event to the engines that it concerns.
func (w *watched) each(e *trail.Event, f func(d *detector)) {
	regions := w.accounts[e.Account]
	if len(regions) == 0 {
		return
	}
	if e.Region == home && global(e.Source) {
		for _, d := range regions {
			if !e.Time.Before(d.Since) {
				f(d)
			}
		}
		return
	}
	if d := regions[e.Region]; d != nil && !e.Time.Before(d.Since) {
		f(d)
	}
}

// home is the Region in which events of global services are recorded.
const home = "us-east-1"

// analyze reads what is new in the trail. The findings, the place in the trail and
// the next run are one transaction, which one node commits: the queue leases the
// job, and a transaction that finds another's place gives up. What the engines
// remember is in memory; a node that does not have it, because it was started
// anew or another has run in between, makes it from what was saved last and the
// trail since.
func (s *Service) analyze(ctx context.Context, _ work.Job) (func(store.Tx) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.progress.Get(ctx, s.Store, theTrail)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	w, err := s.watched.Get(ctx, "")
	if err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.catchUp(ctx, p, w); err != nil {
		s.engines = nil
		return nil, err
	}
	if err := s.equip(ctx, w); err != nil {
		return nil, err
	}
	next := *p
	next.At, err = s.engines.read(ctx, s.Log, p.At, end, w)
	if err != nil {
		s.engines = nil // they have seen some of it
		return nil, err
	}
	found := s.engines.take(w)
	idle := next.At == p.At && len(found) == 0
	if !idle {
		next.Run++
	}
	s.engines.run, s.engines.at = next.Run, next.At
	now := s.now()
	var saved []place
	if next.At != p.Saved && now.Sub(p.SavedAt) >= checkpoint {
		if saved, err = s.save(ctx, p.Generation+1); err != nil {
			return nil, err
		}
		next.Saved, next.SavedAt, next.Generation = next.At, now, p.Generation+1
	}
	return func(tx store.Tx) error {
		return s.finish(ctx, tx, p, &next, idle, found, saved, next.At.Before(end))
	}, nil
}

// finish commits a run.
func (s *Service) finish(ctx context.Context, tx store.Tx, p, next *progress, idle bool, found []*detect.Finding, saved []place, more bool) error {
	old, err := s.progress.Get(ctx, tx, theTrail)
	if err != nil || old.Run != p.Run {
		return err
	}
	for _, f := range found {
		if err := s.keep(ctx, tx, f); err != nil {
			return err
		}
	}
	for _, at := range saved {
		if err := s.point(ctx, tx, at, next.Generation); err != nil {
			return err
		}
	}
	alive, err := s.detectors.By(ctx, tx, "status", "ENABLED", "", 1)
	if err != nil {
		return err
	}
	now := s.now()
	if next.Running = len(alive) > 0; next.Running {
		due := now.Add(every)
		if more {
			due = now
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobAnalyze, ID: theTrail, Due: due}); err != nil {
			return err
		}
	}
	if idle && next.Running {
		return nil
	}
	return s.progress.Put(ctx, tx, theTrail, next)
}
