package server

import (
	"context"

	securityhubapi "bartizan.dev/api/securityhub"
	"bartizan.dev/gateway"
	"bartizan.dev/service/events"
	"bartizan.dev/service/securityhub"
	"bartizan.dev/store"
)

// openSecurityHub builds the service, whose events go to the default buses.
func (s *Server) openSecurityHub() (gateway.Service, error) {
	s.securityhub = securityhub.New(securityhub.Deps{
		Store: store.View(s.store, "securityhub/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.SecurityHub,
		Wanted: s.happenings.Listens,
		Publish: func(ctx context.Context, e *securityhub.Event) error {
			return s.happenings.Happened(ctx, &events.Happening{
				Account: e.Account, Region: e.Region, Source: "aws.securityhub", DetailType: e.DetailType, Resources: e.Resources, Detail: e.Detail,
			})
		},
	})
	s.workers = append(s.workers, s.securityhub)
	return gateway.Service{
		Model: securityhubapi.Model(), Operations: securityhubapi.Operations(s.securityhub), Rules: s.securityhub.Rules(), Resource: securityhub.Resource,
	}, nil
}
