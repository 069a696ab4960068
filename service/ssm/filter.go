package ssm

import (
	"slices"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/wire"
)

// where filters stand: what they may be differs.
type where struct {
	keys string // for the message
	has  []string
	tags bool
}

var (
	described = where{"Path, Name, Type, KeyId, Tier", []string{"Path", "Name", "Type", "KeyId", "Tier", "DataType"}, true}
	byPath    = where{"Type, KeyId", []string{"Type", "KeyId", "Label"}, false}
)

// filter is one checked ParameterStringFilter.
type filter struct {
	key, option string
	values      []string
}

type filters []filter

// newFilters checks the filters of a call.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
func newFilters(list []ssmapi.ParameterStringFilter, w where) (filters, error) {
	var out filters
	for _, in := range list {
		f := filter{key: in.Key, option: "Equals", values: in.Values}
		tag := strings.HasPrefix(f.key, "tag:")
		if f.key == "Path" {
			f.option = "OneLevel"
		}
		if in.Option != nil {
			f.option = *in.Option
		}
		switch {
		case !slices.Contains(w.has, f.key) && !(tag && w.tags):
			return nil, wire.Errorf("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", f.key, w.keys)
		case slices.ContainsFunc(out, func(o filter) bool { return o.key == f.key }):
			return nil, wire.Errorf("InvalidFilterKey", "The following filter is duplicated in the request: %s. A request can contain only one occurrence of a specific filter.", f.key)
		case len(f.values) == 0 && !tag:
			return nil, wire.Errorf("InvalidFilterValue", "The following filter values are missing : null for filter key %s.", f.key)
		}
		if err := f.check(); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// allowedOf are the values and options of a key.
func (f *filter) check() error {
	options := []string{"BeginsWith", "Equals"}
	switch f.key {
	case "Name":
		options = append(options, "Contains")
	case "Path":
		options = []string{"Recursive", "OneLevel"}
	case "Label":
		options = options[1:]
	}
	if !slices.Contains(options, f.option) {
		return wire.Errorf("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].", f.option, strings.Join(options, ", "))
	}
	for _, v := range f.values {
		switch f.key {
		case "Path":
			if lower := strings.ToLower(v); strings.HasPrefix(lower, "/aws") || strings.HasPrefix(lower, "/ssm") {
				return invalid(`Filters for common parameters can't be prefixed with "aws" or "ssm" (case-insensitive). When using global parameters, please specify within a global namespace.`)
			}
			if err := checkPath(v); err != nil {
				return err
			}
		case "Type":
			if f.option == "Equals" && !slices.Contains([]string{typeString, typeList, typeSecure}, v) {
				return wire.Errorf("InvalidFilterOption", "The following filter value is not valid: %s. Valid values include: [String, StringList, SecureString].", v)
			}
		case "Tier":
			if f.option == "Equals" && !slices.Contains([]string{tierStandard, tierAdvanced, tierIntelligent}, v) {
				return wire.Errorf("InvalidFilterOption", "The following filter value is not valid: %s. Valid values include: [Standard, Advanced, Intelligent-Tiering].", v)
			}
		}
	}
	return nil
}

// legacyFilters are the older Filters, whose values are beginnings.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParametersFilter.html
func legacyFilters(list []ssmapi.ParametersFilter) filters {
	var out filters
	for _, f := range list {
		out = append(out, filter{string(f.Key), "BeginsWith", f.Values})
	}
	return out
}

func (fs filters) match(p *parameter) bool {
	for i := range fs {
		if !fs[i].match(p) {
			return false
		}
	}
	return true
}

func (f *filter) match(p *parameter) bool {
	text := ""
	switch f.key {
	case "Name":
		text = p.Name
	case "Type":
		text = p.Type
	case "KeyId":
		text = p.KeyID
	case "Tier":
		text = p.Tier
	case "DataType":
		text = p.DataType
	case "Label":
		return slices.ContainsFunc(f.values, func(v string) bool { return p.Labels[v] > 0 })
	case "Path":
		return slices.ContainsFunc(f.values, func(v string) bool {
			rest, ok := strings.CutPrefix(p.Name, strings.TrimSuffix(v, "/")+"/")
			return ok && (f.option == "Recursive" || !strings.Contains(rest, "/"))
		})
	default: // tag:KEY
		value, ok := p.Tags[strings.TrimPrefix(f.key, "tag:")]
		if !ok || len(f.values) == 0 {
			return ok
		}
		text = value
	}
	return slices.ContainsFunc(f.values, func(v string) bool {
		switch f.option {
		case "BeginsWith":
			return strings.HasPrefix(text, v)
		case "Contains":
			return strings.Contains(text, v)
		}
		return text == v
	})
}

// version is the one that a Label filter chooses, else the newest.
func (fs filters) version(p *parameter) int64 {
	for i := range fs {
		if fs[i].key != "Label" {
			continue
		}
		for _, v := range fs[i].values {
			if n := p.Labels[v]; n > 0 {
				return n
			}
		}
	}
	return p.Number
}
