package simulate

import (
	"math/rand/v2"
	"slices"
	"strings"
)

const (
	accountA = "111111111111"
	accountB = "222222222222"
)

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
