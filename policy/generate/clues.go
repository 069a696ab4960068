package generate

import (
	"slices"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy/reference"
)

// clues are the texts of an event that may name resources.
type clues struct {
	partition, region, account string
	arns                       []string
	values                     map[string][]string // by lower-case name of the parameter
	count                      int
}

// maxClues is how many texts of one event are looked at.
const maxClues = 256

func readClues(e *event) *clues {
	c := &clues{partition: "aws", region: string(e.region), account: string(e.owner()), values: map[string][]string{}}
	if f := strings.SplitN(string(e.arn), ":", 3); len(f) == 3 && f[0] == "arn" {
		c.partition = f[1]
	}
	for _, text := range e.list {
		if len(text) <= arn.MaxLength && len(c.arns) < maxClues {
			c.arns = append(c.arns, text)
		}
	}
	elements(e.resources, func(value []byte) {
		for _, name := range []string{"ARN", "arn"} {
			if text := unquote(member(value, name)); len(text) > 0 && len(text) <= arn.MaxLength && len(c.arns) < maxClues {
				c.arns = append(c.arns, string(text))
			}
		}
	})
	c.walk("", e.parameters, 0)
	return c
}

// walk gathers the texts of parameters, to a depth of eight.
func (c *clues) walk(name string, b []byte, depth int) {
	if len(b) == 0 || depth > 8 || c.count >= maxClues {
		return
	}
	switch b[0] {
	case '{':
		values(b, func(inner, value []byte) { c.walk(strings.ToLower(string(inner)), value, depth+1) })
	case '[':
		elements(b, func(value []byte) { c.walk(name, value, depth+1) })
	case '"':
		text := string(unquote(b))
		if text == "" || len(text) > arn.MaxLength {
			return
		}
		c.count++
		if strings.HasPrefix(text, "arn:") {
			c.arns = append(c.arns, text)
		}
		c.values[name] = append(c.values[name], text)
	}
}

// resources returns the ARNs of an action's resources that the event names, as
// patterns: what would be a wildcard or variable stands for itself. When it
// names some, types that the action always needs and the event does not name
// are all of the type; when it names none, there is nothing.
func (c *clues) resources(a *reference.Action, forms func(*reference.ResourceType) []*form) []string {
	var out, rest []string
	for _, r := range a.Resources {
		of := forms(r.Type)
		named := c.named(of)
		if len(named) == 0 && r.Required && len(of) > 0 {
			rest = append(rest, c.starred(of[0]))
		}
		out = append(out, named...)
	}
	if len(out) == 0 {
		return nil
	}
	out = append(out, rest...)
	slices.Sort(out)
	return slices.Compact(out)
}

// named returns the resources of some forms that the event names: by ARN, or
// else by its parameters.
func (c *clues) named(forms []*form) (out []string) {
	for _, f := range forms {
		for _, text := range c.arns {
			if f.fits(text) {
				out = append(out, escape(text))
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, f := range forms {
		out = append(out, c.fill(f)...)
	}
	return out
}

// frame is the first five parts of an ARN of the form, in the event's partition,
// Region and account, with the last colon.
func (c *clues) frame(f *form) (text string, ok bool) {
	region, account := f.parts[3], f.parts[4]
	if strings.HasPrefix(region, "${") {
		if region = c.region; region == "" {
			region = "*"
		}
	}
	ok = true
	if strings.HasPrefix(account, "${") {
		if account = c.account; !arn.IsAccount(account) {
			account, ok = "*", false
		}
	}
	return "arn:" + c.partition + ":" + f.parts[2] + ":" + region + ":" + account + ":", ok
}

// starred is the pattern of all resources of a form.
func (c *clues) starred(f *form) string {
	frame, _ := c.frame(f)
	text := frame + strings.Join(f.literals, "*")
	if f.open {
		text += "*"
	}
	return text
}

// aliases are parameters that hold a variable's value under another name.
var aliases = map[string][]string{
	"usernamewithpath": {"username"}, "rolenamewithpath": {"rolename"}, "groupnamewithpath": {"groupname"},
	"policynamewithpath": {"policyname"}, "objectname": {"key"}, "queuename": {"queueurl", "queuename"},
	"parameternamewithoutleadingslash": {"name", "names"}, "instanceid": {"instanceid", "instanceids"},
	"secretid": {"name", "secretid"}, "topicname": {"name"}, "streamname": {"streamname"}, "clustername": {"cluster", "clustername", "name"},
	"repositoryname": {"repositoryname"}, "dbinstancename": {"dbinstanceidentifier"}, "dbinstanceidentifier": {"dbinstanceidentifier"},
	"stackname": {"stackname"}, "statemachinename": {"name"}, "rulename": {"name", "rule"}, "loggroupname": {"loggroupname", "loggroupnameprefix"},
	"trailname": {"name"}, "detectorid": {"detectorid"}, "volumeid": {"volumeid"}, "groupid": {"groupid"}, "securitygroupid": {"groupid"},
	"snapshotid": {"snapshotid"}, "vpcid": {"vpcid"}, "subnetid": {"subnetid"}, "keyid": {"keyid"}, "alias": {"aliasname"},
}

// fill puts the event's values for the variables of a form. Every variable must
// be known.
func (c *clues) fill(f *form) []string {
	if len(f.vars) == 0 || strings.Contains(f.parts[5], "*") { // nothing in the event would tell it from others
		return nil
	}
	frame, ok := c.frame(f)
	if !ok {
		return nil
	}
	texts := []string{frame}
	for i, variable := range f.vars {
		values := c.value(variable)
		if len(values) == 0 || len(values)*len(texts) > 64 {
			return nil
		}
		grown := make([]string, 0, len(texts)*len(values))
		for _, t := range texts {
			for _, v := range values {
				grown = append(grown, t+f.literals[i]+v)
			}
		}
		texts = grown
	}
	if !f.open {
		for i := range texts {
			texts[i] += f.literals[len(f.literals)-1]
		}
	}
	return texts
}

// value returns what the event says of a variable, as patterns.
func (c *clues) value(variable string) []string {
	names := append([]string{variable}, aliases[variable]...)
	for _, name := range names {
		var out []string
		for _, v := range c.values[name] {
			switch {
			case strings.HasPrefix(v, "arn:"): // tells another type's resource, or this one's and was taken already
			case variable == "queuename":
				out = append(out, escape(v[strings.LastIndexByte(v, '/')+1:]))
			case strings.HasPrefix(variable, "parametername"):
				out = append(out, escape(strings.TrimPrefix(v, "/")))
			case variable == "secretid": // the ARN has six characters more than the name
				out = append(out, escape(v)+"-??????")
			case variable == "keyid" && (strings.HasPrefix(v, "alias/")): // whose key it is, is not told
			case variable == "alias":
				out = append(out, escape(strings.TrimPrefix(v, "alias/")))
			default:
				out = append(out, escape(v))
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}
