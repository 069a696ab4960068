// Package accessanalyzer is AWS's IAM Access Analyzer: it validates policies,
// decides exactly what they grant, watches which resources are open to whom
// outside a zone of trust and what access nobody uses, and writes least
// privilege policies from what a principal did.
//
//   - check.go and validate.go answer questions about policies; they keep nothing.
//   - analyzer.go, rule.go, finding*.go, resource.go: analyzers and what they find.
//   - scan.go is what happens later: it looks at resources and keeps findings.
//   - preview.go tells what a policy would be found to grant.
//   - generate.go writes policies from the trail.
package accessanalyzer

import (
	"context"
	"log/slog"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/policy"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/policy/reference"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store     store.Store // its own view
	Clock     *work.Clock
	Log       *slog.Logger
	Reference *reference.Reference
	Trail     trail.Trail
	// Sources are the kinds of resources that analyzers look at.
	Sources []Source
	// Zone is the organization that an account manages, alone or by delegation for
	// the analyzer: its id and accounts. ok is false for an account that may not
	// make analyzers of organizations.
	Zone func(ctx context.Context, account string) (organization string, accounts []string, ok bool, err error)
	// Link makes the service-linked role of Access Analyzer in an account, unless
	// it has it.
	Link func(ctx context.Context, account string) error
	// ResourceControls returns the resource control policies that bind an account's
	// resources; nil, of the function or its answer: none do.
	ResourceControls func(ctx context.Context, account string) ([]*policy.Document, error)
	// Usage returns up to limit users and roles of an account that come after the
	// ARN after, with when they were last used.
	Usage func(ctx context.Context, account, after string, limit int) ([]Usage, error)
	// Policies returns the identity-based policies of a principal.
	Policies func(ctx context.Context, principal string) ([]AttachedPolicy, error)
	// Principals returns the ARNs of up to limit users and roles of an account that
	// come after the ARN after.
	Principals func(ctx context.Context, account, after string, limit int) ([]string, error)
	// Allows returns those of the actions that a user or role may do on a resource
	// now, by all policies that bear on it.
	Allows func(ctx context.Context, principal, resource string, actions []string) ([]string, error)
	// HasPrincipal tells whether a user or role exists.
	HasPrincipal func(ctx context.Context, arn string) (bool, error)
	Quotas       Quotas
}

// Quotas are AWS's defaults where they are zero.
// https://docs.aws.amazon.com/general/latest/gr/access_analyzer.html
type Quotas struct {
	ArchiveRules      int // per analyzer, 100
	GenerationsPerDay int // of policies, 5
	Previews          int // per analyzer and hour, 1,000
}

func (q Quotas) orDefault() Quotas {
	for value, standard := range map[*int]int{&q.ArchiveRules: 100, &q.GenerationsPerDay: 5, &q.Previews: 1000} {
		if *value == 0 {
			*value = standard
		}
	}
	return q
}

// Source is one kind of resources that have policies of their own.
type Source struct {
	Type accessanalyzerapi.ResourceType
	// List returns up to limit resources of an account and Region that come after
	// the ARN after.
	List func(ctx context.Context, account, region, after string, limit int) ([]Resource, error)
	// Get returns a resource; nil if there is none.
	Get func(ctx context.Context, arn string) (*Resource, error)
}

// Resource is a resource with the policy that says who may use it.
type Resource struct {
	ARN, Account string
	Document     string // the policy; empty: none
	// Grants are actions by the ARN of who may do them by other means than the
	// policy, within what that denies: grants of a KMS key.
	Grants map[string][]string
}

// Usage is when a user or role was last used; zero times mean never.
type Usage struct {
	ARN      string
	Type     accessanalyzerapi.ResourceType // AWS::IAM::Role or AWS::IAM::User
	Created  time.Time
	Used     time.Time         // of a role
	Tags     map[string]string // for exclusions
	Keys     []KeyUsage        // active access keys of a user
	Password *PasswordUsage    // nil: none
	Services []ServiceUsage    // that its policies allow
}

// KeyUsage is when an access key was last used.
type KeyUsage struct {
	ID            string
	Created, Used time.Time
}

// PasswordUsage is when a password was last used.
type PasswordUsage struct{ Created, Used time.Time }

// ServiceUsage is when a service that a principal may use was last used.
type ServiceUsage struct {
	Namespace string
	Used      time.Time
	Actions   []ActionUsage // allowed actions that were not used lately are among them
}

// ActionUsage is when an action was last used.
type ActionUsage struct {
	Name string // with its prefix
	Used time.Time
}

// AttachedPolicy is an identity-based policy of a principal.
type AttachedPolicy struct {
	ID       string // ARN of a managed policy, name of an inline one
	Updated  time.Time
	Document *policy.Document
}

// Service answers the operations of Access Analyzer.
type Service struct {
	accessanalyzerapi.Unimplemented
	Deps
	records
	queue  *work.Queue
	exact  *analysis.Analyzer
	source map[accessanalyzerapi.ResourceType]*Source
}

var _ accessanalyzerapi.Server = (*Service)(nil)

// New returns the service. Run does its work.
func New(d Deps) *Service {
	s := &Service{Deps: d, records: newRecords(), exact: &analysis.Analyzer{Reference: d.Reference}, source: map[accessanalyzerapi.ResourceType]*Source{}}
	s.Quotas = d.Quotas.orDefault()
	for i := range d.Sources {
		s.source[d.Sources[i].Type] = &d.Sources[i]
	}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{
		jobScan: s.scan, jobResource: s.rescan, jobRemove: s.remove, jobGenerate: s.generate, jobRecommend: s.recommend,
	})
	return s
}

// Run does the work that is due until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until all work that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Second) }
