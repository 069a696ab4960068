package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// errRefused is an answer of an endpoint that another try would not change.
var errRefused = errors.New("the endpoint refuses the event")

// errRate: the destination's rate is used up for now. It is no failed attempt.
var errRate = errors.New("the rate limit of the API destination is reached")

// secret reads the credentials of a connection as EventBridge.
func (s *Service) secret(ctx context.Context, c *connection) (*credentials, error) {
	if c.Secret == "" {
		return nil, fmt.Errorf("%w: the connection is deauthorized", errRefused)
	}
	got, err := s.Read.GetSecretValue(ctx, &secretsmanagerapi.GetSecretValueRequest{SecretId: c.Secret})
	if err != nil {
		return nil, err
	}
	out := new(credentials)
	return out, json.Unmarshal([]byte(text(got.SecretString)), out)
}

// invoke calls an API destination once. Redirects are not followed: the
// credentials are for the endpoint.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
func (s *Service) invoke(ctx context.Context, d *delivery, body []byte) error {
	found, err := s.destinations.OneBy(ctx, s.Store, "arn", d.Target.Arn)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("The API destination does not exist.")
	} else if err != nil {
		return err
	}
	to := found.Value
	c, err := s.connected(ctx, s.Store, to.Connection)
	if err != nil {
		return err
	}
	if !s.pace.Take(to.UID, to.Rate, time.Now()) {
		return errRate
	}
	secret, err := s.secret(ctx, c)
	if err != nil {
		return err
	}
	address, err := fill(to.Endpoint, d.Target.HTTP, secret.Invocation)
	if err != nil {
		return err
	}
	if body, err = withParameters(body, secret.Invocation); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, to.Method, address, bytes.NewReader(body))
	if err != nil {
		return errRefused
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Amazon/EventBridge/ApiDestinations")
	if h := d.Target.HTTP; h != nil {
		for k, v := range h.Headers {
			req.Header.Set(k, v)
		}
	}
	if secret.Invocation != nil {
		for _, p := range secret.Invocation.Headers {
			req.Header.Set(p.Key, p.Value)
		}
	}
	switch {
	case secret.Username != "":
		req.SetBasicAuth(secret.Username, secret.Password)
	case secret.KeyName != "":
		req.Header.Set(secret.KeyName, secret.KeyValue)
	default:
		token, err := s.token(ctx, secret)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return s.answered(req)
}

// answered sends a request and judges the answer: "EventBridge retries on 401,
// 407, 409, 429 and 5xx."
func (s *Service) answered(req *http.Request) error {
	res, err := s.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("events: %s does not answer", req.URL.Host) // the error would show the query
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	switch code := res.StatusCode; {
	case code/100 == 2:
		return err
	case code/100 == 5 || code == 401 || code == 407 || code == 409 || code == 429:
		return fmt.Errorf("events: %s answers %d", req.URL.Host, code)
	default:
		return fmt.Errorf("%w: %s answers %d", errRefused, req.URL.Host, code)
	}
}

// fill puts path and query parameters into an address: each * of the path is one
// value of the target.
func fill(endpoint string, target *targetHTTP, invocation *httpParameters) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", errRefused
	}
	path, query := u.EscapedPath(), u.Query()
	if target != nil {
		for _, v := range target.Path {
			path = strings.Replace(path, "*", url.PathEscape(v), 1)
		}
		for k, v := range target.Query {
			query.Set(k, v)
		}
	}
	if invocation != nil {
		for _, p := range invocation.Query {
			query.Set(p.Key, p.Value)
		}
	}
	if u.Path, err = url.PathUnescape(path); err != nil {
		return "", errRefused
	}
	u.RawPath, u.RawQuery = path, query.Encode()
	return u.String(), nil
}

// withParameters adds the connection's body parameters to a body that is an object.
func withParameters(body []byte, p *httpParameters) ([]byte, error) {
	if p == nil || len(p.Body) == 0 {
		return body, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil || object == nil {
		return nil, errRefused
	}
	for _, x := range p.Body {
		raw, err := json.Marshal(x.Value)
		if err != nil {
			return nil, err
		}
		object[x.Key] = raw
	}
	return json.Marshal(object)
}

// token asks the authorization server for an access token, by the client
// credentials grant (RFC 6749 section 4.4).
func (s *Service) token(ctx context.Context, c *credentials) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}}
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return "", errRefused
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if c.OAuth != nil {
		query := u.Query()
		for _, p := range c.OAuth.Body {
			form.Set(p.Key, p.Value)
		}
		for _, p := range c.OAuth.Query {
			query.Set(p.Key, p.Value)
		}
		for _, p := range c.OAuth.Headers {
			header.Set(p.Key, p.Value)
		}
		u.RawQuery = query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, cmp.Or(c.Method, http.MethodPost), u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", errRefused
	}
	req.Header = header
	res, err := s.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("events: the authorization server %s does not answer", u.Host)
	}
	defer res.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&out) != nil || out.Token == "" {
		return "", fmt.Errorf("events: the authorization server %s answers %d without a token", u.Host, res.StatusCode)
	}
	return out.Token, nil
}

// doAuthorize finds out whether the credentials of a new OAuth connection work.
func (s *Service) doAuthorize(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	c, err := s.connections.Get(ctx, s.Store, string(j.Payload))
	if errors.Is(err, store.ErrNotFound) || err == nil && c.UID != j.ID {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	as := s.asEventBridge(ctx, &delivery{Account: c.Home.Account, Region: c.Home.Region, Rule: c.arn()})
	secret, failed := s.secret(as, c)
	if failed == nil {
		_, failed = s.token(as, secret)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return func(tx store.Tx) error {
		c, err := s.connections.Get(ctx, tx, string(j.Payload))
		if errors.Is(err, store.ErrNotFound) || err == nil && c.UID != j.ID {
			return nil
		} else if err != nil {
			return err
		}
		if c.Changed = s.now(); failed != nil {
			c.State, c.Reason = string(eventsapi.ConnectionState_DEAUTHORIZED), "The authorization failed: "+failed.Error()
		} else {
			c.State, c.Authorized = string(eventsapi.ConnectionState_AUTHORIZED), c.Changed
		}
		return s.connections.Put(ctx, tx, string(j.Payload), c)
	}, nil
}
