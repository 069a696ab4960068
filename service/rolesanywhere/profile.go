package rolesanywhere

import (
	"context"
	"slices"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

const defaultDuration = 3600 // seconds

// CreateProfile makes a list of roles that may be assumed through it, with what
// bounds their sessions.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_CreateProfile.html
func (s *Service) CreateProfile(ctx context.Context, in *rolesapi.CreateProfileRequest) (*rolesapi.ProfileDetailResponse, error) {
	p := &profile{
		head: s.newHead(ctx, in.Name, in.AliasName, in.Enabled), CreatedBy: caller.From(ctx).Identity.ARN,
		Roles: in.RoleArns, Managed: in.ManagedPolicyArns, Duration: defaultDuration, Mappings: defaultMappings(),
	}
	if in.DurationSeconds != nil {
		p.Duration = *in.DurationSeconds
	}
	if in.SessionPolicy != nil {
		p.Policy = *in.SessionPolicy
	}
	p.RequireInstance = in.RequireInstanceProperties != nil && *in.RequireInstanceProperties
	p.AcceptName = in.AcceptRoleSessionName != nil && *in.AcceptRoleSessionName
	var err error
	if p.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error { return s.profiles.insert(ctx, tx, p, s.Quotas.Profiles) })
	if err != nil {
		return nil, err
	}
	return &rolesapi.ProfileDetailResponse{Profile: s.profileDetail(p)}, nil
}

// check refuses what no session could come from. A profile may have no roles, as
// AWS's may: it gives no sessions.
func (p *profile) check() error {
	for _, name := range p.Roles {
		if a, err := arn.Parse(name); err != nil || a.Service != "iam" || !arn.IsAccount(a.Account) {
			return invalid("Invalid role ARN: %s", name)
		}
	}
	for _, name := range p.Managed {
		if a, err := arn.Parse(name); err != nil || a.Service != "iam" || a.Account != "aws" && a.Account != p.Account {
			return invalid("Invalid managed policy ARN: %s", name)
		}
	}
	if p.Policy == "" {
		return nil
	}
	doc, err := policy.Parse([]byte(p.Policy))
	if err == nil {
		err = doc.Check(policy.Session)
	}
	if err != nil {
		return invalid("Invalid session policy: %s", err)
	}
	return nil
}

// GetProfile tells about a profile.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_GetProfile.html
func (s *Service) GetProfile(ctx context.Context, in *rolesapi.ScalarProfileRequest) (*rolesapi.ProfileDetailResponse, error) {
	p, err := s.profiles.find(ctx, s.Store, placeOf(ctx), in.ProfileId)
	if err != nil {
		return nil, err
	}
	return &rolesapi.ProfileDetailResponse{Profile: s.profileDetail(p)}, nil
}

// UpdateProfile changes what is given.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_UpdateProfile.html
func (s *Service) UpdateProfile(ctx context.Context, in *rolesapi.UpdateProfileRequest) (*rolesapi.ProfileDetailResponse, error) {
	var previous *string
	p, err := s.profiles.change(ctx, s, in.ProfileId, func(_ store.Tx, p *profile) error {
		previous = p.rename(in.Name, in.AliasName)
		if in.SessionPolicy != nil {
			p.Policy = *in.SessionPolicy
		}
		if in.RoleArns != nil {
			p.Roles = in.RoleArns
		}
		if in.ManagedPolicyArns != nil {
			p.Managed = in.ManagedPolicyArns
		}
		if in.DurationSeconds != nil {
			p.Duration = *in.DurationSeconds
		}
		if in.AcceptRoleSessionName != nil {
			p.AcceptName = *in.AcceptRoleSessionName
		}
		return p.check()
	})
	if err != nil {
		return nil, err
	}
	out := s.profileDetail(p)
	out.PreviousAliasName = previous
	return &rolesapi.ProfileDetailResponse{Profile: out}, nil
}

// EnableProfile lets sessions be made through a profile.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_EnableProfile.html
func (s *Service) EnableProfile(ctx context.Context, in *rolesapi.ScalarProfileRequest) (*rolesapi.ProfileDetailResponse, error) {
	return s.switchProfile(ctx, in.ProfileId, true)
}

// DisableProfile lets none be made.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DisableProfile.html
func (s *Service) DisableProfile(ctx context.Context, in *rolesapi.ScalarProfileRequest) (*rolesapi.ProfileDetailResponse, error) {
	return s.switchProfile(ctx, in.ProfileId, false)
}

func (s *Service) switchProfile(ctx context.Context, id string, on bool) (*rolesapi.ProfileDetailResponse, error) {
	p, err := s.profiles.change(ctx, s, id, func(_ store.Tx, p *profile) error { p.Enabled = on; return nil })
	if err != nil {
		return nil, err
	}
	return &rolesapi.ProfileDetailResponse{Profile: s.profileDetail(p)}, nil
}

// DeleteProfile deletes a profile.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DeleteProfile.html
func (s *Service) DeleteProfile(ctx context.Context, in *rolesapi.ScalarProfileRequest) (*rolesapi.ProfileDetailResponse, error) {
	var gone *profile
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if gone, err = s.profiles.find(ctx, tx, placeOf(ctx), in.ProfileId); err != nil {
			return err
		}
		return s.profiles.Delete(ctx, tx, gone.place().id(gone.ID))
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.ProfileDetailResponse{Profile: s.profileDetail(gone)}, nil
}

// ListProfiles lists the account's profiles in the Region.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ListProfiles.html
func (s *Service) ListProfiles(ctx context.Context, in *rolesapi.ListRequest) (*rolesapi.ListProfilesResponse, error) {
	list, next, err := s.profiles.page(ctx, s, in.NextToken, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &rolesapi.ListProfilesResponse{NextToken: next, Profiles: []rolesapi.ProfileDetail{}}
	for _, p := range list {
		out.Profiles = append(out.Profiles, *s.profileDetail(p))
	}
	return out, nil
}

func (s *Service) profileDetail(p *profile) *rolesapi.ProfileDetail {
	return &rolesapi.ProfileDetail{
		ProfileId: new(p.ID), ProfileArn: s.profiles.arn(&p.head), Name: new(p.Name), Enabled: new(p.Enabled),
		AliasName: text(p.Alias), AliasArn: s.profiles.aliasARN(&p.head),
		CreatedBy: new(p.CreatedBy), SessionPolicy: text(p.Policy),
		RoleArns: slices.Clone(p.Roles), ManagedPolicyArns: slices.Clone(p.Managed),
		DurationSeconds: new(p.Duration), RequireInstanceProperties: new(p.RequireInstance), AcceptRoleSessionName: new(p.AcceptName),
		AttributeMappings: p.mappingDetails(), CreatedAt: p.Created, UpdatedAt: p.Updated,
	}
}
