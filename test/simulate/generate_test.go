package simulate

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"bartizan.dev/policy"
)

const (
	accountA = "111111111111"
	accountB = "222222222222"
)

// target is an action and a resource it acts on; ACCOUNT stands for the
// resource's account.
type target struct {
	action, resource string
	policy           bool     // the resource may have a policy
	trust            bool     // … which is a role trust policy
	keys             []string // condition keys of the service
}

var targets = []target{
	{"s3:GetObject", "arn:aws:s3:::bucket-one/home/alice/report.txt", true, false, []string{"s3:authType", "s3:signatureAge"}},
	{"s3:PutObject", "arn:aws:s3:::bucket-one/x$y/{a}$b?c", true, false, []string{"s3:x-amz-acl"}},
	{"s3:ListBucket", "arn:aws:s3:::bucket-two", true, false, []string{"s3:prefix", "s3:max-keys", "s3:delimiter"}},
	{"s3:ListAllMyBuckets", "*", false, false, nil},
	{"kms:Decrypt", "arn:aws:kms:us-east-1:ACCOUNT:key/1234abcd-12ab-34cd-56ef-1234567890ab", true, false,
		[]string{"kms:ViaService", "kms:CallerAccount", "kms:EncryptionContextKeys"}},
	{"kms:DescribeKey", "arn:aws:kms:us-east-1:ACCOUNT:key/1234abcd-12ab-34cd-56ef-1234567890ab", true, false, []string{"kms:ViaService"}},
	{"sts:AssumeRole", "arn:aws:iam::ACCOUNT:role/team/deploy", true, true,
		[]string{"sts:ExternalId", "sts:RoleSessionName", "sts:SourceIdentity", "aws:RequestTag/project", "aws:TagKeys"}},
	{"sts:AssumeRoleWithWebIdentity", "arn:aws:iam::ACCOUNT:role/web", true, true,
		[]string{"accounts.google.com:aud", "accounts.google.com:sub", "sts:RoleSessionName"}},
	{"sts:AssumeRoleWithSAML", "arn:aws:iam::ACCOUNT:role/saml", true, true, []string{"saml:aud", "saml:sub", "sts:RoleSessionName"}},
	{"sts:GetCallerIdentity", "*", false, false, nil},
	{"sqs:SendMessage", "arn:aws:sqs:us-east-1:ACCOUNT:queue-one", true, false, nil},
	{"sns:Publish", "arn:aws:sns:us-east-1:ACCOUNT:topic-one", true, false, nil},
	{"lambda:InvokeFunction", "arn:aws:lambda:us-east-1:ACCOUNT:function:fn-one", true, false, []string{"lambda:EventSourceToken"}},
	{"dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:ACCOUNT:table/Orders", true, false,
		[]string{"dynamodb:LeadingKeys", "dynamodb:Attributes", "dynamodb:Select"}},
	{"secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:ACCOUNT:secret:app/db-AbCdEf", true, false,
		[]string{"secretsmanager:VersionStage", "aws:ResourceTag/team"}},
	{"iam:GetUser", "arn:aws:iam::ACCOUNT:user/alice", false, false, []string{"aws:ResourceTag/team"}},
	{"iam:CreateUser", "arn:aws:iam::ACCOUNT:user/team/bob", false, false, []string{"aws:RequestTag/team", "aws:TagKeys"}},
	{"iam:PassRole", "arn:aws:iam::ACCOUNT:role/team/deploy", false, false, []string{"iam:PassedToService"}},
	{"ec2:DescribeInstances", "*", false, false, []string{"ec2:Region"}},
	{"ec2:TerminateInstances", "arn:aws:ec2:us-east-1:ACCOUNT:instance/i-0123456789abcdef0", false, false,
		[]string{"ec2:InstanceType", "ec2:EbsOptimized", "ec2:Region", "aws:ResourceTag/team"}},
}

// globals are the global condition keys that any case may have.
var globals = []string{
	"aws:username", "aws:userid", "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
	"aws:PrincipalType", "aws:PrincipalTag/team", "aws:PrincipalTag/Cost Center", "aws:SourceIp", "aws:VpcSourceIp",
	"aws:SourceVpce", "aws:SourceArn", "aws:SourceAccount", "aws:SecureTransport", "aws:MultiFactorAuthPresent",
	"aws:MultiFactorAuthAge", "aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime", "aws:UserAgent",
	"aws:RequestedRegion", "aws:CalledVia", "aws:ViaAWSService",
}

