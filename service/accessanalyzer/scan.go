package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Kinds of work.
const (
	jobScan      = "scan"     // look at everything in the zone of trust, a page at a time
	jobResource  = "resource" // look at one resource
	jobRemove    = "remove"   // what a deleted analyzer leaves
	jobGenerate  = "generate"
	jobRecommend = "recommend"
)

const (
	scanPage = 100      // resources that one run looks at
	keepFor  = 90 * day // how long resolved findings stay
)

// position is how far a scan has come: the account, the kind of resource and the
// resource that were looked at last, and when the scan began.
type position struct {
	Began    time.Time
	Account  string
	Source   int
	Resource string
}

// scan looks at one page of resources and adds the job again: for the next page
// at once, or for tomorrow.
func (s *Service) scan(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	a, err := s.analyzers.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	at := position{Began: s.now()}
	if len(j.Payload) > 0 {
		if err := json.Unmarshal(j.Payload, &at); err != nil {
			return nil, err
		}
	}
	accounts, err := s.zone(ctx, a)
	if err != nil {
		return nil, err
	}
	accounts = slices.Sorted(slices.Values(accounts))
	more, err := s.step(ctx, a, accounts, &at)
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		next := work.Job{Kind: jobScan, ID: j.ID, Due: s.Clock.Now().Add(day)}
		if more {
			payload, err := json.Marshal(at)
			if err != nil {
				return err
			}
			next.Due, next.Payload = s.Clock.Now(), payload
		}
		a, err := s.analyzers.Get(ctx, tx, j.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		a.LastAt, a.Reason = s.now(), ""
		if at.Resource != "" {
			a.LastResource = at.Resource
		}
		if accounts == nil {
			a.Reason = accessanalyzerapi.ReasonCode_DELEGATED_ADMINISTRATOR_DEREGISTERED
		}
		if err := s.analyzers.Put(ctx, tx, j.ID, a); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, next)
	}, nil
}

// step looks at the next page and moves the position; more is false when it was
// the last. Then what was not seen in this scan is resolved.
func (s *Service) step(ctx context.Context, a *analyzer, accounts []string, at *position) (more bool, err error) {
	kinds := len(s.Sources)
	if a.unused() {
		kinds = 1
	}
	for i := 0; i < len(accounts); i++ {
		if accounts[i] < at.Account {
			continue
		}
		if accounts[i] > at.Account {
			at.Account, at.Source, at.Resource = accounts[i], 0, ""
		}
		for at.Source < kinds {
			last, n, err := s.lookAt(ctx, a, at)
			if err != nil {
				return false, err
			}
			if n == scanPage {
				at.Resource = last
				return true, nil
			}
			at.Source, at.Resource = at.Source+1, ""
			if n > 0 && (at.Source < kinds || i+1 < len(accounts)) {
				return true, nil
			}
		}
	}
	return false, s.resolveUnseen(ctx, a, at.Began)
}

// lookAt looks at one page.
func (s *Service) lookAt(ctx context.Context, a *analyzer, at *position) (last string, n int, err error) {
	read := s.Clock.Now()
	if a.unused() {
		list, err := s.Usage(ctx, at.Account, at.Resource, scanPage)
		if err != nil {
			return "", 0, err
		}
		for i := range list {
			last = list[i].ARN
			if err := s.keep(ctx, a, seen{arn: last, kind: list[i].Type, account: at.Account, read: read}, s.unusedBy(a, &list[i])); err != nil {
				return "", 0, err
			}
		}
		return last, len(list), nil
	}
	src := &s.Sources[at.Source]
	list, err := src.List(ctx, at.Account, a.Region, at.Resource, scanPage)
	if err != nil {
		return "", 0, err
	}
	for i := range list {
		last = list[i].ARN
		if err := s.look(ctx, a, src, &list[i], read); err != nil {
			return "", 0, err
		}
	}
	return last, len(list), nil
}

// look finds who may use one resource, from outside the zone of trust or, for an
// analyzer of internal access, from inside, and keeps that. read is a time before
// the resource was read.
func (s *Service) look(ctx context.Context, a *analyzer, src *Source, r *Resource, read time.Time) error {
	one := seen{arn: r.ARN, kind: src.Type, account: r.Account, read: read}
	if a.internal() {
		if !a.includes(r, src.Type) {
			if _, err := s.resources.Get(ctx, s.Store, a.home()+"/"+r.ARN); err != nil {
				return ignoreNotFound(err)
			}
			return s.forget(ctx, a.home(), r.ARN) // it was included once
		}
		found, err := s.internalAccess(ctx, a, src.Type, r)
		if errors.Is(err, errPrincipals) {
			one.err = err.Error()
		} else if err != nil {
			return err
		}
		return s.keep(ctx, a, one, found)
	}
	accounts, err := s.zone(ctx, a)
	if err != nil {
		return err
	}
	found, fault := s.external(ctx, r, src.Type, analysis.Zone{Accounts: accounts, Organization: a.Organization})
	if fault != nil {
		one.err = fault.Error()
	}
	return s.keep(ctx, a, one, found)
}

