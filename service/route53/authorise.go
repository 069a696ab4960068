package route53

import (
	"context"
	"slices"
	"strings"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"ChangeResourceRecordSets": policy.On(touchBatch),
		"ChangeTagsForResource": policy.On(func(_ context.Context, in *route53api.ChangeTagsForResourceRequest) ([]policy.Touch, error) {
			return touchTags("ChangeTagsForResource", in.ResourceType, in.ResourceId), nil
		}),
		"CreateHostedZone": policy.OnAny(policy.Touch{Action: "route53:CreateHostedZone"}),
		"DeleteHostedZone": onZone("DeleteHostedZone", func(in *route53api.DeleteHostedZoneRequest) string { return in.Id }),
		"GetAccountLimit":  policy.OnAny(policy.Touch{Action: "route53:GetAccountLimit"}),
		"GetChange": policy.On(func(_ context.Context, in *route53api.GetChangeRequest) ([]policy.Touch, error) {
			return []policy.Touch{{Action: "route53:GetChange", Resource: resource("change", in.Id)}}, nil
		}),
		"GetHostedZone":          onZone("GetHostedZone", func(in *route53api.GetHostedZoneRequest) string { return in.Id }),
		"GetHostedZoneCount":     policy.OnAny(policy.Touch{Action: "route53:GetHostedZoneCount"}),
		"GetHostedZoneLimit":     onZone("GetHostedZoneLimit", func(in *route53api.GetHostedZoneLimitRequest) string { return in.HostedZoneId }),
		"ListHostedZones":        policy.OnAny(policy.Touch{Action: "route53:ListHostedZones"}),
		"ListHostedZonesByName":  policy.OnAny(policy.Touch{Action: "route53:ListHostedZonesByName"}),
		"ListResourceRecordSets": onZone("ListResourceRecordSets", func(in *route53api.ListResourceRecordSetsRequest) string { return in.HostedZoneId }),
		"ListTagsForResource": policy.On(func(_ context.Context, in *route53api.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return touchTags("ListTagsForResource", in.ResourceType, in.ResourceId), nil
		}),
		"ListTagsForResources": policy.On(func(_ context.Context, in *route53api.ListTagsForResourcesRequest) (out []policy.Touch, _ error) {
			for _, id := range in.ResourceIds {
				out = append(out, touchTags("ListTagsForResources", in.ResourceType, id)...)
			}
			return out, nil
		}),
		"UpdateHostedZoneComment": onZone("UpdateHostedZoneComment", func(in *route53api.UpdateHostedZoneCommentRequest) string { return in.Id }),
	}
	for _, op := range route53api.Model().Ops {
		if _, built := rules[op.Name]; !built {
			rules[op.Name] = policy.Rule{Absent: true}
		}
	}
	return rules
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	if strings.HasPrefix(name, "arn:aws:route53:::hostedzone/") {
		return "AWS::Route53::HostedZone"
	}
	return ""
}

func resource(kind, id string) string { return arn.New("route53", "", "", kind+"/"+bareID(id)) }

func onZone[I any](action string, id func(*I) string) policy.Rule {
	return policy.On(func(_ context.Context, in *I) ([]policy.Touch, error) {
		return []policy.Touch{{Action: "route53:" + action, Resource: resource("hostedzone", id(in))}}, nil
	})
}

func touchTags(action string, kind route53api.TagResourceType, id string) []policy.Touch {
	return []policy.Touch{{Action: "route53:" + action, Resource: resource(string(kind), id)}}
}

// touchBatch lets policies limit names, types and actions of a batch.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
func touchBatch(_ context.Context, in *route53api.ChangeResourceRecordSetsRequest) ([]policy.Touch, error) {
	var names, types, actions []string
	for _, c := range in.ChangeBatch.Changes {
		// "all letters must be lowercase", without the dot at the end.
		name := c.ResourceRecordSet.Name
		if shown, _, err := parseName(name); err == nil {
			name = shown
		}
		names = append(names, strings.ToLower(strings.TrimSuffix(name, ".")))
		types = append(types, string(c.ResourceRecordSet.Type))
		actions = append(actions, string(c.Action))
	}
	t := policy.Touch{Action: "route53:ChangeResourceRecordSets", Resource: resource("hostedzone", in.HostedZoneId)}
	for _, k := range []struct {
		name   string
		values []string
	}{{"NormalizedRecordNames", names}, {"RecordTypes", types}, {"Actions", actions}} {
		slices.Sort(k.values)
		t.Keys = append(t.Keys, policy.Pair{Key: "route53:ChangeResourceRecordSets" + k.name, Values: slices.Compact(k.values), Multi: true})
	}
	return []policy.Touch{t}, nil
}
