package simulate

import (
	"slices"
	"strings"
)

// argued says why the oracle is wrong about a case the two disagree on, or ""
// when it is not known to be.
func argued(o *oracle, c *testCase, ours, theirs string) string {
	if ours == "Allowed" && theirs == "ImplicitlyDenied" && sessionBypassed(o, c) {
		return "a session policy that does not allow limits no direct grant to the session"
	}
	if strings.HasPrefix(strings.ToLower(c.Action), "sts:assumerolewith") && (c.RCP != nil || c.Endpoint != nil) {
		return "TEMP bearer"
	}
	return ""
}

// sessionBypassed reports whether the resource-based policy alone grants the
// request to the session itself: an implicit deny in a session policy or a
// boundary does not matter then. The oracle knows that of boundaries only, so
// it is asked with a boundary that allows nothing in place of everything else.
//
// "If a resource-based policy grants permission directly to the IAM user or the
// session principal that is making the request, then an implicit deny in an
// identity-based policy, a permissions boundary, or a session policy does not
// impact the final decision."
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
func sessionBypassed(o *oracle, c *testCase) bool {
	if c.Session == nil && !strings.Contains(c.Principal, ":federated-user/") {
		return false
	}
	alone := *c
	alone.Identity, alone.Boundary = nil, &nothing
	alone.Session = &document{Version: "2012-10-17", Statement: []statement{{Effect: "Allow", Action: list{"*"}, Resource: list{"*"}}}}
	if c.ResourcePolicy != nil { // without denials, which both know of
		d := *c.ResourcePolicy
		d.Statement = slices.DeleteFunc(slices.Clone(d.Statement), func(s statement) bool { return s.Effect == "Deny" })
		alone.ResourcePolicy = &d
	}
	answers, err := o.ask(&alone)
	return err == nil && answers[0].Result == "Allowed"
}