// resolveUnseen settles the findings of resources that are gone: those that the
// whole scan did not look at.
func (s *Service) resolveUnseen(ctx context.Context, a *analyzer, began time.Time) error {
	const chunk = 200
	for last := ""; ; {
		list, err := s.resources.List(ctx, s.Store, a.home()+"/", last, chunk)
		if err != nil {
			return err
		}
		for _, e := range list {
			last = e.ID
			if !e.Value.Analyzed.Before(began) {
				continue
			}
			if err := s.forget(ctx, a.home(), e.Value.ARN); err != nil {
				return err
			}
		}
		if len(list) < chunk {
			return s.expire(ctx, a)
		}
	}
}

// expire removes the findings that have been resolved for long, those of
// resources that are gone among them.
func (s *Service) expire(ctx context.Context, a *analyzer) error {
	const chunk = 200
	for last := ""; ; {
		list, err := s.findings.List(ctx, s.Store, a.home()+"/", last, chunk)
		if err != nil {
			return err
		}
		for _, e := range list {
			last = e.ID
			if !s.expired(e.Value) {
				continue
			}
			_, err := s.Store.Update(ctx, func(tx store.Tx) error { return s.settle(ctx, tx, e.ID) })
			if err != nil {
				return err
			}
		}
		if len(list) < chunk {
			return nil
		}
	}
}

// rescan looks at one resource, which may be gone.
func (s *Service) rescan(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	key, name, _ := strings.Cut(j.ID, "|")
	a, err := s.analyzers.Get(ctx, s.Store, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	src := s.sourceOf(name)
	if src == nil {
		return nil, nil
	}
	read := s.Clock.Now()
	r, err := src.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, s.forget(ctx, a.home(), name)
	}
	return nil, s.look(ctx, a, src, r, read)
}

// Changed has the analyzers that look at a resource look at it again. The server
// calls it after every event that touched the resource.
func (s *Service) Changed(ctx context.Context, name string) error {
	if s.sourceOf(name) == nil {
		return nil
	}
	parsed, err := arn.Parse(name)
	if err != nil {
		return nil
	}
	own, err := s.analyzers.List(ctx, s.Store, parsed.Account+"/", "", 0)
	if err != nil {
		return err
	}
	wide, err := s.analyzers.By(ctx, s.Store, "zone", "organization", "", 0)
	if err != nil {
		return err
	}
	for _, e := range own {
		if e.Value.ofOrganization() {
			continue
		}
		if err := s.affected(ctx, e.Value, name, parsed); err != nil {
			return err
		}
	}
	for _, id := range wide {
		a, err := s.analyzers.Get(ctx, s.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if err := s.affected(ctx, a, name, parsed); err != nil {
			return err
		}
	}
	return nil
}

// affected has one analyzer look at a resource again, if it looks at it at all.
func (s *Service) affected(ctx context.Context, a *analyzer, name string, parsed arn.ARN) error {
	if a.unused() || parsed.Region != "" && parsed.Region != a.Region {
		return nil
	}
	accounts, err := s.zone(ctx, a)
	if err != nil || !slices.Contains(accounts, parsed.Account) {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		return s.queue.Add(ctx, tx, work.Job{Kind: jobResource, ID: a.key() + "|" + name, Due: s.Clock.Now()})
	})
	return err
}

// clear has everything of a deleted analyzer removed.
func (s *Service) clear(ctx context.Context, tx store.Tx, home string) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRemove, ID: home, Due: s.Clock.Now()})
}

// remove deletes what a deleted analyzer leaves, a chunk a run.
func (s *Service) remove(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	return func(tx store.Tx) error {
		const chunk = 500
		n := 0
		for _, drop := range []func() (int, error){
			func() (int, error) { return dropAll(ctx, tx, &s.findings, j.ID, chunk) },
			func() (int, error) { return dropAll(ctx, tx, &s.resources, j.ID, chunk) },
			func() (int, error) { return dropAll(ctx, tx, &s.rules, j.ID, chunk) },
			func() (int, error) { return dropAll(ctx, tx, &s.previews, j.ID, chunk) },
			func() (int, error) { return dropAll(ctx, tx, &s.recommendations, j.ID, chunk) },
		} {
			k, err := drop()
			if err != nil {
				return err
			}
			n = max(n, k)
		}
		if n < chunk {
			return nil
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobRemove, ID: j.ID, Due: s.Clock.Now()})
	}, nil
}

func dropAll[T any](ctx context.Context, tx store.Tx, c *store.Collection[T], home string, chunk int) (int, error) {
	list, err := c.List(ctx, tx, home+"/", "", chunk)
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		if err := c.Delete(ctx, tx, e.ID); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}
