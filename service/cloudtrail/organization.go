package cloudtrail

import (
	"context"
	"errors"
	"slices"
	"strings"

	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// organization is the id of the organization whose trail one is to be.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
func (s *Service) organization(ctx context.Context, r *record) (string, error) {
	if s.Organization == nil {
		return "", wire.Errorf("UnsupportedOperationException", "Organization trails are not built in Bartizan.")
	}
	id, manages, access, err := s.Organization(ctx, r.Account)
	switch {
	case err != nil:
		return "", err
	case id == "":
		return "", wire.Errorf("OrganizationsNotInUseException", "The account %s is not a member of an organization.", r.Account)
	case !manages:
		return "", wire.Errorf("NotOrganizationMasterAccountException", "The account %s is not the management account of its organization.", r.Account)
	case !access:
		return "", wire.Errorf("CloudTrailAccessNotEnabledException", "Trusted access for CloudTrail is not enabled in the organization: enable cloudtrail.amazonaws.com as a trusted service.")
	case r.Validate:
		return "", undigested()
	}
	return id, nil
}

func undigested() error {
	return wire.Errorf("UnsupportedOperationException", "Log file validation of organization trails is not built in Bartizan.")
}

// wanting returns what reports whether a trail delivers an event: of its account,
// or of an account that is in its organization now.
func (s *Service) wanting(ctx context.Context, r *record) func(e *trail.Event) bool {
	members := map[string]bool{r.Account: true}
	return func(e *trail.Event) bool {
		member, known := members[e.Account]
		if !known && r.Org != "" && s.Organization != nil {
			id, _, _, err := s.Organization(ctx, e.Account)
			// Whose organization cannot be told is not left out.
			member = err != nil || id == r.Org
			members[strings.Clone(e.Account)] = member
		}
		return member && r.wants(e)
	}
}

// ofOrganization reports whether a trail is one of the account's organization.
func (s *Service) ofOrganization(ctx context.Context, r *record, account string) (bool, error) {
	if r.Org == "" || s.Organization == nil {
		return false, nil
	}
	id, _, _, err := s.Organization(ctx, account)
	return err == nil && id == r.Org, err
}

// shared are the organization trails that an account sees without owning them.
func (s *Service) shared(ctx context.Context, r store.Reader, at place) ([]*record, error) {
	if s.Organization == nil {
		return nil, nil
	}
	org, manages, _, err := s.Organization(ctx, at.account)
	if err != nil || org == "" || manages {
		return nil, err
	}
	ids, err := s.trails.By(ctx, r, "org", org, "", 0)
	if err != nil {
		return nil, err
	}
	var out []*record
	for _, id := range ids {
		v, err := s.trails.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if v.Account != at.account {
			out = append(out, v)
		}
	}
	return slices.Clip(out), nil
}
