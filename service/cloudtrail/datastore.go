package cloudtrail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/service/cloudtrail/lake"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

// newUUID returns a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it does not fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// dataStore is an event data store of CloudTrail Lake.
type dataStore struct {
	ID, Account, Region, Name string
	Status                    cloudtrailapi.EventDataStoreStatus
	Selectors                 []cloudtrailapi.AdvancedEventSelector
	Multi, Protected          bool
	Days                      int32 // for which events are kept
	Billing                   cloudtrailapi.BillingMode
	Created, Updated          time.Time
	Deleted                   time.Time `json:",omitzero"` // when its deletion was asked for
	Tags                      []tag     `json:",omitzero"`
	Policy                    string    `json:",omitzero"` // its resource policy, as iam binds it

	Spans []span `json:",omitzero"` // when it ingested, the latest last
	Alive bool   // a job ingests
	At    trail.Place
	Next  uint64 // number of the next block of events
}

func (d *dataStore) id() string  { return trailID(d.Account, d.Region, d.ID) }
func (d *dataStore) arn() string { return storeARN(d.Account, d.Region, d.ID) }

func storeARN(account, region, id string) string {
	return arn.New("cloudtrail", region, account, "eventdatastore/"+id)
}

// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
const maxStores = 10 // of an account in a Region, those that wait for their deletion included

// Days for which events are kept.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateEventDataStore.html
const (
	defaultExtendable, maxExtendable = 366, 3653
	defaultFixed, maxFixed           = 2557, 2557
)

// checkDays refuses a time that the way of paying does not allow.
func (d *dataStore) checkDays() error {
	limit := int32(maxExtendable)
	if d.Billing == cloudtrailapi.BillingMode_FIXED_RETENTION_PRICING {
		limit = maxFixed
	}
	if d.Days > limit {
		return wire.Errorf("InvalidParameterException", "The retention period must be at most %d days for the billing mode %s.", limit, d.Billing)
	}
	return nil
}

// locateStore reads the id or the ARN of an event data store.
func locateStore(at place, name string) (place, string, error) {
	if !strings.HasPrefix(name, "arn:") {
		if len(name) == 36 && lake.ID.MatchString(name) {
			return at, name, nil
		}
		return at, "", badStoreARN(name)
	}
	a, err := arn.Parse(name)
	id, ok := strings.CutPrefix(a.Resource, "eventdatastore/")
	if err != nil || !ok || a.Service != "cloudtrail" || a.Partition != arn.Partition || len(id) != 36 || !lake.ID.MatchString(id) {
		return at, "", badStoreARN(name)
	}
	return place{a.Account, a.Region}, id, nil
}

func badStoreARN(name string) error {
	return wire.Errorf("EventDataStoreARNInvalidException", "The ARN or id %s is not valid for an event data store.", name)
}

// dataStore is the event data store that a name means to a caller: his account's,
// in his Region. What others may use of it the gateway has decided, by its ARN.
func (s *Service) dataStore(ctx context.Context, r store.Reader, name string) (*dataStore, error) {
	at := placeOf(ctx)
	where, id, err := locateStore(at, name)
	if err != nil {
		return nil, err
	}
	if where.region == at.region {
		d, err := s.stores.Get(ctx, r, trailID(where.account, where.region, id))
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return d, err
		}
	}
	return nil, wire.Errorf("EventDataStoreNotFoundException", "The event data store %s was not found.", name)
}

// liveStore is dataStore for what is not done with one that waits for its deletion.
func (s *Service) liveStore(ctx context.Context, r store.Reader, name string) (*dataStore, error) {
	d, err := s.dataStore(ctx, r, name)
	if err == nil && d.Status == cloudtrailapi.EventDataStoreStatus_PENDING_DELETION {
		return nil, wire.Errorf("InactiveEventDataStoreException", "The event data store %s is pending deletion.", d.arn())
	}
	return d, err
}

// changeStore updates an event data store.
func (s *Service) changeStore(ctx context.Context, name string, f func(tx store.Tx, d *dataStore) error) (*dataStore, error) {
	var out *dataStore
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.dataStore(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := f(tx, d); err != nil {
			return err
		}
		out = d
		return s.stores.Put(ctx, tx, d.id(), d)
	})
	return out, err
}

// checkStoreSelectors checks advanced selectors, those of all events when there
// are none.
func checkStoreSelectors(list []cloudtrailapi.AdvancedEventSelector) ([]cloudtrailapi.AdvancedEventSelector, error) {
	if len(list) == 0 {
		return []cloudtrailapi.AdvancedEventSelector{{
			Name: new("Default management events"), FieldSelectors: []cloudtrailapi.AdvancedFieldSelector{{Field: "eventCategory", Equals: []string{"Management"}}},
		}}, nil
	}
	return list, checkAdvanced(list, true)
}

