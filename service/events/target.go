package events

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/pattern/input"
	"bartizan.dev/store"
)

// target is a target as it is stored.
type target struct {
	ID, Arn     string
	Role        string       `json:",omitzero"`
	Input       *string      `json:",omitzero"`
	InputPath   *string      `json:",omitzero"`
	Transformer *transformer `json:",omitzero"`
	HTTP        *targetHTTP  `json:",omitzero"`
	Attempts    *int32       `json:",omitzero"` // of the retry policy
	Age         *int32       `json:",omitzero"` // seconds
	Dead        string       `json:",omitzero"` // ARN of the queue for dead letters
}

type targetHTTP struct {
	Path           []string          `json:",omitzero"`
	Headers, Query map[string]string `json:",omitzero"`
}

type transformer struct {
	Paths    map[string]string `json:",omitzero"`
	Template string
}

// The kinds of target that are built.
type kind int

const (
	toNothing kind = iota
	toBus
	toLogs
	toAPI
	toTopic
	toQueue
)

func kindOf(name string) (kind, arn.ARN, error) {
	a, err := arn.Parse(name)
	if err != nil {
		return toNothing, a, err
	}
	switch what, _ := a.Type(); {
	case a.Service == "events" && what == "event-bus":
		return toBus, a, nil
	case a.Service == "logs" && what == "log-group":
		return toLogs, a, nil
	case a.Service == "events" && what == "api-destination":
		return toAPI, a, nil
	case a.Service == "sns" && a.Resource != "" && !strings.ContainsAny(a.Resource, ":/"):
		return toTopic, a, nil
	case a.Service == "sqs" && a.Resource != "" && !strings.ContainsAny(a.Resource, ":/"):
		return toQueue, a, nil
	}
	return toNothing, a, nil
}

// logGroup is the name of a log group by its ARN.
func logGroup(a arn.ARN) string {
	return strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
}

