// Package iamtoolbox is AWS's IAM Toolbox: it tells why a request was denied,
// from the evidence that the gateway kept of the denial, and why a request
// would be, from the policies of now.
package iamtoolbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	iamtoolboxapi "bartizan.dev/api/iamtoolbox"
	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
	"bartizan.dev/trail"
)

// Deps is all the service may touch.
type Deps struct {
	Trail trail.Trail
	// Region is where in the trail the gateway keeps evidence.
	Region string
	// Accounts yields the accounts whose denials an account may ask about: its
	// own first, then those of its organization, which it names. For "" it yields
	// all.
	Accounts func(ctx context.Context, account string) (organization string, accounts iter.Seq2[string, error], err error)
	// Ask makes the request of a principal that has not asked, with the policies
	// of now. It returns ErrNoPrincipal for one that does not exist, and ErrForeign
	// for a resource that is not for q.Account to ask about.
	Ask func(ctx context.Context, q Question) (*policy.Request, *policy.Bindings, error)
}

// Question is a request that may or may not be made.
type Question struct {
	Principal, Action, Resource string
	Context                     []policy.Pair
	// Account is who asks; "" is the server's administrator, who may ask about all.
	Account string `json:"-"`
}

// ErrNoPrincipal is returned for a principal that does not exist.
var ErrNoPrincipal = errors.New("iamtoolbox: no such principal")

// ErrForeign is returned for a resource of an account that is neither the one
// that asks nor of its organization: the answer would tell what its policies
// say.
var ErrForeign = errors.New("iamtoolbox: the resource is a stranger's")

// Service answers the operations of IAM Toolbox.
type Service struct {
	iamtoolboxapi.Unimplemented
	Deps
}

var _ iamtoolboxapi.Server = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d} }

// errNotFound is returned by find.
var errNotFound = errors.New("iamtoolbox: no such denial")

// find looks for the evidence of a denial by its authorization id, event id or
// request id, among the accounts that account may ask about. A principal that
// belonged to an organization then is told of to all of that organization, and
// to nobody else. What strangers say of their resources is left out, unless
// account is "".
// https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
func (s *Service) find(ctx context.Context, account, id string) (*explain.Evidence, error) {
	queries := []trail.Query{{Attribute: trail.EventID, Value: explain.EventID(id)}}
	if queries[0].Value == "" {
		queries = []trail.Query{{Attribute: trail.EventID, Value: id}, {Attribute: trail.Username, Value: id}}
	}
	organization, accounts, err := s.Accounts(ctx, account)
	if err != nil {
		return nil, err
	}
	for a, err := range accounts {
		if err != nil {
			return nil, err
		}
		for _, q := range queries {
			q.Account, q.Region, q.Limit = a, s.Region, 1
			text, err := s.read(ctx, q, "Evidence")
			if errors.Is(err, errNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
			e := new(explain.Evidence)
			if err := json.Unmarshal(text, e); err != nil {
				return nil, fmt.Errorf("iamtoolbox: evidence %s: %w", id, err)
			}
			mine := a == account
			if e.Organization != "" {
				mine = e.Organization == organization
			}
			if account == "" {
				return e, nil
			}
			if mine {
				e.Withhold()
				return e, nil
			}
		}
	}
	return nil, errNotFound
}

func (s *Service) read(ctx context.Context, q trail.Query, name string) ([]byte, error) {
	page, err := s.Trail.Lookup(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range page.Events {
		if page.Events[i].Name == name {
			return page.Events[i].JSON, nil
		}
	}
	return nil, errNotFound
}

// texts finds the documents of a piece of evidence.
func (s *Service) texts(ctx context.Context, e *explain.Evidence) explain.Texts {
	return func(id string) ([]byte, error) {
		return s.read(ctx, trail.Query{Account: e.Account, Region: s.Region, Attribute: trail.EventID, Value: id, Limit: 1}, "Document")
	}
}
