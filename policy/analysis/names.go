package analysis

import (
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// names collects what policies call principals.
type names struct {
	accounts, arns, sessions, ids, services, federated, canonical []string
	partitions                                                    []string
	globs                                                         []*glob // of aws:PrincipalArn
}

func (n *names) element(p *policy.Principals) {
	if p == nil {
		return
	}
	for _, s := range p.AWS {
		a, err := arn.Parse(s)
		switch {
		case s == "*" || s == "":
		case arn.IsAccount(s):
			n.accounts = append(n.accounts, s)
		case err != nil:
			n.ids = append(n.ids, s)
		default:
			n.partitions = append(n.partitions, a.Partition)
			n.accounts = append(n.accounts, a.Account)
			if kind, _ := a.Type(); a.Service == "sts" && kind == "assumed-role" {
				n.sessions = append(n.sessions, s)
			} else if a.Resource != "root" {
				n.arns = append(n.arns, s)
			}
		}
	}
	n.services = append(n.services, p.Service...)
	n.federated = append(n.federated, p.Federated...)
	n.canonical = append(n.canonical, p.Canonical...)
}

// condition notes what a condition on a tied key distinguishes.
func (n *names) condition(u use) {
	if u.operator.family != textual || u.operator.variables(u.condition, u.version) {
		return
	}
	switch strings.ToLower(u.condition.Key) {
	case "aws:principalarn":
		n.globs = append(n.globs, valueGlobs(u.operator, u.condition, u.version)...)
		for _, v := range u.condition.Values {
			f := strings.SplitN(v, ":", 6)
			if len(f) == 6 && fixed(f[1]) {
				n.partitions = append(n.partitions, f[1])
			}
			if len(f) == 6 && arn.IsAccount(f[4]) {
				n.accounts = append(n.accounts, f[4])
			}
		}
	case "aws:principalaccount":
		for _, g := range valueGlobs(u.operator, u.condition, u.version) {
			n.globs = append(n.globs, accountGlob(g.tokens))
			if g.literal && arn.IsAccount(g.string()) {
				n.accounts = append(n.accounts, g.string())
			}
		}
	}
}
