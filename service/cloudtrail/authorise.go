package cloudtrail

import (
	"context"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
func (s *Service) Rules() policy.Rules {
	return policy.Rules{
		"LookupEvents":   policy.OnAny(policy.Touch{Action: "cloudtrail:LookupEvents"}),
		"DescribeTrails": policy.OnAny(policy.Touch{Action: "cloudtrail:DescribeTrails"}),
		"ListTrails":     policy.OnAny(policy.Touch{Action: "cloudtrail:ListTrails"}),
		"ListPublicKeys": policy.OnAny(policy.Touch{Action: "cloudtrail:ListPublicKeys"}),
		"CreateTrail": policy.On(func(ctx context.Context, in *cloudtrailapi.CreateTrailRequest) ([]policy.Touch, error) {
			at := placeOf(ctx)
			t := policy.Touch{Action: "cloudtrail:CreateTrail", Resource: trailARN(at.account, at.region, in.Name), RequestTags: requestTags(in.TagsList)}
			out := passRole([]policy.Touch{t}, in.CloudWatchLogsRoleArn)
			if len(in.TagsList) > 0 {
				t.Action = "cloudtrail:AddTags"
				out = append(out, t)
			}
			return out, nil
		}),
		"UpdateTrail": policy.On(func(ctx context.Context, in *cloudtrailapi.UpdateTrailRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "UpdateTrail", in.Name)
			return passRole([]policy.Touch{t}, in.CloudWatchLogsRoleArn), err
		}),
		"DeleteTrail":       on(s, "DeleteTrail", func(in *cloudtrailapi.DeleteTrailRequest) string { return in.Name }),
		"GetTrail":          on(s, "GetTrail", func(in *cloudtrailapi.GetTrailRequest) string { return in.Name }),
		"GetTrailStatus":    on(s, "GetTrailStatus", func(in *cloudtrailapi.GetTrailStatusRequest) string { return in.Name }),
		"StartLogging":      on(s, "StartLogging", func(in *cloudtrailapi.StartLoggingRequest) string { return in.Name }),
		"StopLogging":       on(s, "StopLogging", func(in *cloudtrailapi.StopLoggingRequest) string { return in.Name }),
		"GetEventSelectors": on(s, "GetEventSelectors", func(in *cloudtrailapi.GetEventSelectorsRequest) string { return in.TrailName }),
		"PutEventSelectors": on(s, "PutEventSelectors", func(in *cloudtrailapi.PutEventSelectorsRequest) string { return in.TrailName }),
		"GetInsightSelectors": policy.On(func(ctx context.Context, in *cloudtrailapi.GetInsightSelectorsRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "GetInsightSelectors", either(in.TrailName, in.EventDataStore))
			return []policy.Touch{t}, err
		}),
		"PutInsightSelectors": policy.On(func(ctx context.Context, in *cloudtrailapi.PutInsightSelectorsRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "PutInsightSelectors", either(in.TrailName, in.EventDataStore))
			return []policy.Touch{t}, err
		}),
		"CreateEventDataStore": policy.On(func(ctx context.Context, in *cloudtrailapi.CreateEventDataStoreRequest) ([]policy.Touch, error) {
			at := placeOf(ctx)
			t := policy.Touch{Action: "cloudtrail:CreateEventDataStore", Resource: storeARN(at.account, at.region, "*"), RequestTags: requestTags(in.TagsList)}
			if len(in.TagsList) == 0 {
				return []policy.Touch{t}, nil
			}
			tags := t
			tags.Action = "cloudtrail:AddTags"
			return []policy.Touch{t, tags}, nil
		}),
		"ListEventDataStores":          policy.OnAny(policy.Touch{Action: "cloudtrail:ListEventDataStores"}),
		"GetEventDataStore":            onStore(s, "GetEventDataStore", func(in *cloudtrailapi.GetEventDataStoreRequest) string { return in.EventDataStore }),
		"UpdateEventDataStore":         onStore(s, "UpdateEventDataStore", func(in *cloudtrailapi.UpdateEventDataStoreRequest) string { return in.EventDataStore }),
		"DeleteEventDataStore":         onStore(s, "DeleteEventDataStore", func(in *cloudtrailapi.DeleteEventDataStoreRequest) string { return in.EventDataStore }),
		"RestoreEventDataStore":        onStore(s, "RestoreEventDataStore", func(in *cloudtrailapi.RestoreEventDataStoreRequest) string { return in.EventDataStore }),
		"StartEventDataStoreIngestion": onStore(s, "StartEventDataStoreIngestion", func(in *cloudtrailapi.StartEventDataStoreIngestionRequest) string { return in.EventDataStore }),
		"StopEventDataStoreIngestion":  onStore(s, "StopEventDataStoreIngestion", func(in *cloudtrailapi.StopEventDataStoreIngestionRequest) string { return in.EventDataStore }),
		"PutResourcePolicy":            onStore(s, "PutResourcePolicy", func(in *cloudtrailapi.PutResourcePolicyRequest) string { return in.ResourceArn }),
		"GetResourcePolicy":            onStore(s, "GetResourcePolicy", func(in *cloudtrailapi.GetResourcePolicyRequest) string { return in.ResourceArn }),
		"DeleteResourcePolicy":         onStore(s, "DeleteResourcePolicy", func(in *cloudtrailapi.DeleteResourcePolicyRequest) string { return in.ResourceArn }),
		"ListQueries":                  onStore(s, "ListQueries", func(in *cloudtrailapi.ListQueriesRequest) string { return in.EventDataStore }),
		"StartQuery": policy.On(func(ctx context.Context, in *cloudtrailapi.StartQueryRequest) ([]policy.Touch, error) {
			var stores []string // of a statement that is not good the handler says so
			if st, err := parse(text(in.QueryStatement)); err == nil {
				stores = named(ctx, ownerOf(ctx, in.EventDataStoreOwnerAccountId), st.Stores)
			}
			return s.touchStores(ctx, "StartQuery", stores)
		}),
		"DescribeQuery": policy.On(func(ctx context.Context, in *cloudtrailapi.DescribeQueryRequest) ([]policy.Touch, error) {
			return s.touchQuery(ctx, "DescribeQuery", in.EventDataStore, text(in.QueryId))
		}),
		"GetQueryResults": policy.On(func(ctx context.Context, in *cloudtrailapi.GetQueryResultsRequest) ([]policy.Touch, error) {
			return s.touchQuery(ctx, "GetQueryResults", in.EventDataStore, in.QueryId)
		}),
		"CancelQuery": policy.On(func(ctx context.Context, in *cloudtrailapi.CancelQueryRequest) ([]policy.Touch, error) {
			return s.touchQuery(ctx, "CancelQuery", in.EventDataStore, in.QueryId)
		}),
		"AddTags": policy.On(func(ctx context.Context, in *cloudtrailapi.AddTagsRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "AddTags", in.ResourceId)
			t.RequestTags = requestTags(in.TagsList)
			return []policy.Touch{t}, err
		}),
		"RemoveTags": policy.On(func(ctx context.Context, in *cloudtrailapi.RemoveTagsRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "RemoveTags", in.ResourceId)
			keys := policy.Pair{Key: "aws:TagKeys", Multi: true}
			for i := range in.TagsList {
				keys.Values = append(keys.Values, in.TagsList[i].Key)
			}
			t.Keys = []policy.Pair{keys}
			return []policy.Touch{t}, err
		}),
		"ListTags": policy.On(func(ctx context.Context, in *cloudtrailapi.ListTagsRequest) ([]policy.Touch, error) {
			if len(in.ResourceIdList) > maxListed {
				return nil, tooMany(len(in.ResourceIdList))
			}
			touches := []policy.Touch{}
			for _, name := range in.ResourceIdList {
				t, err := s.touch(ctx, "ListTags", name)
				if err != nil {
					return nil, err
				}
				touches = append(touches, t)
			}
			if len(touches) == 0 {
				touches = append(touches, policy.Touch{Action: "cloudtrail:ListTags"})
			}
			return touches, nil
		}),
	}
}

