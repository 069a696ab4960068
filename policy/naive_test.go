package policy

import (
	"encoding/base64"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The naive evaluator answers from the documents themselves: no index, no
// compilation, regular expressions for every pattern. It is the oracle of the
// random tests.

type naive struct {
	req  *Request
	keys map[string]Value // by lower case
	b    *naiveBindings
}

type naiveBindings struct {
	identity, boundary, session, endpoint, resource []*Document
	scp, rcp                                        [][]*Document
	hasBoundary, hasSession, hasEndpoint            bool
	authority                                       Authority
	grant                                           bool
}

func (n *naive) value(key string) (Value, bool) {
	v, ok := n.keys[strings.ToLower(key)]
	return v, ok && len(v.Values) > 0
}

var variablePattern = regexp.MustCompile(`\$\{([^}]*)\}`)

// expression turns policy text into a regular expression; ok is false when a
// variable has no value.
func (n *naive) expression(text string, d *Document, wild bool) (string, bool) {
	quote := func(s string) string {
		q := regexp.QuoteMeta(s)
		if wild {
			q = strings.ReplaceAll(q, `\*`, `(?s:.*)`)
			q = strings.ReplaceAll(q, `\?`, `(?s:.)`)
		}
		return q
	}
	if d.Version != Version2012 {
		return "^(?:" + quote(text) + ")$", true
	}
	out, ok, last := "", true, 0
	for _, m := range variablePattern.FindAllStringSubmatchIndex(text, -1) {
		out += quote(text[last:m[0]])
		last = m[1]
		inner := text[m[2]:m[3]]
		if inner == "*" || inner == "?" || inner == "$" {
			out += regexp.QuoteMeta(inner)
			continue
		}
		name, rest, _ := strings.Cut(inner, ",")
		rest = strings.TrimSpace(rest)
		if v, found := n.value(strings.TrimSpace(name)); found && !v.Multi {
			out += regexp.QuoteMeta(v.Values[0])
		} else if len(rest) >= 2 && rest[0] == '\'' && rest[len(rest)-1] == '\'' {
			out += regexp.QuoteMeta(rest[1 : len(rest)-1])
		} else {
			ok = false
		}
	}
	return "^(?:" + out + quote(text[last:]) + ")$", ok
}

func (n *naive) like(text, s string, d *Document, wild bool, flags string) bool {
	expr, ok := n.expression(text, d, wild)
	return ok && regexp.MustCompile(flags+expr).MatchString(s)
}

func (n *naive) action(s *Statement) bool {
	list, not := s.Action, false
	if s.NotAction != nil {
		list, not = s.NotAction, true
	}
	for _, p := range list {
		if n.like(p, n.req.Action, &Document{}, true, "(?i)") {
			return !not
		}
	}
	return not
}

// arn matches part by part. Resources (pad) are filled up with stars and have
// variables in the sixth part only.
func (n *naive) arn(pattern, s string, d *Document, pad bool) bool {
	if pattern == "*" {
		return true
	}
	hidden := pattern
	if d.Version == Version2012 {
		hidden = variablePattern.ReplaceAllStringFunc(pattern, func(v string) string { return strings.ReplaceAll(v, ":", "\x00") })
	}
	p := strings.SplitN(hidden, ":", 6)
	for i := range p {
		p[i] = strings.ReplaceAll(p[i], "\x00", ":")
	}
	a := strings.SplitN(s, ":", 6)
	if pad && len(p) == 1 || !pad && len(p) < 6 && d.Version == Version2012 && strings.HasPrefix(pattern, "${") {
		return n.like(pattern, s, d, true, "")
	}
	for pad && len(p) < 6 {
		p = append(p, "*")
	}
	if len(p) != 6 || len(a) != 6 {
		return false
	}
	for i := range 6 {
		with := d
		if pad && i < 5 {
			with = &Document{}
		}
		if !n.like(p[i], a[i], with, true, "") {
			return false
		}
	}
	return true
}

func (n *naive) resource(s *Statement, d *Document) bool {
	list, not := s.Resource, false
	if s.NotResource != nil {
		list, not = s.NotResource, true
	}
	if list == nil {
		return true
	}
	for _, p := range list {
		if n.arn(p, n.req.Resource, d, true) {
			return !not
		}
	}
	return not
}

func (n *naive) condition(c *Condition, d *Document) bool {
	op := strings.ToLower(c.Operator)
	set := ""
	if i := strings.Index(op, ":"); i >= 0 {
		set, op = op[:i], op[i+1:]
	}
	op, ifExists := strings.CutSuffix(op, "ifexists")
	v, ok := n.value(c.Key)
	if op == "null" {
		return slices.ContainsFunc(c.Values, func(s string) bool {
			return strings.EqualFold(s, strconv.FormatBool(!ok))
		})
	}
	negated := strings.Contains(op, "not")
	if !ok {
		return ifExists || set == "forallvalues" || set == "" && negated
	}
	one := func(have string) bool {
		for _, want := range c.Values {
			if n.compare(strings.Replace(op, "not", "", 1), want, have, d) {
				return !negated
			}
		}
		return negated
	}
	switch set {
	case "forallvalues":
		return !slices.ContainsFunc(v.Values, func(s string) bool { return !one(s) })
	case "foranyvalue":
		return slices.ContainsFunc(v.Values, one)
	}
	return !v.Multi && one(v.Values[0])
}

func (n *naive) compare(op, want, have string, d *Document) bool {
	switch op {
	case "stringequals":
		return n.like(want, have, d, false, "")
	case "stringequalsignorecase":
		return n.like(want, have, d, false, "(?i)")
	case "stringlike":
		return n.like(want, have, d, true, "")
	case "arnequals", "arnlike":
		return strings.Count(have, ":") >= 5 && n.arn(want, have, d, false)
	case "bool":
		return (strings.EqualFold(have, "true") || strings.EqualFold(have, "false")) && n.like(want, have, d, false, "(?i)")
	case "binaryequals":
		b, err := base64.StdEncoding.DecodeString(want)
		return err == nil && string(b) == have
	case "ipaddress":
		if !strings.Contains(want, "/") {
			want += map[bool]string{true: "/128", false: "/32"}[strings.Contains(want, ":")]
		}
		p, err := netip.ParsePrefix(want)
		a, err2 := netip.ParseAddr(have)
		return err == nil && err2 == nil && p.Contains(a)
	}
	if after, ok := strings.CutPrefix(op, "numeric"); ok {
		a, err := strconv.ParseFloat(have, 64)
		b, err2 := strconv.ParseFloat(want, 64)
		return err == nil && err2 == nil && naiveOrder(after, a, b)
	}
	after, _ := strings.CutPrefix(op, "date")
	a, ok := naiveDate(have)
	b, ok2 := naiveDate(want)
	return ok && ok2 && naiveOrder(after, a, b)
}

func naiveOrder(op string, a, b float64) bool {
	switch op {
	case "equals":
		return a == b
	case "lessthan":
		return a < b
	case "lessthanequals":
		return a <= b
	case "greaterthan":
		return a > b
	}
	return a >= b
}

func naiveDate(s string) (float64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return float64(n), true
	}
	for _, l := range []string{time.RFC3339, "2006-01-02", "2006-01", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(l, s); err == nil {
			return float64(t.UnixNano()) / 1e9, true
		}
	}
	return 0, false
}

