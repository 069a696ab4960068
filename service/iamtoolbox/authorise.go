package iamtoolbox

import (
	"context"

	iamtoolboxapi "bartizan.dev/api/iamtoolbox"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch. A question about what somebody may
// do needs the permission of the policy simulator.
// https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"GetRequestAuthorizationDetails": policy.OnAny(policy.Touch{Action: "iam:GetRequestAuthorizationDetails"}),
		"GetRequestAuthorizationPolicy":  policy.OnAny(policy.Touch{Action: "iam:GetRequestAuthorizationPolicy"}),
		"ExplainAuthorization": policy.On(func(_ context.Context, in *iamtoolboxapi.ExplainAuthorizationInput) ([]policy.Touch, error) {
			if in.PrincipalArn == nil { // with documents and all
				return []policy.Touch{{Action: "iam:GetRequestAuthorizationDetails"}, {Action: "iam:GetRequestAuthorizationPolicy"}}, nil
			}
			t := policy.Touch{Action: "iam:SimulatePrincipalPolicy", Resource: *in.PrincipalArn}
			if a, err := arn.Parse(*in.PrincipalArn); err == nil {
				t.Account = a.Account
			}
			return []policy.Touch{t}, nil
		}),
	}
}
