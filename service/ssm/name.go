package ssm

import (
	"strconv"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/wire"
)

const (
	maxLevels = 15
	// maxName counts the ARN that stands before the name as well.
	// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
	maxName = 1011
)

// isName reports whether name has only the characters of a name.
func isName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-' || c == '/') {
			return false
		}
	}
	return name != ""
}

// checkName is what a name must be when a parameter is made.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html#sysman-parameter-name-constraints
func checkName(at place, name string) error {
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	path := strings.Count(name, "/") > 1
	first, _, _ := strings.Cut(lower, "/")
	switch {
	case strings.HasPrefix(lower, "aws") && path:
		return wire.Errorf("AccessDeniedException", "No access to reserved parameter name: %s.", name)
	case (strings.HasPrefix(lower, "aws") || strings.HasPrefix(first, "ssm")) && !path:
		return invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case !isName(name), strings.HasPrefix(lower, "ssm"), strings.Contains(name, "//"), strings.HasSuffix(name, "/"):
		return invalid(`Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; ` +
			`each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`)
	case strings.Contains(name, "/") && name[0] != '/':
		return invalid("Parameter name must be a fully qualified name.")
	case strings.Count(name, "/") > maxLevels:
		return wire.Errorf("HierarchyLevelLimitExceededException", "Parameter name must not exceed a depth of %d levels.", maxLevels)
	case len(at.arn(name)) > maxName:
		return invalid("Parameter name is too long: with the ARN before it, it may have %d characters.", maxName)
	}
	return nil
}

// selected is what a caller asks for: a parameter and which version of it.
type selected struct {
	place
	name     string // may lack the slash that it begins with, if byARN
	selector string // with its colon, or empty
	byARN    bool
}

// selectName reads a name or ARN, with a version or label behind a colon.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
func selectName(at place, text string) (selected, error) {
	text = strings.TrimSpace(text)
	out := selected{place: at}
	if rest, ok := strings.CutPrefix(text, "arn:"); ok {
		a, err := arn.Parse("arn:" + rest)
		name, isParameter := strings.CutPrefix(a.Resource, "parameter/")
		// Account and Region become parts of a record's id: nothing else may stand there.
		if err != nil || a.Partition != "aws" || a.Service != "ssm" || !isParameter || !arn.IsAccount(a.Account) || !regionID.MatchString(a.Region) {
			return out, invalid("Invalid ARN: %s", text)
		}
		out.account, out.region, out.byARN, text = a.Account, a.Region, true, name
	}
	name, selector, ok := strings.Cut(text, ":")
	if ok {
		out.selector = ":" + selector
	}
	out.name = name
	if !isName(name) || ok && selector == "" || strings.Contains(selector, ":") {
		return out, invalid("Invalid parameter name: %s. Use a name, or name:version, or name:label.", text)
	}
	return out, nil
}

// version returns the version that the selector names in p, or 0.
func (x selected) version(p *parameter) int64 {
	if x.selector == "" {
		return p.Number
	}
	if n, err := strconv.ParseInt(x.selector[1:], 10, 64); err == nil && n > 0 {
		return n
	}
	return p.Labels[x.selector[1:]]
}
