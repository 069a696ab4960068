package events

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// absent are the operations that are not built.
var absent = strings.Fields(`ActivateEventSource CreateEndpoint CreatePartnerEventSource DeactivateEventSource DeleteEndpoint
	DeletePartnerEventSource DescribeEndpoint DescribeEventSource DescribePartnerEventSource ListEndpoints ListEventSources
	ListPartnerEventSourceAccounts ListPartnerEventSources PutPartnerEvents UpdateEndpoint`)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"CreateEventBus":        policy.On(s.touchCreateBus),
		"DeleteEventBus":        onBus(s, "DeleteEventBus", func(in *eventsapi.DeleteEventBusRequest) string { return in.Name }),
		"DescribeEventBus":      onBus(s, "DescribeEventBus", func(in *eventsapi.DescribeEventBusRequest) string { return text(in.Name) }),
		"ListEventBuses":        policy.OnAny(policy.Touch{Action: "events:ListEventBuses"}),
		"PutEvents":             policy.On(s.touchPut),
		"PutPermission":         onBus(s, "PutPermission", func(in *eventsapi.PutPermissionRequest) string { return text(in.EventBusName) }),
		"RemovePermission":      onBus(s, "RemovePermission", func(in *eventsapi.RemovePermissionRequest) string { return text(in.EventBusName) }),
		"UpdateEventBus":        onBus(s, "UpdateEventBus", func(in *eventsapi.UpdateEventBusRequest) string { return text(in.Name) }),
		"ListRules":             onBus(s, "ListRules", func(in *eventsapi.ListRulesRequest) string { return text(in.EventBusName) }),
		"ListRuleNamesByTarget": onBus(s, "ListRuleNamesByTarget", func(in *eventsapi.ListRuleNamesByTargetRequest) string { return text(in.EventBusName) }),

		"DeleteRule":        onRule(s, "DeleteRule", func(in *eventsapi.DeleteRuleRequest) (*string, string) { return in.EventBusName, in.Name }),
		"DescribeRule":      onRule(s, "DescribeRule", func(in *eventsapi.DescribeRuleRequest) (*string, string) { return in.EventBusName, in.Name }),
		"DisableRule":       onRule(s, "DisableRule", func(in *eventsapi.DisableRuleRequest) (*string, string) { return in.EventBusName, in.Name }),
		"EnableRule":        onRule(s, "EnableRule", func(in *eventsapi.EnableRuleRequest) (*string, string) { return in.EventBusName, in.Name }),
		"ListTargetsByRule": onRule(s, "ListTargetsByRule", func(in *eventsapi.ListTargetsByRuleRequest) (*string, string) { return in.EventBusName, in.Rule }),
		"RemoveTargets":     onRule(s, "RemoveTargets", func(in *eventsapi.RemoveTargetsRequest) (*string, string) { return in.EventBusName, in.Rule }),
		"PutRule":           policy.On(s.touchPutRule),
		"PutTargets":        policy.On(s.touchPutTargets),

		"ListTagsForResource": policy.On(func(ctx context.Context, in *eventsapi.ListTagsForResourceRequest) ([]policy.Touch, error) {
			return s.touchNamed(ctx, "ListTagsForResource", in.ResourceARN, nil)
		}),
		"TagResource": policy.On(func(ctx context.Context, in *eventsapi.TagResourceRequest) ([]policy.Touch, error) {
			return s.touchNamed(ctx, "TagResource", in.ResourceARN, requestTags(in.Tags))
		}),
		"UntagResource": policy.On(s.touchUntag),

		"CreateApiDestination": policy.On(func(ctx context.Context, in *eventsapi.CreateApiDestinationRequest) ([]policy.Touch, error) {
			t := s.touchHTTP(ctx, "CreateApiDestination", "api-destination", in.Name)
			return []policy.Touch{t, {Action: t.Action, Resource: in.ConnectionArn}}, nil
		}),
		"CreateConnection":       onHTTP(s, "CreateConnection", "connection", func(in *eventsapi.CreateConnectionRequest) string { return in.Name }),
		"DeleteApiDestination":   onHTTP(s, "DeleteApiDestination", "api-destination", func(in *eventsapi.DeleteApiDestinationRequest) string { return in.Name }),
		"DeleteConnection":       onHTTP(s, "DeleteConnection", "connection", func(in *eventsapi.DeleteConnectionRequest) string { return in.Name }),
		"DescribeApiDestination": onHTTP(s, "DescribeApiDestination", "api-destination", func(in *eventsapi.DescribeApiDestinationRequest) string { return in.Name }),
		"DescribeConnection":     onHTTP(s, "DescribeConnection", "connection", func(in *eventsapi.DescribeConnectionRequest) string { return in.Name }),
		"ListApiDestinations":    policy.OnAny(policy.Touch{Action: "events:ListApiDestinations"}),
		"ListConnections":        policy.OnAny(policy.Touch{Action: "events:ListConnections"}),

		"CancelReplay":    onKept(replayARN, "CancelReplay", func(in *eventsapi.CancelReplayRequest) string { return in.ReplayName }),
		"DeleteArchive":   onKept(archiveARN, "DeleteArchive", func(in *eventsapi.DeleteArchiveRequest) string { return in.ArchiveName }),
		"DescribeArchive": onKept(archiveARN, "DescribeArchive", func(in *eventsapi.DescribeArchiveRequest) string { return in.ArchiveName }),
		"DescribeReplay":  onKept(replayARN, "DescribeReplay", func(in *eventsapi.DescribeReplayRequest) string { return in.ReplayName }),
		"UpdateArchive":   onKept(archiveARN, "UpdateArchive", func(in *eventsapi.UpdateArchiveRequest) string { return in.ArchiveName }),
		"ListArchives":    policy.OnAny(policy.Touch{Action: "events:ListArchives"}),
		"ListReplays":     policy.OnAny(policy.Touch{Action: "events:ListReplays"}),
		"CreateArchive": policy.On(func(ctx context.Context, in *eventsapi.CreateArchiveRequest) ([]policy.Touch, error) {
			t, err := s.touchBus(ctx, "CreateArchive", in.EventSourceArn)
			return []policy.Touch{{Action: t.Action, Resource: kept(ctx, archiveARN, in.ArchiveName)}, t}, err
		}),
		"StartReplay": policy.On(func(ctx context.Context, in *eventsapi.StartReplayRequest) ([]policy.Touch, error) {
			t, err := s.touchBus(ctx, "StartReplay", in.Destination.Arn)
			return []policy.Touch{{Action: t.Action, Resource: kept(ctx, replayARN, in.ReplayName)}, {Action: t.Action, Resource: in.EventSourceArn}, t}, err
		}),

		"DeauthorizeConnection": onHTTP(s, "DeauthorizeConnection", "connection", func(in *eventsapi.DeauthorizeConnectionRequest) string { return in.Name }),
		"UpdateConnection":      onHTTP(s, "UpdateConnection", "connection", func(in *eventsapi.UpdateConnectionRequest) string { return in.Name }),
		"UpdateApiDestination": policy.On(func(ctx context.Context, in *eventsapi.UpdateApiDestinationRequest) ([]policy.Touch, error) {
			out := []policy.Touch{s.touchHTTP(ctx, "UpdateApiDestination", "api-destination", in.Name)}
			if in.ConnectionArn != nil {
				out = append(out, policy.Touch{Action: out[0].Action, Resource: *in.ConnectionArn})
			}
			return out, nil
		}),

		"TestEventPattern": policy.OnAny(policy.Touch{Action: "events:TestEventPattern"}),
	}
	for _, op := range absent {
		rules[op] = policy.Rule{Absent: true}
	}
	return rules
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "events" {
		return ""
	}
	switch what, _ := a.Type(); what {
	case "rule":
		return "AWS::Events::Rule"
	case "event-bus":
		return "AWS::Events::EventBus"
	}
	return ""
}

