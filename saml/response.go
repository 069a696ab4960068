package saml

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// maxResponse is the longest response in base64: AWS's bound of SAMLAssertion.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
const maxResponse = 100_000

// Expect is what a response must fit.
type Expect struct {
	Provider          *Metadata
	Keys              []*rsa.PrivateKey         // that open encrypted assertions
	RequireEncryption bool                      // an assertion in the clear is refused
	Audience          func(name string) bool    // whether an audience is us
	Recipient         func(address string) bool // whether an address is ours
	Now               time.Time
	Skew              time.Duration // by which clocks may differ
}

// Verify reads a SAMLResponse in base64 and returns what its one assertion says,
// if the provider signed it, or the response around it, and it is meant for us
// and valid now. Whether it was used before the caller must find out.
func Verify(response string, e Expect) (*Assertion, error) {
	if len(response) > maxResponse {
		return nil, fmt.Errorf("%w: a response of more than %d characters", ErrMalformed, maxResponse)
	}
	doc, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(response), ""))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	root, err := parse(doc, false)
	if err != nil {
		return nil, err
	}
	n, err := e.unpack(root)
	if err != nil {
		return nil, err
	}
	return e.read(n)
}

// unpack checks the response and returns its assertion, signed.
func (e *Expect) unpack(root *node) (*node, error) {
	holder, err := shape(root)
	if err != nil {
		return nil, err
	}
	sig, err := root.ownSignature()
	if err != nil {
		return nil, err
	}
	if sig != nil {
		if err := checkSignature(root, sig, e.Provider.Certificates); err != nil {
			return nil, err
		}
	}
	n := holder
	switch {
	case holder.local == "EncryptedAssertion":
		if n, err = e.open(root, holder, sig != nil); err != nil {
			return nil, err
		}
	case e.RequireEncryption:
		return nil, fmt.Errorf("%w: the assertion is not encrypted", ErrEncryption)
	}
	own, err := n.ownSignature()
	if err != nil {
		return nil, err
	}
	if own != nil {
		if err := checkSignature(n, own, e.Provider.Certificates); err != nil {
			return nil, err
		}
	}
	if sig == nil && own == nil {
		return nil, fmt.Errorf("%w: there is none", ErrSignature)
	}
	return n, e.checkResponse(root)
}

// open opens an encrypted assertion and checks its shape.
func (e *Expect) open(root, holder *node, signed bool) (*node, error) {
	n, err := open(holder, e.Keys, signed)
	if err != nil {
		return nil, err
	}
	if !n.is(assertionSpace, "Assertion") {
		return nil, fmt.Errorf("%w: what was encrypted is no assertion", ErrMalformed)
	}
	if err := inAssertion(n); err != nil {
		return nil, err
	}
	return n, uniqueIDs(root, n)
}

// shape checks where things stand: one Response with one assertion, plain or
// encrypted, signatures directly in these two and nothing signed or asserted
// anywhere else. It returns the assertion.
func shape(root *node) (holder *node, err error) {
	if !root.is(protocolSpace, "Response") {
		return nil, fmt.Errorf("%w: no Response", ErrMalformed)
	}
	for _, c := range root.elements() {
		switch {
		case c.is(assertionSpace, "Assertion"), c.is(assertionSpace, "EncryptedAssertion"):
			if holder != nil {
				return nil, fmt.Errorf("%w: more than one assertion", ErrMalformed)
			}
			holder = c
		case c.is(assertionSpace, "Issuer"), c.is(signatureSpace, "Signature"), c.is(protocolSpace, "Status"):
			if err := c.only(c.local == "Signature"); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%w: %.50s in a response", ErrMalformed, c.local)
		}
	}
	if holder == nil {
		return nil, fmt.Errorf("%w: no assertion", ErrMalformed)
	}
	if holder.local == "Assertion" {
		err = inAssertion(holder)
	} else {
		err = holder.only(false)
	}
	if err == nil {
		err = uniqueIDs(root)
	}
	return holder, err
}

