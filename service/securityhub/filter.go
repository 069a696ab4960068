package securityhub

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
)

// A filter tells whether a finding is wanted. The conditions on different
// attributes must all be met.
type filter []condition

type condition struct {
	name string
	met  func(values []any) bool
	all  bool // asks for every text of the finding
}

// use says what filters are for: some comparisons are for some uses only.
type use int

const (
	forSearch use = iota // GetFindings and insights
	forRules             // automation rules
)

// compile makes a filter of AwsSecurityFindingFilters or
// AutomationRulesFindingFilters; nil wants everything.
func compile[F any](f *F, u use, now time.Time) (filter, error) {
	if f == nil {
		return nil, nil
	}
	var out filter
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		if v.Field(i).Len() == 0 {
			continue
		}
		name := v.Type().Field(i).Name
		c := condition{name: name}
		var err error
		if v.Field(i).Len() > 20 {
			return nil, invalid("Invalid parameter 'Filters'. data.%s should NOT have more than 20 items", name)
		}
		switch list := v.Field(i).Interface().(type) {
		case []api.StringFilter:
			c.met, err = stringsMet(name, list, u)
		case []api.NumberFilter:
			c.met, err = numbersMet(name, list)
		case []api.DateFilter:
			c.met, err = datesMet(name, list, now)
		case []api.MapFilter:
			c.met, err = mapsMet(name, list, u)
		case []api.IpFilter:
			c.met, err = addressesMet(name, list)
		case []api.KeywordFilter:
			c.all, c.met = true, keywordsMet(list)
		case []api.BooleanFilter:
			c.met = booleansMet(list)
		default:
			err = invalid("Invalid parameter 'Filters'. %s is not supported.", name)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	// "You can filter by up to 10 finding attributes. For each attribute, you can
	// provide up to 20 filter values."
	if u == forSearch && len(out) > 10 {
		return nil, invalid("Invalid parameter 'Filters'. data should NOT have more than 10 properties")
	}
	return out, nil
}

func (f filter) wants(a ASFF) bool {
	for i := range f {
		c := &f[i]
		values := []any{map[string]any(a)}
		if !c.all {
			values = a.values(c.name)
		}
		if !c.met(values) {
			return false
		}
	}
	return true
}

// matcher is one comparison of a string or map filter.
type matcher struct {
	value  string
	not    bool
	wanted func(have, want string) bool
}

func (m *matcher) any(values []any) bool {
	return slices.ContainsFunc(values, func(v any) bool { return m.wanted(word(v), m.value) })
}

// joined: "CONTAINS, EQUALS, and PREFIX filters on the same field are joined by
// OR", those with NOT by AND, and both kinds must be met.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html
func joined(all []matcher, values func(*matcher) []any) bool {
	some, positive := false, false
	for i := range all {
		m := &all[i]
		hit := m.any(values(m))
		switch {
		case m.not && hit:
			return false
		case !m.not:
			positive = true
			some = some || hit
		}
	}
	return some || !positive
}

func equal(have, want string) bool { return have == want }

// comparison makes a matcher, and refuses what AWS refuses to combine.
func comparison(name, op, value string, seen map[string]bool, u use) (matcher, error) {
	m := matcher{value: value}
	switch op {
	case "", "EQUALS":
		op, m.wanted = "EQUALS", equal
	case "NOT_EQUALS":
		m.not, m.wanted = true, equal
	case "PREFIX":
		m.wanted = strings.HasPrefix
	case "PREFIX_NOT_EQUALS":
		m.not, m.wanted = true, strings.HasPrefix
	case "CONTAINS":
		m.wanted = strings.Contains
	case "NOT_CONTAINS":
		m.not, m.wanted = true, strings.Contains
	default:
		return m, invalid("Invalid parameter 'Filters'. The comparison %s of %s is not supported by this operation.", op, name)
	}
	if u == forSearch && strings.HasSuffix(op, "CONTAINS") {
		return m, invalid("Invalid parameter 'Filters'. The comparison %s of %s can be used only with automation rules.", op, name)
	}
	seen[op] = true
	contains := seen["CONTAINS"] && (seen["EQUALS"] || seen["PREFIX"] || seen["NOT_EQUALS"] || seen["PREFIX_NOT_EQUALS"] || seen["NOT_CONTAINS"])
	excludes := seen["NOT_CONTAINS"] && (seen["EQUALS"] || seen["PREFIX"] || seen["NOT_EQUALS"] || seen["PREFIX_NOT_EQUALS"])
	if contains || excludes || seen["EQUALS"] && (seen["NOT_EQUALS"] || seen["PREFIX_NOT_EQUALS"]) {
		return m, invalid("Invalid parameter 'Filters'. The comparisons of %s can't be combined on one field.", name)
	}
	return m, nil
}

func stringsMet(name string, list []api.StringFilter, u use) (func([]any) bool, error) {
	all, seen := make([]matcher, len(list)), map[string]bool{}
	for i := range list {
		if list[i].Value == nil {
			return nil, invalid("Invalid parameter 'Filters'. data.%s[%d] should have required property 'Value'", name, i)
		}
		var err error
		if all[i], err = comparison(name, string(list[i].Comparison), *list[i].Value, seen, u); err != nil {
			return nil, err
		}
	}
	return func(values []any) bool { return joined(all, func(*matcher) []any { return values }) }, nil
}

// mapsMet: a map has a value at the filter's key.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_MapFilter.html
func mapsMet(name string, list []api.MapFilter, u use) (func([]any) bool, error) {
	all, keys, seen := make([]matcher, len(list)), map[*matcher]string{}, map[string]bool{}
	for i := range list {
		if list[i].Key == nil {
			return nil, invalid("Invalid parameter 'Filters'. data.%s[%d] should have required property 'Key'", name, i)
		}
		var err error
		all[i], err = comparison(name, string(list[i].Comparison), text(list[i].Value), seen, u)
		if err != nil {
			return nil, err
		}
		if list[i].Value == nil { // the key alone
			all[i].wanted = func(string, string) bool { return true }
		}
		keys[&all[i]] = *list[i].Key
	}
	return func(values []any) bool {
		return joined(all, func(m *matcher) (out []any) {
			for _, v := range values {
				if have, ok := v.(map[string]any); ok && have[keys[m]] != nil {
					out = append(out, have[keys[m]])
				}
			}
			return out
		})
	}, nil
}

func numbersMet(name string, list []api.NumberFilter) (func([]any) bool, error) {
	for i, f := range list {
		if f == (api.NumberFilter{}) {
			return nil, invalid("Invalid parameter 'Filters'. data.%s[%d] should have one of the properties 'Eq', 'Gt', 'Gte', 'Lt', 'Lte'", name, i)
		}
	}
	return func(values []any) bool {
		for _, v := range values {
			n, ok := v.(float64)
			if !ok {
				continue
			}
			for i := range list {
				f := &list[i]
				if (f.Eq == nil || n == *f.Eq) && (f.Gt == nil || n > *f.Gt) && (f.Gte == nil || n >= *f.Gte) && (f.Lt == nil || n < *f.Lt) && (f.Lte == nil || n <= *f.Lte) {
					return true
				}
			}
		}
		return false
	}, nil
}

// span is a time between two others; zero ends are open.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool {
	return (s.from.IsZero() || !t.Before(s.from)) && (s.to.IsZero() || !t.After(s.to))
}

