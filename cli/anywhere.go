package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/server"
	"bartizan.dev/sigv4"
)

// anywhere are the flags of a host that gets credentials by IAM Roles Anywhere,
// named as those of AWS's credential helper.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/credential-helper.html
type anywhere struct {
	Certificate     string `help:"Certificate of this host, PEM." placeholder:"FILE"`
	PrivateKey      string `help:"Its private key, PEM (PKCS #8, PKCS #1 or SEC 1), not encrypted." placeholder:"FILE"`
	Intermediates   string `help:"Certificates between it and the trust anchor, PEM." placeholder:"FILE"`
	TrustAnchorArn  string `help:"Trust anchor." placeholder:"ARN"`
	ProfileArn      string `help:"Profile." placeholder:"ARN"`
	RoleArn         string `help:"Role to get credentials of." placeholder:"ARN"`
	SessionDuration int    `help:"Seconds that credentials shall last, 900 to 43200; without it, what the profile says." placeholder:"SECONDS"`
	RoleSessionName string `help:"Name of the session, if the profile lets callers choose." placeholder:"NAME"`
	Region          string `help:"Region of the endpoint; without it, the trust anchor's."`
	Endpoint        string `help:"URL of the server; without it, $$AWS_ENDPOINT_URL or http://${listen}." placeholder:"URL"`
	CaBundle        string `help:"Certificates that the server's must chain to, PEM; without it, $$AWS_CA_BUNDLE or the system's." placeholder:"FILE"`
}

// hostCredentials are temporary credentials, as CreateSession answers them.
type hostCredentials struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	Expiration      time.Time `json:"expiration"`
}

// check refuses flags that cannot be used.
func (a *anywhere) check() error {
	for _, flag := range [][2]string{
		{"certificate", a.Certificate}, {"private-key", a.PrivateKey}, {"trust-anchor-arn", a.TrustAnchorArn}, {"profile-arn", a.ProfileArn}, {"role-arn", a.RoleArn},
	} {
		if flag[1] == "" {
			return fmt.Errorf("--%s is missing", flag[0])
		}
	}
	if a.SessionDuration != 0 && (a.SessionDuration < 900 || a.SessionDuration > 43200) {
		return errors.New("--session-duration: want 900 to 43200 seconds")
	}
	if _, err := arn.Parse(a.TrustAnchorArn); err != nil {
		return fmt.Errorf("--trust-anchor-arn: %w", err)
	}
	return nil
}

// session calls CreateSession. Certificate and key are read each time, so that
// a renewed certificate is used by the next call.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html
func (a *anywhere) session(ctx context.Context, env Env, now time.Time) (*hostCredentials, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	chain, key, err := a.identity()
	if err != nil {
		return nil, err
	}
	r, body, err := a.request(ctx, env)
	if err != nil {
		return nil, err
	}
	region := a.Region
	if region == "" {
		anchor, err := arn.Parse(a.TrustAnchorArn)
		if err != nil {
			return nil, err
		}
		region = anchor.Region
	}
	if err := sigv4.SignCertificate(r, key, chain, region, "rolesanywhere", sigv4.HashPayload(body), now); err != nil {
		return nil, err
	}
	return a.send(r, env)
}

// endpoint is where the server is: the flag, the variable of a service, the
// variable of all, or the default.
func (a *anywhere) endpoint(env Env, variable string) (*url.URL, error) {
	text := a.Endpoint
	for _, name := range []string{variable, "AWS_ENDPOINT_URL"} {
		if text == "" {
			text = env.Getenv(name)
		}
	}
	if text == "" {
		text = "http://" + server.DefaultListen
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the endpoint %q is no http or https URL", text)
	}
	return u, nil
}

func (a *anywhere) request(ctx context.Context, env Env) (*http.Request, []byte, error) {
	u, err := a.endpoint(env, "AWS_ENDPOINT_URL_ROLESANYWHERE")
	if err != nil {
		return nil, nil, err
	}
	u = u.JoinPath("sessions")
	u.RawQuery = url.Values{"profileArn": {a.ProfileArn}, "roleArn": {a.RoleArn}, "trustAnchorArn": {a.TrustAnchorArn}}.Encode()
	in := map[string]any{}
	if a.SessionDuration != 0 {
		in["durationSeconds"] = a.SessionDuration
	}
	if a.RoleSessionName != "" {
		in["roleSessionName"] = a.RoleSessionName
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "bartizan/"+version())
	return r, body, nil
}

const maxSession = 1 << 20 // bytes of an answer

func (a *anywhere) send(r *http.Request, env Env) (*hostCredentials, error) {
	client, err := a.client(env)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSession))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusCreated {
		return nil, refusal(res, body)
	}
	var out struct {
		CredentialSet []struct{ Credentials hostCredentials }
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("the server's answer is no session: %w", err)
	}
	if len(out.CredentialSet) == 0 || out.CredentialSet[0].Credentials.AccessKeyID == "" {
		return nil, errors.New("the server's answer has no credentials")
	}
	return &out.CredentialSet[0].Credentials, nil
}

// refused is the answer of a server that gives no credentials.
type refused struct {
	status     int
	code, text string
}

func (r *refused) Error() string {
	return fmt.Sprintf("the server refuses (%d): %s: %s", r.status, r.code, r.text)
}

// final reports whether asking again would change nothing.
func (r *refused) final() bool {
	return r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests
}

func refusal(res *http.Response, body []byte) error {
	var e struct{ Message string }
	if json.Unmarshal(body, &e) != nil || e.Message == "" {
		e.Message = http.StatusText(res.StatusCode)
	}
	return &refused{res.StatusCode, res.Header.Get("X-Amzn-Errortype"), e.Message}
}

// client trusts what it is told to trust, and goes nowhere else than told.
func (a *anywhere) client(env Env) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	file := a.CaBundle
	if file == "" {
		file = env.Getenv("AWS_CA_BUNDLE")
	}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificates", file)
		}
	}
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// identity reads the host's certificate, what goes with it, and its key.
func (a *anywhere) identity() ([]*x509.Certificate, crypto.Signer, error) {
	chain, err := readCertificates(a.Certificate)
	if err != nil {
		return nil, nil, err
	}
	if a.Intermediates != "" {
		more, err := readCertificates(a.Intermediates)
		if err != nil {
			return nil, nil, err
		}
		chain = append(chain, more...)
	}
	key, err := readKey(a.PrivateKey)
	return chain, key, err
}

func readCertificates(file string) (list []*x509.Certificate, err error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		list = append(list, cert)
	}
	if list == nil {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return list, nil
}

func readKey(file string) (crypto.Signer, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("%s holds no private key in PEM that is not encrypted", file)
		}
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default:
			continue
		}
		if err != nil { // without its text, which may show of the key
			return nil, fmt.Errorf("%s: the private key cannot be read", file)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("%s: the private key cannot sign", file)
		}
		return signer, nil
	}
}
