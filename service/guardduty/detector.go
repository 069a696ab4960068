package guardduty

import (
	"context"
	"errors"
	"maps"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// find returns the caller's detector with an id.
func (s *Service) find(ctx context.Context, r store.Reader, id string) (*detector, error) {
	d, err := s.detectors.Get(ctx, r, placeOf(ctx).id())
	if errors.Is(err, store.ErrNotFound) || err == nil && d.ID != id {
		return nil, errDetector
	}
	return d, err
}

// change changes the caller's detector in one transaction.
func (s *Service) change(ctx context.Context, id string, f func(tx store.Tx, d *detector) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, d); err != nil {
			return err
		}
		return s.detectors.Put(ctx, tx, d.Place.id(), d)
	})
	return err
}

// CreateDetector makes the detector of an account in a Region, of which there is
// at most one.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html
func (s *Service) CreateDetector(ctx context.Context, in *guarddutyapi.CreateDetectorRequest) (*guarddutyapi.CreateDetectorResponse, error) {
	at, now := placeOf(ctx), s.now()
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	// The role comes first: it stays when what follows fails, as with AWS.
	if s.LinkRole != nil {
		if err := s.LinkRole(ctx, at.Account, principal); err != nil {
			return nil, err
		}
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	id := newID()
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		d := &detector{ID: id, Place: at, Enabled: in.Enable, Since: now, Frequency: in.FindingPublishingFrequency, Features: defaults(now), Created: now, Updated: now, Token: text(in.ClientToken), Tags: maps.Clone(in.Tags)}
		if d.Frequency == "" {
			d.Frequency = guarddutyapi.FindingPublishingFrequency_SIX_HOURS
		}
		old, err := s.detectors.Get(ctx, tx, at.id())
		switch {
		case err == nil && old.Token != "" && old.Token == d.Token:
			id = old.ID // the same call again
			return nil
		case err == nil:
			return rejected(invalidInput, "The request is rejected because a detector already exists for the current account.")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := d.configure(in.Features, in.DataSources, now); err != nil {
			return err
		}
		if err := s.detectors.Insert(ctx, tx, at.id(), d); err != nil {
			return err
		}
		return s.begin(ctx, tx, d, end)
	})
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.CreateDetectorResponse{DetectorId: &id}, nil
}

// GetDetector shows a detector.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetDetector.html
func (s *Service) GetDetector(ctx context.Context, in *guarddutyapi.GetDetectorRequest) (*guarddutyapi.GetDetectorResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.GetDetectorResponse{
		CreatedAt: new(stamp(d.Created)), UpdatedAt: new(stamp(d.Updated)), FindingPublishingFrequency: d.Frequency,
		ServiceRole: serviceRole(d.Place.Account, "AWSServiceRoleForAmazonGuardDuty", principal), Status: guarddutyapi.DetectorStatus(status(d.Enabled)),
		DataSources: d.sources(), Features: d.results(), Tags: d.Tags,
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}

// UpdateDetector changes a detector. A new frequency also holds for updates that
// are waiting to be sent.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateDetector.html
func (s *Service) UpdateDetector(ctx context.Context, in *guarddutyapi.UpdateDetectorRequest) (*guarddutyapi.UpdateDetectorResponse, error) {
	now := s.now()
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, in.DetectorId, func(tx store.Tx, d *detector) error {
		d.Updated = now
		if in.FindingPublishingFrequency != "" && in.FindingPublishingFrequency != d.Frequency {
			if err := s.free(ctx, tx, d); err != nil { // a member follows its administrator
				return err
			}
			d.Frequency = in.FindingPublishingFrequency
		}
		if err := d.configure(in.Features, in.DataSources, now); err != nil {
			return err
		}
		if in.Enable == nil || *in.Enable == d.Enabled {
			return nil
		}
		d.Enabled = *in.Enable
		if !d.Enabled {
			return nil
		}
		d.Since = now
		return s.begin(ctx, tx, d, end)
	})
	return &guarddutyapi.UpdateDetectorResponse{}, err
}

