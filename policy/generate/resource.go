package generate

import (
	"bytes"
	"strings"

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

// maxTotal is how many resources are listed for all actions together: some
// 10 MB of names as they usually are, 200 MB at worst.
const maxTotal = 100_000

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
	arns := (*found).resources(gr.action, g.formsOf)
	if len(arns) == 0 {
		u.all = true
		u.arns = nil
	}
	for _, a := range arns {
		g.note(u, a)
	}
}

// formsOf returns the forms of a type's ARNs.
func (g *Generator) formsOf(t *reference.ResourceType) []*form {
	if known, ok := g.forms[t]; ok {
		return known
	}
	var out []*form
	for _, text := range t.ARNs() {
		if f := newForm(text); f != nil {
			out = append(out, f)
		}
	}
	g.forms[t] = out
	return out
}

func (g *Generator) note(u *use, text string) {
	if u.all || u.arns[text] {
		return
	}
	if u.merged {
		text = merge(text)
	}
	if g.total++; g.total > maxTotal {
		u.all, u.arns, g.cut = true, nil, true
		return
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

// passes reports whether the call may have passed a role to a service.
func (g *Generator) passes(e *event) bool {
	switch string(e.source) {
	case "iam.amazonaws.com", "sts.amazonaws.com", "kms.amazonaws.com", "s3.amazonaws.com", "organizations.amazonaws.com":
		return false
	}
	return bytes.Contains(e.parameters, []byte(":role/")) || bytes.Contains(e.parameters, []byte(`:role\/`))
}

var roleForm = newForm("arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}")

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
			if roleForm.fits(v) {
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
