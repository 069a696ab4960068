package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	eventsapi "bartizan.dev/api/events"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Secrets are the operations of Secrets Manager that connections need: they keep
// nothing secret themselves.
type Secrets interface {
	CreateSecret(context.Context, *secretsmanagerapi.CreateSecretRequest) (*secretsmanagerapi.CreateSecretResponse, error)
	PutResourcePolicy(context.Context, *secretsmanagerapi.PutResourcePolicyRequest) (*secretsmanagerapi.PutResourcePolicyResponse, error)
	DeleteSecret(context.Context, *secretsmanagerapi.DeleteSecretRequest) (*secretsmanagerapi.DeleteSecretResponse, error)
	GetSecretValue(context.Context, *secretsmanagerapi.GetSecretValueRequest) (*secretsmanagerapi.GetSecretValueResponse, error)
	PutSecretValue(context.Context, *secretsmanagerapi.PutSecretValueRequest) (*secretsmanagerapi.PutSecretValueResponse, error)
}

// connection is how API destinations are authorised, without its secrets.
type connection struct {
	Home             place // Name is the connection's
	UID              string
	Description      string `json:",omitzero"`
	Type             string
	State            string
	Reason           string `json:",omitzero"`
	Secret           string // ARN; empty once it is deauthorized
	Shown            string // user name, client id or name of the API key
	Endpoint, Method string `json:",omitzero"` // of OAuth
	Created, Changed time.Time
	Authorized       time.Time `json:",omitzero"`
}

func (c *connection) arn() string {
	return arn.New("events", c.Home.Region, c.Home.Account, "connection/"+c.Home.Name+"/"+c.UID)
}

// credentials are what the secret of a connection holds, under AWS's names.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html
type credentials struct {
	Username     string          `json:"username,omitempty"`
	Password     string          `json:"password,omitempty"`
	KeyName      string          `json:"api_key_name,omitempty"`
	KeyValue     string          `json:"api_key_value,omitempty"`
	ClientID     string          `json:"client_id,omitempty"`
	ClientSecret string          `json:"client_secret,omitempty"`
	Endpoint     string          `json:"authorization_endpoint,omitempty"`
	Method       string          `json:"http_method,omitempty"`
	OAuth        *httpParameters `json:"oauth_http_parameters,omitempty"`
	Invocation   *httpParameters `json:"invocation_http_parameters,omitempty"`
}

type httpParameters struct {
	Headers []parameter `json:"header_parameters,omitempty"`
	Query   []parameter `json:"query_string_parameters,omitempty"`
	Body    []parameter `json:"body_parameters,omitempty"`
}

type parameter struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Secret bool   `json:"is_value_secret"`
}

func parameters(in *eventsapi.ConnectionHttpParameters) *httpParameters {
	if in == nil {
		return nil
	}
	out := &httpParameters{}
	for _, p := range in.HeaderParameters {
		out.Headers = append(out.Headers, parameter{text(p.Key), text(p.Value), p.IsValueSecret != nil && *p.IsValueSecret})
	}
	for _, p := range in.QueryStringParameters {
		out.Query = append(out.Query, parameter{text(p.Key), text(p.Value), p.IsValueSecret != nil && *p.IsValueSecret})
	}
	for _, p := range in.BodyParameters {
		out.Body = append(out.Body, parameter{text(p.Key), text(p.Value), p.IsValueSecret != nil && *p.IsValueSecret})
	}
	return out
}

