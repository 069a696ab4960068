package organizations

import (
	"context"
	"errors"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// What IAM's reports of last access ask: which service control policies hold
// where.

// Control is a service control policy.
type Control struct{ ID, Content string }

// AllFeatures reports whether an organization has more than consolidated
// billing.
func (s *Service) AllFeatures(ctx context.Context, org string) (bool, error) {
	o, err := s.orgs.Get(ctx, s.Store, org)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && o.Features == api.OrganizationFeatureSet_ALL, err
}

// Controls returns the service control policies at each level from the root to
// the entity that the path names, as EntityAccounts takes it; nil where none
// hold: for the management account, and where the type is not enabled.
func (s *Service) Controls(ctx context.Context, entity string) ([][]Control, error) {
	parts := strings.Split(strings.TrimSuffix(entity, "/"), "/")
	o, err := s.orgs.Get(ctx, s.Store, parts[0])
	if errors.Is(err, store.ErrNotFound) || err == nil && (len(parts) < 2 || parts[1] != o.Root) {
		return nil, ErrNoEntity
	} else if err != nil {
		return nil, err
	}
	const scp = api.PolicyType_SERVICE_CONTROL_POLICY
	now := o.Types[scp]
	if !now.Enabled || parts[len(parts)-1] == o.Management {
		return nil, nil
	}
	out := make([][]Control, 0, len(parts)-1)
	for _, id := range parts[1:] {
		list, err := s.attachedTo(ctx, o, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrNoEntity
		} else if err != nil {
			return nil, err
		}
		level := []Control{}
		for _, a := range list.of(scp, now) {
			c, err := s.Control(ctx, o.ID, a.ID)
			if err != nil {
				return nil, err
			}
			level = append(level, c)
		}
		out = append(out, level)
	}
	return out, nil
}

// attachedTo reads what is attached to a root, an OU or an account.
func (s *Service) attachedTo(ctx context.Context, o *organization, id string) (attachments, error) {
	switch {
	case id == o.Root:
		return o.Attached, nil
	case arn.IsAccount(id):
		a, err := s.accounts.Get(ctx, s.Store, id)
		if err == nil && a.Org != o.ID { // another organization's
			err = store.ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		return a.Attached, nil
	}
	u, err := s.units.Get(ctx, s.Store, o.ID+"/"+id)
	if err != nil {
		return nil, err
	}
	return u.Attached, nil
}

// Control returns a service control policy of an organization, or ErrNoEntity.
func (s *Service) Control(ctx context.Context, org, id string) (Control, error) {
	d, err := s.policy(ctx, s.Store, &organization{ID: org}, id)
	if _, absent := errors.AsType[*wire.Error](err); absent {
		return Control{}, ErrNoEntity
	} else if err != nil {
		return Control{}, err
	}
	if d.Type != api.PolicyType_SERVICE_CONTROL_POLICY {
		return Control{}, ErrNoEntity
	}
	return Control{id, d.Content}, nil
}
