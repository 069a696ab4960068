package iam

import (
	"fmt"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
)

func TestLoginProfile(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "Bob"}))(t)
	get := &iamapi.GetLoginProfileRequest{UserName: new("bob")}
	fails(f.GetLoginProfile(f.root, get))(t, "NoSuchEntity", "Login Profile for User Bob cannot be found.")
	fails(f.UpdateLoginProfile(f.root, &iamapi.UpdateLoginProfileRequest{UserName: "bob", Password: new("Secret-77")}))(t,
		"NoSuchEntity", "Login Profile for User Bob cannot be found.")
	create := &iamapi.CreateLoginProfileRequest{UserName: new("bob"), Password: new("Secret-77"), PasswordResetRequired: new(true)}
	made := must(f.CreateLoginProfile(f.root, create))(t).LoginProfile
	if made.UserName != "Bob" || !*made.PasswordResetRequired || made.CreateDate != f.clock {
		t.Errorf("got %+v", made)
	}
	fails(f.CreateLoginProfile(f.root, create))(t, "EntityAlreadyExists", "Login Profile for user Bob already exists.")
	must(f.UpdateLoginProfile(f.root, &iamapi.UpdateLoginProfileRequest{UserName: "bob", PasswordResetRequired: new(false)}))(t)
	if p := must(f.GetLoginProfile(f.root, get))(t).LoginProfile; *p.PasswordResetRequired {
		t.Error("a reset is still required")
	}
	f.signIn("bob", "Secret-77", true)
	must(f.DeleteLoginProfile(f.root, &iamapi.DeleteLoginProfileRequest{UserName: new("bob")}))(t)
	f.signIn("bob", "Secret-77", false)
	fails(f.DeleteLoginProfile(f.root, &iamapi.DeleteLoginProfileRequest{UserName: new("bob")}))(t,
		"NoSuchEntity", "Login Profile for User Bob cannot be found.")
	fails(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("bob")}))(t,
		"ValidationError", "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")
	fails(f.GetLoginProfile(f.root, &iamapi.GetLoginProfileRequest{}))(t,
		"ValidationError", "Must specify userName when calling with non-User credentials")
}

// signIn checks whether a password opens a user's door.
func (f *fixture) signIn(user, password string, want bool) *SignIn {
	f.t.Helper()
	in, err := f.SignIn(f.t.Context(), testAccount, user, password)
	if err != nil || (in != nil) != want {
		f.t.Errorf("sign-in of %s: got %v, %v", user, in, err)
	}
	return in
}

func TestChangePassword(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob"}))(t)
	bob := f.asUser("bob")
	change := &iamapi.ChangePasswordRequest{OldPassword: "Secret-77", NewPassword: "Secret-78"}
	fails(f.ChangePassword(f.root, change))(t, "InvalidUserType", "Only IAM Users can change their own password")
	fails(f.ChangePassword(bob, change))(t, "NoSuchEntity", "Login Profile for User bob cannot be found.")
	must(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("bob"), Password: new("Secret-77"), PasswordResetRequired: new(true)}))(t)
	if in := f.signIn("bob", "Secret-77", true); !in.MustChange {
		t.Error("a temporary password need not be changed")
	}
	fails(f.ChangePassword(bob, &iamapi.ChangePasswordRequest{OldPassword: "wrong", NewPassword: "Secret-78"}))(t,
		"AccessDenied", "The old password was incorrect.")
	must(f.ChangePassword(bob, change))(t)
	f.signIn("bob", "Secret-77", false)
	if in := f.signIn("bob", "Secret-78", true); in.MustChange || in.Identity.ARN != "arn:aws:iam::111122223333:user/bob" {
		t.Errorf("got %+v", in)
	}
	if last := must(f.GetUser(bob, &iamapi.GetUserRequest{}))(t).User.PasswordLastUsed; last != f.clock {
		t.Errorf("PasswordLastUsed is %v", last)
	}
	f.signIn("nobody", "Secret-78", false)
}

