package lint

import (
	"slices"
	"strings"

	"bartizan.dev/arn"
)

// resources checks Resource and NotResource.
func (l *linter) resources(s *statement) {
	for _, v := range s.resource.values {
		fit, limited := attachable[l.ResourceType]
		if l.Type == Resource && limited && !hasVariable(v.text) &&
			!slices.ContainsFunc(fit.arns, func(p string) bool { return l.spend(len(v.text)) && meets(squeeze(v.text), p) && v.text != "*" }) {
			l.about("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", at(v), resourceNames[l.ResourceType])
			continue
		}
		if v.text != "*" {
			l.resource(v)
		}
	}
	l.redundantResources(s)
}

// name is an ARN of a policy, with the places of its six parts.
type name struct {
	*node
	parts [6]string
	from  [6]int
}

func (n *name) part(i int) place {
	if n.parts[i] == "" {
		return at(n.node)
	}
	return within(n.node, n.from[i], n.from[i]+len(n.parts[i]))
}

// split parts an ARN at its first five colons that are not in a variable. It
// returns how many parts there are.
func split(v *node) (name, int) {
	n := name{node: v}
	i, start, inside := 0, 0, false
	for pos := 0; pos < len(v.text) && i < 5; pos++ {
		switch {
		case strings.HasPrefix(v.text[pos:], "${"):
			inside = true
		case v.text[pos] == '}':
			inside = false
		case v.text[pos] == ':' && !inside:
			n.parts[i], n.from[i] = v.text[start:pos], start
			i, start = i+1, pos+1
		}
	}
	n.parts[i], n.from[i] = v.text[start:], start
	return n, i + 1
}

func loose(s string) bool { return wild(s) || hasVariable(s) }

func (l *linter) resource(v *node) {
	n, count := split(v)
	switch {
	case n.parts[0] != "arn" && !loose(n.parts[0]):
		l.about("INVALID_ARN_PREFIX", at(v))
		return
	case count < 6:
		l.about("MISSING_ARN_FIELD", at(v), 6)
		return
	case loose(n.parts[0]):
		return
	}
	partition, service, region, account := n.parts[1], n.parts[2], n.parts[3], n.parts[4]
	// Variables are resolved behind the fifth colon only, so before it they name nothing.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-resourceelement
	if !wild(partition) && !slices.Contains(partitions, partition) {
		l.about("INVALID_PARTITION", n.part(1), service, partition, strings.Join(partitions, ", "))
	}
	switch {
	case wild(service):
		l.about("WILDCARD_IN_SERVICE_NAME", n.part(2))
		return
	}
	types := l.types(service)
	if len(types) == 0 {
		l.unknownService(&n)
		return
	}
	if region != "" && !wild(region) && !isRegion(region) {
		l.about("INVALID_ARN_REGION", n.part(3), region)
	}
	if account != "" && account != "aws" && !wild(account) && !arn.IsAccount(account) && !literal(types, 4, account) {
		l.about("INVALID_ARN_ACCOUNT", n.part(4), account)
	}
	l.shape(&n, types)
}

// form is the ARN of a resource type, in its six parts.
type form struct {
	name  string // of the type
	parts [6]string
}

// types returns the forms of the ARNs of a service.
func (l *linter) types(service string) []form {
	if known, ok := l.forms[service]; ok {
		return known
	}
	var out []form
	for _, t := range l.Reference.ARNTypes(service) {
		for _, text := range t.ARNs() {
			f := form{name: t.Name}
			if copy(f.parts[:], strings.SplitN(text, ":", 6)) == 6 {
				f.parts[5] = squeeze(starred(f.parts[5]))
				out = append(out, f)
			}
		}
	}
	l.forms[service] = out
	return out
}

