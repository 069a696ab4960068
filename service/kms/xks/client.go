package xks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"bartizan.dev/sigv4"
)

// Client asks one proxy. Its fields are set once; its methods may run at the
// same time.
type Client struct {
	Endpoint string // XksProxyUriEndpoint: https://host, here also with a port
	Path     string // XksProxyUriPath: [/prefix]/kms/xks/v1
	Region   string // whose KMS is asking; part of the signature's scope
	Credential

	// HTTP carries the connections; only its Transport is used, and must be there.
	// NewTransport makes one as the specification wants it. (net/http's own would
	// ask the environment for a proxy.)
	HTTP    *http.Client
	Timeout time.Duration    // 0: Timeout, 250 ms
	Now     func() time.Time // for the signature; nil: time.Now
}

// NewTransport returns a transport for any number of Clients: TLS 1.2 or 1.3
// with the ciphers of the specification, no proxy in between, no compression.
// config adds root authorities and, for mutual TLS, certificates; it may be nil.
func NewTransport(config *tls.Config) *http.Transport {
	c := &tls.Config{}
	if config != nil {
		c = config.Clone()
	}
	c.MinVersion = tls.VersionTLS12
	c.CipherSuites = []uint16{ // of TLS 1.2; those of 1.3 are Go's own
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	}
	return &http.Transport{
		TLSClientConfig:        c,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

// Health asks whether proxy and key managers can serve. The error is a
// *Failure named Unhealthy if the proxy answers that none can.
func (c *Client) Health(ctx context.Context, m RequestMetadata) (*Health, error) {
	m = RequestMetadata{Operation: m.Operation, RequestID: m.RequestID} // all that is sent
	answer, err := c.post(ctx, "/health", metadataRequest(&m))
	if err != nil {
		return nil, err
	}
	h, err := readHealthAnswer(answer)
	if err != nil {
		return nil, malformed(err)
	}
	if h.Down() {
		return h, &Failure{Name: Unhealthy}
	}
	return h, nil
}

// KeyMetadata asks about an external key. Usable says whether KMS takes it.
func (c *Client) KeyMetadata(ctx context.Context, keyID string, m RequestMetadata) (*KeyMetadata, error) {
	answer, err := c.key(ctx, keyID, "metadata", metadataRequest(&m))
	if err != nil {
		return nil, err
	}
	k, err := readKeyAnswer(answer)
	if err != nil {
		return nil, malformed(err)
	}
	return k, nil
}

// Encrypt encrypts under an external key, and checks the integrity value of
// what comes back. aad, at most MaxAAD bytes, is needed again to decrypt.
func (c *Client) Encrypt(ctx context.Context, keyID string, m RequestMetadata, plaintext, aad []byte) (*Ciphertext, error) {
	if len(plaintext) == 0 || len(plaintext) > MaxPlaintext || len(aad) > MaxAAD {
		return nil, errors.New("xks: a plaintext or AAD of a size that no proxy must take")
	}
	answer, err := c.key(ctx, keyID, "encrypt", encryptRequest(&m, plaintext, aad))
	if err != nil {
		return nil, err
	}
	out, err := readEncryptAnswer(answer, len(plaintext), aad)
	if err != nil {
		return nil, malformed(err)
	}
	return out, nil
}

// Decrypt decrypts what Encrypt returned.
func (c *Client) Decrypt(ctx context.Context, keyID string, m RequestMetadata, in *Ciphertext, aad []byte) ([]byte, error) {
	if !in.valid() || len(in.Data) > MaxPlaintext || len(aad) > MaxAAD {
		return nil, errors.New("xks: a ciphertext or AAD that no proxy can have seen")
	}
	answer, err := c.key(ctx, keyID, "decrypt", decryptRequest(&m, in, aad))
	if err != nil {
		return nil, err
	}
	plaintext, err := readDecryptAnswer(answer, len(in.Data))
	if err != nil {
		return nil, malformed(err)
	}
	return plaintext, nil
}

func malformed(err error) *Failure { return &Failure{Name: MalformedResponse, Cause: err} }

func (c *Client) key(ctx context.Context, keyID, operation string, body []byte) ([]byte, error) {
	if !ValidKeyID(keyID) {
		return nil, &Failure{Name: KeyNotFoundException, Detail: "no external key can have this id"}
	}
	return c.post(ctx, "/keys/"+keyID+"/"+operation, body)
}

// request makes the signed request. Only host and x-amz-date are signed, as
// KMS does it.
func (c *Client) request(ctx context.Context, path string, body []byte) (*http.Request, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("xks: the endpoint is not https://host")
	}
	if !ValidPath(c.Path) {
		return nil, errors.New("xks: the path is not [/prefix]/kms/xks/v1")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+c.Path+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	creds := sigv4.Credentials{AccessKey: c.AccessKeyID, Secret: c.Secret}
	if err := sigv4.Sign(r, creds, c.Region, SigningName, sigv4.HashPayload(body), now()); err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "") // none
	// All four calls may be sent twice. This says so to net/http, which then tries
	// again when an idle connection turns out to be closed; it is not sent.
	r.Header["Idempotency-Key"] = nil
	return r, nil
}

// post sends a request and returns the body of a 200.
func (c *Client) post(ctx context.Context, path string, body []byte) ([]byte, error) {
	if c.HTTP == nil || c.HTTP.Transport == nil {
		return nil, errors.New("xks: a client without a transport")
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var p progress
	r, err := c.request(httptrace.WithClientTrace(ctx, p.trace()), path, body)
	if err != nil {
		return nil, err
	}
	// Redirects are not followed: what is signed for one place is for no other.
	client := http.Client{
		Transport:     c.HTTP.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, p.failure(ctx, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, p.failure(ctx, err)
	}
	return readAnswer(resp.StatusCode, answer, strings.HasSuffix(path, "/decrypt"))
}

// progress remembers how far a request came, since errors of net/http do not
// all tell.
type progress struct{ connected, ready, badTLS atomic.Bool }

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				p.connected.Store(true)
			}
		},
		GotConn: func(httptrace.GotConnInfo) {
			p.connected.Store(true)
			p.ready.Store(true)
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				p.badTLS.Store(true)
			}
		},
	}
}

// failure sorts an error of the network. A caller that went away is no failure
// of the proxy's.
func (p *progress) failure(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	f := &Failure{Name: Unreachable, Cause: err}
	timeout, ok := errors.AsType[net.Error](err)
	slow := ok && timeout.Timeout() || ctx.Err() != nil
	_, broken := errors.AsType[*net.OpError](err)
	broken = broken || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case p.connected.Load() && slow:
		f.Name = TimedOut
	case slow:
	case p.ready.Load() && !broken:
		f.Name = MalformedResponse // not HTTP
	case p.badTLS.Load():
		f.Name = InvalidTLS
	}
	return f
}
