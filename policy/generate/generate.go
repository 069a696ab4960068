// Package generate writes least-privilege policies from CloudTrail events: what
// a principal did becomes what it may do. It reads events of any origin as a
// stream, keeps only sets of actions and resources, and is deterministic.
//
//	g := generate.New(generate.Options{Principal: "arn:aws:iam::111122223333:role/app", Resources: generate.Exact})
//	if err := g.Read(file); err != nil { … }
//	for _, p := range g.Result().Policies { fmt.Println(p) }
//
// What a call was allowed by is not in its event: permissions that leave no
// event, such as iam:PassRole of a role that no parameter names, are not found,
// and neither are those of data events that were not logged.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html
package generate

import (
	"hash/maphash"
	"slices"
	"strings"
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
	MaxSize   int                  // of one document, in characters without white space; 6144 when zero, at least 512
	Reference *reference.Reference // opened anew (0.5 ms) when nil
}

// Event is what is used of a CloudTrail event.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type Event struct {
	Time       time.Time // eventTime
	Source     string    // eventSource, such as s3.amazonaws.com
	Name       string    // eventName
	Region     string    // awsRegion
	Type       string    // eventType; empty is AwsApiCall
	Principal  string    // userIdentity.arn
	Identity   string    // userIdentity.type
	Issuer     string    // userIdentity.sessionContext.sessionIssuer.arn
	Account    string    // recipientAccountId, or else userIdentity.accountId
	ErrorCode  string
	Resources  []string // resources[].ARN
	Parameters []byte   // requestParameters, JSON
}

// Generator gathers events. It is not safe for concurrent use.
type Generator struct {
	opt     Options
	ref     *reference.Reference
	result  Result
	event   event              // the one being read
	calls   map[string][]grant // by eventSource, zero byte, eventName
	key     []byte             // of calls
	uses    map[string]*use    // by action
	unknown map[string]bool
	forms   map[*reference.ResourceType][]*form
	seed    maphash.Seed
	seen    map[uint64]bool // hashes of calls whose resources are noted
	total   int             // ARNs noted
	cut     bool            // something was left out for want of room
}

// New returns a generator without events.
func New(opt Options) *Generator {
	if opt.MaxSize == 0 {
		opt.MaxSize = 6144
	}
	opt.MaxSize = max(opt.MaxSize, 512)
	if opt.Reference == nil {
		opt.Reference = reference.Open()
	}
	return &Generator{
		opt: opt, ref: opt.Reference, calls: map[string][]grant{}, uses: map[string]*use{}, unknown: map[string]bool{},
		forms: map[*reference.ResourceType][]*form{}, seed: maphash.MakeSeed(), seen: map[uint64]bool{},
	}
}

// Add adds one event.
func (g *Generator) Add(e *Event) {
	g.add(&event{
		time: []byte(e.Time.UTC().Format(time.RFC3339)), source: []byte(e.Source), name: []byte(e.Name), region: []byte(e.Region),
		errorCode: []byte(e.ErrorCode), kind: []byte(e.Type), recipient: []byte(e.Account), arn: []byte(e.Principal),
		identity: []byte(e.Identity), issuer: []byte(e.Issuer), parameters: e.Parameters, list: e.Resources,
	})
}

// Result is what the events amount to.
type Result struct {
	Policies []string // documents, each within MaxSize, indented JSON
	Actions  []string // all actions, sorted
	Services []string // prefixes of services used, sorted
	Events   int      // calls seen, of whomever
	Used     int      // calls of the principal that gave actions
	Denied   int      // calls of the principal left out because they were denied
	Skipped  int      // objects that are no call
	Unknown  []string // "eventSource eventName" of calls with no known action, sorted
	Complete bool     // nothing was left out for want of room, and Unknown is empty
}

// maxUnknown is how many names of unknown calls are kept.
const maxUnknown = 1000

func (g *Generator) add(e *event) {
	if !e.isCall() {
		g.result.Skipped++
		return
	}
	g.result.Events++
	if !e.by(g.opt.Principal) || !e.within(g.opt.From, g.opt.To) {
		return
	}
	if !g.opt.Denied && e.isDenied() {
		g.result.Denied++
		return
	}
	g.key = append(append(append(g.key[:0], e.source...), 0), e.name...)
	grants, ok := g.calls[string(g.key)]
	if !ok {
		grants = g.translate(string(e.source), string(e.name))
		if len(g.calls) < maxCalls {
			g.calls[string(g.key)] = grants
		}
		if grants == nil {
			g.forget(string(e.source) + " " + string(e.name))
		}
	}
	if grants == nil {
		return
	}
	if len(grants) > 0 {
		g.result.Used++
	}
	if g.opt.Resources == Exact && g.repeated(e) {
		return
	}
	var found *clues
	for _, gr := range grants {
		if gr.when != "" && !contains(e.parameters, gr.when) {
			continue
		}
		if gr.unless != "" && contains(e.parameters, gr.unless) {
			continue
		}
		g.use(gr, e, &found)
	}
	if g.passes(e) {
		g.passed(e)
	}
}

// maxSeen is how many hashes are kept before they are all forgotten.
const maxSeen = 1 << 16

// repeated reports whether the same call with the same parameters was noted
// before: most events of a program are repetitions. Two calls with one hash
// would lose a resource: a full set has less than one chance in 2^32 of it, and
// nobody can aim at it.
func (g *Generator) repeated(e *event) bool {
	var h maphash.Hash
	h.SetSeed(g.seed)
	for _, part := range [][]byte{g.key, e.region, e.owner(), e.parameters, e.resources} {
		_, _ = h.Write(part)
		_ = h.WriteByte(0)
	}
	for _, a := range e.list {
		_, _ = h.WriteString(a)
		_ = h.WriteByte(0)
	}
	sum := h.Sum64()
	if g.seen[sum] {
		return true
	}
	if len(g.seen) >= maxSeen {
		clear(g.seen)
	}
	g.seen[sum] = true
	return false
}

// maxCalls is how many names of calls are remembered: AWS has 22,000 actions.
const maxCalls = 50_000

func (g *Generator) forget(name string) {
	if len(g.unknown) >= maxUnknown || len(name) > 256 {
		g.cut = true
		return
	}
	g.unknown[name] = true
}

// Result returns the policies of all events so far.
func (g *Generator) Result() *Result {
	r := g.result
	r.Policies = g.documents()
	r.Actions, r.Services, r.Unknown = []string{}, []string{}, []string{}
	for name := range g.uses {
		r.Actions = append(r.Actions, name)
		service, _, _ := strings.Cut(name, ":")
		r.Services = append(r.Services, service)
	}
	for name := range g.unknown {
		r.Unknown = append(r.Unknown, name)
	}
	slices.Sort(r.Actions)
	slices.Sort(r.Services)
	slices.Sort(r.Unknown)
	r.Services = slices.Compact(r.Services)
	r.Complete = !g.cut && len(r.Unknown) == 0
	return &r
}
