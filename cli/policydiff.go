package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/policy/reference"
)

// policyTypes are the types that can be compared, by their names on the command
// line.
var policyTypes = map[string]policy.Type{"identity": policy.Identity, "resource": policy.Resource, "trust": policy.Trust, "scp": policy.SCP}

type policyDiffCmd struct {
	Type string `help:"identity, resource, trust or scp." enum:"identity,resource,trust,scp" default:"identity"`
	Old  string `arg:"" type:"existingfile" help:"The policy as it was."`
	New  string `arg:"" type:"existingfile" help:"The policy as it shall be."`
}

// Run prints what the new policy grants that the old one did not, each with a
// request as an example, and fails if there is anything.
func (c *policyDiffCmd) Run(env Env) error {
	var docs [2]*policy.Document
	for i, file := range []string{c.Old, c.New} {
		var err error
		if docs[i], err = readAnalysed(file, policyTypes[c.Type]); err != nil {
			return err
		}
	}
	a := &analysis.Analyzer{Reference: reference.Open()}
	grants, err := a.Diff(docs[:1], docs[1:], policyTypes[c.Type])
	if err != nil && len(grants) == 0 {
		return err
	}
	if len(grants) == 0 {
		_, err := fmt.Fprintf(env.Out, "%s grants nothing that %s does not\n", c.New, c.Old)
		return err
	}
	var b strings.Builder
	for i := range grants {
		printGrant(&b, c.New, docs[1], &grants[i])
	}
	if _, err := io.WriteString(env.Out, b.String()); err != nil {
		return err
	}
	if err != nil { // there may be more
		return err
	}
	return errSaid
}

func readAnalysed(file string, t policy.Type) (*policy.Document, error) {
	return readChecked(file, func(doc *policy.Document) error { return analysis.Check(doc, t) })
}

func printGrant(b *strings.Builder, file string, doc *policy.Document, g *analysis.Grant) {
	name := fmt.Sprintf("statement %d", g.Statement+1)
	if g.Sid != "" {
		name += " (" + g.Sid + ")"
	}
	fmt.Fprintf(b, "%s:%d: %s grants more:\n", file, doc.Statements[g.Statement].Start.Line, name)
	for _, l := range []struct {
		name string
		list []string
	}{{"principals", g.Principals}, {"actions", g.Actions}, {"resources", g.Resources}} {
		if len(l.list) > 0 {
			fmt.Fprintf(b, "  %-11s %s\n", l.name, strings.Join(l.list, ", "))
		}
	}
	for _, c := range g.Conditions {
		fmt.Fprintf(b, "  %-11s %s %s %s\n", "when", c.Operator, c.Key, strings.Join(c.Values, ", "))
	}
	w := g.Witness
	fmt.Fprintf(b, "  %-11s %s on %s\n", "for example", w.Request.Action, w.Request.Resource)
	if len(g.Principals) > 0 {
		fmt.Fprintf(b, "  %-11s by %s\n", "", principalName(&w.Request.Principal))
	}
	for _, k := range w.Context {
		fmt.Fprintf(b, "  %-11s with %s = %s\n", "", k.Name, strings.Join(k.Values, ", "))
	}
}

func principalName(p *policy.Principal) string {
	switch {
	case p.ARN != "":
		return p.ARN
	case len(p.Names) > 0:
		return p.Names[0]
	}
	return "anyone, without credentials"
}

type policyMinimiseCmd struct {
	Type string `help:"identity, resource, trust or scp." enum:"identity,resource,trust,scp" default:"identity"`
	File string `arg:"" type:"existingfile" help:"The policy."`
}

// Run prints the policy without what is redundant, and on standard error what
// that was.
func (c *policyMinimiseCmd) Run(env Env) error {
	doc, err := readAnalysed(c.File, policyTypes[c.Type])
	if err != nil {
		return err
	}
	a := &analysis.Analyzer{Reference: reference.Open()}
	smaller, removed, err := a.Minimise(doc, policyTypes[c.Type])
	if err != nil {
		return err
	}
	for _, r := range removed {
		what := strings.TrimSpace(r.Element + " " + r.Value)
		if _, err := fmt.Fprintf(env.Err, "%s:%d: statement %d: %s is redundant\n", c.File, doc.Statements[r.Statement].Start.Line, r.Statement+1, what); err != nil {
			return err
		}
	}
	out, err := json.MarshalIndent(smaller, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "%s\n", out)
	return err
}
