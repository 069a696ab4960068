package organizations

import (
	"context"
	"errors"
	"iter"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// What other services ask of an organization. server hands these functions to
// them.

// IsManagement reports whether the account manages an organization.
func (s *Service) IsManagement(ctx context.Context, account string) (bool, error) {
	c, err := s.circles.Get(ctx, account)
	return err == nil && c.manages(), err
}

// OrganizationOf returns the id of the account's organization, or "".
func (s *Service) OrganizationOf(ctx context.Context, account string) (string, error) {
	c, err := s.circles.Get(ctx, account)
	if err != nil || c.org == nil {
		return "", err
	}
	return c.org.ID, nil
}

// ManagementOf returns the management account of the account's organization, or
// "".
func (s *Service) ManagementOf(ctx context.Context, account string) (string, error) {
	c, err := s.circles.Get(ctx, account)
	if err != nil || c.org == nil {
		return "", err
	}
	return c.org.Management, nil
}

// DelegatedAdministrator reports whether the account administers the service,
// such as iam.amazonaws.com, for its organization.
func (s *Service) DelegatedAdministrator(ctx context.Context, account, service string) (bool, error) {
	c, err := s.circles.Get(ctx, account)
	if err != nil || c.org == nil {
		return false, err
	}
	_, ok := c.record.Delegate[service]
	return ok, nil
}

// ServiceAccess reports whether the service has trusted access to the
// organization.
func (s *Service) ServiceAccess(ctx context.Context, org, service string) (bool, error) {
	o, err := s.orgs.Get(ctx, s.Store, org)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && !o.Services[service].IsZero(), err
}

// Path returns the path of an account that stands in an organization, the
// account included: o-…/r-…/ou-…/111122223333/. It is "" for one that does not.
func (s *Service) Path(ctx context.Context, account string) (string, error) {
	b, err := s.Bounds(ctx, account)
	if err != nil || b == nil || b.Organization == "" {
		return "", err
	}
	return b.Path + account + "/", nil
}

// Member is an account of an organization.
type Member struct {
	ID, Email, Name string
	Suspended       bool
}

// batch is how many accounts are read at a time.
const batch = 200

// Accounts goes through the accounts of an organization in the order of their
// ids. After an error it ends.
func (s *Service) Accounts(ctx context.Context, org string) iter.Seq2[Member, error] {
	return s.walk(ctx, "org", org)
}

func (s *Service) walk(ctx context.Context, index, value string) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		for after := ""; ; {
			ids, err := s.accounts.By(ctx, s.Store, index, value, after, batch)
			if err != nil {
				yield(Member{}, err)
				return
			}
			for _, id := range ids {
				after = id
				a, err := s.accounts.Get(ctx, s.Store, id)
				if errors.Is(err, store.ErrNotFound) {
					continue
				} else if err != nil {
					yield(Member{}, err)
					return
				}
				if !yield(Member{a.ID, a.Email, a.Name, a.suspended()}, nil) {
					return
				}
			}
			if len(ids) < batch {
				return
			}
		}
	}
}

// ErrNoEntity is returned for a path that leads to nothing.
var ErrNoEntity = errors.New("organizations: no such entity")

// EntityAccounts goes through the accounts below an entity of an organization,
// which its path names as IAM's organizations access reports do: the root, an OU
// or an account.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
func (s *Service) EntityAccounts(ctx context.Context, entity string) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		parts := strings.Split(strings.TrimSuffix(entity, "/"), "/")
		if len(parts) < 2 {
			yield(Member{}, ErrNoEntity)
			return
		}
		o, err := s.orgs.Get(ctx, s.Store, parts[0])
		if errors.Is(err, store.ErrNotFound) {
			err = ErrNoEntity
		}
		if err == nil && o.Root != parts[1] {
			err = ErrNoEntity
		}
		if err != nil {
			yield(Member{}, err)
			return
		}
		last := parts[len(parts)-1]
		switch {
		case arn.IsAccount(last):
			s.oneAccount(ctx, o, entity, last, yield)
		case len(parts) == 2:
			s.walk(ctx, "org", o.ID)(yield)
		default:
			s.below(ctx, o, entity, last, yield)
		}
	}
}

func (s *Service) oneAccount(ctx context.Context, o *organization, entity, id string, yield func(Member, error) bool) {
	a, err := s.accounts.Get(ctx, s.Store, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.Org != o.ID {
		err = ErrNoEntity
	}
	if err == nil {
		var at string
		if at, err = s.accountPath(ctx, s.Store, o, a); err == nil && at != strings.TrimSuffix(entity, "/")+"/" {
			err = ErrNoEntity
		}
	}
	if err != nil {
		yield(Member{}, err)
		return
	}
	yield(Member{a.ID, a.Email, a.Name, a.suspended()}, nil)
}

// below goes through an OU and all OUs below it.
func (s *Service) below(ctx context.Context, o *organization, entity, id string, yield func(Member, error) bool) {
	chain, err := s.chain(ctx, s.Store, o, id)
	if err != nil || path(o.ID, chain...) != strings.TrimSuffix(entity, "/")+"/" {
		yield(Member{}, ErrNoEntity)
		return
	}
	for todo := []string{id}; len(todo) > 0; todo = todo[1:] {
		for m, err := range s.walk(ctx, "parent", o.ID+"/"+todo[0]) {
			if !yield(m, err) || err != nil {
				return
			}
		}
		units, err := s.units.By(ctx, s.Store, "parent", o.ID+"/"+todo[0], "", 0)
		if err != nil {
			yield(Member{}, err)
			return
		}
		for _, u := range units {
			todo = append(todo, strings.TrimPrefix(u, o.ID+"/"))
		}
	}
}

// AccountByEmail returns the account whose root user has the address, or "".
func (s *Service) AccountByEmail(ctx context.Context, email string) (string, error) {
	e, err := s.accounts.OneBy(ctx, s.Store, "email", hashed(strings.ToLower(email)))
	if err == nil {
		return e.Value.ID, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	id, domain, _ := strings.Cut(strings.ToLower(email), "@")
	if !arn.IsAccount(id) || emailOf(id) != id+"@"+domain {
		return "", nil
	}
	if has, err := s.HasAccount(ctx, id); err != nil || !has {
		return "", err
	}
	return id, nil
}
