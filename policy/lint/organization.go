package lint

import (
	"slices"
	"strings"
)

// organization checks what only resource control policies have. Service control
// policies have taken the whole language since September 2025.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
func (l *linter) organization(s *statement) {
	if l.Type != ResourceControl {
		return
	}
	if p := s.principal; p != nil && (s.notPrincipal || !l.everybody(s)) {
		l.about("RCP_SYNTAX_ERROR_PRINCIPAL", atKey(p))
	}
	if s.action.not {
		l.about("RCP_SYNTAX_ERROR_NOTACTION", atKey(s.action.node))
	}
	if s.allow && (s.notPrincipal || s.principal != nil && !l.everybody(s) || s.resource.not || len(s.conditions) > 0 ||
		slices.ContainsFunc(s.resource.values, func(v *node) bool { return v.text != "*" })) {
		l.about("RCP_SYNTAX_ERROR_ALLOW", at(s.node))
	}
	for _, v := range s.action.values {
		prefix, _, _ := strings.Cut(v.text, ":")
		if v.text == "*" && s.allow { // RCPFullAWSAccess
			continue
		}
		if !l.Reference.RCP(prefix) {
			l.about("RCP_SYNTAX_ERROR_ACTION", at(v))
		}
	}
	if s.deny {
		l.perimeter(s)
	}
}

func (l *linter) everybody(s *statement) bool {
	return s.everyone || len(s.principals) == 1 && s.principals[0].kind == "AWS" && s.principals[0].text == "*"
}

// principalKeys tell who asks, and are absent or different when a service does.
var principalKeys = []string{"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn"}

// serviceKeys are present only when a service asks.
var serviceKeys = []string{"aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceaccount", "aws:sourcearn"}

// perimeter: a denial by who asks meets services too, and one by for whom a
// service asks meets people.
func (l *linter) perimeter(s *statement) {
	isService := s.has("aws:principalisawsservice")
	says := func(word string) bool {
		return isService != nil && isService.family == boolOp && len(isService.values) == 1 && lower(isService.values[0].text) == word
	}
	for _, c := range s.conditions {
		if c.family == nullOp {
			continue
		}
		switch {
		case slices.Contains(principalKeys, c.key) && !says("false"):
			l.about("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", at(c.node), c.name)
		case !slices.Contains(serviceKeys, c.key):
		case !says("true"):
			l.about("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", at(c.node), c.name)
		case c.negated && !l.nullChecked(s):
			l.about("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", at(c.node), c.name)
		}
	}
}

func (l *linter) nullChecked(s *statement) bool {
	return slices.ContainsFunc(s.conditions, func(c *condition) bool {
		return c.family == nullOp && (c.key == "aws:sourceaccount" || c.key == "aws:sourcearn") &&
			len(c.values) == 1 && lower(c.values[0].text) == "false"
	})
}
