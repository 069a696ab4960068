package server

import (
	kmsapi "bartizan.dev/api/kms"
	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/gateway"
	"bartizan.dev/service/ssm"
	"bartizan.dev/store"
)

// openSSM builds Parameter Store. It encrypts through KMS, as its caller.
func (s *Server) openSSM() gateway.Service {
	p := ssm.New(ssm.Deps{
		Store: store.View(s.store, "ssm/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.SSM,
		KMS: kmsapi.Client{Door: inner{s, "ssm.amazonaws.com"}}, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals,
	})
	s.workers = append(s.workers, p)
	return gateway.Service{Model: ssmapi.Model(), Operations: ssmapi.Operations(p), Rules: p.Rules(), Resource: ssm.Resource}
}
