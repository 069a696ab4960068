package events

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/caller"
	"bartizan.dev/pattern"
)

// maxEntries is the most bytes of the entries of a call.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-event-size
const maxEntries = 256 << 10

// forwarded is an event on its way from one bus to another: it stays what it
// was, and where it came from.
type forwarded struct {
	event *event
	hops  int
}

type forwardKey struct{}

// PutEvents takes events. What it answers an id for is durable. Entries are
// judged one by one.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func (s *Service) PutEvents(ctx context.Context, in *eventsapi.PutEventsRequest) (*eventsapi.PutEventsResponse, error) {
	if text(in.EndpointId) != "" {
		return nil, notFound("Endpoint %s does not exist.", *in.EndpointId)
	}
	size := 0
	for i := range in.Entries {
		size += sizeOf(&in.Entries[i])
	}
	if size > maxEntries {
		return nil, errSize
	}
	out := &eventsapi.PutEventsResponse{Entries: make([]eventsapi.PutEventsResultEntry, len(in.Entries))}
	var all []*accepted
	failed := int32(0)
	for i := range in.Entries {
		a, code, message := s.entry(ctx, &in.Entries[i])
		if a == nil {
			failed++
			out.Entries[i] = eventsapi.PutEventsResultEntry{ErrorCode: &code, ErrorMessage: &message}
			continue
		}
		out.Entries[i].EventId = &a.event.ID
		all = append(all, a)
	}
	out.FailedEntryCount = &failed
	return out, s.accept(ctx, all)
}

func sizeOf(e *eventsapi.PutEventsRequestEntry) int {
	n := len(text(e.Source)) + len(text(e.DetailType)) + len(text(e.Detail))
	for _, r := range e.Resources {
		n += len(r)
	}
	if !e.Time.IsZero() {
		n += 14
	}
	return n
}

// entry is the event of an entry, or why there is none.
func (s *Service) entry(ctx context.Context, in *eventsapi.PutEventsRequestEntry) (a *accepted, code, message string) {
	const argument = "InvalidArgument"
	for _, f := range []struct {
		name  string
		value *string
	}{{"Source", in.Source}, {"DetailType", in.DetailType}, {"Detail", in.Detail}} {
		if text(f.value) == "" {
			return nil, argument, "Parameter " + f.name + " is not valid. Reason: " + f.name + " is a required argument."
		}
	}
	p, ok := placeOf(ctx, text(in.EventBusName))
	if !ok {
		return nil, argument, "Parameter EventBusName is not valid. Reason: Provided Arn is not in correct format."
	}
	if f, ok := ctx.Value(forwardKey{}).(*forwarded); ok {
		return &accepted{bus: p, event: f.event, hops: f.hops}, "", ""
	}
	c := caller.From(ctx)
	if p.Region != c.Region {
		return nil, argument, "Parameter EventBusName is not valid. Reason: The event bus must be in the Region of the call."
	}
	if strings.HasPrefix(*in.Source, "aws.") {
		return nil, "NotAuthorizedForSource", "Not authorized for the source."
	}
	detail := []byte(*in.Detail)
	if trimmed := bytes.TrimLeft(detail, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(detail) {
		return nil, "MalformedDetail", "Detail is malformed."
	}
	e := s.newEvent(c.Identity.Account, c.Region, *in.Source, *in.DetailType, detail)
	if !in.Time.IsZero() {
		e.Time = in.Time.UTC().Format(time.RFC3339)
	}
	if in.Resources != nil {
		e.Resources = in.Resources
	}
	return &accepted{bus: p, event: e}, "", ""
}

func (s *Service) newEvent(account, region, source, detailType string, detail []byte) *event {
	return &event{
		Version: "0", ID: newID(), DetailType: detailType, Source: source, Account: account, Region: region,
		Time: s.now().Format("2006-01-02T15:04:05Z"), Resources: []string{}, Detail: detail,
	}
}

// TestEventPattern says whether a pattern matches an event.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
func (s *Service) TestEventPattern(_ context.Context, in *eventsapi.TestEventPatternRequest) (*eventsapi.TestEventPatternResponse, error) {
	p, err := pattern.Parse(in.EventPattern)
	if err != nil {
		return nil, errPattern(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(in.Event), &fields); err != nil {
		return nil, notValid("Event", "The event is not a JSON object.")
	}
	// "The JSON event must contain the following fields."
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if fields[name] == nil {
			return nil, notValid("Event", "The event lacks the field "+name+".")
		}
	}
	matches, err := p.Match([]byte(in.Event))
	if err != nil {
		return nil, notValid("Event", err.Error()+".")
	}
	return &eventsapi.TestEventPatternResponse{Result: &matches}, nil
}