// attached is what decisions need of a bus. It is kept in a cache that follows
// the record.
type attached struct {
	set  *policy.Set
	tags []policy.Tag
}

func (s *Service) loadBus(ctx context.Context, r store.Reader, key string) (*attached, error) {
	b, err := s.busRecords.Get(ctx, r, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return &attached{}, nil
	} else if err != nil {
		return nil, err
	}
	a := &attached{tags: policyTags(b.Tags)}
	if b.Policy != "" {
		doc, err := policy.Parse([]byte(b.Policy))
		if err != nil {
			return nil, err
		}
		a.set = policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource, ARN: b.Place.arn(), Name: "resource policy"}, Document: doc})
	}
	return a, nil
}

func policyTags(tags []tag) (out []policy.Tag) {
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}

func requestTags(tags []eventsapi.Tag) (out []policy.Tag) {
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}

// touchBus is the touch of a bus. Of one that does not exist it says no more than
// the call did.
func (s *Service) touchBus(ctx context.Context, action, name string) (policy.Touch, error) {
	t := policy.Touch{Action: "events:" + action}
	p, ok := placeOf(ctx, name)
	if !ok {
		t.Resource = name
		return t, nil
	}
	a, err := s.buses.Get(ctx, p.key())
	if err != nil {
		return t, err
	}
	t.Resource, t.Account, t.Policy, t.ResourceTags = p.arn(), p.Account, a.set, a.tags
	return t, nil
}

