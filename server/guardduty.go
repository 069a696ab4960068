package server

import (
	"context"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/gateway"
	"bartizan.dev/service/events"
	"bartizan.dev/service/guardduty"
	"bartizan.dev/store"
)

// openGuardDuty builds the service that analyses the trail.
func (s *Server) openGuardDuty(ctx context.Context) (gateway.Service, error) {
	g, err := guardduty.New(ctx, guardduty.Deps{
		Log: s.trail, Store: store.View(s.store, "guardduty/"), Clock: s.clock, Logger: s.log, LinkRole: s.iam.LinkRole,
		Publish: func(ctx context.Context, e guardduty.Event) error {
			return s.happenings.Announce(ctx, &events.Announcement{Account: e.Account, Region: e.Region, Source: "aws.guardduty", DetailType: e.DetailType, Detail: e.Detail})
		},
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.workers = append(s.workers, g)
	return gateway.Service{Model: guarddutyapi.Model(), Operations: guarddutyapi.Operations(g), Rules: g.Rules(), Resource: guardduty.Resource}, nil
}
