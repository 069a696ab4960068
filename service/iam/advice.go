package iam

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// An entity is a user or role behind a report.
type entity struct {
	*holder
	kind kind
}

func (e *entity) ARN() string { return e.arn(string(e.kind)) }

// subjectOfAdvice is what a report is about: a user, group, role or managed
// policy, and the documents that say which services it lets be used.
type subjectOfAdvice struct {
	account, arn string
	kind         kind // empty: a managed policy
	holder       *holder
	documents    []*policy.Document
}

// advised reads what a report is about.
func (s *Service) advised(ctx context.Context, r store.Reader, account, name string) (*subjectOfAdvice, error) {
	absent := wire.Errorf("NoSuchEntity", "ARN %s was not found.", name).WithStatus(404)
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" {
		return nil, invalidInput("ARN %s is not valid.", name)
	}
	k, rest := a.Type()
	out := &subjectOfAdvice{account: account, arn: name, kind: kind(k)}
	id := recordID(account, policyName("/"+rest))
	var held []policy.Labelled
	switch {
	case k == "policy" && (a.Account == account || a.Account == "aws"):
		out.kind = ""
		held, err = s.attached(ctx, r, policy.Identity, []string{name})
	case a.Account != account:
		return nil, absent
	case out.kind == aUser:
		var u *user
		if u, err = s.users.Get(ctx, r, id); err == nil {
			out.holder = &u.holder
			held, err = s.heldByUser(ctx, r, u)
		}
	case out.kind == aGroup:
		var g *group
		if g, err = s.groups.Get(ctx, r, id); err == nil {
			out.holder = &g.holder
			held, err = s.held(ctx, r, name, out.holder)
		}
	case out.kind == aRole:
		var ro *role
		if ro, err = s.roles.Get(ctx, r, id); err == nil {
			out.holder = &ro.holder
			held, err = s.held(ctx, r, name, out.holder)
		}
	default:
		return nil, invalidInput("ARN %s is not valid.", name)
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && out.holder != nil && out.holder.arn(string(out.kind)) != name {
		return nil, absent
	} else if err != nil {
		return nil, err
	}
	for _, l := range held {
		out.documents = append(out.documents, l.Document)
	}
	return out, nil
}

