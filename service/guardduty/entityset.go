package guardduty

import (
	"context"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// CreateThreatEntitySet makes a list of malicious addresses and domains.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateThreatEntitySet.html
func (s *Service) CreateThreatEntitySet(ctx context.Context, in *guarddutyapi.CreateThreatEntitySetRequest) (*guarddutyapi.CreateThreatEntitySetResponse, error) {
	id, err := s.createList(ctx, threatEntitySet, newList{detector: in.DetectorId, name: in.Name, format: string(in.Format), location: in.Location, owner: in.ExpectedBucketOwner, token: in.ClientToken, activate: in.Activate, tags: in.Tags})
	return &guarddutyapi.CreateThreatEntitySetResponse{ThreatEntitySetId: id}, err
}

// GetThreatEntitySet shows a list of malicious addresses and domains.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetThreatEntitySet.html
func (s *Service) GetThreatEntitySet(ctx context.Context, in *guarddutyapi.GetThreatEntitySetRequest) (*guarddutyapi.GetThreatEntitySetResponse, error) {
	l, err := s.list(ctx, s.Store, threatEntitySet, in.DetectorId, in.ThreatEntitySetId)
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.GetThreatEntitySetResponse{
		Name: l.Name, Format: guarddutyapi.ThreatEntitySetFormat(l.Format), Location: l.Location, Status: guarddutyapi.ThreatEntitySetStatus(l.Status), Tags: tagsOf(l.Tags), ExpectedBucketOwner: orNil(l.Owner), CreatedAt: l.Created, UpdatedAt: l.Updated, ErrorDetails: orNil(l.Error),
	}, nil
}

// UpdateThreatEntitySet changes a list of malicious addresses and domains; to activate it again reads it again.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateThreatEntitySet.html
func (s *Service) UpdateThreatEntitySet(ctx context.Context, in *guarddutyapi.UpdateThreatEntitySetRequest) (*guarddutyapi.UpdateThreatEntitySetResponse, error) {
	return &guarddutyapi.UpdateThreatEntitySetResponse{}, s.changeList(ctx, threatEntitySet, in.DetectorId, in.ThreatEntitySetId, in.Name, in.Location, in.ExpectedBucketOwner, in.Activate)
}

// DeleteThreatEntitySet deletes a list of malicious addresses and domains.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteThreatEntitySet.html
func (s *Service) DeleteThreatEntitySet(ctx context.Context, in *guarddutyapi.DeleteThreatEntitySetRequest) (*guarddutyapi.DeleteThreatEntitySetResponse, error) {
	return &guarddutyapi.DeleteThreatEntitySetResponse{}, s.deleteList(ctx, threatEntitySet, in.DetectorId, in.ThreatEntitySetId)
}

// ListThreatEntitySets lists their ids.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListThreatEntitySets.html
func (s *Service) ListThreatEntitySets(ctx context.Context, in *guarddutyapi.ListThreatEntitySetsRequest) (*guarddutyapi.ListThreatEntitySetsResponse, error) {
	ids, next, err := s.listIDs(ctx, threatEntitySet, in.DetectorId, in.MaxResults, in.NextToken)
	return &guarddutyapi.ListThreatEntitySetsResponse{ThreatEntitySetIds: ids, NextToken: next}, err
}

// CreateTrustedEntitySet makes a list of trusted addresses and domains.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateTrustedEntitySet.html
func (s *Service) CreateTrustedEntitySet(ctx context.Context, in *guarddutyapi.CreateTrustedEntitySetRequest) (*guarddutyapi.CreateTrustedEntitySetResponse, error) {
	id, err := s.createList(ctx, trustedEntitySet, newList{detector: in.DetectorId, name: in.Name, format: string(in.Format), location: in.Location, owner: in.ExpectedBucketOwner, token: in.ClientToken, activate: in.Activate, tags: in.Tags})
	return &guarddutyapi.CreateTrustedEntitySetResponse{TrustedEntitySetId: id}, err
}

// GetTrustedEntitySet shows a list of trusted addresses and domains.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetTrustedEntitySet.html
func (s *Service) GetTrustedEntitySet(ctx context.Context, in *guarddutyapi.GetTrustedEntitySetRequest) (*guarddutyapi.GetTrustedEntitySetResponse, error) {
	l, err := s.list(ctx, s.Store, trustedEntitySet, in.DetectorId, in.TrustedEntitySetId)
	if err != nil {
		return nil, err
	}
	return &guarddutyapi.GetTrustedEntitySetResponse{
		Name: l.Name, Format: guarddutyapi.TrustedEntitySetFormat(l.Format), Location: l.Location, Status: guarddutyapi.TrustedEntitySetStatus(l.Status), Tags: tagsOf(l.Tags), ExpectedBucketOwner: orNil(l.Owner), CreatedAt: l.Created, UpdatedAt: l.Updated, ErrorDetails: orNil(l.Error),
	}, nil
}

// UpdateTrustedEntitySet changes a list of trusted addresses and domains; to activate it again reads it again.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateTrustedEntitySet.html
func (s *Service) UpdateTrustedEntitySet(ctx context.Context, in *guarddutyapi.UpdateTrustedEntitySetRequest) (*guarddutyapi.UpdateTrustedEntitySetResponse, error) {
	return &guarddutyapi.UpdateTrustedEntitySetResponse{}, s.changeList(ctx, trustedEntitySet, in.DetectorId, in.TrustedEntitySetId, in.Name, in.Location, in.ExpectedBucketOwner, in.Activate)
}

// DeleteTrustedEntitySet deletes a list of trusted addresses and domains.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DeleteTrustedEntitySet.html
func (s *Service) DeleteTrustedEntitySet(ctx context.Context, in *guarddutyapi.DeleteTrustedEntitySetRequest) (*guarddutyapi.DeleteTrustedEntitySetResponse, error) {
	return &guarddutyapi.DeleteTrustedEntitySetResponse{}, s.deleteList(ctx, trustedEntitySet, in.DetectorId, in.TrustedEntitySetId)
}

// ListTrustedEntitySets lists their ids.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListTrustedEntitySets.html
func (s *Service) ListTrustedEntitySets(ctx context.Context, in *guarddutyapi.ListTrustedEntitySetsRequest) (*guarddutyapi.ListTrustedEntitySetsResponse, error) {
	ids, next, err := s.listIDs(ctx, trustedEntitySet, in.DetectorId, in.MaxResults, in.NextToken)
	return &guarddutyapi.ListTrustedEntitySetsResponse{TrustedEntitySetIds: ids, NextToken: next}, err
}