// unbuilt refuses what an event data store cannot have here.
func unbuilt(organization *bool, key *string) error {
	switch {
	case organization != nil && *organization:
		return wire.Errorf("UnsupportedOperationException", "Event data stores of organizations are not built in Bartizan.")
	case text(key) != "":
		return wire.Errorf("UnsupportedOperationException", "Event data stores are encrypted with the server's root key; KMS keys of their own are not built in Bartizan.")
	}
	return nil
}

// checkStoreName refuses the name of another event data store.
func (s *Service) checkStoreName(ctx context.Context, tx store.Tx, d *dataStore) error {
	all, err := s.stores.List(ctx, tx, d.Account+"/"+d.Region+"/", "", 0)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range all {
		if e.Value.ID == d.ID {
			continue
		}
		if n++; e.Value.Name == d.Name {
			return wire.Errorf("EventDataStoreAlreadyExistsException", "An event data store with the name %s already exists.", d.Name)
		}
	}
	if n >= maxStores {
		return wire.Errorf("EventDataStoreMaxLimitExceededException", "Your account has used the maximum number of event data stores: %d.", maxStores)
	}
	return nil
}

// CreateEventDataStore makes an event data store, which ingests from now on.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateEventDataStore.html
func (s *Service) CreateEventDataStore(ctx context.Context, in *cloudtrailapi.CreateEventDataStoreRequest) (*cloudtrailapi.CreateEventDataStoreResponse, error) {
	if err := unbuilt(in.OrganizationEnabled, in.KmsKeyId); err != nil {
		return nil, err
	}
	at, now := placeOf(ctx), caller.From(ctx).Time
	d := &dataStore{
		ID: newUUID(), Account: at.account, Region: at.region, Name: in.Name, Status: cloudtrailapi.EventDataStoreStatus_STOPPED_INGESTION,
		Multi: in.MultiRegionEnabled == nil || *in.MultiRegionEnabled, Protected: in.TerminationProtectionEnabled == nil || *in.TerminationProtectionEnabled,
		Days: defaultExtendable, Billing: cloudtrailapi.BillingMode_EXTENDABLE_RETENTION_PRICING, Created: now, Updated: now,
	}
	if in.BillingMode == cloudtrailapi.BillingMode_FIXED_RETENTION_PRICING {
		d.Billing, d.Days = in.BillingMode, defaultFixed
	}
	if in.RetentionPeriod != nil {
		d.Days = *in.RetentionPeriod
	}
	var err error
	if err = d.checkDays(); err != nil {
		return nil, err
	}
	if d.Selectors, err = checkStoreSelectors(in.AdvancedEventSelectors); err != nil {
		return nil, err
	}
	if d.Tags, err = setTags(nil, in.TagsList); err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.checkStoreName(ctx, tx, d); err != nil {
			return err
		}
		if in.StartIngestion == nil || *in.StartIngestion {
			if err := s.ingestFrom(ctx, tx, d, now, end); err != nil {
				return err
			}
		}
		return s.stores.Insert(ctx, tx, d.id(), d)
	})
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.CreateEventDataStoreResponse{
		EventDataStoreArn: new(d.arn()), Name: &d.Name, Status: cloudtrailapi.EventDataStoreStatus_CREATED, AdvancedEventSelectors: d.Selectors,
		MultiRegionEnabled: &d.Multi, OrganizationEnabled: new(false), RetentionPeriod: &d.Days, TerminationProtectionEnabled: &d.Protected,
		TagsList: []cloudtrailapi.Tag{}, CreatedTimestamp: d.Created, UpdatedTimestamp: d.Updated, BillingMode: d.Billing,
	}
	for _, t := range d.Tags {
		out.TagsList = append(out.TagsList, cloudtrailapi.Tag{Key: t.Key, Value: &t.Value})
	}
	return out, nil
}

// GetEventDataStore describes an event data store.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventDataStore.html
func (s *Service) GetEventDataStore(ctx context.Context, in *cloudtrailapi.GetEventDataStoreRequest) (*cloudtrailapi.GetEventDataStoreResponse, error) {
	d, err := s.dataStore(ctx, s.Store, in.EventDataStore)
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.GetEventDataStoreResponse{
		EventDataStoreArn: new(d.arn()), Name: &d.Name, Status: d.Status, AdvancedEventSelectors: d.Selectors,
		MultiRegionEnabled: &d.Multi, OrganizationEnabled: new(false), RetentionPeriod: &d.Days, TerminationProtectionEnabled: &d.Protected,
		CreatedTimestamp: d.Created, UpdatedTimestamp: d.Updated, BillingMode: d.Billing, FederationStatus: cloudtrailapi.FederationStatus_DISABLED,
	}, nil
}

