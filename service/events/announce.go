package events

import "context"

// Announcement is an event that a service sends to the default bus of an account.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html
type Announcement struct {
	Account, Region string
	Source          string // such as aws.guardduty
	DetailType      string
	Resources       []string // ARNs
	Detail          []byte   // a JSON object
}

// Announce takes an event of a service. When it returns nil, that is durable.
func (s *Service) Announce(ctx context.Context, a *Announcement) error {
	e := s.newEvent(a.Account, a.Region, a.Source, a.DetailType, a.Detail)
	if a.Resources != nil {
		e.Resources = a.Resources
	}
	return s.accept(ctx, []*accepted{{bus: place{a.Account, a.Region, defaultBus}, event: e}})
}
