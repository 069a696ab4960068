package organizations

import (
	"context"
	"errors"
	"strconv"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// Bounds is what an organization says about an account. It is shared: read only.
type Bounds struct {
	Organization string   // o-…; empty for an account that was closed for good
	Root         string   // r-…
	Management   string   // account
	Path         string   // o-…/r-…/ou-…/…/ with the slash at the end, as aws:PrincipalOrgPaths has it
	Paths        []string // Path alone
	Targets      []string // ARNs of the root, the OUs and the account
	// SCP and RCP hold a set for each level from the root to the account. nil where
	// they do not apply: to the management account, and where the type is not
	// enabled.
	SCP, RCP []*policy.Set
	// Suspended says that the account is closed: nobody may use it.
	Suspended bool
}

// Bounds returns what binds an account, or nil for an account in no
// organization. It answers from a cache that follows every change.
func (s *Service) Bounds(ctx context.Context, account string) (*Bounds, error) {
	return s.bounds.Get(ctx, account)
}

func (s *Service) loadBounds(ctx context.Context, r store.Reader, id string) (*Bounds, error) {
	a, err := s.accounts.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.Org == "" && !a.suspended() {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if a.Org == "" {
		return &Bounds{Suspended: true}, nil
	}
	o, err := s.orgs.Get(ctx, r, a.Org)
	if err != nil {
		return nil, err
	}
	above, err := s.chain(ctx, r, o, a.Parent)
	if err != nil {
		return nil, err
	}
	b := &Bounds{Organization: o.ID, Root: o.Root, Management: o.Management, Path: path(o.ID, above...), Suspended: a.suspended()}
	b.Paths = []string{b.Path}
	for _, id := range append(above, a.ID) {
		b.Targets = append(b.Targets, o.targetARN(id))
	}
	if a.ID == o.Management || !o.all() {
		return b, nil
	}
	if b.SCP, err = s.sets(ctx, r, o, above, a, api.PolicyType_SERVICE_CONTROL_POLICY); err != nil {
		return nil, err
	}
	b.RCP, err = s.sets(ctx, r, o, above, a, api.PolicyType_RESOURCE_CONTROL_POLICY)
	return b, err
}

// sets compiles the levels of a type, or returns nil when it is not enabled.
func (s *Service) sets(ctx context.Context, r store.Reader, o *organization, above []string, a *account, t api.PolicyType) ([]*policy.Set, error) {
	now := o.Types[t]
	if !now.Enabled {
		return nil, nil
	}
	lists := [][]attachment{o.Attached.of(t, now)}
	for _, id := range above[1:] {
		u, err := s.units.Get(ctx, r, o.ID+"/"+id)
		if err != nil {
			return nil, err
		}
		lists = append(lists, u.Attached.of(t, now))
	}
	lists = append(lists, a.Attached.of(t, now))
	out := make([]*policy.Set, len(lists))
	for i, list := range lists {
		var err error
		if out[i], err = s.levels.Through(ctx, r, levelKey(o, t, list)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// levelKey names the set of a list of policies, which all roots, OUs and
// accounts with the same list share: organization, management account, type,
// policies. Of AWS's own policies alone there is one set for all organizations.
func levelKey(o *organization, t api.PolicyType, list []attachment) string {
	var b strings.Builder
	if len(list) == 1 && awsManaged(list[0].ID) {
		b.WriteString(" ")
	} else {
		b.WriteString(o.ID + " " + o.Management)
	}
	b.WriteString(" " + string(t))
	for _, a := range list {
		b.WriteString(" " + a.ID)
	}
	return b.String()
}

func (s *Service) loadLevel(ctx context.Context, r store.Reader, key string) (*policy.Set, error) {
	f := strings.Split(key, " ")
	if len(f) < 3 {
		return nil, errors.New("organizations: no level: " + strconv.Quote(key))
	}
	o, t := &organization{ID: f[0], Management: f[1]}, api.PolicyType(f[2])
	kind := policy.SCP
	if t == api.PolicyType_RESOURCE_CONTROL_POLICY {
		kind = policy.RCP
	}
	var docs []policy.Labelled
	for _, id := range f[3:] {
		d, err := s.policy(ctx, r, o, id)
		if err != nil {
			return nil, err
		}
		doc, err := policy.Parse([]byte(d.Content))
		if err != nil {
			return nil, err
		}
		docs = append(docs, policy.Labelled{
			Source: policy.Source{Type: kind, ARN: o.policyARN(t, id), Name: d.Name, Managed: true}, Document: doc,
		})
	}
	return policy.Compile(docs...), nil
}
