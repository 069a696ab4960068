package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
)

type policyExplainCmd struct {
	ID   string `arg:"" optional:"" help:"Of a denial of the past: its authorization id, event id or request id."`
	JSON bool   `help:"Print the tree as JSON."`
	target
	question
}

// Run decides from files when there are any; otherwise it asks the server.
func (c *policyExplainCmd) Run(ctx context.Context, env Env) error {
	switch {
	case c.ID != "" && c.Action != "":
		return errors.New("give either the id of a denial or a question (--action), not both")
	case c.ID == "" && c.Action == "":
		return errors.New("give the id of a denial (authorization id, event id or request id), or a question: --action, --resource, --principal")
	case c.ID == "" && c.hasFiles():
		r, b, err := c.request()
		if err != nil {
			return err
		}
		return c.print(env, &story{Decisions: []*explain.Tree{explain.New(r, b)}})
	}
	s, err := c.client().explain(ctx, c.ID, &c.question)
	if err != nil {
		return err
	}
	return c.print(env, s)
}

func (q *question) hasFiles() bool {
	return len(q.Identity)+len(q.Session)+len(q.SCP)+len(q.RCP) > 0 || q.ResourceP != "" || q.Boundary != ""
}

// story is what the server tells of a call.
type story struct {
	AuthorizationID string          `json:"authorizationId,omitempty"`
	EventID         string          `json:"eventId,omitempty"`
	RequestID       string          `json:"requestId,omitempty"`
	Decisions       []*explain.Tree `json:"decisions"`
}

func (c *client) explain(ctx context.Context, id string, q *question) (*story, error) {
	ask := struct {
		Principal, Action, Resource string
		Context                     []policy.Pair
	}{q.Principal, q.Action, q.Resource, q.pairs()}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if id != "" {
		query.Set("id", id)
	}
	out := new(story)
	return out, c.send(ctx, "POST", "/explain", query, bytes.NewReader(body), out)
}

func (c *policyExplainCmd) print(env Env, s *story) error {
	allowed := true
	for _, t := range s.Decisions {
		allowed = allowed && t.Decision == policy.Allowed.String()
	}
	if c.JSON {
		enc := json.NewEncoder(env.Out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s); err != nil {
			return err
		}
	} else if err := printStory(env.Out, s); err != nil {
		return err
	}
	if !allowed {
		return errSaid
	}
	return nil
}

// printStory prints trees: the decision, each layer of policies with its
// statements, and what would have to change.
func printStory(w io.Writer, s *story) error {
	var b strings.Builder
	if s.EventID != "" {
		fmt.Fprintf(&b, "authorization %s\nevent %s, request %s\n", s.AuthorizationID, s.EventID, s.RequestID)
	}
	for _, t := range s.Decisions {
		printTree(&b, t)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printTree(b *strings.Builder, t *explain.Tree) {
	if t.Decision == policy.Allowed.String() {
		fmt.Fprintf(b, "allowed: %s on %s\n", t.Action, t.Resource)
	} else {
		fmt.Fprintf(b, "denied: %s\n", t.Message)
	}
	for _, l := range t.Layers {
		level := ""
		if l.Type == policy.SCP.String() || l.Type == policy.RCP.String() {
			level = fmt.Sprintf(", level %d", l.Level)
		}
		fmt.Fprintf(b, "%s%s: %s\n", l.Type, level, l.Result)
		for _, p := range l.Policies {
			printPolicy(b, &p)
		}
	}
	if len(t.Missing) > 0 {
		fmt.Fprintf(b, "condition keys that policies ask for and the request lacks: %s\n", strings.Join(t.Missing, ", "))
	}
	for i, c := range t.Changes {
		if i == 0 {
			b.WriteString("the smallest change that would allow it:\n")
		}
		printChange(b, &c)
	}
	for _, w := range t.Instead {
		fmt.Fprintf(b, "or the request could %s\n", w)
	}
}

func printPolicy(b *strings.Builder, p *explain.PolicyNode) {
	name := p.Name
	if name == "" {
		name = p.ARN
	}
	fmt.Fprintf(b, "  %s\n", name)
	for _, st := range p.Statements {
		sid := st.Sid
		if sid == "" {
			sid = fmt.Sprintf("statement %d", st.Index+1)
		}
		if st.Matched {
			fmt.Fprintf(b, "    %s %s: matches\n", st.Effect, sid)
		} else {
			fmt.Fprintf(b, "    %s %s: does not match: %s\n", st.Effect, sid, st.Why)
		}
	}
}

func printChange(b *strings.Builder, c *explain.Change) {
	where := "the " + c.Type
	if c.Type == policy.SCP.String() || c.Type == policy.RCP.String() {
		where = fmt.Sprintf("a %s at level %d", c.Type, c.Level)
	}
	if c.Policy != "" {
		where += " " + c.Policy
	}
	if c.Index >= 0 {
		where += fmt.Sprintf(", statement %d", c.Index+1)
	}
	fmt.Fprintf(b, "  in %s: %s", where, c.Edit)
	if len(c.Statement) > 0 {
		fmt.Fprintf(b, "\n    %s", c.Statement)
	}
	b.WriteString("\n")
}
