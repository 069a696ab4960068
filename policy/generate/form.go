package generate

import (
	"slices"
	"strings"
)

// form is the pattern of a resource type's ARN, such as
// arn:${Partition}:s3:::${BucketName}/${ObjectName}, taken apart.
type form struct {
	parts    [6]string // with the variables
	literals []string  // of the sixth part: the texts before, between and after its variables
	vars     []string  // of the sixth part, in lower case
	open     bool      // it ends in a variable
	slashes  bool      // its last variable may have slashes in its value
}

// pathlike are variables whose values have slashes.
var pathlike = []string{"/${ObjectName}", "WithPath}", "LeadingSlash}", "${RepositoryName}", "${ProxyName}"}

// newForm returns nil for what is no ARN.
func newForm(text string) *form {
	f := &form{}
	if copy(f.parts[:], strings.SplitN(text, ":", 6)) < 6 {
		return nil
	}
	last := f.parts[5]
	for rest := last; ; {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			if before != "" || len(f.vars) == 0 {
				f.literals = append(f.literals, before)
			}
			break
		}
		f.literals = append(f.literals, before)
		variable, next, _ := strings.Cut(after, "}")
		f.vars, rest = append(f.vars, strings.ToLower(variable)), next
	}
	f.open = strings.HasSuffix(last, "}")
	// Where slashes part names, the last name has none of its own, or an index
	// would fit the form of its table.
	f.slashes = !strings.Contains(last, "/") && f.parts[2] != "s3" ||
		slices.ContainsFunc(pathlike, func(v string) bool { return strings.HasSuffix(last, v) })
	return f
}

// fits reports whether an ARN has the form: the same service, a Region and an
// account only where the form has them, and the same text around the variables.
func (f *form) fits(text string) bool {
	rest, ok := strings.CutPrefix(text, "arn:")
	if !ok {
		return false
	}
	for i := 1; i < 5; i++ {
		var part string
		if part, rest, ok = strings.Cut(rest, ":"); !ok {
			return false
		}
		if i == 2 && part != f.parts[2] || i > 2 && f.parts[i] == "" && part != "" {
			return false
		}
	}
	for i, literal := range f.literals {
		n := strings.Index(rest, literal)
		if n < 0 || i == 0 && n > 0 {
			return false
		}
		rest = rest[n+len(literal):]
	}
	if !f.open {
		return rest == ""
	}
	return rest != "" && (f.slashes || !strings.Contains(rest, "/"))
}

// escape makes text a pattern that matches itself only: names come from whoever
// made the call, who must not widen the policy by them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars
func escape(text string) string {
	if !strings.ContainsAny(text, "*?$") {
		return text
	}
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(text)
}
