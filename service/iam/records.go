package iam

import (
	"time"

	"bartizan.dev/store"
)

// What is stored, and under which id. Every id begins with the account, so that
// nothing leaks between accounts; names are folded to lower case in ids, because
// AWS does not let two names differ in case alone.
//
//	account/{account}                    account  index alias
//	counts/{account}                     counts
//	user/{account}/{name}                user     indexes id, policy, group
//	group/{account}/{name}               group    indexes id, policy
//	role/{account}/{name}                role     indexes id, policy
//	profile/{account}/{name}             profile  indexes id, role
//	policy/{account}/{name}              managed  indexes id, boundary of nothing
//	key/{access key id}                  accessKey, index owner
//	used/{access key id}                 lastUse
//	deletion/{account}/{task id}         deletion, index pending
//	rootaccess/{organization}            rootFeatures
//	issuer/{account}                     issuer, index id
//	access/{account}/{unique id}         access
//	accountaccess/{account}              accountAccess
//	advice/{account}/{job id}            advice, index running
//	report/{account}                     report
//	reporttext/{account}/{id}/{chunk}    text of a report
type records struct {
	accounts store.Collection[account]
	counts   store.Collection[counts]
	users    store.Collection[user]
	groups   store.Collection[group]
	roles    store.Collection[role]
	profiles store.Collection[profile]
	policies store.Collection[managedPolicy]
	keys     store.Collection[accessKey]
	uses     store.Collection[lastUse]

	deletions store.Collection[deletion]
	features  store.Collection[rootFeatures]
	issuers   store.Collection[issuer]

	access      store.Collection[access]
	accountUses store.Collection[accountAccess]
	advices     store.Collection[advice]
	reports     store.Collection[report]
	holdings
	identityProviders
}

// account is an AWS account as IAM knows it.
type account struct {
	ID       string
	Alias    string `json:",omitzero"`
	Created  time.Time
	Password *passwordPolicy `json:",omitzero"` // nil: AWS's default
	Root     *login          `json:",omitzero"` // the root user's password; without a hash it may be recovered
	// TokenVersion is that of the global STS endpoint's session tokens; 0: 1.
	TokenVersion int `json:",omitzero"`
}

// counts are how many records an account has, kept in step with them in the
// same transactions, for quotas and GetAccountSummary. They are apart from the
// account, so that what is cached of the account outlives the next CreateUser.
type counts struct {
	Users, Groups, Roles, Profiles, Policies int
	MFADevices, MFAInUse, ServerCertificates int
	OpenIDProviders, SAMLProviders           int
}

// passwordPolicy mirrors UpdateAccountPasswordPolicy's parameters.
type passwordPolicy struct {
	MinLength                                  int32
	Symbols, Numbers, Upper, Lower, UserChange bool
	HardEnd                                    *bool `json:",omitzero"` // nil: not said, which means no
	MaxAge, Reuse                              int32 // days, passwords; 0: none
}

// tag is a tag of an IAM resource. Keys differ in more than case.
type tag struct{ Key, Value string }

// holder is what users, groups and roles have in common: policies.
type holder struct {
	Account  string
	Name     string
	Path     string
	ID       string // AIDA…, AGPA…, AROA…
	Created  time.Time
	Attached []string          `json:",omitzero"` // ARNs of managed policies, in order of attachment
	Inline   map[string]string `json:",omitzero"` // documents by policy name
}

type user struct {
	holder
	Boundary string   `json:",omitzero"` // ARN
	Tags     []tag    `json:",omitzero"`
	Groups   []string `json:",omitzero"` // folded names
	Login    *login   `json:",omitzero"`
}

// login is a login profile: a password for the console.
type login struct {
	Created  time.Time
	Hash     string   // see password.go; never the password
	History  []string `json:",omitzero"` // earlier hashes, newest first
	Changed  time.Time
	MustSet  bool      // the user must choose a new one at the next sign-in
	LastUsed time.Time `json:",omitzero"`
}

