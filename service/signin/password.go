package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// credentials are what a person types on the first page.
type credentials struct {
	Account  string `json:"account"`  // id or alias; of an IAM user
	User     string `json:"user"`     // name of an IAM user
	Email    string `json:"email"`    // of a root user, instead of account and user
	Password string `json:"password"` // never kept or written
	Redirect string `json:"redirect"` // page to go to afterwards
	Mobile   bool   `json:"mobile"`   // the page for small screens is used
}

// step is a sign-in between two pages: the password was right, and something is
// still missing. It is sealed, so what stands in it was so when it was made.
type step struct {
	User      caller.Identity
	Stamp     string
	Name      string    // as typed, for counting failures
	Change    bool      // a new password is to be chosen
	MFA       bool      // a second factor is to be shown
	Challenge string    `json:",omitzero"` // for a passkey
	Done      time.Time `json:",omitzero"` // when the second factor was shown
	Device    string    `json:",omitzero"` // which one
	LoginTo   string
	Mobile    bool
}

const (
	stepPurpose = "step"
	// stepLasts is how long a person may take for the next page.
	stepLasts = 5 * time.Minute
)

// errFailed is one answer for a wrong password and for everything that is not
// there, in the words of AWS's page.
// https://docs.aws.amazon.com/signin/latest/userguide/console-access-control.html#console-access-control-ts-network
var errFailed = &problem{Status: 401, Code: "AuthenticationFailed", Message: "Your authentication information is incorrect. Please try again."}

// maxPassword is IAM's bound for passwords, in bytes of UTF-8 or more.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
const maxPassword = 1024

// postSession checks a password and starts a session, or names the next step.
func (s *Service) postSession(r *http.Request) (any, error) {
	var in credentials
	if err := read(r, &in); err != nil {
		return nil, err
	}
	root := in.Email != ""
	if root == (in.Account != "" && in.User != "") || root && (in.Account != "" || in.User != "") || in.Password == "" {
		return nil, bad("Give account, user and password, or email and password.")
	}
	if !printable(in.Account) || !printable(in.User) || !printable(in.Email) {
		return nil, bad("A name holds a control character.")
	}
	if len(in.Password) > maxPassword || len(in.User) > 128 || len(in.Account) > 128 || len(in.Email) > 320 {
		return nil, errFailed
	}
	to, err := s.destination(r, in.Redirect)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	account, err := s.accountOf(ctx, &in)
	if err != nil {
		return nil, err
	}
	who := account // failures count for what was typed where there is no such account
	if account == "" {
		who = strings.ToLower(in.Account + in.Email)
	}
	g := newGuess(who, in.User, caller.From(ctx).Source)
	if err := s.patience(ctx, g); err != nil {
		return nil, err
	}
	p := &step{Name: in.User, LoginTo: to, Mobile: in.Mobile}
	if err := s.checkPassword(ctx, account, &in, p); err != nil {
		return nil, err
	}
	devices, err := s.Devices.List(ctx, p.User.ID)
	if err != nil {
		return nil, err
	}
	if err := s.succeed(ctx, g, len(devices) == 0); err != nil {
		return nil, err
	}
	return s.next(r, p, devices)
}

// printable keeps what no name can hold away from the store's keys.
func printable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

func (s *Service) accountOf(ctx context.Context, in *credentials) (string, error) {
	if in.Email != "" {
		return s.Users.Root(ctx, in.Email)
	}
	return s.Users.Account(ctx, in.Account)
}

// patience makes who guesses wait.
func (s *Service) patience(ctx context.Context, g *guess) error {
	if err := s.Admit(ctx); err != nil {
		return unrecorded(err)
	}
	wait, err := s.begin(ctx, g)
	if err != nil {
		return err
	}
	if wait > 0 {
		return &problem{Status: 429, Code: "TooManyAttempts", Message: "There were too many failed attempts. Wait before you try again.", Wait: wait}
	}
	return nil
}

// checkPassword fills p in if the password is right, and records the failure if
// it is not. The work is the same whether or not there is such a user.
func (s *Service) checkPassword(ctx context.Context, account string, in *credentials, p *step) error {
	early := s.mayAuthenticate(ctx, account, in.User)
	if early != nil && !errors.Is(early, errNetwork) {
		return early
	}
	u, err := s.Users.Password(ctx, account, in.User, in.Password)
	if err != nil {
		return err
	}
	if early != nil || u == nil {
		m := moment{name: "ConsoleLogin", failure: "Failed authentication"}
		id, err := s.Users.Known(ctx, account, in.User)
		if err != nil {
			return err
		}
		if id == "" && in.User != "" {
			m.failure = "No username found in supplied account"
		}
		if early != nil {
			m.code, m.failure = "AccessDenied", deniedByPolicy
		}
		return s.fail(as(ctx, stranger(account, in.User, id)), p, m)
	}
	p.User, p.Stamp, p.Change = u.Identity, u.Stamp, u.MustChange
	if u.Locked {
		return s.fail(as(ctx, u.Identity), p, moment{name: "ConsoleLogin", failure: "Failed authentication"})
	}
	return nil
}

// fail records a sign-in that failed and returns the answer that says no more.
func (s *Service) fail(ctx context.Context, p *step, m moment) error {
	m.extra = p.loginData(m.extra)
	if err := s.record(ctx, m); err != nil {
		return err
	}
	return errFailed
}

