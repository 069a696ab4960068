package accessanalyzer

import (
	"slices"
	"strconv"
	"strings"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
)

// filter selects findings: every criterion must hold.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html
type filter map[string]accessanalyzerapi.Criterion

// check refuses criteria that could not select anything as meant.
func (f filter) check() error {
	for key, c := range f {
		if !filterKey(key) {
			return invalid("Invalid filter key: %s", key)
		}
		if len(c.Eq) == 0 && len(c.Neq) == 0 && len(c.Contains) == 0 && c.Exists == nil {
			return invalid("The criterion for %s is empty", key)
		}
	}
	return nil
}

// filterKey reports whether findings can be selected by key.
func filterKey(key string) bool {
	switch key {
	case "id", "resource", "resourceType", "resourceOwnerAccount", "isPublic", "status", "error", "findingType", "action",
		"principal.AWS", "principal.Federated", "principal.CanonicalUser", "principal.Service",
		"resourceControlPolicyRestriction", "createdAt", "updatedAt", "analyzedAt", "changeType", "existingFindingId", "existingFindingStatus":
		return true
	}
	return strings.HasPrefix(key, "condition.") && len(key) > len("condition.")
}

// holds reports whether the finding meets every criterion. values gives a
// finding's values of a key; none means that it lacks it.
func (f filter) holds(values func(key string) []string) bool {
	for key, c := range f {
		if !holds(c, values(key)) {
			return false
		}
	}
	return true
}

func holds(c accessanalyzerapi.Criterion, have []string) bool {
	if c.Exists != nil && *c.Exists != (len(have) > 0) {
		return false
	}
	any := func(list []string, match func(have, want string) bool) bool {
		return slices.ContainsFunc(have, func(h string) bool {
			return slices.ContainsFunc(list, func(w string) bool { return match(h, w) })
		})
	}
	equal := func(a, b string) bool { return a == b }
	switch {
	case len(c.Eq) > 0 && !any(c.Eq, equal):
		return false
	case len(c.Neq) > 0 && any(c.Neq, equal):
		return false
	case len(c.Contains) > 0 && !any(c.Contains, strings.Contains):
		return false
	}
	return true
}

// values are what filters compare.
func (f *finding) values(key string) []string {
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	if k, ok := strings.CutPrefix(key, "condition."); ok {
		return one(f.Condition[k])
	}
	if k, ok := strings.CutPrefix(key, "principal."); ok {
		return one(f.Principal[k])
	}
	switch key {
	case "id":
		return one(f.ID)
	case "resource":
		return one(f.Resource)
	case "resourceType":
		return one(string(f.ResourceType))
	case "resourceOwnerAccount":
		return one(f.Owner)
	case "isPublic":
		if f.Kind != accessanalyzerapi.FindingType_ExternalAccess {
			return nil
		}
		return one(strconv.FormatBool(f.Public))
	case "status":
		return one(string(f.Status))
	case "error":
		return one(f.Error)
	case "findingType":
		return one(string(f.Kind))
	case "action":
		return f.Actions
	case "resourceControlPolicyRestriction":
		return one(string(f.Restriction))
	case "createdAt":
		return one(f.Created.Format(time.RFC3339))
	case "updatedAt":
		return one(f.Updated.Format(time.RFC3339))
	case "analyzedAt":
		return one(f.Analyzed.Format(time.RFC3339))
	}
	return nil
}

func (f *previewFinding) values(key string) []string {
	switch {
	case key == "changeType":
		return []string{string(f.Change)}
	case key == "existingFindingId" && f.Existing != "":
		return []string{f.Existing}
	case key == "existingFindingStatus" && f.Existing != "":
		return []string{string(f.ExistingStatus)}
	}
	return f.finding.values(key)
}
