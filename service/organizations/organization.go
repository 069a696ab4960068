package organizations

import (
	"context"
	"errors"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) organizationRules() policy.Rules {
	return policy.Rules{
		"CreateOrganization":   onNothing[api.CreateOrganizationRequest](s, "CreateOrganization", anyone),
		"DescribeOrganization": onNothing[api.DescribeOrganizationInput](s, "DescribeOrganization", members),
		"DeleteOrganization":   onNothing[api.DeleteOrganizationInput](s, "DeleteOrganization", management),
	}
}

// CreateOrganization makes an organization whose management account is the
// caller's.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html
func (s *Service) CreateOrganization(ctx context.Context, in *api.CreateOrganizationRequest) (*api.CreateOrganizationResponse, error) {
	id := accountOf(ctx)
	var o *organization
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.known(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case a.Org != "":
			return wire.Errorf("AlreadyInOrganizationException", "The provided account is already a member of an organization.")
		case a.suspended():
			return constraint("ACCOUNT_CREATION_NOT_COMPLETE", "Your account setup isn't complete or your account isn't fully active. You must complete the account setup before you create an organization.")
		}
		o = &organization{ID: newID("o-", 10), Management: id, Email: a.Email, Features: api.OrganizationFeatureSet_ALL, Created: s.now()}
		if in.FeatureSet != "" {
			o.Features = in.FeatureSet
		}
		if o.Root, err = s.newRoot(ctx, tx); err != nil {
			return err
		}
		if err := s.orgs.Insert(ctx, tx, o.ID, o); err != nil {
			return err
		}
		if err := s.counts.Put(ctx, tx, o.ID, &counts{Accounts: 1, Members: 1}); err != nil {
			return err
		}
		return s.join(ctx, tx, o, a, api.AccountJoinedMethod_INVITED)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateOrganizationResponse{Organization: apiOrganization(o)}, nil
}

// newRoot makes the id of a root. They are short, so it looks for one that is
// free.
func (s *Service) newRoot(ctx context.Context, r store.Reader) (string, error) {
	for {
		root := newID("r-", 4)
		if _, err := s.orgs.OneBy(ctx, r, "root", root); errors.Is(err, store.ErrNotFound) {
			return root, nil
		} else if err != nil {
			return "", err
		}
	}
}

// known reads an account's record, or makes one for an account that never was
// in an organization.
func (s *Service) known(ctx context.Context, r store.Reader, id string) (*account, error) {
	a, err := s.accounts.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) {
		return &account{ID: id, Email: emailOf(id), Name: nameOf(id), State: api.AccountState_ACTIVE}, nil
	}
	return a, err
}

// join puts an account below the root of the organization.
func (s *Service) join(ctx context.Context, tx store.Tx, o *organization, a *account, method api.AccountJoinedMethod) error {
	a.Org, a.Parent, a.Method, a.Joined = o.ID, o.Root, method, s.now()
	if err := s.accounts.Put(ctx, tx, a.ID, a); err != nil {
		return err
	}
	return s.link(ctx, tx, o, a.ID)
}

// depart takes an account out of its organization. Tags, attachments and
// delegations are the organization's and stay behind.
func (s *Service) depart(ctx context.Context, tx store.Tx, a *account) error {
	org := a.Org
	a.Org, a.Parent, a.Method, a.Joined = "", "", "", time.Time{}
	a.Tags, a.Attached, a.Delegate = nil, nil, nil
	if err := s.accounts.Put(ctx, tx, a.ID, a); err != nil {
		return err
	}
	return s.count(ctx, tx, org, func(c *counts) error { c.Accounts--; c.Members--; return nil })
}

// DescribeOrganization tells about the caller's organization.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
func (s *Service) DescribeOrganization(ctx context.Context, _ *api.DescribeOrganizationInput) (*api.DescribeOrganizationResponse, error) {
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	return &api.DescribeOrganizationResponse{Organization: apiOrganization(o)}, nil
}

// DeleteOrganization deletes an organization that has no member besides the
// management account, with its OUs and policies.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganization.html
func (s *Service) DeleteOrganization(ctx context.Context, _ *api.DeleteOrganizationInput) (*api.DeleteOrganizationOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, a, err := s.place(ctx, tx)
		if err != nil {
			return err
		}
		if o.Management != a.ID {
			return denied()
		}
		c, err := s.counts.Get(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		if c.Members > 1 || c.Creating > 0 {
			return wire.Errorf("OrganizationNotEmptyException", "To delete an organization you must first remove all member accounts (except the master).")
		}
		if busy, err := s.transferring(ctx, tx, o.ID); err != nil {
			return err
		} else if busy {
			return constraint("ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS", "You cannot delete organization due to an ongoing responsibility transfer process. For example, a pending invitation or an in-progress transfer. To delete the organization, you must resolve the current transfer process.")
		}
		if err := s.clear(ctx, tx, o); err != nil {
			return err
		}
		if err := s.depart(ctx, tx, a); err != nil {
			return err
		}
		if err := s.counts.Delete(ctx, tx, o.ID); err != nil {
			return err
		}
		return s.orgs.Delete(ctx, tx, o.ID)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteOrganizationOutput{}, nil
}

// clear deletes all that belongs to an organization.
func (s *Service) clear(ctx context.Context, tx store.Tx, o *organization) error {
	if err := empty(ctx, tx, &s.units, o.ID+"/"); err != nil {
		return err
	}
	if err := empty(ctx, tx, &s.policies, o.ID+"/"); err != nil {
		return err
	}
	if err := empty(ctx, tx, &s.creations, o.ID+"/"); err != nil {
		return err
	}
	if err := s.delegations.Delete(ctx, tx, o.ID); err != nil {
		return err
	}
	open, err := s.handshakes.By(ctx, tx, "org", o.ID, "", 0)
	if err != nil {
		return err
	}
	for _, id := range open {
		h, err := s.handshakes.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if !h.over() {
			if err := s.close(ctx, tx, h, api.HandshakeState_CANCELED); err != nil {
				return err
			}
		}
	}
	return nil
}

// empty deletes the records whose ids begin with the prefix.
func empty[T any](ctx context.Context, tx store.Tx, c *store.Collection[T], prefix string) error {
	list, err := c.List(ctx, tx, prefix, "", 0)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := c.Delete(ctx, tx, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// apiOrganization: as AWS answers today, AvailablePolicyTypes tells of SCPs
// alone; it is deprecated.
func apiOrganization(o *organization) *api.Organization {
	out := &api.Organization{
		Id: &o.ID, Arn: new(o.ARN()), FeatureSet: o.Features, MasterAccountId: &o.Management,
		MasterAccountArn: new(o.accountARN(o.Management)), MasterAccountEmail: &o.Email, AvailablePolicyTypes: []api.PolicyTypeSummary{},
	}
	if o.all() {
		out.AvailablePolicyTypes = []api.PolicyTypeSummary{{Type: api.PolicyType_SERVICE_CONTROL_POLICY, Status: api.PolicyTypeStatus_ENABLED}}
	}
	return out
}
