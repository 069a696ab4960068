package policy

import (
	"slices"
	"strings"
)

// CheckVersion refuses documents older than 2012-10-17. AWS demands that of
// managed policies, SCPs and RCPs, before what Check demands.
func (d *Document) CheckVersion() error {
	if d.Version != Version2012 {
		return refuse(Position{}, "Policy document must be version 2012-10-17 or greater.")
	}
	return nil
}

// Check reports whether d may be used as a policy of type t: which elements
// are required and prohibited, and the forms of actions and resources. The
// error is an *Error whose text is AWS's.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
func (d *Document) Check(t Type) error {
	var err *Error
	switch t {
	case Trust:
		err = d.checkTrust()
	case Resource, Endpoint:
		err = d.checkResource()
	default:
		err = d.checkIdentity(t)
	}
	if err != nil {
		return err
	}
	return nil
}

// checkIdentity checks the policies that follow the grammar of identity-based
// ones, in AWS's order.
func (d *Document) checkIdentity(t Type) *Error {
	if err := d.checkLegacy(); err != nil {
		return err
	}
	for i := range d.Statements {
		if err := checkPrincipal(&d.Statements[i], t); err != nil {
			return err
		}
	}
	if err := d.checkSids("Statement IDs (SID) in a single policy must be unique."); err != nil {
		return err
	}
	checks := []func(*Statement) *Error{checkSid, hasActions, hasResources, checkResources, checkActions}
	for _, check := range checks {
		for i := range d.Statements {
			if err := check(&d.Statements[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPrincipal: RCPs must apply to everyone, the others apply to whom they
// are attached to.
func checkPrincipal(s *Statement, t Type) *Error {
	if t != RCP {
		if s.Principal != nil || s.NotPrincipal != nil {
			return refuse(s.Start, "Policy document should not specify a principal.")
		}
		return nil
	}
	if s.Principal == nil || !s.Principal.All {
		return refuse(s.Start, "The Principal element of a resource control policy must be \"*\".")
	}
	return nil
}

func (d *Document) checkSids(message string) *Error {
	seen := map[string]bool{}
	for i := range d.Statements {
		sid := d.Statements[i].Sid
		if sid != "" && seen[sid] {
			return refuse(d.Statements[i].Start, "%s", message)
		}
		seen[sid] = true
	}
	return nil
}

func checkSid(s *Statement) *Error {
	for i := range len(s.Sid) {
		if c := lowerByte(s.Sid[i]); !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			return refuse(s.Start, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
	}
	return nil
}

func hasActions(s *Statement) *Error {
	if len(s.Action)+len(s.NotAction) == 0 {
		return refuse(s.Start, "Policy statement must contain actions.")
	}
	return nil
}

func hasResources(s *Statement) *Error {
	if len(s.Resource)+len(s.NotResource) == 0 {
		return refuse(s.Start, "Policy statement must contain resources.")
	}
	return nil
}

func checkActions(s *Statement) *Error {
	for _, list := range [][]string{s.Action, s.NotAction} {
		for _, a := range list {
			if err := checkAction(s, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkAction(s *Statement, a string) *Error {
	if a == "*" {
		return nil
	}
	vendor, name, found := strings.Cut(a, ":")
	switch {
	case !found:
		return refuse(s.Start, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case strings.Contains(name, ":"):
		return refuse(s.Start, "Actions/Condition can contain only one colon.")
	case vendor == "*":
		return nil
	}
	for i := range len(vendor) {
		c := lowerByte(vendor[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return refuse(s.Start, "Vendor %s is not valid", vendor)
		}
	}
	return nil
}

// checkResource checks resource-based and VPC endpoint policies. Services
// check what their resources and principals are.
func (d *Document) checkResource() *Error {
	if err := d.checkSids("The Statement Ids in the policy are not unique"); err != nil {
		return err
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		if err := hasPrincipal(s); err != nil {
			return err
		}
		switch {
		case s.badEffect:
			return refuse(s.Start, "Syntax error at position (%d,%d)", s.Start.Line, s.Start.Column)
		case len(s.Action)+len(s.NotAction) == 0:
			return refuse(s.Start, "Missing required field Action")
		case len(s.Resource)+len(s.NotResource) == 0:
			return refuse(s.Start, "Missing required field Resource")
		}
		if err := checkActions(s); err != nil {
			return err
		}
	}
	return nil
}

func hasPrincipal(s *Statement) *Error {
	p := s.Principal
	if p == nil {
		p = s.NotPrincipal
	}
	switch {
	case p == nil:
		return refuse(s.Start, "Missing required field Principal")
	case !p.All && len(p.AWS)+len(p.Service)+len(p.Federated)+len(p.Canonical) == 0:
		return refuse(s.Start, "Missing required field Principal cannot be empty!")
	case s.NotPrincipal != nil && s.Effect == Allow:
		return refuse(s.Start, "Allow with NotPrincipal is not allowed.")
	}
	return nil
}

// assumeActions are what a role trust policy may speak of.
var assumeActions = []string{
	"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity",
	"sts:tagsession", "sts:setsourceidentity", "sts:setcontext",
}

// checkTrust checks a role trust policy.
func (d *Document) checkTrust() *Error {
	if err := d.checkSids("The Statement Ids in the policy are not unique"); err != nil {
		return err
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		if err := hasPrincipal(s); err != nil {
			return err
		}
		switch {
		case s.badEffect:
			return refuse(s.Start, "Syntax error at position (%d,%d)", s.Start.Line, s.Start.Column)
		case s.NotPrincipal != nil:
			return refuse(s.Start, "AssumeRole policy must not contain NotPrincipal field.")
		case len(s.Action)+len(s.NotAction) == 0:
			return refuse(s.Start, "Missing required field Action")
		case s.Resource != nil:
			return refuse(s.Start, "Has prohibited field Resource")
		case s.NotResource != nil:
			return refuse(s.Start, "AssumeRole policy must not contain resources.")
		}
		for _, a := range slices.Concat(s.Action, s.NotAction) {
			if !assumes(lower(a)) {
				return refuse(s.Start, "AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
	}
	return nil
}

// assumes: wildcards are taken when they stay within what may be spoken of.
func assumes(action string) bool {
	if slices.Contains(assumeActions, action) {
		return true
	}
	return strings.HasPrefix(action, "sts:assumerole") && strings.HasSuffix(action, "*")
}