// PutTargets adds targets to a rule, or replaces those with their ids.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
func (s *Service) PutTargets(ctx context.Context, in *eventsapi.PutTargetsRequest) (*eventsapi.PutTargetsResponse, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	var targets []target
	for i := range in.Targets {
		t, err := newTarget(p, &in.Targets[i])
		if err != nil {
			return nil, err
		}
		targets = append(targets, *t)
	}
	err = s.changeRule(ctx, p.arn(), in.Rule, func(_ store.Tx, r *rule) error {
		r.Targets = slices.Clone(r.Targets)
		for _, t := range targets {
			if i := slices.IndexFunc(r.Targets, func(o target) bool { return o.ID == t.ID }); i >= 0 {
				r.Targets[i] = t
			} else {
				r.Targets = append(r.Targets, t)
			}
		}
		if len(r.Targets) > s.Quotas.Targets {
			return errLimit
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.PutTargetsResponse{FailedEntryCount: new(int32(0)), FailedEntries: []eventsapi.PutTargetsResultEntry{}}, nil
}

// newTarget checks a target.
func newTarget(p place, in *eventsapi.Target) (*target, error) {
	k, a, err := kindOf(in.Arn)
	switch {
	case err != nil:
		return nil, notValid(in.Arn, "Provided Arn is not in correct format.")
	case k == toNothing:
		return nil, notValid(in.Arn, "Bartizan delivers to event buses, CloudWatch Logs log groups, SNS topics, SQS queues and API destinations, and to no target of "+a.Service+".")
	case in.KinesisParameters != nil || in.RunCommandParameters != nil || in.EcsParameters != nil || in.BatchParameters != nil || in.SqsParameters != nil ||
		in.RedshiftDataParameters != nil || in.SageMakerPipelineParameters != nil || in.AppSyncParameters != nil || in.HttpParameters != nil && k != toAPI:
		return nil, invalid("Parameters of another kind of target are not supported for target %s.", in.Id)
	}
	if k == toLogs && (a.Account != p.Account || a.Region != p.Region) {
		return nil, notValid(in.Arn, "A log group must be in the account and Region of its rule.")
	}
	if (k == toTopic || k == toQueue) && a.Region != p.Region {
		return nil, notValid(in.Arn, "A topic or queue must be in the Region of its rule.")
	}
	if k == toAPI {
		// The role of an API destination must be allowed events:InvokeApiDestination.
		if a.Account != p.Account || a.Region != p.Region {
			return nil, notValid(in.Arn, "An API destination must be in the account and Region of its rule.")
		}
		if text(in.RoleArn) == "" {
			return nil, invalid("RoleArn is required for target %s.", in.Arn)
		}
	}
	if k == toBus {
		to, ok := placeOfARN(in.Arn)
		if !ok {
			return nil, notValid(in.Arn, "Provided Arn is not in correct format.")
		}
		// "For cross-account and cross-Region targets … a RoleArn is needed."
		// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
		if to.home() != p.home() && text(in.RoleArn) == "" {
			return nil, invalid("RoleArn is required for target %s.", in.Arn)
		}
		if in.Input != nil || in.InputPath != nil || in.InputTransformer != nil {
			return nil, invalid("An event bus gets events as they are: Input, InputPath and InputTransformer are not supported for target %s.", in.Id)
		}
	}
	t := &target{ID: in.Id, Arn: in.Arn, Role: text(in.RoleArn), Input: in.Input, InputPath: in.InputPath}
	if in.InputTransformer != nil {
		t.Transformer = &transformer{in.InputTransformer.InputPathsMap, in.InputTransformer.InputTemplate}
	}
	if h := in.HttpParameters; h != nil {
		t.HTTP = &targetHTTP{h.PathParameterValues, h.HeaderParameters, h.QueryStringParameters}
	}
	if r := in.RetryPolicy; r != nil {
		t.Attempts, t.Age = r.MaximumRetryAttempts, r.MaximumEventAgeInSeconds
	}
	if in.DeadLetterConfig != nil && text(in.DeadLetterConfig.Arn) != "" {
		// "The dead-letter queue must be in the same Region as the rule."
		if k, a, err := kindOf(*in.DeadLetterConfig.Arn); err != nil || k != toQueue || a.Region != p.Region {
			return nil, notValid("DeadLetterConfig", "It must be the ARN of a standard SQS queue in the Region of the rule.")
		}
		t.Dead = *in.DeadLetterConfig.Arn
	}
	if _, err := t.render([]byte("{}"), input.Context{}); err != nil && err != input.ErrOutput {
		return nil, invalid("%s", err.Error())
	}
	return t, nil
}

// render is what the target gets for an event.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func (t *target) render(event []byte, c input.Context) ([]byte, error) {
	if err := input.Check(t.ID, t.Input != nil, t.InputPath != nil, t.Transformer != nil); err != nil {
		return nil, err
	}
	switch {
	case t.Input != nil:
		if !json.Valid([]byte(*t.Input)) {
			return nil, &input.Error{Message: "JSON syntax error in input for target " + t.ID}
		}
		return []byte(*t.Input), nil
	case t.InputPath != nil:
		path, err := input.ForTarget(t.ID, *t.InputPath)
		if err != nil {
			return nil, err
		}
		found, ok := path.Find(event)
		if !ok {
			return nil, input.ErrOutput
		}
		return found, nil
	case t.Transformer != nil:
		x, err := input.ParseTransformer(t.ID, t.Transformer.Paths, t.Transformer.Template)
		if err != nil {
			return nil, err
		}
		return x.Apply(event, c)
	}
	return event, nil
}

// The retry policy where none is given.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
const (
	defaultAttempts = 185
	defaultAge      = 24 * time.Hour
)

func (t *target) attempts() int {
	if t.Attempts == nil {
		return defaultAttempts
	}
	return int(*t.Attempts)
}

func (t *target) age() time.Duration {
	if t.Age == nil {
		return defaultAge
	}
	return time.Duration(*t.Age) * time.Second
}

// RemoveTargets takes targets from a rule. One that is not there is told as a
// failed entry.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemoveTargets.html
func (s *Service) RemoveTargets(ctx context.Context, in *eventsapi.RemoveTargetsRequest) (*eventsapi.RemoveTargetsResponse, error) {
	var failed []eventsapi.RemoveTargetsResultEntry
	err := s.changeRule(ctx, text(in.EventBusName), in.Rule, func(_ store.Tx, r *rule) error {
		failed = []eventsapi.RemoveTargetsResultEntry{}
		r.Targets = slices.Clone(r.Targets)
		for _, id := range in.Ids {
			n := len(r.Targets)
			r.Targets = slices.DeleteFunc(r.Targets, func(t target) bool { return t.ID == id })
			if len(r.Targets) == n {
				failed = append(failed, eventsapi.RemoveTargetsResultEntry{
					TargetId: &id, ErrorCode: new("ResourceNotFoundException"), ErrorMessage: new("Rule " + r.Name + " does not have a target with the Id " + id + "."),
				})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.RemoveTargetsResponse{FailedEntryCount: new(int32(len(failed))), FailedEntries: failed}, nil
}

// ListTargetsByRule lists the targets of a rule.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListTargetsByRule.html
func (s *Service) ListTargetsByRule(ctx context.Context, in *eventsapi.ListTargetsByRuleRequest) (*eventsapi.ListTargetsByRuleResponse, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	r, err := s.rule(ctx, s.Store, p, in.Rule)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(r.Targets)
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.ID, b.ID) })
	all = slices.DeleteFunc(all, func(t target) bool { return t.ID <= pg.after })
	all, next := cut(all, pg, func(t *target) string { return t.ID })
	out := &eventsapi.ListTargetsByRuleResponse{Targets: []eventsapi.Target{}, NextToken: next}
	for _, t := range all {
		x := eventsapi.Target{Id: t.ID, Arn: t.Arn, RoleArn: orNil(t.Role), Input: t.Input, InputPath: t.InputPath}
		if t.Transformer != nil {
			x.InputTransformer = &eventsapi.InputTransformer{InputPathsMap: t.Transformer.Paths, InputTemplate: t.Transformer.Template}
		}
		if t.Dead != "" {
			x.DeadLetterConfig = &eventsapi.DeadLetterConfig{Arn: &t.Dead}
		}
		if h := t.HTTP; h != nil {
			x.HttpParameters = &eventsapi.HttpParameters{PathParameterValues: h.Path, HeaderParameters: h.Headers, QueryStringParameters: h.Query}
		}
		if t.Attempts != nil || t.Age != nil {
			x.RetryPolicy = &eventsapi.RetryPolicy{MaximumRetryAttempts: t.Attempts, MaximumEventAgeInSeconds: t.Age}
		}
		out.Targets = append(out.Targets, x)
	}
	return out, nil
}
