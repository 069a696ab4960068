package events

import (
	"context"
	"encoding/json"
	"errors"

	eventsapi "bartizan.dev/api/events"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// UpdateConnection changes a connection. What is not given stays; where the type
// changes, its parameters must be given.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UpdateConnection.html
func (s *Service) UpdateConnection(ctx context.Context, in *eventsapi.UpdateConnectionRequest) (*eventsapi.UpdateConnectionResponse, error) {
	if in.InvocationConnectivityParameters != nil || text(in.KmsKeyIdentifier) != "" || in.AuthParameters != nil && in.AuthParameters.ConnectivityParameters != nil {
		return nil, invalid("Bartizan has no private connectivity for connections, and seals their secrets with aws/secretsmanager: InvocationConnectivityParameters, ConnectivityParameters and KmsKeyIdentifier are not supported.")
	}
	c, err := s.connection(ctx, s.Store, in.Name)
	if err != nil {
		return nil, err
	}
	changed := *c
	c = &changed
	if in.Description != nil {
		c.Description = *in.Description
	}
	old := new(credentials)
	if c.Secret != "" {
		// EventBridge reads it, as the caller may not: only what is given is the caller's.
		as := s.asEventBridge(ctx, &delivery{Account: c.Home.Account, Region: c.Home.Region, Rule: c.arn()})
		if old, err = s.secret(as, c); err != nil {
			return nil, err
		}
	}
	if in.AuthorizationType != "" && string(in.AuthorizationType) != c.Type {
		c.Type, c.Endpoint, c.Method, old = string(in.AuthorizationType), "", "", &credentials{Invocation: old.Invocation}
		if in.AuthParameters == nil {
			return nil, invalid("AuthParameters are required.")
		}
	}
	if in.AuthParameters != nil {
		secret, err := s.credentialsOf(c, merged(c, old, in.AuthParameters))
		if err != nil {
			return nil, err
		}
		if err := s.replace(ctx, c, secret); err != nil {
			return nil, err
		}
	}
	err = s.reconnected(ctx, c, in.AuthParameters != nil)
	if err != nil {
		return nil, err
	}
	return &eventsapi.UpdateConnectionResponse{
		ConnectionArn: new(c.arn()), ConnectionState: eventsapi.ConnectionState(c.State), CreationTime: c.Created, LastModifiedTime: c.Changed, LastAuthorizedTime: c.Authorized,
	}, nil
}

// or is the value that was given, or the old one.
func or(given *string, old string) string {
	if given != nil {
		return *given
	}
	return old
}

// merged are all parameters, given and old, as if the connection were made anew.
func merged(c *connection, old *credentials, in *eventsapi.UpdateConnectionAuthRequestParameters) *eventsapi.CreateConnectionAuthRequestParameters {
	out := &eventsapi.CreateConnectionAuthRequestParameters{InvocationHttpParameters: in.InvocationHttpParameters}
	if out.InvocationHttpParameters == nil {
		out.InvocationHttpParameters = given(old.Invocation)
	}
	basic, key, oauth := in.BasicAuthParameters, in.ApiKeyAuthParameters, in.OAuthParameters
	if basic == nil && key == nil && oauth == nil { // only what goes into each call is new
		switch eventsapi.ConnectionAuthorizationType(c.Type) {
		case eventsapi.ConnectionAuthorizationType_BASIC:
			basic = &eventsapi.UpdateConnectionBasicAuthRequestParameters{}
		case eventsapi.ConnectionAuthorizationType_API_KEY:
			key = &eventsapi.UpdateConnectionApiKeyAuthRequestParameters{}
		default:
			oauth = &eventsapi.UpdateConnectionOAuthRequestParameters{}
		}
	}
	if basic != nil {
		out.BasicAuthParameters = &eventsapi.CreateConnectionBasicAuthRequestParameters{Username: or(basic.Username, old.Username), Password: or(basic.Password, old.Password)}
	}
	if key != nil {
		out.ApiKeyAuthParameters = &eventsapi.CreateConnectionApiKeyAuthRequestParameters{ApiKeyName: or(key.ApiKeyName, old.KeyName), ApiKeyValue: or(key.ApiKeyValue, old.KeyValue)}
	}
	if oauth != nil {
		client := oauth.ClientParameters
		if client == nil {
			client = &eventsapi.UpdateConnectionOAuthClientRequestParameters{}
		}
		method := oauth.HttpMethod
		if method == "" {
			method = eventsapi.ConnectionOAuthHttpMethod(old.Method)
		}
		out.OAuthParameters = &eventsapi.CreateConnectionOAuthRequestParameters{
			ClientParameters: &eventsapi.CreateConnectionOAuthClientRequestParameters{
				ClientID: or(client.ClientID, old.ClientID), ClientSecret: or(client.ClientSecret, old.ClientSecret),
			},
			AuthorizationEndpoint: or(oauth.AuthorizationEndpoint, old.Endpoint), HttpMethod: method, OAuthHttpParameters: oauth.OAuthHttpParameters,
		}
		if oauth.OAuthHttpParameters == nil {
			out.OAuthParameters.OAuthHttpParameters = given(old.OAuth)
		}
	}
	return out
}

// given is the inverse of parameters.
func given(p *httpParameters) *eventsapi.ConnectionHttpParameters {
	if p == nil {
		return nil
	}
	out := new(eventsapi.ConnectionHttpParameters)
	for _, x := range p.Headers {
		out.HeaderParameters = append(out.HeaderParameters, eventsapi.ConnectionHeaderParameter{Key: &x.Key, Value: &x.Value, IsValueSecret: &x.Secret})
	}
	for _, x := range p.Query {
		out.QueryStringParameters = append(out.QueryStringParameters, eventsapi.ConnectionQueryStringParameter{Key: &x.Key, Value: &x.Value, IsValueSecret: &x.Secret})
	}
	for _, x := range p.Body {
		out.BodyParameters = append(out.BodyParameters, eventsapi.ConnectionBodyParameter{Key: &x.Key, Value: &x.Value, IsValueSecret: &x.Secret})
	}
	return out
}

// replace puts new credentials into the connection's secret, as the caller.
func (s *Service) replace(ctx context.Context, c *connection, secret *credentials) (err error) {
	if secret.complete() != nil {
		return secret.complete()
	}
	if c.Secret == "" {
		c.Secret, err = s.keep(ctx, c, secret)
		return err
	}
	raw, err := json.Marshal(secret)
	if err != nil {
		return err
	}
	_, err = s.Secrets.PutSecretValue(ctx, &secretsmanagerapi.PutSecretValueRequest{SecretId: c.Secret, SecretString: new(string(raw)), ClientRequestToken: new(newID())})
	return err
}

// complete reports what an update has left out.
func (c *credentials) complete() error {
	if c.Username != "" && c.Password != "" || c.KeyName != "" && c.KeyValue != "" || c.ClientID != "" && c.ClientSecret != "" && c.Endpoint != "" {
		return nil
	}
	return invalid("AuthParameters must have all parameters where the connection has none yet.")
}

// reconnected writes a changed connection. New OAuth credentials are tried out.
func (s *Service) reconnected(ctx context.Context, c *connection, anew bool) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		now, err := s.connections.Get(ctx, tx, c.Home.key())
		if errors.Is(err, store.ErrNotFound) || err == nil && now.UID != c.UID {
			return notFound("Failed to describe the connection(s). Connection '%s' does not exist.", c.Home.Name)
		} else if err != nil {
			return err
		}
		c.Changed = s.now()
		if anew {
			c.State, c.Reason, c.Authorized = string(eventsapi.ConnectionState_AUTHORIZED), "", c.Changed
			if c.Endpoint != "" {
				c.State, c.Authorized = string(eventsapi.ConnectionState_AUTHORIZING), now.Authorized
				if err := s.queue.Add(ctx, tx, work.Job{Kind: jobAuthorize, ID: c.UID, Due: c.Changed, Payload: []byte(c.Home.key())}); err != nil {
					return err
				}
			} else if err := s.queue.Cancel(ctx, tx, jobAuthorize, c.UID); err != nil {
				return err
			}
		}
		return s.connections.Put(ctx, tx, c.Home.key(), c)
	})
	return err
}

