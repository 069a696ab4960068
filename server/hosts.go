package server

import (
	"context"

	eksapi "bartizan.dev/api/eks"
	eksauthapi "bartizan.dev/api/eksauth"
	rolesanywhereapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/oidc"
	"bartizan.dev/service/eks"
	"bartizan.dev/service/eksauth"
	"bartizan.dev/service/rolesanywhere"
	"bartizan.dev/store"
)

// hosts builds the services that give credentials to what runs on hosts.
func (s *Server) hosts(ctx context.Context, dir *directory) ([]gateway.Service, error) {
	anywhere, err := rolesanywhere.New(ctx, rolesanywhere.Deps{
		Store: store.View(s.store, "rolesanywhere/"), Inner: inner{s, "rolesanywhere.amazonaws.com"}, Now: s.clock.Now,
		Quotas: s.opt.Quotas.RolesAnywhere,
	})
	if err != nil {
		return nil, err
	}
	keys := &clusters{s.opt.EKSIssuers, oidc.NewCache((&oidc.Client{Now: s.clock.Now}).Fetch, s.clock.Now)}
	if err := keys.check(); err != nil {
		return nil, err
	}
	pods := eks.New(eks.Deps{Store: store.View(s.store, "eks/"), Now: s.clock.Now})
	auth := eksauth.New(eksauth.Deps{
		Verify: keys.verify, Inner: inner{s, "pods.eks.amazonaws.com"}, Now: s.clock.Now,
		Association: func(ctx context.Context, c eksauth.Cluster, namespace, serviceAccount string) (*eksauth.Association, error) {
			a, err := pods.Lookup(ctx, c.Account, c.Region, c.Name, namespace, serviceAccount)
			if a == nil || err != nil {
				return nil, err
			}
			return &eksauth.Association{ARN: a.ARN, ID: a.ID, Role: a.Role, Target: a.Target, ExternalID: a.ExternalID, Policy: a.Policy, NoTags: a.NoTags}, nil
		},
		Session: func(ctx context.Context, accessKey, token string) (caller.Identity, error) {
			c, err := dir.Credential(ctx, accessKey, token)
			return c.Identity, err
		},
	})
	return []gateway.Service{
		{Model: rolesanywhereapi.Model(), Operations: rolesanywhereapi.Operations(anywhere), Rules: anywhere.Rules(), Resource: rolesanywhere.Resource},
		{Model: eksapi.Model(), Operations: eksapi.Operations(pods), Rules: pods.Rules()},
		{Model: eksauthapi.Model(), Operations: eksauthapi.Operations(auth), Rules: auth.Rules()},
	}, nil
}
