package iam

import (
	"encoding/base64"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
)

// setEntries sets the condition keys of the request. They hide what the
// simulator knows by itself.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
func (m *simulation) setEntries(entries []iamapi.ContextEntry) error {
	seen := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.ContextKeyName == nil {
			return invalidInput("ContextKeyName cannot be null or empty.")
		}
		name := *e.ContextKeyName
		if seen[strings.ToLower(name)] {
			return invalidInput("Duplicate context key: %s.", name)
		}
		seen[strings.ToLower(name)] = true
		if err := setEntry(&m.request.Context, name, e); err != nil {
			return err
		}
	}
	m.givenAccount = seen["aws:resourceaccount"]
	return nil
}

// setEntry checks the values by their type. A key of a list type is
// multivalued even when it has one value, and absent when it has none. Without
// a type the values are strings.
func setEntry(c *policy.Context, name string, e *iamapi.ContextEntry) error {
	t, list := strings.CutSuffix(string(e.ContextKeyType), "List")
	if e.ContextKeyType == "" {
		t, list = "string", len(e.ContextKeyValues) > 1
	}
	if !list && len(e.ContextKeyValues) != 1 {
		return invalidInput("Context key %s of type %s must have exactly one value.", name, t)
	}
	values := make([]string, 0, len(e.ContextKeyValues))
	for _, v := range e.ContextKeyValues {
		canonical, ok := entryValue(t, v)
		if !ok {
			return invalidInput("Invalid value %q of context key %s: it is not of type %s.", v, name, t)
		}
		values = append(values, canonical)
	}
	if list {
		c.SetAll(name, values)
	} else {
		c.Set(name, values[0])
	}
	return nil
}

// entryValue checks one value and returns it as the engine has it in a
// request.
func entryValue(t, v string) (string, bool) {
	switch t {
	case "string":
		return v, true
	case "numeric":
		n, err := strconv.ParseFloat(v, 64)
		return v, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) && !strings.ContainsAny(v, "xX_pP")
	case "boolean":
		return strings.ToLower(v), strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	case "ip":
		_, err := netip.ParseAddr(v)
		return v, err == nil
	case "binary":
		raw, err := base64.StdEncoding.DecodeString(v)
		return string(raw), err == nil
	case "date":
		return v, isDate(v)
	}
	return "", false
}

// isDate reports whether v is a date as policies have them: seconds since
// 1970, or a W3C form of ISO 8601.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date
func isDate(v string) bool {
	if _, err := strconv.ParseInt(v, 10, 64); err == nil {
		return true
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02", "2006-01"} {
		if _, err := time.Parse(layout, strings.ToUpper(v)); err == nil {
			return true
		}
	}
	return false
}
