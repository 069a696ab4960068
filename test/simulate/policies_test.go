package simulate

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// policies attaches policies of all types that can apply.
func (g *generator) policies() {
	c := g.c
	account := g.account()
	root := strings.HasSuffix(c.Principal, ":root")
	session := strings.HasPrefix(c.Principal, "arn:aws:sts:")
	if account != "" && !root {
		for range g.IntN(4) {
			c.Identity = append(c.Identity, g.document(policy.Identity))
		}
		if g.chance(0.25) {
			c.Boundary = new(g.document(policy.Boundary))
		}
	}
	if session && (g.chance(0.3) || strings.Contains(c.Principal, "federated-user") && g.chance(0.9)) {
		c.Session = new(g.document(policy.Session))
	}
	if account != "" && g.chance(0.3) {
		c.SCP = g.levels(policy.SCP, 0.8)
	}
	service, _, _ := strings.Cut(g.target.action, ":")
	if ref.RCP(service) && g.target.resource != "*" && g.chance(0.3) {
		c.RCP = g.levels(policy.RCP, 0)
	}
	if g.chance(0.15) {
		c.Endpoint = new(g.document(policy.Endpoint))
	}
	likely := 0.6
	switch {
	case g.target.trust: // every role has a trust policy
		likely = 1
	case account != c.ResourceAccount || strings.HasPrefix(c.Action, "kms:"):
		likely = 0.95
	}
	if g.target.policy && g.chance(likely) {
		kind := policy.Resource
		if g.target.trust {
			kind = policy.Trust
		}
		c.ResourcePolicy = new(g.document(kind))
	}
}

// levels makes one to three levels of an organisation; full is the chance of
// FullAWSAccess at each.
func (g *generator) levels(t policy.Type, full float64) [][]document {
	out := make([][]document, 1+g.IntN(3))
	for i := range out {
		if g.chance(full) {
			out[i] = append(out[i], document{Version: "2012-10-17", Statement: []statement{
				{Effect: "Allow", Action: list{"*"}, Resource: list{"*"}},
			}})
		}
		if g.chance(0.4) || len(out[i]) == 0 {
			out[i] = append(out[i], g.document(t))
		}
	}
	return out
}

func (g *generator) document(t policy.Type) document {
	d := document{Version: "2012-10-17"}
	if t != policy.RCP && g.chance(0.15) {
		d.Version = g.pick([]string{"", "2008-10-17"})
	}
	for range 1 + g.IntN(3) {
		d.Statement = append(d.Statement, g.statement(t))
	}
	if text, err := json.Marshal(d); err != nil || bytes.Contains(text, []byte("${")) {
		d.Version = "2012-10-17"
	}
	return d
}

func (g *generator) statement(t policy.Type) statement {
	s := statement{Effect: "Allow"}
	denies := 0.2
	if t == policy.RCP {
		denies = 1
	}
	if g.chance(denies) {
		s.Effect = "Deny"
	}
	service, _, _ := strings.Cut(g.target.action, ":")
	switch actions := g.some(2, g.action); {
	case t == policy.RCP: // AWS takes neither "*" nor NotAction
		s.Action = list{g.pick([]string{service + ":*", g.target.action, "s3:*"})}
	case t == policy.Trust: // AWS takes no other actions
		s.Action = list{g.pick([]string{g.target.action, g.target.action, "sts:assumerole*", "sts:TagSession"})}
	case g.chance(0.15):
		s.NotAction = actions
	default:
		s.Action = actions
	}
	if t != policy.Trust {
		if g.chance(0.15) {
			s.NotResource = g.some(2, func() string { return g.resource(true) })
		} else {
			s.Resource = g.some(2, func() string { return g.resource(false) })
		}
	}
	switch t {
	case policy.RCP, policy.Endpoint:
		s.Principal = principals{"*": nil}
	case policy.Resource, policy.Trust:
		s.Principal = g.principals()
		if _, all := s.Principal["*"]; !all && t == policy.Resource && s.Effect == "Deny" && g.chance(0.5) {
			s.Principal, s.NotPrincipal = nil, g.notPrincipals() // AWS takes NotPrincipal with Deny only, and not in trust policies
		}
	}
	conditioned := 0.4
	if s.Effect == "Deny" {
		conditioned = 0.8
	}
	if g.chance(conditioned) {
		s.Condition = map[string]map[string]list{}
		for range 1 + g.IntN(2) {
			op, key, values := g.condition()
			if s.Condition[op] == nil {
				s.Condition[op] = map[string]list{}
			}
			s.Condition[op][key] = values
		}
	}
	return s
}

