package sns

import (
	"context"
	"encoding/json"
	"slices"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/arn"
)

// grantable are the actions that AddPermission takes.
var grantable = []string{"GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish", "Receive", "*"}

// document is a policy whose statements are left as they stand.
type document struct {
	Version   string
	ID        string `json:"Id,omitempty"`
	Statement []json.RawMessage
}

// readDocument reads a policy that is known to be one.
func readDocument(raw string) (*document, error) {
	var one struct {
		Version, ID string
		Statement   json.RawMessage
	}
	if err := json.Unmarshal([]byte(raw), &one); err != nil {
		return nil, err
	}
	d := &document{Version: one.Version, ID: one.ID}
	if len(one.Statement) > 0 && one.Statement[0] == '{' {
		d.Statement = []json.RawMessage{one.Statement}
		return d, nil
	}
	return d, json.Unmarshal(one.Statement, &d.Statement)
}

func hasSid(label string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		var st struct{ Sid string }
		return json.Unmarshal(raw, &st) == nil && st.Sid == label
	}
}

// changePolicy changes the statements of a topic's policy.
func (s *Service) changePolicy(ctx context.Context, name string, change func(p place, d *document) error) error {
	return s.changeTopic(ctx, name, func(t *topic) error {
		bound := t.Policy
		if bound == "" {
			bound = defaultPolicy(t.Place)
		}
		d, err := readDocument(bound)
		if err != nil {
			return err
		}
		if err := change(t.Place, d); err != nil {
			return err
		}
		if len(d.Statement) == 0 {
			t.Policy = ""
			return nil
		}
		raw, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if t.Policy = string(raw); len(raw) > maxPolicy {
			return invalid("Policy length exceeds the limit of %d bytes", maxPolicy)
		}
		return nil
	})
}

// AddPermission lets accounts do something with a topic.
// https://docs.aws.amazon.com/sns/latest/api/API_AddPermission.html
func (s *Service) AddPermission(ctx context.Context, in *snsapi.AddPermissionInput) (*snsapi.AddPermissionOutput, error) {
	actions, principals := make([]string, 0, len(in.ActionName)), make([]string, 0, len(in.AWSAccountId))
	for _, a := range in.ActionName {
		if !slices.Contains(grantable, a) {
			return nil, invalid("Policy statement action out of service scope!")
		}
		actions = append(actions, "SNS:"+a)
	}
	for _, id := range in.AWSAccountId {
		if !arn.IsAccount(id) {
			return nil, invalid("Policy Error: PrincipalNotFound: %s", id)
		}
		principals = append(principals, arn.New("iam", "", id, "root"))
	}
	if len(actions) == 0 || len(principals) == 0 || in.Label == "" {
		return nil, invalid("Label, AWSAccountId and ActionName must not be empty")
	}
	err := s.changePolicy(ctx, in.TopicArn, func(p place, d *document) error {
		if slices.ContainsFunc(d.Statement, hasSid(in.Label)) {
			return invalid("Statement already exists")
		}
		raw, err := json.Marshal(map[string]any{
			"Sid": in.Label, "Effect": "Allow", "Principal": map[string]any{"AWS": oneOrMany(principals)}, "Action": oneOrMany(actions), "Resource": p.arn(),
		})
		d.Statement = append(d.Statement, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.AddPermissionOutput{}, nil
}

func oneOrMany(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// RemovePermission takes a statement away; one that is not there is no error.
// https://docs.aws.amazon.com/sns/latest/api/API_RemovePermission.html
func (s *Service) RemovePermission(ctx context.Context, in *snsapi.RemovePermissionInput) (*snsapi.RemovePermissionOutput, error) {
	err := s.changePolicy(ctx, in.TopicArn, func(_ place, d *document) error {
		d.Statement = slices.DeleteFunc(d.Statement, hasSid(in.Label))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.RemovePermissionOutput{}, nil
}
