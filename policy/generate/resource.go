package generate

import (
	"bytes"
	"slices"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy/reference"
)

// use is what is known of the use of one action.
type use struct {
	action  *reference.Action
	all     bool            // some call told no resource
	arns    map[string]bool // Exact
	merged  bool            // there were too many ARNs: they end in stars
	regions map[string]bool
}

// maxARNs is how many resources are listed for one action before they are
// merged by what stands before the first slash or colon.
const maxARNs = 500

// maxRegions is more than AWS has.
const maxRegions = 64

func (g *Generator) useOf(gr grant) *use {
	u := g.uses[gr.name]
	if u == nil {
		u = &use{action: gr.action, arns: map[string]bool{}, regions: map[string]bool{}}
		g.uses[gr.name] = u
	}
	return u
}

// use notes that a call needed an action. The clues of the call are read when
// they are first needed.
func (g *Generator) use(gr grant, e *event, found **clues) {
	u := g.useOf(gr)
	if g.opt.Regions && !u.regions[string(e.region)] && len(u.regions) < maxRegions {
		u.regions[string(e.region)] = true
	}
	if g.opt.Resources != Exact || u.all {
		return
	}
	if len(gr.action.Resources) == 0 {
		u.all = true
		return
	}
	if *found == nil {
		*found = readClues(e)
	}
	arns := (*found).resources(gr.action)
	if len(arns) == 0 {
		u.all = true
		u.arns = nil
	}
	for _, a := range arns {
		g.note(u, a)
	}
}

func (g *Generator) note(u *use, text string) {
	if u.all || u.arns[text] {
		return
	}
	if u.merged {
		text = merge(text)
	}
	u.arns[text] = true
	if len(u.arns) <= maxARNs {
		return
	}
	if u.merged { // even merged they are too many
		u.all, u.arns, g.cut = true, nil, true
		return
	}
	u.merged = true
	short := map[string]bool{}
	for a := range u.arns {
		short[merge(a)] = true
	}
	u.arns = short
}