// heldByUser returns a user's own policies and its groups'.
func (s *Service) heldByUser(ctx context.Context, r store.Reader, u *user) ([]policy.Labelled, error) {
	all, err := s.held(ctx, r, u.ARN(), &u.holder)
	if err != nil {
		return nil, err
	}
	for _, name := range u.Groups {
		g, err := s.groups.Get(ctx, r, u.Account+"/"+name)
		if err != nil {
			return nil, err
		}
		more, err := s.held(ctx, r, g.ARN(), &g.holder)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// eachAdvised calls f with the users and roles behind a subject and what they
// have used (nil: nothing), one at a time and none twice.
func (s *Service) eachAdvised(ctx context.Context, about *subjectOfAdvice, f func(*entity, *access)) error {
	once := map[string]bool{}
	visit := func(k kind, h *holder) error {
		if once[h.ID] {
			return nil
		}
		once[h.ID] = true
		used, err := s.accessOf(ctx, s.Store, h.Account, h.ID)
		if err == nil {
			f(&entity{h, k}, used)
		}
		return err
	}
	users := func(index, value string) error {
		return eachBy(ctx, s.Store, &s.users, index, value, func(u *user) error { return visit(aUser, &u.holder) })
	}
	switch about.kind {
	case aUser, aRole:
		return visit(about.kind, about.holder)
	case aGroup:
		return users("group", recordID(about.account, about.holder.Name))
	}
	value := about.account + "/" + about.arn
	if err := users("policy", value); err != nil {
		return err
	}
	if err := eachBy(ctx, s.Store, &s.groups, "policy", value, func(g *group) error {
		return users("group", recordID(g.Account, g.Name))
	}); err != nil {
		return err
	}
	return eachBy(ctx, s.Store, &s.roles, "policy", value, func(ro *role) error { return visit(aRole, &ro.holder) })
}

// eachBy calls f with the records that have the value in an index, a chunk at
// a time.
func eachBy[T any](ctx context.Context, r store.Reader, c *store.Collection[T], index, value string, f func(*T) error) error {
	const chunk = 200
	after := ""
	for {
		ids, err := c.By(ctx, r, index, value, after, chunk)
		if err != nil {
			return err
		}
		for _, id := range ids {
			after = id
			v, err := c.Get(ctx, r, id)
			if errors.Is(err, store.ErrNotFound) { // deleted in between
				continue
			} else if err != nil {
				return err
			}
			if err := f(v); err != nil {
				return err
			}
		}
		if len(ids) < chunk {
			return nil
		}
	}
}

// writeAdvice makes the report that a job asks for.
func (s *Service) writeAdvice(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	a, err := s.advices.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if err := s.flushAccess(ctx); err != nil {
		return nil, err
	}
	var services []serviceAdvice
	if a.Path != "" {
		services, err = s.adviseOrganization(ctx, a)
	} else {
		services, err = s.advise(ctx, a)
	}
	a.Status = iamapi.JobStatusType_COMPLETED
	if e, ok := errors.AsType[*wire.Error](err); ok {
		a.Status, a.Code, a.Message = iamapi.JobStatusType_FAILED, e.Code, e.Message
	} else if err != nil {
		return nil, err
	}
	a.Services, a.Done = services, s.now()
	return func(tx store.Tx) error {
		if err := s.advices.Put(ctx, tx, j.ID, a); err != nil {
			return err
		}
		return s.later(ctx, tx, jobForgetAdvice, j.ID, adviceKept)
	}, nil
}

// advise makes a report about a user, group, role or managed policy.
func (s *Service) advise(ctx context.Context, a *advice) ([]serviceAdvice, error) {
	about, err := s.advised(ctx, s.Store, a.Account, a.ARN)
	if err != nil {
		return nil, err
	}
	services := s.usable(about.documents)
	byName := map[string]*serviceAdvice{}
	for i := range services {
		byName[services[i].Namespace] = &services[i]
	}
	actions := map[string]map[string]actionAdvice{}
	err = s.eachAdvised(ctx, about, func(e *entity, used *access) {
		if used == nil {
			return
		}
		for namespace, use := range used.Services {
			v := byName[namespace]
			if v == nil || !s.tracked(use.seen) {
				continue
			}
			v.Total++
			if use.Time.After(v.Last.Time) {
				v.Last, v.Entity = use.seen, e.ARN()
			}
			if a.Granularity != iamapi.AccessAdvisorUsageGranularityType_ACTION_LEVEL {
				continue
			}
			for name, at := range use.Actions {
				if old := actions[namespace][name]; s.tracked(at) && at.Time.After(old.Last.Time) {
					if actions[namespace] == nil {
						actions[namespace] = map[string]actionAdvice{}
					}
					actions[namespace][name] = actionAdvice{name, at, e.ARN()}
				}
			}
		}
	})
	for namespace, m := range actions {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			byName[namespace].Actions = append(byName[namespace].Actions, m[name])
		}
	}
	return services, err
}

// usable lists the services that the documents let be used, in the order of
// their namespaces. As on AWS boundaries and other policies are left out of
// account, and so are resources and conditions; a Deny counts if it takes the
// whole service away.
func (s *Service) usable(documents []*policy.Document) []serviceAdvice {
	var out []serviceAdvice
	for _, namespace := range s.reference().Prefixes() {
		allowed := slices.ContainsFunc(documents, func(d *policy.Document) bool { return grants(d, namespace) })
		if allowed && !slices.ContainsFunc(documents, func(d *policy.Document) bool { return withdraws(d, namespace) }) {
			out = append(out, serviceAdvice{Namespace: namespace})
		}
	}
	slices.SortFunc(out, func(a, b serviceAdvice) int { return strings.Compare(a.Namespace, b.Namespace) })
	return out
}

// withdraws reports whether a document denies every action of the service on
// everything, whatever the conditions.
func withdraws(d *policy.Document, namespace string) bool {
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != policy.Deny || len(st.Condition) > 0 || !slices.Contains(st.Resource, "*") {
			continue
		}
		if st.Action != nil && excludes(st.Action, namespace) {
			return true
		}
		if st.NotAction != nil && !slices.ContainsFunc(st.NotAction, func(a string) bool {
			vendor, _, _ := strings.Cut(a, ":")
			return vendor == "*" || strings.EqualFold(vendor, namespace)
		}) {
			return true
		}
	}
	return false
}

// serviceTitle is a service's full name.
func (s *Service) serviceTitle(namespace string) string {
	return cmp.Or(s.reference().Title(namespace), namespace)
}
