package guardduty

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/detect"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

const (
	jobPublish = "publish" // the event of a finding
	jobExpire  = "expire"  // a finding, after 90 days
	// kept is how long a finding is kept.
	// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html
	kept = 90 * 24 * time.Hour
)

// keep adds what an engine has seen to the finding that is there, or makes it one:
// "GuardDuty will update the original finding with the latest details".
// https://docs.aws.amazon.com/guardduty/latest/ug/finding-aggregation.html
func (s *Service) keep(ctx context.Context, tx store.Tx, seen *detect.Finding) error {
	d, err := s.detectors.Get(ctx, tx, place{seen.AccountID, seen.Region}.id())
	if errors.Is(err, store.ErrNotFound) || err == nil && d.ID != seen.Service.DetectorID {
		return nil // the detector was deleted meanwhile
	} else if err != nil {
		return err
	}
	id, now := findingID(d.ID, seen.ID), s.now()
	f, err := s.findings.Get(ctx, tx, id)
	isNew := errors.Is(err, store.ErrNotFound)
	switch {
	case isNew:
		f = &finding{Finding: *seen}
		f.CreatedAt = stamp(now)
	case err != nil:
		return err
	default:
		f.add(seen)
	}
	f.Changed, f.UpdatedAt = now, stamp(now)
	if isNew {
		if f.Suppressed, err = s.suppresses(ctx, tx, d, f); err != nil {
			return err
		}
		f.Service.Archived = f.Suppressed
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: id, Due: now.Add(kept)}); err != nil {
			return err
		}
	}
	if err := s.announce(ctx, tx, d, f, now); err != nil {
		return err
	}
	return s.findings.Put(ctx, tx, id, f)
}

// add counts what was seen again. Details are those of the latest.
func (f *finding) add(seen *detect.Finding) {
	old := f.Finding
	f.Finding = *seen
	f.CreatedAt, f.Service.Archived = old.CreatedAt, old.Service.Archived
	f.Service.Count += old.Service.Count
	f.Service.EventFirstSeen = min(f.Service.EventFirstSeen, old.Service.EventFirstSeen)
	f.Service.EventLastSeen = max(f.Service.EventLastSeen, old.Service.EventLastSeen)
	if old.Severity > f.Severity {
		f.Severity, f.Title, f.Description, f.Rule = old.Severity, old.Title, old.Description, old.Rule
	}
	if now, before := f.Service.Action.APICall, old.Service.Action.APICall; now != nil && before != nil {
		now.AffectedResources = union(before.AffectedResources, now.AffectedResources)
	}
}

// union joins what calls have affected: lists of names by kind.
func union(a, b map[string]string) map[string]string {
	const most = 1000 // bytes of names, as in detect
	if len(a) == 0 {
		return b
	}
	out := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for kind, list := range m {
			names := strings.Split(out[kind], ", ")
			for name := range strings.SplitSeq(list, ", ") {
				switch {
				case out[kind] == "":
					out[kind] = name
				case !slices.Contains(names, name) && len(out[kind])+len(name) < most:
					out[kind] += ", " + name
				}
			}
		}
	}
	return out
}

// announce has an event sent: for a new finding at once, for one that was seen
// again at the next turn of the detector's frequency. Nobody is told of archived
// ones.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html#eventbridge-freq-notifications-gdu
func (s *Service) announce(ctx context.Context, tx store.Tx, d *detector, f *finding, now time.Time) error {
	if f.Service.Archived || !f.Due.IsZero() {
		return nil
	}
	if f.Due = now; !f.Published.IsZero() {
		// A member follows its administrator.
		admin, err := s.administrator(ctx, tx, d.Place)
		if err != nil {
			return err
		}
		every := d.Frequency
		if admin != nil {
			a, err := s.detectors.Get(ctx, tx, admin.Admin.id())
			if err == nil {
				every = a.Frequency
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		f.Due = now.Truncate(frequency(every)).Add(frequency(every))
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobPublish, ID: findingID(d.ID, f.ID), Due: f.Due})
}

func frequency(f guarddutyapi.FindingPublishingFrequency) time.Duration {
	switch f {
	case guarddutyapi.FindingPublishingFrequency_FIFTEEN_MINUTES:
		return 15 * time.Minute
	case guarddutyapi.FindingPublishingFrequency_ONE_HOUR:
		return time.Hour
	}
	return 6 * time.Hour
}
