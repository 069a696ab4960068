package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// printExplanation tells the story of a decision: first the decision, then each
// layer of policies with the statements that matched or nearly matched, and
// what each of these lacked.
func printExplanation(w io.Writer, r *policy.Request, e *policy.Explanation) error {
	var b strings.Builder
	if e.Decision.Allowed {
		fmt.Fprintf(&b, "allowed: %s on %s\n", r.Action, r.Resource)
	} else {
		fmt.Fprintf(&b, "denied: %s\n", e.Decision.Message(r, true))
	}
	for _, layer := range e.Layers {
		fmt.Fprintf(&b, "%s: %v\n", layer.Type, layer.Result)
		for i := range layer.Statements {
			printTrace(&b, &layer.Statements[i])
		}
	}
	if len(e.Missing) > 0 {
		fmt.Fprintf(&b, "condition keys that policies ask for and the request lacks: %s\n", strings.Join(e.Missing, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printTrace(b *strings.Builder, t *policy.Trace) {
	name := t.Statement.Sid
	if name == "" {
		name = fmt.Sprintf("statement %d", t.Index+1)
	}
	fmt.Fprintf(b, "  %s %s %s, line %d: ", t.Source.Name, t.Statement.Effect, name, t.Statement.Start.Line)
	if t.Matched {
		b.WriteString("matches\n")
		return
	}
	var lacks []string
	for part, ok := range map[string]bool{"principal": t.Principal, "action": t.Action, "resource": t.Resource} {
		if !ok {
			lacks = append(lacks, part)
		}
	}
	for _, c := range t.Conditions {
		switch {
		case c.Matched:
		case c.Missing:
			lacks = append(lacks, fmt.Sprintf("condition %s %s (the request has no such key)", c.Condition.Operator, c.Condition.Key))
		default:
			lacks = append(lacks, fmt.Sprintf("condition %s %s (the request has %s)", c.Condition.Operator, c.Condition.Key, strings.Join(c.Values, ", ")))
		}
	}
	slices.Sort(lacks)
	fmt.Fprintf(b, "does not match: %s\n", strings.Join(lacks, "; "))
}
