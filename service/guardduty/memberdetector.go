package guardduty

import (
	"context"
	"errors"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
)

// memberDetector does something to the detector of a member.
func (s *Service) memberDetector(ctx context.Context, tx store.Tx, m *member, do func(d *detector) error) (string, error) {
	if !m.associated() {
		return notInvited, nil
	}
	d, err := s.detectors.Get(ctx, tx, place{m.Account, m.Admin.Region}.id())
	if errors.Is(err, store.ErrNotFound) {
		return noDetector, nil
	} else if err != nil {
		return "", err
	}
	if err := do(d); err != nil {
		return "", err
	}
	d.Updated = s.now()
	return "", s.detectors.Put(ctx, tx, d.Place.id(), d)
}

// StartMonitoringMembers turns detectors of members on.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_StartMonitoringMembers.html
func (s *Service) StartMonitoringMembers(ctx context.Context, in *guarddutyapi.StartMonitoringMembersRequest) (*guarddutyapi.StartMonitoringMembersResponse, error) {
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, _ *detector, m *member) (string, error) {
		why, err := s.memberDetector(ctx, tx, m, func(d *detector) error {
			if d.Enabled {
				return nil
			}
			d.Enabled, d.Since = true, s.now()
			return s.begin(ctx, tx, d, end)
		})
		if why != "" || err != nil {
			return why, err
		}
		return "", s.relate(ctx, tx, m, enabled)
	})
	return &guarddutyapi.StartMonitoringMembersResponse{UnprocessedAccounts: out}, err
}

// StopMonitoringMembers turns detectors of members off.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_StopMonitoringMembers.html
func (s *Service) StopMonitoringMembers(ctx context.Context, in *guarddutyapi.StopMonitoringMembersRequest) (*guarddutyapi.StopMonitoringMembersResponse, error) {
	out, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, _ *detector, m *member) (string, error) {
		why, err := s.memberDetector(ctx, tx, m, func(d *detector) error { d.Enabled = false; return nil })
		if why != "" || err != nil {
			return why, err
		}
		return "", s.relate(ctx, tx, m, paused)
	})
	return &guarddutyapi.StopMonitoringMembersResponse{UnprocessedAccounts: out}, err
}

// GetMemberDetectors shows the features of members.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetMemberDetectors.html
func (s *Service) GetMemberDetectors(ctx context.Context, in *guarddutyapi.GetMemberDetectorsRequest) (*guarddutyapi.GetMemberDetectorsResponse, error) {
	found := map[string]guarddutyapi.MemberDataSourceConfiguration{}
	left, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, _ *detector, m *member) (string, error) {
		if !m.associated() {
			return notInvited, nil
		}
		d, err := s.detectors.Get(ctx, tx, place{m.Account, m.Admin.Region}.id())
		if errors.Is(err, store.ErrNotFound) {
			return noDetector, nil
		} else if err != nil {
			return "", err
		}
		c := guarddutyapi.MemberDataSourceConfiguration{AccountId: m.Account, DataSources: d.sources()}
		for _, f := range d.results()[len(foundational):] {
			if string(f.Name) == analyst {
				continue // no administrator sets it
			}
			v := guarddutyapi.MemberFeaturesConfigurationResult{Name: guarddutyapi.OrgFeature(f.Name), Status: f.Status, UpdatedAt: f.UpdatedAt}
			for _, a := range f.AdditionalConfiguration {
				v.AdditionalConfiguration = append(v.AdditionalConfiguration, guarddutyapi.MemberAdditionalConfigurationResult{
					Name: guarddutyapi.OrgFeatureAdditionalConfiguration(a.Name), Status: a.Status, UpdatedAt: a.UpdatedAt})
			}
			c.Features = append(c.Features, v)
		}
		found[m.Account] = c
		return "", nil
	})
	out := &guarddutyapi.GetMemberDetectorsResponse{UnprocessedAccounts: left}
	for _, account := range in.AccountIds {
		if c, ok := found[account]; ok {
			out.MemberDataSourceConfigurations = append(out.MemberDataSourceConfigurations, c)
			delete(found, account)
		}
	}
	return out, err
}

// UpdateMemberDetectors changes the features of members.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateMemberDetectors.html
func (s *Service) UpdateMemberDetectors(ctx context.Context, in *guarddutyapi.UpdateMemberDetectorsRequest) (*guarddutyapi.UpdateMemberDetectorsResponse, error) {
	var features []guarddutyapi.DetectorFeatureConfiguration
	for _, f := range in.Features {
		v := guarddutyapi.DetectorFeatureConfiguration{Name: guarddutyapi.DetectorFeature(f.Name), Status: f.Status}
		for _, a := range f.AdditionalConfiguration {
			v.AdditionalConfiguration = append(v.AdditionalConfiguration, guarddutyapi.DetectorAdditionalConfiguration{Name: guarddutyapi.FeatureAdditionalConfiguration(a.Name), Status: a.Status})
		}
		features = append(features, v)
	}
	out, err := s.eachMember(ctx, in.DetectorId, in.AccountIds, func(tx store.Tx, _ *detector, m *member) (string, error) {
		return s.memberDetector(ctx, tx, m, func(d *detector) error { return d.configure(features, in.DataSources, s.now()) })
	})
	return &guarddutyapi.UpdateMemberDetectorsResponse{UnprocessedAccounts: out}, err
}
