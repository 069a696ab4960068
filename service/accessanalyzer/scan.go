package accessanalyzer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
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
	scanPage = 100                 // resources that one run looks at
	keepFor  = 90 * 24 * time.Hour // how long resolved findings stay
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
	if a.unused() {
		list, err := s.Usage(ctx, at.Account, at.Resource, scanPage)
		if err != nil {
			return "", 0, err
		}
		for i := range list {
			last = list[i].ARN
			if err := s.keep(ctx, a, seen{arn: last, kind: list[i].Type, account: at.Account}, s.unusedBy(a, &list[i])); err != nil {
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
		if err := s.look(ctx, a, src, &list[i]); err != nil {
			return "", 0, err
		}
	}
	return last, len(list), nil
}

// look finds who may use one resource, from outside the zone of trust or, for an
// analyzer of internal access, from inside, and keeps that.
func (s *Service) look(ctx context.Context, a *analyzer, src *Source, r *Resource) error {
	one := seen{arn: r.ARN, kind: src.Type, account: r.Account}
	if a.internal() {
		if !a.includes(r, src.Type) {
			return s.forget(ctx, a.home(), r.ARN)
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

// external is who from outside the zone a resource's policy lets in, within its
// account's resource control policies: one finding for each principal and
// condition. A policy that cannot be decided gives an error.
func (s *Service) external(ctx context.Context, r *Resource, kind accessanalyzerapi.ResourceType, zone analysis.Zone) ([]finding, error) {
	if r.Document == "" {
		return nil, nil
	}
	doc, err := policy.Parse([]byte(r.Document))
	if err != nil {
		return nil, fmt.Errorf("the policy cannot be read: %w", err)
	}
	list, restriction, err := s.outsiders(ctx, doc, r.Account, zone)
	if err != nil {
		return nil, err
	}
	byKey := map[string]*finding{}
	var order []string
	for _, e := range list {
		f := finding{Kind: accessanalyzerapi.FindingType_ExternalAccess, Principal: map[string]string{e.Type: e.Principal}, Condition: e.Condition, ResourceType: kind, Restriction: restriction}
		key := f.identity()
		if byKey[key] == nil {
			byKey[key] = &f
			order = append(order, key)
		}
		old := byKey[key]
		old.Public = old.Public || e.Public
		for _, action := range e.Actions {
			if !slices.Contains(old.Actions, action) {
				old.Actions = append(old.Actions, action)
			}
		}
	}
	out := make([]finding, 0, len(order))
	for _, key := range order {
		f := byKey[key]
		slices.Sort(f.Actions)
		out = append(out, *f)
	}
	return out, nil
}

// outsiders asks who gets access by a policy and past the Deny statements of the
// account's resource control policies. Their Allow statements take nothing away:
// RCPFullAWSAccess cannot be detached. Where that cannot be decided, the policy
// is asked alone, and the finding says so.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ExternalAccessDetails.html
func (s *Service) outsiders(ctx context.Context, doc *policy.Document, account string, zone analysis.Zone) ([]analysis.External, accessanalyzerapi.ResourceControlPolicyRestriction, error) {
	bound := *doc
	bound.Statements = slices.Clone(doc.Statements)
	if s.ResourceControls != nil {
		controls, err := s.ResourceControls(ctx, account)
		if err != nil {
			return nil, "", err
		}
		for _, c := range controls {
			for _, st := range c.Statements {
				if st.Effect == policy.Deny {
					bound.Statements = append(bound.Statements, st)
				}
			}
		}
	}
	if len(bound.Statements) == len(doc.Statements) {
		list, err := s.exact.Access(doc, zone)
		return list, accessanalyzerapi.ResourceControlPolicyRestriction_NOT_APPLICABLE, err
	}
	bound.Version = policy.Version2012 // RCPs have variables; a policy of 2008 is asked with them all the same
	if list, err := s.exact.Access(&bound, zone); err == nil && (doc.Version == policy.Version2012 || !hasVariables(doc)) {
		return list, accessanalyzerapi.ResourceControlPolicyRestriction_APPLIED, nil
	}
	list, err := s.exact.Access(doc, zone)
	return list, accessanalyzerapi.ResourceControlPolicyRestriction_FAILED_TO_EVALUATE_RCP, err
}

// hasVariables reports whether a document has text that would be a variable in
// another version.
func hasVariables(doc *policy.Document) bool {
	text, err := json.Marshal(doc)
	return err != nil || strings.Contains(string(text), "${")
}

// identity is what makes a finding the same finding when it is found again.
func (f *finding) identity() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%s|%s", f.Kind, f.Key, f.Namespace, f.Error)
	for _, m := range []map[string]string{f.Principal, f.Condition} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(&b, "|%q=%q", k, m[k])
		}
		b.WriteByte(';')
	}
	return b.String()
}

// seen is a resource that was looked at.
type seen struct {
	arn, account string
	kind         accessanalyzerapi.ResourceType
	err          string
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
	if f.Status == accessanalyzerapi.FindingStatus_RESOLVED {
		if s.now().Sub(f.Updated) > keepFor {
			return s.findings.Delete(ctx, tx, id)
		}
		return nil
	}
	f.Status, f.Updated, f.Analyzed = accessanalyzerapi.FindingStatus_RESOLVED, s.now(), s.now()
	return s.findings.Put(ctx, tx, id, f)
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
			return nil
		}
	}
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
	r, err := src.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, s.forget(ctx, a.home(), name)
	}
	return nil, s.look(ctx, a, src, r)
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
