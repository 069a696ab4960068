package lint

import (
	"slices"
	"strings"

	"bartizan.dev/policy/reference"
)

// condition is one operator applied to one key.
type condition struct {
	operator
	known  bool   // the operator exists
	opName string // as written
	*node         // the value; its name is the key as written
	key    string // in lower case
	values []*node
	ref    *reference.ConditionKey // nil when nothing is known of the key
}

// has returns the first condition of the statement on one of the keys, which
// are in lower case.
func (s *statement) has(keys ...string) *condition {
	for _, c := range s.conditions {
		if slices.Contains(keys, c.key) {
			return c
		}
	}
	return nil
}

// readConditions reads the Condition element and reports what has the wrong
// shape.
func (l *linter) readConditions(s *statement) {
	block := s.member("Condition")
	switch {
	case block == nil:
		return
	case block.kind != object:
		l.about("DATA_TYPE_MISMATCH", at(block), object)
		return
	case len(block.items) == 0:
		l.about("EMPTY_OBJECT_CONDITION", at(block))
	}
	for _, op := range block.items {
		parsed, known := parseOperator(op.name)
		switch {
		case !known:
			l.about("INVALID_CONDITION_OPERATOR", atKey(op), op.name)
		case parsed.family == nullOp && parsed.ifExists:
			l.about("NULL_WITH_IF_EXISTS", atKey(op))
		case parsed.family == nullOp && (parsed.forAll || parsed.forAny):
			l.about("NULL_WITH_QUALIFIER", atKey(op))
		}
		switch {
		case op.kind != object:
			l.about("DATA_TYPE_MISMATCH", at(op), object)
			continue
		case len(op.items) == 0:
			l.about("EMPTY_OBJECT_CONDITION", at(op))
		}
		seen := map[string]*node{}
		for _, m := range op.items {
			c := &condition{operator: parsed, known: known, opName: op.name, node: m, key: lower(m.name)}
			if first := seen[c.key]; first != nil {
				l.report("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", []place{atKey(first), atKey(m)}, m.name)
			} else {
				seen[c.key] = m
			}
			if k, ok := l.Reference.ConditionKey(m.name); ok {
				c.ref = k
			}
			l.readValues(c)
			s.conditions = append(s.conditions, c)
		}
	}
}

func (l *linter) readValues(c *condition) {
	items := []*node{c.node}
	if c.kind == array {
		items = c.items
	}
	for _, v := range items {
		if v.kind == object || v.kind == array || v.kind == null {
			l.about("DATA_TYPE_MISMATCH", at(v), text)
			continue
		}
		c.values = append(c.values, v)
	}
	if slices.ContainsFunc(c.values, func(v *node) bool { return v.kind != c.values[0].kind }) {
		l.about("INVALID_CONDITION_DATA_TYPE", at(c.node))
	}
}

func (l *linter) checkConditions(s *statement) {
	for _, c := range s.conditions {
		if l.conditionKey(c); !c.known {
			continue
		}
		if len(c.values) == 0 && len(c.items) == 0 && c.kind == array {
			l.emptyCondition(c)
			continue
		}
		l.qualifier(s, c)
		l.operatorType(c)
		l.always(c)
		l.sensitive(c)
		l.special(s, c)
		for _, v := range c.values {
			if hasVariable(v.text) {
				l.variableIn(c, v)
			} else {
				l.value(c, v)
				l.known(c, v)
			}
		}
		l.addresses(c)
		l.together(c)
	}
}

func (l *linter) emptyCondition(c *condition) {
	code := "EMPTY_ARRAY_CONDITION"
	switch {
	case c.forAll:
		code += "_FORALLVALUES"
	case c.forAny:
		code += "_FORANYVALUE"
	case c.ifExists:
		code += "_IFEXISTS"
	}
	l.about(code, at(c.node), c.name)
}

// tagged are the keys that end in the key of a tag.
func missingTag(key string) bool {
	name := strings.TrimSuffix(key, "/")
	return strings.HasSuffix(name, ":resourcetag") || strings.HasSuffix(name, ":requesttag") || strings.HasSuffix(name, ":principaltag")
}

// conditionKey checks that the key exists. Keys whose prefix is a host belong to
// identity providers, which choose them.
func (l *linter) conditionKey(c *condition) {
	prefix, name, found := strings.Cut(c.key, ":")
	switch {
	case !found || prefix == "" || name == "" || strings.ContainsAny(c.name, " \t\"'{}*?"):
		l.about("INVALID_CONDITION_KEY_FORMAT", atKey(c.node))
	case missingTag(c.key) && c.ref == nil:
		l.about("MISSING_TAG_KEY_IN_CONDITION", atKey(c.node), strings.TrimSuffix(c.name, "/")+"/")
	case c.ref != nil:
	case c.key == "aws:arn":
		l.about("UNSUPPORTED_GLOBAL_CONDITION_KEY", atKey(c.node))
	case prefix == "aws":
		l.about("INVALID_GLOBAL_CONDITION_KEY", atKey(c.node), c.name)
	case strings.ContainsAny(prefix, "./"):
	default:
		written, _, _ := strings.Cut(c.name, ":")
		if _, ok := l.Reference.Service(prefix); ok {
			l.about("INVALID_SERVICE_CONDITION_KEY", atKey(c.node), c.name, written)
		} else {
			l.about("INVALID_SERVICE", atKey(c.node), written)
		}
	}
}

