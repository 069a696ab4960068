package saml

import (
	"fmt"
	"strings"
	"time"
)

// Assertion is what a verified assertion says.
type Assertion struct {
	ID        string
	Issuer    string
	Issued    time.Time
	Until     time.Time // when it ends
	SessionTo time.Time // SessionNotOnOrAfter; zero: not said

	Subject       string // NameID
	SubjectFormat string // its Format, a URI; empty: not said
	Recipient     string

	Attributes map[string][]string // values by Name, in their order
}

const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

// read checks an assertion that is signed and takes it apart (core, 2.3.3;
// profiles, 4.1.4.3).
func (e *Expect) read(n *node) (*Assertion, error) {
	if n.attr("Version") != "2.0" {
		return nil, fmt.Errorf("%w: not version 2.0", ErrMalformed)
	}
	a := &Assertion{ID: n.attr("ID"), Issuer: e.Provider.EntityID, Attributes: map[string][]string{}}
	if a.ID == "" {
		return nil, fmt.Errorf("%w: an assertion without ID", ErrMalformed)
	}
	issuer, err := n.must(assertionSpace, "Issuer")
	if err != nil {
		return nil, err
	}
	if err := e.checkIssuer(issuer); err != nil {
		return nil, err
	}
	if a.Issued, err = n.date("IssueInstant"); err != nil {
		return nil, err
	}
	if a.Issued.IsZero() {
		return nil, fmt.Errorf("%w: no IssueInstant", ErrMalformed)
	}
	if err := e.within(a.Issued, time.Time{}); err != nil {
		return nil, err
	}
	for _, step := range []func(*node, *Assertion) error{e.conditions, e.subject, e.statements} {
		if err := step(n, a); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// conditions checks Conditions. One that is not understood makes the assertion
// invalid (core, 2.5.1.1).
func (e *Expect) conditions(n *node, a *Assertion) error {
	c, err := n.must(assertionSpace, "Conditions")
	if err != nil {
		return err
	}
	for _, one := range c.elements() {
		if one.space != assertionSpace || one.local != "AudienceRestriction" && one.local != "OneTimeUse" && one.local != "ProxyRestriction" {
			return fmt.Errorf("%w: the condition %.50s is not understood", ErrMalformed, one.local)
		}
	}
	from, err := c.date("NotBefore")
	if err != nil {
		return err
	}
	until, err := c.date("NotOnOrAfter")
	if err != nil {
		return err
	}
	a.end(until)
	if err := e.within(from, until); err != nil {
		return err
	}
	return e.audience(c)
}

// end keeps the earliest end.
func (a *Assertion) end(t time.Time) {
	if !t.IsZero() && (a.Until.IsZero() || t.Before(a.Until)) {
		a.Until = t
	}
}

// subject checks Subject: "There must be exactly one SubjectConfirmation element
// with a SubjectConfirmationData element that includes both the NotOnOrAfter
// attribute and a Recipient attribute."
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html#saml_subject-name-id
func (e *Expect) subject(n *node, a *Assertion) error {
	s, err := n.must(assertionSpace, "Subject")
	if err != nil {
		return err
	}
	name, err := s.must(assertionSpace, "NameID")
	if err != nil {
		return err
	}
	if a.Subject, err = name.content(); err != nil {
		return err
	}
	if a.Subject = strings.TrimSpace(a.Subject); a.Subject == "" {
		return fmt.Errorf("%w: an empty NameID", ErrMalformed)
	}
	a.SubjectFormat = name.attr("Format")
	confirmation, err := s.must(assertionSpace, "SubjectConfirmation")
	if err != nil {
		return err
	}
	if m := confirmation.attr("Method"); m != bearer {
		return fmt.Errorf("%w: the confirmation method %.100q", ErrMalformed, m)
	}
	data, err := confirmation.must(assertionSpace, "SubjectConfirmationData")
	if err != nil {
		return err
	}
	return e.confirmation(data, a)
}

func (e *Expect) confirmation(data *node, a *Assertion) error {
	if _, ok := data.has("InResponseTo"); ok {
		return fmt.Errorf("%w: the assertion answers a request, but none was made", ErrMalformed)
	}
	a.Recipient = data.attr("Recipient")
	if !e.Recipient(a.Recipient) {
		return fmt.Errorf("%w: the assertion is for %.200q", ErrRecipient, a.Recipient)
	}
	from, err := data.date("NotBefore")
	if err != nil {
		return err
	}
	until, err := data.date("NotOnOrAfter")
	if err != nil {
		return err
	}
	if until.IsZero() {
		return fmt.Errorf("%w: no NotOnOrAfter for the bearer", ErrMalformed)
	}
	a.end(until)
	return e.within(from, until)
}

// statements reads AuthnStatement, of which there must be one at least, and the
// attributes.
func (e *Expect) statements(n *node, a *Assertion) error {
	list := n.all(assertionSpace, "AuthnStatement")
	if len(list) == 0 {
		return fmt.Errorf("%w: no AuthnStatement", ErrMalformed)
	}
	for _, s := range list {
		until, err := s.date("SessionNotOnOrAfter")
		if err != nil {
			return err
		}
		if err := e.within(time.Time{}, until); err != nil {
			return err
		}
		if !until.IsZero() && (a.SessionTo.IsZero() || until.Before(a.SessionTo)) {
			a.SessionTo = until
		}
	}
	for _, s := range n.all(assertionSpace, "AttributeStatement") {
		for _, attribute := range s.all(assertionSpace, "Attribute") {
			if err := a.add(attribute); err != nil {
				return err
			}
		}
	}
	return nil
}

// add reads an attribute. A value is text, or one element with text, as
// eduPersonTargetedID's NameID is.
func (a *Assertion) add(n *node) error {
	name := n.attr("Name")
	if name == "" {
		return fmt.Errorf("%w: an attribute without name", ErrMalformed)
	}
	for _, v := range n.all(assertionSpace, "AttributeValue") {
		if inner := v.elements(); len(inner) == 1 && v.blank() {
			v = inner[0]
		}
		text, err := v.content()
		if err != nil {
			return fmt.Errorf("%w: the attribute %.100q has a value that is no text", ErrMalformed, name)
		}
		a.Attributes[name] = append(a.Attributes[name], strings.TrimSpace(text))
	}
	return nil
}

// blank says that n has no text between its elements.
func (n *node) blank() bool {
	for _, c := range n.children {
		if c.el == nil && strings.TrimSpace(c.text) != "" {
			return false
		}
	}
	return true
}