// datesMet: between Start and End, or within the last days, or before them.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DateFilter.html
func datesMet(name string, list []api.DateFilter, now time.Time) (func([]any) bool, error) {
	spans := make([]span, len(list))
	for i, f := range list {
		if r := f.DateRange; r != nil {
			if f.Start != nil || f.End != nil || r.Value == nil || *r.Value < 0 || r.Unit != api.DateRangeUnit_DAYS {
				return nil, invalid("Invalid parameter 'Filters'. data.%s[%d].DateRange needs a Value and the Unit DAYS, and no Start or End beside it", name, i)
			}
			edge := now.Add(-time.Duration(*r.Value) * 24 * time.Hour)
			if spans[i] = (span{from: edge}); r.Comparison == api.DateRangeComparison_OLDER_THAN {
				spans[i] = span{to: edge}
			}
			continue
		}
		if f.Start == nil && f.End == nil {
			return nil, invalid("Invalid parameter 'Filters'. data.%s[%d] should have a DateRange, a Start or an End", name, i)
		}
		for _, end := range []struct {
			name string
			text *string
			at   *time.Time
		}{{"Start", f.Start, &spans[i].from}, {"End", f.End, &spans[i].to}} {
			if end.text == nil {
				continue
			}
			var err error
			if *end.at, err = parseTime(*end.text); err != nil {
				return nil, invalid("Invalid parameter 'Filters'. data.%s[%d].%s should match format \"date-time\"", name, i, end.name)
			}
		}
	}
	return func(values []any) bool {
		for _, v := range values {
			t, err := parseTime(word(v))
			if err == nil && slices.ContainsFunc(spans, func(s span) bool { return s.holds(t) }) {
				return true
			}
		}
		return false
	}, nil
}

func addressesMet(name string, list []api.IpFilter) (func([]any) bool, error) {
	prefixes := make([]netip.Prefix, len(list))
	for i, f := range list {
		cidr := text(f.Cidr)
		p, err := netip.ParsePrefix(cidr)
		if a, aerr := netip.ParseAddr(cidr); err != nil && aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, invalid("Invalid parameter 'Filters'. data.%s[%d].Cidr should be a CIDR", name, i)
		}
		prefixes[i] = p.Masked()
	}
	return func(values []any) bool {
		for _, v := range values {
			a, err := netip.ParseAddr(word(v))
			if err == nil && slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
				return true
			}
		}
		return false
	}, nil
}

// keywordsMet looks for words in all texts of a finding, whatever their case.
func keywordsMet(list []api.KeywordFilter) func([]any) bool {
	return func(values []any) bool {
		for _, f := range list {
			if within(values, strings.ToLower(text(f.Value))) {
				return true
			}
		}
		return false
	}
}

func within(v any, want string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(strings.ToLower(v), want)
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return within(e, want) })
	case map[string]any:
		for _, e := range v {
			if within(e, want) {
				return true
			}
		}
	}
	return false
}

func booleansMet(list []api.BooleanFilter) func([]any) bool {
	return func(values []any) bool {
		return slices.ContainsFunc(values, func(v any) bool {
			return slices.ContainsFunc(list, func(f api.BooleanFilter) bool { return v == on(f.Value) })
		})
	}
}