// endpoint refuses what is not to be called: without TLS others could read
// along. Plain is for tests on the same machine.
func (s *Service) endpoint(name, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !(s.Plain && u.Scheme == "http" && loopback(u.Hostname())) {
		return notValid(name, "It must be an HTTPS address.")
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// CreateConnection makes a connection. Its credentials become a secret of the
// caller's account, events!connection/NAME/UUID, that EventBridge may read.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateConnection.html
func (s *Service) CreateConnection(ctx context.Context, in *eventsapi.CreateConnectionRequest) (*eventsapi.CreateConnectionResponse, error) {
	if in.InvocationConnectivityParameters != nil || text(in.KmsKeyIdentifier) != "" || in.AuthParameters != nil && in.AuthParameters.ConnectivityParameters != nil {
		return nil, invalid("Bartizan has no private connectivity for connections, and seals their secrets with aws/secretsmanager: InvocationConnectivityParameters, ConnectivityParameters and KmsKeyIdentifier are not supported.")
	}
	home, _ := placeOf(ctx, "")
	home.Name = in.Name
	now := s.now()
	c := &connection{Home: home, UID: newID(), Description: text(in.Description), Type: string(in.AuthorizationType), Created: now, Changed: now}
	secret, err := s.credentialsOf(c, in.AuthParameters)
	if err != nil {
		return nil, err
	}
	if _, err := s.connections.Get(ctx, s.Store, home.key()); err == nil {
		return nil, alreadyExists("Connection %s already exists.", in.Name)
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if c.Secret, err = s.keep(ctx, c, secret); err != nil {
		return nil, err
	}
	c.State = string(eventsapi.ConnectionState_AUTHORIZED)
	if c.Endpoint != "" {
		c.State = string(eventsapi.ConnectionState_AUTHORIZING)
	} else {
		c.Authorized = now
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.connections.Insert(ctx, tx, home.key(), c); err != nil || c.Endpoint == "" {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobAuthorize, ID: c.UID, Due: now, Payload: []byte(home.key())})
	})
	if errors.Is(err, store.ErrExists) {
		err = alreadyExists("Connection %s already exists.", in.Name)
	}
	if err != nil {
		_, undo := s.Secrets.DeleteSecret(ctx, &secretsmanagerapi.DeleteSecretRequest{SecretId: c.Secret, ForceDeleteWithoutRecovery: new(true)})
		return nil, errors.Join(err, undo)
	}
	return &eventsapi.CreateConnectionResponse{ConnectionArn: new(c.arn()), ConnectionState: eventsapi.ConnectionState(c.State), CreationTime: c.Created, LastModifiedTime: c.Changed}, nil
}

// credentialsOf takes what belongs to the type of authorization.
func (s *Service) credentialsOf(c *connection, in *eventsapi.CreateConnectionAuthRequestParameters) (*credentials, error) {
	if in == nil {
		return nil, invalid("AuthParameters are required.")
	}
	out := &credentials{Invocation: parameters(in.InvocationHttpParameters)}
	b, k, o := in.BasicAuthParameters, in.ApiKeyAuthParameters, in.OAuthParameters
	switch t := eventsapi.ConnectionAuthorizationType(c.Type); {
	case t == eventsapi.ConnectionAuthorizationType_BASIC && b != nil && k == nil && o == nil:
		c.Shown, out.Username, out.Password = b.Username, b.Username, b.Password
	case t == eventsapi.ConnectionAuthorizationType_API_KEY && k != nil && b == nil && o == nil:
		c.Shown, out.KeyName, out.KeyValue = k.ApiKeyName, k.ApiKeyName, k.ApiKeyValue
	case t == eventsapi.ConnectionAuthorizationType_OAUTH_CLIENT_CREDENTIALS && o != nil && o.ClientParameters != nil && b == nil && k == nil:
		if err := s.endpoint("AuthorizationEndpoint", o.AuthorizationEndpoint); err != nil {
			return nil, err
		}
		c.Endpoint, c.Method, c.Shown = o.AuthorizationEndpoint, string(o.HttpMethod), o.ClientParameters.ClientID
		out.ClientID, out.ClientSecret, out.Endpoint, out.Method = c.Shown, o.ClientParameters.ClientSecret, c.Endpoint, c.Method
		out.OAuth = parameters(o.OAuthHttpParameters)
	default:
		return nil, invalid("AuthParameters must have the parameters of the authorization type %s, and of no other.", c.Type)
	}
	return out, nil
}

// keep puts credentials into Secrets Manager, as the caller, and lets EventBridge
// read them for this account.
func (s *Service) keep(ctx context.Context, c *connection, secret *credentials) (string, error) {
	raw, err := json.Marshal(secret)
	if err != nil {
		return "", err
	}
	made, err := s.Secrets.CreateSecret(ctx, &secretsmanagerapi.CreateSecretRequest{
		Name: "events!connection/" + c.Home.Name + "/" + newID(), SecretString: new(string(raw)), ClientRequestToken: new(newID()),
	})
	if err != nil {
		return "", err
	}
	const policy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": %q}, "Action": "secretsmanager:GetSecretValue", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": %q}}}]}`
	_, err = s.Secrets.PutResourcePolicy(ctx, &secretsmanagerapi.PutResourcePolicyRequest{SecretId: *made.ARN, ResourcePolicy: fmt.Sprintf(policy, principal, c.Home.Account)})
	if err != nil {
		_, undo := s.Secrets.DeleteSecret(ctx, &secretsmanagerapi.DeleteSecretRequest{SecretId: *made.ARN, ForceDeleteWithoutRecovery: new(true)})
		return "", errors.Join(err, undo)
	}
	return *made.ARN, nil
}

func (s *Service) connection(ctx context.Context, r store.Reader, name string) (*connection, error) {
	home, _ := placeOf(ctx, "")
	home.Name = name
	c, err := s.connections.Get(ctx, r, home.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Failed to describe the connection(s). Connection '%s' does not exist.", name)
	}
	return c, err
}

// DescribeConnection shows a connection, and nothing that is secret.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeConnection.html
func (s *Service) DescribeConnection(ctx context.Context, in *eventsapi.DescribeConnectionRequest) (*eventsapi.DescribeConnectionResponse, error) {
	c, err := s.connection(ctx, s.Store, in.Name)
	if err != nil {
		return nil, err
	}
	out := &eventsapi.DescribeConnectionResponse{
		ConnectionArn: new(c.arn()), Name: &c.Home.Name, Description: orNil(c.Description), ConnectionState: eventsapi.ConnectionState(c.State), StateReason: orNil(c.Reason),
		AuthorizationType: eventsapi.ConnectionAuthorizationType(c.Type), SecretArn: orNil(c.Secret), CreationTime: c.Created, LastModifiedTime: c.Changed, LastAuthorizedTime: c.Authorized,
		AuthParameters: &eventsapi.ConnectionAuthResponseParameters{},
	}
	if c.Secret == "" {
		out.AuthParameters = nil
		return out, nil
	}
	switch a := out.AuthParameters; out.AuthorizationType {
	case eventsapi.ConnectionAuthorizationType_BASIC:
		a.BasicAuthParameters = &eventsapi.ConnectionBasicAuthResponseParameters{Username: &c.Shown}
	case eventsapi.ConnectionAuthorizationType_API_KEY:
		a.ApiKeyAuthParameters = &eventsapi.ConnectionApiKeyAuthResponseParameters{ApiKeyName: &c.Shown}
	default:
		a.OAuthParameters = &eventsapi.ConnectionOAuthResponseParameters{
			ClientParameters:      &eventsapi.ConnectionOAuthClientResponseParameters{ClientID: &c.Shown},
			AuthorizationEndpoint: &c.Endpoint, HttpMethod: eventsapi.ConnectionOAuthHttpMethod(c.Method),
		}
	}
	return out, nil
}

// DeleteConnection deletes a connection and its secret.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteConnection.html
func (s *Service) DeleteConnection(ctx context.Context, in *eventsapi.DeleteConnectionRequest) (*eventsapi.DeleteConnectionResponse, error) {
	c, err := s.connection(ctx, s.Store, in.Name)
	if err != nil {
		return nil, err
	}
	if c.Secret != "" {
		_, err = s.Secrets.DeleteSecret(ctx, &secretsmanagerapi.DeleteSecretRequest{SecretId: c.Secret, ForceDeleteWithoutRecovery: new(true)})
		if err != nil {
			return nil, err
		}
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.queue.Cancel(ctx, tx, jobAuthorize, c.UID); err != nil {
			return err
		}
		return s.connections.Delete(ctx, tx, c.Home.key())
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.DeleteConnectionResponse{
		ConnectionArn: new(c.arn()), ConnectionState: eventsapi.ConnectionState_DELETING, CreationTime: c.Created, LastModifiedTime: c.Changed, LastAuthorizedTime: c.Authorized,
	}, nil
}

// ListConnections lists the account's connections by name.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListConnections.html
func (s *Service) ListConnections(ctx context.Context, in *eventsapi.ListConnectionsRequest) (*eventsapi.ListConnectionsResponse, error) {
	pg, err := newPage(in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	home, _ := placeOf(ctx, "")
	found, err := s.connections.List(ctx, s.Store, home.home()+text(in.NamePrefix), pg.from(home.home()), pg.limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(found, pg, func(e *store.Entry[connection]) string { return e.Value.Home.Name })
	out := &eventsapi.ListConnectionsResponse{Connections: []eventsapi.Connection{}, NextToken: next}
	for _, e := range found {
		if c := e.Value; in.ConnectionState == "" || string(in.ConnectionState) == c.State {
			out.Connections = append(out.Connections, eventsapi.Connection{
				ConnectionArn: new(c.arn()), Name: &c.Home.Name, ConnectionState: eventsapi.ConnectionState(c.State), StateReason: orNil(c.Reason),
				AuthorizationType: eventsapi.ConnectionAuthorizationType(c.Type), CreationTime: c.Created, LastModifiedTime: c.Changed, LastAuthorizedTime: c.Authorized,
			})
		}
	}
	return out, nil
}
