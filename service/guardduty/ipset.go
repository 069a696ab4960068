package guardduty

import (
	"context"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// CreateIPSet makes a list of trusted addresses.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateIPSet.html
func (s *Service) CreateIPSet(ctx context.Context, in *guarddutyapi.CreateIPSetRequest) (*guarddutyapi.CreateIPSetResponse, error) {
	id, err := s.createList(ctx, ipSet, newList{detector: in.DetectorId, name: in.Name, format: string(in.Format), location: in.Location, owner: in.ExpectedBucketOwner, token: in.ClientToken, activate: in.Activate, tags: in.Tags})
	return &guarddutyapi.CreateIPSetResponse{IpSetId: id}, err
}

// GetIPSet shows a list of trusted addresses.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetIPSet.html
func (s *Service) GetIPSet(ctx context.Context, in *guarddutyapi.GetIPSetRequest) (*guarddutyapi.GetIPSetResponse, error) {
	l, err := s.list(ctx, s.Store, ipSet, in.DetectorId, in.IpSetId)
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.GetIPSetResponse{
		Name: l.Name, Format: guarddutyapi.IpSetFormat(l.Format), Location: l.Location, Status: guarddutyapi.IpSetStatus(l.Status), Tags: tagsOf(l.Tags), ExpectedBucketOwner: orNil(l.Owner),
	}, nil
}

// UpdateIPSet changes a list of trusted addresses; to activate it again reads it again.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateIPSet.html
func (s *Service) UpdateIPSet(ctx context.Context, in *guarddutyapi.UpdateIPSetRequest) (*guarddutyapi.UpdateIPSetResponse, error) {
	return &guarddutyapi.UpdateIPSetResponse{}, s.changeList(ctx, ipSet, in.DetectorId, in.IpSetId, in.Name, in.Location, in.ExpectedBucketOwner, in.Activate)
}

// DeleteIPSet deletes a list of trusted addresses.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteIPSet.html
func (s *Service) DeleteIPSet(ctx context.Context, in *guarddutyapi.DeleteIPSetRequest) (*guarddutyapi.DeleteIPSetResponse, error) {
	return &guarddutyapi.DeleteIPSetResponse{}, s.deleteList(ctx, ipSet, in.DetectorId, in.IpSetId)
}

// ListIPSets lists their ids.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListIPSets.html
func (s *Service) ListIPSets(ctx context.Context, in *guarddutyapi.ListIPSetsRequest) (*guarddutyapi.ListIPSetsResponse, error) {
	ids, next, err := s.listIDs(ctx, ipSet, in.DetectorId, in.MaxResults, in.NextToken)
	return &guarddutyapi.ListIPSetsResponse{IpSetIds: ids, NextToken: next}, err
}

// CreateThreatIntelSet makes a list of malicious addresses.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateThreatIntelSet.html
func (s *Service) CreateThreatIntelSet(ctx context.Context, in *guarddutyapi.CreateThreatIntelSetRequest) (*guarddutyapi.CreateThreatIntelSetResponse, error) {
	id, err := s.createList(ctx, threatIntelSet, newList{detector: in.DetectorId, name: in.Name, format: string(in.Format), location: in.Location, owner: in.ExpectedBucketOwner, token: in.ClientToken, activate: in.Activate, tags: in.Tags})
	return &guarddutyapi.CreateThreatIntelSetResponse{ThreatIntelSetId: id}, err
}

// GetThreatIntelSet shows a list of malicious addresses.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetThreatIntelSet.html
func (s *Service) GetThreatIntelSet(ctx context.Context, in *guarddutyapi.GetThreatIntelSetRequest) (*guarddutyapi.GetThreatIntelSetResponse, error) {
	l, err := s.list(ctx, s.Store, threatIntelSet, in.DetectorId, in.ThreatIntelSetId)
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.GetThreatIntelSetResponse{
		Name: l.Name, Format: guarddutyapi.ThreatIntelSetFormat(l.Format), Location: l.Location, Status: guarddutyapi.ThreatIntelSetStatus(l.Status), Tags: tagsOf(l.Tags), ExpectedBucketOwner: orNil(l.Owner),
	}, nil
}

// UpdateThreatIntelSet changes a list of malicious addresses; to activate it again reads it again.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateThreatIntelSet.html
func (s *Service) UpdateThreatIntelSet(ctx context.Context, in *guarddutyapi.UpdateThreatIntelSetRequest) (*guarddutyapi.UpdateThreatIntelSetResponse, error) {
	return &guarddutyapi.UpdateThreatIntelSetResponse{}, s.changeList(ctx, threatIntelSet, in.DetectorId, in.ThreatIntelSetId, in.Name, in.Location, in.ExpectedBucketOwner, in.Activate)
}

// DeleteThreatIntelSet deletes a list of malicious addresses.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteThreatIntelSet.html
func (s *Service) DeleteThreatIntelSet(ctx context.Context, in *guarddutyapi.DeleteThreatIntelSetRequest) (*guarddutyapi.DeleteThreatIntelSetResponse, error) {
	return &guarddutyapi.DeleteThreatIntelSetResponse{}, s.deleteList(ctx, threatIntelSet, in.DetectorId, in.ThreatIntelSetId)
}

// ListThreatIntelSets lists their ids.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListThreatIntelSets.html
func (s *Service) ListThreatIntelSets(ctx context.Context, in *guarddutyapi.ListThreatIntelSetsRequest) (*guarddutyapi.ListThreatIntelSetsResponse, error) {
	ids, next, err := s.listIDs(ctx, threatIntelSet, in.DetectorId, in.MaxResults, in.NextToken)
	return &guarddutyapi.ListThreatIntelSetsResponse{ThreatIntelSetIds: ids, NextToken: next}, err
}
