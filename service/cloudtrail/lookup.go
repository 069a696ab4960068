package cloudtrail

import (
	"context"
	"errors"
	"strconv"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// maxResults is both the default and the bound of LookupEvents' pages.
const maxResults = 50

var attributes = map[cloudtrailapi.LookupAttributeKey]trail.Attribute{
	cloudtrailapi.LookupAttributeKey_EventId:      trail.EventID,
	cloudtrailapi.LookupAttributeKey_EventName:    trail.EventName,
	cloudtrailapi.LookupAttributeKey_ReadOnly:     trail.ReadOnly,
	cloudtrailapi.LookupAttributeKey_Username:     trail.Username,
	cloudtrailapi.LookupAttributeKey_ResourceType: trail.ResourceType,
	cloudtrailapi.LookupAttributeKey_ResourceName: trail.ResourceName,
	cloudtrailapi.LookupAttributeKey_EventSource:  trail.EventSource,
	cloudtrailapi.LookupAttributeKey_AccessKeyId:  trail.AccessKeyID,
}

// LookupEvents reads the account's events in the Region, newest first.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
func (s *Service) LookupEvents(ctx context.Context, in *cloudtrailapi.LookupEventsRequest) (*cloudtrailapi.LookupEventsResponse, error) {
	call := caller.From(ctx)
	region := call.Region
	if in.EventCategory == cloudtrailapi.EventCategory_insight {
		region = insightRegion(region)
	}
	q := trail.Query{Account: call.Identity.Account, Region: region, Start: in.StartTime, End: in.EndTime, Limit: maxResults}
	if !q.Start.IsZero() && !q.End.IsZero() && q.End.Before(q.Start) {
		return nil, wire.Errorf("InvalidTimeRangeException", "Invalid time range: the end time must not be before the start time.")
	}
	switch len(in.LookupAttributes) {
	case 0:
	case 1:
		a := in.LookupAttributes[0]
		q.Attribute, q.Value = attributes[a.AttributeKey], a.AttributeValue
	default:
		return nil, wire.Errorf("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
	}
	if in.MaxResults != nil {
		q.Limit = int(*in.MaxResults)
	}
	if in.NextToken != nil {
		q.Token = *in.NextToken
	}
	page, err := s.Trail.Lookup(ctx, q)
	if errors.Is(err, trail.ErrToken) {
		return nil, wire.Errorf("InvalidNextTokenException", "The specified next token is invalid.").With(err)
	} else if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.LookupEventsResponse{Events: []cloudtrailapi.Event{}}
	for i := range page.Events {
		out.Events = append(out.Events, event(&page.Events[i]))
		if in.EventCategory != "" {
			out.Events[i].ReadOnly = nil // it was no call
		}
	}
	if page.Next != "" {
		out.NextToken = &page.Next
	}
	return out, nil
}

func event(e *trail.Event) cloudtrailapi.Event {
	out := cloudtrailapi.Event{
		EventId: &e.ID, EventName: &e.Name, EventSource: &e.Source, EventTime: e.Time.Truncate(time.Second),
		ReadOnly: new(strconv.FormatBool(e.ReadOnly)), CloudTrailEvent: new(string(e.JSON)), Resources: []cloudtrailapi.Resource{},
	}
	if e.Username != "" {
		out.Username = &e.Username
	}
	if e.AccessKeyID != "" {
		out.AccessKeyId = &e.AccessKeyID
	}
	for _, r := range e.Resources {
		out.Resources = append(out.Resources, cloudtrailapi.Resource{ResourceType: &r.Type, ResourceName: &r.Name})
	}
	return out
}
