// Package generate writes least-privilege policies from CloudTrail events: what
// a principal did becomes what it may do. It reads events of any origin as a
// stream, keeps only sets of actions and resources, and is deterministic.
//
//	g := generate.New(generate.Options{Principal: "arn:aws:iam::111122223333:role/app", Resources: generate.Exact})
//	if err := g.Read(file); err != nil { … }
//	for _, p := range g.Result().Policies { fmt.Println(p) }
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
package generate

import (
	"io"
	"time"

	"bartizan.dev/policy/reference"
)

// Resources says what the Resource elements of generated policies hold.
type Resources uint8

const (
	Any       Resources = iota // always "*"
	Templates                  // ARNs with placeholders, such as arn:aws:s3:::${BucketName}
	Exact                      // the ARNs of the events, "*" where an event tells none
)

// Options says which events count and what is written.
type Options struct {
	Principal string    // ARN of a user, role or session; events of all principals when empty
	From, To  time.Time // events at From or later and before To; zero: no bound
	Denied    bool      // events that were denied count too
	Resources Resources
	Regions   bool                 // limit statements to the Regions seen, with aws:RequestedRegion
	MaxSize   int                  // of one document, in characters without white space; 6144 when zero
	Reference *reference.Reference // opened anew (0.3 ms) when nil
}

// Event is what is used of a CloudTrail event.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type Event struct {
	Time       time.Time // eventTime
	Source     string    // eventSource, such as s3.amazonaws.com
	Name       string    // eventName
	Region     string    // awsRegion
	Principal  string    // userIdentity.arn
	Issuer     string    // userIdentity.sessionContext.sessionIssuer.arn
	Account    string    // recipientAccountId, or else userIdentity.accountId
	ErrorCode  string
	Type       string   // eventType, such as AwsApiCall
	InvokedBy  string   // userIdentity.invokedBy: the service that made the call
	Resources  []string // resources[].ARN
	Parameters []byte   // requestParameters, JSON
}

// Generator gathers events. It is not safe for concurrent use.
type Generator struct {
	opt Options
}

// New returns a generator without events.
func New(opt Options) *Generator { return &Generator{opt: opt} }

// Read adds the events of a stream: JSON objects one after another or in an
// array, each an event or CloudTrail's {"Records": […]}; compressed by gzip or
// not. What is no such event is counted as skipped; an error means that the
// stream is not JSON, or that reading failed.
func (g *Generator) Read(r io.Reader) error { return nil }

// Add adds one event.
func (g *Generator) Add(e *Event) {}

// Result is what the events amount to.
type Result struct {
	Policies []string // documents, each within MaxSize, indented JSON
	Actions  []string // all actions, sorted
	Services []string // prefixes of services used, sorted
	Events   int      // events seen
	Used     int      // events of the principal that gave actions
	Denied   int      // events left out because they were denied
	Skipped  int      // objects that are no API call
	Unknown  []string // "eventSource eventName" of calls with no known action, sorted
	Complete bool     // nothing was left out for want of room, and Unknown is empty
}

// Result writes the policies of all events so far.
func (g *Generator) Result() *Result { return &Result{Policies: []string{}} }
