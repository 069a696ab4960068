package lint

import (
	"cmp"
	"fmt"
	"slices"

	"bartizan.dev/policy/reference"
)

// PolicyType is what a document is to be used as.
type PolicyType string

const (
	Identity        PolicyType = "IDENTITY_POLICY"
	Resource        PolicyType = "RESOURCE_POLICY"
	ServiceControl  PolicyType = "SERVICE_CONTROL_POLICY"
	ResourceControl PolicyType = "RESOURCE_CONTROL_POLICY"
)

// The resource types that a resource policy may be validated for; for others
// leave Options.ResourceType empty, as with AWS.
const (
	Bucket                 = "AWS::S3::Bucket"
	AccessPoint            = "AWS::S3::AccessPoint"
	MultiRegionAccessPoint = "AWS::S3::MultiRegionAccessPoint"
	ObjectLambda           = "AWS::S3ObjectLambda::AccessPoint"
	RoleTrust              = "AWS::IAM::AssumeRolePolicyDocument"
	Table                  = "AWS::DynamoDB::Table"
)

// Options says what a document is.
type Options struct {
	Type         PolicyType           // Identity when empty
	ResourceType string               // for Type Resource: one of the constants above, or empty
	Reference    *reference.Reference // the known actions; opened anew (0.3 ms) when nil
}

// FindingType is the impact of a finding.
type FindingType string

const (
	Error           FindingType = "ERROR"            // a part of the policy does not work
	SecurityWarning FindingType = "SECURITY_WARNING" // the policy allows more than is wise
	Warning         FindingType = "WARNING"          // not a security issue, but not good practice
	Suggestion      FindingType = "SUGGESTION"       // style
)

// Finding is one remark. It marshals to the JSON of ValidatePolicyFinding.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicyFinding.html
type Finding struct {
	Details   string      `json:"findingDetails"` // in English
	Type      FindingType `json:"findingType"`
	Code      string      `json:"issueCode"`
	LearnMore string      `json:"learnMoreLink"`
	Locations []Location  `json:"locations"` // at least one
}

// Location is a place in the document.
type Location struct {
	Path []PathElement `json:"path"` // from the document's root; empty: the document
	Span Span          `json:"span"`
}

// PathElement is one step; exactly one field is set.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_PathElement.html
type PathElement struct {
	Index     *int       `json:"index,omitempty"`     // an element of an array, from 0
	Key       *string    `json:"key,omitempty"`       // the name of a member itself
	Substring *Substring `json:"substring,omitempty"` // a part of a string
	Value     *string    `json:"value,omitempty"`     // the value of the member with this name
}

// Substring is a part of a string, in characters.
type Substring struct {
	Start  int `json:"start"` // from 0
	Length int `json:"length"`
}

// Span is a part of the text: Start inclusive, End exclusive.
type Span struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Position is a point in the text, counted in characters.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_Position.html
type Position struct {
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // from 0
	Offset int `json:"offset"` // from 0
}

// MaxSize is the longest text that Validate reads, in bytes. A longer one
// yields JSON_SYNTAX_ERROR.
const MaxSize = 262144

// Validate returns the findings of a document, in the order of the text. It
// never returns nil.
func Validate(text []byte, opt Options) []Finding {
	if opt.Type == "" {
		opt.Type = Identity
	}
	if opt.Reference == nil {
		opt.Reference = reference.Open()
	}
	ruler := newRuler(text[:min(len(text), MaxSize)])
	root, fault := parse(text)
	if root == nil {
		return []Finding{syntaxError(ruler, fault)}
	}
	l := &linter{Options: opt, ruler: ruler, steps: maxSteps, forms: map[string][]form{}}
	l.document(root)
	return l.sorted()
}

func syntaxError(r *ruler, fault int) Finding {
	if fault < 0 {
		f := finding("JSON_SYNTAX_ERROR", "")
		f.Locations = []Location{{Path: []PathElement{}, Span: Span{r.position(0), r.position(len(r.in))}}}
		return f
	}
	p := r.position(fault)
	f := finding("JSON_SYNTAX_ERROR", fmt.Sprintf(" at index %d line %d column %d", p.Offset, p.Line, p.Column))
	f.Locations = []Location{{Path: []PathElement{}, Span: Span{p, p}}}
	return f
}

// maxSteps bounds the comparisons of characters that one document may cost:
// some hundred milliseconds. What exceeds it is not compared, which can only
// leave findings out. AWS's largest managed policies take a fifth of it.
const maxSteps = 20_000_000

// linter checks one document.
type linter struct {
	Options
	ruler    *ruler
	steps    int // comparisons left
	places   int // locations so far
	findings []Finding
	begins   []int // offset of each finding's first location
	modern   bool  // the version has variables
	doc      *document
	forms    map[string][]form // of ARNs, by service
}

// maxPlaces bounds the locations of all findings of a document, and with them
// the memory of the answer (some 10 MB). Only documents made to that end have so
// many; what exceeds it is not reported.
const maxPlaces = 20_000

// report adds a finding about places, of which there must be one.
func (l *linter) report(code string, places []place, args ...any) {
	places = places[:min(len(places), maxPlaces-l.places)]
	if l.places += len(places); len(places) == 0 {
		return
	}
	f := finding(code, args...)
	begin, _ := places[0].span()
	for _, p := range places {
		f.Locations = append(f.Locations, l.ruler.location(p))
	}
	l.findings = append(l.findings, f)
	l.begins = append(l.begins, begin)
}

// about adds a finding about one place.
func (l *linter) about(code string, p place, args ...any) { l.report(code, []place{p}, args...) }

// sorted returns the findings by the place of their first location; those of
// one place stay in the order of the checks.
func (l *linter) sorted() []Finding {
	order := make([]int, len(l.findings))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.begins[a], l.begins[b]) })
	out := make([]Finding, len(order))
	for i, j := range order {
		out[i] = l.findings[j]
	}
	return out
}

// spend takes n steps and reports whether they were left. Once they were not,
// none are.
func (l *linter) spend(n int) bool {
	l.steps = max(0, l.steps-n)
	return l.steps > 0
}
