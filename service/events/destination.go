package events

import (
	"context"
	"errors"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// destination is an API destination.
type destination struct {
	Home             place // Name is the destination's
	UID              string
	Description      string `json:",omitzero"`
	Connection       string // ARN
	Endpoint, Method string
	Rate             int32 // calls a second
	Created, Changed time.Time
}

func (d *destination) arn() string {
	return arn.New("events", d.Home.Region, d.Home.Account, "api-destination/"+d.Home.Name+"/"+d.UID)
}

const defaultRate = 300 // calls a second

// connected finds the connection of an ARN in the caller's account.
func (s *Service) connected(ctx context.Context, r store.Reader, name string) (*connection, error) {
	home, _ := placeOf(ctx, "")
	found, err := s.connections.OneBy(ctx, r, "arn", name)
	if errors.Is(err, store.ErrNotFound) || err == nil && found.Value.Home.home() != home.home() {
		return nil, notFound("Connection '%s' does not exist.", name)
	}
	return found.Value, err
}

// CreateApiDestination makes an HTTPS endpoint a target.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateApiDestination.html
func (s *Service) CreateApiDestination(ctx context.Context, in *eventsapi.CreateApiDestinationRequest) (*eventsapi.CreateApiDestinationResponse, error) {
	if err := s.endpoint("InvocationEndpoint", in.InvocationEndpoint); err != nil {
		return nil, err
	}
	home, _ := placeOf(ctx, "")
	home.Name = in.Name
	now := s.now()
	d := &destination{
		Home: home, UID: newID(), Description: text(in.Description), Connection: in.ConnectionArn, Endpoint: in.InvocationEndpoint,
		Method: string(in.HttpMethod), Rate: defaultRate, Created: now, Changed: now,
	}
	if in.InvocationRateLimitPerSecond != nil {
		d.Rate = *in.InvocationRateLimitPerSecond
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.connected(ctx, tx, in.ConnectionArn); err != nil {
			return err
		}
		return s.destinations.Insert(ctx, tx, home.key(), d)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("An api-destination '%s' already exists.", in.Name)
	} else if err != nil {
		return nil, err
	}
	return &eventsapi.CreateApiDestinationResponse{ApiDestinationArn: new(d.arn()), ApiDestinationState: eventsapi.ApiDestinationState_ACTIVE, CreationTime: now, LastModifiedTime: now}, nil
}

func (s *Service) destination(ctx context.Context, r store.Reader, name string) (*destination, error) {
	home, _ := placeOf(ctx, "")
	home.Name = name
	d, err := s.destinations.Get(ctx, r, home.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Failed to describe the api-destination(s). An api-destination '%s' does not exist.", name)
	}
	return d, err
}

// DescribeApiDestination shows an API destination.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeApiDestination.html
func (s *Service) DescribeApiDestination(ctx context.Context, in *eventsapi.DescribeApiDestinationRequest) (*eventsapi.DescribeApiDestinationResponse, error) {
	d, err := s.destination(ctx, s.Store, in.Name)
	if err != nil {
		return nil, err
	}
	return &eventsapi.DescribeApiDestinationResponse{
		ApiDestinationArn: new(d.arn()), Name: &d.Home.Name, Description: orNil(d.Description), ApiDestinationState: eventsapi.ApiDestinationState_ACTIVE,
		ConnectionArn: &d.Connection, InvocationEndpoint: &d.Endpoint, HttpMethod: eventsapi.ApiDestinationHttpMethod(d.Method),
		InvocationRateLimitPerSecond: &d.Rate, CreationTime: d.Created, LastModifiedTime: d.Changed,
	}, nil
}

// DeleteApiDestination deletes an API destination.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteApiDestination.html
func (s *Service) DeleteApiDestination(ctx context.Context, in *eventsapi.DeleteApiDestinationRequest) (*eventsapi.DeleteApiDestinationResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.destination(ctx, tx, in.Name)
		if err != nil {
			return err
		}
		return s.destinations.Delete(ctx, tx, d.Home.key())
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.DeleteApiDestinationResponse{}, nil
}

// ListApiDestinations lists the account's API destinations by name.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListApiDestinations.html
func (s *Service) ListApiDestinations(ctx context.Context, in *eventsapi.ListApiDestinationsRequest) (*eventsapi.ListApiDestinationsResponse, error) {
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	home, _ := placeOf(ctx, "")
	found, err := s.destinations.List(ctx, s.Store, home.home()+text(in.NamePrefix), pg.from(home.home()), pg.limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, pg, func(e *store.Entry[destination]) string { return e.Value.Home.Name })
	out := &eventsapi.ListApiDestinationsResponse{ApiDestinations: []eventsapi.ApiDestination{}, NextToken: next}
	for _, e := range found {
		if d := e.Value; in.ConnectionArn == nil || *in.ConnectionArn == d.Connection {
			out.ApiDestinations = append(out.ApiDestinations, eventsapi.ApiDestination{
				ApiDestinationArn: new(d.arn()), Name: &d.Home.Name, ApiDestinationState: eventsapi.ApiDestinationState_ACTIVE, ConnectionArn: &d.Connection,
				InvocationEndpoint: &d.Endpoint, HttpMethod: eventsapi.ApiDestinationHttpMethod(d.Method), InvocationRateLimitPerSecond: &d.Rate,
				CreationTime: d.Created, LastModifiedTime: d.Changed,
			})
		}
	}
	return out, nil
}
