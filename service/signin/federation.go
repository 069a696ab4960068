package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"bartizan.dev/caller"
)

const (
	federationPurpose = "federation"
	// federationLasts: "The URL that the federation endpoint provides is valid for
	// 15 minutes after it is created."
	federationLasts = 15 * time.Minute
)

// federated is what a sign-in token holds.
type federated struct {
	Identity caller.Identity
	Expires  time.Time // of the console's session
}

// federation is the endpoint for identity brokers. Both actions are asked for
// by GET or by POST; parameters are those of the form or of the query.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
func (s *Service) federation(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, bad("The parameters cannot be read.")
	}
	switch r.Form.Get("Action") {
	case "getSigninToken":
		return s.signinToken(r)
	case "login":
		return s.federatedLogin(r)
	case "logout": // of AWS's page; a session of ours ends by DELETE, which other pages cannot ask for
		return nil, bad("Action logout is not implemented: use DELETE %ssession.", Prefix)
	}
	return nil, bad("Action must be getSigninToken or login.")
}

// known refuses parameters that an action does not have, rather than ignore
// them.
func known(form url.Values, names ...string) error {
	for given, values := range form {
		found := false
		for _, n := range names {
			found = found || n == given
		}
		if !found {
			return bad("The parameter %s is not one of this action.", given)
		}
		if len(values) > 1 {
			return bad("The parameter %s is given twice.", given)
		}
	}
	return nil
}

// signinToken exchanges temporary credentials for a sign-in token.
func (s *Service) signinToken(r *http.Request) (any, error) {
	// SessionType is what the AWS CLI and brokers of old send beside the others.
	if err := known(r.Form, "Action", "Session", "SessionDuration", "DurationSeconds", "SessionType"); err != nil {
		return nil, err
	}
	if t := r.Form.Get("SessionType"); t != "" && t != "json" {
		return nil, bad("SessionType must be json.")
	}
	var in struct {
		ID    string `json:"sessionId"`
		Key   string `json:"sessionKey"`
		Token string `json:"sessionToken"`
	}
	doc := r.Form.Get("Session")
	if len(doc) > maxSealed {
		return nil, bad("Session is too long.")
	}
	if err := json.Unmarshal([]byte(doc), &in); err != nil || in.ID == "" || in.Key == "" || in.Token == "" {
		return nil, bad("Session must be a JSON document with sessionId, sessionKey and sessionToken.")
	}
	id, err := s.Sessions.Open(r.Context(), Credentials{in.ID, in.Key, in.Token})
	if errors.Is(err, ErrCredentials) {
		return nil, &problem{Status: 403, Code: "AccessDenied", Message: "The credentials are not valid temporary credentials."}
	} else if err != nil {
		return nil, err
	}
	f := federated{Identity: id}
	if f.Expires, err = s.federatedEnd(r.Form, &id); err != nil {
		return nil, err
	}
	token, err := s.seal.close(federationPurpose, s.Clock.Now().Add(federationLasts), f)
	if err != nil {
		return nil, err
	}
	ctx := as(r.Context(), id)
	if err := s.Admit(ctx); err != nil {
		return nil, unrecorded(err)
	}
	extra := map[string]string{"MobileVersion": yes(false), "MFAUsed": yes(id.Session.MFA)}
	if err := s.record(ctx, moment{name: "GetSigninToken", extra: extra}); err != nil {
		return nil, err
	}
	return map[string]string{"SigninToken": token}, nil
}