// loginData is the additionalEventData of ConsoleLogin.
func (p *step) loginData(extra map[string]string) map[string]string {
	out := map[string]string{"LoginTo": p.LoginTo, "MobileVersion": yes(p.Mobile), "MFAUsed": yes(p.MFA)}
	if p.Device != "" {
		out["MFAIdentifier"] = p.Device
	}
	for k, v := range extra {
		out[k] = v
	}
	return out
}

// next asks for what a sign-in still lacks, or ends it with a session. The
// order is AWS's: password, second factor, new password.
func (s *Service) next(r *http.Request, p *step, devices []Device) (any, error) {
	ctx := as(r.Context(), p.User)
	if p.Done.IsZero() && len(devices) > 0 {
		return s.askMFA(r.WithContext(ctx), p, devices)
	}
	if p.Change {
		return s.ask(p, "NEW_PASSWORD_REQUIRED", nil)
	}
	if err := s.mayEnter(ctx, p); err != nil {
		return nil, err
	}
	if err := s.record(ctx, moment{name: "ConsoleLogin", extra: p.loginData(nil)}); err != nil {
		return nil, err
	}
	return s.open(r, &session{
		Base: p.User, Stamp: p.Stamp, Password: true, MFA: !p.Done.IsZero(), MFATime: p.Done,
		Expires: s.Clock.Now().Truncate(time.Second).Add(longestSession),
	})
}

// ask is the answer that names the next step.
func (s *Service) ask(p *step, state string, more map[string]any) (any, error) {
	token, err := s.seal.close(stepPurpose, s.Clock.Now().Add(stepLasts), p)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"state": state, "step": token}
	for k, v := range more {
		out[k] = v
	}
	return out, nil
}

// resume opens the step that a page brings back, and checks that the user is
// still who it was.
func (s *Service) resume(ctx context.Context, token string) (*step, error) {
	p := new(step)
	if err := s.seal.open(stepPurpose, token, s.Clock.Now(), p); err != nil {
		return nil, &problem{Status: 401, Code: "StepExpired", Message: "The sign-in has taken too long. Start again."}
	}
	u, err := s.Users.Again(ctx, &p.User)
	if err != nil {
		return nil, err
	}
	if u == nil || u.Stamp != p.Stamp {
		return nil, errFailed
	}
	p.User, p.Change = u.Identity, u.MustChange
	return p, nil
}

// postNewPassword sets the password that had to be changed, by IAM's own
// operation: it needs iam:ChangePassword, as on AWS, and the account's password
// policy is kept.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_user-change-own.html
func (s *Service) postNewPassword(r *http.Request) (any, error) {
	var in struct {
		Step string `json:"step"`
		Old  string `json:"oldPassword"`
		New  string `json:"newPassword"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	p, err := s.resume(r.Context(), in.Step)
	if err != nil {
		return nil, err
	}
	if !p.Change || p.MFA && p.Done.IsZero() {
		return nil, bad("This sign-in does not wait for a new password.")
	}
	if in.Old == "" || in.New == "" || len(in.Old) > maxPassword || len(in.New) > maxPassword {
		return nil, bad("Give oldPassword and newPassword.")
	}
	ctx := as(r.Context(), p.User)
	if _, err := s.IAM.ChangePassword(ctx, &iamapi.ChangePasswordRequest{OldPassword: in.Old, NewPassword: in.New}); err != nil {
		return nil, err
	}
	u, err := s.Users.Again(ctx, &p.User)
	if err != nil {
		return nil, err
	}
	if u == nil || u.MustChange {
		return nil, errFailed
	}
	p.Stamp, p.Change = u.Stamp, false
	devices, err := s.Devices.List(ctx, p.User.ID) // one may have been added meanwhile
	if err != nil {
		return nil, err
	}
	return s.next(r, p, devices)
}

// postPassword changes the root user's password, within its session. IAM users
// change theirs by IAM's ChangePassword.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-password.html
func (s *Service) postPassword(r *http.Request) (any, error) {
	var in struct {
		Old string `json:"oldPassword"`
		New string `json:"newPassword"`
	}
	t, err := s.current(r)
	if err != nil {
		return nil, err
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if t.Base.Kind != caller.Root || t.Role != nil {
		return nil, bad("IAM users change their password with IAM's ChangePassword.")
	}
	if in.Old == "" || in.New == "" || len(in.Old) > maxPassword || len(in.New) > maxPassword {
		return nil, bad("Give oldPassword and newPassword.")
	}
	ctx := as(r.Context(), t.Base)
	g := newGuess(t.Base.Account, "", caller.From(ctx).Source)
	if err := s.patience(ctx, g); err != nil {
		return nil, err
	}
	u, err := s.Users.Password(ctx, t.Base.Account, "", in.Old)
	if err != nil {
		return nil, err
	}
	if u == nil {
		if err := s.record(ctx, moment{name: "PasswordUpdated", failure: "Failed authentication"}); err != nil {
			return nil, err
		}
		return nil, errFailed
	}
	if err := s.succeed(ctx, g, true); err != nil {
		return nil, err
	}
	if err := s.Users.SetRoot(ctx, t.Base.Account, in.New); err != nil {
		if e, ok := errors.AsType[*wire.Error](err); ok {
			return nil, e
		}
		return nil, err
	}
	if err := s.record(ctx, moment{name: "PasswordUpdated"}); err != nil {
		return nil, err
	}
	if u, err = s.Users.Again(ctx, &t.Base); err != nil || u == nil {
		return nil, errors.Join(err, errSignedOut)
	}
	return nil, s.keepStamp(ctx, t, u.Stamp)
}
