package explain

import (
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// Foreign reports whether evaluation i is about a resource whose account was
// neither the principal's nor of the principal's organization.
func (e *Evidence) Foreign(i int) bool {
	ev := &e.Evaluations[i]
	if ev.ResourceAccount == "" || ev.ResourceAccount == e.Account {
		return false
	}
	for _, p := range ev.Context {
		if strings.EqualFold(p.Key, "aws:ResourceOrgID") {
			return e.Organization == "" || len(p.Values) != 1 || p.Values[0] != e.Organization
		}
	}
	return true
}

// Withhold removes what foreign accounts say about their own resources: the
// resource's policy, grants, RCPs, tags and organization. A denial is told to
// the principal's account, which must not learn by it what strangers have
// written, nor whether the resource exists. AWS's messages draw the same line.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func (e *Evidence) Withhold() {
	some := false
	for i := range e.Evaluations {
		if !e.Foreign(i) {
			continue
		}
		some = true
		ev := &e.Evaluations[i]
		ev.Owner, ev.RCP, ev.Grant, ev.Targets = nil, nil, nil, nil
		ev.Context = slices.DeleteFunc(slices.Clone(ev.Context), func(p policy.Pair) bool {
			key := strings.ToLower(p.Key)
			return strings.HasPrefix(key, "aws:resourceorg") || strings.Contains(key, ":resourcetag/")
		})
	}
	if some {
		e.forgetPolicies()
	}
}

// forgetPolicies drops the policies that no evaluation names any more.
func (e *Evidence) forgetPolicies() {
	var left []Policy
	numbers := map[int]int{}
	renumber := func(list []int) {
		for k, i := range list {
			if i < 0 || i >= len(e.Policies) {
				continue // damaged: Request says so
			}
			n, known := numbers[i]
			if !known {
				n = len(left)
				numbers[i], left = n, append(left, e.Policies[i])
			}
			list[k] = n
		}
	}
	for i := range e.Evaluations {
		ev := &e.Evaluations[i]
		for _, list := range [...][]int{ev.Identity, ev.Boundary, ev.Session, ev.Endpoint, ev.Owner} {
			renumber(list)
		}
		for _, list := range slices.Concat(ev.SCP, ev.RCP) {
			renumber(list)
		}
	}
	e.Policies = left
}
