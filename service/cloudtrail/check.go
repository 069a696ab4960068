package cloudtrail

import (
	"slices"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
)

// AWS's limits of selectors.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
const (
	maxSelectors     = 5
	maxDataResources = 250 // of all basic selectors of a trail
	maxConditions    = 500 // values of all advanced selectors of a trail
)

// excludable are the sources of management events that basic selectors may leave
// out, and readable ones that advanced selectors may.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
var excludable = []string{"kms.amazonaws.com", "rdsdata.amazonaws.com"}

// dataPrefix is how the ARNs of basic selectors' data resources begin.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html
var dataPrefix = map[string][]string{
	"AWS::S3::Object":       {"arn:aws:s3"},
	"AWS::Lambda::Function": {"arn:aws:lambda"},
	"AWS::DynamoDB::Table":  {"arn:aws:dynamodb"},
}

func checkBasic(list []cloudtrailapi.EventSelector) error {
	if len(list) > maxSelectors {
		return badSelector("The number of event selectors must be between 1 and %d.", maxSelectors)
	}
	values := 0
	for i := range list {
		e := &list[i]
		for _, source := range e.ExcludeManagementEventSources {
			if !slices.Contains(excludable, source) {
				return badSelector("Value %s for ExcludeManagementEventSources is invalid.", source)
			}
		}
		if e.IncludeManagementEvents != nil && !*e.IncludeManagementEvents {
			if len(e.ExcludeManagementEventSources) > 0 {
				return badSelector("ExcludeManagementEventSources cannot be set when IncludeManagementEvents is false.")
			}
			if len(e.DataResources) == 0 {
				return badSelector("An event selector must log management events or data resources.")
			}
		}
		for j := range e.DataResources {
			if err := checkData(&e.DataResources[j]); err != nil {
				return err
			}
			values += len(e.DataResources[j].Values)
		}
	}
	if values > maxDataResources {
		return badSelector("The total number of data resources cannot exceed %d across all event selectors in a trail.", maxDataResources)
	}
	return nil
}

func checkData(d *cloudtrailapi.DataResource) error {
	kind := text(d.Type)
	prefixes, ok := dataPrefix[kind]
	if !ok {
		return badSelector("Value %s for DataResources.Type is invalid.", kind)
	}
	if len(d.Values) == 0 {
		return badSelector("DataResources.Values of the type %s must not be empty.", kind)
	}
	for _, v := range d.Values {
		good := slices.ContainsFunc(prefixes, func(p string) bool { return v == p || strings.HasPrefix(v, p+":") })
		if kind == "AWS::S3::Object" && good && v != prefixes[0] {
			// A bucket and a slash, or the prefix of its keys; no wildcards.
			bucket, _, slash := strings.Cut(strings.TrimPrefix(v, "arn:aws:s3:::"), "/")
			good = v == "arn:aws:s3:::" || slash && goodBucket.MatchString(bucket)
		}
		if !good {
			return badSelector("Value %s for DataResources.Values is invalid.", v)
		}
	}
	return nil
}

// fields are those that advanced selectors of a category may have.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
var fields = map[string][]string{
	"Management": {"eventCategory", "eventSource", "readOnly"},
	"Data":       {"eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN", "resources.type", "sessionCredentialFromConsole", "userIdentity.arn"},
}

// storeFields are those that selectors of management events may have besides, in
// an event data store.
var storeFields = []string{"eventName", "eventType", "sessionCredentialFromConsole", "userIdentity.arn"}

// checkAdvanced checks advanced selectors of a trail, or of an event data store.
func checkAdvanced(list []cloudtrailapi.AdvancedEventSelector, ofStore bool) error {
	n := 0
	for i := range list {
		if len(text(list[i].Name)) > 1000 {
			return badSelector("The name of an advanced event selector has at most 1000 characters.")
		}
		category, err := categoryOf(list[i].FieldSelectors)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for j := range list[i].FieldSelectors {
			f := &list[i].FieldSelectors[j]
			if seen[f.Field] {
				return badSelector("The field %s is used more than once in an advanced event selector.", f.Field)
			}
			seen[f.Field] = true
			if !slices.Contains(fields[category], f.Field) && !(ofStore && category == "Management" && slices.Contains(storeFields, f.Field)) {
				return badSelector("The field %s is not valid for the event category %s.", f.Field, category)
			}
			if err := checkField(category, f, ofStore); err != nil {
				return err
			}
			n += conditions(f)
		}
		if category == "Data" && !seen["resources.type"] {
			return badSelector("An advanced event selector for data events must have the field resources.type.")
		}
	}
	if n > maxConditions {
		return badSelector("The number of conditions exceeds %d across all advanced event selectors of a trail.", maxConditions)
	}
	return nil
}

// categoryOf is the event category of a selector, which it must name once.
func categoryOf(list []cloudtrailapi.AdvancedFieldSelector) (string, error) {
	for i := range list {
		f := &list[i]
		if f.Field != "eventCategory" {
			continue
		}
		if len(f.Equals) != 1 || conditions(f) != 1 {
			return "", badSelector("The field eventCategory must have one value, with the operator Equals.")
		}
		if fields[f.Equals[0]] == nil {
			return "", badSelector("The event category %s is not valid, or is not built in Bartizan.", f.Equals[0])
		}
		return f.Equals[0], nil
	}
	return "", badSelector("An advanced event selector must have the field eventCategory.")
}

func conditions(f *cloudtrailapi.AdvancedFieldSelector) int {
	return len(f.Equals) + len(f.StartsWith) + len(f.EndsWith) + len(f.NotEquals) + len(f.NotStartsWith) + len(f.NotEndsWith)
}

func checkField(category string, f *cloudtrailapi.AdvancedFieldSelector, ofStore bool) error {
	n := conditions(f)
	onlyEquals := len(f.Equals) == n
	switch {
	case n == 0:
		return badSelector("The field %s has no operator.", f.Field)
	case f.Field == "readOnly" || f.Field == "sessionCredentialFromConsole":
		if !onlyEquals || n != 1 || f.Equals[0] != "true" && f.Equals[0] != "false" {
			return badSelector("The field %s must equal true or false.", f.Field)
		}
	case f.Field == "resources.type":
		if !onlyEquals || n != 1 || !strings.HasPrefix(f.Equals[0], "AWS::") {
			return badSelector("The field resources.type must equal one resource type.")
		}
	case f.Field == "eventSource" && category == "Management" && !ofStore:
		if len(f.NotEquals) != n || slices.ContainsFunc(f.NotEquals, func(v string) bool { return !slices.Contains(excludable, v) }) {
			return badSelector("The field eventSource of management events can only be NotEquals %s.", strings.Join(excludable, " or "))
		}
	}
	return nil
}
