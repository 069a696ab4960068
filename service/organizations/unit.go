package organizations

import (
	"context"
	"errors"
	"slices"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) unitRules() policy.Rules {
	return policy.Rules{
		"CreateOrganizationalUnit": rule(s, "CreateOrganizationalUnit", management, func(ctx context.Context, o *organization, in *api.CreateOrganizationalUnitRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.ParentId)
			return tagging(t, in.Tags), err
		}),
		"DescribeOrganizationalUnit": onTarget(s, "DescribeOrganizationalUnit", readers, func(in *api.DescribeOrganizationalUnitRequest) string { return in.OrganizationalUnitId }),
		"UpdateOrganizationalUnit":   onTarget(s, "UpdateOrganizationalUnit", management, func(in *api.UpdateOrganizationalUnitRequest) string { return in.OrganizationalUnitId }),
		"DeleteOrganizationalUnit":   onTarget(s, "DeleteOrganizationalUnit", management, func(in *api.DeleteOrganizationalUnitRequest) string { return in.OrganizationalUnitId }),
	}
}

// CreateOrganizationalUnit makes an OU below the root or another OU.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html
func (s *Service) CreateOrganizationalUnit(ctx context.Context, in *api.CreateOrganizationalUnitRequest) (*api.CreateOrganizationalUnitResponse, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var o *organization
	var u *unit
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if o, err = s.managed(ctx, tx); err != nil {
			return err
		}
		above, err := s.chain(ctx, tx, o, in.ParentId)
		if err != nil {
			return err
		}
		if len(above) > maxDepth {
			return constraint("OU_DEPTH_LIMIT_EXCEEDED", "You have exceeded the maximum OU depth.")
		}
		u = &unit{Org: o.ID, ID: newUnitID(o.Root), Name: in.Name, Above: above, Tags: tags}
		if err := s.freeName(ctx, tx, u); err != nil {
			return err
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error {
			if c.Units++; c.Units > s.Quotas.Units {
				return constraint("OU_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of OUs that you can have in an organization.")
			}
			return nil
		}); err != nil {
			return err
		}
		return s.units.Insert(ctx, tx, u.Org+"/"+u.ID, u)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateOrganizationalUnitResponse{OrganizationalUnit: apiUnit(o, u)}, nil
}

// freeName refuses a name that a sibling has.
func (s *Service) freeName(ctx context.Context, r store.Reader, u *unit) error {
	ids, err := s.units.By(ctx, r, "name", u.Org+"/"+u.parent()+"/"+hashed(u.Name), "", 1)
	if err == nil && len(ids) > 0 && ids[0] != u.Org+"/"+u.ID {
		return wire.Errorf("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
	}
	return err
}

// chain is the way from the root to a parent, both included.
func (s *Service) chain(ctx context.Context, r store.Reader, o *organization, parent string) ([]string, error) {
	if parent == o.Root {
		return []string{o.Root}, nil
	}
	u, err := s.units.Get(ctx, r, o.ID+"/"+parent)
	if u, err = found(u, err, noParent()); err != nil {
		return nil, err
	}
	return append(slices.Clone(u.Above), u.ID), nil
}

// DescribeOrganizationalUnit tells about an OU.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganizationalUnit.html
func (s *Service) DescribeOrganizationalUnit(ctx context.Context, in *api.DescribeOrganizationalUnitRequest) (*api.DescribeOrganizationalUnitResponse, error) {
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	u, err := s.unit(ctx, s.Store, o, in.OrganizationalUnitId)
	if err != nil {
		return nil, err
	}
	return &api.DescribeOrganizationalUnitResponse{OrganizationalUnit: apiUnit(o, u)}, nil
}

// UpdateOrganizationalUnit renames an OU.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdateOrganizationalUnit.html
func (s *Service) UpdateOrganizationalUnit(ctx context.Context, in *api.UpdateOrganizationalUnitRequest) (*api.UpdateOrganizationalUnitResponse, error) {
	var o *organization
	var u *unit
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if o, err = s.managed(ctx, tx); err != nil {
			return err
		}
		if u, err = s.unit(ctx, tx, o, in.OrganizationalUnitId); err != nil || in.Name == nil {
			return err
		}
		u.Name = *in.Name
		if err := s.freeName(ctx, tx, u); err != nil {
			return err
		}
		return s.units.Put(ctx, tx, u.Org+"/"+u.ID, u)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateOrganizationalUnitResponse{OrganizationalUnit: apiUnit(o, u)}, nil
}

// DeleteOrganizationalUnit deletes an OU that holds nothing.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganizationalUnit.html
func (s *Service) DeleteOrganizationalUnit(ctx context.Context, in *api.DeleteOrganizationalUnitRequest) (*api.DeleteOrganizationalUnitOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managed(ctx, tx)
		if err != nil {
			return err
		}
		u, err := s.unit(ctx, tx, o, in.OrganizationalUnitId)
		if err != nil {
			return err
		}
		accounts, err1 := s.accounts.By(ctx, tx, "parent", o.ID+"/"+u.ID, "", 1)
		units, err2 := s.units.By(ctx, tx, "parent", o.ID+"/"+u.ID, "", 1)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if len(accounts)+len(units) > 0 {
			return wire.Errorf("OrganizationalUnitNotEmptyException", "The specified organizational unit is not empty. You must first move or remove all accounts and child organizational units.")
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error { c.Units--; return nil }); err != nil {
			return err
		}
		return s.units.Delete(ctx, tx, u.Org+"/"+u.ID)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteOrganizationalUnitOutput{}, nil
}

func apiUnit(o *organization, u *unit) *api.OrganizationalUnit {
	return &api.OrganizationalUnit{
		Id: &u.ID, Arn: new(o.unitARN(u.ID)), Name: &u.Name, Path: new(path(u.Org, append(slices.Clone(u.Above), u.ID)...)),
	}
}
