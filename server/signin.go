package server

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	iamapi "bartizan.dev/api/iam"
	signinapi "bartizan.dev/api/signin"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/policy"
	"bartizan.dev/service/iam"
	"bartizan.dev/service/signin"
	"bartizan.dev/service/sts"
	"bartizan.dev/store"
)

// signIn builds the console's sign-in.
func (s *Server) signIn(ctx context.Context, dir *directory, tokens *sts.Tokens) (gateway.Service, error) {
	secret, err := s.secret(ctx, "signin/token-key")
	if err != nil {
		return gateway.Service{}, err
	}
	front := inner{s, ""} // what people do on our pages they do themselves
	s.signin, err = signin.New(ctx, signin.Deps{
		Store: store.View(s.store, "signin/"), Clock: s.clock, Signed: time.Now, Log: s.log, URL: s.endpoint, Secret: secret,
		Users: s.signinUsers(), Devices: s.signinDevices(), Sessions: s.signinSessions(dir, tokens),
		IAM: iamapi.Client{Door: front}, STS: stsapi.Client{Door: front},
		Decide: func(ctx context.Context, touches ...policy.Touch) error {
			return s.gateway.Decide(ctx, "signin", touches...)
		},
		Organization: s.managed(dir),
		Admit:        s.trail.Admit,
		Record:       s.record,
	})
	if err != nil {
		return gateway.Service{}, err
	}
	s.workers = append(s.workers, s.signin.Work())
	return gateway.Service{Model: signinapi.Model(), Operations: signinapi.Operations(s.signin), Rules: s.signin.Rules()}, nil
}

// signinUsers is what sign-in asks IAM about people. In an account that is closed
// there are none: nobody signs in, and who is signed in, or has let a tool in, is
// no longer.
func (s *Server) signinUsers() signin.Users {
	u := s.people()
	password, again := u.Password, u.Again
	u.Password = func(ctx context.Context, account, name, text string) (*signin.User, error) {
		in, err := password(ctx, account, name, text)
		return s.unlessClosed(ctx, in, err)
	}
	u.Again = func(ctx context.Context, id *caller.Identity) (*signin.User, error) {
		in, err := again(ctx, id)
		return s.unlessClosed(ctx, in, err)
	}
	return u
}

func (s *Server) unlessClosed(ctx context.Context, in *signin.User, err error) (*signin.User, error) {
	if err != nil || in == nil || s.organizations == nil {
		return in, err
	}
	b, err := s.organizations.Bounds(ctx, in.Identity.Account)
	if err != nil || b != nil && b.Suspended {
		return nil, err
	}
	return in, nil
}

func (s *Server) people() signin.Users {
	return signin.Users{
		Account: s.iam.FindAccount,
		Root:    s.rootAccount,
		Password: func(ctx context.Context, account, name, password string) (*signin.User, error) {
			if name != "" {
				in, err := s.iam.SignIn(ctx, account, name, password)
				return signinUser(in), err
			}
			// The stamp is read first: a password that changes meanwhile must not make
			// the old one good.
			before, err := s.iam.SignedIn(ctx, &caller.Identity{Kind: caller.Root, Account: account})
			if err != nil {
				return nil, err
			}
			in, err := s.iam.SignInRoot(ctx, account, password)
			if err != nil || in == nil || before == nil {
				return nil, err
			}
			in.Stamp = before.Stamp
			return signinUser(in), nil
		},
		Known: func(ctx context.Context, account, name string) (string, error) {
			if name == "" {
				return account, nil
			}
			return s.iam.UserID(ctx, account, name)
		},
		Again: func(ctx context.Context, id *caller.Identity) (*signin.User, error) {
			if id.Kind == caller.User || id.Kind == caller.Root {
				in, err := s.iam.SignedIn(ctx, id)
				return signinUser(in), err
			}
			if id.Session == nil {
				return nil, nil
			}
			if id.Session.IssuerID == id.Account { // a federated user of the root user
				return &signin.User{Identity: *id}, nil
			}
			standing, err := s.iam.Standing(ctx, id.Session.IssuerID)
			if err != nil || standing == nil {
				return nil, err
			}
			return &signin.User{Identity: *id}, nil
		},
		SetRoot: s.iam.SetRootPassword,
	}
}

