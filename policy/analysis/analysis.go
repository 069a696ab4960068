// Package analysis decides questions about policies exactly: not by trying
// requests, but for every request there can be. It answers what AWS's custom
// policy checks ask (CheckNoNewAccess, CheckAccessNotGranted,
// CheckNoPublicAccess), what a new policy grants that an old one did not, which
// parts of a policy are redundant, and which principals from outside a zone of
// trust a resource-based policy lets in. It is pure: no I/O, no clock.
//
// A request is a point: a principal, an action, a resource, and each condition
// key absent, with one value, or with a set of values. A statement is a box: one
// set for each of these. What a policy allows is the union of its Allow boxes
// less its Deny boxes, and every question asks whether some difference of boxes
// has a point in it. Actions and resources are regular languages, compared by
// automata; principals and the values of each condition key are cut into cells
// that no policy at hand can tell apart, and what a condition says of a cell is
// asked of package policy itself. Policy variables are symbols: what holds for
// any value is decided; what depends on the value is tried out; what remains is
// an UnsupportedError.
//
// Every "yes, access" carries a Witness, a concrete request that policy.Decide
// has confirmed. Nothing is guessed: a question that cannot be decided, or not
// within the budget, gets an error that says so.
//
// The space of requests is that of policy.Decide with what is known of real
// requests: a resource is an ARN or "*"; aws:PrincipalArn, aws:PrincipalAccount,
// aws:PrincipalType and aws:PrincipalIsAWSService agree with the principal; a
// condition key that the reference knows has values of its type only, and many
// values only if it is multivalued. Actions that AWS allows whatever policies
// say (sts:GetCallerIdentity, sts:GetSessionToken) are left out.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-custom-policy-checks.html
package analysis

import (
	"errors"
	"fmt"

	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

// Analyzer answers the questions. Documents must be fit for their type: where
// package policy's Check refuses one, its *policy.Error is returned. The zero value works: it knows no condition
// keys, so each may have any values, and has the default budget. It may be used
// by many goroutines at once.
type Analyzer struct {
	// Reference tells the types of condition keys; nil: nothing is known.
	Reference *reference.Reference
	// Budget bounds the work of one question, in steps of the search and of the
	// automata (a few million a second); 0 means DefaultBudget.
	Budget int
}

// DefaultBudget is the work one question may cost, in steps: a second or two.
const DefaultBudget = 4_000_000

// ErrTooComplex is returned when a question is not decided within the budget.
var ErrTooComplex = errors.New("the policies are too complex to compare within the time allowed")

// UnsupportedError names the part of a policy on which the answer depends in a
// way that cannot be decided exactly.
type UnsupportedError struct {
	Element string // such as the resource or condition, as written
	Reason  string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("cannot decide %s: %s", e.Element, e.Reason)
}

// Result is the answer to a check. Message and Reasons have AWS's wording. Once
// a check has failed, Reasons leave out statements that could not be decided.
type Result struct {
	Pass    bool
	Message string
	Reasons []Reason // nil when Pass; in the order of documents and statements
	Witness *Witness // nil when Pass; of the first reason
}

// Reason names a statement that made a check fail.
type Reason struct {
	Description string
	Document    int    // index in the list of documents, from 0
	Statement   int    // index in the document, from 0: the API's statementIndex
	Sid         string // empty when the statement has none: the API's statementId
	Witness     *Witness
}

// Witness is a concrete request. Request.Context holds the keys of Context.
type Witness struct {
	Request policy.Request
	Context []Key // sorted by name
}

// Key is a condition key of a witness.
type Key struct {
	Name   string
	Values []string
	Multi  bool // set as a multivalued key
}

// Grant is access of one statement: what Diff finds to be new.
type Grant struct {
	Document  int // index in the list of documents, from 0
	Statement int // index in the document, from 0
	Sid       string
	// Principals names who gets the access, as the statement writes it; empty for
	// identity-based policies.
	Principals []string
	// Actions and Resources are those patterns of the statement under which there
	// is something new. "!x" stands for NotAction or NotResource x.
	Actions   []string
	Resources []string
	// Conditions are those of the statement.
	Conditions []policy.Condition
	Witness    *Witness
}

// Zone is the zone of trust of an external access analysis: an account, or an
// organisation with its accounts.
type Zone struct {
	Accounts     []string // 12 digits each
	Organization string   // o-…, or empty
}

// External is access that a resource-based policy grants to one principal from
// outside the zone of trust.
type External struct {
	// Type and Principal name the principal as findings do: Type is "AWS",
	// "Federated" or "CanonicalUser"; Principal is "*", an account id, an ARN or
	// an id.
	Type      string
	Principal string
	// Actions are those of the statement that it may do, sorted.
	Actions []string
	// Condition maps the keys of the statement's conditions that findings show
	// (aws:SourceVpc, aws:PrincipalOrgID, …) to their values, several separated
	// by commas.
	Condition map[string]string
	Public    bool // see Public
	Statement int  // index in the document, from 0
	Sid       string
	Witness   *Witness
}

// Removed tells what Minimise left out.
type Removed struct {
	Statement int    // index in the original document, from 0
	Element   string // "Statement", "Action", "Resource" or "Principal"
	Value     string // of an action, resource or principal
}
