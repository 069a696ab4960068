package oidc

import (
	"context"
	"crypto/sha1" //nolint:gosec // AWS's thumbprints are SHA-1; only the first preimage matters
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// verify trusts a server whose certificate the roots vouch for, or else one
// whose chain leads to a certificate with one of the thumbprints. Name and dates
// are checked in both cases.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
func (c *Client) verify(chain []*x509.Certificate, host string, thumbprints []string) (Checked, error) {
	if len(chain) == 0 {
		return "", ErrThumb
	}
	opts := x509.VerifyOptions{DNSName: host, Roots: c.Roots, Intermediates: x509.NewCertPool(), CurrentTime: c.Now()}
	for _, cert := range chain[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(opts)
	if err == nil {
		return ByRoots, nil
	}
	opts.Roots = x509.NewCertPool()
	found := false
	for _, cert := range chain {
		if slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, thumbprint(cert)) }) {
			opts.Roots.AddCert(cert)
			found = true
		}
	}
	if !found {
		return "", fmt.Errorf("%w: %w", ErrThumb, err)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return "", fmt.Errorf("%w: %w", ErrThumb, err)
	}
	return ByThumbprint, nil
}

func thumbprint(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// Thumbprint asks an issuer for the thumbprint that IAM records where it is
// given none: that of the last certificate of the chain with which the host of
// the issuer's keys answers, the top intermediate authority. Nothing vouches for
// the answer but that it was reached. An issuer without TLS has none, "".
func (c *Client) Thumbprint(ctx context.Context, issuer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	if strings.HasPrefix(issuer, "http://") {
		return "", CheckURL(issuer)
	}
	uri, err := c.unverifiedKeys(ctx, issuer)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(uri)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	chain, err := c.chain(ctx, u)
	if err != nil {
		return "", err
	}
	return thumbprint(chain[len(chain)-1]), nil
}

// unverifiedKeys returns the jwks_uri, by a connection that trusts whatever
// certificates it meets.
func (c *Client) unverifiedKeys(ctx context.Context, issuer string) (string, error) {
	if err := CheckURL(issuer); err != nil {
		return "", err
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	chain, err := c.chain(ctx, u)
	if err != nil {
		return "", err
	}
	i := Issuer{URL: issuer}
	for _, cert := range chain {
		i.Thumbprints = append(i.Thumbprints, thumbprint(cert))
	}
	uri, _, err := c.discover(ctx, i)
	if err != nil {
		return "", err
	}
	return uri, checkAddress(uri, false)
}

// chain returns the certificates that a host answers with, unverified.
func (c *Client) chain(ctx context.Context, u *url.URL) ([]*x509.Certificate, error) {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	address := net.JoinHostPort(u.Hostname(), port)
	conn, err := c.secure(ctx, address, u.Hostname(), func(tls.ConnectionState) error { return nil }) // only looks
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	chain := conn.ConnectionState().PeerCertificates
	if err := conn.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("%w: no certificate", ErrIssuer)
	}
	return chain, nil
}
