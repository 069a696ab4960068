package cloudtrail

import (
	"slices"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

// What is stored, and under which id. The store seals all of it.
//
//	trail/{account}/{region}/{name}       a trail, by its home Region; indexes uid and org
//	gone/{uid}                            a deleted one, until its last events are delivered
//	digest/{uid}/{region}                 what a Region's next digest will list and link to
//	key/{account}/{region}/{from}         a key pair that signs digests
//	store/{account}/{region}/{id}         an event data store; index id
//	block/{id}/{newest}/{number}          a block of its events
//	watch/{account}                       what insights know of an account
//	lake/query/{account}/{region}/{id}    a query
//	lake/rows/{id}/{first}                rows of its results
type records struct {
	trails, gone store.Collection[record]
	digests      store.Collection[chain]
	keys         store.Collection[keyPair]
	stores       store.Collection[dataStore]
	queries      store.Collection[query]
	watches      store.Collection[watch]
}

// record is a trail: what its owner chose, and how far its delivery is.
type record struct {
	UID, Account, Region, Name string
	Bucket                     string
	Prefix                     string `json:",omitzero"`
	Global, Multi, Validate    bool
	Selectors                  []cloudtrailapi.EventSelector         `json:",omitzero"`
	Advanced                   []cloudtrailapi.AdvancedEventSelector `json:",omitzero"`
	Insights                   []cloudtrailapi.InsightSelector       `json:",omitzero"`
	Tags                       []tag                                 `json:",omitzero"` // in the order of keys

	target
	Org string `json:",omitzero"` // id of the organization whose events an organization trail logs

	Logging          bool
	Started, Stopped time.Time `json:",omitzero"`
	Spans            []span    `json:",omitzero"` // when it logged, the latest last
	Delivery         delivery
	Stream           stream
	Notices          notices
}

// span is a time in which a trail logged. To is zero while it does.
type span struct{ From, To time.Time }

func (s *span) holds(at time.Time) bool {
	return !at.Before(s.From) && (s.To.IsZero() || !at.After(s.To))
}

// delivery is how far a trail's events are delivered.
type delivery struct {
	Alive       bool // a job delivers
	At          trail.Place
	Plan        *plan     `json:",omitzero"`
	Last        time.Time `json:",omitzero"` // when the last file was delivered
	Attempt     time.Time `json:",omitzero"`
	Error       string    `json:",omitzero"`
	Digesting   bool      // a job makes digests
	DigestFrom  time.Time `json:",omitzero"` // where the next digest begins
	LastDigest  time.Time `json:",omitzero"`
	DigestError string    `json:",omitzero"`
}

// plan is a delivery that was begun. It is written down first, so that one that
// a crash ended is done again with the same events and the same file names.
type plan struct {
	To   trail.Place
	Time time.Time
}

type tag struct{ Key, Value string }

func (r *record) id() string { return trailID(r.Account, r.Region, r.Name) }

func trailID(account, region, name string) string { return account + "/" + region + "/" + name }

func trailARN(account, region, name string) string {
	return arn.New("cloudtrail", region, account, "trail/"+name)
}

func (r *record) arn() string { return trailARN(r.Account, r.Region, r.Name) }

// logged reports whether the trail logged at a time.
func (r *record) logged(at time.Time) bool {
	return slices.ContainsFunc(r.Spans, func(s span) bool { return s.holds(at) })
}

// under is a key below the trail's prefix.
func (r *record) under(key string) string {
	if r.Prefix == "" {
		return key
	}
	return strings.TrimSuffix(r.Prefix, "/") + "/" + key
}

func newRecords() records {
	return records{
		trails: store.Collection[record]{Name: "trail", Indexes: []store.Index[record]{
			{Name: "uid", Keys: func(r *record) []string { return []string{r.UID} }},
			{Name: "org", Keys: func(r *record) []string {
				if r.Org == "" {
					return nil
				}
				return []string{r.Org}
			}},
		}},
		gone:    store.Collection[record]{Name: "gone"},
		digests: store.Collection[chain]{Name: "digest"},
		keys:    store.Collection[keyPair]{Name: "key"},
		stores: store.Collection[dataStore]{Name: "store", Indexes: []store.Index[dataStore]{
			{Name: "id", Keys: func(d *dataStore) []string { return []string{d.ID} }},
		}},
		queries: store.Collection[query]{Name: "query"},
		watches: store.Collection[watch]{Name: "watch"},
	}
}
