package signin

import (
	"context"
	"errors"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// deniedByPolicy is what an event says of a sign-in from the wrong place.
// https://docs.aws.amazon.com/signin/latest/userguide/what-is-sign-in.html#sign-in-events
const deniedByPolicy = "Authorization denied because of a resource-based policy"

// errNetwork says that the account's policy refuses the sign-in before it is
// known who it is.
var errNetwork = errors.New("signin: denied by the account's policy")

// console is the resource of the console's own sign-in.
const console = "arn:aws:signin:::console/home"

// allowAll makes sign-in to the console allowed unless something denies it.
const allowAll = `{"Effect":"Allow","Principal":"*","Action":["signin:Authenticate","signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"*"}`

// restricted returns the policy of an account on signing in; nil while console
// authorization is on neither for the account nor for its organization.
// "The resource permission statements that you create have no effect until you
// enable console authorization."
// https://docs.aws.amazon.com/signin/latest/userguide/console-access-control.html
//
// first is a statement to put before the account's own.
func (s *Service) restricted(ctx context.Context, account, first string) (*policy.Set, error) {
	if account == "" {
		return nil, nil
	}
	set, err := s.settingOf(ctx, s.Store, account)
	if err != nil {
		return nil, err
	}
	if !set.Authorization {
		on, err := s.organizationOn(ctx, account)
		if err != nil || !on {
			return nil, err
		}
	}
	if first == "" && len(set.Statements) == 0 {
		return nil, nil
	}
	doc, err := policy.Parse([]byte(set.document(account, first)))
	if err != nil {
		return nil, err
	}
	return policy.Compile(policy.Labelled{Document: doc, Source: policy.Source{Type: policy.Resource, Name: "AWS Sign-In resource-based policy"}}), nil
}

// settingOf reads what an account has decided.
func (s *Service) settingOf(ctx context.Context, r store.Reader, account string) (*setting, error) {
	set, err := s.settings.Get(ctx, r, account)
	if errors.Is(err, store.ErrNotFound) {
		return &setting{}, nil
	}
	return set, err
}

// mayAuthenticate is the check before the password: from where, and as whom it
// is tried. It returns errNetwork for no.
func (s *Service) mayAuthenticate(ctx context.Context, account, name string) error {
	set, err := s.restricted(ctx, account, allowAll)
	if err != nil || set == nil {
		return err
	}
	who := rootARN(account)
	if name != "" {
		who = "arn:aws:iam::" + account + ":user/" + name
	}
	return s.mayBegin(ctx, set, account, who)
}

// mayBegin decides signin:Authenticate, for a principal that has not proved to
// be one.
func (s *Service) mayBegin(ctx context.Context, set *policy.Set, account, principal string) error {
	err := s.Decide(as(ctx, caller.Identity{Kind: caller.Anonymous}), policy.Touch{
		Action: "signin:Authenticate", Resource: console, Account: account, Policy: set,
		Keys: []policy.Pair{{Key: "signin:PrincipalArn", Values: []string{principal}}},
	})
	if isDenial(err) {
		return errNetwork
	}
	return err
}

// mayEnter is the check after the second factor, of who it is.
func (s *Service) mayEnter(ctx context.Context, p *step) error {
	err := s.mayGoOn(ctx, p.User.Account)
	if !errors.Is(err, errNetwork) {
		return err
	}
	m := moment{name: "ConsoleLogin", code: "AccessDenied", failure: deniedByPolicy, extra: p.loginData(nil)}
	if err := s.record(ctx, m); err != nil {
		return err
	}
	return &problem{Status: 403, Code: "AccessDenied",
		Message: "Authentication failed: To access this account, sign in from a different network, or contact your administrator for more information"}
}

// mayGoOn decides what the console does with OAuth behind the scenes.
func (s *Service) mayGoOn(ctx context.Context, account string) error {
	set, err := s.restricted(ctx, account, allowAll)
	if err != nil || set == nil {
		return err
	}
	err = s.Decide(ctx,
		policy.Touch{Action: "signin:AuthorizeOAuth2Access", Resource: console, Account: account, Policy: set},
		policy.Touch{Action: "signin:CreateOAuth2Token", Resource: console, Account: account, Policy: set})
	if isDenial(err) {
		return errNetwork
	}
	return err
}

func isDenial(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Status == 403
}

// organizationOn reports whether the organization of an account has console
// authorization on.
func (s *Service) organizationOn(ctx context.Context, account string) (bool, error) {
	id, _, err := s.Organization(ctx, account)
	if err != nil || id == "" {
		return false, err
	}
	_, err = s.Store.Get(ctx, organizationKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func organizationKey(id string) string { return "organization/" + id }

// mayEnterFederated makes both checks for somebody a broker vouches for.
func (s *Service) mayEnterFederated(ctx context.Context, p *step) error {
	id := &p.User
	set, err := s.restricted(ctx, id.Account, allowAll)
	if err != nil || set == nil {
		return err
	}
	who := id.ARN
	if id.Kind == caller.Role {
		who = id.Session.IssuerARN
	}
	err = s.mayBegin(ctx, set, id.Account, who)
	if err == nil {
		return s.mayEnter(ctx, p)
	}
	if !errors.Is(err, errNetwork) {
		return err
	}
	m := moment{name: "ConsoleLogin", code: "AccessDenied", failure: deniedByPolicy, extra: p.loginData(nil)}
	if err := s.record(ctx, m); err != nil {
		return err
	}
	return errFailed
}
