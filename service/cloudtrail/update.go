package cloudtrail

import (
	"context"
	"errors"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// UpdateTrail changes a trail, which goes on logging.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
func (s *Service) UpdateTrail(ctx context.Context, in *cloudtrailapi.UpdateTrailRequest) (*cloudtrailapi.UpdateTrailResponse, error) {
	if err := unsupported(in.KmsKeyId, in.RecursiveLogging); err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	to, org, err := s.aimed(ctx, in)
	if err != nil {
		return nil, err
	}
	r, err := s.change(ctx, in.Name, func(tx store.Tx, r *record) error {
		r.target, r.Org = to, org
		if in.S3BucketName != nil {
			r.Bucket = *in.S3BucketName
		}
		if in.S3KeyPrefix != nil {
			r.Prefix = *in.S3KeyPrefix
		}
		if in.IncludeGlobalServiceEvents != nil {
			r.Global = *in.IncludeGlobalServiceEvents
		}
		if in.IsMultiRegionTrail != nil {
			r.Multi = *in.IsMultiRegionTrail
		}
		if in.EnableLogFileValidation != nil {
			r.Validate = *in.EnableLogFileValidation
		}
		if r.Validate && r.Org != "" {
			return undigested()
		}
		if err := errors.Join(checkScope(r), s.checkTarget(r.Bucket, r.Prefix)); err != nil {
			return err
		}
		if err := s.checkRoom(ctx, tx, r); err != nil {
			return err
		}
		return errors.Join(s.startStream(ctx, tx, r, end), s.startDigests(ctx, tx, r))
	})
	if err != nil {
		return nil, err
	}
	t := show(r)
	return &cloudtrailapi.UpdateTrailResponse{
		Name: t.Name, S3BucketName: t.S3BucketName, S3KeyPrefix: t.S3KeyPrefix, IncludeGlobalServiceEvents: t.IncludeGlobalServiceEvents,
		IsMultiRegionTrail: t.IsMultiRegionTrail, TrailARN: t.TrailARN, LogFileValidationEnabled: t.LogFileValidationEnabled,
		IsOrganizationTrail: t.IsOrganizationTrail, SnsTopicName: t.SnsTopicName, SnsTopicARN: t.SnsTopicARN,
		CloudWatchLogsLogGroupArn: t.CloudWatchLogsLogGroupArn, CloudWatchLogsRoleArn: t.CloudWatchLogsRoleArn,
	}, nil
}

// aimed are the targets and the organization that a trail is to have. What is new
// of them is tried here, before the trail changes.
func (s *Service) aimed(ctx context.Context, in *cloudtrailapi.UpdateTrailRequest) (to target, org string, err error) {
	at := placeOf(ctx)
	r, err := s.home(ctx, s.Store, at, in.Name)
	if err != nil {
		return to, "", err
	}
	if to, err = r.aim(at, in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn, in.SnsTopicName); err != nil {
		return to, "", err
	}
	org = r.Org
	switch {
	case in.IsOrganizationTrail == nil:
	case !*in.IsOrganizationTrail:
		org = ""
	case org == "":
		next := *r
		if in.IsMultiRegionTrail != nil {
			next.Multi = *in.IsMultiRegionTrail
		}
		if in.EnableLogFileValidation != nil {
			next.Validate = *in.EnableLogFileValidation
		}
		if org, err = s.organization(ctx, &next); err != nil {
			return to, "", err
		}
	}
	return to, org, s.checkTargets(ctx, r, to)
}

// DeleteTrail deletes a trail. What it logged until then is still delivered, so
// that nobody hides what he did by deleting the trail.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteTrail.html
func (s *Service) DeleteTrail(ctx context.Context, in *cloudtrailapi.DeleteTrailRequest) (*cloudtrailapi.DeleteTrailResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		r, err := s.home(ctx, tx, placeOf(ctx), in.Name)
		if err != nil {
			return err
		}
		if err := s.trails.Delete(ctx, tx, r.id()); err != nil {
			return err
		}
		r.stop(caller.From(ctx).Time)
		r.Validate = false
		if !r.Delivery.Alive && !r.Delivery.Digesting {
			return nil
		}
		return s.gone.Put(ctx, tx, r.UID, r)
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.DeleteTrailResponse{}, nil
}