// ListEventDataStores lists the account's event data stores in the Region.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListEventDataStores.html
func (s *Service) ListEventDataStores(ctx context.Context, in *cloudtrailapi.ListEventDataStoresRequest) (*cloudtrailapi.ListEventDataStoresResponse, error) {
	at := placeOf(ctx)
	size := 10
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	after, err := pageAfter(in.NextToken, at.account+"/"+at.region+"/")
	if err != nil {
		return nil, err
	}
	entries, err := s.stores.List(ctx, s.Store, at.account+"/"+at.region+"/", after, size+1)
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.ListEventDataStoresResponse{EventDataStores: []cloudtrailapi.EventDataStore{}}
	for i, e := range entries {
		if i == size {
			out.NextToken = new(pageToken + entries[i-1].Value.ID)
			break
		}
		// AWS tells no more than that here, whatever else the shape has.
		out.EventDataStores = append(out.EventDataStores, cloudtrailapi.EventDataStore{EventDataStoreArn: new(e.Value.arn()), Name: &e.Value.Name})
	}
	return out, nil
}

// pageToken is what the tokens of lists by id begin with.
const pageToken = "after-"

// pageAfter is the id in a list that a token continues after.
func pageAfter(token *string, prefix string) (string, error) {
	if text(token) == "" {
		return "", nil
	}
	id, ok := strings.CutPrefix(*token, pageToken)
	if !ok || len(id) != 36 || !lake.ID.MatchString(id) {
		return "", wire.Errorf("InvalidNextTokenException", "The specified next token is invalid.")
	}
	return prefix + id, nil
}

// UpdateEventDataStore changes an event data store.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateEventDataStore.html
func (s *Service) UpdateEventDataStore(ctx context.Context, in *cloudtrailapi.UpdateEventDataStoreRequest) (*cloudtrailapi.UpdateEventDataStoreResponse, error) {
	if err := unbuilt(in.OrganizationEnabled, in.KmsKeyId); err != nil {
		return nil, err
	}
	d, err := s.changeStore(ctx, in.EventDataStore, func(tx store.Tx, d *dataStore) (err error) {
		if _, err := s.liveStore(ctx, tx, in.EventDataStore); err != nil {
			return err
		}
		if in.BillingMode == cloudtrailapi.BillingMode_FIXED_RETENTION_PRICING && d.Billing != in.BillingMode {
			return wire.Errorf("InvalidParameterException", "The billing mode cannot be changed from EXTENDABLE_RETENTION_PRICING to FIXED_RETENTION_PRICING.")
		} else if in.BillingMode != "" {
			d.Billing = in.BillingMode
		}
		if in.RetentionPeriod != nil {
			d.Days = *in.RetentionPeriod
		}
		if in.MultiRegionEnabled != nil {
			d.Multi = *in.MultiRegionEnabled
		}
		if in.TerminationProtectionEnabled != nil {
			d.Protected = *in.TerminationProtectionEnabled
		}
		if len(in.AdvancedEventSelectors) > 0 {
			if d.Selectors, err = checkStoreSelectors(in.AdvancedEventSelectors); err != nil {
				return err
			}
		}
		if in.Name != nil && *in.Name != d.Name {
			d.Name = *in.Name
			if err := s.checkStoreName(ctx, tx, d); err != nil {
				return err
			}
		}
		d.Updated = caller.From(ctx).Time
		return d.checkDays()
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.UpdateEventDataStoreResponse{
		EventDataStoreArn: new(d.arn()), Name: &d.Name, Status: d.Status, AdvancedEventSelectors: d.Selectors,
		MultiRegionEnabled: &d.Multi, OrganizationEnabled: new(false), RetentionPeriod: &d.Days, TerminationProtectionEnabled: &d.Protected,
		CreatedTimestamp: d.Created, UpdatedTimestamp: d.Updated, BillingMode: d.Billing, FederationStatus: cloudtrailapi.FederationStatus_DISABLED,
	}, nil
}

// touchStore is the touch of an operation on an event data store.
func (s *Service) touchStore(ctx context.Context, action, name string) (policy.Touch, error) {
	t := policy.Touch{Action: "cloudtrail:" + action, Resource: name}
	where, id, err := locateStore(placeOf(ctx), name)
	if err != nil {
		return t, nil // the handler says so
	}
	t.Resource, t.Account = storeARN(where.account, where.region, id), where.account
	d, err := s.stores.Get(ctx, s.Store, trailID(where.account, where.region, id))
	if errors.Is(err, store.ErrNotFound) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	for _, g := range d.Tags {
		t.ResourceTags = append(t.ResourceTags, policy.Tag(g))
	}
	if slices.Contains(shareable, action) {
		t.Policy, err = d.compiled()
	}
	return t, err
}

// logged reports whether the event data store ingested at a time.
func (d *dataStore) logged(at time.Time) bool {
	return slices.ContainsFunc(d.Spans, func(s span) bool { return s.holds(at) })
}