// federatedEnd is when the console's session ends: that of AssumeRole's
// credentials lasts as long as SessionDuration says, longer than the credentials
// themselves if need be; that of GetFederationToken's as long as these.
func (s *Service) federatedEnd(form url.Values, id *caller.Identity) (time.Time, error) {
	t := id.Session
	asked := form.Get("SessionDuration")
	switch id.Kind {
	case caller.Federated:
		// "Do not use the SessionDuration HTTP parameter if you got the temporary
		// credentials with GetFederationToken. Doing so will cause the operation to
		// fail." DurationSeconds bounds the session instead.
		if asked != "" {
			return time.Time{}, bad("SessionDuration cannot be used with credentials of GetFederationToken.")
		}
		n, err := duration(form.Get("DurationSeconds"), 129_600)
		if err != nil || n == 0 {
			return t.Expires, err
		}
		return earlier(t.Expires, s.Clock.Now().Add(n).Truncate(time.Second)), nil
	case caller.Role:
		if form.Get("DurationSeconds") != "" {
			return time.Time{}, bad("DurationSeconds is for credentials of GetFederationToken; use SessionDuration.")
		}
		n, err := duration(asked, 43_200)
		if err != nil || n == 0 {
			return t.Expires, err
		}
		// "you must call it as an IAM user with long-term credentials. Otherwise, the
		// call to the federation endpoint fails."
		if t.Chained {
			return time.Time{}, bad("SessionDuration cannot be used with credentials of role chaining.")
		}
		// Nor with those that the console gave out: each session would beget the next
		// one, and stolen credentials would be good for ever.
		if slices.ContainsFunc(t.Keys, func(k caller.Tag) bool { return k.Key == SessionKey }) {
			return time.Time{}, bad("SessionDuration cannot be used with credentials of a console session.")
		}
		return s.Clock.Now().Add(n).Truncate(time.Second), nil
	}
	return time.Time{}, &problem{Status: 400, Code: "InvalidRequest",
		Message: "The credentials must be of AssumeRole, AssumeRoleWithSAML, AssumeRoleWithWebIdentity or GetFederationToken."}
}

// duration reads seconds between 900 and longest; zero stands for none.
func duration(text string, longest int) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 900 || n > longest {
		return 0, bad("The duration must be between 900 and %d seconds.", longest)
	}
	return time.Duration(n) * time.Second, nil
}

// federatedLogin starts a session of the console and sends the browser there.
func (s *Service) federatedLogin(r *http.Request) (any, error) {
	if err := known(r.Form, "Action", "Issuer", "Destination", "SigninToken", "SessionDuration"); err != nil {
		return nil, err
	}
	if r.Form.Get("SessionDuration") != "" {
		return nil, bad("SessionDuration belongs to getSigninToken.")
	}
	var f federated
	if err := s.seal.open(federationPurpose, r.Form.Get("SigninToken"), s.Clock.Now(), &f); err != nil {
		return nil, &problem{Status: 400, Code: "InvalidRequest", Message: "The sign-in token is not valid or has expired."}
	}
	to, err := s.destination(r, r.Form.Get("Destination"))
	if err != nil {
		return nil, err
	}
	issuer := r.Form.Get("Issuer")
	if u, err := url.Parse(issuer); err != nil || len(issuer) > 2048 || issuer != "" && u.Scheme != "https" && u.Scheme != "http" {
		issuer = "" // a name and no page: nowhere to send people back to
	}
	ctx := as(r.Context(), f.Identity)
	if err := s.Admit(ctx); err != nil {
		return nil, unrecorded(err)
	}
	in := &session{Base: f.Identity, Expires: f.Expires, Issuer: issuer, MFA: f.Identity.Session.MFA, MFATime: f.Identity.Session.MFATime}
	if err := s.alive(ctx, in); errors.Is(err, errGone) || errors.Is(err, errChanged) {
		return nil, &problem{Status: 400, Code: "InvalidRequest", Message: "The session of the sign-in token has ended."}
	} else if err != nil {
		return nil, err
	}
	p := &step{User: in.Base, LoginTo: to, MFA: in.MFA}
	if err := s.mayEnterFederated(ctx, p); err != nil {
		return nil, err
	}
	if err := s.record(ctx, moment{name: "ConsoleLogin", extra: p.loginData(nil)}); err != nil {
		return nil, err
	}
	out, err := s.open(r, in)
	if err != nil {
		return nil, err
	}
	out.location = to
	return out, nil
}
