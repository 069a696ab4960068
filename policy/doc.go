// Package policy is the IAM policy language: it parses policy documents,
// compiles them into indexed sets, and decides requests against them as AWS's
// documentation says AWS does. It is pure: no I/O, no clock, no globals that change.
//
// The way through the package:
//
//	doc, err := policy.Parse(text)   // the language
//	err = doc.Check(policy.Identity) // what this type of policy may hold
//	set := policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity, ARN: arn}, Document: doc})
//	d := policy.Decide(&request, &policy.Bindings{Identity: set})
//	if !d.Allowed {
//		return accessDenied(d.Message(&request, false))
//	}
//
// Decide does not allocate and may be called concurrently; Set and Document
// are immutable once made. Explain tells the whole story of the same decision
// and may allocate.
//
// The language: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
// The evaluation: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package policy