// names returns how closely list names the principal: 0 not at all, 1 its
// account, 2 its role or user, 3 itself.
func (n *naive) names(list *Principals, deny bool) int {
	p := &n.req.Principal
	everyone := list.All || slices.Contains(list.AWS, "*")
	in := func(l []string, names []string) bool {
		return slices.ContainsFunc(names, func(s string) bool { return slices.Contains(l, s) })
	}
	switch p.Kind {
	case WebIdentity, SAML:
		if everyone && deny || in(list.Federated, p.Names) {
			return 3
		}
		return 0
	case Service:
		if everyone || in(list.Service, p.Names) {
			return 3
		}
		return 0
	case Anonymous:
		if everyone {
			return 3
		}
		return 0
	}
	if everyone {
		return 3
	}
	best := 0
	for _, s := range list.AWS {
		switch {
		case s == p.ARN || s == p.ID:
			best = max(best, 3)
		case s == p.Account || s == "arn:aws:iam::"+p.Account+":root":
			best = max(best, map[bool]int{true: 3, false: 1}[p.Kind == Root])
		case p.Issuer != "" && s == p.Issuer, p.Kind == Role && strings.HasPrefix(p.ID, s+":"):
			best = max(best, 2)
		}
	}
	if p.Canonical != "" && slices.Contains(list.Canonical, p.Canonical) {
		best = max(best, 1)
	}
	return best
}

