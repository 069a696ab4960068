package signin

import (
	"context"

	signinapi "bartizan.dev/api/signin"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_signin.html
func (s *Service) Rules() policy.Rules {
	touch := func(name string) policy.Rule { return policy.OnAny(policy.Touch{Action: "signin:" + name}) }
	absent := policy.Rule{Absent: true}
	return policy.Rules{
		// Bearer tokens are for AWS's own MCP server, ECR and Glue, none of which
		// there is here: nothing would take them.
		"CreateBearerToken":                       absent,
		"CreateOAuth2Token":                       policy.On(s.touchToken),
		"CreateOAuth2TokenWithIAM":                absent,
		"CreateOAuth2TokenWithTokenExchange":      absent,
		"DeleteConsoleAuthorizationConfiguration": touch("DeleteConsoleAuthorizationConfiguration"),
		"DeleteResourcePermissionStatement":       touch("DeleteResourcePermissionStatement"),
		"GetConsoleAuthorizationConfiguration":    touch("GetConsoleAuthorizationConfiguration"),
		"GetResourcePolicy":                       touch("GetResourcePolicy"),
		"IntrospectOAuth2TokenWithIAM": policy.On(func(ctx context.Context, in *signinapi.IntrospectOAuth2TokenWithIAMRequest) ([]policy.Touch, error) {
			return s.touchRefresh(ctx, "signin:IntrospectOAuth2Token", in.Token)
		}),
		"ListResourcePermissionStatements":     touch("ListResourcePermissionStatements"),
		"PutConsoleAuthorizationConfiguration": touch("PutConsoleAuthorizationConfiguration"),
		"PutResourcePermissionStatement":       touch("PutResourcePermissionStatement"),
		"RevokeOAuth2TokenWithIAM": policy.On(func(ctx context.Context, in *signinapi.RevokeOAuth2TokenWithIAMRequest) ([]policy.Touch, error) {
			return s.touchRefresh(ctx, "signin:RevokeOAuth2Token", in.Token)
		}),
	}
}
