package logs

import (
	"context"
	"errors"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"CreateLogGroup":  policy.On(s.touchCreate),
		"CreateLogStream": onGroup(s, "CreateLogStream", func(in *logsapi.CreateLogStreamRequest) (*string, *string) { return &in.LogGroupName, nil }),
		"DeleteLogGroup":  onGroup(s, "DeleteLogGroup", func(in *logsapi.DeleteLogGroupRequest) (*string, *string) { return &in.LogGroupName, nil }),
		"DeleteLogStream": onStream(s, "DeleteLogStream", func(in *logsapi.DeleteLogStreamRequest) (*string, *string, string) {
			return &in.LogGroupName, nil, in.LogStreamName
		}),
		"DeleteResourcePolicy":  policy.OnAny(policy.Touch{Action: "logs:DeleteResourcePolicy"}),
		"DeleteRetentionPolicy": onGroup(s, "DeleteRetentionPolicy", func(in *logsapi.DeleteRetentionPolicyRequest) (*string, *string) { return &in.LogGroupName, nil }),
		"DescribeLogGroups":     policy.On(s.touchDescribe),
		"DescribeLogStreams": onGroup(s, "DescribeLogStreams", func(in *logsapi.DescribeLogStreamsRequest) (*string, *string) {
			return in.LogGroupName, in.LogGroupIdentifier
		}),
		"DescribeResourcePolicies": policy.OnAny(policy.Touch{Action: "logs:DescribeResourcePolicies"}),
		"FilterLogEvents": onGroup(s, "FilterLogEvents", func(in *logsapi.FilterLogEventsRequest) (*string, *string) {
			return in.LogGroupName, in.LogGroupIdentifier
		}),
		"GetLogEvents": onStream(s, "GetLogEvents", func(in *logsapi.GetLogEventsRequest) (*string, *string, string) {
			return in.LogGroupName, in.LogGroupIdentifier, in.LogStreamName
		}),
		"ListLogGroups": policy.On(func(ctx context.Context, _ *logsapi.ListLogGroupsRequest) ([]policy.Touch, error) {
			return s.touchAll(ctx, "ListLogGroups"), nil
		}),
		"PutLogGroupDeletionProtection": onGroup(s, "PutLogGroupDeletionProtection", func(in *logsapi.PutLogGroupDeletionProtectionRequest) (*string, *string) {
			return nil, &in.LogGroupIdentifier
		}),
		"ListTagsForResource": policy.On(func(ctx context.Context, in *logsapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.touchTags(ctx, "ListTagsForResource", in.ResourceArn, nil, nil)
		}),
		"PutLogEvents": onStream(s, "PutLogEvents", func(in *logsapi.PutLogEventsRequest) (*string, *string, string) {
			return &in.LogGroupName, nil, in.LogStreamName
		}),
		"PutResourcePolicy":  policy.OnAny(policy.Touch{Action: "logs:PutResourcePolicy"}),
		"PutRetentionPolicy": onGroup(s, "PutRetentionPolicy", func(in *logsapi.PutRetentionPolicyRequest) (*string, *string) { return &in.LogGroupName, nil }),
		"TagResource": policy.On(func(ctx context.Context, in *logsapi.TagResourceRequest) ([]policy.Touch, error) {
			return s.touchTags(ctx, "TagResource", in.ResourceArn, in.Tags, nil)
		}),
		"TestMetricFilter": policy.OnAny(policy.Touch{Action: "logs:TestMetricFilter"}),
		"UntagResource": policy.On(func(ctx context.Context, in *logsapi.UntagResourceRequest) ([]policy.Touch, error) {
			return s.touchTags(ctx, "UntagResource", in.ResourceArn, nil, in.TagKeys)
		}),
	}
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	if _, _, ok := parseGroup(name); ok {
		return "AWS::Logs::LogGroup"
	}
	return ""
}

// attached are the resource policies of an account in a Region.
type attached struct{ set *policy.Set }

func (s *Service) loadPolicies(ctx context.Context, r store.Reader, home string) (*attached, error) {
	found, err := s.resource.List(ctx, r, home, "", 0)
	if err != nil {
		return nil, err
	}
	var all []policy.Labelled
	for _, e := range found {
		doc, err := policy.Parse([]byte(e.Value.Bound))
		if err != nil {
			return nil, err
		}
		all = append(all, policy.Labelled{Source: policy.Source{Type: policy.Resource, Name: e.Value.Name}, Document: doc})
	}
	if len(all) == 0 {
		return &attached{}, nil
	}
	return &attached{policy.Compile(all...)}, nil
}

// touch is the touch of a log group, by its ARN with :* at the end, or of a
// stream in it.
func (s *Service) touch(ctx context.Context, action string, name, identifier *string, suffix string) (policy.Touch, error) {
	t := policy.Touch{Action: "logs:" + action}
	at := placeOf(ctx)
	groupName := text(name)
	if name == nil && identifier != nil {
		if groupName = *identifier; len(groupName) > 4 && groupName[:4] == "arn:" {
			p, found, ok := parseGroup(groupName)
			if !ok {
				t.Resource = groupName
				return t, nil
			}
			at, groupName = p, found
		}
	}
	a, err := s.policies.Get(ctx, at.home())
	if err != nil {
		return t, err
	}
	t.Resource, t.Account, t.Policy = at.groupARN(groupName)+suffix, at.account, a.set
	g, err := s.groups.Get(ctx, s.Store, at.home()+groupName)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.ResourceTags = tags(g.Tags)
	return t, nil
}

func tags(m map[string]string) (out []policy.Tag) {
	for k, v := range m {
		out = append(out, policy.Tag{Key: k, Value: v})
	}
	return out
}

func onGroup[I any](s *Service, action string, name func(*I) (name, identifier *string)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		n, id := name(in)
		t, err := s.touch(ctx, action, n, id, ":*")
		return []policy.Touch{t}, err
	})
}

func onStream[I any](s *Service, action string, name func(*I) (name, identifier *string, stream string)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		n, id, stream := name(in)
		t, err := s.touch(ctx, action, n, id, ":log-stream:"+stream)
		return []policy.Touch{t}, err
	})
}

func (s *Service) touchCreate(ctx context.Context, in *logsapi.CreateLogGroupRequest) ([]policy.Touch, error) {
	t, err := s.touch(ctx, "CreateLogGroup", &in.LogGroupName, nil, "")
	t.RequestTags = tags(in.Tags)
	out := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "logs:TagResource"
		out = append(out, t)
	}
	return out, err
}

func (s *Service) touchDescribe(ctx context.Context, _ *logsapi.DescribeLogGroupsRequest) ([]policy.Touch, error) {
	return s.touchAll(ctx, "DescribeLogGroups"), nil
}

// touchAll: the action is decided on all of the account's groups.
func (s *Service) touchAll(ctx context.Context, action string) []policy.Touch {
	at := placeOf(ctx)
	return []policy.Touch{{Action: "logs:" + action, Resource: arn.New("logs", at.region, at.account, "log-group::log-stream:"), Account: at.account}}
}

func (s *Service) touchTags(ctx context.Context, action, resource string, set map[string]string, keys []string) ([]policy.Touch, error) {
	t, err := s.touch(ctx, action, nil, &resource, "")
	t.RequestTags = tags(set)
	if len(keys) > 0 {
		t.Keys = append(t.Keys, policy.Pair{Key: "aws:TagKeys", Values: keys, Multi: true})
	}
	return []policy.Touch{t}, err
}