// Some inputs are not made, because the oracle gets them wrong, all with AWS's
// documentation against it; the engine's own tests have them:
//
//   - dates compared with seconds since 1970: it takes the seconds for
//     milliseconds. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-epochtime
//   - a variable without value in a negated operator, which does match; and an
//     empty value of a variable, which it takes for none.
//     https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
//   - variables in policies older than 2012-10-17, where they are plain text.
//     https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
//   - a variable without value in NotResource, which then matches no resource.
//   - the network 0.0.0.0/0, which it takes for half of all addresses.
//   - NotIpAddress between IPv4 and IPv6, which it takes for no match at all.
//     https://docs.aws.amazon.com/AmazonS3/latest/userguide/ipv6-access.html#ipv6-access-iam
//   - ForAnyValue with IfExists and a key that is missing, which is true.
//     https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists
//   - the variable ${$} against the value "$", which it does not resolve in
//     StringEquals.
//   - ARNs of fewer than six parts, whose rest is *.
//     https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
//   - NotPrincipal that names the account of a principal without the principal,
//     which is then denied: see the example that exempts user Bob only.
//     https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
//   - kms:EncryptionContext:KEY, which it does not know to have a variable part.
//
// And some because AWS's documentation does not say what they mean: a
// multivalued key without set operator; numbers with exponents and numeric
// operators on what is no number; NotPrincipal that names a principal
// without its account ("might deny"); and a bearer of a token before a trust
// policy that allows the principal "*".

// words are the values of keys of the type String without values of their own.
var words = []string{"alice", "Alice", "bob", "red", "blue", "a*b", "a?b", "team/red", "ünï", "us-east-1"}

// samples are values of certain keys.
var samples = map[string][]string{
	"aws:userid":                {"AIDAEXAMPLE", "AROAEXAMPLE:session"},
	"aws:PrincipalAccount":      {accountA, accountB},
	"aws:SourceAccount":         {accountA, accountB},
	"kms:CallerAccount":         {accountA, accountB},
	"aws:PrincipalOrgID":        {"o-abcdef1234", "o-zyxwvu9876"},
	"aws:PrincipalOrgPaths":     {"o-abcdef1234/r-ab12/ou-ab12-11111111/", "o-abcdef1234/r-ab12/", "o-zyxwvu9876/r-zz99/"},
	"aws:PrincipalType":         {"User", "AssumedRole", "Account", "FederatedUser"},
	"aws:SourceVpce":            {"vpce-1", "vpce-2"},
	"aws:UserAgent":             {"aws-cli/2.15.0 Python/3.11", "curl/8.0"},
	"aws:RequestedRegion":       {"us-east-1", "eu-west-1"},
	"ec2:Region":                {"us-east-1", "eu-west-1"},
	"aws:CalledVia":             {"cloudformation.amazonaws.com", "dynamodb.amazonaws.com"},
	"aws:TagKeys":               {"project", "team", "Team"},
	"kms:ViaService":            {"s3.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"},
	"kms:EncryptionContextKeys": {"app", "tenant"},
	"s3:prefix":                 {"", "home/", "home/alice/"},
	"aws:SourceArn":             {"arn:aws:s3:::bucket-one", "arn:aws:sns:us-east-1:111111111111:topic-one"},
}

var (
	numbers   = []string{"0", "1", "10", "3600", "-5", "10.5", "3599.99", "10.50", "010", "+1", "-0", ".5", "1."}
	dates     = []string{"2026-01-01T00:00:00Z", "2026-06-30T12:00:00Z", "2025-12-31T23:59:59Z", "1767225600", "1782820800"}
	bools     = []string{"true", "false", "true", "false", "True", "yes"}
	addresses = []string{"203.0.113.5", "10.1.2.3", "198.51.100.77", "2001:db8::1", "2001:db8:1:2::3"}
	networks  = []string{"2001:db8::/32", "::/0", "2001:db8:1::/48", "203.0.113.0/24", "10.0.0.0/8", "128.0.0.0/1", "203.0.113.5", "203.0.113.5/32", "198.51.100.64/26"}
)

