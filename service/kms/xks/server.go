package xks

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"bartizan.dev/sigv4"
)

// Credentials knows who may call. Several credentials may be good at a time,
// so that KMS can change from one to the next.
type Credentials interface {
	// Secret returns the secret of an access key id for the key store at prefix,
	// empty if there is none. It returns a Fault named InvalidUriPathException if
	// there is no key store there.
	Secret(ctx context.Context, prefix, accessKeyID string) (string, error)
}

// Keys is the key manager behind the proxy. Its errors are *Fault, or become
// InternalException; a late one, DependencyTimeoutException. A method may be
// called again with the same request, which must do no harm.
type Keys interface {
	// Health should use a key, one that nobody else does, before it says Active.
	// There is no need to decide access here.
	Health(ctx context.Context, call *Call) (*Health, error)
	Metadata(ctx context.Context, call *Call) (*KeyMetadata, error)
	Encrypt(ctx context.Context, call *Call, plaintext, aad []byte) (*Ciphertext, error)
	Decrypt(ctx context.Context, call *Call, c *Ciphertext, aad []byte) ([]byte, error)
}

// Call is who asks for what. The signature has been verified.
type Call struct {
	Prefix      string // of the path: /prefix or nothing
	AccessKeyID string
	Region      string // of the KMS that asks
	KeyID       string // the external key; empty for Health
	Metadata    RequestMetadata
	Proving     bool // the Decrypt by which the server proves an Encrypt
}

// Event is one request, for a log. It holds no secret and no plaintext.
type Event struct {
	Call
	Operation string // health, metadata, encrypt, decrypt; empty if the path is none
	Fault     *Fault // nil if it went well
	Took      time.Duration
}

// Server is the proxy: an http.Handler for every path that ends in
// /kms/xks/v1/health or …/keys/ID/{metadata,encrypt,decrypt}. TLS, and mutual
// TLS if it is wanted, are the listener's.
type Server struct {
	Credentials Credentials
	Keys        Keys
	Log         func(context.Context, *Event) // may be nil
	Now         func() time.Time              // nil: time.Now

	once   sync.Once
	derive *sigv4.Keys
}

// Serves reports whether a path is this API's, for a listener that serves
// others too.
func Serves(path string) bool { return strings.Contains(path, base+"/") }

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := s.now()
	e := Event{}
	answer, err := s.serve(w, r, &e)
	status := http.StatusOK
	if err != nil {
		e.Fault = asFault(err)
		answer, status = errorAnswer(e.Fault), statuses[e.Fault.Name]
		if e.Operation != "" && r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			status = http.StatusMethodNotAllowed
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(answer) // an error means that whoever asked has gone
	if s.Log != nil {
		e.Took = s.now().Sub(started)
		s.Log(r.Context(), &e)
	}
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// serve routes, authenticates, and calls.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, e *Event) ([]byte, error) {
	ok := false
	if e.Prefix, e.KeyID, e.Operation, ok = route(r.URL.EscapedPath()); !ok || r.URL.RawQuery != "" {
		e.Operation = ""
		return nil, &Fault{Name: InvalidURIPathException, Message: "The path is not [/prefix]/kms/xks/v1/health or /keys/ID/{metadata,encrypt,decrypt}."}
	}
	if r.Method != http.MethodPost {
		return nil, &Fault{Name: ValidationException, Message: "The method must be POST."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, &problem{what: "is too long", large: true}
		}
		return nil, &problem{what: "ends too early"}
	}
	if err := s.authenticate(r, body, &e.Call); err != nil {
		return nil, err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &Fault{Name: ValidationException, Message: "The Content-Type must be application/json."}
	}
	return s.call(r.Context(), e, body)
}

// route takes a path apart. A percent sign is in none of ours.
func route(path string) (prefix, keyID, operation string, ok bool) {
	i := strings.LastIndex(path, base+"/")
	if i < 0 || !validPrefix(path[:i]) {
		return "", "", "", false
	}
	prefix, rest := path[:i], path[i+len(base)+1:]
	if rest == "health" {
		return prefix, "", rest, true
	}
	rest, ok = strings.CutPrefix(rest, "keys/")
	keyID, operation, _ = strings.Cut(rest, "/")
	switch operation {
	case "metadata", "encrypt", "decrypt":
		return prefix, keyID, operation, ok && ValidKeyID(keyID)
	}
	return "", "", "", false
}

// authenticate verifies the signature (Appendix A). What an unknown key costs
// and answers is what a wrong signature does.
func (s *Server) authenticate(r *http.Request, body []byte, call *Call) error {
	s.once.Do(func() { s.derive = sigv4.NewKeys(64) })
	denied := func(err error) error {
		message := "The signature is not valid."
		if !sigv4.Is(err, sigv4.UnknownKey) && !sigv4.Is(err, sigv4.SignatureMismatch) {
			message = strings.TrimPrefix(err.Error(), "sigv4: ")
		}
		return &Fault{Name: AuthenticationFailedException, Message: message, Cause: err}
	}
	var claim sigv4.Claim
	if err := claim.Parse(r); err != nil {
		return denied(err)
	}
	// The scope's Region is KMS's own, whichever that is.
	if err := claim.Check(sigv4.RulesFor(SigningName, ""), s.now()); err != nil {
		return denied(err)
	}
	secret, err := s.Credentials.Secret(r.Context(), call.Prefix, claim.AccessKey)
	if err != nil {
		return err
	}
	if !validAccessKeyID(claim.AccessKey) {
		secret = ""
	}
	if err := claim.Verify(s.derive, secret, body); err != nil {
		return denied(err)
	}
	call.AccessKeyID, call.Region = claim.AccessKey, claim.Scope.Region
	return nil
}
