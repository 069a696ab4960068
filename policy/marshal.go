package policy

import "encoding/json"

// MarshalJSON writes the document as a policy again: what Parse read, without
// its white space, in the order of AWS's reference.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func (d *Document) MarshalJSON() ([]byte, error) {
	out := struct {
		Version   Version      `json:",omitempty"`
		ID        string       `json:"Id,omitempty"`
		Statement []*Statement `json:"Statement"`
	}{ID: d.ID, Statement: make([]*Statement, 0, len(d.Statements))}
	if d.dated || d.Version == Version2012 {
		out.Version = d.Version
	}
	for i := range d.Statements {
		out.Statement = append(out.Statement, &d.Statements[i])
	}
	return json.Marshal(out)
}

// MarshalJSON writes the statement as it stands in a policy.
func (s *Statement) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Sid          string      `json:",omitempty"`
		Effect       string      `json:"Effect"`
		Principal    *Principals `json:",omitempty"`
		NotPrincipal *Principals `json:",omitempty"`
		Action       oneOrMore   `json:",omitzero"`
		NotAction    oneOrMore   `json:",omitzero"`
		Resource     oneOrMore   `json:",omitzero"`
		NotResource  oneOrMore   `json:",omitzero"`
		Condition    conditions  `json:",omitzero"`
	}{s.Sid, s.Effect.String(), s.Principal, s.NotPrincipal, s.Action, s.NotAction, s.Resource, s.NotResource, s.Condition})
}

// MarshalJSON writes "*", or an object of lists.
func (p *Principals) MarshalJSON() ([]byte, error) {
	if p.All {
		return []byte(`"*"`), nil
	}
	return json.Marshal(struct {
		AWS           oneOrMore `json:",omitzero"`
		Service       oneOrMore `json:",omitzero"`
		Federated     oneOrMore `json:",omitzero"`
		CanonicalUser oneOrMore `json:",omitzero"`
	}{p.AWS, p.Service, p.Federated, p.Canonical})
}

// oneOrMore is a list that is written without brackets when it has one element;
// nil is an element that is absent.
type oneOrMore []string

func (l oneOrMore) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// conditions are written as an object of operators with objects of keys. The
// same operator and key, which a document cannot hold twice, are joined.
type conditions []Condition

func (l conditions) MarshalJSON() ([]byte, error) {
	out := map[string]map[string]oneOrMore{}
	for _, c := range l {
		if out[c.Operator] == nil {
			out[c.Operator] = map[string]oneOrMore{}
		}
		out[c.Operator][c.Key] = append(out[c.Operator][c.Key], c.Values...)
	}
	return json.Marshal(out)
}
