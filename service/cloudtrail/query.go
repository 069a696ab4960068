package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/service/cloudtrail/lake"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// query is a query of CloudTrail Lake.
type query struct {
	ID, Account, Region string
	Owner               string   // account of the event data stores
	Stores              []string // ids of those that it reads
	Statement           string
	Parameters          []string `json:",omitzero"`
	Status              cloudtrailapi.QueryStatus
	Error               string `json:",omitzero"`
	Created             time.Time
	export

	Events, Bytes int64 // read
	Millis        int32
	Rows          int
	Blocks        []int // the number of the first row in each block of rows
}

func (q *query) id() string { return trailID(q.Account, q.Region, q.ID) }

// open reports whether the query has not ended.
func (q *query) open() bool {
	return q.Status == cloudtrailapi.QueryStatus_QUEUED || q.Status == cloudtrailapi.QueryStatus_RUNNING
}

// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
const (
	maxQueries  = 10                 // that have not ended, of an account in a Region
	queryKept   = 7 * 24 * time.Hour // results can be read for seven days
	maxPageRows = 1000
)

// parse reads a statement and finds its event data stores.
func parse(statement string) (*lake.Statement, error) {
	st, err := lake.Parse(statement)
	if err != nil {
		return nil, badStatement(err)
	}
	return st, nil
}

func badStatement(err error) error {
	return wire.Errorf("InvalidQueryStatementException", "The query statement is not valid: %s.", err)
}

// ownerOf is the account whose event data stores a call is about: the caller's
// own, or another whose resource policy lets him.
func ownerOf(ctx context.Context, account *string) string {
	if id := text(account); id != "" {
		return id
	}
	return caller.From(ctx).Identity.Account
}

// named are the ARNs of event data stores by their ids.
func named(ctx context.Context, owner string, ids []string) (arns []string) {
	for _, id := range ids {
		arns = append(arns, storeARN(owner, caller.From(ctx).Region, id))
	}
	return arns
}

