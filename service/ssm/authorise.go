package ssm

import (
	"context"
	"strconv"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch. Values of SecureStrings are decided
// about by KMS beside, which is asked as the caller (secure.go).
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"PutParameter":        policy.On(s.touchPut),
		"GetParametersByPath": policy.On(s.touchPath),
		"DescribeParameters": policy.On(func(ctx context.Context, _ *ssmapi.DescribeParametersRequest) ([]policy.Touch, error) {
			at := placeOf(ctx)
			return []policy.Touch{{Action: "ssm:DescribeParameters", Resource: arn.New("ssm", at.region, at.account, "*")}}, nil
		}),
		"GetParameter": policy.On(func(ctx context.Context, in *ssmapi.GetParameterRequest) ([]policy.Touch, error) {
			return s.on(ctx, "GetParameter", in.Name)
		}),
		"GetParameters": policy.On(func(ctx context.Context, in *ssmapi.GetParametersRequest) ([]policy.Touch, error) {
			return s.on(ctx, "GetParameters", in.Names...)
		}),
		"GetParameterHistory": policy.On(func(ctx context.Context, in *ssmapi.GetParameterHistoryRequest) ([]policy.Touch, error) {
			return s.on(ctx, "GetParameterHistory", in.Name)
		}),
		"DeleteParameter": policy.On(func(ctx context.Context, in *ssmapi.DeleteParameterRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteParameter", in.Name)
		}),
		"DeleteParameters": policy.On(func(ctx context.Context, in *ssmapi.DeleteParametersRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteParameters", in.Names...)
		}),
		"LabelParameterVersion": policy.On(func(ctx context.Context, in *ssmapi.LabelParameterVersionRequest) ([]policy.Touch, error) {
			return s.on(ctx, "LabelParameterVersion", in.Name)
		}),
		"UnlabelParameterVersion": policy.On(func(ctx context.Context, in *ssmapi.UnlabelParameterVersionRequest) ([]policy.Touch, error) {
			return s.on(ctx, "UnlabelParameterVersion", in.Name)
		}),
		"AddTagsToResource": policy.On(func(ctx context.Context, in *ssmapi.AddTagsToResourceRequest) ([]policy.Touch, error) {
			touches, err := s.on(ctx, "AddTagsToResource", in.ResourceId)
			for i := range touches {
				touches[i].RequestTags = toTags(in.Tags)
			}
			return touches, err
		}),
		"RemoveTagsFromResource": policy.On(func(ctx context.Context, in *ssmapi.RemoveTagsFromResourceRequest) ([]policy.Touch, error) {
			touches, err := s.on(ctx, "RemoveTagsFromResource", in.ResourceId)
			for i := range touches {
				touches[i].Keys = append(touches[i].Keys, policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true})
			}
			return touches, err
		}),
		"ListTagsForResource": policy.On(func(ctx context.Context, in *ssmapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.on(ctx, "ListTagsForResource", in.ResourceId)
		}),
		"PutResourcePolicy": policy.On(func(ctx context.Context, in *ssmapi.PutResourcePolicyRequest) ([]policy.Touch, error) {
			return s.on(ctx, "PutResourcePolicy", in.ResourceArn)
		}),
		"GetResourcePolicies": policy.On(func(ctx context.Context, in *ssmapi.GetResourcePoliciesRequest) ([]policy.Touch, error) {
			return s.on(ctx, "GetResourcePolicies", in.ResourceArn)
		}),
		"DeleteResourcePolicy": policy.On(func(ctx context.Context, in *ssmapi.DeleteResourcePolicyRequest) ([]policy.Touch, error) {
			return s.on(ctx, "DeleteResourcePolicy", in.ResourceArn)
		}),
	}
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	if a, err := arn.Parse(name); err == nil && a.Service == "ssm" && strings.HasPrefix(a.Resource, "parameter/") {
		return "AWS::SSM::Parameter"
	}
	return ""
}

// on is the touch of an action on parameters, by names or ARNs. For one that
// does not exist it has no tags and no policy.
func (s *Service) on(ctx context.Context, action string, names ...string) ([]policy.Touch, error) {
	touches := make([]policy.Touch, 0, len(names))
	for _, name := range names {
		t, err := s.one(ctx, action, name)
		if err != nil {
			return nil, err
		}
		touches = append(touches, t)
	}
	return touches, nil
}

func (s *Service) one(ctx context.Context, action, name string) (policy.Touch, error) {
	at := placeOf(ctx)
	t := policy.Touch{Action: "ssm:" + action}
	if isReference(name) {
		full, _, _ := strings.Cut(strings.TrimSpace(name), ":")
		t.Resource = at.arn(full)
		return t, nil
	}
	x, err := selectName(at, name)
	if err != nil { // the handler says what is wrong with it
		text, _, _ := strings.Cut(strings.TrimSpace(name), ":")
		t.Resource = at.arn(text)
		return t, nil
	}
	t.Resource, t.Account = x.arn(x.name), x.account
	p, err := s.lookup(ctx, s.Store, x)
	if err != nil || p == nil {
		return t, err
	}
	t.ResourceTags, t.Keys = resourceTags(p)
	t.Policy, err = p.set()
	return t, err
}

// resourceTags are a parameter's tags, also under the older key of ssm.
func resourceTags(p *parameter) (tags []policy.Tag, keys []policy.Pair) {
	for _, k := range sortedKeys(p.Tags) {
		tags = append(tags, policy.Tag{Key: k, Value: p.Tags[k]})
		keys = append(keys, policy.Pair{Key: "ssm:resourceTag/" + k, Values: []string{p.Tags[k]}})
	}
	return tags, keys
}

// touchPut: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policy-conditions.html
func (s *Service) touchPut(ctx context.Context, in *ssmapi.PutParameterRequest) ([]policy.Touch, error) {
	t, err := s.one(ctx, "PutParameter", in.Name)
	if err != nil {
		return nil, err
	}
	t.Policy = nil // what others may do by a sharing is reading
	t.Keys = append(t.Keys, flag("ssm:Overwrite", given(in.Overwrite)), flag("ssm:Policies", in.Policies != nil && *in.Policies != ""))
	t.RequestTags = toTags(in.Tags)
	touches := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "ssm:AddTagsToResource"
		touches = append(touches, t)
	}
	return touches, nil
}

// touchPath: the path alone decides, whatever is allowed or denied below it.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html
func (s *Service) touchPath(ctx context.Context, in *ssmapi.GetParametersByPathRequest) ([]policy.Touch, error) {
	return []policy.Touch{{
		Action: "ssm:GetParametersByPath", Resource: placeOf(ctx).arn(strings.TrimSpace(in.Path)), Keys: []policy.Pair{flag("ssm:Recursive", given(in.Recursive))},
	}}, nil
}

func flag(key string, value bool) policy.Pair {
	return policy.Pair{Key: key, Values: []string{strconv.FormatBool(value)}}
}

func toTags(tags []ssmapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}
