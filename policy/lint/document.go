package lint

import (
	"slices"
	"strings"
)

// document is the policy behind the JSON: what of it has the right shape.
type document struct {
	version    *node
	statements []*statement
}

// statement is one statement; what is absent or of the wrong shape is nil.
type statement struct {
	*node
	effect           *node
	allow, deny      bool
	sid              *node
	action, resource list
	principal        *node // Principal or NotPrincipal as it is written
	notPrincipal     bool
	everyone         bool // Principal is "*"
	principals       []principal
	conditions       []*condition
	service, other   bool // names service principals, names others
}

// list is Action, NotAction, Resource or NotResource.
type list struct {
	node   *node
	not    bool
	values []*node
}

// principal is one name in Principal or NotPrincipal.
type principal struct {
	kind string // AWS, Service, Federated, CanonicalUser
	*node
}

func (p principal) wild() bool { return strings.ContainsAny(p.text, "*?") }

func (l *linter) document(root *node) {
	if root.kind != object {
		l.about("DATA_TYPE_MISMATCH", at(root), object)
		return
	}
	d := &document{}
	l.doc = d
	for _, m := range root.items {
		switch m.name {
		case "Version":
			d.version = m
			l.isText(m)
		case "Id":
			l.isText(m)
		case "Statement":
		default:
			l.about("INVALID_POLICY_ELEMENT", atKey(m), m.name)
		}
	}
	l.version(root)
	l.statements(root)
	l.size(root)
	for _, s := range d.statements {
		l.statement(s)
	}
	l.sids()
	l.sameStatements()
}

// versions are those of the language, newest first.
const newest, oldest = "2012-10-17", "2008-10-17"

func (l *linter) version(root *node) {
	v := l.doc.version
	switch {
	case v == nil:
		l.about("MISSING_VERSION", at(root))
	case v.kind == text && v.text != newest && v.text != oldest:
		l.about("INVALID_VERSION", at(v), v.text, newest+", "+oldest)
	}
	l.modern = v != nil && v.text == newest
}

func (l *linter) statements(root *node) {
	m := root.member("Statement")
	switch {
	case m == nil:
		l.about("MISSING_STATEMENT", at(root))
	case m.kind == object:
		l.doc.statements = []*statement{{node: m}}
	case m.kind != array:
		l.about("DATA_TYPE_MISMATCH", at(m), array)
	case len(m.items) == 0:
		l.about("MISSING_STATEMENT", at(m))
	default:
		for _, item := range m.items {
			if item.kind == object {
				l.doc.statements = append(l.doc.statements, &statement{node: item})
			} else {
				l.about("DATA_TYPE_MISMATCH", at(item), object)
			}
		}
	}
}

func (l *linter) isText(n *node) bool {
	if n.kind != text {
		l.about("DATA_TYPE_MISMATCH", at(n), text)
		return false
	}
	return true
}

// statement reads one statement, then runs the checks on it.
func (l *linter) statement(s *statement) {
	for _, m := range s.items {
		switch m.name {
		case "Sid":
			if l.isText(m) {
				s.sid = m
			}
		case "Effect":
			l.effect(s, m)
		case "Principal", "NotPrincipal":
			s.principal, s.notPrincipal = m, m.name == "NotPrincipal"
		case "Action", "NotAction":
			s.action = l.list(m)
		case "Resource", "NotResource":
			s.resource = l.list(m)
		case "Condition":
		default:
			l.about("INVALID_POLICY_ELEMENT", atKey(m), m.name)
		}
	}
	l.combinations(s)
	l.readPrincipal(s)
	l.readConditions(s)
	l.required(s)
	for _, check := range []func(*statement){
		l.sid, l.emptyLists, l.variables, l.checkPrincipals, l.actions, l.resources, l.checkConditions,
		l.trust, l.organization, l.wideGrants, l.tags, l.services,
	} {
		check(s)
	}
}

func (l *linter) effect(s *statement, m *node) {
	s.effect = m
	if !l.isText(m) {
		return
	}
	s.allow, s.deny = m.text == "Allow", m.text == "Deny"
	if !s.allow && !s.deny {
		l.about("INVALID_EFFECT", at(m), m.text)
	}
}

// list reads a string or an array of strings.
func (l *linter) list(m *node) list {
	out := list{node: m, not: strings.HasPrefix(m.name, "Not")}
	items := []*node{m}
	if m.kind == array {
		items = m.items
	}
	for _, item := range items {
		if l.isText(item) {
			out.values = append(out.values, item)
		}
	}
	return out
}