// touchQuery are the touches of what is done with a query: of the event data
// stores that it reads.
func (s *Service) touchQuery(ctx context.Context, action string, of *string, id string) ([]policy.Touch, error) {
	names := []string{}
	if text(of) != "" {
		names = append(names, *of)
	}
	at := placeOf(ctx)
	q, err := s.queries.Get(ctx, s.lakeStore, trailID(at.account, at.region, id))
	if err == nil {
		names = append(names, named(ctx, q.Owner, q.Stores)...)
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return s.touchStores(ctx, action, names)
}

// touchStores are the touches of an operation on some event data stores, or on
// none in particular.
func (s *Service) touchStores(ctx context.Context, action string, names []string) ([]policy.Touch, error) {
	if len(names) == 0 {
		return []policy.Touch{{Action: "cloudtrail:" + action}}, nil
	}
	var out []policy.Touch
	for _, name := range names {
		t, err := s.touchStore(ctx, action, name)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// StartQuery begins a query. It is checked at once and run soon.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartQuery.html
func (s *Service) StartQuery(ctx context.Context, in *cloudtrailapi.StartQueryRequest) (*cloudtrailapi.StartQueryResponse, error) {
	switch {
	case text(in.QueryAlias) != "":
		return nil, wire.Errorf("UnsupportedOperationException", "Queries by alias, which are those of dashboards, are not built in Bartizan.")
	case text(in.QueryStatement) == "":
		return nil, wire.Errorf("InvalidParameterException", "QueryStatement is required.")
	}
	st, err := parse(*in.QueryStatement)
	if err != nil {
		return nil, err
	}
	if len(in.QueryParameters) != st.Parameters {
		return nil, wire.Errorf("InvalidParameterException", "The statement has %d parameters and %d are given.", st.Parameters, len(in.QueryParameters))
	}
	owner := ownerOf(ctx, in.EventDataStoreOwnerAccountId)
	for _, name := range named(ctx, owner, st.Stores) {
		if _, err := s.liveStore(ctx, s.Store, name); err != nil {
			return nil, err
		}
	}
	if err := s.lake.Check(ctx, st); err != nil {
		if e, ok := errors.AsType[*lake.Error](err); ok {
			return nil, badStatement(e)
		}
		return nil, err
	}
	to, err := s.checkExport(in.DeliveryS3Uri)
	if err != nil {
		return nil, err
	}
	at, now := placeOf(ctx), caller.From(ctx).Time
	q := &query{
		ID: newUUID(), Account: at.account, Region: at.region, Owner: owner, Stores: st.Stores, Statement: *in.QueryStatement, Parameters: in.QueryParameters,
		Status: cloudtrailapi.QueryStatus_QUEUED, Created: now, export: to,
	}
	_, err = s.lakeStore.Update(ctx, func(tx store.Tx) error {
		all, err := s.queries.List(ctx, tx, at.account+"/"+at.region+"/", "", 0)
		if err != nil {
			return err
		}
		n := 0
		for _, e := range all {
			if e.Value.open() {
				n++
			}
		}
		if n >= maxQueries {
			return wire.Errorf("MaxConcurrentQueriesException", "You are already running the maximum number of concurrent queries: %d.", maxQueries)
		}
		if err := s.queries.Insert(ctx, tx, q.id(), q); err != nil {
			return err
		}
		return errors.Join(s.lakeQueue.Add(ctx, tx, work.Job{Kind: jobQuery, ID: q.id(), Due: now}),
			s.lakeQueue.Add(ctx, tx, work.Job{Kind: jobForget, ID: q.id(), Due: now.Add(queryKept)}))
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.StartQueryResponse{QueryId: &q.ID, EventDataStoreOwnerAccountId: &q.Owner}, nil
}

// query is the caller's query with an id, of an event data store if one is named.
func (s *Service) query(ctx context.Context, r store.Reader, id string, of, account *string) (*query, error) {
	at := placeOf(ctx)
	q, err := s.queries.Get(ctx, r, trailID(at.account, at.region, id))
	missing := wire.Errorf("QueryIdNotFoundException", "The query ID %s does not exist or does not map to a query.", id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	} else if err != nil {
		return nil, err
	}
	if id := text(account); id != "" && id != q.Owner {
		return nil, missing
	}
	if text(of) != "" {
		_, name, err := locateStore(at, *of)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(q.Stores, name) {
			return nil, missing
		}
	}
	return q, nil
}

// DescribeQuery tells how far a query is.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeQuery.html
func (s *Service) DescribeQuery(ctx context.Context, in *cloudtrailapi.DescribeQueryRequest) (*cloudtrailapi.DescribeQueryResponse, error) {
	if text(in.QueryAlias) != "" || text(in.RefreshId) != "" {
		return nil, wire.Errorf("UnsupportedOperationException", "Queries by alias, which are those of dashboards, are not built in Bartizan.")
	}
	if text(in.QueryId) == "" {
		return nil, wire.Errorf("InvalidParameterException", "QueryId is required.")
	}
	q, err := s.query(ctx, s.lakeStore, *in.QueryId, in.EventDataStore, in.EventDataStoreOwnerAccountId)
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.DescribeQueryResponse{
		QueryId: &q.ID, QueryString: &q.Statement, QueryStatus: q.Status, EventDataStoreOwnerAccountId: &q.Owner,
		QueryStatistics: &cloudtrailapi.QueryStatisticsForDescribeQuery{
			EventsMatched: &q.Events, EventsScanned: &q.Events, BytesScanned: &q.Bytes, ExecutionTimeInMillis: &q.Millis, CreationTime: q.Created,
		},
	}
	if q.Error != "" {
		out.ErrorMessage = &q.Error
	}
	if q.URI != "" {
		out.DeliveryS3Uri, out.DeliveryStatus = &q.URI, q.DeliveryStatus
	}
	return out, nil
}

// GetQueryResults returns rows of a query that has ended.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html
func (s *Service) GetQueryResults(ctx context.Context, in *cloudtrailapi.GetQueryResultsRequest) (*cloudtrailapi.GetQueryResultsResponse, error) {
	q, err := s.query(ctx, s.lakeStore, in.QueryId, in.EventDataStore, in.EventDataStoreOwnerAccountId)
	if err != nil {
		return nil, err
	}
	size := maxPageRows
	if in.MaxQueryResults != nil {
		size = int(*in.MaxQueryResults)
	}
	from := 0
	if t := text(in.NextToken); t != "" {
		after, ok := strings.CutPrefix(t, "rows-"+q.ID+"-")
		if from, err = strconv.Atoi(after); !ok || err != nil || from < 1 || from > q.Rows {
			return nil, wire.Errorf("InvalidNextTokenException", "The specified next token is invalid.")
		}
	}
	rows, err := s.rows(ctx, q, from, min(size, q.Rows-from))
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.GetQueryResultsResponse{
		QueryStatus: q.Status, QueryResultRows: rows,
		QueryStatistics: &cloudtrailapi.QueryStatistics{ResultsCount: new(int32(len(rows))), TotalResultsCount: new(int32(q.Rows)), BytesScanned: &q.Bytes},
	}
	if end := from + len(rows); end < q.Rows {
		out.NextToken = new(fmt.Sprintf("rows-%s-%d", q.ID, end))
	}
	if q.Error != "" {
		out.ErrorMessage = &q.Error
	}
	return out, nil
}

// CancelQuery ends a query without results.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CancelQuery.html
func (s *Service) CancelQuery(ctx context.Context, in *cloudtrailapi.CancelQueryRequest) (*cloudtrailapi.CancelQueryResponse, error) {
	var q *query
	_, err := s.lakeStore.Update(ctx, func(tx store.Tx) (err error) {
		if q, err = s.query(ctx, tx, in.QueryId, in.EventDataStore, in.EventDataStoreOwnerAccountId); err != nil {
			return err
		}
		if !q.open() {
			return wire.Errorf("InactiveQueryException", "The query %s cannot be canceled because it is in the %s state.", q.ID, q.Status)
		}
		if q.Status = cloudtrailapi.QueryStatus_CANCELLED; q.URI != "" {
			q.DeliveryStatus = cloudtrailapi.DeliveryStatus_CANCELLED
		}
		return s.queries.Put(ctx, tx, q.id(), q)
	})
	if err != nil {
		return nil, err
	}
	if cancel, ok := s.running.Load(q.id()); ok { // here; on another node the query notices
		cancel.(context.CancelCauseFunc)(errCancelled)
	}
	return &cloudtrailapi.CancelQueryResponse{QueryId: q.ID, QueryStatus: q.Status, EventDataStoreOwnerAccountId: &q.Owner}, nil
}

// ListQueries lists the queries of an event data store of the last seven days,
// newest first.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListQueries.html
func (s *Service) ListQueries(ctx context.Context, in *cloudtrailapi.ListQueriesRequest) (*cloudtrailapi.ListQueriesResponse, error) {
	d, err := s.liveStore(ctx, s.Store, in.EventDataStore)
	if err != nil {
		return nil, err
	}
	if !in.StartTime.IsZero() && !in.EndTime.IsZero() && in.EndTime.Before(in.StartTime) {
		return nil, wire.Errorf("InvalidDateRangeException", "The start time must not be after the end time.")
	}
	size := 1000
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	at := placeOf(ctx) // whoever may ask, sees his own
	prefix := at.account + "/" + at.region + "/"
	after, err := pageAfter(in.NextToken, "")
	if err != nil {
		return nil, err
	}
	all, err := s.queries.List(ctx, s.lakeStore, prefix, "", 0)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e store.Entry[query]) bool {
		q := e.Value
		return !slices.Contains(q.Stores, d.ID) || in.QueryStatus != "" && q.Status != in.QueryStatus ||
			!in.StartTime.IsZero() && q.Created.Before(in.StartTime) || !in.EndTime.IsZero() && q.Created.After(in.EndTime)
	})
	slices.SortStableFunc(all, func(a, b store.Entry[query]) int { return b.Value.Created.Compare(a.Value.Created) })
	if after != "" {
		i := slices.IndexFunc(all, func(e store.Entry[query]) bool { return e.Value.ID == after })
		if i < 0 {
			return nil, wire.Errorf("InvalidNextTokenException", "The specified next token is invalid.")
		}
		all = all[i+1:]
	}
	out := &cloudtrailapi.ListQueriesResponse{Queries: []cloudtrailapi.Query{}}
	for i, e := range all {
		if i == size {
			out.NextToken = new(pageToken + all[i-1].Value.ID)
			break
		}
		out.Queries = append(out.Queries, cloudtrailapi.Query{QueryId: &e.Value.ID, QueryStatus: e.Value.Status, CreationTime: e.Value.Created})
	}
	return out, nil
}
