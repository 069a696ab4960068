package signin

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// Prefix is where the pages' API lies.
const Prefix = "/signin/v1/"

// Page is where the console has its sign-in page, which asks for what a
// request of a tool needs.
const Page = "/console/signin"

// maxBody bounds a request's body, in bytes. The longest is a session of the
// federation endpoint, with its token.
const maxBody = 64 << 10

// Handler answers the pages' API, the federation endpoint and OAuth's
// authorization endpoint. Owns says which paths these are.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(*http.Request) (any, error){
		"POST " + Prefix + "session":             s.postSession,
		"POST " + Prefix + "session/mfa":         s.postMFA,
		"POST " + Prefix + "session/password":    s.postNewPassword,
		"GET " + Prefix + "session":              s.getSession,
		"DELETE " + Prefix + "session":           s.deleteSession,
		"POST " + Prefix + "session/credentials": s.postCredentials,
		"POST " + Prefix + "session/role":        s.postRole,
		"DELETE " + Prefix + "session/role":      s.deleteRole,
		"POST " + Prefix + "password":            s.postPassword,
		"POST " + Prefix + "passkeys/options":    s.postPasskeyOptions,
		"POST " + Prefix + "passkeys":            s.postPasskey,
		"GET /federation":                        s.federation,
		"POST /federation":                       s.federation,
		"GET /v1/authorize":                      s.getAuthorize,
		"POST /v1/authorize":                     s.postAuthorize,
		"GET /v1/sessions/confirmation":          s.confirmation,
		"GET " + Page:                            s.page,
	} {
		mux.Handle(pattern, s.handle(answer))
	}
	return mux
}

// Owns reports whether Handler answers a path.
func Owns(path string) bool {
	return strings.HasPrefix(path, Prefix) || path == Page || path == "/federation" || path == "/v1/authorize" || path == "/v1/sessions/confirmation"
}

// page stands where the console's sign-in page will be, so that a browser that a
// tool sends there is told what is missing.
func (s *Service) page(*http.Request) (any, error) {
	return nil, &problem{Status: http.StatusNotImplemented, Code: "NotImplemented",
		Message: "The console's pages are not built yet. service/signin/README.md documents the API that signs in without them."}
}

// A reply is an answer that is more than a JSON document.
type reply struct {
	doc      any
	text     string       // instead of doc
	location string       // redirect
	cookie   *http.Cookie // to set
}

// problem is an answer that says no.
type problem struct {
	Status  int           `json:"-"`
	Code    string        `json:"error"`
	Message string        `json:"message"`
	Wait    time.Duration `json:"-"` // Retry-After
}

func (p *problem) Error() string { return p.Code + ": " + p.Message }

func bad(format string, args ...any) error {
	return &problem{Status: 400, Code: "InvalidRequest", Message: fmt.Sprintf(format, args...)}
}

// handle guards a handler and writes what it answers. Pages of other origins
// cannot call it: the cookie is SameSite=Strict, browsers say where a request
// comes from, what changes anything is JSON, and within a session it carries the
// session's CSRF token as well (see current).
func (s *Service) handle(answer func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		r = r.WithContext(caller.With(r.Context(), s.call(r)))
		out, err := any(nil), s.guard.Check(r)
		if err != nil {
			err = &problem{Status: 403, Code: "CrossOrigin", Message: "The request comes from another origin."}
		} else {
			out, err = answer(r)
		}
		s.write(w, r, out, err)
	})
}

func (s *Service) write(w http.ResponseWriter, r *http.Request, out any, err error) {
	status := http.StatusOK
	if err != nil {
		p := s.problem(r, err)
		if p.Wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(seconds(p.Wait)))
		}
		status, out = p.Status, p
	}
	full, ok := out.(*reply)
	if !ok {
		full = &reply{doc: out}
	}
	if full.cookie != nil {
		http.SetCookie(w, full.cookie)
	}
	if full.location != "" {
		w.Header().Set("Location", full.location)
		w.WriteHeader(http.StatusFound)
		return
	}
	body, kind := []byte(full.text), "text/plain; charset=utf-8"
	if full.text == "" {
		kind = "application/json"
		if full.doc == nil {
			full.doc = struct{}{}
		}
		if body, err = json.Marshal(full.doc); err != nil {
			s.Log.Error("an answer of sign-in cannot be written", "cause", err)
			status, body = 500, []byte(`{"error":"InternalFailure"}`)
		}
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("the caller left", "cause", err)
	}
}

