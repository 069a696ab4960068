// Package gateway is the one way in. Every call goes through the same chain:
//
//	route → verify → decode → authorise → admit → call → record → encode
//
// one file per step. Calls that one service makes to another enter at authorise
// (see Door), so they are decided and recorded like any other.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"bartizan.dev/policy"
	"bartizan.dev/sigv4"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// Service is one service as the gateway sees it.
type Service struct {
	Model      *wire.Service
	Operations []wire.Operation
	Rules      policy.Rules
	// Resource names the type of a resource for the trail, from its ARN:
	// AWS::IAM::User. Empty for one the trail does not list.
	Resource func(arn string) string
	// Data are the operations whose calls are data events, by name, with the type of
	// what they are about. The calls of all others are management events.
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
	Data map[string]string
}

// Config is all the gateway may touch.
type Config struct {
	Services  []Service
	Names     []wire.Service // every service of the mission, for honest errors
	Directory Directory
	Trail     trail.Trail
	Publish   func(*trail.Event) // after an event was recorded; may be nil
	// DataEvents tells whether somebody wants an account's data events about a type
	// of resources. They are recorded only then; nil means never.
	DataEvents func(ctx context.Context, account, kind string) bool
	Now        func() time.Time
	// Signed is the clock that clients sign by, where it is not Now: bartizan
	// dev moves its own time, never its clients'. May be nil.
	Signed func() time.Time
	Log    *slog.Logger
	// Observe is told the outcome of every call, for metrics; may be nil.
	Observe func(service, operation, code string, d time.Duration)
	// Denied seals the explanation of a denial for DecodeAuthorizationMessage;
	// the services that answer UnauthorizedOperation show it. May be nil.
	Denied func(ctx context.Context, explanation []byte) (string, error)
	// ControlsResources tells whether a service, by the prefix of its actions,
	// supports resource control policies; nil means none does.
	ControlsResources func(prefix string) bool
	// MaxBody bounds the body of a request in bytes; 0 means DefaultMaxBody.
	MaxBody int64
}

// DefaultMaxBody is above the largest message of any operation that is not a
// stream.
const DefaultMaxBody = 4 << 20

// Gateway is an http.Handler that answers AWS calls.
type Gateway struct {
	Config
	routes    routes
	keys      *sigv4.Keys
	exchanges sync.Pool
	kept      documents
}

// New checks that every operation has a rule, so that a forgotten one is found
// at start and not by a caller.
func New(c Config) (*Gateway, error) {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Signed == nil {
		c.Signed = c.Now
	}
	g := &Gateway{Config: c, keys: sigv4.NewKeys(4096)}
	for _, s := range c.Services {
		for _, op := range s.Operations {
			if r, ok := s.Rules[op.Name]; !ok || r.Touches == nil && !r.Everyone && !r.Absent {
				return nil, fmt.Errorf("gateway: %s declares no rule for %s: this is a bug", s.Model.Name, op.Name)
			}
		}
	}
	g.routes = newRoutes(c.Services, c.Names)
	g.exchanges.New = func() any { return &exchange{g: g} }
	return g, nil
}

// chain is the way of one call up to its answer. A step that fails ends it;
// record and encode come after it in any case.
var chain = [...]func(*exchange) error{
	(*exchange).route,
	(*exchange).verify,
	(*exchange).decode,
	(*exchange).authorise,
	(*exchange).admit,
	(*exchange).call,
}

// ServeHTTP answers one call.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := g.exchanges.Get().(*exchange)
	x.begin(w, r)
	defer x.end()
	for _, step := range chain {
		if err := x.take(step); err != nil {
			x.fail(err)
			break
		}
	}
	x.record()
	x.encode()
}
