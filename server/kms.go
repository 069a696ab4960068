package server

import (
	"context"

	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/gateway"
	"bartizan.dev/service/kms"
	"bartizan.dev/store"
)

// openKMS builds the service that keeps keys.
func (s *Server) openKMS(ctx context.Context) (gateway.Service, error) {
	transport, err := s.xksTransport()
	if err != nil {
		return gateway.Service{}, err
	}
	k, err := kms.New(ctx, kms.Deps{
		Store: store.View(s.store, "kms/"), Custodian: s.custodian, Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.KMS,
		Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals, BindPrincipal: s.iam.BindPrincipal, ShowPrincipal: s.iam.ShowPrincipal,
		XKS: transport, Cluster: s.cluster, Vault: s.clusterKeys,
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.kms = k
	s.workers = append(s.workers, k)
	return gateway.Service{Model: kmsapi.Model(), Operations: kmsapi.Operations(k), Rules: k.Rules(), Resource: kms.Resource}, nil
}
