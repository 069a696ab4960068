package accessanalyzer

import (
	"slices"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
)

// unusedBy finds what a principal may use and has not used for the analyzer's
// number of days. What is younger than that is not looked at.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-concepts.html
func (s *Service) unusedBy(a *analyzer, u *Usage) []finding {
	since := s.now().Add(-time.Duration(a.Age) * day)
	if a.excludes(u) || u.Created.After(since) {
		return nil
	}
	idle := func(created, used time.Time) bool { return created.Before(since) && used.Before(since) }
	var out []finding
	if u.Type == accessanalyzerapi.ResourceType_AWS__IAM__Role && u.Used.Before(since) {
		// A role that nobody uses says nothing by its permissions.
		return []finding{{Kind: accessanalyzerapi.FindingType_UnusedIAMRole, LastUsed: u.Used}}
	}
	for _, k := range u.Keys {
		if idle(k.Created, k.Used) {
			out = append(out, finding{Kind: accessanalyzerapi.FindingType_UnusedIAMUserAccessKey, Key: k.ID, LastUsed: k.Used})
		}
	}
	if p := u.Password; p != nil && idle(p.Created, p.Used) {
		out = append(out, finding{Kind: accessanalyzerapi.FindingType_UnusedIAMUserPassword, LastUsed: p.Used})
	}
	for _, sv := range u.Services {
		f := finding{Kind: accessanalyzerapi.FindingType_UnusedPermission, Namespace: sv.Namespace, LastUsed: sv.Used}
		if sv.Used.Before(since) {
			out = append(out, f)
			continue
		}
		for _, act := range sv.Actions {
			if act.Used.Before(since) {
				f.Unused = append(f.Unused, unusedAction(act))
			}
		}
		if f.Unused != nil {
			out = append(out, f)
		}
	}
	return out
}

// excludes reports whether the analyzer leaves the principal out.
func (a *analyzer) excludes(u *Usage) bool {
	account := accountOf(u.ARN)
	for _, e := range a.Exclusions {
		if slices.Contains(e.Accounts, account) {
			return true
		}
		for _, tags := range e.Tags {
			all := len(tags) > 0
			for k, v := range tags {
				have, ok := u.Tags[k]
				all = all && ok && (v == "" || v == have)
			}
			if all {
				return true
			}
		}
	}
	return false
}
