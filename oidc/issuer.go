package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Bounds of what an issuer is asked. AWS gives an issuer five seconds too.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
const (
	fetchTime    = 5 * time.Second
	maxDiscovery = 64 << 10 // bytes
	maxRedirects = 3
)

// Client asks issuers for their keys. It uses no proxy of the environment, keeps
// no connection, and speaks HTTPS, or HTTP to the machine it runs on.
type Client struct {
	// Roots are the certificate authorities that are trusted without a thumbprint;
	// nil: the system's.
	Roots *x509.CertPool
	// Dial opens connections; nil: net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time
}

// Issuer is an issuer and what is trusted of it besides Client.Roots.
type Issuer struct {
	URL         string   // https://…, or http:// on a loopback address
	Thumbprints []string // SHA-1 of certificates, 40 hexadecimal digits
}

// Checked says how a connection to an issuer was verified, in CloudTrail's
// words for identityProviderConnectionVerificationMethod.
type Checked string

const (
	ByRoots      Checked = "IAMTrustStore"
	ByThumbprint Checked = "Thumbprint"
	ByLoopback   Checked = "Loopback" // not AWS's: HTTP that does not leave the machine
)

// Fetch asks the issuer for its discovery document and then for its keys
// (OpenID Connect Discovery 1.0, section 4). The document must name the issuer
// by the very URL it was asked for.
func (c *Client) Fetch(ctx context.Context, i Issuer) (JWKS, Checked, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	uri, _, err := c.discover(ctx, i)
	if err != nil {
		return nil, "", err
	}
	doc, how, err := c.get(ctx, i, uri, maxJWKS)
	if err != nil {
		return nil, "", err
	}
	keys, err := ParseJWKS(doc)
	return keys, how, err
}

// discover returns the issuer's jwks_uri.
func (c *Client) discover(ctx context.Context, i Issuer) (string, Checked, error) {
	doc, how, err := c.get(ctx, i, strings.TrimSuffix(i.URL, "/")+"/.well-known/openid-configuration", maxDiscovery)
	if err != nil {
		return "", "", err
	}
	config, err := decode(doc)
	if err != nil {
		return "", "", err
	}
	if got := text(config, "issuer"); got != i.URL {
		return "", "", fmt.Errorf("%w: discovery names another issuer", ErrMalformed)
	}
	uri := text(config, "jwks_uri")
	if uri == "" {
		return "", "", fmt.Errorf("%w: discovery names no jwks_uri", ErrMalformed)
	}
	return uri, how, nil
}

// get reads a document of an issuer.
func (c *Client) get(ctx context.Context, i Issuer, address string, limit int64) ([]byte, Checked, error) {
	local := strings.HasPrefix(i.URL, "http://")
	if err := checkAddress(address, local); err != nil {
		return nil, "", err
	}
	how := ByLoopback
	client := http.Client{
		Transport: c.transport(i, &how),
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			return checkAddress(r.URL.String(), local)
		},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	r.Header.Set("Accept", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	switch {
	case answer.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("%w: status %d", ErrIssuer, answer.StatusCode)
	case int64(len(body)) > limit:
		return nil, "", fmt.Errorf("%w: an answer of more than %d bytes", ErrIssuer, limit)
	}
	return body, how, nil
}

// transport makes one for a single document, so that no connection that was
// trusted for one issuer serves another.
func (c *Client) transport(i Issuer, how *Checked) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            c.dial,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return c.secure(ctx, address, host, func(state tls.ConnectionState) (err error) {
				*how, err = c.verify(state.PeerCertificates, host, i.Thumbprints)
				return err
			})
		},
	}
}

// secure opens a TLS connection that check trusts. Its ConnectionState does not
// tell an address from no name, so check must know the host itself.
func (c *Client) secure(ctx context.Context, address, host string, check func(tls.ConnectionState) error) (*tls.Conn, error) {
	plain, err := c.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         host,
		InsecureSkipVerify: true, //nolint:gosec // check verifies, by the roots or else by thumbprint
		VerifyConnection:   check,
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return conn, nil
}

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return checkPeer(address) }}
	return d.DialContext(ctx, network, address)
}

// checkPeer refuses addresses at which no issuer is: those of the link, where
// hosts keep metadata services that give credentials away, and those that mean
// nobody or many. Issuers in private networks are as good as any other.
func checkPeer(address string) error {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	ip := peer.Addr().Unmap()
	if ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() || ip == netip.MustParseAddr("fd00:ec2::254") || ip == netip.MustParseAddr("fd00:ec2::23") {
		return fmt.Errorf("%w: an issuer at %v", ErrIssuer, ip)
	}
	return nil
}

// CheckURL refuses the URL of an issuer that cannot be asked: it must be
// https:// with a host, or http:// with a loopback address, without user,
// query or fragment (OpenID Connect Discovery 1.0, section 3).
func CheckURL(issuer string) error {
	return checkAddress(issuer, strings.HasPrefix(issuer, "http://"))
}

// checkAddress refuses to go where an issuer must not send us: local says that
// the issuer is on this machine, which others must not lead to by HTTP.
func checkAddress(address string, local bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	case u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return fmt.Errorf("%w: no address of an issuer", ErrMalformed)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && local && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: an address of an issuer begins with https://", ErrMalformed)
}

// isLoopback knows only what cannot be resolved to another machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
