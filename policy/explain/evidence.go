// Package explain tells the whole story of a decision: which policies were
// asked, how each of their statements fared and why, and the smallest change
// that would have allowed the request. Evidence is what a decision was made
// from, in a form that can be kept, so that the story of a denial can be told
// long after its policies have changed.
package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"bartizan.dev/policy"
)

// Evidence is everything that decided one call.
type Evidence struct {
	Time         time.Time
	EventID      string // of the call's CloudTrail event; see ID
	RequestID    string
	Account      string // of the principal
	Organization string `json:",omitempty"` // of the principal
	// Targets are the ARNs of root, organizational units and account that the
	// levels of SCPs are attached to.
	Targets     []string `json:",omitempty"`
	Principal   policy.Principal
	Context     []policy.Pair // keys of the call
	Evaluations []Evaluation  // in the order they were made; the last one denied
	Policies    []Policy
}

// Evaluation is one decision of the call. The lists hold indexes into
// Policies; nil means that there was no policy of the type, which differs from
// a policy set without statements.
type Evaluation struct {
	Action, Resource, ResourceAccount string

	Context   []policy.Pair `json:",omitempty"` // further keys
	Targets   []string      `json:",omitempty"` // as Evidence.Targets, of RCPs
	Authority policy.Authority
	Grant     *policy.Source `json:",omitempty"`

	Identity, Boundary, Session, Endpoint, Owner []int
	SCP, RCP                                     [][]int
}

// Policy is one policy that took part.
type Policy struct {
	policy.Source
	Document string // the id of its text: policy.Set.Fingerprint
}

// Add notes one decision. mark is where the call's own context keys end, targets
// those of the resource's organization. The text of every policy it meets first
// goes to keep with its id, unless known knows it.
func (e *Evidence) Add(r *policy.Request, b *policy.Bindings, mark int, targets []string, known func(id string) bool, keep func(id string, text []byte) error) error {
	c := collector{e: e, known: known, keep: keep}
	ev := Evaluation{
		Action: r.Action, Resource: r.Resource, ResourceAccount: r.ResourceAccount,
		Context: r.Context.Pairs(mark), Targets: targets, Authority: b.Authority, Grant: b.Grant,
		Identity: c.set(b.Identity), Boundary: c.set(b.Boundary), Session: c.set(b.Session),
		Endpoint: c.set(b.Endpoint), Owner: c.set(b.Resource),
		SCP: c.levels(b.SCP), RCP: c.levels(b.RCP),
	}
	if len(e.Evaluations) == 0 {
		all := r.Context.Pairs(0)
		e.Principal, e.Context = r.Principal, all[:len(all)-len(ev.Context)]
	}
	e.Evaluations = append(e.Evaluations, ev)
	return c.err
}

type collector struct {
	e     *Evidence
	known func(id string) bool
	keep  func(id string, text []byte) error
	err   error
}

func (c *collector) levels(sets []*policy.Set) [][]int {
	var out [][]int
	for _, s := range sets {
		out = append(out, c.set(s))
	}
	return out
}

func (c *collector) set(s *policy.Set) []int {
	if s == nil {
		return nil
	}
	out := []int{}
	for i, p := range s.Policies() {
		id, err := s.Fingerprint(i)
		if err != nil {
			c.err = err
			return nil
		}
		out = append(out, c.policy(p, id))
	}
	return out
}

func (c *collector) policy(p *policy.Labelled, id string) int {
	one := Policy{Source: p.Source, Document: id}
	for i := range c.e.Policies {
		if c.e.Policies[i] == one {
			return i
		}
	}
	if !c.known(id) {
		text, err := json.Marshal(p.Document)
		if err == nil {
			err = c.keep(id, text)
		}
		if err != nil {
			c.err = err
		}
	}
	c.e.Policies = append(c.e.Policies, one)
	return len(c.e.Policies) - 1
}

// Texts finds documents by their ids.
type Texts func(id string) ([]byte, error)

// Request builds evaluation i again, as it was.
func (e *Evidence) Request(i int, texts Texts) (*policy.Request, *policy.Bindings, error) {
	if i < 0 || i >= len(e.Evaluations) {
		return nil, nil, fmt.Errorf("explain: no evaluation %d", i)
	}
	ev := &e.Evaluations[i]
	r := &policy.Request{Principal: e.Principal, Action: ev.Action, Resource: ev.Resource, ResourceAccount: ev.ResourceAccount}
	r.Context.SetPairs(e.Context)
	r.Context.SetPairs(ev.Context)
	c := compiler{e: e, texts: texts}
	b := &policy.Bindings{
		Identity: c.set(ev.Identity), Boundary: c.set(ev.Boundary), Session: c.set(ev.Session),
		Endpoint: c.set(ev.Endpoint), Resource: c.set(ev.Owner),
		SCP: c.levels(ev.SCP), RCP: c.levels(ev.RCP),
		Authority: ev.Authority, Grant: ev.Grant,
	}
	return r, b, c.err
}

type compiler struct {
	e     *Evidence
	texts Texts
	err   error
}

func (c *compiler) levels(levels [][]int) []*policy.Set {
	var out []*policy.Set
	for _, l := range levels {
		out = append(out, c.set(l))
	}
	return out
}

func (c *compiler) set(list []int) *policy.Set {
	if list == nil {
		return nil
	}
	var all []policy.Labelled
	for _, i := range list {
		if i < 0 || i >= len(c.e.Policies) {
			c.err = fmt.Errorf("explain: no policy %d", i)
			return nil
		}
		p := &c.e.Policies[i]
		text, err := c.texts(p.Document)
		if err != nil {
			c.err = err
			return nil
		}
		doc, err := policy.Parse(bytes.TrimSpace(text))
		if err != nil {
			c.err = fmt.Errorf("explain: policy %s: %w", p.Name, err)
			return nil
		}
		all = append(all, policy.Labelled{Source: p.Source, Document: doc})
	}
	return policy.Compile(all...)
}
