package server

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	iamapi "bartizan.dev/api/iam"
	kmsapi "bartizan.dev/api/kms"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/secretsmanager"
	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/store"
)

// openSecretsManager builds the service and registers who rotates for it.
func (s *Server) openSecretsManager(ctx context.Context, dir *directory, ref *reference.Reference) (gateway.Service, error) {
	rotators, err := s.rotators(dir)
	if err != nil {
		return gateway.Service{}, err
	}
	m, err := secretsmanager.New(ctx, secretsmanager.Deps{
		Store: store.View(s.store, "secretsmanager/"), Clock: s.clock, Log: s.log, Quotas: s.opt.Quotas.SecretsManager, Reference: ref,
		Keys: kmsapi.Client{Door: inner{s, "secretsmanager.amazonaws.com"}},
		Self: secretsmanagerapi.Client{Door: inner{s, ""}},
		Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals, Record: s.record,
		Organization: s.organizationOf, Assume: s.replicationRole(dir),
		Executor: func(function string) executor.Executor {
			name, _, err := executor.Name(function)
			if err != nil || rotators[name] == nil { // also keeps a nil of some type out of the interface
				return nil
			}
			return rotators[name]
		},
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.secrets = m
	s.workers = append(s.workers, m)
	return gateway.Service{Model: secretsmanagerapi.Model(), Operations: secretsmanagerapi.Operations(m), Rules: m.Rules(), Resource: secretsmanager.Resource}, nil
}

// The functions that are built in.
const (
	postgresqlSingle      = "bartizan-postgresql-single-user"
	postgresqlAlternating = "bartizan-postgresql-alternating-users"
	iamAccessKey          = "bartizan-iam-access-key"
)

// rotators are the executors by name.
func (s *Server) rotators(dir *directory) (map[string]executor.Executor, error) {
	assume := s.executionRole(dir)
	self := secretsmanagerapi.Client{Door: inner{s, ""}}
	out := map[string]executor.Executor{
		postgresqlSingle:      executor.PostgreSQL(self, assume, false),
		postgresqlAlternating: executor.PostgreSQL(self, assume, true),
		iamAccessKey:          executor.AccessKeys(self, assume, iamapi.Client{Door: inner{s, ""}}, dir.works),
	}
	reserved := maps.Clone(out)
	for name, r := range s.opt.Rotators {
		if reserved[name] != nil {
			return nil, fmt.Errorf("the rotator %s is built in: choose another name", name)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("the rotator %s: %w", name, err)
		}
		if r.URL != "" {
			out[name] = &executor.HTTPS{URL: r.URL, Key: r.Key, Client: &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Minute}}, Now: time.Now}
		} else {
			out[name] = &executor.Command{Path: r.Command, Env: s.commandEnv, Assume: assume}
		}
	}
	return out, nil
}

