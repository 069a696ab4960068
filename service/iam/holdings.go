package iam

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What users and the root user hold besides access keys and passwords. An owner
// is a unique id, AIDA… or the account's own for the root user, so that a user
// that is renamed keeps what it has, and a new user of an old name has nothing.
//
//	mfa/{account}/{resource of the serial}   mfaDevice          indexes owner, passkey
//	sshkey/{account}/{id}                    sshKey             index owner
//	signing/{account}/{id}                   signingCertificate index owner
//	servercert/{account}/{name}              serverCertificate
//	servicecred/{account}/{id}               serviceCredential  indexes owner, login
type holdings struct {
	mfas         store.Collection[mfaDevice]
	sshKeys      store.Collection[sshKey]
	signing      store.Collection[signingCertificate]
	serverCerts  store.Collection[serverCertificate]
	serviceCreds store.Collection[serviceCredential]
}

// mfaDevice is a virtual MFA device, assigned or not, or a FIDO security key or
// passkey, which always belongs to somebody.
type mfaDevice struct {
	Account  string
	Resource string    // mfa/path/name or u2f/user/alice/name-ID
	Owner    string    `json:",omitzero"`
	Enabled  time.Time `json:",omitzero"`
	Tags     []tag     `json:",omitzero"`

	Seed     []byte    `json:",omitzero"` // of a virtual device
	Drift    int64     `json:",omitzero"` // steps that its clock is ahead
	Used     int64     `json:",omitzero"` // the last step whose code was taken
	Failures int       `json:",omitzero"` // wrong codes since the last right one
	Locked   time.Time `json:",omitzero"` // no code is taken before

	Passkey *passkey `json:",omitzero"`
}

// passkey is what WebAuthn needs to know of a FIDO device.
type passkey struct {
	CredentialID   []byte
	PublicKey      []byte // COSE_Key
	SignCount      uint32
	Certifications map[string]string `json:",omitzero"`
}

// sshKey is a public key for CodeCommit.
type sshKey struct {
	Account, ID, Owner string
	Body               string // as it was uploaded
	PEM                bool   // Body is PEM, not a line of OpenSSH
	Wire               []byte // RFC 4253, section 6.6
	Active             bool
	Uploaded           time.Time
}

type signingCertificate struct {
	Account, ID, Owner string
	Body               string // PEM
	Active             bool
	Uploaded           time.Time
}

// serverCertificate holds a private key: the store seals every value, and no
// operation returns it.
type serverCertificate struct {
	Account, Name, Path, ID string
	Body, Chain, Key        string // PEM
	Uploaded, Expires       time.Time
	Tags                    []tag `json:",omitzero"`
}

// serviceCredential is a password or API key for one service.
type serviceCredential struct {
	Account, ID, Owner string
	Service            string
	Login              string // ServiceUserName or ServiceCredentialAlias
	Hash               []byte // SHA-256 of the secret, which has 352 random bits
	Active             bool
	Created            time.Time
	Expires            time.Time `json:",omitzero"`
}

func newHoldings() holdings {
	return holdings{
		mfas: store.Collection[mfaDevice]{Name: "mfa", Indexes: []store.Index[mfaDevice]{
			{Name: "owner", Keys: func(d *mfaDevice) []string { return nonempty(d.Owner) }},
			{Name: "passkey", Keys: func(d *mfaDevice) []string {
				if d.Passkey == nil {
					return nil
				}
				return []string{passkeyIndex(d.Passkey.CredentialID)}
			}},
		}},
		sshKeys: store.Collection[sshKey]{Name: "sshkey", Indexes: []store.Index[sshKey]{
			{Name: "owner", Keys: func(k *sshKey) []string { return []string{k.Owner} }},
		}},
		signing: store.Collection[signingCertificate]{Name: "signing", Indexes: []store.Index[signingCertificate]{
			{Name: "owner", Keys: func(c *signingCertificate) []string { return []string{c.Owner} }},
		}},
		serverCerts: store.Collection[serverCertificate]{Name: "servercert"},
		serviceCreds: store.Collection[serviceCredential]{Name: "servicecred", Indexes: []store.Index[serviceCredential]{
			{Name: "owner", Keys: func(c *serviceCredential) []string { return []string{c.Owner} }},
			{Name: "login", Keys: func(c *serviceCredential) []string { return []string{c.Service + "/" + c.Login} }},
		}},
	}
}

