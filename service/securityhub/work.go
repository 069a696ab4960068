package securityhub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later. The id of both is account/region.
const (
	jobExpire = "expire" // what was not updated for 90 days goes
	jobClear  = "clear"  // what a disabled hub leaves behind goes
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobSend: s.doSend, jobExpire: work.InTx(s.doExpire), jobClear: work.InTx(s.doClear), jobCheck: s.doCheck, jobJoin: s.doJoin,
	}
}

// perJob is how many records one transaction looks at.
const perJob = 500

// Findings are kept 90 days after they were last updated, archived ones 30.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings.html
const (
	keepActive   = 90 * 24 * time.Hour
	keepArchived = 30 * 24 * time.Hour
)

// doExpire looks through the findings of a hub once a day, some at a time.
func (s *Service) doExpire(ctx context.Context, tx store.Tx, j work.Job) error {
	home := j.ID
	if _, err := s.hubs.Get(ctx, tx, home); errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	found, err := s.findings.List(ctx, tx, home+"/", string(j.Payload), perJob)
	if err != nil {
		return err
	}
	now := s.now()
	for _, e := range found {
		if now.Sub(e.Value.Touched) < keepArchived {
			continue
		}
		a, err := e.Value.read()
		if err != nil {
			return err
		}
		if a.str("RecordState") == "ARCHIVED" || now.Sub(e.Value.Touched) >= keepActive {
			if err := s.drop(ctx, tx, e.ID); err != nil {
				return err
			}
		}
	}
	next := work.Job{Kind: jobExpire, ID: home, Due: now.Add(24 * time.Hour)}
	if len(found) == perJob {
		next.Due, next.Payload = now.Add(time.Millisecond), []byte(found[perJob-1].ID)
	}
	return s.queue.Add(ctx, tx, next)
}

// drop deletes a finding and its history.
func (s *Service) drop(ctx context.Context, tx store.Tx, key string) error {
	past, err := s.history.List(ctx, tx, key+"/", "", 0)
	if err != nil {
		return err
	}
	for _, h := range past {
		if err := s.history.Delete(ctx, tx, h.ID); err != nil {
			return err
		}
	}
	return s.findings.Delete(ctx, tx, key)
}

// opened is what enabling Security Hub begins.
func (s *Service) opened(ctx context.Context, tx store.Tx, h *hub, standards bool) error {
	p := place{h.Account, h.Region}
	if err := s.queue.Cancel(ctx, tx, jobClear, p.home()); err != nil {
		return err
	}
	for _, d := range products {
		if d.Company == "Amazon" || d.Company == "AWS" { // integrations with AWS services need no step of their own
			if err := s.products.Put(ctx, tx, p.home()+"/"+d.ID, &subscription{Since: h.Since}); err != nil {
				return err
			}
		}
	}
	if standards {
		if err := s.enableDefaults(ctx, tx, p); err != nil {
			return err
		}
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: p.home(), Due: s.now().Add(24 * time.Hour)})
}

// mayClose: "you can't disable Security Hub in an account that is currently the
// Security Hub administrator account", nor in one that an organization manages.
func (s *Service) mayClose(ctx context.Context, tx store.Tx, p place) error {
	list, err := s.members.List(ctx, tx, p.home()+"/", "", 0)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Value.Status == statusEnabled {
			return fault("InvalidAccessException", "Account %s is an administrator account: disassociate its members first.", p.account)
		}
	}
	a, err := s.administrator(ctx, tx, p)
	if err == nil && a != nil {
		return fault("InvalidAccessException", "Account %s is a member account: disassociate it from its administrator account first.", p.account)
	}
	return err
}

// closed is what disabling Security Hub ends: "your existing findings and insights
// and any Security Hub configuration settings are deleted after 90 days".
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-disable.html
func (s *Service) closed(ctx context.Context, tx store.Tx, p place) error {
	for _, kind := range []string{jobExpire, jobCheck, jobJoin} {
		if err := s.queue.Cancel(ctx, tx, kind, p.home()); err != nil {
			return err
		}
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobClear, ID: p.home(), Due: s.now().Add(keepActive)})
}

func (s *Service) doClear(ctx context.Context, tx store.Tx, j work.Job) error {
	for _, name := range []string{"finding/", "history/", "insight/", "action/", "product/", "rule/", "standard/", "control/", "checked/", "member/", "invitation/"} {
		items, err := tx.List(ctx, store.Range{Prefix: name + j.ID + "/", Limit: perJob})
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := tx.Delete(ctx, item.Key); err != nil {
				return err
			}
		}
		if len(items) == perJob {
			j.Due = s.now().Add(time.Millisecond)
			return s.queue.Add(ctx, tx, j)
		}
	}
	return nil
}

// watchers are the accounts that are told of a finding: its own, and its
// administrator's.
func (s *Service) watchers(ctx context.Context, r store.Reader, p place) ([]place, error) {
	a, err := s.administrator(ctx, r, p)
	if err != nil || a == nil {
		return []place{p}, err
	}
	return []place{p, {a.Account, p.region}}, nil
}

// visible are the accounts whose findings the caller sees, in order: its own and
// its members'.
func (s *Service) visible(ctx context.Context, r store.Reader) ([]place, error) {
	p := placeOf(ctx)
	list, err := s.members.List(ctx, r, p.home()+"/", "", 0)
	if err != nil {
		return nil, err
	}
	out := []place{p}
	for _, e := range list {
		if e.Value.Status == statusEnabled {
			out = append(out, place{e.Value.Account, p.region})
		}
	}
	slices.SortFunc(out, func(a, b place) int { return strings.Compare(a.home(), b.home()) })
	return out, nil
}

// ruler is the account whose automation rules bear on an account's findings.
func (s *Service) ruler(ctx context.Context, r store.Reader, p place) (place, error) {
	a, err := s.administrator(ctx, r, p)
	if err != nil || a == nil {
		return p, err
	}
	return place{a.Account, p.region}, nil
}
