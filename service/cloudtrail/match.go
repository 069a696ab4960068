package cloudtrail

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/trail"
)

// globalSources are the services whose events belong to all Regions:
// IncludeGlobalServiceEvents is about them.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
var globalSources = []string{"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com"}

// facts are what selectors ask of an event and its attributes do not tell.
type facts struct {
	Category  string `json:"eventCategory"`
	Type      string `json:"eventType"`
	Console   string `json:"sessionCredentialFromConsole"`
	Resources []struct {
		ARN  string
		Type string `json:"type"`
	}
	Identity struct {
		ARN string `json:"arn"`
	} `json:"userIdentity"`
}

// wants reports whether a trail delivers an event: it is the account's, of the
// trail's Region or Regions, logged while the trail did, and chosen by a selector.
// Whether an account is of the trail's organization, wanting knows.
func (r *record) wants(e *trail.Event) bool {
	region, insight := realRegion(e.Region)
	switch {
	case r.Org == "" && e.Account != r.Account, !r.Multi && region != r.Region, strings.Contains(region, "/"), !r.logged(e.Time):
		return false // a Region with a slash is none: other records lie there
	case insight:
		var f struct {
			Details struct{ InsightType string } `json:"insightDetails"`
		}
		return len(r.Insights) > 0 && json.Unmarshal(e.JSON, &f) == nil && r.wantsInsight(f.Details.InsightType)
	case !r.Global && slices.Contains(globalSources, e.Source):
		return false
	}
	var f facts
	if json.Unmarshal(e.JSON, &f) != nil {
		return true // what cannot be judged is not left out
	}
	if len(r.Advanced) > 0 {
		return chosen(r.Advanced, e, &f)
	}
	return slices.ContainsFunc(r.basic(), func(b cloudtrailapi.EventSelector) bool { return basic(&b, e, &f) })
}

// chosen reports whether one of some advanced selectors chooses an event.
func chosen(list []cloudtrailapi.AdvancedEventSelector, e *trail.Event, f *facts) bool {
	return slices.ContainsFunc(list, func(a cloudtrailapi.AdvancedEventSelector) bool { return advanced(&a, e, f) })
}

// basic reports whether a basic selector chooses an event.
func basic(s *cloudtrailapi.EventSelector, e *trail.Event, f *facts) bool {
	if s.ReadWriteType == cloudtrailapi.ReadWriteType_ReadOnly && !e.ReadOnly || s.ReadWriteType == cloudtrailapi.ReadWriteType_WriteOnly && e.ReadOnly {
		return false
	}
	switch f.Category {
	case "", "Management":
		return (s.IncludeManagementEvents == nil || *s.IncludeManagementEvents) && !slices.Contains(s.ExcludeManagementEventSources, e.Source)
	case "Data":
		for i := range s.DataResources {
			d := &s.DataResources[i]
			for _, r := range f.Resources {
				if r.Type == text(d.Type) && slices.ContainsFunc(d.Values, func(v string) bool { return strings.HasPrefix(r.ARN, v) }) {
					return true
				}
			}
		}
	}
	return false
}

// advanced reports whether an advanced selector chooses an event: all of its
// fields must agree.
func advanced(s *cloudtrailapi.AdvancedEventSelector, e *trail.Event, f *facts) bool {
	for i := range s.FieldSelectors {
		if !field(&s.FieldSelectors[i], e, f) {
			return false
		}
	}
	return true
}

func field(s *cloudtrailapi.AdvancedFieldSelector, e *trail.Event, f *facts) bool {
	switch s.Field {
	case "eventCategory":
		return agrees(s, f.Category)
	case "readOnly":
		return agrees(s, strconv.FormatBool(e.ReadOnly))
	case "eventSource":
		return agrees(s, e.Source)
	case "eventName":
		return agrees(s, e.Name)
	case "eventType":
		return agrees(s, f.Type)
	case "userIdentity.arn":
		return agrees(s, f.Identity.ARN)
	case "sessionCredentialFromConsole":
		return agrees(s, strconv.FormatBool(f.Console == "true"))
	case "resources.type", "resources.ARN":
		for _, r := range f.Resources {
			if s.Field == "resources.type" && agrees(s, r.Type) || s.Field == "resources.ARN" && agrees(s, r.ARN) {
				return true
			}
		}
	}
	return false
}

// agrees: of the operators that must hold one is enough, of those that must not,
// none may.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html#filtering-data-events-conditions
func agrees(s *cloudtrailapi.AdvancedFieldSelector, v string) bool {
	begins := func(p string) bool { return strings.HasPrefix(v, p) }
	ends := func(p string) bool { return strings.HasSuffix(v, p) }
	if slices.Contains(s.NotEquals, v) || slices.ContainsFunc(s.NotStartsWith, begins) || slices.ContainsFunc(s.NotEndsWith, ends) {
		return false
	}
	return len(s.Equals)+len(s.StartsWith)+len(s.EndsWith) == 0 ||
		slices.Contains(s.Equals, v) || slices.ContainsFunc(s.StartsWith, begins) || slices.ContainsFunc(s.EndsWith, ends)
}
