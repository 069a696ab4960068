package guardduty

import (
	"context"
	"errors"
	"maps"
	"time"
	"unicode/utf8"

	"bartizan.dev/caller"
	"bartizan.dev/intel"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// kind is one of the four kinds of lists.
type kind struct {
	name  string // in ARNs and ids
	most  int    // of a detector
	means intel.Kind
	limit intel.Limits
}

// The kinds, with AWS's quotas of lists and of what is in one.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html
var (
	ipSet            = &kind{"ipset", 1, intel.Trusted, intel.TrustedIPs}
	threatIntelSet   = &kind{"threatintelset", 6, intel.Custom, intel.ThreatIPs}
	trustedEntitySet = &kind{"trustedentityset", 1, intel.Trusted, intel.TrustedEntities}
	threatEntitySet  = &kind{"threatentityset", 6, intel.Custom, intel.ThreatEntities}
	kinds            = []*kind{ipSet, trustedEntitySet, threatIntelSet, threatEntitySet}
)

func kindNamed(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}

// States of a list: activation and deactivation are work.
const (
	inactive     = "INACTIVE"
	activating   = "ACTIVATING"
	active       = "ACTIVE"
	deactivating = "DEACTIVATING"
	failed       = "ERROR"
)

// list is a list of addresses or of addresses and domains.
type list struct {
	ID, Kind, Detector string
	Name               string
	Format             string
	Location           string
	Owner              string `json:",omitzero"` // of the bucket, as the caller expects
	Status             string
	Error              string            `json:",omitzero"`
	Token              string            `json:",omitzero"`
	Tags               map[string]string `json:",omitzero"`
	Created, Updated   time.Time
	Account            string // that made it
	// What was read when it was activated or refreshed last.
	Generation int64
	Chunks     int
	SHA256     string `json:",omitzero"`
	Entries    int
}

func listID(detector, kind, id string) string { return detector + "/" + kind + "/" + id }

func (l *list) id() string { return listID(l.Detector, l.Kind, l.ID) }

// newList is what the four operations that create lists share.
type newList struct {
	detector, name, format, location string
	owner, token                     *string
	activate                         bool
	tags                             map[string]string
}

func (s *Service) createList(ctx context.Context, k *kind, in newList) (string, error) {
	if err := errors.Join(checkTags(in.tags), checkListName(in.name)); err != nil {
		return "", err
	}
	if err := checkLocation(in.location); err != nil {
		return "", err
	}
	id, now := newID(), s.now()
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.find(ctx, tx, in.detector)
		if err != nil {
			return err
		}
		if err := s.free(ctx, tx, d); err != nil {
			return err
		}
		all, err := s.lists.List(ctx, tx, listID(d.ID, k.name, ""), "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			if token := text(in.token); token != "" && e.Value.Token == token {
				id = e.Value.ID // the same call again
				return nil
			}
		}
		for _, e := range all {
			if e.Value.Name == in.name {
				return rejected(invalidInput, "The request is rejected because a list with the given name already exists.")
			}
		}
		if len(all) >= k.most {
			return rejected("LimitExceededException", "The request is rejected because the current account has reached the limit of %d for this resource.", k.most)
		}
		l := &list{ID: id, Kind: k.name, Detector: d.ID, Name: in.name, Format: in.format, Location: in.location, Owner: text(in.owner), Status: inactive,
			Token: text(in.token), Tags: maps.Clone(in.tags), Created: now, Updated: now, Account: caller.From(ctx).Identity.Account}
		return s.turnList(ctx, tx, l, in.activate, true)
	})
	return id, err
}

// turnList has a list activated or deactivated, if that is new, and writes it.
func (s *Service) turnList(ctx context.Context, tx store.Tx, l *list, on, changed bool) error {
	was := l.Status == active || l.Status == activating
	if on && (!was || changed) {
		l.Status, l.Error = activating, ""
	} else if !on && (was || l.Status == failed) {
		l.Status = deactivating
	} else {
		return s.lists.Put(ctx, tx, l.id(), l)
	}
	l.Generation++ // what is being read for the state before does not count
	if err := s.queue.Add(ctx, tx, work.Job{Kind: jobList, ID: l.id(), Due: s.now()}); err != nil {
		return err
	}
	return s.lists.Put(ctx, tx, l.id(), l)
}

// list finds a list of the caller's detector.
func (s *Service) list(ctx context.Context, r store.Reader, k *kind, detectorID, id string) (*list, error) {
	d, err := s.find(ctx, r, detectorID)
	if err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, errNothing
	}
	l, err := s.lists.Get(ctx, r, listID(d.ID, k.name, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNothing
	}
	return l, err
}

func isID(id string) bool {
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return id != ""
}

// changeList is what the four operations that update lists share.
func (s *Service) changeList(ctx context.Context, k *kind, detectorID, id string, name, location, owner *string, activate *bool) error {
	if name != nil {
		if err := checkListName(*name); err != nil {
			return err
		}
	}
	if location != nil {
		if err := checkLocation(*location); err != nil {
			return err
		}
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		l, err := s.list(ctx, tx, k, detectorID, id)
		if err != nil {
			return err
		}
		if err := s.mayList(ctx, tx, l); err != nil {
			return err
		}
		if name != nil && *name != l.Name {
			all, err := s.lists.List(ctx, tx, listID(l.Detector, k.name, ""), "", 0)
			if err != nil {
				return err
			}
			for _, e := range all {
				if e.Value.Name == *name {
					return rejected(invalidInput, "The request is rejected because a list with the given name already exists.")
				}
			}
			l.Name = *name
		}
		if owner != nil {
			l.Owner = *owner
		}
		if location != nil {
			l.Location = *location
		}
		l.Updated = s.now()
		// "Activate" again reads the list again.
		on := l.Status == active || l.Status == activating
		if activate != nil {
			on = *activate
		}
		return s.turnList(ctx, tx, l, on, location != nil || owner != nil || activate != nil)
	})
	return err
}

// deleteList is what the four operations that delete lists share.
func (s *Service) deleteList(ctx context.Context, k *kind, detectorID, id string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		l, err := s.list(ctx, tx, k, detectorID, id)
		if err != nil {
			return err
		}
		if err := s.mayList(ctx, tx, l); err != nil {
			return err
		}
		return s.dropList(ctx, tx, l)
	})
	return err
}

// mayList refuses members.
func (s *Service) mayList(ctx context.Context, r store.Reader, l *list) error {
	d, err := s.find(ctx, r, l.Detector)
	if err != nil {
		return err
	}
	return s.free(ctx, r, d)
}

func (s *Service) dropList(ctx context.Context, tx store.Tx, l *list) error {
	return errors.Join(s.queue.Cancel(ctx, tx, jobList, l.id()), clear(ctx, tx, &s.chunks, contentID(l.id(), -1, 0)), s.lists.Delete(ctx, tx, l.id()))
}

func (s *Service) listIDs(ctx context.Context, k *kind, detectorID string, limit *int32, token *string) ([]string, *string, error) {
	d, err := s.find(ctx, s.Store, detectorID)
	if err != nil {
		return nil, nil, err
	}
	return listNames(ctx, s.Store, &s.lists, listID(d.ID, k.name, ""), limit, token)
}

func checkListName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > 300 {
		return invalid("name")
	}
	return nil
}

// tagsOf are tags as answers show them: never null.
func tagsOf(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}