func onBus[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchBus(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// touchRule is the touch of a rule.
func (s *Service) touchRule(ctx context.Context, action, busName, name string) (policy.Touch, error) {
	t, err := s.touchBus(ctx, action, busName)
	p, ok := placeOf(ctx, busName)
	if err != nil || !ok {
		return t, err
	}
	t.Resource, t.ResourceTags = p.ruleARN(name), nil
	r, err := s.rules.Get(ctx, s.Store, p.rule(name))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.ResourceTags = policyTags(r.Tags)
	if r.Creator != "" {
		t.Keys = append(t.Keys, pair("events:creatorAccount", r.Creator))
	}
	return t, nil
}

func pair(key string, values ...string) policy.Pair { return policy.Pair{Key: key, Values: values} }

func onRule[I any](s *Service, action string, name func(*I) (bus *string, rule string)) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		bus, rule := name(in)
		t, err := s.touchRule(ctx, action, text(bus), rule)
		return []policy.Touch{t}, err
	})
}

func (s *Service) touchCreateBus(ctx context.Context, in *eventsapi.CreateEventBusRequest) ([]policy.Touch, error) {
	p, _ := placeOf(ctx, "")
	p.Name = in.Name
	t := policy.Touch{Action: "events:CreateEventBus", Resource: p.arn(), RequestTags: requestTags(in.Tags)}
	out := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "events:TagResource"
		out = append(out, t)
	}
	return out, nil
}

// touchPut decides about each entry: what it says of its source and type are
// condition keys.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
func (s *Service) touchPut(ctx context.Context, in *eventsapi.PutEventsRequest) ([]policy.Touch, error) {
	out := make([]policy.Touch, 0, len(in.Entries))
	invocation := "false"
	if _, ok := ctx.Value(forwardKey{}).(*forwarded); ok {
		invocation = "true"
	}
	for i := range in.Entries {
		e := &in.Entries[i]
		t, err := s.touchBus(ctx, "PutEvents", text(e.EventBusName))
		if err != nil {
			return nil, err
		}
		t.Keys = []policy.Pair{pair("events:eventBusInvocation", invocation)}
		if e.Source != nil {
			t.Keys = append(t.Keys, pair("events:source", *e.Source))
		}
		if e.DetailType != nil {
			t.Keys = append(t.Keys, pair("events:detail-type", *e.DetailType))
		}
		out = append(out, t)
	}
	return out, nil
}

// touchPutRule: what the pattern asks for are condition keys, so that a policy
// can limit what a rule may see.
func (s *Service) touchPutRule(ctx context.Context, in *eventsapi.PutRuleRequest) ([]policy.Touch, error) {
	t, err := s.touchRule(ctx, "PutRule", text(in.EventBusName), in.Name)
	if err != nil {
		return nil, err
	}
	t.Keys = append(t.Keys, patternKeys(text(in.EventPattern))...)
	t.RequestTags = requestTags(in.Tags)
	out := []policy.Touch{t}
	if len(in.Tags) > 0 {
		tagging := t
		tagging.Action = "events:TagResource"
		out = append(out, tagging)
	}
	if in.RoleArn != nil {
		out = append(out, passRole(*in.RoleArn))
	}
	return out, nil
}