// AllowUsersToChangePassword gives each user the right to change its own
// password and to read the policy, unless something denies it.
func TestAllowUsersToChangePassword(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob"}))(t)
	bob := f.asUser("bob")
	own := func(want bool) {
		t.Helper()
		if f.allowed(bob, "ChangePassword", &iamapi.ChangePasswordRequest{}) != want ||
			f.allowed(bob, "GetAccountPasswordPolicy", &iamapi.GetAccountPasswordPolicyInput{}) != want {
			t.Errorf("the right is not %v", want)
		}
	}
	own(false)
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{AllowUsersToChangePassword: new(true)}))(t)
	own(true)
	if f.allowed(bob, "UpdateAccountPasswordPolicy", &iamapi.UpdateAccountPasswordPolicyRequest{}) {
		t.Error("the user may change the policy")
	}
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "bob", PolicyName: "no",
		PolicyDocument: `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*Password*","Resource":"*"}}`}))(t)
	own(false)
	must(f.DeleteUserPolicy(f.root, &iamapi.DeleteUserPolicyRequest{UserName: "bob", PolicyName: "no"}))(t)
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{}))(t)
	own(false)
}

func TestPasswordPolicy(t *testing.T) {
	f := newFixture(t)
	get := &iamapi.GetAccountPasswordPolicyInput{}
	fails(f.GetAccountPasswordPolicy(f.root, get))(t, "NoSuchEntity", "The Password Policy with domain name 111122223333 cannot be found.")
	fails(f.DeleteAccountPasswordPolicy(f.root, &iamapi.DeleteAccountPasswordPolicyInput{}))(t,
		"NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{}))(t)
	p := must(f.GetAccountPasswordPolicy(f.root, get))(t).PasswordPolicy
	if *p.MinimumPasswordLength != 6 || *p.ExpirePasswords || p.MaxPasswordAge != nil || p.PasswordReusePrevention != nil || p.HardExpiry != nil {
		t.Errorf("the defaults are %+v", p)
	}
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{
		MinimumPasswordLength: new(int32(12)), RequireSymbols: new(true), RequireNumbers: new(true), RequireLowercaseCharacters: new(true),
		RequireUppercaseCharacters: new(true), MaxPasswordAge: new(int32(90)), PasswordReusePrevention: new(int32(3)), HardExpiry: new(false),
	}))(t)
	p = must(f.GetAccountPasswordPolicy(f.root, get))(t).PasswordPolicy
	if *p.MinimumPasswordLength != 12 || !*p.ExpirePasswords || *p.MaxPasswordAge != 90 || *p.PasswordReusePrevention != 3 || *p.HardExpiry || *p.AllowUsersToChangePassword {
		t.Errorf("got %+v", p)
	}
	fails(f.GetAccountPasswordPolicy(f.other, get))(t, "NoSuchEntity", "The Password Policy with domain name 444455556666 cannot be found.")
	must(f.DeleteAccountPasswordPolicy(f.root, &iamapi.DeleteAccountPasswordPolicyInput{}))(t)
	fails(f.GetAccountPasswordPolicy(f.root, get))(t, "NoSuchEntity", "The Password Policy with domain name 111122223333 cannot be found.")
}

func TestPasswordRules(t *testing.T) {
	custom := &passwordPolicy{MinLength: 10, Symbols: true, Numbers: true, Upper: true, Lower: true}
	const three = "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols"
	for _, c := range []struct {
		policy         *passwordPolicy
		password, want string
	}{
		{nil, "Ab1defg", "Password should have a minimum length of 8"},
		{nil, "abcdefg1", three},
		{nil, "abc defg1", three}, // a space is no symbol
		{nil, "abcdef-1", ""},
		{nil, "My-Company-1", "Password should not be the account's name"},
		{nil, "äöüÄÖÜ1a", three}, // letters are A to Z, length counts characters
		{custom, "Ab1-efgh", "Password should have a minimum length of 10"},
		{custom, "Ab1defghij", "Password should have at least one symbol"},
		{custom, "Ab-defghij", "Password should have at least one number"},
		{custom, "ab1-efghij", "Password should have at least one uppercase letter"},
		{custom, "AB1-EFGHIJ", "Password should have at least one lowercase letter"},
		{custom, "Ab1-efghij", ""},
		{&passwordPolicy{MinLength: 6}, "aaaaaa", ""},
	} {
		err := c.policy.check(c.password, testAccount, "my-company-1")
		if got := fmt.Sprint(err); err == nil && c.want != "" || err != nil && got != "PasswordPolicyViolation: "+c.want {
			t.Errorf("%+v %q: got %v, want %q", c.policy, c.password, err, c.want)
		}
	}
}