// on is the rule of an operation on one trail.
func on[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touch(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// onStore is the rule of an operation on one event data store.
func onStore[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchStore(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// touch is that of an operation on the trail with a name or ARN. For one that
// does not exist it has no tags.
func (s *Service) touch(ctx context.Context, action, name string) (policy.Touch, error) {
	if strings.Contains(name, ":eventdatastore/") {
		return s.touchStore(ctx, action, name)
	}
	at := placeOf(ctx)
	t := policy.Touch{Action: "cloudtrail:" + action, Resource: name}
	if !strings.HasPrefix(name, "arn:") {
		t.Resource = trailARN(at.account, at.region, name)
	} else if a, err := arn.Parse(name); err == nil {
		t.Account = a.Account
	}
	r, err := s.find(ctx, s.Store, at, name)
	if err != nil {
		if e := wire.AsError(err); e.Fault {
			return t, err
		}
		return t, nil
	}
	if t.Resource = r.arn(); r.Account != at.account && !changes(action) {
		t.Account = "" // a member sees its organization's trail as its own policies let it
	}
	for _, g := range r.Tags {
		t.ResourceTags = append(t.ResourceTags, policy.Tag(g))
	}
	return t, nil
}

// changes reports whether an action changes something.
func changes(action string) bool {
	return !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "List") && !strings.HasPrefix(action, "Describe")
}

func requestTags(tags []cloudtrailapi.Tag) []policy.Tag {
	var out []policy.Tag
	for i := range tags {
		out = append(out, policy.Tag{Key: tags[i].Key, Value: text(tags[i].Value)})
	}
	return out
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	a, err := arn.Parse(name)
	switch {
	case err != nil || a.Service != "cloudtrail":
	case strings.HasPrefix(a.Resource, "trail/"):
		return "AWS::CloudTrail::Trail"
	case strings.HasPrefix(a.Resource, "eventdatastore/") && a.Resource != "eventdatastore/*":
		return "AWS::CloudTrail::EventDataStore"
	}
	return ""
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func either(a, b *string) string {
	if text(a) != "" {
		return *a
	}
	return text(b)
}