// merge puts a star for what follows the first slash or colon of the resource.
func merge(text string) string {
	f := strings.SplitN(text, ":", 6)
	if len(f) < 6 {
		return text
	}
	if i := strings.IndexAny(f[5], "/:"); i >= 0 {
		f[5] = f[5][:i+1] + "*"
	}
	return strings.Join(f, ":")
}

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
	c.arns = slices.Clone(e.list)
	elements(e.resources, func(value []byte) {
		for _, name := range []string{"ARN", "arn"} {
			if text := unquote(member(value, name)); len(text) > 0 && len(c.arns) < maxClues {
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
func (c *clues) resources(a *reference.Action) []string {
	var out, rest []string
	for _, r := range a.Resources {
		named := c.named(r.Type)
		if len(named) == 0 && r.Required {
			rest = append(rest, c.starred(r.Type.ARNs()[0]))
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

// named returns the resources of a type that the event names: by ARN, or else
// by its parameters.
func (c *clues) named(t *reference.ResourceType) (out []string) {
	for _, form := range t.ARNs() {
		for _, text := range c.arns {
			if fits(form, text) {
				out = append(out, escape(text))
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, form := range t.ARNs() {
		out = append(out, c.fill(form)...)
	}
	return out
}

// starred is the pattern of all resources of a form, in the event's account and
// Region.
func (c *clues) starred(form string) string {
	f := strings.SplitN(form, ":", 6)
	if len(f) < 6 {
		return "*"
	}
	for i, known := range map[int]string{1: c.partition, 3: c.region, 4: c.account} {
		if strings.HasPrefix(f[i], "${") {
			f[i] = known
		}
	}
	if strings.HasPrefix(f[4], "${") || f[4] != "" && !arn.IsAccount(f[4]) && f[4] != "aws" {
		f[4] = "*"
	}
	f[5] = strings.Join(literals(f[5]), "*")
	if strings.HasSuffix(form, "}") {
		f[5] += "*"
	}
	return strings.Join(f, ":")
}

// fits reports whether an ARN has the form of a resource type: the same service
// and the same text around the variables.
func fits(form, text string) bool {
	f, t := strings.SplitN(form, ":", 6), strings.SplitN(text, ":", 6)
	if len(f) < 6 || len(t) < 6 || f[2] != t[2] || f[3] == "" && t[3] != "" || f[4] == "" && t[4] != "" || t[5] == "" {
		return false
	}
	rest := t[5]
	for i, part := range literals(f[5]) {
		n := strings.Index(rest, part)
		if n < 0 || i == 0 && n > 0 {
			return false
		}
		rest = rest[n+len(part):]
	}
	if !strings.HasSuffix(f[5], "}") {
		return rest == ""
	}
	if rest == "" {
		return false
	}
	// Where slashes part names, the last name has none of its own, or an index
	// would fit the form of its table.
	slashed := strings.Contains(f[5], "/") || f[2] == "s3"
	return !slashed || !strings.Contains(rest, "/") || slices.ContainsFunc(pathlike, func(v string) bool { return strings.HasSuffix(f[5], v) })
}

// pathlike are variables whose values have slashes.
var pathlike = []string{"/${ObjectName}", "WithPath}", "LeadingSlash}", "${RepositoryName}", "${ProxyName}"}

// literals returns the texts before, between and after the variables.
func literals(form string) []string {
	var out []string
	for {
		before, rest, found := strings.Cut(form, "${")
		out = append(out, before)
		if !found {
			return out
		}
		_, form, _ = strings.Cut(rest, "}")
		if form == "" {
			return out
		}
	}
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

// fill puts the event's values for the variables of a type's ARN. Every
// variable must be known.
func (c *clues) fill(form string) []string {
	f := strings.SplitN(form, ":", 6)
	if len(f) < 6 || strings.Contains(form, "*") || !strings.Contains(f[5], "${") { // nothing in the event would tell it from others
		return nil
	}
	f[1] = c.partition
	if strings.HasPrefix(f[3], "${") {
		f[3] = c.region
	}
	if strings.HasPrefix(f[4], "${") {
		f[4] = c.account
		if !arn.IsAccount(f[4]) {
			return nil
		}
	}
	texts := []string{""}
	for rest := f[5]; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		for i := range texts {
			texts[i] += before
		}
		if !found {
			break
		}
		variable, next, _ := strings.Cut(after, "}")
		values := c.value(strings.ToLower(variable))
		if len(values) == 0 || len(values)*len(texts) > 64 {
			return nil
		}
		var grown []string
		for _, t := range texts {
			for _, v := range values {
				grown = append(grown, t+v)
			}
		}
		texts, rest = grown, next
	}
	for i, t := range texts {
		f[5] = t
		texts[i] = strings.Join(f, ":")
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

// passes reports whether the call may have passed a role to a service.
func (g *Generator) passes(e *event) bool {
	switch string(e.source) {
	case "iam.amazonaws.com", "sts.amazonaws.com", "kms.amazonaws.com", "s3.amazonaws.com", "organizations.amazonaws.com":
		return false
	}
	return bytes.Contains(e.parameters, []byte(":role/")) || bytes.Contains(e.parameters, []byte(`:role\/`))
}

// passed notes that the call passed the roles that its parameters name by a
// name with "role" in it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func (g *Generator) passed(e *event) {
	a, ok := g.ref.Action("iam:PassRole")
	if !ok {
		return
	}
	c := readClues(e)
	for name, values := range c.values {
		if !strings.Contains(name, "role") {
			continue
		}
		for _, v := range values {
			if fits("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", v) {
				u := g.useOf(grant{name: "iam:PassRole", action: a})
				if g.opt.Regions && len(u.regions) < maxRegions {
					u.regions[string(e.region)] = true
				}
				if g.opt.Resources == Exact {
					g.note(u, escape(v))
				}
			}
		}
	}
}