// DeleteDetector deletes a detector with all that belongs to it.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteDetector.html
func (s *Service) DeleteDetector(ctx context.Context, in *guarddutyapi.DeleteDetectorRequest) (*guarddutyapi.DeleteDetectorResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, in.DetectorId)
		if err != nil {
			return err
		}
		if err := s.alone(ctx, tx, d); err != nil {
			return err
		}
		if err := s.forget(ctx, tx, d); err != nil {
			return err
		}
		return s.detectors.Delete(ctx, tx, d.Place.id())
	})
	return &guarddutyapi.DeleteDetectorResponse{}, err
}

// alone says whether a detector can be deleted: nobody may depend on it.
func (s *Service) alone(ctx context.Context, r store.Reader, d *detector) error {
	a, err := s.administrator(ctx, r, d.Place)
	if err != nil {
		return err
	}
	if a != nil {
		return rejected(invalidInput, "The request is rejected because the current account is a member of an administrator account. Disassociate from it first.")
	}
	mine, err := s.seenBy(ctx, r, d)
	if err == nil && len(mine) > 1 {
		return rejected(invalidInput, "The request cannot be completed because the current account has associated member accounts.")
	}
	return err
}

// forget deletes what belongs to a detector.
func (s *Service) forget(ctx context.Context, tx store.Tx, d *detector) error {
	home := d.ID + "/"
	found, err := s.findings.List(ctx, tx, home, "", 0)
	if err != nil {
		return err
	}
	for _, e := range found {
		err := errors.Join(s.findings.Delete(ctx, tx, e.ID), s.queue.Cancel(ctx, tx, jobPublish, e.ID), s.queue.Cancel(ctx, tx, jobExpire, e.ID))
		if err != nil {
			return err
		}
	}
	lists, err := s.lists.List(ctx, tx, home, "", 0)
	if err != nil {
		return err
	}
	for _, e := range lists {
		if err := s.dropList(ctx, tx, e.Value); err != nil {
			return err
		}
	}
	if err := errors.Join(s.dropState(ctx, tx, d.Place), clear(ctx, tx, &s.filters, home), clear(ctx, tx, &s.members, home)); err != nil {
		return err
	}
	return nil
}

// clear deletes the records whose ids begin with home.
func clear[T any](ctx context.Context, tx store.Tx, c *store.Collection[T], home string) error {
	all, err := c.List(ctx, tx, home, "", 0)
	for i := 0; i < len(all) && err == nil; i++ {
		err = c.Delete(ctx, tx, all[i].ID)
	}
	return err
}

// ListDetectors lists the one detector there may be.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListDetectors.html
func (s *Service) ListDetectors(ctx context.Context, in *guarddutyapi.ListDetectorsRequest) (*guarddutyapi.ListDetectorsResponse, error) {
	out := &guarddutyapi.ListDetectorsResponse{DetectorIds: []string{}}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil || p.after != "" || p.limit == 0 {
		return out, err
	}
	d, err := s.detectors.Get(ctx, s.Store, placeOf(ctx).id())
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	out.DetectorIds = append(out.DetectorIds, d.ID)
	return out, nil
}

// begin has the trail analysed for a detector that is new or enabled again.
func (s *Service) begin(ctx context.Context, tx store.Tx, d *detector, end trail.Place) error {
	if !d.Enabled {
		return nil
	}
	p, err := s.progress.Get(ctx, tx, theTrail)
	if errors.Is(err, store.ErrNotFound) {
		p, err = &progress{}, nil
	}
	if err != nil || p.Running {
		return err
	}
	// Nobody has watched since: what happened in between is passed over.
	p.Running, p.At, p.Saved, p.SavedAt, p.Run = true, end, end, s.now(), p.Run+1
	if err := s.progress.Put(ctx, tx, theTrail, p); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobAnalyze, ID: theTrail, Due: s.now().Add(every)})
}
