package sns

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// maxPolicy is the most bytes of a topic's policy.
// https://docs.aws.amazon.com/general/latest/gr/sns.html
const maxPolicy = 30 << 10

// setTopic sets an attribute by its name.
// https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
func (s *Service) setTopic(ctx context.Context, t *topic, name, value string) (err error) {
	switch name {
	case "DisplayName":
		if len(value) > 100 || strings.ContainsAny(value, "\r\n") {
			return invalid("DisplayName")
		}
		t.Display = value
	case "Policy":
		if value == "" {
			return invalid("Policy Error: null")
		}
		t.Policy, err = s.checkPolicy(ctx, value)
	case "DeliveryPolicy":
		if value != "" {
			if _, err := parseTopicDelivery(value); err != nil {
				return invalid("DeliveryPolicy: %s", err)
			}
		}
		t.Delivery = value
	case "KmsMasterKeyId":
		if len(value) > 2048 {
			return invalid("KmsMasterKeyId")
		}
		t.Key = value
	case "SignatureVersion":
		if value != "1" && value != "2" {
			return invalid("SignatureVersion: Invalid value [%s]. Please use either 1 or 2", value)
		}
		t.SignatureVersion = value
	case "TracingConfig":
		if value != "PassThrough" {
			return invalid("TracingConfig Reason: Bartizan sends no traces: the only value is PassThrough")
		}
		t.Tracing = value
	case "FifoTopic":
		if on, err := strconv.ParseBool(value); err != nil || on {
			return invalid("FifoTopic")
		}
	case "ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy":
		return invalid("%s Reason: It is for FIFO topics", name)
	default:
		if strings.HasSuffix(name, "FeedbackRoleArn") || strings.HasSuffix(name, "FeedbackSampleRate") {
			if value == "" {
				return nil
			}
			return invalid("%s Reason: Bartizan writes no delivery status to CloudWatch Logs", name)
		}
		return invalid("AttributeName")
	}
	return err
}

// SetTopicAttributes sets one attribute of a topic.
// https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
func (s *Service) SetTopicAttributes(ctx context.Context, in *snsapi.SetTopicAttributesInput) (*snsapi.SetTopicAttributesOutput, error) {
	if in.AttributeName == "FifoTopic" { // it is given when the topic is made
		return nil, invalid("AttributeName")
	}
	err := s.changeTopic(ctx, in.TopicArn, func(t *topic) error {
		return s.setTopic(ctx, t, in.AttributeName, text(in.AttributeValue))
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.SetTopicAttributesOutput{}, nil
}

func (s *Service) changeTopic(ctx context.Context, name string, change func(*topic) error) error {
	p, err := topicPlace(ctx, name, "TopicArn")
	if err != nil {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		t, err := s.topic(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := change(t); err != nil {
			return err
		}
		return s.topics.Put(ctx, tx, p.key(), t)
	})
	return err
}

// GetTopicAttributes shows a topic.
// https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html
func (s *Service) GetTopicAttributes(ctx context.Context, in *snsapi.GetTopicAttributesInput) (*snsapi.GetTopicAttributesResponse, error) {
	p, err := topicPlace(ctx, in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	t, err := s.topic(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	all, err := s.subscriptions.List(ctx, s.Store, p.key()+"/", "", 0)
	if err != nil {
		return nil, err
	}
	confirmed, pending, deleted := 0, 0, 0
	for _, e := range all {
		switch {
		case e.Value.gone():
			deleted++
		case e.Value.Pending:
			pending++
		default:
			confirmed++
		}
	}
	document, err := s.policyOf(ctx, t)
	if err != nil {
		return nil, err
	}
	effective, err := topicDelivery(t)
	if err != nil {
		return nil, err
	}
	out := map[string]string{
		"TopicArn": p.arn(), "Owner": p.Account, "DisplayName": t.Display, "Policy": document, "EffectiveDeliveryPolicy": effective.topic(),
		"SubscriptionsConfirmed": strconv.Itoa(confirmed), "SubscriptionsPending": strconv.Itoa(pending), "SubscriptionsDeleted": strconv.Itoa(deleted),
	}
	for name, value := range map[string]string{"DeliveryPolicy": t.Delivery, "KmsMasterKeyId": t.Key, "SignatureVersion": t.SignatureVersion, "TracingConfig": t.Tracing} {
		if value != "" {
			out[name] = value
		}
	}
	return &snsapi.GetTopicAttributesResponse{Attributes: out}, nil
}

// policyOf is the policy as its owner wrote it, or the one that topics are born
// with. aws:SourceOwner is a key of AWS's own services: nobody has it here, so
// that policy lets in nobody.
// https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html#source-account-versus-source-owner
func (s *Service) policyOf(ctx context.Context, t *topic) (string, error) {
	if t.Policy != "" {
		return s.Show(ctx, t.Policy)
	}
	return defaultPolicy(t.Place), nil
}

func defaultPolicy(p place) string {
	type statement struct {
		Sid, Effect string
		Principal   map[string]string
		Action      []string
		Resource    string
		Condition   map[string]map[string]string
	}
	var actions []string
	for _, a := range strings.Fields("GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe ListSubscriptionsByTopic Publish") {
		actions = append(actions, "SNS:"+a)
	}
	raw, _ := json.Marshal(struct { // strings always encode
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2008-10-17", "__default_policy_ID", []statement{{
		"__default_statement_ID", "Allow", map[string]string{"AWS": "*"}, actions, p.arn(),
		map[string]map[string]string{"StringEquals": {"AWS:SourceOwner": p.Account}},
	}}})
	return string(raw)
}

// checkPolicy returns the stored form of a policy.
func (s *Service) checkPolicy(ctx context.Context, document string) (string, error) {
	if len(document) > maxPolicy {
		return "", invalid("Policy length exceeds the limit of %d bytes", maxPolicy)
	}
	doc, err := policy.Parse([]byte(document))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return "", invalid("Policy Error: %s", err)
	}
	bound, wrong, err := s.Bind(ctx, document)
	if err == nil && wrong != "" {
		return "", invalid("Policy Error: PrincipalNotFound: %s", wrong)
	}
	return bound, err
}
