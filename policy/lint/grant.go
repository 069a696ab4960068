package lint

import (
	"slices"
	"strings"
)

// watched are the two actions of which AWS warns when they are allowed widely,
// and the condition keys that narrow them.
var watched = []struct {
	code, action string
	narrow       []string
}{
	{"PASS_ROLE", "iam:passrole", []string{"iam:passedtoservice"}},
	{"CREATE_SLR", "iam:createservicelinkedrole", []string{"iam:awsservicename"}},
}

// wideGrants finds statements that allow one of the watched actions on roles
// that are not named.
func (l *linter) wideGrants(s *statement) {
	if l.Type != Identity || !s.allow {
		return
	}
	for _, w := range watched {
		if c := s.has(w.narrow...); c != nil && !c.negated && c.family != nullOp {
			continue
		}
		how, where := grants(s, w.action)
		if how == "" {
			continue
		}
		var star *node
		for _, v := range s.resource.values {
			if anyRole(v.text) {
				star = v
				break
			}
		}
		switch {
		case s.resource.not && len(s.resource.values) > 0:
			code := map[string]string{"plain": "_WITH_NOT_RESOURCE", "star": "_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE", "not": "_WITH_NOT_ACTION_AND_NOT_RESOURCE"}[how]
			l.report(w.code+code, []place{where, atKey(s.resource.node)})
		case !s.resource.not && star != nil:
			code := map[string]string{"plain": "_WITH_STAR_IN_RESOURCE", "star": "_WITH_STAR_IN_ACTION_AND_RESOURCE", "not": "_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"}[how]
			l.report(w.code+code, []place{where, at(star)})
		}
	}
}

// grants tells how a statement's actions have the action: plain, by a star, not
// excepted, or "" for not at all.
func grants(s *statement, action string) (how string, where place) {
	if s.action.not {
		if len(s.action.values) == 0 || slices.ContainsFunc(s.action.values, func(v *node) bool { return matches(lower(v.text), action) }) {
			return "", place{}
		}
		return "not", atKey(s.action.node)
	}
	for _, v := range s.action.values {
		switch name := lower(v.text); {
		case name == action:
			return "plain", at(v)
		case wild(name) && matches(name, action):
			how, where = "star", at(v)
		}
	}
	return how, where
}

// anyRole reports whether a resource names roles of all names. A role's name
// that begins with letters and ends with a star does not count: services keep
// their roles apart by such prefixes.
func anyRole(resource string) bool {
	f := strings.SplitN(resource, ":", 6)
	if len(f) < 6 {
		return wild(resource)
	}
	name, isRole := strings.CutPrefix(f[5], "role/")
	if !isRole {
		return strings.HasPrefix(f[5], "*")
	}
	return name == "*" || name == "**" || name == "*/*"
}
