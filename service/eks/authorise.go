package eks

import (
	"context"
	"errors"

	eksapi "bartizan.dev/api/eks"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"CreatePodIdentityAssociation": policy.On(func(ctx context.Context, in *eksapi.CreatePodIdentityAssociationRequest) ([]policy.Touch, error) {
			t := policy.Touch{Action: "eks:CreatePodIdentityAssociation", Resource: placeOf(ctx).clusterARN(in.ClusterName), RequestTags: requestTags(in.Tags)}
			return append([]policy.Touch{t}, passing(&in.RoleArn)...), nil
		}),
		"UpdatePodIdentityAssociation": policy.On(func(ctx context.Context, in *eksapi.UpdatePodIdentityAssociationRequest) ([]policy.Touch, error) {
			t, err := s.on(ctx, "UpdatePodIdentityAssociation", in.ClusterName, in.AssociationId)
			return append(t, passing(in.RoleArn)...), err
		}),
		"DeletePodIdentityAssociation": policy.On(func(ctx context.Context, in *eksapi.DeletePodIdentityAssociationRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeletePodIdentityAssociation", in.ClusterName, in.AssociationId)
		}),
		"DescribePodIdentityAssociation": policy.On(func(ctx context.Context, in *eksapi.DescribePodIdentityAssociationRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DescribePodIdentityAssociation", in.ClusterName, in.AssociationId)
		}),
		"ListPodIdentityAssociations": policy.On(func(ctx context.Context, in *eksapi.ListPodIdentityAssociationsRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "eks:ListPodIdentityAssociations", Resource: placeOf(ctx).clusterARN(in.ClusterName)}}, nil
		}),
		"ListTagsForResource": policy.On(func(ctx context.Context, in *eksapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.onARN(ctx, "ListTagsForResource", in.ResourceArn, nil)
		}),
		"TagResource": policy.On(func(ctx context.Context, in *eksapi.TagResourceRequest) ([]policy.Touch, error) {
			return s.onARN(ctx, "TagResource", in.ResourceArn, func(t *policy.Touch) { t.RequestTags = requestTags(in.Tags) })
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *eksapi.UntagResourceRequest) ([]policy.Touch, error) {
			return s.onARN(ctx, "UntagResource", in.ResourceArn, func(t *policy.Touch) {
				t.Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
			})
		}),
	}
}

// on is the touch of an association. For one that does not exist it has no tags.
func (s *Service) on(ctx context.Context, action, cluster, id string) ([]policy.Touch, error) {
	at := placeOf(ctx)
	t := policy.Touch{Action: "eks:" + action, Resource: (&association{ID: id, Account: at.account, Region: at.region, Cluster: cluster}).arn()}
	a, err := s.associations.Get(ctx, s.Store, at.cluster(cluster)+id)
	if err == nil {
		t.ResourceTags = requestTags(a.Tags)
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return []policy.Touch{t}, nil
}

func (s *Service) onARN(ctx context.Context, action, name string, more func(*policy.Touch)) ([]policy.Touch, error) {
	list := []policy.Touch{{Action: "eks:" + action, Resource: name}}
	if cluster, id, err := ofARN(ctx, name); err == nil {
		if list, err = s.on(ctx, action, cluster, id); err != nil {
			return nil, err
		}
	}
	if more != nil {
		more(&list[0])
	}
	return list, nil
}

func requestTags(tags map[string]string) []policy.Tag {
	var out []policy.Tag
	for k, v := range tags {
		out = append(out, policy.Tag{Key: k, Value: v})
	}
	return out
}

// passing is the touch of giving a role to EKS.
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html
func passing(role *string) []policy.Touch {
	if role == nil {
		return nil
	}
	return []policy.Touch{{Action: "iam:PassRole", Resource: *role, Keys: []policy.Pair{{Key: "iam:PassedToService", Values: []string{principal}}}}}
}
