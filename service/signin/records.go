package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What is stored, and under which id. Whoever can read the names of records
// learns no secret from them: secrets are in ids as SHA-256 only.
//
//	session/{hash of the cookie}     session
//	grant/{id}                       grant      index code
//	spent/{what}/{hash}              spent: used once, and never again
//	attempt/{hash of who or where}   attempts
//	setting/{account}                setting
//	organization/{id}                nothing: console authorization is on for it
//	key/idtoken                      the key that id tokens are signed with
//	work/…                           what is to be forgotten, and when
type records struct {
	sessions store.Collection[session]
	grants   store.Collection[grant]
	spents   store.Collection[spent]
	attempts store.Collection[attempts]
	settings store.Collection[setting]
}

// session is somebody signed in to the console.
type session struct {
	ID       string           // UUID, of the session's ARN
	Base     caller.Identity  // who signed in
	Role     *caller.Identity `json:",omitzero"` // the role switched to, with its session
	Stamp    string           // of Base's password
	Created  time.Time
	Expires  time.Time
	MFA      bool
	MFATime  time.Time `json:",omitzero"`
	Issuer   string    `json:",omitzero"` // of federation: the broker's own page
	Password bool      // signed in with a password, so Stamp counts
}

// grant is what a user gave a developer's tool: its session, as long as the
// tool holds the key that the first token was bound to.
type grant struct {
	ID        string
	Client    string
	Redirect  string
	Challenge string    // PKCE
	Code      string    `json:",omitzero"` // hash of the authorization code, until it is redeemed
	CodeEnds  time.Time `json:",omitzero"`
	Key       string    `json:",omitzero"` // thumbprint of the DPoP key
	Secret    []byte    // of which the refresh tokens are made
	Turn      uint32    // number of the newest refresh token
	Turned    time.Time `json:",omitzero"` // when it was given out
	Region    string
	Issued    time.Time
	Revoked   bool `json:",omitzero"`
	Session   session
}

type spent struct{ Until time.Time }

// attempts are failures of a kind since the last success.
type attempts struct {
	Count int
	Last  time.Time
}

// setting is what an account has decided about signing in.
type setting struct {
	Authorization bool              `json:",omitzero"` // console authorization is on for the account
	Statements    []statement       `json:",omitzero"`
	Tokens        map[string]answer `json:",omitzero"` // by client token, for a day
}

func newRecords() records {
	return records{
		sessions: store.Collection[session]{Name: "session"},
		grants: store.Collection[grant]{Name: "grant", Indexes: []store.Index[grant]{
			{Name: "code", Keys: func(g *grant) []string {
				if g.Code == "" {
					return nil
				}
				return []string{g.Code}
			}},
		}},
		spents:   store.Collection[spent]{Name: "spent"},
		attempts: store.Collection[attempts]{Name: "attempt"},
		settings: store.Collection[setting]{Name: "setting"},
	}
}

// hashed is how a secret, or a name of any length, stands in an id.
func hashed(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// forgetKind is the one kind of work: a record is deleted when it has expired.
const forgetKind = "forget"

// forget has the record collection/id deleted at a time, in the transaction
// that writes it.
func (s *Service) forget(ctx context.Context, tx store.Tx, collection, id string, at time.Time) error {
	return s.work.Add(ctx, tx, work.Job{Kind: forgetKind, ID: collection + "/" + id, Due: at})
}

func (s *Service) forgotten(ctx context.Context, tx store.Tx, j work.Job) error {
	collection, id, _ := strings.Cut(j.ID, "/")
	switch collection {
	case s.sessions.Name:
		return s.sessions.Delete(ctx, tx, id)
	case s.grants.Name:
		return s.grants.Delete(ctx, tx, id)
	case s.spents.Name:
		return s.spents.Delete(ctx, tx, id)
	case s.attempts.Name:
		return s.attempts.Delete(ctx, tx, id)
	}
	return fmt.Errorf("signin: nothing is known of %q", j.ID)
}

// spend marks a secret as used, in a transaction. It returns store.ErrExists if
// it was used before.
func (s *Service) spend(ctx context.Context, tx store.Tx, what, secret string, until time.Time) error {
	id := what + "/" + hashed(secret)
	if err := s.spents.Insert(ctx, tx, id, &spent{Until: until}); err != nil {
		return err
	}
	return s.forget(ctx, tx, s.spents.Name, id, until)
}
