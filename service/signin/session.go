package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/store"
)

const (
	// longestSession is the longest that a session of the console lasts.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/console_controlling-access.html
	longestSession = 12 * time.Hour
	// credentialsLast is how long the credentials of a session do, before they are
	// to be fetched anew.
	// https://docs.aws.amazon.com/signin/latest/APIReference/API_dataplane-signin_CreateOAuth2Token.html
	credentialsLast = 15 * time.Minute
)

// SessionKey is the condition key that all credentials of a session carry: the
// session's ARN. By it policies deny what one session does, and the directory
// knows that these credentials may do all that their user may.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
const SessionKey = "aws:SignInSessionArn"

// cookieName: browsers take a cookie that is called __Host- only with Secure,
// without a domain and over TLS. Without TLS there is no such protection.
func (s *Service) cookieName(r *http.Request) string {
	if s.secure(r) {
		return "__Host-bartizan-session"
	}
	return "bartizan-session"
}

func (s *Service) cookie(r *http.Request, value string, expires time.Time) *http.Cookie {
	c := &http.Cookie{
		Name: s.cookieName(r), Value: value, Path: "/", HttpOnly: true, Secure: s.secure(r), SameSite: http.SameSiteStrictMode,
		MaxAge: int(expires.Sub(s.Clock.Now()) / time.Second),
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// csrf is the token that changes within a session carry in a header. It is made
// of the cookie, which no page can read.
func csrf(cookie string) string { return hashed("csrf", cookie) }

// csrfHeader is where it stands.
const csrfHeader = "X-Csrf-Token"

// open starts a session, in place of the one the browser had.
func (s *Service) open(r *http.Request, in *session) (*reply, error) {
	ctx := r.Context()
	in.ID, in.Created = newUUID(), s.Clock.Now().Truncate(time.Second)
	cookie := newSecret()
	id := hashed(cookie)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if old, err := r.Cookie(s.cookieName(r)); err == nil {
			if err := s.sessions.Delete(ctx, tx, hashed(old.Value)); err != nil {
				return err
			}
		}
		if err := s.sessions.Put(ctx, tx, id, in); err != nil {
			return err
		}
		return s.forget(ctx, tx, s.sessions.Name, id, in.Expires)
	})
	if err != nil {
		return nil, err
	}
	return &reply{doc: s.describe(in, cookie), cookie: s.cookie(r, cookie, in.Expires)}, nil
}

// here is the session a request is made in.
type here struct {
	*session
	id     string // of the record
	cookie string
}

// errSignedOut is one answer for no cookie, an old one and a wrong one.
var errSignedOut = &problem{Status: 401, Code: "NotSignedIn", Message: "Your session has ended. Sign in again."}

// current is the session of a request. It ends with the user, and with the
// user's password. What is not a GET must carry the CSRF token.
func (s *Service) current(r *http.Request) (*here, error) {
	c, err := r.Cookie(s.cookieName(r))
	if err != nil || len(c.Value) > 100 {
		return nil, errSignedOut
	}
	if r.Method != http.MethodGet && subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(csrf(c.Value))) != 1 {
		return nil, &problem{Status: 403, Code: "InvalidCsrfToken", Message: "The header " + csrfHeader + " does not hold the token of this session."}
	}
	ctx := r.Context()
	id := hashed(c.Value)
	got, err := s.sessions.Get(ctx, s.Store, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errSignedOut
	} else if err != nil {
		return nil, err
	}
	switch err := s.alive(ctx, got); {
	case errors.Is(err, errGone) || errors.Is(err, errChanged):
		return nil, errSignedOut
	case err != nil:
		return nil, err
	}
	return &here{got, id, c.Value}, nil
}

var (
	errGone    = errors.New("signin: the session has ended")
	errChanged = errors.New("signin: the user's credentials have changed")
)

// alive checks that a session still holds, and brings the names of its user up
// to date.
func (s *Service) alive(ctx context.Context, t *session) error {
	if !s.Clock.Now().Before(t.Expires) {
		return errGone
	}
	u, err := s.Users.Again(ctx, &t.Base)
	if err != nil {
		return err
	}
	if u == nil {
		return errGone
	}
	if t.Password && (u.Stamp == "" || u.Stamp != t.Stamp) {
		return errChanged
	}
	held := t.Base.Session
	t.Base = u.Identity
	t.Base.Session = held
	return nil
}

// ARN names the session.
func (t *session) ARN(region string) string {
	return "arn:aws:signin:" + region + ":" + t.Base.Account + ":session/" + t.ID
}

