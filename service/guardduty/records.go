package guardduty

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/caller"
	"bartizan.dev/detect"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

// What is stored, and under which id. The store seals all of it.
//
//	detector/{account}/{region}           a detector; indexes id, status
//	finding/{detector}/{finding}          a finding
//	filter/{detector}/{name}              a filter
//	list/{detector}/{kind}/{id}           a list of addresses or domains
//	member/{detector}/{account}           what an administrator has to do with an
//	                                      account; index account
//	organization/{org}/{region}           what its administrator has set; index admin
//	destination/{detector}/{id}           where findings are exported to
//	plan/{account}/{region}/{id}          a malware protection plan
//	progress/trail                        how far the trail is analysed
//	head/{account}/{region}               which state of an engine counts
//	chunk/{account}/{region}/{generation} its pieces
//	chunk/list/{list}/{generation}        those of what a list holds
type records struct {
	detectors store.Collection[detector]
	findings  store.Collection[finding]
	filters   store.Collection[filter]
	lists     store.Collection[list]
	members   store.Collection[member]

	destinations  store.Collection[destination]
	plans         store.Collection[plan]
	organizations store.Collection[organization]
	progress      store.Collection[progress]
	heads         store.Collection[head]
	chunks        store.Collection[chunk]
}

// place is an account's part of a Region.
type place struct{ Account, Region string }

func (p place) id() string { return p.Account + "/" + p.Region }

// detector is a detector: there is at most one in a place.
type detector struct {
	ID        string
	Place     place
	Enabled   bool
	Since     time.Time `json:",omitzero"` // when it was enabled: earlier events do not concern it
	Frequency guarddutyapi.FindingPublishingFrequency
	Features  map[string]setting // by name, additional ones as FEATURE/NAME
	Created   time.Time
	Updated   time.Time
	Token     string            `json:",omitzero"`
	Tags      map[string]string `json:",omitzero"`
	Scans     scanSettings      `json:",omitzero"`
}

// setting is whether a feature is on, and since when.
type setting struct {
	On      bool
	Updated time.Time
}

// finding is a finding with what is kept about it.
type finding struct {
	detect.Finding
	Feedback string `json:",omitzero"`
	Comments string `json:",omitzero"`
	Sample   bool   `json:",omitzero"`
	// Suppressed by a filter: it is archived and nobody is told.
	Suppressed bool      `json:",omitzero"`
	Changed    time.Time // updatedAt
	Published  time.Time `json:",omitzero"` // when its latest event was sent
	Due        time.Time `json:",omitzero"` // when its next event will be; zero when none is due
}

func findingID(detector, id string) string { return detector + "/" + id }

// filter is a saved filter of findings.
type filter struct {
	Detector    string
	Name        string
	Description string `json:",omitzero"`
	Action      guarddutyapi.FilterAction
	Rank        int32
	Criteria    guarddutyapi.FindingCriteria
	Token       string            `json:",omitzero"`
	Tags        map[string]string `json:",omitzero"`
	Created     time.Time
	Updated     time.Time
	Version     int64
}

func filterID(detector, name string) string { return detector + "/" + name }

// progress is how far the trail is analysed.
type progress struct {
	Running bool        // a job analyses
	At      trail.Place // what is before it has become findings
	Run     int64       // counts what has moved At
	// The engines are saved less often: a node that takes over reads from Saved to
	// At again, without raising anything.
	Saved      trail.Place
	SavedAt    time.Time
	Generation int64 // of saved states
}

// head says which generation of an engine's state counts, and its size.
type head struct {
	Detector   string // whose it is
	Generation int64
	Chunks     int
}

// chunk is a piece of a state.
type chunk struct{ Data []byte }

func newRecords() records {
	return records{
		detectors: store.Collection[detector]{Name: "detector", Indexes: []store.Index[detector]{
			{Name: "id", Keys: func(d *detector) []string { return []string{d.ID} }},
			{Name: "status", Keys: func(d *detector) []string {
				if d.Enabled {
					return []string{"ENABLED"}
				}
				return nil
			}},
		}},
		findings: store.Collection[finding]{Name: "finding"},
		filters:  store.Collection[filter]{Name: "filter"},
		lists:    store.Collection[list]{Name: "list"},
		members:  store.Collection[member]{Name: "member", Indexes: []store.Index[member]{{Name: "account", Keys: (*member).by}}},
		organizations: store.Collection[organization]{Name: "organization", Indexes: []store.Index[organization]{
			{Name: "admin", Keys: func(o *organization) []string { return []string{o.Admin.id()} }},
		}},
		destinations: store.Collection[destination]{Name: "destination"},
		plans:        store.Collection[plan]{Name: "plan"},
		progress:     store.Collection[progress]{Name: "progress"},
		heads:        store.Collection[head]{Name: "head"},
		chunks:       store.Collection[chunk]{Name: "chunk"},
	}
}

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

// newID is an id as GuardDuty makes them: 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // does not fail: crypto/rand
	return hex.EncodeToString(b[:])
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// orNil is a pointer to what is not empty.
func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// stamp is a time as GuardDuty writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
