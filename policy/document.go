package policy

// Version is the version of the policy language a document is written in.
// Policy variables exist only in Version2012.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
type Version string

const (
	Version2008 Version = "2008-10-17" // also meant by a document without Version
	Version2012 Version = "2012-10-17"
)

// Document is a parsed policy. It is read-only after Parse.
type Document struct {
	Version    Version // Version2008 when the document has none
	ID         string
	Statements []Statement

	dated bool // Version was written
}

// Effect is what a statement does when it matches.
type Effect uint8

const (
	Allow Effect = iota
	Deny
)

// String returns "Allow" or "Deny".
func (e Effect) String() string {
	if e == Deny {
		return "Deny"
	}
	return "Allow"
}

// Statement is one statement as it was written. A nil slice means that the
// element is absent; an element that was written as an empty list is non-nil.
type Statement struct {
	Sid          string
	Effect       Effect
	Principal    *Principals // nil when absent
	NotPrincipal *Principals // nil when absent
	Action       []string
	NotAction    []string
	Resource     []string
	NotResource  []string
	Condition    []Condition // in the order written
	Start, End   Position    // of the statement's braces, End after the closing one

	badEffect bool // Effect is in the wrong case, which Check refuses
}

// Principals is a Principal or NotPrincipal element.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
type Principals struct {
	All       bool // written as "*"
	AWS       []string
	Service   []string
	Federated []string
	Canonical []string // CanonicalUser
}

// Condition is one operator applied to one key with the values of the policy.
// All conditions of a statement must hold.
type Condition struct {
	Operator string // as written, such as ForAnyValue:StringLikeIfExists
	Key      string // as written
	Values   []string
}

// Position is a place in the text of a document.
type Position struct {
	Line   int // from 1
	Column int // from 1, in characters
	Offset int // from 0, in bytes
}

// MaxSize is the largest document that Parse reads, in bytes. AWS's APIs take
// at most 131,072, services enforce smaller limits of their own, but some of
// AWS's own managed policies are larger.
const MaxSize = 262144