// DeauthorizeConnection takes a connection's credentials away.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeauthorizeConnection.html
func (s *Service) DeauthorizeConnection(ctx context.Context, in *eventsapi.DeauthorizeConnectionRequest) (*eventsapi.DeauthorizeConnectionResponse, error) {
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
		if c, err = s.connection(ctx, tx, in.Name); err != nil {
			return err
		}
		if err := s.queue.Cancel(ctx, tx, jobAuthorize, c.UID); err != nil {
			return err
		}
		c.State, c.Secret, c.Shown, c.Endpoint, c.Method, c.Changed = string(eventsapi.ConnectionState_DEAUTHORIZED), "", "", "", "", s.now()
		return s.connections.Put(ctx, tx, c.Home.key(), c)
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.DeauthorizeConnectionResponse{
		ConnectionArn: new(c.arn()), ConnectionState: eventsapi.ConnectionState_DEAUTHORIZING, CreationTime: c.Created, LastModifiedTime: c.Changed, LastAuthorizedTime: c.Authorized,
	}, nil
}

// UpdateApiDestination changes an API destination.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UpdateApiDestination.html
func (s *Service) UpdateApiDestination(ctx context.Context, in *eventsapi.UpdateApiDestinationRequest) (*eventsapi.UpdateApiDestinationResponse, error) {
	if in.InvocationEndpoint != nil {
		if err := s.endpoint("InvocationEndpoint", *in.InvocationEndpoint); err != nil {
			return nil, err
		}
	}
	var d *destination
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if d, err = s.destination(ctx, tx, in.Name); err != nil {
			return err
		}
		if in.ConnectionArn != nil {
			if _, err := s.connected(ctx, tx, *in.ConnectionArn); err != nil {
				return err
			}
		}
		d.Description, d.Connection, d.Endpoint = or(in.Description, d.Description), or(in.ConnectionArn, d.Connection), or(in.InvocationEndpoint, d.Endpoint)
		if in.HttpMethod != "" {
			d.Method = string(in.HttpMethod)
		}
		if in.InvocationRateLimitPerSecond != nil {
			d.Rate = *in.InvocationRateLimitPerSecond
		}
		d.Changed = s.now()
		return s.destinations.Put(ctx, tx, d.Home.key(), d)
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.UpdateApiDestinationResponse{ApiDestinationArn: new(d.arn()), ApiDestinationState: eventsapi.ApiDestinationState_ACTIVE, CreationTime: d.Created, LastModifiedTime: d.Changed}, nil
}
