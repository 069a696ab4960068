package policy

import "unicode/utf8"

// Parse reads a policy document: the syntax that all types of policy share.
// What a type requires and prohibits is Check's business. The document may be
// at most MaxSize bytes of UTF-8; unknown and repeated elements are refused.
// The error is an *Error.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func Parse(doc []byte) (*Document, error) {
	r := &reader{in: doc}
	if len(doc) > MaxSize || !utf8.Valid(doc) {
		return nil, r.fail(badJSON)
	}
	d, err := parseDocument(r)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func parseDocument(r *reader) (*Document, *Error) {
	d := &Document{Version: Version2008}
	found := false
	err := r.object(func(name string, at int) (err *Error) {
		switch name {
		case "Version":
			return d.parseVersion(r)
		case "Id":
			d.ID, err = r.text()
		case "Statement":
			found = true
			return d.parseStatements(r)
		default:
			return r.failAt(at, badSyntax)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, r.fail(badSyntax)
	}
	if r.peek(); r.pos != len(r.in) {
		return nil, r.fail(badJSON)
	}
	return d, nil
}

func (d *Document) parseVersion(r *reader) *Error {
	v, err := r.text()
	if err != nil {
		return err
	}
	d.Version, d.dated = Version(v), true
	if d.Version != Version2008 && d.Version != Version2012 {
		return r.fail(badVersion)
	}
	return nil
}

// parseStatements reads one statement, or a list that is not empty.
func (d *Document) parseStatements(r *reader) *Error {
	one := func() *Error {
		s, err := parseStatement(r)
		d.Statements = append(d.Statements, s)
		return err
	}
	if r.peek() != '[' {
		return one()
	}
	if err := r.list(one); err != nil {
		return err
	}
	if len(d.Statements) == 0 {
		return r.fail(noStatement)
	}
	return nil
}

func parseStatement(r *reader) (Statement, *Error) {
	s := Statement{Start: r.at()}
	effect := false
	err := r.object(func(name string, at int) (err *Error) {
		switch name {
		case "Sid":
			s.Sid, err = r.text()
		case "Effect":
			effect = true
			err = s.parseEffect(r)
		case "Principal":
			s.Principal, err = parsePrincipals(r)
		case "NotPrincipal":
			s.NotPrincipal, err = parsePrincipals(r)
		case "Action":
			s.Action, err = parseTexts(r)
		case "NotAction":
			s.NotAction, err = parseTexts(r)
		case "Resource":
			s.Resource, err = parseTexts(r)
		case "NotResource":
			s.NotResource, err = parseTexts(r)
		case "Condition":
			s.Condition, err = parseConditions(r)
		default:
			return r.failAt(at, badSyntax)
		}
		return err
	})
	s.End = r.at()
	switch {
	case err != nil:
		return s, err
	case !effect:
		return s, r.fail(noEffect)
	case s.Principal != nil && s.NotPrincipal != nil,
		s.Action != nil && s.NotAction != nil,
		s.Resource != nil && s.NotResource != nil:
		return s, r.fail(badSyntax)
	}
	return s, nil
}

// parseEffect reads Allow or Deny. In another case it is a fault that AWS
// finds later, so Check reports it.
func (s *Statement) parseEffect(r *reader) *Error {
	text, err := r.text()
	switch {
	case err != nil:
		return err
	case equalFold(text, "Deny"):
		s.Effect = Deny
	case !equalFold(text, "Allow"):
		return r.fail(badSyntax)
	}
	s.badEffect = text != s.Effect.String()
	return nil
}

// parseTexts reads a string or a list of strings; the result is not nil.
func parseTexts(r *reader) ([]string, *Error) {
	return collect(r, r.text)
}

func collect(r *reader, read func() (string, *Error)) ([]string, *Error) {
	out := []string{}
	one := func() *Error {
		s, err := read()
		out = append(out, s)
		return err
	}
	var err *Error
	if r.peek() == '[' {
		err = r.list(one)
	} else {
		err = one()
	}
	return out, err
}

func parsePrincipals(r *reader) (*Principals, *Error) {
	p := &Principals{}
	if r.peek() == '"' {
		s, err := r.text()
		if err == nil && s != "*" {
			err = r.fail(badSyntax)
		}
		p.All = true
		return p, err
	}
	err := r.object(func(name string, at int) (err *Error) {
		switch name {
		case "AWS":
			p.AWS, err = parseTexts(r)
		case "Service":
			p.Service, err = parseTexts(r)
		case "Federated":
			p.Federated, err = parseTexts(r)
		case "CanonicalUser":
			p.Canonical, err = parseTexts(r)
		default:
			return r.failAt(at, badSyntax)
		}
		return err
	})
	return p, err
}

// parseConditions reads the Condition element. AWS accepts an operator that
// does not exist as long as it has no keys.
func parseConditions(r *reader) ([]Condition, *Error) {
	var out []Condition
	err := r.object(func(op string, at int) *Error {
		_, known := parseOperator(op)
		return r.object(func(key string, _ int) *Error {
			if !known {
				return r.failAt(at, badSyntax)
			}
			values, err := collect(r, r.scalar)
			out = append(out, Condition{Operator: op, Key: key, Values: values})
			return err
		})
	})
	return out, err
}
