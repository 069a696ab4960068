package organizations

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	api "bartizan.dev/api/organizations"
)

// The syntax of management policies: objects whose leaves are operators.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_inheritance_mgmt.html

const (
	maxNesting = 32
	control    = "@@operators_allowed_for_child_policies"
)

// parseDeclarative reads a document. Names that are given twice, unknown
// operators and values without an operator are refused.
func parseDeclarative(text string) (*element, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('{') {
		return nil, errContent("a policy is an object")
	}
	e, err := parseElement(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errContent("something follows the policy")
	}
	return e, nil
}

// parseElement reads an object whose brace has been read.
func parseElement(dec *json.Decoder, depth int) (*element, error) {
	if depth > maxNesting {
		return nil, errContent("nested too deeply")
	}
	e := &element{}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key := tok.(string) // the decoder checks that it is one
		if seen[key] {
			return nil, errContent("given twice: " + key)
		}
		seen[key] = true
		if strings.HasPrefix(key, "@@") {
			if err := e.operator(dec, key); err != nil {
				return nil, err
			}
			continue
		}
		if tok, err = dec.Token(); err != nil {
			return nil, err
		}
		if tok != json.Delim('{') {
			return nil, errContent("a value without an operator: " + key)
		}
		sub, err := parseElement(dec, depth+1)
		if err != nil {
			return nil, err
		}
		if e.below == nil {
			e.below = map[string]*element{}
		}
		e.below[key] = sub
	}
	if _, err := dec.Token(); err != nil { // the brace
		return nil, err
	}
	if e.sets() && e.below != nil {
		return nil, errContent("a setting with keys below it")
	}
	return e, nil
}

// sets says that the element has a value-setting operator.
func (e *element) sets() bool { return e.assign != nil || e.appends != nil || e.removes != nil }

// operator reads the value of an operator.
func (e *element) operator(dec *json.Decoder, name string) error {
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	list, isList := v.([]any)
	if isList {
		for _, item := range list {
			if !scalar(item) {
				return errContent("a list of something else than values: " + name)
			}
		}
	}
	switch name {
	case "@@assign":
		if !isList && !scalar(v) {
			return errContent("@@assign wants a value or a list of values")
		}
		e.assign = v
		return nil
	case "@@append", "@@remove":
		if !isList {
			if !scalar(v) {
				return errContent(name + " wants a list of values")
			}
			list = []any{v}
		}
		if list == nil {
			list = []any{}
		}
		if name == "@@append" {
			e.appends = list
		} else {
			e.removes = list
		}
		return nil
	case control:
		return e.allow(list, isList)
	}
	return errContent("unknown operator: " + name)
}

func (e *element) allow(list []any, isList bool) error {
	if !isList || len(list) == 0 {
		return errContent(control + " wants a list")
	}
	var set operators
	for _, item := range list {
		switch item {
		case "@@all":
			set |= opAll
		case "@@none":
			if len(list) > 1 {
				return errContent("@@none stands alone")
			}
		case "@@assign":
			set |= opAssign
		case "@@append":
			set |= opAppend
		case "@@remove":
			set |= opRemove
		default:
			return errContent(control + ": unknown operator")
		}
	}
	e.control = &set
	return nil
}

// scalar: strings, numbers and booleans.
func scalar(v any) bool {
	switch v.(type) {
	case string, json.Number, bool:
		return true
	}
	return false
}

// topLevel is the one key with which the documents of a type begin; "" where it
// is not known.
func topLevel(t api.PolicyType) string {
	switch t {
	case api.PolicyType_TAG_POLICY:
		return "tags"
	case api.PolicyType_BACKUP_POLICY:
		return "plans"
	case api.PolicyType_AISERVICES_OPT_OUT_POLICY:
		return "services"
	case api.PolicyType_CHATBOT_POLICY:
		return "chatbot"
	case api.PolicyType_DECLARATIVE_POLICY_EC2:
		return "ec2_attributes"
	case api.PolicyType_SECURITYHUB_POLICY:
		return "securityhub"
	case api.PolicyType_INSPECTOR_POLICY:
		return "inspector"
	case api.PolicyType_UPGRADE_ROLLOUT_POLICY:
		return "upgrade_rollout"
	case api.PolicyType_BEDROCK_POLICY:
		return "bedrock"
	case api.PolicyType_S3_POLICY:
		return "s3_attributes"
	}
	return ""
}

// checkDeclarative checks a management policy.
func checkDeclarative(t api.PolicyType, text string) error {
	doc, err := parseDeclarative(text)
	if err != nil {
		return err
	}
	if doc.sets() || len(doc.below) == 0 {
		return errContent("an empty policy")
	}
	if top := topLevel(t); top != "" && (len(doc.below) != 1 || doc.below[top] == nil) {
		return errContent("a policy of this type has the one key " + top)
	}
	switch t {
	case api.PolicyType_TAG_POLICY:
		return each(doc.below["tags"], checkTagRule)
	case api.PolicyType_AISERVICES_OPT_OUT_POLICY:
		return each(doc.below["services"], checkOptOut)
	case api.PolicyType_BACKUP_POLICY:
		return each(doc.below["plans"], checkPlan)
	}
	return nil
}

func each(e *element, check func(key string, e *element) error) error {
	if e.sets() {
		return errContent("operators where names are wanted")
	}
	for key, sub := range e.below {
		if err := check(key, sub); err != nil {
			return err
		}
	}
	return nil
}

// checkTagRule: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_example-tag-policies.html
func checkTagRule(key string, e *element) error {
	return each(e, func(name string, e *element) error {
		switch name {
		case "tag_key":
			if v, ok := e.assign.(string); e.assign != nil && (!ok || !strings.EqualFold(v, key)) || e.appends != nil || e.removes != nil {
				return errContent("tag_key is the policy key but for its case")
			}
		case "tag_value", "enforced_for", "report_required_tag_for":
			if _, ok := e.assign.([]any); e.assign != nil && !ok {
				return errContent(name + " is a list")
			}
		default:
			return errContent("unknown key: " + name)
		}
		return nil
	})
}

// checkOptOut: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_ai-opt-out_syntax.html
func checkOptOut(_ string, e *element) error {
	return each(e, func(name string, e *element) error {
		if name != "opt_out_policy" {
			return errContent("unknown key: " + name)
		}
		if e.assign != nil && e.assign != "optIn" && e.assign != "optOut" || e.appends != nil || e.removes != nil {
			return errContent("opt_out_policy is optIn or optOut")
		}
		return nil
	})
}

// checkPlan: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html
func checkPlan(_ string, e *element) error {
	return each(e, func(name string, _ *element) error {
		switch name {
		case "rules", "regions", "selections", "advanced_backup_settings", "backup_plan_tags", "scan_settings":
			return nil
		}
		return errContent("unknown key: " + name)
	})
}
