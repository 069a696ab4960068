package signin

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// The clients of OAuth: the AWS CLI and the SDKs' sign-in, on the device where
// the browser is or on another one. Clients that register themselves are not
// built.
const (
	sameDevice  = "arn:aws:signin:::devtools/same-device"
	crossDevice = "arn:aws:signin:::devtools/cross-device"
)

// authorization is what a tool asks for, sealed between its request and the
// user's consent.
type authorization struct {
	Client, Redirect, Challenge, State string
}

const (
	authorizationPurpose = "authorize"
	confirmationPath     = "/v1/sessions/confirmation"
)

// loopback is where the AWS CLI listens: "http://127.0.0.1:PORT/oauth/callback".
var loopback = regexp.MustCompile(`^http://127\.0\.0\.1:[0-9]{1,5}/oauth/callback$`)

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

func badRequest(format string, args ...any) error {
	err := bad(format, args...).(*problem)
	err.Code = "invalid_request"
	return err
}

// getAuthorize checks what a tool asks for and sends the browser to the page
// that asks the user. Programs that accept application/json are told what the
// page would be. Nothing is granted here: a page of another origin can send a
// browser here as well.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_dataplane-signin_AuthorizeOAuth2Access.html
func (s *Service) getAuthorize(r *http.Request) (any, error) {
	q := r.URL.Query()
	if err := known(q, "response_type", "client_id", "state", "code_challenge_method", "code_challenge", "scope", "redirect_uri"); err != nil {
		return nil, err
	}
	a := authorization{Client: q.Get("client_id"), Redirect: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"), State: q.Get("state")}
	switch method := q.Get("code_challenge_method"); {
	case q.Get("response_type") != "code":
		return nil, badRequest("response_type must be code.")
	case method != "SHA-256" && method != "S256": // AWS's word and RFC 7636's
		return nil, badRequest("code_challenge_method must be SHA-256.")
	case !challengeForm.MatchString(a.Challenge):
		return nil, badRequest("code_challenge must be 43 to 128 characters of base64url.")
	case q.Has("scope") && q.Get("scope") != "openid":
		return nil, badRequest("scope must be openid.")
	case len(a.State) > 128:
		return nil, badRequest("state must have at most 128 characters.")
	}
	if err := s.checkRedirect(r, &a); err != nil {
		return nil, err
	}
	token, err := s.seal.close(authorizationPurpose, s.Clock.Now().Add(2*stepLasts), a)
	if err != nil {
		return nil, err
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		return map[string]string{"request": token, "clientId": a.Client, "redirectUri": a.Redirect}, nil
	}
	return &reply{location: Page + "#authorize=" + token}, nil
}

func (s *Service) checkRedirect(r *http.Request, a *authorization) error {
	switch a.Client {
	case sameDevice:
		if loopback.MatchString(a.Redirect) {
			return nil
		}
		return badRequest("redirect_uri must be http://127.0.0.1:PORT/oauth/callback.")
	case crossDevice:
		for _, o := range s.origins(r) {
			if a.Redirect == o+confirmationPath {
				return nil
			}
		}
		return badRequest("redirect_uri must be %s of this server.", confirmationPath)
	}
	return badRequest("client_id must be %s or %s.", sameDevice, crossDevice)
}

// clientResource is the client as a resource in the user's account.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_signin.html
func clientResource(account, region, client string) string {
	kind := "localhost"
	if client == crossDevice {
		kind = "remote"
	}
	return "arn:aws:signin:" + region + ":" + account + ":oauth2/public-client/" + kind
}

// postAuthorize is the user's consent: whoever is signed in lets the tool act in
// this session. The answer says where to send the browser, or what to type into
// the tool.
func (s *Service) postAuthorize(r *http.Request) (any, error) {
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Request string `json:"request"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	var a authorization
	if err := s.seal.open(authorizationPurpose, in.Request, s.Clock.Now(), &a); err != nil {
		return nil, badRequest("The request is not valid or has expired.")
	}
	if err := s.checkRedirect(r, &a); err != nil { // it was sealed for whoever asked, under the name that they called us by
		return nil, err
	}
	now := s.Clock.Now()
	id := t.identity(t.Expires, homeRegion)
	if !now.Before(id.Session.Expires) {
		return nil, &problem{Status: 401, Code: "RoleExpired", Message: "The session of the role has ended. Switch to it again, or back."}
	}
	ctx := as(r.Context(), id)
	if err := s.Admit(ctx); err != nil {
		return nil, unrecorded(err)
	}
	m := moment{name: "AuthorizeOAuth2Access", api: "signin.amazonaws.com", readOnly: true, extra: map[string]string{"success": "true"}, request: map[string]any{
		"client_id": a.Client, "redirect_uri": a.Redirect, "code_challenge_method": "S256",
	}}
	set, err := s.restricted(ctx, id.Account, "")
	if err != nil {
		return nil, err
	}
	err = s.Decide(ctx, policy.Touch{
		Action: "signin:AuthorizeOAuth2Access", Resource: clientResource(id.Account, homeRegion, a.Client), Account: id.Account, Policy: set,
		Keys: []policy.Pair{{Key: "signin:OAuthClientId", Values: []string{a.Client}}, {Key: "signin:OAuthRedirectUri", Values: []string{a.Redirect}}},
	})
	if isDenial(err) {
		m.code, m.failure, m.extra = "AccessDenied", err.Error(), map[string]string{"success": "false"}
		if err := s.record(ctx, m); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	code, err := s.grant(r, &a, t.session)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, m); err != nil {
		return nil, err
	}
	query := url.Values{"code": {code}, "state": {a.State}}.Encode()
	if a.Client == crossDevice {
		return map[string]string{"location": a.Redirect + "?" + query, "verificationCode": verificationCode(code, a.State)}, nil
	}
	return map[string]string{"location": a.Redirect + "?" + query}, nil
}

// grant keeps what the user has agreed to and returns the code for the tool.
func (s *Service) grant(r *http.Request, a *authorization, t *session) (string, error) {
	ctx, now := r.Context(), s.Clock.Now()
	code := newSecret()
	g := &grant{
		ID: newGrantID(), Client: a.Client, Redirect: a.Redirect, Challenge: a.Challenge,
		Code: hashed("code", code), CodeEnds: now.Add(codeLasts), Region: homeRegion, Issued: now.UTC(), Session: *t,
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.grants.Put(ctx, tx, g.ID, g); err != nil {
			return err
		}
		return s.forget(ctx, tx, s.grants.Name, g.ID, t.Expires)
	})
	return code, err
}

// verificationCode is what a person carries to a tool on another device, in the
// form that the AWS CLI reads.
func verificationCode(code, state string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.Values{"code": {code}, "state": {state}}.Encode()))
}

// confirmation shows what to type into the tool on the other device, to whoever
// is sent here with a code.
func (s *Service) confirmation(r *http.Request) (any, error) {
	q := r.URL.Query()
	if err := known(q, "code", "state"); err != nil {
		return nil, err
	}
	if len(q.Get("code")) > 512 || len(q.Get("state")) > 128 || q.Get("code") == "" {
		return nil, badRequest("code and state are missing.")
	}
	return &reply{text: verificationCode(q.Get("code"), q.Get("state")) + "\n"}, nil
}
