package analysis

import (
	"fmt"

	"bartizan.dev/policy"
)

// NoNewAccess reports whether updated allows no request that existing does not
// allow. t is policy.Identity or policy.Resource (trust policies included).
// Each list is evaluated as one: the documents of a list are attached together.
//
// A resource-based policy allows what it names the principal for in any way, by
// its account too. Where existing allows everyone ("*"), that means bearers of
// tokens as well, as in AWS's own examples.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoNewAccess.html
func (a *Analyzer) NoNewAccess(existing, updated []*policy.Document, t policy.Type) (*Result, error) {
	e, err := a.prepare(existing, updated, t, byAccount, true)
	if err != nil {
		return nil, err
	}
	return e.result(e.everything(), wording{
		pass:   "The modified permissions do not grant new access compared to your existing policy.",
		fail:   "The modified permissions grant new access compared to your existing policy.",
		reason: "New access in the statement with %s.",
	})
}

// wording is how AWS words the answer to a check. The word for a passed
// CheckNoNewAccess is not documented and follows the others.
type wording struct{ pass, fail, reason string }

// result lists the statements of the new documents that allow, in the box, what
// the old ones do not.
func (e *engine) result(in *box, words wording) (*Result, error) {
	r := &Result{Pass: true, Message: words.pass}
	for _, s := range e.new.allow {
		w, err := e.newAccess(in, s)
		if err != nil {
			return nil, err
		}
		if w == nil {
			continue
		}
		r.Pass, r.Message = false, words.fail
		r.Reasons = append(r.Reasons, Reason{
			Description: fmt.Sprintf(words.reason, s.label()),
			Document:    s.document, Statement: s.index, Sid: s.source.Sid, Witness: w,
		})
		if r.Witness == nil {
			r.Witness = w
		}
	}
	if r.Pass && e.undecided != nil {
		return nil, e.undecided
	}
	return r, nil
}

// label names a statement as AWS's reasons do.
func (s *statement) label() string {
	if s.source.Sid != "" {
		return "sid: " + s.source.Sid
	}
	return fmt.Sprintf("index: %d", s.index)
}

// NotGranted reports whether doc allows none of the actions on any of the
// resources. Both may have wildcards; no actions (or no resources) means any.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckAccessNotGranted.html
func (a *Analyzer) NotGranted(doc *policy.Document, t policy.Type, actions, resources []string) (*Result, error) {
	e, err := a.prepare(nil, []*policy.Document{doc}, t, byAccount, true)
	if err != nil {
		return nil, err
	}
	b := e.everything()
	what := "actions or resources"
	if len(resources) == 0 {
		what = "actions"
	}
	words := wording{
		pass:   "The policy document does not grant access to perform the listed " + what + ".",
		fail:   "The policy document grants access to perform one or more of the listed " + what + ".",
		reason: "One or more of the listed " + what + " in the statement with %s.",
	}
	if len(resources) == 0 { // as AWS words it
		words.pass = "The policy document does not grant access to perform one or more of the listed actions."
	}
	if b, err = e.limit(b, actions, resources); err != nil {
		return nil, err
	}
	if b == nil {
		return &Result{Pass: true, Message: words.pass}, nil
	}
	return e.result(b, words)
}

// limit returns the part of b with one of the actions and one of the resources;
// an empty list means any.
func (e *engine) limit(b *box, actions, resources []string) (*box, error) {
	s := &statement{resource: within{any: true}}
	var err error
	if len(actions) > 0 {
		if s.action, err = e.actionPart(actions, nil); err != nil {
			return nil, err
		}
		if b, err = e.apply(b, s, cut{part: actionPart}, true); b == nil {
			return nil, err
		}
	}
	if len(resources) > 0 {
		s.source = &policy.Statement{Resource: resources}
		if s.resource, err = e.resourcePart(policy.Version2008, s.source); err != nil {
			return nil, err
		}
		b, err = e.apply(b, s, cut{part: resourcePart}, true)
	}
	return b, err
}
