package eks

import (
	"context"

	eksapi "bartizan.dev/api/eks"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// UpdatePodIdentityAssociation changes roles, session tags or policy; an empty
// target role or policy takes the old one away.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdatePodIdentityAssociation.html
func (s *Service) UpdatePodIdentityAssociation(ctx context.Context, in *eksapi.UpdatePodIdentityAssociationRequest) (*eksapi.UpdatePodIdentityAssociationResponse, error) {
	if in.RoleArn == nil && in.TargetRoleArn == nil && in.DisableSessionTags == nil && in.Policy == nil {
		return nil, wire.Errorf("InvalidRequestException", "The update must change the role, the target role, the policy or the session tags.")
	}
	// An update sets what it names, so doing it twice is doing it once: the token
	// has nothing to add.
	if in.ClientRequestToken != nil && len(*in.ClientRequestToken) > 64 {
		return nil, badParameter("The client request token is longer than 64 characters.")
	}
	var a *association
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if a, err = s.find(ctx, tx, in.ClusterName, in.AssociationId); err != nil {
			return err
		}
		if in.RoleArn != nil {
			a.Role = *in.RoleArn
		}
		if in.TargetRoleArn != nil {
			a.Target = *in.TargetRoleArn
		}
		if in.Policy != nil {
			a.Policy = *in.Policy
		}
		if in.DisableSessionTags != nil {
			a.NoTags = *in.DisableSessionTags
		}
		if err := a.check(); err != nil {
			return err
		}
		a.Modified = s.Now().UTC()
		return s.associations.Put(ctx, tx, a.key(), a)
	})
	if err != nil {
		return nil, err
	}
	return &eksapi.UpdatePodIdentityAssociationResponse{Association: detail(a)}, nil
}
