package events

import "context"

// Happening is something that a service of AWS tells an account's default bus.
type Happening struct {
	Account, Region    string
	Source, DetailType string // aws.securityhub, "Security Hub Findings - Imported"
	Resources          []string
	Detail             []byte // JSON
}

// Happened gives the default bus what a service tells. When it returns nil, that
// is durable.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
func (s *Service) Happened(ctx context.Context, h *Happening) error {
	if len(h.Detail) > maxEntries {
		s.Log.Warn("an event of a service is too large for its bus", "source", h.Source, "type", h.DetailType, "bytes", len(h.Detail))
		return nil
	}
	e := s.newEvent(h.Account, h.Region, h.Source, h.DetailType, h.Detail)
	if h.Resources != nil {
		e.Resources = h.Resources
	}
	return s.accept(ctx, []*accepted{{bus: place{h.Account, h.Region, defaultBus}, event: e}})
}

// Listens reports whether a rule on the default bus matches events at all: if
// not, they need not be made.
func (s *Service) Listens(ctx context.Context, account, region string) bool {
	r, err := s.routes.Get(ctx, place{account, region, defaultBus}.key())
	return err != nil || r.set != nil // in doubt, Happened says what is wrong
}
