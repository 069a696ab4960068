package organizations

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/store"
)

// What is stored, and under which id:
//
//	account/{account}          account       indexes org, parent, email, attached, delegate
//	org/{o-id}                 organization  indexes root, attached
//	unit/{o-id}/{ou-id}        unit          indexes parent, name, attached
//	policy/{o-id}/{p-id}       document      indexes type, name
//	counts/{o-id}              counts
//	creation/{o-id}/{car-id}   creation      index email
//	delegation/{o-id}          delegation
//	handshake/{h-id}           handshake     indexes org, target, parent
//	transfer/{rt-id}           transfer      indexes source, target
//	work/…                     what happens later: see work.go
//
// Index values of things within an organization begin with its id. Names may
// hold any character, so they are indexed by their hash.
type records struct {
	accounts    store.Collection[account]
	orgs        store.Collection[organization]
	units       store.Collection[unit]
	policies    store.Collection[document]
	counts      store.Collection[counts]
	creations   store.Collection[creation]
	delegations store.Collection[delegation]
	handshakes  store.Collection[handshake]
	transfers   store.Collection[transfer]
}

// account is an AWS account as Organizations knows it. An account that never
// belonged to an organization has no record.
type account struct {
	ID       string
	Email    string
	Name     string
	Org      string `json:",omitzero"` // empty: in none
	Parent   string `json:",omitzero"` // root or OU
	State    api.AccountState
	Method   api.AccountJoinedMethod `json:",omitzero"`
	Joined   time.Time               `json:",omitzero"`
	Created  time.Time               `json:",omitzero"` // when CreateAccount made it; zero for others
	Closed   time.Time               `json:",omitzero"` // when CloseAccount was called
	Tags     []tag                   `json:",omitzero"`
	Attached attachments             `json:",omitzero"`
	// Delegate holds the services whose delegated administrator the account is,
	// and since when.
	Delegate map[string]time.Time `json:",omitzero"`
}

// suspended says that nobody may use the account: it is closed, or about to be.
func (a *account) suspended() bool {
	return a.State != api.AccountState_ACTIVE && a.State != api.AccountState_PENDING_ACTIVATION
}

// organization is an organization and its one root.
type organization struct {
	ID         string
	Root       string // r-…
	Management string // account
	Email      string // of the management account
	Features   api.OrganizationFeatureSet
	Created    time.Time
	Types      map[api.PolicyType]policyType `json:",omitzero"`
	Services   map[string]time.Time          `json:",omitzero"` // with trusted access, since when
	Tags       []tag                         `json:",omitzero"` // of the root
	Attached   attachments                   `json:",omitzero"` // to the root
	Migration  string                        `json:",omitzero"` // handshake that enables all features
}

// policyType is the state of a type in the root. Generation counts how often
// the type was enabled: what was attached before is attached no more, without
// a write to each account.
type policyType struct {
	Enabled    bool
	Generation int
}

// all says that all features are enabled.
func (o *organization) all() bool { return o.Features == api.OrganizationFeatureSet_ALL }

// unit is an organizational unit.
type unit struct {
	Org, ID, Name string
	Above         []string    // from the root to the parent
	Tags          []tag       `json:",omitzero"`
	Attached      attachments `json:",omitzero"`
}

func (u *unit) parent() string { return u.Above[len(u.Above)-1] }

// tag is a tag of a resource of the organization.
type tag struct{ Key, Value string }

// attachments are the policies that were attached to a root, OU or account, by
// type. A type that is missing, or of a generation before, has its default:
// FullAWSAccess for SCPs, nothing for others.
type attachments map[api.PolicyType]attached

type attached struct {
	Generation int
	Policies   []attachment // in the order of attachment
}

type attachment struct {
	ID   string
	Time time.Time
}

// document is a policy of an organization. AWS's own are not stored.
type document struct {
	Org, ID, Name string
	Type          api.PolicyType
	Description   string `json:",omitzero"`
	Content       string
	Updated       time.Time
	Tags          []tag `json:",omitzero"`
}

// counts are how many things an organization has, kept in step with them in the
// same transactions. They are apart from the organization, so that what is
// cached of it outlives the next CreateAccount.
type counts struct {
	Accounts int // with those that are being made and those that are invited
	Creating int // accounts being made
	Members  int // accounts that have joined, the management account included
	Units    int
	Policies map[api.PolicyType]int `json:",omitzero"`
	Closing  int
	Closed   []time.Time `json:",omitzero"` // of the last 30 days
	SentDay  time.Time   `json:",omitzero"` // beginning of the 24 hours in which
	Sent     int         // so many handshakes were sent
}

// creation is a request to make an account.
type creation struct {
	Org, ID     string
	Account     string
	Email, Name string
	Role        string
	Billing     api.IAMUserAccessToBilling `json:",omitzero"`
	Tags        []tag                      `json:",omitzero"`
	State       api.CreateAccountState
	Reason      api.CreateAccountFailureReason `json:",omitzero"`
	Requested   time.Time
	Completed   time.Time `json:",omitzero"`
}

