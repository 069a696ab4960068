package server

import (
	"context"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/bus"
	"bartizan.dev/gateway"
	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/accessanalyzer"
	"bartizan.dev/service/iam"
	"bartizan.dev/store"
)

// change tells that a call has changed a resource.
type change struct{ resource string }

// openAccessAnalyzer builds the service and tells it, and Security Hub, of every
// change to what they look at.
func (s *Server) openAccessAnalyzer(ctx context.Context, ref *reference.Reference, ask *asker) gateway.Service {
	a := accessanalyzer.New(accessanalyzer.Deps{
		Store: store.View(s.store, "accessanalyzer/"), Clock: s.clock, Log: s.log, Reference: ref, Trail: s.trail,
		Sources: []accessanalyzer.Source{
			{Type: accessanalyzerapi.ResourceType_AWS__IAM__Role, List: s.listTrusts, Get: s.getTrust},
			{Type: accessanalyzerapi.ResourceType_AWS__KMS__Key, List: s.listKeys, Get: s.getKey},
			{Type: accessanalyzerapi.ResourceType_AWS__SecretsManager__Secret, List: s.listSecrets, Get: s.getSecret},
		},
		Zone: s.zone, Usage: s.usage, Policies: s.heldPolicies, Principals: s.iam.PrincipalARNs, Allows: ask.allows,
		ResourceControls: s.resourceControls,
		Link: func(ctx context.Context, account string) error {
			return s.iam.LinkRole(ctx, account, "access-analyzer.amazonaws.com")
		},
		HasPrincipal: func(ctx context.Context, arn string) (bool, error) {
			id, err := s.iam.PrincipalID(ctx, arn)
			return id != "", err
		},
		Quotas: s.opt.Quotas.AccessAnalyzer,
	})
	s.workers = append(s.workers, a)
	bus.Subscribe(s.bus, "accessanalyzer", 1000, func(c change) {
		if err := a.Changed(ctx, c.resource); err != nil {
			s.log.Error("a changed resource was not noted; the daily scan will see it", "resource", c.resource, "cause", err)
		}
		if err := s.securityhub.Changed(ctx, c.resource); err != nil && ctx.Err() == nil {
			s.log.Error("a changed resource was not noted; the next check will see it", "resource", c.resource, "cause", err)
		}
	})
	return gateway.Service{Model: accessanalyzerapi.Model(), Operations: accessanalyzerapi.Operations(a), Rules: a.Rules(), Resource: accessanalyzer.ResourceType}
}

// resourceControls are the resource control policies that bind an account.
func (s *Server) resourceControls(ctx context.Context, account string) ([]*policy.Document, error) {
	b, err := s.organizations.Bounds(ctx, account)
	if err != nil || b == nil {
		return nil, err
	}
	var out []*policy.Document
	for _, level := range b.RCP {
		for _, p := range level.Policies() {
			out = append(out, p.Document)
		}
	}
	return out, nil
}

func (s *Server) listTrusts(ctx context.Context, account, _, after string, limit int) ([]accessanalyzer.Resource, error) {
	list, err := s.iam.RoleTrusts(ctx, account, after, limit)
	out := make([]accessanalyzer.Resource, len(list))
	for i, r := range list {
		out[i] = accessanalyzer.Resource{ARN: r.ARN, Account: r.Account, Document: r.Document}
	}
	return out, err
}

func (s *Server) listKeys(ctx context.Context, account, region, after string, limit int) ([]accessanalyzer.Resource, error) {
	list, err := s.kms.KeyAccesses(ctx, account, region, after, limit)
	out := make([]accessanalyzer.Resource, len(list))
	for i, k := range list {
		out[i] = accessanalyzer.Resource(k)
	}
	return out, err
}

func (s *Server) getKey(ctx context.Context, arn string) (*accessanalyzer.Resource, error) {
	k, err := s.kms.KeyAccess(ctx, arn)
	return (*accessanalyzer.Resource)(k), err
}

func (s *Server) listSecrets(ctx context.Context, account, region, after string, limit int) ([]accessanalyzer.Resource, error) {
	list, err := s.secrets.SecretAccesses(ctx, account, region, after, limit)
	out := make([]accessanalyzer.Resource, len(list))
	for i, v := range list {
		out[i] = accessanalyzer.Resource(v)
	}
	return out, err
}

func (s *Server) getSecret(ctx context.Context, arn string) (*accessanalyzer.Resource, error) {
	v, err := s.secrets.SecretAccess(ctx, arn)
	return (*accessanalyzer.Resource)(v), err
}

func (s *Server) getTrust(ctx context.Context, arn string) (*accessanalyzer.Resource, error) {
	r, err := s.iam.RoleTrust(ctx, arn)
	if r == nil || err != nil {
		return nil, err
	}
	return &accessanalyzer.Resource{ARN: r.ARN, Account: r.Account, Document: r.Document}, nil
}

// zone is the organization that an account manages or administers for Access
// Analyzer.
func (s *Server) zone(ctx context.Context, account string) (string, []string, bool, error) {
	const principal = "access-analyzer.amazonaws.com"
	b, err := s.organizations.Bounds(ctx, account)
	if err != nil || b == nil {
		return "", nil, false, err
	}
	if b.Management != account {
		ok, err := s.organizations.DelegatedAdministrator(ctx, account, principal)
		if err != nil || !ok {
			return "", nil, false, err
		}
	}
	var all []string
	for a, err := range s.organizations.Accounts(ctx, b.Organization) {
		if err != nil {
			return "", nil, false, err
		}
		all = append(all, a.ID)
	}
	return b.Organization, all, true, nil
}

func (s *Server) usage(ctx context.Context, account, after string, limit int) ([]accessanalyzer.Usage, error) {
	list, err := s.iam.PrincipalUses(ctx, account, after, limit)
	out := make([]accessanalyzer.Usage, len(list))
	for i := range list {
		out[i] = usageOf(&list[i])
	}
	return out, err
}

func usageOf(u *iam.PrincipalUse) accessanalyzer.Usage {
	out := accessanalyzer.Usage{ARN: u.ARN, Type: accessanalyzerapi.ResourceType_AWS__IAM__User, Created: u.Created, Used: u.Used, Tags: u.Tags}
	if u.Role {
		out.Type = accessanalyzerapi.ResourceType_AWS__IAM__Role
	}
	for _, k := range u.Keys {
		out.Keys = append(out.Keys, accessanalyzer.KeyUsage(k))
	}
	if p := u.Password; p != nil {
		out.Password = &accessanalyzer.PasswordUsage{Created: p.Created, Used: p.Used}
	}
	for _, v := range u.Services {
		one := accessanalyzer.ServiceUsage{Namespace: v.Namespace, Used: v.Used}
		for _, a := range v.Actions {
			one.Actions = append(one.Actions, accessanalyzer.ActionUsage(a))
		}
		out.Services = append(out.Services, one)
	}
	return out
}

func (s *Server) heldPolicies(ctx context.Context, principal string) ([]accessanalyzer.AttachedPolicy, error) {
	list, err := s.iam.HeldPolicies(ctx, principal)
	out := make([]accessanalyzer.AttachedPolicy, len(list))
	for i, p := range list {
		out[i] = accessanalyzer.AttachedPolicy(p)
	}
	return out, err
}