type group struct{ holder }

type role struct {
	holder
	Boundary    string `json:",omitzero"`
	Tags        []tag  `json:",omitzero"`
	Description string `json:",omitzero"`
	Trust       string // the trust policy's document, in its stored form: see principal.go
	MaxSession  int32  // seconds
}

// profile is an instance profile.
type profile struct {
	Account, Name, Path, ID string
	Created                 time.Time
	Role                    string `json:",omitzero"` // folded name
	Tags                    []tag  `json:",omitzero"`
}

// managedPolicy is a customer managed policy.
type managedPolicy struct {
	Account, Name, Path, ID string
	Description             string `json:",omitzero"`
	Created, Updated        time.Time
	Tags                    []tag `json:",omitzero"`
	Default                 int   // number of the default version
	Next                    int   // number of the next version
	Versions                []policyVersion
}

type policyVersion struct {
	Number   int
	Created  time.Time
	Document string
}

// accessKey is a long-term access key of a user or of the account's root user.
type accessKey struct {
	ID      string
	Secret  string
	Account string
	User    string `json:",omitzero"` // folded name; empty: the root user
	Active  bool
	Created time.Time
}

func (k *accessKey) owner() string { return k.Account + "/" + k.User }

// lastUse is when and where an access key or role was last used.
type lastUse struct {
	Time            time.Time
	Service, Region string
}

func newRecords() records {
	one := func(s string) []string { return []string{s} }
	return records{
		accounts: store.Collection[account]{Name: "account", Indexes: []store.Index[account]{
			{Name: "alias", Keys: func(a *account) []string { return nonempty(a.Alias) }},
		}},
		counts: store.Collection[counts]{Name: "counts"},
		users: store.Collection[user]{Name: "user", Indexes: []store.Index[user]{
			{Name: "id", Keys: func(u *user) []string { return one(u.ID) }},
			{Name: "policy", Keys: func(u *user) []string { return prefixed(u.Account+"/", u.Attached) }},
			{Name: "boundary", Keys: func(u *user) []string { return prefixed(u.Account+"/", nonempty(u.Boundary)) }},
			{Name: "group", Keys: func(u *user) []string { return prefixed(u.Account+"/", u.Groups) }},
		}},
		groups: store.Collection[group]{Name: "group", Indexes: []store.Index[group]{
			{Name: "policy", Keys: func(g *group) []string { return prefixed(g.Account+"/", g.Attached) }},
		}},
		roles: store.Collection[role]{Name: "role", Indexes: []store.Index[role]{
			{Name: "id", Keys: func(r *role) []string { return one(r.ID) }},
			{Name: "policy", Keys: func(r *role) []string { return prefixed(r.Account+"/", r.Attached) }},
			{Name: "boundary", Keys: func(r *role) []string { return prefixed(r.Account+"/", nonempty(r.Boundary)) }},
		}},
		profiles: store.Collection[profile]{Name: "profile", Indexes: []store.Index[profile]{
			{Name: "role", Keys: func(p *profile) []string { return prefixed(p.Account+"/", nonempty(p.Role)) }},
		}},
		policies: store.Collection[managedPolicy]{Name: "policy"},
		keys: store.Collection[accessKey]{Name: "key", Indexes: []store.Index[accessKey]{
			{Name: "owner", Keys: func(k *accessKey) []string { return one(k.owner()) }},
		}},
		uses:     store.Collection[lastUse]{Name: "used"},
		holdings: newHoldings(),

		identityProviders: newIdentityProviders(),

		deletions: deletions(),
		features:  store.Collection[rootFeatures]{Name: "rootaccess"},
		issuers:   issuers(),

		access:      store.Collection[access]{Name: "access"},
		accountUses: store.Collection[accountAccess]{Name: "accountaccess"},
		advices:     advices(),
		reports:     store.Collection[report]{Name: "report"},
	}
}

func nonempty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func prefixed(prefix string, list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = prefix + s
	}
	return out
}
