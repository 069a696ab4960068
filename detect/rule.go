package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// Severities of AWS's three names: the values that its findings carry.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
const (
	Low      = 2.0
	Medium   = 5.0
	High     = 8.0
	Critical = 9.0
)

// Rule is a detector that looks at one call alone: a row of a table.
type Rule struct {
	Type     string
	Signal   string // name of the Custom Detection Rule, if it is one
	Severity float64
	On       []On
	// Match says whether a call is meant; nil means every one.
	Match func(*logs.Call) bool
	// Failed also raises it for calls that were refused or went wrong.
	Failed bool
	// Resource is the CloudFormation type of what is affected, and where its name
	// stands in requestParameters.
	Resource string
	Path     []string
	Title    string
	Text     string
	// Same tells findings of a principal apart; nil makes them one.
	Same   func(*logs.Call) string
	Finish func(*Event, *Finding)
}

// Rules makes one detector of a table of rules.
func Rules(name string, rules []Rule) *Detector {
	d := &Detector{Name: name}
	byCall := map[On][]*Rule{}
	for i := range rules {
		r := &rules[i]
		if !contains(d.Types, r.Type) {
			d.Types = append(d.Types, r.Type)
		}
		for _, on := range r.On {
			if len(byCall[on]) == 0 {
				d.On = append(d.On, on)
			}
			byCall[on] = append(byCall[on], r)
		}
	}
	d.bind = func(on On) func(*Event) {
		mine := byCall[on]
		return func(ev *Event) {
			for _, r := range mine {
				r.look(ev)
			}
		}
	}
	return d
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (r *Rule) look(ev *Event) {
	c := ev.Call
	if !r.Failed && c.Failed() || r.Match != nil && !r.Match(c) {
		return
	}
	name := ""
	if r.Resource != "" {
		name = c.Params.Get(r.Path...).Text()
	}
	ev.Affects(r.Resource, name)
	s := Sighting{Type: r.Type, Severity: r.Severity, Title: r.Title, Text: r.Text, Rule: r.Signal, Finish: r.Finish}
	if r.Same != nil {
		s.Same = r.Same(c)
	}
	ev.Raise(&s)
	ev.Affects("", "")
}

// calls makes the list of one service's calls.
func calls(service string, names ...string) []On {
	out := make([]On, len(names))
	for i, n := range names {
		out[i] = On{service + ".amazonaws.com", n}
	}
	return out
}

// param makes a Match of a parameter that is true, or false.
func param(want logs.Flag, path ...string) func(*logs.Call) bool {
	return func(c *logs.Call) bool { return c.Params.Get(path...).Bool() == want }
}

func present(path ...string) func(*logs.Call) bool {
	return func(c *logs.Call) bool { return c.Params.Get(path...).Exists() }
}

func suffix(want string, path ...string) func(*logs.Call) bool {
	return func(c *logs.Call) bool { return strings.HasSuffix(c.Params.Get(path...).Text(), want) }
}
