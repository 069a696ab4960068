package server

import (
	"context"
	"strings"

	organizationsapi "bartizan.dev/api/organizations"
	"bartizan.dev/gateway"
	"bartizan.dev/policy"
	"bartizan.dev/service/organizations"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

// openOrganizations builds the service and lets the directory ask it what binds an
// account.
func (s *Server) openOrganizations(ctx context.Context, dir *directory) (gateway.Service, error) {
	org, err := organizations.New(ctx, organizations.Deps{
		Store: store.View(s.store, "organizations/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.Organizations,
		OpenAccount: s.iam.OpenAccount, HasAccount: s.iam.HasAccount, LinkRole: s.iam.LinkRole, Record: s.record,
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.organizations, s.manages, s.emailed = org, org.IsManagement, org.AccountByEmail
	s.workers = append(s.workers, org)
	dir.bounds = boundsOf(org)
	return gateway.Service{
		Model: organizationsapi.Model(), Operations: organizationsapi.Operations(org), Rules: org.Rules(), Resource: organizations.Resource,
	}, nil
}

// boundsOf: in an account that is closed nobody is allowed anything, which is
// what a level without any policy says.
func boundsOf(org *organizations.Service) func(context.Context, string) (*gateway.Bounds, error) {
	nothing := []*policy.Set{policy.Compile()}
	return func(ctx context.Context, account string) (*gateway.Bounds, error) {
		b, err := org.Bounds(ctx, account)
		if err != nil || b == nil {
			return nil, err
		}
		out := &gateway.Bounds{Organization: b.Organization, Paths: b.Paths, Targets: b.Targets, SCP: b.SCP, RCP: b.RCP}
		if b.Suspended {
			out.SCP, out.RCP = nothing, nothing
		}
		return out, nil
	}
}

// scps are the service control policies that bind an account.
func (s *Server) scps(ctx context.Context, account string) ([]*policy.Set, error) {
	b, err := s.organizations.Bounds(ctx, account)
	if err != nil || b == nil {
		return nil, err
	}
	return b.SCP, nil
}

// record writes an event that is no API call.
func (s *Server) record(ctx context.Context, e *trail.Event) error {
	if err := s.trail.Append(ctx, e); err != nil {
		return err
	}
	c := *e
	c.Region, _, _ = strings.Cut(e.Region, "/") // where the trail keeps it is the trail's affair
	s.publish(&c)
	return nil
}
