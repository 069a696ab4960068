package cloudtrail

import (
	"context"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// waiting is how long an event data store can be restored.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteEventDataStore.html
const waiting = 7 * 24 * time.Hour

// DeleteEventDataStore has an event data store deleted in seven days. It ingests
// and answers nothing until then.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DeleteEventDataStore.html
func (s *Service) DeleteEventDataStore(ctx context.Context, in *cloudtrailapi.DeleteEventDataStoreRequest) (*cloudtrailapi.DeleteEventDataStoreResponse, error) {
	now := caller.From(ctx).Time
	_, err := s.changeStore(ctx, in.EventDataStore, func(tx store.Tx, d *dataStore) error {
		if _, err := s.liveStore(ctx, tx, in.EventDataStore); err != nil {
			return err
		}
		if d.Protected {
			return wire.Errorf("EventDataStoreTerminationProtectedException", "The event data store %s cannot be deleted because termination protection is enabled for it.", d.arn())
		}
		d.stopIngestion(now)
		d.Status, d.Deleted = cloudtrailapi.EventDataStoreStatus_PENDING_DELETION, now
		return s.queue.Add(ctx, tx, work.Job{Kind: jobDrop, ID: d.ID, Due: now.Add(waiting)})
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.DeleteEventDataStoreResponse{}, nil
}

// RestoreEventDataStore takes the deletion of an event data store back. It ingests
// again; what happened in between is not in it.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RestoreEventDataStore.html
func (s *Service) RestoreEventDataStore(ctx context.Context, in *cloudtrailapi.RestoreEventDataStoreRequest) (*cloudtrailapi.RestoreEventDataStoreResponse, error) {
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now := caller.From(ctx).Time
	d, err := s.changeStore(ctx, in.EventDataStore, func(tx store.Tx, d *dataStore) error {
		if d.Status != cloudtrailapi.EventDataStoreStatus_PENDING_DELETION {
			return badStatus(d, "PENDING_DELETION")
		}
		d.Deleted, d.Updated = time.Time{}, now
		if err := s.queue.Cancel(ctx, tx, jobDrop, d.ID); err != nil {
			return err
		}
		return s.ingestFrom(ctx, tx, d, now, end)
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.RestoreEventDataStoreResponse{
		EventDataStoreArn: new(d.arn()), Name: &d.Name, Status: d.Status, AdvancedEventSelectors: d.Selectors,
		MultiRegionEnabled: &d.Multi, OrganizationEnabled: new(false), RetentionPeriod: &d.Days, TerminationProtectionEnabled: &d.Protected,
		CreatedTimestamp: d.Created, UpdatedTimestamp: d.Updated, BillingMode: d.Billing,
	}, nil
}

func badStatus(d *dataStore, want string) error {
	return wire.Errorf("InvalidEventDataStoreStatusException", "The event data store %s has the status %s; this operation needs %s.", d.arn(), d.Status, want)
}

// StartEventDataStoreIngestion has an event data store ingest again.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartEventDataStoreIngestion.html
func (s *Service) StartEventDataStoreIngestion(ctx context.Context, in *cloudtrailapi.StartEventDataStoreIngestionRequest) (*cloudtrailapi.StartEventDataStoreIngestionResponse, error) {
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now := caller.From(ctx).Time
	_, err = s.changeStore(ctx, in.EventDataStore, func(tx store.Tx, d *dataStore) error {
		if d.Status != cloudtrailapi.EventDataStoreStatus_STOPPED_INGESTION {
			return badStatus(d, "STOPPED_INGESTION")
		}
		return s.ingestFrom(ctx, tx, d, now, end)
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.StartEventDataStoreIngestionResponse{}, nil
}

// StopEventDataStoreIngestion has an event data store ingest no more than what
// happened until now. It can still be asked.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopEventDataStoreIngestion.html
func (s *Service) StopEventDataStoreIngestion(ctx context.Context, in *cloudtrailapi.StopEventDataStoreIngestionRequest) (*cloudtrailapi.StopEventDataStoreIngestionResponse, error) {
	_, err := s.changeStore(ctx, in.EventDataStore, func(_ store.Tx, d *dataStore) error {
		if d.Status != cloudtrailapi.EventDataStoreStatus_ENABLED {
			return badStatus(d, "ENABLED")
		}
		d.stopIngestion(caller.From(ctx).Time)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.StopEventDataStoreIngestionResponse{}, nil
}
