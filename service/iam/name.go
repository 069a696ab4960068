package iam

import (
	"crypto/rand"
	"strings"

	"bartizan.dev/arn"
)

// fold makes the form of a name in which names are compared.
func fold(name string) string { return strings.ToLower(name) }

// recordID is the id of a named record.
func recordID(account, name string) string { return account + "/" + fold(name) }

// arnOf builds the ARN of a resource with a path.
func arnOf(account, kind, path, name string) string {
	return arn.New("iam", "", account, kind+path+name)
}

func (h *holder) arn(kind string) string { return arnOf(h.Account, kind, h.Path, h.Name) }

func (u *user) ARN() string          { return u.arn("user") }
func (g *group) ARN() string         { return g.arn("group") }
func (r *role) ARN() string          { return r.arn("role") }
func (p *profile) ARN() string       { return arnOf(p.Account, "instance-profile", p.Path, p.Name) }
func (p *managedPolicy) ARN() string { return arnOf(p.Account, "policy", p.Path, p.Name) }

// rootARN is the ARN of an account's root user.
func rootARN(account string) string { return arn.New("iam", "", account, "root") }

// Prefixes of unique ids.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
const (
	userPrefix    = "AIDA"
	groupPrefix   = "AGPA"
	rolePrefix    = "AROA"
	profilePrefix = "AIPA"
	policyPrefix  = "ANPA"
)

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// newID makes a unique id: the prefix and 17 random characters of base32.
func newID(prefix string) string {
	var raw [17]byte
	rand.Read(raw[:]) // never fails: see crypto/rand
	out := []byte(prefix)
	for _, b := range raw {
		out = append(out, idAlphabet[b&31])
	}
	return string(out)
}

// pathOr is the path of a request, or the default "/".
func pathOr(path *string) string {
	if path == nil {
		return "/"
	}
	return *path
}
