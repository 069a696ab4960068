package guardduty

import (
	"context"
	"errors"
	"slices"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

const (
	jobOrganization = "organization" // accounts are enrolled and released
	// rolled is how often an organization's accounts are looked through.
	rolled = 5 * time.Minute
)

// ensure makes the detector of a place unless it is there.
func (s *Service) ensure(ctx context.Context, tx store.Tx, at place, end trail.Place) (*detector, error) {
	d, err := s.detectors.Get(ctx, tx, at.id())
	if !errors.Is(err, store.ErrNotFound) {
		return d, err
	}
	now := s.now()
	d = &detector{ID: newID(), Place: at, Enabled: true, Since: now, Frequency: guarddutyapi.FindingPublishingFrequency_SIX_HOURS, Features: defaults(now), Created: now, Updated: now}
	if err := s.detectors.Insert(ctx, tx, at.id(), d); err != nil {
		return nil, err
	}
	return d, s.begin(ctx, tx, d, end)
}

// enrol makes an account of the organization a member: "GuardDuty is enabled for
// it", and nobody is asked.
func (s *Service) enrol(ctx context.Context, tx store.Tx, admin *detector, o *organization, a Account, end trail.Place) error {
	at := place{a.ID, admin.Place.Region}
	old, err := s.administrator(ctx, tx, at)
	if err != nil || old != nil {
		return err // whoever has an administrator keeps it
	}
	d, err := s.ensure(ctx, tx, at, end)
	if err != nil {
		return err
	}
	now := s.now()
	if !d.Enabled {
		d.Enabled, d.Since = true, now
		if err := s.begin(ctx, tx, d, end); err != nil {
			return err
		}
	}
	o.apply(d, true, now)
	if err := s.detectors.Put(ctx, tx, at.id(), d); err != nil {
		return err
	}
	return s.relate(ctx, tx, &member{Admin: admin.Place, Detector: admin.ID, Account: a.ID, Email: a.Email, Organization: true, Invited: now}, enabled)
}

// apply turns the features on that the organization wants.
func (o *organization) apply(d *detector, isNew bool, now time.Time) (changed bool) {
	for name, want := range o.Features {
		on := want == guarddutyapi.OrgFeatureStatus_ALL || isNew && want == guarddutyapi.OrgFeatureStatus_NEW
		clash := name == runtime && d.Features[eksRuntime].On || name == eksRuntime && d.Features[runtime].On
		if on && !d.Features[name].On && !clash {
			d.turn(name, true, now)
			changed = true
		}
	}
	return changed
}

// roll goes through the accounts of an organization: those that are to be members
// become members, those that have left are released.
func (s *Service) roll(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	o, err := s.organizations.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	there, known := map[string]bool{}, []string{}
	for a, err := range s.Organizations.Accounts(ctx, o.ID) {
		if err != nil {
			return nil, err
		}
		there[a.ID] = true
		known = append(known, a.ID)
		if a.ID == o.Admin.Account {
			continue
		}
		if err := s.visit(ctx, o, a, end); err != nil {
			return nil, err
		}
	}
	slices.Sort(known)
	return func(tx store.Tx) error {
		o, err := s.organizations.Get(ctx, tx, j.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		d, err := s.detectors.Get(ctx, tx, o.Admin.id())
		if err == nil {
			err = s.releaseAll(ctx, tx, d, there)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if !slices.Equal(o.Known, known) {
			o.Known = known
			if err := s.organizations.Put(ctx, tx, j.ID, o); err != nil {
				return err
			}
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobOrganization, ID: j.ID, Due: s.now().Add(rolled)})
	}, nil
}

// visit does for one account what the organization wants, if anything.
func (s *Service) visit(ctx context.Context, o *organization, a Account, end trail.Place) error {
	isNew := !slices.Contains(o.Known, a.ID)
	want := o.AutoEnable == guarddutyapi.AutoEnableMembers_ALL || o.AutoEnable == guarddutyapi.AutoEnableMembers_NEW && isNew
	m, err := s.administrator(ctx, s.Store, place{a.ID, o.Admin.Region})
	if err != nil {
		return err
	}
	mine := m != nil && m.Admin == o.Admin
	if m != nil && !mine || m == nil && !want {
		return nil
	}
	if mine {
		d, err := s.detectors.Get(ctx, s.Store, place{a.ID, o.Admin.Region}.id())
		if errors.Is(err, store.ErrNotFound) || err == nil && !o.apply(d, false, s.now()) {
			return nil // nothing to change, which is the rule
		} else if err != nil {
			return err
		}
	} else if s.LinkRole != nil {
		if err := s.LinkRole(ctx, a.ID, principal); err != nil {
			return err
		}
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		admin, err := s.detectors.Get(ctx, tx, o.Admin.id())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if !mine {
			return s.enrol(ctx, tx, admin, o, a, end)
		}
		d, err := s.detectors.Get(ctx, tx, place{a.ID, o.Admin.Region}.id())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		o.apply(d, false, s.now())
		return s.detectors.Put(ctx, tx, d.Place.id(), d)
	})
	return err
}
