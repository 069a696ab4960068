package events

import (
	"context"
	"encoding/json"
	"slices"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxPolicy is the most bytes of a bus's policy.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const maxPolicy = 10_240

var errPolicySize = wire.Errorf("PolicyLengthExceededException", "The event bus policy is too long. For more information, see the limits.")

// PutPermission lets others put events on a bus: by a whole policy, or by one
// statement for an account or an organization.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
func (s *Service) PutPermission(ctx context.Context, in *eventsapi.PutPermissionRequest) (*eventsapi.PutPermissionOutput, error) {
	p, err := own(ctx, text(in.EventBusName))
	if err != nil {
		return nil, err
	}
	if _, err := s.bus(ctx, s.Store, p); err != nil {
		return nil, err
	}
	if in.Policy != nil {
		if in.Action != nil || in.Principal != nil || in.StatementId != nil || in.Condition != nil {
			return nil, invalid("Policy can't be combined with Action, Principal, StatementId or Condition.")
		}
		bound, err := s.checkPolicy(ctx, *in.Policy)
		if err != nil {
			return nil, err
		}
		_, err = s.changeBus(ctx, p.Name, func(_ store.Tx, b *bus) error { b.Policy = bound; return nil })
		return &eventsapi.PutPermissionOutput{}, err
	}
	if in.Action == nil || in.Principal == nil || in.StatementId == nil {
		return nil, invalid("Action, Principal and StatementId are required where there is no Policy.")
	}
	if *in.Action != "events:PutEvents" {
		return nil, invalid("Provided value in parameter 'action' is not supported.")
	}
	statement := map[string]any{"Sid": *in.StatementId, "Effect": "Allow", "Action": *in.Action, "Resource": p.arn()}
	switch {
	case arn.IsAccount(*in.Principal):
		statement["Principal"] = map[string]string{"AWS": arn.New("iam", "", *in.Principal, "root")}
	case *in.Principal == "*":
		statement["Principal"] = "*"
	default:
		return nil, invalid("Provided value in parameter 'principal' is not valid. It must be an AWS account ID or *.")
	}
	if c := in.Condition; c != nil {
		// "Specify the Condition: Type StringEquals, Key aws:PrincipalOrgID."
		if c.Type != "StringEquals" || c.Key != "aws:PrincipalOrgID" || *in.Principal != "*" {
			return nil, invalid("A Condition must be StringEquals on aws:PrincipalOrgID, with the principal *.")
		}
		statement["Condition"] = map[string]any{c.Type: map[string]string{c.Key: c.Value}}
	}
	return &eventsapi.PutPermissionOutput{}, s.addStatement(ctx, p, *in.StatementId, statement)
}

// addStatement puts a statement in the place of the one with its id.
func (s *Service) addStatement(ctx context.Context, p place, sid string, statement map[string]any) error {
	_, err := s.changeBus(ctx, p.Name, func(_ store.Tx, b *bus) error {
		doc, err := statements(b.Policy)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(statement)
		if err != nil {
			return err
		}
		doc.Statement = append(slices.DeleteFunc(doc.Statement, hasSid(sid)), raw)
		return b.setStatements(doc)
	})
	return err
}

// checkPolicy returns the stored form of a whole policy.
func (s *Service) checkPolicy(ctx context.Context, document string) (string, error) {
	if len(document) > maxPolicy {
		return "", errPolicySize
	}
	doc, err := policy.Parse([]byte(document))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return "", invalid("The policy is not valid: %s", err)
	}
	bound, wrong, err := s.Bind(ctx, document)
	if err == nil && wrong != "" {
		return "", invalid("The policy names a principal that does not exist: %s", wrong)
	}
	return bound, err
}

// document is a policy whose statements are left as they stand.
type document struct {
	Version   string
	ID        string `json:"Id,omitempty"`
	Statement []json.RawMessage
}

func statements(bound string) (*document, error) {
	d := &document{Version: "2012-10-17"}
	if bound == "" {
		return d, nil
	}
	var one struct {
		Version, ID string
		Statement   json.RawMessage
	}
	if err := json.Unmarshal([]byte(bound), &one); err != nil {
		return nil, err
	}
	d.Version, d.ID = one.Version, one.ID
	if len(one.Statement) > 0 && one.Statement[0] == '{' {
		d.Statement = []json.RawMessage{one.Statement}
		return d, nil
	}
	return d, json.Unmarshal(one.Statement, &d.Statement)
}

func (b *bus) setStatements(d *document) error {
	if len(d.Statement) == 0 {
		b.Policy = ""
		return nil
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if b.Policy = string(raw); len(raw) > maxPolicy {
		return errPolicySize
	}
	return nil
}

func hasSid(sid string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		var st struct{ Sid string }
		return json.Unmarshal(raw, &st) == nil && st.Sid == sid
	}
}

// RemovePermission takes a statement away, or all of them.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RemovePermission.html
func (s *Service) RemovePermission(ctx context.Context, in *eventsapi.RemovePermissionRequest) (*eventsapi.RemovePermissionOutput, error) {
	all := in.RemoveAllPermissions != nil && *in.RemoveAllPermissions
	if !all && in.StatementId == nil {
		return nil, invalid("Parameter StatementId is required where RemoveAllPermissions is not true.")
	}
	_, err := s.changeBus(ctx, text(in.EventBusName), func(_ store.Tx, b *bus) error {
		if all {
			b.Policy = ""
			return nil
		}
		doc, err := statements(b.Policy)
		if err != nil {
			return err
		}
		n := len(doc.Statement)
		if doc.Statement = slices.DeleteFunc(doc.Statement, hasSid(*in.StatementId)); len(doc.Statement) == n {
			return notFound("Statement with the provided id does not exist.")
		}
		return b.setStatements(doc)
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.RemovePermissionOutput{}, nil
}
