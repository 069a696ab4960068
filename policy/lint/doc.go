// Package lint checks policy documents as Access Analyzer's ValidatePolicy
// does: findings with AWS's issue codes, messages and places in the text. It is
// pure and never fails: whatever the text is, it yields findings.
//
//	for _, f := range lint.Validate(text, lint.Options{Type: lint.Identity}) {
//		fmt.Println(f.Type, f.Code, f.Details)
//	}
//
// Findings stand in the order of the text; the same text gives the same
// findings in the same order, so that they can be paginated by number.
// spec/validate.txt says which of AWS's checks are done.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
package lint
