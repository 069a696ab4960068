package cloudtrail

import (
	"context"
	"errors"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxSpans is how often within a day logging may be started and stopped.
const maxSpans = 100

// StartLogging begins to log, with its own call.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartLogging.html
func (s *Service) StartLogging(ctx context.Context, in *cloudtrailapi.StartLoggingRequest) (*cloudtrailapi.StartLoggingResponse, error) {
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now := caller.From(ctx).Time
	_, err = s.change(ctx, in.Name, func(tx store.Tx, r *record) error {
		if r.Logging {
			return nil
		}
		if err := s.checkTarget(r.Bucket, r.Prefix); err != nil {
			return err
		}
		if len(r.Spans) >= maxSpans {
			return wire.Errorf("ThrottlingException", "Logging was started and stopped too often: try again later.")
		}
		r.Logging, r.Started = true, now
		r.Spans = append(r.Spans, span{From: now})
		if err := errors.Join(s.startDigests(ctx, tx, r), s.startStream(ctx, tx, r, end)); err != nil {
			return err
		}
		if r.Delivery.Alive {
			return nil
		}
		r.Delivery.Alive, r.Delivery.At = true, end
		return s.deliverLater(ctx, tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.StartLoggingResponse{}, nil
}

// stop ends logging with the call that arrived at a time.
func (r *record) stop(now time.Time) {
	if !r.Logging {
		return
	}
	r.Logging, r.Stopped = false, now
	r.Spans[len(r.Spans)-1].To = now
}

// StopLogging ends logging, with its own call: what was logged until then is
// still delivered.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html
func (s *Service) StopLogging(ctx context.Context, in *cloudtrailapi.StopLoggingRequest) (*cloudtrailapi.StopLoggingResponse, error) {
	_, err := s.change(ctx, in.Name, func(_ store.Tx, r *record) error {
		r.stop(caller.From(ctx).Time)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.StopLoggingResponse{}, nil
}

// GetTrailStatus tells whether a trail logs, and how its delivery fares.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
func (s *Service) GetTrailStatus(ctx context.Context, in *cloudtrailapi.GetTrailStatusRequest) (*cloudtrailapi.GetTrailStatusResponse, error) {
	r, err := s.find(ctx, s.Store, placeOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	d := &r.Delivery
	out := &cloudtrailapi.GetTrailStatusResponse{
		IsLogging: &r.Logging, LatestDeliveryTime: d.Last, StartLoggingTime: r.Started, StopLoggingTime: r.Stopped, LatestDigestDeliveryTime: d.LastDigest,
		LatestDeliveryAttemptTime: new(stamp(d.Attempt)), LatestDeliveryAttemptSucceeded: new(stamp(d.Last)),
		LatestNotificationTime: r.Notices.Last, LatestCloudWatchLogsDeliveryTime: r.Stream.Last,
		LatestNotificationAttemptTime: new(stamp(r.Notices.Attempt)), LatestNotificationAttemptSucceeded: new(stamp(r.Notices.Last)),
		TimeLoggingStarted: new(stamp(r.Started)), TimeLoggingStopped: new(stamp(r.Stopped)),
	}
	if d.Error != "" {
		out.LatestDeliveryError = &d.Error
	}
	if d.DigestError != "" {
		out.LatestDigestDeliveryError = &d.DigestError
	}
	if r.Notices.Error != "" {
		out.LatestNotificationError = &r.Notices.Error
	}
	if r.Stream.Error != "" {
		out.LatestCloudWatchLogsDeliveryError = &r.Stream.Error
	}
	return out, nil
}

// stamp is a time as AWS writes it in texts; none is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}