func (l *linter) unknownService(n *name) {
	service := n.parts[2]
	if low := lower(service); low != service {
		if _, ok := l.Reference.Service(low); ok || len(l.types(low)) > 0 {
			l.about("INVALID_ARN_SERVICE_CASE", n.part(2), service)
			return
		}
	}
	if _, ok := l.Reference.Service(service); !ok {
		l.about("INVALID_SERVICE", n.part(2), service)
	}
}

// literal reports whether some form has just this text in its part i.
func literal(types []form, i int, text string) bool {
	return slices.ContainsFunc(types, func(f form) bool { return f.parts[i] == text })
}

// shape compares an ARN with the resource types of its service.
func (l *linter) shape(n *name, types []form) {
	fits := l.fitting(n, types)
	if len(fits) == 0 {
		l.about("INVALID_ARN_RESOURCE", n.part(5))
		return
	}
	for _, f := range []struct {
		part            int
		absent, present string
	}{{3, "MISSING_ARN_REGION", "ARN_REGION_NOT_ALLOWED"}, {4, "MISSING_ARN_ACCOUNT", "ARN_ACCOUNT_NOT_ALLOWED"}} {
		text := n.parts[f.part]
		switch {
		case text == "" && !literal(fits, f.part, ""):
			what := n.parts[2]
			if f.part == 4 {
				if what = fits[0].name; ownedByAWS(n) {
					continue
				}
			}
			l.about(f.absent, at(n.node), what)
		case text != "" && !loose(text) && !slices.ContainsFunc(fits, func(t form) bool { return t.parts[f.part] != "" }):
			l.about(f.present, n.part(f.part), n.parts[2])
		}
	}
}

// ownedByAWS reports whether a resource without account may be one of AWS's
// own, such as arn:aws:ssm:us-east-1::document/AWS-RunShellScript.
func ownedByAWS(n *name) bool {
	id := lower(n.parts[5][strings.IndexAny(n.parts[5], "/:")+1:])
	return n.parts[2] == "ssm" || strings.HasPrefix(id, "aws") || strings.HasPrefix(id, "amazon")
}

// fitting returns the types whose resource part can be that of the ARN.
func (l *linter) fitting(n *name, types []form) []form {
	mine := squeeze(starred(n.parts[5]))
	if mine == "*" || len(mine) > 1024 { // longer than names are: not worth the steps
		return types
	}
	var out []form
	for _, t := range types {
		theirs := t.parts[5]
		if !l.spend(len(mine)*len(theirs) + 1) {
			return types
		}
		if meets(mine, theirs) {
			out = append(out, t)
		}
	}
	return out
}

// starred puts stars for variables.
func starred(s string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		inner, after, closed := strings.Cut(rest, "}")
		switch {
		case inner == "*" || inner == "?" || inner == "$":
			out.WriteByte('?')
		default:
			out.WriteByte('*')
		}
		if !closed {
			return out.String()
		}
		s = after
	}
}

// redundantResources finds the values that another value covers.
func (l *linter) redundantResources(s *statement) {
	values := s.resource.values
	names := make([]name, len(values))
	var patterns []int
	first := map[string]int{}
	for i, v := range values {
		names[i], _ = split(v)
		if _, ok := first[v.text]; !ok {
			first[v.text] = i
			if wild(v.text) {
				patterns = append(patterns, i)
			}
		}
	}
	var redundant []*node
	for i, v := range values {
		if l.steps == 0 {
			break
		}
		if first[v.text] != i || slices.ContainsFunc(patterns, func(j int) bool {
			return j != i && l.spend((len(v.text)+len(values[j].text))/2) && coversName(&names[j], &names[i])
		}) {
			redundant = append(redundant, v)
		}
	}
	if len(redundant) > 0 {
		l.report("REDUNDANT_RESOURCE", atAll(redundant), len(redundant))
	}
}

// coversName is covers, part by part: stars do not reach over the first five
// colons.
func coversName(a, b *name) bool {
	if a.text == "*" {
		return true
	}
	for i := range a.parts {
		if !covers(a.parts[i], b.parts[i]) {
			return false
		}
	}
	return b.text != "*"
}