// patternKeys are the values that a pattern names for the fields that have
// condition keys.
func patternKeys(pattern string) (out []policy.Pair) {
	var p struct {
		Source     []json.RawMessage `json:"source"`
		DetailType []json.RawMessage `json:"detail-type"`
		Detail     struct {
			Service      []json.RawMessage `json:"service"`
			EventType    []json.RawMessage `json:"eventTypeCode"`
			UserIdentity struct {
				Principal []json.RawMessage `json:"principalId"`
			} `json:"userIdentity"`
		} `json:"detail"`
	}
	if json.Unmarshal([]byte(pattern), &p) != nil {
		return nil // what is no pattern is refused later
	}
	for key, values := range map[string][]json.RawMessage{
		"events:source": p.Source, "events:detail-type": p.DetailType, "events:detail.service": p.Detail.Service,
		"events:detail.eventTypeCode": p.Detail.EventType, "events:detail.userIdentity.principalId": p.Detail.UserIdentity.Principal,
	} {
		var list []string
		for _, v := range values {
			var s string
			if json.Unmarshal(v, &s) == nil {
				list = append(list, s)
			}
		}
		if len(list) > 0 {
			out = append(out, policy.Pair{Key: key, Values: list, Multi: true})
		}
	}
	return out
}

// passRole: who makes EventBridge use a role must be allowed to give it away.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
func passRole(role string) policy.Touch {
	t := policy.Touch{Action: "iam:PassRole", Resource: role, Keys: []policy.Pair{pair("iam:PassedToService", principal)}}
	if a, err := arn.Parse(role); err == nil {
		t.Account = a.Account
	}
	return t
}

func (s *Service) touchPutTargets(ctx context.Context, in *eventsapi.PutTargetsRequest) ([]policy.Touch, error) {
	t, err := s.touchRule(ctx, "PutTargets", text(in.EventBusName), in.Rule)
	if err != nil {
		return nil, err
	}
	arns := policy.Pair{Key: "events:TargetArn", Multi: true}
	out := []policy.Touch{t}
	for i := range in.Targets {
		arns.Values = append(arns.Values, in.Targets[i].Arn)
		if in.Targets[i].RoleArn != nil {
			out = append(out, passRole(*in.Targets[i].RoleArn))
		}
	}
	out[0].Keys = append(out[0].Keys, arns)
	return out, nil
}

func (s *Service) touchNamed(ctx context.Context, action, name string, tags []policy.Tag) ([]policy.Touch, error) {
	p, ruleName, err := named(name)
	if err != nil {
		return []policy.Touch{{Action: "events:" + action, Resource: name, RequestTags: tags}}, nil
	}
	var t policy.Touch
	if ruleName == "" {
		t, err = s.touchBus(ctx, action, p.arn())
	} else {
		t, err = s.touchRule(ctx, action, p.arn(), ruleName)
	}
	t.RequestTags = tags
	return []policy.Touch{t}, err
}

func (s *Service) touchUntag(ctx context.Context, in *eventsapi.UntagResourceRequest) ([]policy.Touch, error) {
	out, err := s.touchNamed(ctx, "UntagResource", in.ResourceARN, nil)
	for i := range out {
		out[i].Keys = append(out[i].Keys, policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true})
	}
	return out, err
}

// touchHTTP is the touch of a connection or API destination, whose ARNs end with
// a UUID; of one that does not exist that part is missing.
func (s *Service) touchHTTP(ctx context.Context, action, kind, name string) policy.Touch {
	home, _ := placeOf(ctx, "")
	t := policy.Touch{Action: "events:" + action, Resource: arn.New("events", home.Region, home.Account, kind+"/"+name)}
	home.Name = name
	if kind == "connection" {
		if c, err := s.connections.Get(ctx, s.Store, home.key()); err == nil {
			t.Resource = c.arn()
		}
	} else if d, err := s.destinations.Get(ctx, s.Store, home.key()); err == nil {
		t.Resource = d.arn()
	}
	return t
}

func onHTTP[I any](s *Service, action, kind string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		return []policy.Touch{s.touchHTTP(ctx, action, kind, name(in))}, nil
	})
}

// kept is the ARN of an archive or replay of the caller's account.
func kept(ctx context.Context, name func(place) string, id string) string {
	home, _ := placeOf(ctx, "")
	home.Name = id
	return name(home)
}

func onKept[I any](name func(place) string, action string, id func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		return []policy.Touch{{Action: "events:" + action, Resource: kept(ctx, name, id(in))}}, nil
	})
}
