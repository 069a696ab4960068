package ssm

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/wire"
)

// Parameter policies. Expiration is enforced (work.go). ExpirationNotification
// and NoChangeNotification are events of EventBridge, which is not here: they are
// checked, kept and shown, and stay Pending (see README).
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html
type rule struct {
	Type string
	Text string // as it was given
	At   time.Time
}

const (
	maxRules     = 10
	ruleExpires  = "Expiration"
	ruleWarns    = "ExpirationNotification"
	ruleNoChange = "NoChangeNotification"
)

// attributes of a rule; which belong to which type is checked below.
type attributes struct{ Timestamp, Before, After, Unit *string }

// parseRules reads the Policies of a call. An empty list, or one empty policy,
// takes all away.
func parseRules(text string, now time.Time) ([]rule, error) {
	bad := func(format string, args ...any) error {
		return wire.Errorf("InvalidPolicyAttributeException", format, args...)
	}
	var list []json.RawMessage
	if trimmed := bytes.TrimSpace([]byte(text)); len(trimmed) == 0 || string(trimmed) == "{}" {
		return nil, nil
	} else if err := json.Unmarshal(trimmed, &list); err != nil {
		return nil, bad("The policies are not a JSON array.")
	}
	if len(list) > maxRules {
		return nil, wire.Errorf("PoliciesLimitExceededException", "You specified more than the maximum number of allowed policies for the parameter. The maximum is %d.", maxRules)
	}
	var out []rule
	for _, raw := range list {
		if string(bytes.Join(bytes.Fields(raw), nil)) == "{}" {
			continue
		}
		r, err := parseRule(raw, now)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	for _, r := range out {
		same := func(t string) bool { return slices.ContainsFunc(out, func(o rule) bool { return o.Type == t }) }
		if r.Type == ruleExpires && countRules(out, ruleExpires) > 1 {
			return nil, wire.Errorf("IncompatiblePolicyException", "A parameter can have one Expiration policy.")
		}
		if r.Type == ruleWarns && !same(ruleExpires) {
			return nil, wire.Errorf("IncompatiblePolicyException", "An ExpirationNotification policy needs an Expiration policy.")
		}
	}
	return out, nil
}

func countRules(list []rule, kind string) (n int) {
	for _, r := range list {
		if r.Type == kind {
			n++
		}
	}
	return n
}

func parseRule(raw json.RawMessage, now time.Time) (rule, error) {
	var p struct {
		Type, Version string
		Attributes    attributes
	}
	bad := func(format string, args ...any) (rule, error) {
		return rule{}, wire.Errorf("InvalidPolicyAttributeException", format, args...)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return bad("A policy has attributes that are not known or not strings.")
	}
	a := p.Attributes
	r := rule{Type: p.Type, Text: string(raw)}
	if p.Version != "1.0" {
		return bad("The policy version must be 1.0.")
	}
	switch p.Type {
	case ruleExpires:
		if a.Timestamp == nil || a.Before != nil || a.After != nil || a.Unit != nil {
			return bad("An Expiration policy has the attribute Timestamp.")
		}
		at, err := time.Parse(time.RFC3339, *a.Timestamp)
		if err != nil || at.Year() > 2200 {
			return bad("The Timestamp of an Expiration policy must be an ISO 8601 instant such as 2030-12-02T21:34:33.000Z.")
		}
		if !at.After(now) {
			return bad("The Timestamp of an Expiration policy must be in the future.")
		}
		r.At = at
		return r, nil
	case ruleWarns:
		if a.Timestamp != nil || a.After != nil || !isSpan(a.Before, a.Unit) {
			return bad("An ExpirationNotification policy has the attributes Before, a number, and Unit, Days or Hours.")
		}
		return r, nil
	case ruleNoChange:
		if a.Timestamp != nil || a.Before != nil || !isSpan(a.After, a.Unit) {
			return bad("A NoChangeNotification policy has the attributes After, a number, and Unit, Days or Hours.")
		}
		return r, nil
	}
	return rule{}, wire.Errorf("InvalidPolicyTypeException", "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, ExpirationNotification, and NoChangeNotification.")
}

func isSpan(number, unit *string) bool {
	if number == nil || unit == nil || *unit != "Days" && *unit != "Hours" {
		return false
	}
	n, err := strconv.Atoi(*number)
	return err == nil && n > 0
}

// expires returns when a version's Expiration policy deletes the parameter.
func (v *version) expires() time.Time {
	for _, r := range v.Rules {
		if r.Type == ruleExpires {
			return r.At
		}
	}
	return time.Time{}
}

func inline(list []rule) []ssmapi.ParameterInlinePolicy {
	out := []ssmapi.ParameterInlinePolicy{}
	for _, r := range list {
		out = append(out, ssmapi.ParameterInlinePolicy{PolicyText: &r.Text, PolicyType: &r.Type, PolicyStatus: new("Pending")})
	}
	return out
}
