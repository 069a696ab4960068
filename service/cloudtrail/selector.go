package cloudtrail

import (
	"context"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// GetEventSelectors returns what a trail logs.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html
func (s *Service) GetEventSelectors(ctx context.Context, in *cloudtrailapi.GetEventSelectorsRequest) (*cloudtrailapi.GetEventSelectorsResponse, error) {
	r, err := s.find(ctx, s.Store, placeOf(ctx), in.TrailName)
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.GetEventSelectorsResponse{TrailARN: new(r.arn())}
	if len(r.Advanced) > 0 {
		out.AdvancedEventSelectors = r.Advanced
	} else {
		out.EventSelectors = r.basic()
	}
	return out, nil
}

// basic are the selectors of a trail that has no advanced ones: "If you don't
// specify a value, … all management events" are logged.
func (r *record) basic() []cloudtrailapi.EventSelector {
	if len(r.Selectors) > 0 {
		return r.Selectors
	}
	return []cloudtrailapi.EventSelector{fill(cloudtrailapi.EventSelector{})}
}

// fill gives a selector the values that it was not given.
func fill(e cloudtrailapi.EventSelector) cloudtrailapi.EventSelector {
	if e.ReadWriteType == "" {
		e.ReadWriteType = cloudtrailapi.ReadWriteType_All
	}
	if e.IncludeManagementEvents == nil {
		e.IncludeManagementEvents = new(true)
	}
	if e.DataResources == nil {
		e.DataResources = []cloudtrailapi.DataResource{}
	}
	if e.ExcludeManagementEventSources == nil {
		e.ExcludeManagementEventSources = []string{}
	}
	return e
}

// PutEventSelectors chooses what a trail logs, in place of what it logged before.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
func (s *Service) PutEventSelectors(ctx context.Context, in *cloudtrailapi.PutEventSelectorsRequest) (*cloudtrailapi.PutEventSelectorsResponse, error) {
	out := &cloudtrailapi.PutEventSelectorsResponse{}
	switch {
	case len(in.EventSelectors) > 0 && len(in.AdvancedEventSelectors) > 0:
		return nil, badSelector("You can use either event selectors or advanced event selectors, but not both.")
	case len(in.EventSelectors) > 0:
		if err := checkBasic(in.EventSelectors); err != nil {
			return nil, err
		}
		for _, e := range in.EventSelectors {
			out.EventSelectors = append(out.EventSelectors, fill(e))
		}
	case len(in.AdvancedEventSelectors) > 0:
		if err := checkAdvanced(in.AdvancedEventSelectors, false); err != nil {
			return nil, err
		}
		out.AdvancedEventSelectors = in.AdvancedEventSelectors
	default:
		return nil, badSelector("You must specify event selectors or advanced event selectors.")
	}
	r, err := s.change(ctx, in.TrailName, func(_ store.Tx, r *record) error {
		r.Selectors, r.Advanced = out.EventSelectors, out.AdvancedEventSelectors
		return checkInsights(r, r.Insights)
	})
	if err != nil {
		return nil, err
	}
	out.TrailARN = new(r.arn())
	return out, nil
}

func badSelector(format string, args ...any) error {
	return wire.Errorf("InvalidEventSelectorsException", format, args...)
}