// qualifier: set operators belong to keys of several values, and only to them.
func (l *linter) qualifier(s *statement, c *condition) {
	if c.ref == nil || c.family == nullOp {
		return
	}
	if c.ref.Multi {
		if !c.forAll && !c.forAny && c.key != "events:detail-type" { // a list in the reference, one text in EventBridge's own guide
			l.about("MISSING_QUALIFIER", at(c.node), c.name)
		}
		return
	}
	if c.forAll && s.allow && !strings.HasSuffix(c.key, ":aud") {
		l.about("FORALLVALUES_WITH_SINGLE_VALUED_KEY", at(c.node), c.name)
	}
}

// families are the operators that fit each type of key; the first is the one
// that AWS recommends.
var families = map[reference.Type][]family{
	reference.String:    {stringOp},
	reference.ARN:       {arnOp, stringOp},
	reference.Bool:      {boolOp},
	reference.Numeric:   {numericOp},
	reference.Date:      {dateOp},
	reference.IPAddress: {ipOp},
}

func (l *linter) operatorType(c *condition) {
	if c.ref == nil || c.family == nullOp || c.family == binaryOp {
		return
	}
	fit := families[c.ref.Type]
	switch {
	case c.ref.Type == reference.ARN && c.family == stringOp && c.like:
		l.about("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", at(c.node), fit[0], c.opName, c.name)
	case slices.Contains(fit, c.family),
		c.key == "aws:epochtime" && c.family == numericOp,
		c.key == "aws:federatedprovider" && c.family == arnOp: // an ARN, or the host of a provider built into AWS
	default:
		l.about("TYPE_MISMATCH", at(c.node), fit[0], c.opName, c.name)
	}
}

// always finds conditions that a lone star makes always or never true.
func (l *linter) always(c *condition) {
	if c.family != stringOp || !c.like || len(c.values) != 1 || c.values[0].text != "*" || isSensitive(c.key) {
		return
	}
	switch {
	case c.forAny && c.negated:
		l.about("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", at(c.node), c.name, c.opName)
	case !c.negated && (c.ifExists || c.forAll):
		l.about("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", at(c.node), c.name, c.opName)
	case !c.negated:
		l.about("EQUIVALENT_TO_NULL_FALSE", at(c.node), c.name, c.opName, c.name)
	default:
		l.about("EQUIVALENT_TO_NULL_TRUE", at(c.node), c.name, c.opName, c.name)
	}
}

// sensitiveKeys take no wildcards.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sensitive
var sensitiveKeys = []string{
	"aws:principalaccount", "aws:principalorgid", "aws:resourceaccount", "aws:resourceorgid", "aws:sourceaccount",
	"aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid",
}

// pathKeys need some characters before a wildcard: the organization.
var pathKeys = []string{"aws:principalorgpaths", "aws:resourceorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"}

func isSensitive(key string) bool {
	return slices.Contains(sensitiveKeys, key) || slices.Contains(pathKeys, key) || key == "aws:userid"
}

// sensitive finds wildcards, and variables that act as such, in keys that tell
// whose a request is.
func (l *linter) sensitive(c *condition) {
	if c.family != stringOp || !c.like || !isSensitive(c.key) {
		return
	}
	for _, v := range c.values {
		for _, kind := range []struct{ code, word, words, mark string }{
			{"WILDCARD_USAGE_TOO_PERMISSIVE", "wildcard", "wildcards are not allowed", "*?"},
			{"VARIABLE_USAGE_TOO_PERMISSIVE", "policy variable", "policy variables can be evaluated as effective wildcards. Therefore policy variables are not allowed", "$"},
		} {
			where := strings.IndexAny(v.text, kind.mark)
			if where < 0 || kind.mark == "$" && !hasVariable(v.text) || kind.mark != "$" && hasVariable(v.text) {
				continue
			}
			switch {
			case c.key == "aws:userid":
				if !goodUserID(v.text) {
					l.about(kind.code, at(v), "Overly permissive use of "+kind.word+" with aws:userID. Use the "+kind.word+" on the right side of colon or as the only character on the left side of a colon.")
				}
			case slices.Contains(pathKeys, c.key):
				if where < 6 {
					l.about(kind.code, at(v), "Overly permissive use of "+kind.word+" for the "+c.name+" condition key. Use the "+kind.word+" preceded by 6 consecutive characters.")
				}
			default:
				l.about(kind.code, at(v), "The "+kind.word+" is not allowed in the condition key "+c.name+". "+sensible+kind.words+" to be used with sensitive keys. Refer to "+keysPage+" for the list of sensitive keys.")
			}
		}
	}
}

// goodUserID: wildcards may stand behind the colon, or alone before it.
func goodUserID(value string) bool {
	left, _, found := strings.Cut(starred(value), ":")
	return found && (left == "*" || !wild(left))
}
