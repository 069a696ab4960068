package iam

import (
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
)

// trusting is a trust policy for one AWS principal.
func trusting(principal string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"}}`
}

const trustsEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func (f *fixture) makeUser(name, path string) string {
	f.t.Helper()
	return must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: name, Path: &path}))(f.t).User.Arn
}

func (f *fixture) makeRole(name, path, trust string) string {
	f.t.Helper()
	return must(f.CreateRole(f.root, &iamapi.CreateRoleRequest{RoleName: name, Path: &path, AssumeRolePolicyDocument: trust}))(f.t).Role.Arn
}

func TestTrustedPrincipals(t *testing.T) {
	f := newFixture(t)
	f.makeUser("alice", "/dev/")
	f.makeRole("ci", "/ops/", trustsEC2)
	must(f.CreateUser(f.other, &iamapi.CreateUserRequest{UserName: "eve"}))(t)
	const account, other = "arn:aws:iam::" + testAccount + ":", "arn:aws:iam::" + otherAccount + ":"
	const unknown = "AIDAAAAAAAAAAAAAAAAAA"
	for _, tc := range []struct {
		principal string
		shown     string // "": refused
	}{
		{account + "user/dev/alice", account + "user/dev/alice"},
		{account + "role/ops/ci", account + "role/ops/ci"},
		{other + "user/eve", other + "user/eve"},
		{account + "root", account + "root"},
		{testAccount, account + "root"},
		{other + "root", other + "root"},
		{"*", "*"},
		{"arn:aws:sts::" + testAccount + ":assumed-role/ci/build", "arn:aws:sts::" + testAccount + ":assumed-role/ci/build"},
		{"arn:aws:sts::" + testAccount + ":federated-user/guest", "arn:aws:sts::" + testAccount + ":federated-user/guest"},
		{account + "user/alice", ""}, // not the path
		{account + "user/dev/Alice", ""},
		{account + "user/nobody", ""},
		{account + "role/ci", ""},
		{account + "group/dev", ""},
		{account + "user/*", ""},
		{"arn:aws:iam::999999999999:root", "arn:aws:iam::999999999999:root"}, // accounts of other servers
		{"999999999999", "arn:aws:iam::999999999999:root"},
		{"arn:aws:iam::999999999999:user/u", "arn:aws:iam::999999999999:user/u"},
		{"arn:aws:iam::999999999999:user/*", ""},
		{"arn:aws:iam::99999:root", ""},
		{"arn:aws:sts::" + testAccount + ":assumed-role/ci/a/b", ""},
		{"arn:aws:sts::" + testAccount + ":assumed-role/ci", ""},
		{"arn:aws:sts::" + testAccount + ":assumed-role/nobody/build", ""},
		{"arn:aws:s3:::bucket", ""},
		{unknown, ""},
		{"", ""},
	} {
		t.Run(tc.principal, func(t *testing.T) {
			in := &iamapi.UpdateAssumeRolePolicyRequest{RoleName: "ci", PolicyDocument: trusting(tc.principal)}
			if tc.shown == "" {
				fails(f.UpdateAssumeRolePolicy(f.root, in))(t, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+tc.principal+`"`)
				return
			}
			must(f.UpdateAssumeRolePolicy(f.root, in))(t)
			if got := f.trust("ci"); got != trusting(tc.shown) {
				t.Errorf("shown as %s", got)
			}
		})
	}
}

// trust is the trust policy of a role as GetRole shows it.
func (f *fixture) trust(name string) string {
	f.t.Helper()
	text := *must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: name}))(f.t).Role.AssumeRolePolicyDocument
	return decoded(f.t, text)
}