// passkeyIndex stands for a credential id in the index: ids are long and binary.
func passkeyIndex(id []byte) string {
	sum := sha256.Sum256(id)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (d *mfaDevice) serial() string { return arn.New("iam", "", d.Account, d.Resource) }
func (d *mfaDevice) id() string     { return d.Account + "/" + d.Resource }

func (c *serverCertificate) ARN() string {
	return arnOf(c.Account, "server-certificate", c.Path, c.Name)
}

// An owner is a user or the root user, as the holder of something.
type owner struct {
	id   string // AIDA… or account id
	name string // what answers show as UserName
	user *user  // nil: the root user
}

// owner is whom an operation is about whose user name is optional: without it
// the caller means itself.
func (s *Service) owner(ctx context.Context, r store.Reader, name *string) (*owner, error) {
	if id := &caller.From(ctx).Identity; name == nil && id.Kind == caller.Root {
		return &owner{id: id.Account, name: id.Account}, nil
	}
	u, err := s.userOrOwn(ctx, r, name)
	if err != nil {
		return nil, err
	}
	return &owner{id: u.ID, name: u.Name, user: u}, nil
}

// owned reads all that an owner has in a collection, in the order of ids.
// Outside of a transaction a record may go away meanwhile.
func owned[T any](ctx context.Context, r store.Reader, c *store.Collection[T], owner string) ([]*T, error) {
	ids, err := c.By(ctx, r, "owner", owner, "", 0)
	if err != nil {
		return nil, err
	}
	var out []*T
	for _, id := range ids {
		v, err := c.Get(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// has reports whether an owner has anything in a collection.
func has[T any](ctx context.Context, r store.Reader, c *store.Collection[T], owner string) (bool, error) {
	ids, err := c.By(ctx, r, "owner", owner, "", 1)
	return len(ids) > 0, err
}

// undeletable says what of its holdings stands in the way of deleting a user.
func (s *Service) undeletable(ctx context.Context, r store.Reader, u *user) error {
	for _, c := range []struct {
		has     func() (bool, error)
		message string
	}{
		{func() (bool, error) { return has(ctx, r, &s.mfas, u.ID) }, "Cannot delete entity, must delete MFA device first."},
		{func() (bool, error) { return has(ctx, r, &s.signing, u.ID) }, "Cannot delete entity, must delete certificates first."},
		{func() (bool, error) { return has(ctx, r, &s.sshKeys, u.ID) }, "Cannot delete entity, must remove referenced objects first."},
		{func() (bool, error) { return has(ctx, r, &s.serviceCreds, u.ID) }, "Cannot delete entity, must remove referenced objects first."},
	} {
		if is, err := c.has(); err != nil {
			return err
		} else if is {
			return conflict(c.message)
		}
	}
	return nil
}

// active reads the status of an update. AWS lets nothing be set to Expired.
func active(status iamapi.StatusType) (bool, error) {
	switch status {
	case iamapi.StatusType_Active:
		return true, nil
	case iamapi.StatusType_Inactive:
		return false, nil
	}
	return false, invalidInput("Invalid status. Status must be Active or Inactive.")
}

// ownedPage is one page of what an owner has in a collection, in the order of
// ids.
func ownedPage[T any](ctx context.Context, s *Service, c *store.Collection[T], name *string, maxItems *int32, start *string, id func(*T) string) (o *owner, list []*T, truncated *bool, marker *string, err error) {
	p, err := newPage(maxItems, start)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if o, err = s.owner(ctx, s.Store, name); err != nil {
		return nil, nil, nil, nil, err
	}
	if list, err = owned(ctx, s.Store, c, o.id); err != nil {
		return nil, nil, nil, nil, err
	}
	list, truncated, marker = cut(p, list, id)
	return o, list, truncated, marker, nil
}