// some calls make one to n times.
func (g *generator) some(n int, make func() string) list {
	var out list
	for range 1 + g.IntN(n) {
		out = append(out, make())
	}
	return out
}

// action makes a pattern of actions, which often fits.
func (g *generator) action() string {
	service, name, _ := strings.Cut(g.target.action, ":")
	return g.pick([]string{
		"*", service + ":*", g.target.action, strings.ToLower(g.target.action), service + ":" + name[:3] + "*",
		service + ":*" + name[3:], service + ":" + name[:2] + "?" + name[3:], service + ":" + name[:2] + "*" + name[len(name)-2:],
		service + ":NoSuch*", "s3:Get*", "kms:*", "sts:Assume*",
	})
}

// resource makes a pattern of resources, which often fits; negated, its
// variables have values.
func (g *generator) resource(negated bool) string {
	r := g.c.Resource
	if r == "*" || g.chance(0.3) {
		return g.pick([]string{"*", "*", "arn:aws:s3:::*", "arn:aws:iam::*:user/*", "arn:aws:*:*:*:*", "arn:aws:*:us-east-1:*:*", "arn:*:*:*:*:*", "arn:aws:s*:*:*:*", "arn:aws:s3:::bucket-*/home/*/report.txt", "arn:aws:sns:*:*:t*"})
	}
	exact := strings.NewReplacer("*", "${*}", "?", "${?}").Replace(strings.ReplaceAll(r, "$", "${$}"))
	start := strings.LastIndexByte(r, ':') + 1 // AWS takes no wildcard in the type of an IAM resource
	if slash := strings.IndexByte(r[start:], '/'); slash >= 0 {
		start += slash + 1
	}
	i := start + g.IntN(len(r)-start)
	return g.pick([]string{
		exact, r[:i] + "*", r[:i] + "?" + r[i+1:], r[:len(r)-1], r + "x",
		strings.ReplaceAll(r, "alice", "${"+g.variable(negated)+"}"), strings.ReplaceAll(r, "alice", "${aws:username, 'alice'}"),
		strings.ReplaceAll(r, g.c.ResourceAccount, "*"), strings.ReplaceAll(r, "us-east-1", "*"),
		r[:i] + "${" + g.variable(negated) + "}*", r[:strings.LastIndexAny(r, ":/")+1] + "*",
	})
}

// principals makes a Principal element, which often fits.
func (g *generator) principals() principals {
	c := g.c
	account := g.account()
	other := "arn:aws:iam::333333333333:root"
	aws := []string{"*", "333333333333", other, "arn:aws:iam::111111111111:user/carol", accountA, accountB}
	if account != "" {
		aws = append(aws, account, "arn:aws:iam::"+account+":root", c.Principal, c.Principal, g.identity(), g.identity())
	}
	bearer := strings.HasPrefix(g.target.action, "sts:AssumeRoleWith")
	switch n := g.IntN(100); {
	case n < 25 && !bearer:
		return principals{"*": nil}
	case account == "" && c.Principal != "" && n < 80:
		if bearer {
			return principals{"Federated": {c.Principal}}
		}
		return principals{"Service": {c.Principal}}
	case n < 32:
		return principals{"Service": {"sns.amazonaws.com"}}
	case n < 36:
		return principals{"Federated": {"accounts.google.com"}}
	}
	if bearer {
		aws = aws[1:]
	}
	return principals{"AWS": g.some(2, func() string { return g.pick(aws) })}
}

