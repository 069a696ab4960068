package rolesanywhere

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id. Every id begins with account and Region,
// so that nothing leaks between them.
//
//	anchor/{account}/{region}/{uuid}    index alias
//	profile/{account}/{region}/{uuid}   index alias
//	crl/{account}/{region}/{uuid}       indexes alias, anchor
//	subject/{account}/{region}/{uuid}   index name
type records struct {
	anchors  kind[anchor]
	profiles kind[profile]
	crls     kind[crl]
	subjects kind[subject]
}

// kind is a kind of resource: its records and its name in ARNs.
type kind[T any] struct {
	store.Collection[T]
	name string
	head func(*T) *head
}

// place is where a resource lives.
type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) prefix() string        { return p.account + "/" + p.region + "/" }
func (p place) id(text string) string { return p.prefix() + text }
func (p place) arn(r, id string) string {
	return arn.New("rolesanywhere", p.region, p.account, r+"/"+id)
}

// head is what all resources have.
type head struct {
	ID               string
	Account, Region  string
	Name             string `json:",omitzero"`
	Alias            string `json:",omitzero"`
	Enabled          bool
	Created, Updated time.Time
	Tags             []tag `json:",omitzero"`
}

func (h *head) place() place { return place{h.Account, h.Region} }

type tag struct{ Key, Value string }

// anchor is a trust anchor: certificates of authorities, as they were given.
type anchor struct {
	head
	Bundle        string                  // PEM
	Notifications map[string]notification `json:",omitzero"` // customized ones, by event
}

type notification struct {
	Enabled   bool
	Threshold int32 // days; 0: none
}

type profile struct {
	head
	CreatedBy       string
	Roles           []string
	Managed         []string `json:",omitzero"` // ARNs of session policies
	Policy          string   `json:",omitzero"` // inline session policy
	Duration        int32    // seconds
	RequireInstance bool     // kept and shown; AWS does not use it either
	AcceptName      bool     // callers may choose the role session's name
	Mappings        map[string][]string
}

type crl struct {
	head
	Data   []byte // PEM
	Anchor string // id
}

// subject is whoever holds certificates of one X.509 subject.
type subject struct {
	head
	Subject     string
	LastSeen    time.Time
	Credentials []seen     `json:",omitzero"` // newest first
	Properties  []instance `json:",omitzero"` // newest first
}

// seen is a certificate of a subject.
type seen struct {
	At             time.Time
	Serial, Issuer string
	Certificate    string // PEM
	Failed         bool
}

type instance struct {
	At         time.Time
	Properties map[string]string
	Failed     bool
}

func newRecords() records {
	byAlias := func(h *head) []string {
		if h.Alias == "" {
			return nil
		}
		return []string{h.place().id(h.Alias)}
	}
	return records{
		anchors: kind[anchor]{name: "trust-anchor", head: func(a *anchor) *head { return &a.head },
			Collection: store.Collection[anchor]{Name: "anchor", Indexes: []store.Index[anchor]{
				{Name: "alias", Keys: func(a *anchor) []string { return byAlias(&a.head) }},
			}}},
		profiles: kind[profile]{name: "profile", head: func(p *profile) *head { return &p.head },
			Collection: store.Collection[profile]{Name: "profile", Indexes: []store.Index[profile]{
				{Name: "alias", Keys: func(p *profile) []string { return byAlias(&p.head) }},
			}}},
		crls: kind[crl]{name: "crl", head: func(c *crl) *head { return &c.head },
			Collection: store.Collection[crl]{Name: "crl", Indexes: []store.Index[crl]{
				{Name: "alias", Keys: func(c *crl) []string { return byAlias(&c.head) }},
				{Name: "anchor", Keys: func(c *crl) []string { return []string{c.place().id(c.Anchor)} }},
			}}},
		subjects: kind[subject]{name: "subject", head: func(s *subject) *head { return &s.head },
			Collection: store.Collection[subject]{Name: "subject", Indexes: []store.Index[subject]{
				{Name: "name", Keys: func(s *subject) []string { return []string{s.place().id(subjectKey(s.Subject))} }},
			}}},
	}
}

// newID makes a UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