// combinations: an element and its negation exclude each other.
func (l *linter) combinations(s *statement) {
	for _, name := range []string{"Action", "Principal", "Resource"} {
		yes, no := s.member(name), s.member("Not"+name)
		if yes != nil && no != nil {
			l.report("UNSUPPORTED_ELEMENT_COMBINATION", []place{atKey(yes), atKey(no)}, name, "Not"+name)
		}
	}
}

func (l *linter) required(s *statement) {
	if s.effect == nil {
		l.about("MISSING_EFFECT", at(s.node))
	}
	if s.action.node == nil {
		l.about("MISSING_ACTION", at(s.node))
	}
	if s.resource.node == nil && !l.isTrust(s) {
		l.about("MISSING_RESOURCE", at(s.node))
	}
	if s.principal == nil && (l.Type == Resource || l.Type == ResourceControl) {
		l.about("MISSING_PRINCIPAL", at(s.node))
	}
}

// isTrust reports whether the statement is one of a role trust policy. Without
// a resource type that shows in its actions.
func (l *linter) isTrust(s *statement) bool {
	if l.Type != Resource || l.ResourceType != "" {
		return l.Type == Resource && l.ResourceType == RoleTrust
	}
	return len(s.action.values) > 0 && !slices.ContainsFunc(s.action.values, func(n *node) bool {
		return !strings.HasPrefix(lower(n.text), "sts:")
	})
}

func (l *linter) emptyLists(s *statement) {
	if n := s.action.node; n != nil && n.kind == array && len(n.items) == 0 {
		l.about("EMPTY_ARRAY_ACTION", at(n))
	}
	if n := s.resource.node; n != nil && n.kind == array && len(n.items) == 0 {
		l.about("EMPTY_ARRAY_RESOURCE", at(n))
	}
}

// sid: policies that IAM and Organizations keep have alphanumeric ids only.
func (l *linter) sid(s *statement) {
	if s.sid == nil {
		return
	}
	if s.sid.text == "" {
		l.about("EMPTY_SID_VALUE", at(s.sid))
	}
	bad := func(c rune) bool { return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') }
	if l.Type != Resource && strings.ContainsFunc(s.sid.text, bad) {
		l.about("UNSUPPORTED_SID", at(s.sid))
	}
}

// sids: one finding tells all statements that share an id.
func (l *linter) sids() {
	code := "UNIQUE_SIDS_REQUIRED"
	if l.Type == Resource && l.ResourceType != RoleTrust {
		code = "UNIQUE_SIDS_RECOMMENDED"
	}
	same := map[string][]*node{}
	for _, s := range l.doc.statements {
		if s.sid != nil && s.sid.text != "" {
			same[s.sid.text] = append(same[s.sid.text], s.sid)
		}
	}
	for _, s := range l.doc.statements { // in the order of the text
		if s.sid == nil {
			continue
		}
		if all := same[s.sid.text]; len(all) > 1 && all[0] == s.sid {
			l.report(code, atAll(all))
		}
	}
}

// sameStatements finds statements that differ in nothing but their ids.
func (l *linter) sameStatements() {
	same := map[string][]*node{}
	var order []string
	for _, s := range l.doc.statements {
		key := canonical(s.node)
		if same[key] == nil {
			order = append(order, key)
		}
		same[key] = append(same[key], s.node)
	}
	for _, key := range order {
		if all := same[key]; len(all) > 1 {
			l.report("REDUNDANT_STATEMENT", atAll(all))
		}
	}
}

// canonical writes a statement without its id, members and values sorted.
func canonical(n *node) string {
	var parts []string
	for _, item := range n.items {
		if n.kind == object && item.name == "Sid" && n.member("Effect") != nil {
			continue
		}
		parts = append(parts, strings.ToLower(item.name)+"\x01"+canonical(item))
	}
	switch {
	case n.kind != object && n.kind != array:
		return "\x02" + n.text
	case n.kind == array && len(parts) == 1: // a list of one is that one
		return canonical(n.items[0])
	}
	slices.Sort(parts)
	return "\x03" + strings.Join(slices.Compact(parts), "\x04") + "\x05"
}

// lower is strings.ToLower for ASCII, which names of AWS are.
func lower(s string) string { return strings.ToLower(s) }
