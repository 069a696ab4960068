package organizations

import (
	"context"
	"errors"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// circle is an account's place: which organization, and what it may do there.
type circle struct {
	account    string
	record     *account      // nil: never in an organization
	org        *organization // nil: in none
	delegation *policy.Set   // the organization's resource policy; nil: none
}

func (c *circle) manages() bool { return c.org != nil && c.org.Management == c.account }

// delegate says that the account is a delegated administrator of some service.
func (c *circle) delegate() bool { return c.org != nil && len(c.record.Delegate) > 0 }

func accountOf(ctx context.Context) string { return caller.From(ctx).Identity.Account }

// circle returns the caller's place, from the cache.
func (s *Service) circle(ctx context.Context) (*circle, error) {
	return s.circles.Get(ctx, accountOf(ctx))
}

func (s *Service) loadCircle(ctx context.Context, r store.Reader, id string) (*circle, error) {
	c := &circle{account: id}
	if id == "" {
		return c, nil
	}
	a, err := s.accounts.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	} else if err != nil {
		return nil, err
	}
	if c.record = a; a.Org == "" {
		return c, nil
	}
	if c.org, err = s.orgs.Get(ctx, r, a.Org); err != nil {
		return nil, err
	}
	d, err := s.delegations.Get(ctx, r, a.Org)
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	} else if err != nil {
		return nil, err
	}
	doc, err := policy.Parse([]byte(d.Content))
	if err != nil {
		return nil, err
	}
	c.delegation = policy.Compile(policy.Labelled{
		Source: policy.Source{Type: policy.Resource, ARN: c.org.arnOf("resourcepolicy", d.ID), Name: d.ID}, Document: doc,
	})
	return c, nil
}

// place reads the caller's account and its organization, or answers that it has
// none.
func (s *Service) place(ctx context.Context, r store.Reader) (*organization, *account, error) {
	return s.placeOf(ctx, r, accountOf(ctx))
}

func (s *Service) placeOf(ctx context.Context, r store.Reader, id string) (*organization, *account, error) {
	a, err := s.accounts.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.Org == "" {
		return nil, nil, notInUse()
	} else if err != nil {
		return nil, nil, err
	}
	o, err := s.orgs.Get(ctx, r, a.Org)
	if err != nil {
		return nil, nil, err
	}
	return o, a, nil
}

// in reads the caller's organization.
func (s *Service) in(ctx context.Context, r store.Reader) (*organization, error) {
	o, _, err := s.place(ctx, r)
	return o, err
}

// managed reads the organization that the caller's account manages. The rules
// let nobody else come here, but the account may have ceased to since.
func (s *Service) managed(ctx context.Context, r store.Reader) (*organization, error) {
	o, err := s.in(ctx, r)
	if err == nil && o.Management != accountOf(ctx) {
		return nil, denied()
	}
	return o, err
}

// managedAll is managed for what needs all features.
func (s *Service) managedAll(ctx context.Context, r store.Reader) (*organization, error) {
	o, err := s.managed(ctx, r)
	if err == nil && !o.all() {
		return nil, notAllFeatures()
	}
	return o, err
}

// inAll is in for what needs all features.
func (s *Service) inAll(ctx context.Context, r store.Reader) (*organization, error) {
	o, err := s.in(ctx, r)
	if err == nil && !o.all() {
		return nil, notAllFeatures()
	}
	return o, err
}

// member reads an account of the organization.
func (s *Service) member(ctx context.Context, r store.Reader, o *organization, id string) (*account, error) {
	a, err := s.accounts.Get(ctx, r, id)
	if err == nil && a.Org != o.ID {
		err = store.ErrNotFound
	}
	return found(a, err, noAccount())
}

// unit reads an OU of the organization.
func (s *Service) unit(ctx context.Context, r store.Reader, o *organization, id string) (*unit, error) {
	u, err := s.units.Get(ctx, r, o.ID+"/"+id)
	return found(u, err, noUnit())
}

// count changes the organization's counters.
func (s *Service) count(ctx context.Context, tx store.Tx, org string, change func(*counts) error) error {
	c, err := s.counts.Get(ctx, tx, org)
	if errors.Is(err, store.ErrNotFound) {
		c = &counts{}
	} else if err != nil {
		return err
	}
	if err := change(c); err != nil {
		return err
	}
	return s.counts.Put(ctx, tx, org, c)
}
