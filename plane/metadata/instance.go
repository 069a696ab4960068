package metadata

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The headers of IMDSv2.
const (
	headerToken = "X-Aws-Ec2-Metadata-Token"
	headerTTL   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	maxTTL      = 21600 // seconds: six hours
)

// Instance is the instance metadata service.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
func (p *Plane) Instance() http.Handler { return http.HandlerFunc(p.serveInstance) }

func (p *Plane) serveInstance(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	a := p.config.Load()
	switch {
	case a.Config.Instance == nil:
		plain(w, http.StatusNotFound)
	case !local(r.Host):
		plain(w, http.StatusForbidden)
	case r.Method == http.MethodPut && strings.TrimSuffix(r.URL.Path, "/") == "/latest/api/token":
		p.putToken(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		plain(w, http.StatusMethodNotAllowed)
	case !p.admit(w, r, a.Config.Instance):
		plain(w, http.StatusUnauthorized)
	case a.isCredentials(r.URL.Path):
		a.serveCredentials(w, r)
	default:
		text, ok := a.look(r.URL.Path)
		if !ok {
			plain(w, http.StatusNotFound)
			return
		}
		write(w, "text/plain", text)
	}
}

// local reports whether a request names the host it asks by an address, or by a
// name that nobody can own elsewhere. A web page whose name its owner resolves to
// this host (DNS rebinding) could ask for a token like any program here, and read
// the credentials with it: but it asks by its own name.
func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || host == "instance-data.ec2.internal"
}

// putToken begins a session. A request that came through a proxy is refused: a
// proxy that was talked into asking gets no token.
func (p *Plane) putToken(w http.ResponseWriter, r *http.Request) {
	if len(r.Header.Values("X-Forwarded-For")) > 0 {
		plain(w, http.StatusForbidden)
		return
	}
	ttl, err := strconv.ParseUint(r.Header.Get(headerTTL), 10, 32)
	if err != nil || ttl < 1 || ttl > maxTTL {
		plain(w, http.StatusBadRequest)
		return
	}
	w.Header().Set(headerTTL, strconv.FormatUint(ttl, 10))
	write(w, "text/plain", p.issue(time.Duration(ttl)*time.Second))
}

// admit decides whether a request may read. A token that is shown must be good,
// also where none is needed.
func (p *Plane) admit(w http.ResponseWriter, r *http.Request, i *Instance) bool {
	tokens := r.Header.Values(headerToken)
	if len(tokens) == 0 {
		return i.AllowV1
	}
	left := p.left(tokens[0])
	if len(tokens) > 1 || left <= 0 {
		return false
	}
	w.Header().Set(headerTTL, strconv.Itoa(int(left/time.Second)))
	return true
}

const credentialsPath = "/latest/meta-data/iam/security-credentials/"

func (a *applied) isCredentials(path string) bool {
	return a.instance != nil && strings.TrimSuffix(path, "/") == credentialsPath+a.Config.Instance.Role
}

// serveCredentials answers the role's credentials, or why there are none, in
// which case EC2 answers 200 too.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
func (a *applied) serveCredentials(w http.ResponseWriter, r *http.Request) {
	c, got, err := a.instance.get(r.Context())
	var answer any
	switch {
	case errors.Is(err, ErrDenied):
		answer = failure{
			Code: "AssumeRoleUnauthorizedAccess", LastUpdated: stamp(a.instance.now()),
			Message: "EC2 cannot assume the role " + a.Config.Instance.Role + ". Please see documentation at " +
				"https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.",
		}
	case err != nil:
		plain(w, http.StatusServiceUnavailable)
		return
	default:
		answer = success{"Success", stamp(got), "AWS-HMAC", c.AccessKey, c.Secret, c.Token, stamp(c.Expires)}
	}
	doc, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		plain(w, http.StatusInternalServerError)
		return
	}
	write(w, "text/plain", string(doc))
}

// success and failure are what security-credentials/ROLE answers, in EC2's
// order.
type success struct {
	Code, LastUpdated, Type, AccessKeyId, SecretAccessKey, Token, Expiration string //nolint:revive // EC2's names
}

type failure struct{ Code, Message, LastUpdated string }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func write(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	if _, err := io.WriteString(w, text); err != nil {
		return // the caller has gone
	}
}

// plain answers a status with its name, and no more.
func plain(w http.ResponseWriter, status int) {
	http.Error(w, strconv.Itoa(status)+" - "+http.StatusText(status), status)
}
