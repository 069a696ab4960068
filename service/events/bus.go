package events

import (
	"context"
	"errors"
	"strings"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/store"
)

// unbuilt answers for what a bus can have on AWS and not here.
func unbuilt(key *string, dead *eventsapi.DeadLetterConfig, log *eventsapi.LogConfig) error {
	switch {
	case text(key) != "":
		return notValid("KmsKeyIdentifier", "Bartizan seals every event with its own keys, and takes no customer managed key for a bus.")
	case dead != nil && text(dead.Arn) != "":
		return notValid("DeadLetterConfig", "It is for events that cannot be encrypted, and there are none: targets have dead-letter queues.")
	case log != nil && log.Level != "" && log.Level != eventsapi.Level_OFF:
		return notValid("LogConfig", "Bartizan keeps no logs of event buses.")
	}
	return nil
}

// CreateEventBus makes a bus.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
func (s *Service) CreateEventBus(ctx context.Context, in *eventsapi.CreateEventBusRequest) (*eventsapi.CreateEventBusResponse, error) {
	if err := unbuilt(in.KmsKeyIdentifier, in.DeadLetterConfig, in.LogConfig); err != nil {
		return nil, err
	}
	if in.EventSourceName != nil {
		return nil, notFound("Event source %s does not exist.", *in.EventSourceName)
	}
	if strings.Contains(in.Name, "/") {
		return nil, invalid("Event bus name must not contain '/'.")
	}
	p, _ := placeOf(ctx, "")
	p.Name = in.Name
	now := s.now()
	b := &bus{Place: p, Description: text(in.Description), Created: now, Changed: now}
	var err error
	if b.Tags, err = addTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if p.Name == defaultBus {
			return store.ErrExists
		}
		all, err := s.busRecords.List(ctx, tx, p.home(), "", s.Quotas.Buses+1)
		if err != nil {
			return err
		}
		if err := s.busRecords.Insert(ctx, tx, p.key(), b); err != nil {
			return err
		}
		n := 1 // the default one
		for _, e := range all {
			if e.Value.Place.Name != defaultBus {
				n++
			}
		}
		if n >= s.Quotas.Buses {
			return errLimit
		}
		return nil
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Event bus %s already exists.", in.Name)
	} else if err != nil {
		return nil, err
	}
	return &eventsapi.CreateEventBusResponse{EventBusArn: new(p.arn()), Description: in.Description, DeadLetterConfig: in.DeadLetterConfig, LogConfig: in.LogConfig}, nil
}

// own is the bus of an operation that works in the caller's own account only.
func own(ctx context.Context, name string) (place, error) {
	home, _ := placeOf(ctx, "")
	p, ok := placeOf(ctx, name)
	if !ok {
		return p, notValid(name, "Provided Arn is not in correct format.")
	}
	if p.home() != home.home() {
		return p, notValid(name, "Bartizan manages buses and rules in the caller's own account and Region only.")
	}
	return p, nil
}

// changeBus changes a bus.
func (s *Service) changeBus(ctx context.Context, name string, change func(tx store.Tx, b *bus) error) (out *bus, err error) {
	p, err := own(ctx, name)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		b, err := s.bus(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := change(tx, b); err != nil {
			return err
		}
		b.Changed, out = s.now(), b
		return s.busRecords.Put(ctx, tx, p.key(), b)
	})
	return out, err
}

// UpdateEventBus changes the description of a bus.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UpdateEventBus.html
func (s *Service) UpdateEventBus(ctx context.Context, in *eventsapi.UpdateEventBusRequest) (*eventsapi.UpdateEventBusResponse, error) {
	if err := unbuilt(in.KmsKeyIdentifier, in.DeadLetterConfig, in.LogConfig); err != nil {
		return nil, err
	}
	b, err := s.changeBus(ctx, text(in.Name), func(_ store.Tx, b *bus) error {
		if in.Description != nil {
			b.Description = *in.Description
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.UpdateEventBusResponse{Arn: new(b.Place.arn()), Name: &b.Place.Name, Description: orNil(b.Description), DeadLetterConfig: in.DeadLetterConfig, LogConfig: in.LogConfig}, nil
}

// DescribeEventBus shows a bus with its policy.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeEventBus.html
func (s *Service) DescribeEventBus(ctx context.Context, in *eventsapi.DescribeEventBusRequest) (*eventsapi.DescribeEventBusResponse, error) {
	p, err := own(ctx, text(in.Name))
	if err != nil {
		return nil, err
	}
	b, err := s.bus(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	policy, err := s.shown(ctx, b)
	if err != nil {
		return nil, err
	}
	return &eventsapi.DescribeEventBusResponse{
		Name: &p.Name, Arn: new(p.arn()), Description: orNil(b.Description), Policy: policy, CreationTime: b.Created, LastModifiedTime: b.Changed,
	}, nil
}

func (s *Service) shown(ctx context.Context, b *bus) (*string, error) {
	if b.Policy == "" {
		return nil, nil
	}
	document, err := s.Show(ctx, b.Policy)
	return &document, err
}

// DeleteEventBus deletes a bus that has no rules; one that is not there is no error.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteEventBus.html
func (s *Service) DeleteEventBus(ctx context.Context, in *eventsapi.DeleteEventBusRequest) (*eventsapi.DeleteEventBusOutput, error) {
	p, err := own(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if p.Name == defaultBus {
		return nil, invalid("Cannot delete event bus %s.", defaultBus)
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.bus(ctx, tx, p); err != nil {
			return err
		}
		rules, err := s.rules.List(ctx, tx, p.rule(""), "", 1)
		if err != nil {
			return err
		}
		if len(rules) > 0 {
			return invalid("Event bus %s can't be deleted since it has rules.", p.Name)
		}
		return s.busRecords.Delete(ctx, tx, p.key())
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.DeleteEventBusOutput{}, nil
}

// ListEventBuses lists the account's buses by name.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListEventBuses.html
func (s *Service) ListEventBuses(ctx context.Context, in *eventsapi.ListEventBusesRequest) (*eventsapi.ListEventBusesResponse, error) {
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	home, _ := placeOf(ctx, "")
	found, err := s.busRecords.List(ctx, s.Store, home.home()+text(in.NamePrefix), pg.from(home.home()), pg.limit+1)
	if err != nil {
		return nil, err
	}
	var all []*bus
	written := false
	for _, e := range found {
		written = written || e.Value.Place.Name == defaultBus
		all = append(all, e.Value)
	}
	if !written && strings.HasPrefix(defaultBus, text(in.NamePrefix)) && defaultBus > pg.after {
		// It has no record while it is as it was. It may have one that is on
		// another page, but then pg.limit buses before it are on this one.
		all = insertByName(all, &bus{Place: home})
	}
	page, next := cut(all, pg, func(b **bus) string { return (*b).Place.Name })
	out := &eventsapi.ListEventBusesResponse{EventBuses: []eventsapi.EventBus{}, NextToken: next}
	for _, b := range page {
		policy, err := s.shown(ctx, b)
		if err != nil {
			return nil, err
		}
		out.EventBuses = append(out.EventBuses, eventsapi.EventBus{
			Name: &b.Place.Name, Arn: new(b.Place.arn()), Description: orNil(b.Description), Policy: policy, CreationTime: b.Created, LastModifiedTime: b.Changed,
		})
	}
	return out, nil
}

func insertByName(all []*bus, b *bus) []*bus {
	i := 0
	for i < len(all) && all[i].Place.Name < b.Place.Name {
		i++
	}
	return append(all[:i:i], append([]*bus{b}, all[i:]...)...)
}