func (n *naive) principal(s *Statement, t Type) int {
	deny := s.Effect == Deny
	switch {
	case t == Identity || t == Boundary || t == Session || t == SCP:
		return 3
	case s.Principal != nil && (t == RCP || t == Endpoint) && (s.Principal.All || slices.Contains(s.Principal.AWS, "*")):
		return 3
	case s.Principal != nil:
		return n.names(s.Principal, deny)
	case s.NotPrincipal == nil:
		return 0
	}
	p := &n.req.Principal
	excepted := n.names(s.NotPrincipal, true)
	if !deny {
		return map[bool]int{true: 3, false: 0}[excepted == 0]
	}
	if s.NotPrincipal.All || slices.Contains(s.NotPrincipal.AWS, "*") {
		return 0
	}
	attached := p.Kind == User || p.Kind == Role || p.Kind == FederatedUser
	if attached && n.b.hasBoundary || excepted < 3 {
		return 3
	}
	if (p.Kind == Role || p.Kind == FederatedUser) && p.Issuer != "" {
		id, _, _ := strings.Cut(p.ID, ":")
		listed := slices.Contains(s.NotPrincipal.AWS, p.Issuer) || p.Kind == Role && slices.Contains(s.NotPrincipal.AWS, id)
		listed = listed || p.Issuer == "arn:aws:iam::"+p.Account+":root" && slices.Contains(s.NotPrincipal.AWS, p.Account)
		return map[bool]int{true: 0, false: 3}[listed]
	}
	return 0
}

// ask returns the closest standing of any matching statement of one effect.
func (n *naive) ask(docs []*Document, t Type, effect Effect) int {
	best := 0
	for _, d := range docs {
		for i := range d.Statements {
			s := &d.Statements[i]
			if s.Effect != effect || !n.action(s) || !n.resource(s, d) {
				continue
			}
			if slices.ContainsFunc(s.Condition, func(c Condition) bool { return !n.condition(&c, d) }) {
				continue
			}
			best = max(best, n.principal(s, t))
		}
	}
	return best
}

func (n *naive) decide() (allowed, explicit bool, by Type) {
	b, p := n.b, &n.req.Principal
	attached := p.Kind == User || p.Kind == Role || p.Kind == FederatedUser || p.Kind == Root
	resourceType := Resource
	if b.authority == RoleTrust {
		resourceType = Trust
	}
	switch strings.ToLower(n.req.Action) {
	case "sts:getcalleridentity":
		return true, false, None
	}
	scp, rcp := b.scp, b.rcp
	if p.ServiceLinked || p.Account == "" {
		scp = nil
	}
	if p.ServiceLinked {
		rcp = nil
	}
	for _, level := range scp {
		if n.ask(level, SCP, Deny) > 0 {
			return false, true, SCP
		}
	}
	for _, level := range rcp {
		if n.ask(level, RCP, Deny) > 0 {
			return false, true, RCP
		}
	}
	type layer struct {
		docs []*Document
		t    Type
	}
	layers := []layer{{b.endpoint, Endpoint}, {b.resource, resourceType}}
	if attached {
		layers = append(layers, layer{b.identity, Identity}, layer{b.boundary, Boundary}, layer{b.session, Session})
	}
	for _, l := range layers {
		if n.ask(l.docs, l.t, Deny) > 0 {
			return false, true, l.t
		}
	}
	if strings.ToLower(n.req.Action) == "sts:getsessiontoken" {
		return true, false, None
	}
	for _, level := range rcp {
		if n.ask(level, RCP, Allow) == 0 {
			return false, false, RCP
		}
	}
	for _, level := range scp {
		if n.ask(level, SCP, Allow) == 0 {
			return false, false, SCP
		}
	}
	if b.hasEndpoint && n.ask(b.endpoint, Endpoint, Allow) == 0 {
		return false, false, Endpoint
	}
	if b.grant {
		return true, false, Grant
	}
	return n.weigh(attached, resourceType)
}

func (n *naive) weigh(attached bool, resourceType Type) (allowed, explicit bool, by Type) {
	b, p := n.b, &n.req.Principal
	at := n.ask(b.resource, resourceType, Allow)
	limits := func() Type {
		if b.hasBoundary && n.ask(b.boundary, Boundary, Allow) == 0 {
			return Boundary
		}
		if (b.hasSession || p.Kind == FederatedUser) && n.ask(b.session, Session, Allow) == 0 {
			return Session
		}
		return None
	}
	if !attached {
		return at == 3, false, resourceType
	}
	cross := n.req.ResourceAccount != "" && n.req.ResourceAccount != p.Account
	if !cross && at == 3 {
		return true, false, resourceType
	}
	if !cross && at == 2 {
		if l := limits(); l != None {
			return false, false, l
		}
		return true, false, resourceType
	}
	if at == 0 && (cross || b.authority != Shared) {
		return false, false, resourceType
	}
	by = None
	if p.Kind != Root && !(p.Kind == FederatedUser && strings.HasSuffix(p.Issuer, ":root")) {
		by = Identity
		if n.ask(b.identity, Identity, Allow) == 0 {
			return false, false, Identity
		}
	}
	if l := limits(); l != None {
		return false, false, l
	}
	return true, false, by
}