// identity is who acts in the session: the role switched to, or who signed in.
// It has a caller.Session that ends at until, at the latest, and was issued when
// the role was assumed or the user signed in: a policy that denies what was
// issued before a date (aws:TokenIssueTime) must hold for the credentials that a
// session goes on to fetch.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
func (t *session) identity(until time.Time, region string) caller.Identity {
	if t.Role != nil {
		id := *t.Role
		held := *t.Role.Session
		held.Expires = earlier(until, held.Expires)
		held.Keys = withKey(held.Keys, t.ARN(region))
		id.Session = &held
		return id
	}
	id := t.Base
	held := caller.Session{Issued: t.Created, IssuerARN: id.ARN, IssuerID: id.ID, IssuerName: id.Name, MFA: t.MFA, MFATime: t.MFATime}
	if t.Base.Session != nil { // of federation
		held = *t.Base.Session
	}
	held.Expires = earlier(until, t.Expires)
	held.Keys = withKey(held.Keys, t.ARN(region))
	id.Session = &held
	return id
}

func withKey(keys []caller.Tag, arn string) []caller.Tag {
	out := make([]caller.Tag, 0, len(keys)+1)
	for _, k := range keys {
		if k.Key != SessionKey {
			out = append(out, k)
		}
	}
	return append(out, caller.Tag{Key: SessionKey, Value: arn})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// described is what the pages are told of a session.
type described struct {
	State   string     `json:"state"` // SIGNED_IN
	Account string     `json:"account"`
	ARN     string     `json:"arn"`
	UserID  string     `json:"userId"`
	Name    string     `json:"name,omitempty"`
	Kind    string     `json:"type"` // as CloudTrail's userIdentity.type
	MFA     bool       `json:"mfa"`
	Session string     `json:"sessionArn"`
	Expires time.Time  `json:"expires"`
	Issuer  string     `json:"issuer,omitempty"` // where to sign in again, of federated sessions
	CSRF    string     `json:"csrfToken"`
	Base    *described `json:"base,omitempty"` // who switched to this role
}

func (s *Service) describe(t *session, cookie string) *described {
	one := func(id *caller.Identity, expires time.Time) *described {
		return &described{
			State: "SIGNED_IN", Account: id.Account, ARN: id.ARN, UserID: id.ID, Name: id.Name, Kind: id.Kind.String(),
			MFA: t.MFA, Session: t.ARN(homeRegion), Expires: expires, Issuer: t.Issuer, CSRF: csrf(cookie),
		}
	}
	base := one(&t.Base, t.Expires)
	if t.Role == nil {
		return base
	}
	out := one(t.Role, earlier(t.Expires, t.Role.Session.Expires))
	out.Base = base
	return out
}

// getSession tells who is signed in.
func (s *Service) getSession(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	return s.describe(t.session, t.cookie), nil
}

// deleteSession signs out. Credentials that were fetched end by themselves.
func (s *Service) deleteSession(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(r.Context(), func(tx store.Tx) error {
		return s.sessions.Delete(r.Context(), tx, t.id)
	})
	return &reply{cookie: s.cookie(r, "", time.Time{})}, err
}

// postCredentials gives the console's pages credentials to call APIs with, for
// whoever the session acts as.
func (s *Service) postCredentials(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	if err := read(r, &struct{}{}); err != nil {
		return nil, err
	}
	now := s.Clock.Now().Truncate(time.Second)
	id := t.identity(now.Add(credentialsLast), homeRegion)
	if !now.Before(id.Session.Expires) { // the role's session, not the whole one
		return nil, &problem{Status: 401, Code: "RoleExpired", Message: "The session of the role has ended. Switch to it again, or back."}
	}
	c, err := s.Sessions.Issue(id)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"accessKeyId": c.AccessKey, "secretAccessKey": c.Secret, "sessionToken": c.Token, "expiration": id.Session.Expires,
	}, nil
}

// keepStamp keeps a session beyond the change of its user's password that was
// made in it.
func (s *Service) keepStamp(ctx context.Context, t *here, stamp string) error {
	return s.changeSession(ctx, t.id, func(in *session) { in.Stamp = stamp })
}

func (s *Service) changeSession(ctx context.Context, id string, change func(*session)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		got, err := s.sessions.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) { // signed out meanwhile
			return errSignedOut
		} else if err != nil {
			return err
		}
		change(got)
		return s.sessions.Put(ctx, tx, id, got)
	})
	return err
}