// operators by the type of key they are meant for.
var operators = map[string][]string{
	"String": {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"},
	"ARN":    {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringEquals", "StringLike"},
	"Numeric": {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
		"NumericGreaterThanEquals"},
	"Date":      {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
	"Bool":      {"Bool"},
	"IPAddress": {"IpAddress", "NotIpAddress"},
}

// generator makes the cases of one seed.
type generator struct {
	*rand.Rand
	c      *testCase
	target target
}

func (g *generator) chance(p float64) bool   { return g.Float64() < p }
func (g *generator) pick(of []string) string { return of[g.IntN(len(of))] }

// generate makes the case with the number of the seed.
func generate(seed uint64, number int) *testCase {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(number))), c: &testCase{}}
	g.target = targets[g.IntN(len(targets))]
	c := g.c
	c.ResourceAccount = accountA
	g.principal()
	c.Action = g.target.action
	if g.chance(0.1) {
		c.Action = strings.ToUpper(c.Action)
	}
	c.Resource = strings.ReplaceAll(g.target.resource, "ACCOUNT", c.ResourceAccount)
	g.context()
	g.policies()
	return c
}

// principal chooses who asks, and whose the resource is.
func (g *generator) principal() {
	c := g.c
	account := accountA
	switch {
	case strings.Contains(g.target.action, "WithWebIdentity"):
		c.Principal = g.pick([]string{"accounts.google.com", "arn:aws:iam::111111111111:oidc-provider/token.example.com"})
		return
	case strings.Contains(g.target.action, "WithSAML"):
		c.Principal = "arn:aws:iam::111111111111:saml-provider/corp"
		return
	}
	if g.target.resource != "*" && g.chance(0.35) {
		account = accountB
	}
	switch n := g.IntN(100); {
	case n < 35:
		c.Principal = "arn:aws:iam::" + account + ":user/" + g.pick([]string{"alice", "team/bob"})
	case n < 70:
		role := g.pick([]string{"dev", "ops"})
		c.Principal = "arn:aws:sts::" + account + ":assumed-role/" + role + "/session"
		c.Issuer = "arn:aws:iam::" + account + ":role/" + role
		if g.chance(0.3) {
			c.Issuer = "arn:aws:iam::" + account + ":role/path/to/" + role
		}
	case n < 80:
		c.Principal = "arn:aws:sts::" + account + ":federated-user/alice"
		c.Issuer = "arn:aws:iam::" + account + ":user/alice"
	case n < 85:
		c.Principal = "arn:aws:iam::" + account + ":root"
	case n < 93 && g.target.policy:
		c.Principal = g.pick([]string{"sns.amazonaws.com", "lambda.amazonaws.com"})
	case g.target.policy:
		c.Principal = ""
	default:
		c.Principal = "arn:aws:iam::" + account + ":user/alice"
	}
}

// context gives some keys values.
func (g *generator) context() {
	g.c.Context = map[string][]string{}
	for _, key := range slices.Concat(globals, g.target.keys) {
		switch {
		case key == "aws:PrincipalArn" && g.account() != "" && g.chance(0.8):
			g.c.Context[key] = []string{g.identity()}
		case g.chance(0.5):
			n := 1
			if multi(key) {
				n = 1 + g.IntN(3)
			}
			var values []string
			for range n {
				if v := g.value(key); !slices.Contains(values, v) {
					values = append(values, v)
				}
			}
			g.c.Context[key] = values
		}
	}
}

// account is the account of the principal, if it has one.
func (g *generator) account() string {
	if f := strings.Split(g.c.Principal, ":"); len(f) == 6 && !strings.Contains(f[5], "provider") {
		return f[4]
	}
	return ""
}

// identity is the ARN of the user or role, as aws:PrincipalArn has it.
func (g *generator) identity() string {
	if strings.Contains(g.c.Principal, ":assumed-role/") {
		return g.c.Issuer
	}
	return g.c.Principal
}

// value makes a value that the key may have in a request.
func (g *generator) value(key string) string {
	if s, ok := samples[key]; ok {
		return g.pick(s)
	}
	k, _ := ref.ConditionKey(key)
	switch k.Type.String() {
	case "ARN":
		return g.arn()
	case "Numeric":
		return g.pick(numbers)
	case "Date":
		if key == "aws:EpochTime" {
			return g.pick(dates[3:])
		}
		return g.pick(dates[:3])
	case "Bool":
		return g.pick(bools)
	case "IPAddress":
		return g.pick(addresses)
	}
	return g.pick(words)
}

func (g *generator) arn() string {
	return g.pick([]string{
		"arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:role/dev", "arn:aws:iam::222222222222:role/path/to/ops",
		"arn:aws:iam::111111111111:root", "arn:aws:sns:us-east-1:111111111111:topic-one", "arn:aws:lambda:us-east-1:111111111111:function:fn-one",
	})
}

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
	case op == "NotIpAddress" && len(g.c.Context[key]) > 0 && strings.Contains(g.c.Context[key][0], ":"):
		return g.pick(networks[:3])
	case op == "NotIpAddress":
		return g.pick(networks[3:])
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