// inAssertion allows one signature, as the assertion's child.
func inAssertion(n *node) error {
	for _, c := range n.elements() {
		if err := c.only(c.is(signatureSpace, "Signature")); err != nil {
			return err
		}
	}
	return nil
}

// only refuses a response, an assertion or a signature in n; signature says
// that n may be one itself.
func (n *node) only(signature bool) error {
	return n.walk(func(c *node) error {
		switch {
		case c.is(assertionSpace, "Assertion"),
			c.is(assertionSpace, "EncryptedAssertion") && c != n,
			c.is(protocolSpace, "Response"),
			c.is(signatureSpace, "Signature") && (c != n || !signature):
			return fmt.Errorf("%w: %.50s where it must not stand", ErrMalformed, c.local)
		}
		return nil
	})
}

// uniqueIDs refuses two elements of one ID, however the attribute is spelt.
func uniqueIDs(roots ...*node) error {
	seen := map[string]bool{}
	for _, root := range roots {
		err := root.walk(func(n *node) error {
			for _, a := range n.attrs {
				if !strings.EqualFold(a.local, "id") {
					continue
				}
				if seen[a.value] {
					return fmt.Errorf("%w: two elements with one ID", ErrMalformed)
				}
				seen[a.value] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkResponse checks the message itself (core, 3.2.2; profiles, 4.1.4.3).
func (e *Expect) checkResponse(root *node) error {
	if root.attr("Version") != "2.0" {
		return fmt.Errorf("%w: not version 2.0", ErrMalformed)
	}
	if to, ok := root.has("Destination"); ok && !e.Recipient(to) {
		return fmt.Errorf("%w: the response is for %.200q", ErrRecipient, to)
	}
	if _, ok := root.has("InResponseTo"); ok {
		return fmt.Errorf("%w: the response answers a request, but none was made", ErrMalformed)
	}
	issuer, err := root.one(assertionSpace, "Issuer")
	if err != nil {
		return err
	}
	if issuer != nil {
		if err := e.checkIssuer(issuer); err != nil {
			return err
		}
	}
	status, err := root.must(protocolSpace, "Status")
	if err != nil {
		return err
	}
	code, err := status.must(protocolSpace, "StatusCode")
	if err != nil {
		return err
	}
	if v := code.attr("Value"); v != "urn:oasis:names:tc:SAML:2.0:status:Success" {
		return fmt.Errorf("%w: %.200q", ErrStatus, v)
	}
	return nil
}

func (e *Expect) checkIssuer(n *node) error {
	name, err := n.content()
	if err != nil {
		return err
	}
	if strings.TrimSpace(name) != e.Provider.EntityID {
		return fmt.Errorf("%w: %.200q", ErrIssuer, name)
	}
	return nil
}

// within checks a period of validity: from is inclusive, until is not.
func (e *Expect) within(from, until time.Time) error {
	switch {
	case !from.IsZero() && e.Now.Add(e.Skew).Before(from):
		return fmt.Errorf("%w: not before %v", ErrTime, from)
	case !until.IsZero() && !e.Now.Add(-e.Skew).Before(until):
		return fmt.Errorf("%w: not on or after %v", ErrTime, until)
	}
	return nil
}

// audience checks the restrictions: each must name one of ours, and there must
// be one (profiles, 4.1.4.2).
func (e *Expect) audience(conditions *node) error {
	list := conditions.all(assertionSpace, "AudienceRestriction")
	if len(list) == 0 {
		return fmt.Errorf("%w: none is named", ErrAudience)
	}
	for _, r := range list {
		ours := false
		for _, a := range r.all(assertionSpace, "Audience") {
			name, err := a.content()
			if err != nil {
				return err
			}
			ours = ours || e.Audience(strings.TrimSpace(name))
		}
		if !ours {
			return ErrAudience
		}
	}
	return nil
}
