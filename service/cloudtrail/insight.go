package cloudtrail

import (
	"context"
	"errors"
	"slices"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

func badInsight(format string, args ...any) error {
	return wire.Errorf("InvalidInsightSelectorsException", format, args...)
}

// checkInsights refuses selectors that choose what the trail does not log.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-insights-events-with-cloudtrail.html
func checkInsights(r *record, list []cloudtrailapi.InsightSelector) error {
	seen := map[cloudtrailapi.InsightType]bool{}
	for i := range list {
		kind := list[i].InsightType
		switch {
		case kind == "":
			return badInsight("An insight selector must have an insight type.")
		case seen[kind]:
			return badInsight("The insight type %s is specified more than once.", kind)
		case slices.Contains(list[i].EventCategories, cloudtrailapi.SourceEventCategory_Data):
			return badInsight("Insights on data events are not built in Bartizan.")
		}
		seen[kind] = true
		if reads, writes := r.management(); !writes && (kind == cloudtrailapi.InsightType_ApiCallRateInsight || !reads) {
			return badInsight("The trail must log the management events that %s is about: write events for ApiCallRateInsight, read or write events for ApiErrorRateInsight.", kind)
		}
	}
	return nil
}

// management reports which management events the trail logs at all.
func (r *record) management() (reads, writes bool) {
	for i := range r.Advanced {
		if category, err := categoryOf(r.Advanced[i].FieldSelectors); err != nil || category != "Management" {
			continue
		}
		only := ""
		for _, f := range r.Advanced[i].FieldSelectors {
			if f.Field == "readOnly" && len(f.Equals) == 1 {
				only = f.Equals[0]
			}
		}
		reads, writes = reads || only != "false", writes || only != "true"
	}
	if len(r.Advanced) > 0 {
		return reads, writes
	}
	for _, b := range r.basic() {
		if *b.IncludeManagementEvents {
			reads = reads || b.ReadWriteType != cloudtrailapi.ReadWriteType_WriteOnly
			writes = writes || b.ReadWriteType != cloudtrailapi.ReadWriteType_ReadOnly
		}
	}
	return reads, writes
}

// insightTarget refuses what is not about a trail.
func insightTarget(trail, dataStore, destination *string) error {
	switch {
	case text(dataStore) != "" || text(destination) != "":
		return wire.Errorf("UnsupportedOperationException", "Insights of event data stores are not built in Bartizan: a trail has them.")
	case text(trail) == "":
		return wire.Errorf("InvalidParameterCombinationException", "You must specify either a trail name or an event data store.")
	}
	return nil
}

// PutInsightSelectors turns insights of a trail on, and those that are not named
// off.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutInsightSelectors.html
func (s *Service) PutInsightSelectors(ctx context.Context, in *cloudtrailapi.PutInsightSelectorsRequest) (*cloudtrailapi.PutInsightSelectorsResponse, error) {
	if err := insightTarget(in.TrailName, in.EventDataStore, in.InsightsDestination); err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.change(ctx, *in.TrailName, func(tx store.Tx, r *record) error {
		if err := checkInsights(r, in.InsightSelectors); err != nil {
			return err
		}
		if r.Insights = in.InsightSelectors; len(r.Insights) == 0 {
			return nil
		}
		// One watch is the account's, whatever the number of its trails.
		if _, err := s.watches.Get(ctx, tx, r.Account); err == nil || !errors.Is(err, store.ErrNotFound) {
			return err
		}
		now := s.Clock.Now()
		w := &watch{At: end, Since: now, Closed: minuteOf(now)}
		return errors.Join(s.watches.Insert(ctx, tx, r.Account, w),
			s.queue.Add(ctx, tx, work.Job{Kind: jobInsight, ID: r.Account, Due: now.Truncate(every).Add(every)}))
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.PutInsightSelectorsResponse{TrailARN: new(r.arn()), InsightSelectors: slices.Clone(in.InsightSelectors)}, nil
}

// GetInsightSelectors returns which insights of a trail are on.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetInsightSelectors.html
func (s *Service) GetInsightSelectors(ctx context.Context, in *cloudtrailapi.GetInsightSelectorsRequest) (*cloudtrailapi.GetInsightSelectorsResponse, error) {
	if err := insightTarget(in.TrailName, in.EventDataStore, nil); err != nil {
		return nil, err
	}
	r, err := s.find(ctx, s.Store, placeOf(ctx), *in.TrailName)
	if err != nil {
		return nil, err
	}
	if len(r.Insights) == 0 {
		return nil, wire.Errorf("InsightNotEnabledException", "Trail %s does not have Insights enabled. Edit the trail settings to enable Insights, and then try the operation again.", r.Name)
	}
	return &cloudtrailapi.GetInsightSelectorsResponse{TrailARN: new(r.arn()), InsightSelectors: r.Insights}, nil
}

// insightRegion is where the trail keeps a Region's insights: none that a caller
// can name.
func insightRegion(region string) string { return region + insightSuffix }

const insightSuffix = "/insight"

// realRegion takes what stands for a place in the trail off a Region: that of
// insights, or of data events.
func realRegion(region string) (name string, insight bool) {
	if name, data := strings.CutSuffix(region, dataSuffix); data {
		return name, false
	}
	return strings.CutSuffix(region, insightSuffix)
}

// wantsInsight reports whether a trail delivers an insight of a type.
func (r *record) wantsInsight(kind string) bool {
	return slices.ContainsFunc(r.Insights, func(s cloudtrailapi.InsightSelector) bool { return string(s.InsightType) == kind })
}
