package securityhub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// What is stored, and under which id. {home} is account/region.
//
//	hub/{home}
//	finding/{home}/{hash of product and id}
//	history/{home}/{hash}/{time, the newest first}
//	insight/{home}/{uuid}
//	action/{home}/{id}
//	product/{home}/{company/name}  enabled integrations
//	rule/{home}/{uuid}             automation rules
//	standard/{home}/{slug}         enabled standards
//	control/{home}/{id}            what the account says of a control
//	checked/{home}/{id}            what a control has findings of
//	member/{home}/{account}        members of an administrator
//	invitation/{home}/{account}    invitations, by who invites
//	administrator/{home}           the administrator of a member
//	organization/{home}            how a delegated administrator adds accounts
//	delegated/{management}/{region} the organization's delegated administrator
//	outbox/{uuid}                  events on their way to EventBridge
type records struct {
	hubs     store.Collection[hub]
	findings store.Collection[finding]
	history  store.Collection[change]
	insights store.Collection[insight]
	actions  store.Collection[action]
	products store.Collection[subscription]
	rules    store.Collection[rule]
	enabled  store.Collection[subscribedStandard]
	settings store.Collection[setting]
	checked  store.Collection[checked]
	outbox   store.Collection[parcel]

	members        store.Collection[member]
	invitations    store.Collection[invitation]
	administrators store.Collection[administrator]
	organizations  store.Collection[organization]
	delegated      store.Collection[delegated]
}

func newRecords() records {
	return records{
		hubs: store.Collection[hub]{Name: "hub"}, findings: store.Collection[finding]{Name: "finding"}, history: store.Collection[change]{Name: "history"},
		insights: store.Collection[insight]{Name: "insight"}, actions: store.Collection[action]{Name: "action"}, outbox: store.Collection[parcel]{Name: "outbox"},
		products: store.Collection[subscription]{Name: "product"}, rules: store.Collection[rule]{Name: "rule"},
		enabled: store.Collection[subscribedStandard]{Name: "standard"}, settings: store.Collection[setting]{Name: "control"}, checked: store.Collection[checked]{Name: "checked"},
		members: store.Collection[member]{Name: "member"}, invitations: store.Collection[invitation]{Name: "invitation"}, administrators: store.Collection[administrator]{Name: "administrator"},
		organizations: store.Collection[organization]{Name: "organization"}, delegated: store.Collection[delegated]{Name: "delegated"},
	}
}

// hub is Security Hub in an account and Region.
type hub struct {
	Account, Region string
	Since           time.Time
	NoNewControls   bool              `json:",omitzero"` // AutoEnableControls is off
	Generator       string            // of control findings
	Tags            map[string]string `json:",omitzero"`
}

// finding is a finding as it is shown.
type finding struct {
	Body    json.RawMessage // ASFF
	Touched time.Time       // when it was last imported or updated
	Held    []string        `json:",omitzero"` // shared fields that a customer has changed
}

// change is an entry of a finding's history.
type change struct {
	Time    time.Time
	Created bool   `json:",omitzero"`
	Type    string // FindingHistoryUpdateSourceType
	By      string
	Updates []update `json:",omitzero"`
}

type update struct {
	Field    string
	Old, New string `json:",omitzero"`
}

type insight struct {
	ID, Name string
	Filters  json.RawMessage
	GroupBy  string
}

type action struct{ ID, Name, Description string }

// parcel is what one transaction tells EventBridge.
type parcel struct{ Events []Event }

type place struct{ account, region string }

func placeOf(ctx context.Context) place {
	c := caller.From(ctx)
	return place{c.Identity.Account, c.Region}
}

func (p place) home() string { return p.account + "/" + p.region }

func (p place) arn(resource string) string {
	return arn.New("securityhub", p.region, p.account, resource)
}

// findingKey is where a finding of the place is stored.
func (p place) findingKey(product, id string) string {
	return p.home() + "/" + hash(product, id)
}

func hash(product, id string) string {
	h := sha256.Sum256([]byte(product + "\x00" + id))
	return hex.EncodeToString(h[:16])
}

// newID is a version 4 UUID.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Exceptions of Security Hub repeat their code in the answer.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/CommonErrors.html
func fault(code, format string, args ...any) *wire.Error {
	e := wire.Errorf(code, format, args...)
	e.Fields = []wire.Field{{Name: "Code", Value: code}}
	return e
}

func invalid(format string, args ...any) *wire.Error {
	return fault("InvalidInputException", format, args...)
}

func notFound(format string, args ...any) *wire.Error {
	return fault("ResourceNotFoundException", format, args...)
}

func denied(format string, args ...any) *wire.Error {
	return fault("AccessDeniedException", format, args...)
}

func conflict(format string, args ...any) *wire.Error {
	return fault("ResourceConflictException", format, args...)
}

func limit(format string, args ...any) *wire.Error {
	return fault("LimitExceededException", format, args...)
}

// hub reads the hub of the caller's account, which most operations need.
func (s *Service) hub(ctx context.Context, r store.Reader) (*hub, error) {
	p := placeOf(ctx)
	h, err := s.hubs.Get(ctx, r, p.home())
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault("InvalidAccessException", "Account %s is not subscribed to AWS Security Hub", p.account)
	}
	return h, err
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func on(p *bool) bool { return p != nil && *p }