func signinUser(in *iam.SignIn) *signin.User {
	if in == nil {
		return nil
	}
	return &signin.User{Identity: in.Identity, Stamp: in.Stamp, MustChange: in.MustChange, Locked: in.Locked}
}

// signinDevices is what sign-in asks IAM about second factors.
func (s *Server) signinDevices() signin.Devices {
	return signin.Devices{
		List: func(ctx context.Context, userID string) ([]signin.Device, error) {
			devices, err := s.iam.MFADevices(ctx, userID)
			out := make([]signin.Device, len(devices))
			for i, d := range devices {
				out[i] = signin.Device{Serial: d.Serial, Passkey: d.FIDO}
			}
			return out, err
		},
		Code: s.iam.CheckMFA,
		Passkeys: func(ctx context.Context, userID string) ([]signin.Passkey, error) {
			keys, err := s.iam.Passkeys(ctx, userID)
			out := make([]signin.Passkey, len(keys))
			for i, k := range keys {
				out[i] = signin.Passkey{Serial: k.Serial, ID: k.CredentialID, Key: k.PublicKey, Count: k.SignCount}
			}
			return out, err
		},
		AddPasskey: func(ctx context.Context, id *caller.Identity, name string, k signin.Passkey) (string, error) {
			added, err := s.iam.AddPasskey(ctx, name, iam.Passkey{
				UserID: id.ID, Account: id.Account, CredentialID: k.ID, PublicKey: k.Key, SignCount: k.Count,
			})
			if err != nil {
				return "", err
			}
			return added.Serial, nil
		},
		BumpPasskey: s.iam.BumpPasskey,
	}
}

// signinSessions is what sign-in asks of session tokens and roles.
func (s *Server) signinSessions(dir *directory, tokens *sts.Tokens) signin.Sessions {
	return signin.Sessions{
		Issue: func(id caller.Identity) (c signin.Credentials, err error) {
			c.AccessKey, c.Secret, c.Token, err = tokens.Issue(id)
			return c, err
		},
		Open: func(ctx context.Context, c signin.Credentials) (caller.Identity, error) {
			got, err := dir.session(ctx, c.AccessKey, c.Token)
			if errors.Is(err, gateway.ErrToken) || errors.Is(err, gateway.ErrExpired) {
				return caller.Identity{}, signin.ErrCredentials
			} else if err != nil {
				return caller.Identity{}, err
			}
			if subtle.ConstantTimeCompare([]byte(got.Secret), []byte(c.Secret)) != 1 {
				return caller.Identity{}, signin.ErrCredentials
			}
			return got.Identity, nil
		},
		Longest: func(ctx context.Context, role string) (time.Duration, error) {
			r, err := s.role(ctx, role)
			if errors.Is(err, sts.ErrNoRole) {
				return time.Hour, nil
			} else if err != nil {
				return 0, err
			}
			return r.MaxSession, nil
		},
	}
}

// rootAccount finds an account by the e-mail address of its root user, which
// Organizations keeps.
func (s *Server) rootAccount(ctx context.Context, email string) (string, error) {
	if s.emailed == nil {
		return "", nil
	}
	return s.emailed(ctx, email)
}

// managed tells an account's organization and whether it manages it.
func (s *Server) managed(dir *directory) func(context.Context, string) (string, bool, error) {
	return func(ctx context.Context, account string) (string, bool, error) {
		b, err := dir.Bounds(ctx, account)
		if err != nil || b == nil {
			return "", false, err
		}
		if s.manages == nil {
			return b.Organization, false, nil
		}
		manages, err := s.manages(ctx, account)
		return b.Organization, manages, err
	}
}

// pages puts the sign-in's pages before the gateway. Signed calls are never
// meant for them.
func (s *Server) pages(next http.Handler) http.Handler {
	own, rest := s.signin.Handler(), s.signin.Proofs(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if signin.Owns(r.URL.Path) && r.Header.Get("Authorization") == "" {
			own.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}
