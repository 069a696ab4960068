package accessanalyzer

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/store"
)

// seen is a resource that was looked at.
type seen struct {
	arn, account string
	kind         accessanalyzerapi.ResourceType
	err          string
	read         time.Time // when what it says of itself was read, or before
}

// keep makes what is stored about a resource what was found: findings are made,
// updated or resolved, in one transaction.
func (s *Service) keep(ctx context.Context, a *analyzer, at seen, found []finding) error {
	if at.err != "" {
		found = []finding{{Kind: kindOf(a), Error: at.err}}
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.analyzers.Get(ctx, tx, a.key()); errors.Is(err, store.ErrNotFound) {
			return nil // deleted meanwhile
		} else if err != nil {
			return err
		}
		// A scan that read this resource before it changed may come here after the
		// look that the change had made: what was read later counts.
		if r, err := s.resources.Get(ctx, tx, a.home()+"/"+at.arn); ignoreNotFound(err) != nil {
			return err
		} else if r != nil && r.Read.After(at.read) {
			return nil
		}
		rules, err := s.rules.List(ctx, tx, a.home()+"/", "", 0)
		if err != nil {
			return err
		}
		ids, err := s.findings.By(ctx, tx, "resource", a.home()+"|"+at.arn, "", 0)
		if err != nil {
			return err
		}
		gone := map[string]bool{}
		for _, id := range ids {
			gone[id] = true
		}
		for i := range found {
			id, err := s.keepOne(ctx, tx, a, at, found[i], rules)
			if err != nil {
				return err
			}
			delete(gone, id)
		}
		for _, id := range slices.Sorted(maps.Keys(gone)) {
			if err := s.settle(ctx, tx, id); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, a, at, found)
	})
	return err
}

func kindOf(a *analyzer) accessanalyzerapi.FindingType {
	switch {
	case a.unused():
		return accessanalyzerapi.FindingType_UnusedPermission
	case a.internal():
		return accessanalyzerapi.FindingType_InternalAccess
	}
	return accessanalyzerapi.FindingType_ExternalAccess
}

// keepOne writes one finding and returns its id. An archive rule decides about a
// finding when it is new, or active again.
func (s *Service) keepOne(ctx context.Context, tx store.Tx, a *analyzer, at seen, f finding, rules []store.Entry[rule]) (string, error) {
	h := sha256.Sum256([]byte(a.home() + "|" + at.arn + "|" + f.identity()))
	f.ID, f.Analyzer, f.Resource, f.ResourceType, f.Owner = uuid([16]byte(h[:16])), a.home(), at.arn, at.kind, at.account
	if f.Kind == accessanalyzerapi.FindingType_ExternalAccess && f.Restriction == "" {
		f.Restriction = accessanalyzerapi.ResourceControlPolicyRestriction_NOT_APPLICABLE
	}
	id := a.home() + "/" + f.ID
	f.Analyzed, f.Updated, f.Created, f.Status = s.now(), s.now(), s.now(), accessanalyzerapi.FindingStatus_ACTIVE
	old, err := s.findings.Get(ctx, tx, id)
	if ignoreNotFound(err) != nil {
		return id, err
	}
	if old != nil && old.Status != accessanalyzerapi.FindingStatus_RESOLVED {
		f.Created, f.Status = old.Created, old.Status
		if slices.Equal(old.Actions, f.Actions) && old.Public == f.Public && old.LastUsed.Equal(f.LastUsed) && len(old.Unused) == len(f.Unused) {
			f.Updated = old.Updated
		}
	} else {
		for _, r := range rules {
			if r.Value.Filter.holds(f.values) {
				f.Status = accessanalyzerapi.FindingStatus_ARCHIVED
			}
		}
	}
	return id, s.findings.Put(ctx, tx, id, &f)
}

// settle resolves a finding that was not found again, and removes it when it has
// been resolved for long.
func (s *Service) settle(ctx context.Context, tx store.Tx, id string) error {
	f, err := s.findings.Get(ctx, tx, id)
	if err != nil {
		return ignoreNotFound(err)
	}
	switch {
	case s.expired(f):
		return s.findings.Delete(ctx, tx, id)
	case f.Status == accessanalyzerapi.FindingStatus_RESOLVED:
		return nil
	}
	f.Status, f.Updated, f.Analyzed = accessanalyzerapi.FindingStatus_RESOLVED, s.now(), s.now()
	return s.findings.Put(ctx, tx, id, f)
}

func (s *Service) expired(f *finding) bool {
	return f.Status == accessanalyzerapi.FindingStatus_RESOLVED && s.now().Sub(f.Updated) > keepFor
}

// note writes down that a resource was looked at.
func (s *Service) note(ctx context.Context, tx store.Tx, a *analyzer, at seen, found []finding) error {
	id := a.home() + "/" + at.arn
	r, err := s.resources.Get(ctx, tx, id)
	if errors.Is(err, store.ErrNotFound) {
		r = &analyzed{ARN: at.arn, Owner: at.account, Type: at.kind, Created: s.now(), Updated: s.now()}
	} else if err != nil {
		return err
	}
	before := *r
	r.Read = at.read
	r.Analyzed, r.Error, r.Public, r.Actions, r.Shared = s.now(), at.err, false, nil, len(found) > 0
	for i := range found {
		r.Public = r.Public || found[i].Public
		for _, action := range found[i].Actions {
			if !slices.Contains(r.Actions, action) {
				r.Actions = append(r.Actions, action)
			}
		}
	}
	if r.Public != before.Public || r.Shared != before.Shared || !slices.Equal(r.Actions, before.Actions) {
		r.Updated = s.now()
	}
	return s.resources.Put(ctx, tx, id, r)
}

// forget settles the findings of a resource that is gone; home is the
// analyzer's.
func (s *Service) forget(ctx context.Context, home, name string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		ids, err := s.findings.By(ctx, tx, "resource", home+"|"+name, "", 0)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.settle(ctx, tx, id); err != nil {
				return err
			}
		}
		return s.resources.Delete(ctx, tx, home+"/"+name)
	})
	return err
}