func TestPasswordReuse(t *testing.T) {
	f := newFixture(t)
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{PasswordReusePrevention: new(int32(2))}))(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob"}))(t)
	must(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("bob"), Password: new("first1")}))(t)
	const used = "Password does not conform to the account password policy: it was used before."
	set := func(password string) (*iamapi.UpdateLoginProfileOutput, error) {
		return f.UpdateLoginProfile(f.root, &iamapi.UpdateLoginProfileRequest{UserName: "bob", Password: &password})
	}
	fails(set("first1"))(t, "PasswordPolicyViolation", used)
	must(set("second"))(t)
	fails(set("first1"))(t, "PasswordPolicyViolation", used)
	fails(f.ChangePassword(f.asUser("bob"), &iamapi.ChangePasswordRequest{OldPassword: "second", NewPassword: "first1"}))(t, "PasswordPolicyViolation", used)
	must(set("third3"))(t)
	must(set("first1"))(t)
	for i := range keptPasswords + 2 {
		must(set(fmt.Sprint("number", i)))(t)
	}
	if u := must(f.users.Get(t.Context(), f.Store, recordID(testAccount, "bob")))(t); len(u.Login.History) != keptPasswords {
		t.Errorf("%d passwords are remembered", len(u.Login.History))
	}
}

func TestPasswordExpiry(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob"}))(t)
	must(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("bob"), Password: new("Secret-77")}))(t)
	f.clock = f.clock.Add(90*24*time.Hour - time.Second)
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{MaxPasswordAge: new(int32(90))}))(t)
	if in := f.signIn("bob", "Secret-77", true); in.MustChange || in.Locked {
		t.Errorf("before the end: %+v", in)
	}
	f.clock = f.clock.Add(time.Second)
	if in := f.signIn("bob", "Secret-77", true); !in.MustChange || in.Locked {
		t.Errorf("at the end: %+v", in)
	}
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{MaxPasswordAge: new(int32(90)), HardExpiry: new(true)}))(t)
	if in := f.signIn("bob", "Secret-77", true); !in.MustChange || !in.Locked {
		t.Errorf("with hard expiry: %+v", in)
	}
	// With access keys the user can still help itself.
	must(f.ChangePassword(f.asUser("bob"), &iamapi.ChangePasswordRequest{OldPassword: "Secret-77", NewPassword: "Secret-78"}))(t)
	if in := f.signIn("bob", "Secret-78", true); in.MustChange || in.Locked {
		t.Errorf("after the change: %+v", in)
	}
}

// A draft is checked against a user as it was. What happens meanwhile counts.
func TestPasswordRace(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob"}))(t)
	must(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("bob"), Password: new("Secret-77")}))(t)
	u := must(f.user(f.root, f.Store, "bob"))(t)
	d := must(f.draft(f.root, u, "Secret-78"))(t)
	must(f.UpdateLoginProfile(f.root, &iamapi.UpdateLoginProfileRequest{UserName: "bob", Password: new("Secret-79")}))(t)
	now := must(f.user(f.root, f.Store, "bob"))(t)
	fails(0, f.set(f.root, nilTx{f.Store}, now, d))(t,
		"EntityTemporarilyUnmodifiable", "Login Profile for User bob cannot be modified while login profile is being changed.")
	d = must(f.draft(f.root, now, "Secret-78"))(t)
	must(f.UpdateAccountPasswordPolicy(f.root, &iamapi.UpdateAccountPasswordPolicyRequest{MinimumPasswordLength: new(int32(20))}))(t)
	fails(0, f.set(f.root, nilTx{f.Store}, now, d))(t, "PasswordPolicyViolation", "Password should have a minimum length of 20")
}

func TestLoginTouches(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "Bob", Path: new("/p/")}))(t)
	const bob = " arn:aws:iam::111122223333:user/p/Bob"
	f.touches(f.asUser("bob"), "ChangePassword", &iamapi.ChangePasswordRequest{}, "iam:ChangePassword"+bob)
	f.touches(f.root, "CreateLoginProfile", &iamapi.CreateLoginProfileRequest{UserName: new("bob")}, "iam:CreateLoginProfile"+bob)
	f.touches(f.asUser("bob"), "GetLoginProfile", &iamapi.GetLoginProfileRequest{}, "iam:GetLoginProfile"+bob)
	f.touches(f.asUser("bob"), "DeleteLoginProfile", &iamapi.DeleteLoginProfileRequest{}, "iam:DeleteLoginProfile"+bob)
	f.touches(f.root, "UpdateLoginProfile", &iamapi.UpdateLoginProfileRequest{UserName: "bob"}, "iam:UpdateLoginProfile"+bob)
}
