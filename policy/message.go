package policy

// Message returns AWS's text for a denied request, or "" for an allowed one.
// The reason is given only when the resource is in the principal's account, or
// sameOrg says that both accounts are in one organisation. The denying
// policy's ARN is given for explicit denials by managed policies, SCPs and RCPs.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
// https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
func (d Decision) Message(r *Request, sameOrg bool) string {
	if d.Allowed {
		return ""
	}
	p := &r.Principal
	if p.Kind == WebIdentity || p.Kind == SAML {
		return "Not authorized to perform " + r.Action
	}
	text := "User: " + p.display() + " is not authorized to perform: " + r.Action + " on resource: " + r.Resource
	if r.CrossAccount() && !sameOrg {
		return text
	}
	if !d.Explicit && equalFold(r.Action, "sts:AssumeRole") {
		return text // STS tells the reason of explicit denials only
	}
	return text + d.reason(r.Action)
}

func (p *Principal) display() string {
	switch {
	case p.ARN != "":
		return p.ARN
	case len(p.Names) > 0:
		return p.Names[0]
	}
	return "anonymous"
}

// reason is empty for a role trust policy that does not allow.
func (d Decision) reason(action string) string {
	if d.Explicit {
		text := " with an explicit deny in " + d.Type.article() + " " + d.Type.String()
		if m := d.Statement; m != nil && m.Source.Managed && d.Type != Resource && d.Type != Trust && d.Type != Endpoint {
			text += ": " + m.Source.ARN
		}
		return text
	}
	if d.Type == Trust || d.Type == None {
		return ""
	}
	return " because no " + d.Type.String() + " allows the " + action + " action"
}

func (t Type) article() string {
	switch t {
	case Identity:
		return "an"
	case Trust:
		return "the"
	}
	return "a"
}