// problem says what the caller is told of an error.
func (s *Service) problem(r *http.Request, err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		if e.Cause != nil {
			s.Log.Warn("sign-in refused", "request", caller.From(r.Context()).RequestID, "code", e.Code, "cause", e.Cause)
		}
		return &problem{Status: e.Status, Code: e.Code, Message: e.Message}
	}
	s.Log.Error("sign-in failed", "request", caller.From(r.Context()).RequestID, "cause", err)
	return &problem{Status: 500, Code: "InternalFailure", Message: "The request processing has failed because of an unknown error, exception or failure."}
}

// call is the call that a request is, by nobody yet.
func (s *Service) call(r *http.Request) *caller.Call {
	c := &caller.Call{
		RequestID: newUUID(), EventID: newUUID(), Time: s.Clock.Now(), Region: homeRegion,
		UserAgent: r.UserAgent(), Host: r.Host,
	}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.Source = addr.Addr().Unmap()
	}
	if r.TLS != nil && r.TLS.Version == 0 {
		c.TLS = "TLS" // ended by a proxy
	} else if r.TLS != nil {
		c.TLS, c.Cipher = strings.Replace(tls.VersionName(r.TLS.Version), "TLS ", "TLSv", 1), tls.CipherSuiteName(r.TLS.CipherSuite)
	}
	return c
}

// as is the context of the same call by id.
func as(ctx context.Context, id caller.Identity) context.Context {
	c := *caller.From(ctx)
	c.Identity = id
	return caller.With(ctx, &c)
}

// read decodes a JSON body into v. What v does not know is refused, not
// ignored.
func read(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &problem{Status: 415, Code: "UnsupportedMediaType", Message: "The body must be application/json."}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &problem{Status: 413, Code: "RequestEntityTooLarge", Message: "The request body is too large."}
	}
	if err != nil {
		return bad("The body is not the JSON document that is wanted here.")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("Something follows the JSON document.")
	}
	return nil
}

// secure reports whether the endpoint is reached over TLS.
func (s *Service) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(s.URL(), "https://")
}

// origins are how callers may name the endpoint.
func (s *Service) origins(r *http.Request) []string {
	scheme := "http://"
	if s.secure(r) {
		scheme = "https://"
	}
	out := []string{scheme + r.Host}
	if own := strings.TrimSuffix(s.URL(), "/"); own != "" {
		out = append(out, own)
	}
	return out
}

// destination turns where somebody wants to go after a sign-in into a path of
// our own console, and refuses every other place. AWS's console is ours.
func (s *Service) destination(r *http.Request, to string) (string, error) {
	if to == "" {
		return "/console/home", nil
	}
	u, err := url.Parse(to)
	if err != nil || len(to) > 2048 || u.Opaque != "" || u.User != nil {
		return "", bad("The destination is not a URL.")
	}
	own := u.Scheme == "" && u.Host == ""
	for _, o := range s.origins(r) {
		own = own || u.Scheme+"://"+u.Host == o
	}
	host := u.Hostname()
	own = own || u.Scheme == "https" && (host == "console.aws.amazon.com" || strings.HasSuffix(host, ".console.aws.amazon.com"))
	if !own {
		return "", bad("The destination is not a page of this console.")
	}
	path := u.EscapedPath()
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if strings.HasPrefix(path, "//") || strings.Contains(path, `\`) { // browsers take it for a host
		return "", bad("The destination is not a page of this console.")
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		path += "#" + u.EscapedFragment()
	}
	return path, nil
}