// notPrincipals makes a NotPrincipal element: others, and perhaps the principal
// with everything it belongs to.
func (g *generator) notPrincipals() principals {
	out := list{"arn:aws:iam::333333333333:root"}
	if account := g.account(); account != "" && g.chance(0.6) {
		out = append(out, "arn:aws:iam::"+account+":root", g.identity(), g.c.Principal)
		if g.c.Issuer != "" {
			out = append(out, g.c.Issuer)
		}
	}
	return principals{"AWS": out}
}

// condition makes one condition.
func (g *generator) condition() (op, key string, values list) {
	keys := slices.Sorted(maps.Keys(g.c.Context))
	if len(keys) == 0 || g.chance(0.25) {
		keys = slices.Concat(globals, g.target.keys)
	}
	key = g.pick(keys)
	k, _ := ref.ConditionKey(key)
	kind := k.Type.String()
	if g.chance(0.1) {
		kind = "String"
	}
	op = g.pick(operators[kind])
	if g.chance(0.06) {
		return "Null", g.cased(key), list{g.pick(bools)}
	}
	values = g.some(3, func() string { return g.conditionValue(op, key) })
	set := ""
	if k.Multi || g.chance(0.05) {
		set = g.pick([]string{"ForAllValues:", "ForAnyValue:"})
	}
	if g.chance(0.2) && (set != "ForAnyValue:" || g.c.Context[key] != nil) {
		op += "IfExists"
	}
	op = set + op
	return op, g.cased(key), values
}

// cased sometimes writes a key in another case, which must not matter.
func (g *generator) cased(key string) string {
	if g.chance(0.1) {
		return strings.ToLower(key)
	}
	return key
}

// conditionValue makes a value to compare the key with, which often fits.
func (g *generator) conditionValue(op, key string) string {
	v := g.value(key)
	if have := g.c.Context[key]; len(have) > 0 && g.chance(0.4) {
		v = g.pick(have)
	}
	switch {
	case strings.HasPrefix(op, "String") && strings.HasSuffix(op, "Like"), strings.HasPrefix(op, "Arn"):
		return g.pattern(v, strings.Contains(op, "Not"))
	case strings.HasPrefix(op, "String"):
		return g.pick([]string{
			v, v, v, v, "${" + g.variable(strings.Contains(op, "Not")) + "}", "${aws:username, 'alice'}", "${$}", strings.ToUpper(v),
		})
	case strings.HasPrefix(op, "Date") && key != "aws:EpochTime":
		return g.pick([]string{dates[0], dates[1], dates[2], "2026-01-01", "2026-01-01T02:00:00+02:00", "2026-06-30T12:00:00.5Z", "2026", "2026-06"})
	case op == "NotIpAddress":
		return g.pick(networks[1:])
	case op == "IpAddress":
		return g.pick(networks)
	}
	return v
}

// variable chooses the key of a policy variable, one with a value if negated.
func (g *generator) variable(negated bool) string {
	key := g.pick(globals)
	for negated && (g.c.Context[key] == nil || multi(key)) {
		key = g.pick(globals)
	}
	return key
}

// pattern puts wildcards and variables into a value.
func (g *generator) pattern(v string, negated bool) string {
	user := "${" + g.variable(negated) + "}"
	if strings.HasPrefix(v, "arn:") {
		n, i := len(v), strings.LastIndexByte(v, ':')
		return g.pick([]string{
			v, v[:i] + ":*", v[:n-1] + "?", v[:n-2] + "*", strings.ReplaceAll(v, accountA, "*"), "arn:aws:*:*:*:*", v[:i] + ":" + user,
			"arn:*:iam::" + accountA + ":*", v + "x",
		})
	}
	r := []rune(v)
	n := len(r)
	if n < 3 {
		return g.pick([]string{v, "*", v + "*", "?" + v, user, "${*}"})
	}
	from := func(i, j int) string { return string(r[i:j]) }
	return g.pick([]string{
		v, "*", from(0, n/2) + "*", "*" + from(n/2, n), from(0, 1) + "?" + from(2, n), from(0, 1) + "*" + from(n-1, n),
		user + "*", "?*", v + "?", "*" + from(1, 2) + "*",
	})
}
