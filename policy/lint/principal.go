package lint

import (
	"slices"
	"strings"
)

var principalKinds = []string{"AWS", "CanonicalUser", "Federated", "Service"}

// readPrincipal reads Principal or NotPrincipal and reports what has the wrong
// shape.
func (l *linter) readPrincipal(s *statement) {
	p := s.principal
	switch {
	case p == nil:
		return
	case l.Type == Identity:
		l.about("UNSUPPORTED_PRINCIPAL", atKey(p), Identity)
	case l.Type == ServiceControl:
		l.about("SCP_SYNTAX_ERROR_PRINCIPAL", atKey(p))
	}
	switch p.kind {
	case text:
		if s.everyone = p.text == "*"; !s.everyone {
			l.about("INVALID_PRINCIPAL_FORMAT", at(p))
		}
		return
	case array:
		if len(p.items) == 0 {
			l.about("EMPTY_ARRAY_PRINCIPAL", at(p))
		} else {
			l.about("INVALID_PRINCIPAL_FORMAT", at(p))
		}
		return
	case object:
	default:
		l.about("DATA_TYPE_MISMATCH", at(p), object)
		return
	}
	if len(p.items) == 0 {
		l.about("EMPTY_OBJECT_PRINCIPAL", at(p))
	}
	for _, m := range p.items {
		if !slices.Contains(principalKinds, m.name) {
			l.about("INVALID_PRINCIPAL_KEY", atKey(m), m.name)
			continue
		}
		values := l.list(m).values
		if m.kind == array && len(m.items) == 0 {
			l.about("EMPTY_ARRAY_PRINCIPAL", at(m))
		}
		for _, v := range values {
			s.principals = append(s.principals, principal{m.name, v})
			s.service = s.service || m.name == "Service"
			s.other = s.other || m.name != "Service"
		}
	}
}

// checkPrincipals checks the names.
func (l *linter) checkPrincipals(s *statement) {
	if s.principal == nil || l.Type == Identity || l.Type == ServiceControl {
		return
	}
	if s.notPrincipal && s.allow && l.Type == Resource && !l.isTrust(s) {
		l.about("ALLOW_WITH_NOT_PRINCIPAL", atKey(s.principal))
	}
	for _, p := range s.principals {
		switch {
		case p.wild() && !(p.kind == "AWS" && p.text == "*"):
			l.about("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", at(p.node), p.kind)
		case p.kind == "AWS" && isUnique(p.text, "AROA"):
			l.about("INVALID_ROLE_REFERENCE", at(p.node), p.text)
		case p.kind == "AWS" && isUnique(p.text, "AIDA"):
			l.about("INVALID_USER_REFERENCE", at(p.node), p.text)
		case p.kind == "Service" && !isServicePrincipal(p.text):
			l.about("INVALID_SERVICE_PRINCIPAL_FORMAT", at(p.node), "<service-name>.amazonaws.com")
		case p.kind == "Federated" && l.Type == Resource && !l.isTrust(s):
			l.about("FEDERATED_PRINCIPAL_NOT_SUPPORTED", at(p.node))
		}
	}
	if l.Type == Resource && s.service && s.allow && !s.notPrincipal {
		l.servicePrincipals(s)
	}
}

// isUnique reports whether s is a unique id with the prefix.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
func isUnique(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && len(rest) >= 12 && !strings.ContainsFunc(rest, func(c rune) bool {
		return !('A' <= c && c <= 'Z' || '0' <= c && c <= '9')
	})
}

// sourceKeys tell for whom a service asks.
var sourceKeys = []string{"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"}

// callerKeys are absent when a service asks for itself.
var callerKeys = []string{
	"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:userid", "aws:username",
}

// substitutes are keys that people use where a source key would do better.
var substitutes = []string{"aws:referer", "aws:useragent", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce"}

// servicePrincipals: a service that acts for anybody must be told for whom it
// may act here. In role trust policies AWS asks it of no service.
func (l *linter) servicePrincipals(s *statement) {
	var unsupported []place
	var names []string
	for _, c := range s.conditions {
		if !s.other && slices.Contains(callerKeys, c.key) && !c.ifExists && !c.negated && c.family != nullOp {
			unsupported = append(unsupported, at(c.node))
			names = append(names, c.name)
		}
	}
	if len(unsupported) > 0 {
		l.report("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", unsupported, strings.Join(names, ", "))
	}
	if l.isTrust(s) || s.has(sourceKeys...) != nil {
		return
	}
	if c := s.has(substitutes...); c != nil {
		for _, p := range s.principals {
			if p.kind == "Service" {
				service, _, _ := strings.Cut(p.text, ".")
				l.report("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", []place{at(p.node), at(c.node)}, service, c.name)
			}
		}
		return
	}
	var all []place
	for _, p := range s.principals {
		if p.kind == "Service" {
			all = append(all, at(p.node))
		}
	}
	l.report("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", all)
}
