package eksauth

import (
	"context"

	eksauthapi "bartizan.dev/api/eksauth"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// Rules declares what the operation touches: the cluster, which the caller, a
// node's agent, must be allowed to act for. The pod's own right comes from its
// token.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"AssumeRoleForPodIdentity": policy.On(func(ctx context.Context, in *eksauthapi.AssumeRoleForPodIdentityRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "eks-auth:AssumeRoleForPodIdentity", Resource: clusterOf(ctx, in.ClusterName).ARN()}}, nil
		}),
	}
}

func clusterOf(ctx context.Context, name string) Cluster {
	c := caller.From(ctx)
	return Cluster{c.Identity.Account, c.Region, name}
}

// ARN is the cluster's ARN.
func (c Cluster) ARN() string { return arn.New("eks", c.Region, c.Account, "cluster/"+c.Name) }