func TestOtherPrincipals(t *testing.T) {
	f := newFixture(t)
	for principal, message := range map[string]string{
		`{"AWS":"AIDA\u0000"}`: `Invalid principal in policy: "AWS":"AIDA\x00"`,
		`{"AWS":"arn:aws:iam::` + testAccount + `:user/\u0000"}`:                               `Invalid principal in policy: "AWS":"arn:aws:iam::` + testAccount + `:user/\x00"`,
		`{"Service":"lambda.amazonaws.com"}`:                                                   "",
		`{"Service":["ec2.amazonaws.com","delivery.logs.amazonaws.com"]}`:                      "",
		`{"Service":"lambda"}`:                                                                 `Invalid principal in policy: "SERVICE":"lambda"`,
		`{"Service":".amazonaws.com"}`:                                                         `Invalid principal in policy: "SERVICE":".amazonaws.com"`,
		`{"Federated":"arn:aws:iam::` + testAccount + `:saml-provider/idp"}`:                   "",
		`{"Federated":"accounts.google.com"}`:                                                  "",
		`{"Federated":"https://example.com"}`:                                                  `Invalid principal in policy: "FEDERATED":"https://example.com"`,
		`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`: `Invalid principal in policy: "CANONICAL_USER":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"`,
		`"*"`: `AssumeRolepolicy contained an invalid principal: "STAR":"*".`,
	} {
		in := &iamapi.CreateRoleRequest{
			RoleName:                 "r",
			AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`,
		}
		if message != "" {
			fails(f.CreateRole(f.root, in))(t, "MalformedPolicyDocument", message)
			continue
		}
		must(f.CreateRole(f.root, in))(t)
		must(f.DeleteRole(f.root, &iamapi.DeleteRoleRequest{RoleName: "r"}))(t)
	}
}

// TestTrustFollowsIdentity: trust is in a user, not in its name.
func TestTrustFollowsIdentity(t *testing.T) {
	f := newFixture(t)
	alice := f.makeUser("alice", "/")
	role := f.makeRole("deploy", "/", trusting(alice))
	id := must(f.GetUser(f.root, &iamapi.GetUserRequest{UserName: new("alice")}))(t).User.UserId
	if !f.mayAssume("alice", role) {
		t.Fatal("alice may not assume the role that trusts her")
	}

	must(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "alice", NewUserName: new("alicia")}))(t)
	if got := f.trust("deploy"); got != trusting(strings.Replace(alice, "alice", "alicia", 1)) {
		t.Errorf("after the renaming: %s", got)
	}
	if !f.mayAssume("alicia", role) {
		t.Error("alicia, who was alice, may not assume the role")
	}
	f.makeUser("alice", "/")
	if f.mayAssume("alice", role) {
		t.Error("another alice may assume the role")
	}

	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alicia"}))(t)
	if got := f.trust("deploy"); got != trusting(id) {
		t.Errorf("after the deletion: %s", got)
	}
	fails(f.UpdateAssumeRolePolicy(f.root, &iamapi.UpdateAssumeRolePolicyRequest{RoleName: "deploy", PolicyDocument: trusting(id)}))(
		t, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+id+`"`)
	must(f.UpdateAssumeRolePolicy(f.root, &iamapi.UpdateAssumeRolePolicyRequest{RoleName: "deploy", PolicyDocument: trusting(alice)}))(t)
	if !f.mayAssume("alice", role) {
		t.Error("the new alice may not assume the role that trusts her now")
	}
}

// mayAssume decides by a role's trust policy alone whether a user, who has no
// policies, may assume it.
func (f *fixture) mayAssume(userName, role string) bool {
	f.t.Helper()
	info, err := f.Role(f.t.Context(), role)
	if err != nil || info == nil {
		f.t.Fatal(info, err)
	}
	u, err := f.users.Get(f.t.Context(), f.Store, recordID(testAccount, userName))
	if err != nil {
		f.t.Fatal(err)
	}
	r := &policy.Request{Principal: policy.Principal{Kind: policy.User, Account: u.Account, ARN: u.ARN(), ID: u.ID}}
	var b policy.Bindings
	(&policy.Touch{Action: "sts:AssumeRole", Resource: role, Account: info.Account, Policy: info.Trust, Authority: policy.RoleTrust}).Apply(r, &b)
	return policy.Decide(r, &b).Allowed
}

func TestTrustOfRoles(t *testing.T) {
	f := newFixture(t)
	ci := f.makeRole("ci", "/", trustsEC2)
	role := f.makeRole("deploy", "/", trusting(ci))
	session := "arn:aws:sts::" + testAccount + ":assumed-role/ci/build"
	only := f.makeRole("release", "/", trusting(session))
	may := func(id, name, role string) bool {
		info, err := f.Role(t.Context(), role)
		if err != nil {
			t.Fatal(err)
		}
		r := &policy.Request{Principal: policy.Principal{
			Kind: policy.Role, Account: testAccount, Issuer: ci, ID: id + ":" + name, ARN: "arn:aws:sts::" + testAccount + ":assumed-role/ci/" + name,
		}}
		var b policy.Bindings
		(&policy.Touch{Action: "sts:AssumeRole", Resource: role, Account: info.Account, Policy: info.Trust, Authority: policy.RoleTrust}).Apply(r, &b)
		return policy.Decide(r, &b).Allowed
	}
	id := must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "ci"}))(t).Role.RoleId
	if !may(id, "build", role) || !may(id, "build", only) || may(id, "test", only) {
		t.Error("sessions of the trusted role: want both roles by build, one by test")
	}
	must(f.DeleteRole(f.root, &iamapi.DeleteRoleRequest{RoleName: "ci"}))(t)
	f.makeRole("ci", "/", trustsEC2)
	again := must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "ci"}))(t).Role.RoleId
	if may(again, "build", role) || may(again, "build", only) {
		t.Error("a role that was made anew is trusted")
	}
	if got := f.trust("release"); got != trusting(id+":build") {
		t.Errorf("the session of a deleted role shows as %s", got)
	}
}

func FuzzMapPrincipals(f *testing.F) {
	f.Add(trustsEC2)
	f.Add(trusting("*"))
	f.Add(` {"Statement" : [ {"Principal":{"AWS":["a","\u0062"],"Service":"c"},"Effect":"Deny","Action":[],"Condition":{"StringLike":{"Principal":"x"}}} ]} `)
	f.Add(`{"Statement":{"Principal":"*","Effect":"Allow"}}`)
	f.Add(`[[{"Statement":[]}]]`)
	f.Fuzz(func(t *testing.T, text string) {
		same, err := mapPrincipals(text, func(_, value string) (string, error) { return value, nil })
		if err == nil && same != text {
			t.Fatalf("%q became %q", text, same)
		}
		doc, parseErr := policy.Parse([]byte(text))
		if parseErr != nil {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		const mark = "A \"quoted\" name"
		changed, err := mapPrincipals(text, func(element, value string) (string, error) {
			if element == "" {
				return value, nil
			}
			return mark, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		after, err := policy.Parse([]byte(changed))
		if err != nil {
			t.Fatalf("%q: %v", changed, err)
		}
		for i, s := range doc.Statements {
			if s.Principal == nil || s.Principal.All {
				continue
			}
			p := after.Statements[i].Principal
			for _, lists := range [][2][]string{{s.Principal.AWS, p.AWS}, {s.Principal.Service, p.Service}, {s.Principal.Federated, p.Federated}, {s.Principal.Canonical, p.Canonical}} {
				if len(lists[0]) != len(lists[1]) {
					t.Fatalf("%q became %q", text, changed)
				}
				for _, value := range lists[1] {
					if value != mark {
						t.Fatalf("%q became %q", text, changed)
					}
				}
			}
		}
	})
}
