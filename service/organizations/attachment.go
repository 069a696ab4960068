package organizations

import (
	"slices"
	"strconv"
	"time"

	api "bartizan.dev/api/organizations"
)

// AWS's own policies, which allow everything.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
const (
	fullAccess    = "p-FullAWSAccess"
	fullAccessRCP = "p-RCPFullAWSAccess"
)

func awsManaged(id string) bool { return id == fullAccess || id == fullAccessRCP }

// managedPolicy returns one of AWS's own policies, or nil.
func managedPolicy(id string) *document {
	switch id {
	case fullAccess:
		return &document{ID: id, Name: "FullAWSAccess", Type: api.PolicyType_SERVICE_CONTROL_POLICY, Description: "Allows access to every operation",
			Content: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}"}
	case fullAccessRCP:
		return &document{ID: id, Name: "RCPFullAWSAccess", Type: api.PolicyType_RESOURCE_CONTROL_POLICY, Description: "Allows all actions to all resources by all principals.",
			Content: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Principal\": \"*\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}"}
	}
	return nil
}

// defaultPolicy is what every root, OU and account has from the moment its type
// is enabled; "" for types without.
func defaultPolicy(t api.PolicyType) string {
	switch t {
	case api.PolicyType_SERVICE_CONTROL_POLICY:
		return fullAccess
	case api.PolicyType_RESOURCE_CONTROL_POLICY:
		return fullAccessRCP
	}
	return ""
}

// of returns what is attached, by a type's state in the root: nothing while the
// type is disabled.
func (a attachments) of(t api.PolicyType, now policyType) []attachment {
	if !now.Enabled {
		return nil
	}
	list, ok := a[t]
	if !ok || list.Generation != now.Generation {
		if id := defaultPolicy(t); id != "" {
			return []attachment{{ID: id}}
		}
		return nil
	}
	return list.Policies
}

func (a attachments) has(t api.PolicyType, now policyType, id string) bool {
	return slices.ContainsFunc(a.of(t, now), func(x attachment) bool { return x.ID == id })
}

// add returns a with the policy attached.
func (a attachments) add(t api.PolicyType, now policyType, id string, at time.Time) attachments {
	list := append(slices.Clone(a.of(t, now)), attachment{id, at})
	return a.with(t, attached{now.Generation, list})
}

// remove returns a without the policy.
func (a attachments) remove(t api.PolicyType, now policyType, id string) attachments {
	list := slices.DeleteFunc(slices.Clone(a.of(t, now)), func(x attachment) bool { return x.ID == id })
	return a.with(t, attached{now.Generation, list})
}

func (a attachments) with(t api.PolicyType, list attached) attachments {
	out := attachments{}
	for k, v := range a {
		out[k] = v
	}
	out[t] = list
	return out
}

// attachedKey is the index value of a policy that is attached explicitly.
func attachedKey(org string, generation int, policy string) string {
	return org + "/" + strconv.Itoa(generation) + "/" + policy
}

func (a attachments) keys(org string) []string {
	if org == "" {
		return nil
	}
	var out []string
	for _, list := range a {
		for _, p := range list.Policies {
			out = append(out, attachedKey(org, list.Generation, p.ID))
		}
	}
	slices.Sort(out)
	return out
}
