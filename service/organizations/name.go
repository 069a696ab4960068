package organizations

import (
	"crypto/rand"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/arn"
)

const (
	alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
)

// random returns n characters of the alphabet.
func random(alphabet string, n int) string {
	out := make([]byte, 0, n)
	var raw [32]byte
	limit := byte(256 - 256%len(alphabet))
	for {
		rand.Read(raw[:]) // never fails: see crypto/rand
		for _, b := range raw {
			if b >= limit {
				continue // would make the first characters more likely
			}
			if out = append(out, alphabet[int(b)%len(alphabet)]); len(out) == n {
				return string(out)
			}
		}
	}
}

// newID makes an id of AWS's form, such as p-4x8k2m1q.
func newID(prefix string, n int) string { return prefix + random(alphabet, n) }

// newUnitID: an OU's id repeats that of its root.
func newUnitID(root string) string {
	return "ou-" + strings.TrimPrefix(root, "r-") + "-" + random(alphabet, 8)
}

// newAccountID makes twelve digits of which the first is not zero.
func newAccountID() string { return random(digits[1:], 1) + random(digits, 11) }

// The ARNs of Organizations belong to the management account.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html#awsorganizations-resources-for-iam-policies
func (o *organization) arnOf(kind, id string) string {
	return arn.New("organizations", "", o.Management, kind+"/"+o.ID+"/"+id)
}

// ARN is the organization's own.
func (o *organization) ARN() string {
	return arn.New("organizations", "", o.Management, "organization/"+o.ID)
}

func (o *organization) rootARN() string             { return o.arnOf("root", o.Root) }
func (o *organization) unitARN(id string) string    { return o.arnOf("ou", id) }
func (o *organization) accountARN(id string) string { return o.arnOf("account", id) }

func (o *organization) policyARN(t api.PolicyType, id string) string {
	kind := strings.ToLower(string(t))
	if awsManaged(id) {
		return arn.New("organizations", "", "aws", "policy/"+kind+"/"+id)
	}
	return o.arnOf("policy", kind+"/"+id)
}

func (h *handshake) ARN() string {
	return arn.New("organizations", "", h.Owner, "handshake/"+h.Org+"/"+strings.ToLower(string(h.Action))+"/"+h.ID)
}

// targetARN is the ARN of a root, OU, account or policy by the form of its id.
func (o *organization) targetARN(id string) string {
	switch {
	case isRoot(id):
		return o.arnOf("root", id)
	case isUnit(id):
		return o.unitARN(id)
	}
	return o.accountARN(id)
}

func isRoot(id string) bool { return strings.HasPrefix(id, "r-") }
func isUnit(id string) bool { return strings.HasPrefix(id, "ou-") }

// Path is how policies name a place in the organization, such as
// o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html#access_policies_access-advisor-viewing-orgs-entity-path
func path(org string, chain ...string) string {
	return org + "/" + strings.Join(chain, "/") + "/"
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "organizations" {
		return ""
	}
	switch kind, _ := a.Type(); kind {
	case "organization":
		return "AWS::Organizations::Organization"
	case "account":
		return "AWS::Organizations::Account"
	case "ou":
		return "AWS::Organizations::OrganizationalUnit"
	case "root":
		return "AWS::Organizations::Root"
	case "policy":
		return "AWS::Organizations::Policy"
	case "resourcepolicy":
		return "AWS::Organizations::ResourcePolicy"
	case "handshake":
		return "AWS::Organizations::Handshake"
	case "transfer":
		return "AWS::Organizations::ResponsibilityTransfer"
	}
	return ""
}

// emailOf is the address of an account that Organizations does not know: AWS
// accounts have one from the beginning, those of this server have none. The
// top-level domain is reserved, so nothing is ever sent there: RFC 2606,
// section 2.
func emailOf(account string) string { return account + "@account.invalid" }

// nameOf is the name of such an account.
func nameOf(account string) string { return "Account " + account }