// check refuses what cannot work, so that a mistake is found at start.
func (r *Rotator) check() error {
	if (r.URL == "") == (r.Command == "") {
		return errors.New("want an https address or a command")
	}
	if r.Command != "" {
		info, err := os.Stat(r.Command)
		switch {
		case err != nil:
			return err
		case !filepath.IsAbs(r.Command):
			return errors.New("the command must be an absolute path")
		case info.IsDir() || info.Mode()&0o111 == 0:
			return errors.New("the command is not executable")
		}
		return nil
	}
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("the address must begin with https://")
	}
	if len(r.Key) < executor.MinKey {
		return fmt.Errorf("the key must have at least %d bytes", executor.MinKey)
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// executionRole assumes the role of a function's name in its account, as Lambda
// does for a function: so the role's trust policy decides, and what the rotator
// may do is what the role may do.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
func (s *Server) executionRole(dir *directory) executor.Assume {
	const principal = "lambda.amazonaws.com"
	return func(ctx context.Context, c executor.Call) (*executor.Session, error) {
		role, err := executor.Role(c.Function)
		if err != nil {
			return nil, err
		}
		name, account, err := executor.Name(c.Function)
		if err != nil {
			return nil, err
		}
		if account != c.Account {
			return nil, errors.New("a rotator works for secrets of its own account only")
		}
		k, in, err := s.assumed(ctx, dir, principal, role, name[:min(len(name), 64)], c.Function, caller.Call{Region: c.Region, UserAgent: "Bartizan rotation"})
		if err != nil {
			return nil, fmt.Errorf("the execution role %s cannot be assumed: %w", role, err)
		}
		return &executor.Session{Context: in, AccessKey: k.AccessKeyId, Secret: k.SecretAccessKey, Token: k.SessionToken}, nil
	}
}

// assumed assumes a role as one of AWS's services, on behalf of a resource of the
// role's account: the trust policy decides, and sees whose it is. The session's
// calls are made in the context that is returned.
func (s *Server) assumed(ctx context.Context, dir *directory, principal, role, session, source string, call caller.Call) (*stsapi.Credentials, context.Context, error) {
	of, err := arn.Parse(role)
	if err != nil {
		return nil, nil, err
	}
	as := caller.AsService(ctx, principal, of.Account, call.Region, s.clock.Now())
	caller.From(as).Identity.Session = &caller.Session{Issued: s.clock.Now().Truncate(time.Second), Keys: []caller.Tag{
		{Key: "aws:SourceArn", Value: source}, {Key: "aws:SourceAccount", Value: of.Account},
	}}
	got, err := stsapi.Client{Door: inner{s, principal}}.AssumeRole(as, &stsapi.AssumeRoleRequest{RoleArn: role, RoleSessionName: session})
	if err != nil {
		return nil, nil, err
	}
	id, err := dir.Credential(ctx, got.Credentials.AccessKeyId, got.Credentials.SessionToken)
	if err != nil {
		return nil, nil, err
	}
	call.Identity, call.Time = id.Identity, s.clock.Now()
	return got.Credentials, caller.With(ctx, &call), nil
}

// replicationRole assumes the role with which Secrets Manager copies a secret to
// another account.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-permissions.html
func (s *Server) replicationRole(dir *directory) func(ctx context.Context, role, secret string) (context.Context, error) {
	return func(ctx context.Context, role, secret string) (context.Context, error) {
		call := caller.Call{Region: caller.From(ctx).Region, UserAgent: "secretsmanager.amazonaws.com"}
		_, in, err := s.assumed(ctx, dir, "secretsmanager.amazonaws.com", role, "secretsmanager-replication", secret, call)
		return in, err
	}
}

// organizationOf is the id of an account's organization; empty: none.
func (s *Server) organizationOf(ctx context.Context, account string) (string, error) {
	b, err := s.organizations.Bounds(ctx, account)
	if b == nil || err != nil {
		return "", err
	}
	return b.Organization, nil
}

// commandEnv is all that a command knows of its surroundings: it calls back by
// the endpoint like any other client.
func (s *Server) commandEnv(c executor.Call, k *executor.Session) []string {
	name, _, _ := executor.Name(c.Function) // that it is one was found out before
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "AWS_ENDPOINT_URL=" + s.localURL(), "AWS_REGION=" + c.Region, "AWS_DEFAULT_REGION=" + c.Region,
		"AWS_ACCESS_KEY_ID=" + k.AccessKey, "AWS_SECRET_ACCESS_KEY=" + k.Secret, "AWS_SESSION_TOKEN=" + k.Token,
		"AWS_LAMBDA_FUNCTION_NAME=" + name, "AWS_EC2_METADATA_DISABLED=true",
	}
	if s.opt.TLS {
		env = append(env, "AWS_CA_BUNDLE="+filepath.Join(s.opt.Data, "tls", "ca.pem"))
	}
	return env
}

// localURL is the endpoint as this machine reaches it.
func (s *Server) localURL() string {
	scheme := "http"
	if s.opt.TLS {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.addr.String())
	if ip, bad := netip.ParseAddr(host); err == nil && bad == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// works reports whether an access key with this secret signs.
func (d *directory) works(ctx context.Context, accessKey, secret string) (bool, error) {
	c, err := d.Credential(ctx, accessKey, "")
	if errors.Is(err, gateway.ErrUnknownKey) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1, nil
}