// delegation is the organization's resource policy.
type delegation struct {
	Org, ID string
	Content string
	Tags    []tag `json:",omitzero"`
}

// handshake is an invitation or another question that awaits an answer.
type handshake struct {
	Org, ID   string
	Owner     string // account whose ARN it has: the sender's
	Action    api.ActionType
	State     api.HandshakeState
	Requested time.Time
	Expires   time.Time
	Target    string `json:",omitzero"` // account, or
	Email     string `json:",omitzero"` // address, to whom it was sent; neither: the organization itself
	Parent    string `json:",omitzero"` // handshake
	Transfer  string `json:",omitzero"`
	Notes     string `json:",omitzero"`
	Tags      []tag  `json:",omitzero"` // for the account that will join
	Facts     []api.HandshakeResource
	Waiting   int `json:",omitzero"` // answers that a parent handshake waits for
}

// over says that the handshake has been answered or withdrawn.
func (h *handshake) over() bool {
	return h.State != api.HandshakeState_OPEN && h.State != api.HandshakeState_REQUESTED
}

// transfer is a responsibility that one organization (the source) lets the
// management account of another (the target) bear.
type transfer struct {
	ID, Name       string
	Type           api.ResponsibilityTransferType
	Status         api.ResponsibilityTransferStatus
	Target, Source participant
	Handshake      string
	Start, End     time.Time `json:",omitzero"`
	Tags           []tag     `json:",omitzero"`
}

type participant struct{ Org, Account, Email string }

func newRecords() records {
	return records{
		accounts: store.Collection[account]{Name: "account", Indexes: []store.Index[account]{
			{Name: "org", Keys: func(a *account) []string { return nonempty(a.Org) }},
			{Name: "parent", Keys: func(a *account) []string { return within(a.Org, a.Parent) }},
			{Name: "email", Keys: func(a *account) []string { return []string{hashed(strings.ToLower(a.Email))} }},
			{Name: "attached", Keys: func(a *account) []string { return a.Attached.keys(a.Org) }},
			{Name: "delegate", Keys: func(a *account) []string { return a.delegateKeys() }},
		}},
		orgs: store.Collection[organization]{Name: "org", Indexes: []store.Index[organization]{
			{Name: "root", Keys: func(o *organization) []string { return []string{o.Root} }},
			{Name: "attached", Keys: func(o *organization) []string { return o.Attached.keys(o.ID) }},
		}},
		units: store.Collection[unit]{Name: "unit", Indexes: []store.Index[unit]{
			{Name: "parent", Keys: func(u *unit) []string { return within(u.Org, u.parent()) }},
			{Name: "name", Keys: func(u *unit) []string { return within(u.Org, u.parent()+"/"+hashed(u.Name)) }},
			{Name: "attached", Keys: func(u *unit) []string { return u.Attached.keys(u.Org) }},
		}},
		policies: store.Collection[document]{Name: "policy", Indexes: []store.Index[document]{
			{Name: "type", Keys: func(d *document) []string { return within(d.Org, string(d.Type)) }},
			{Name: "name", Keys: func(d *document) []string { return within(d.Org, string(d.Type)+"/"+hashed(d.Name)) }},
		}},
		counts: store.Collection[counts]{Name: "counts"},
		creations: store.Collection[creation]{Name: "creation", Indexes: []store.Index[creation]{
			{Name: "email", Keys: func(c *creation) []string {
				if c.State != api.CreateAccountState_IN_PROGRESS {
					return nil
				}
				return []string{hashed(strings.ToLower(c.Email))}
			}},
		}},
		delegations: store.Collection[delegation]{Name: "delegation"},
		handshakes: store.Collection[handshake]{Name: "handshake", Indexes: []store.Index[handshake]{
			{Name: "org", Keys: func(h *handshake) []string { return nonempty(h.Org) }},
			{Name: "target", Keys: func(h *handshake) []string { return h.targets() }},
			{Name: "parent", Keys: func(h *handshake) []string { return nonempty(h.Parent) }},
		}},
		transfers: store.Collection[transfer]{Name: "transfer", Indexes: []store.Index[transfer]{
			{Name: "source", Keys: func(t *transfer) []string { return nonempty(t.Source.Org) }},
			{Name: "target", Keys: func(t *transfer) []string { return nonempty(t.Target.Org) }},
		}},
	}
}

// targets are the index values under which the receiver finds the handshake.
func (h *handshake) targets() []string {
	if h.Email != "" {
		return []string{hashed(strings.ToLower(h.Email))}
	}
	return nonempty(h.Target)
}

func (a *account) delegateKeys() []string {
	if len(a.Delegate) == 0 || a.Org == "" {
		return nil
	}
	out := []string{a.Org + "/"} // of any service
	for service := range a.Delegate {
		out = append(out, a.Org+"/"+service)
	}
	slices.Sort(out)
	return out
}

func nonempty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// within is the index value of something in an organization, or none.
func within(org, s string) []string {
	if org == "" {
		return nil
	}
	return []string{org + "/" + s}
}

// hashed is the index value of free text.
func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
