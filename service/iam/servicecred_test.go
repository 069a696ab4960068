package iam

import (
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
)

func (f *fixture) createCredential(user, service string, days *int32) (*iamapi.CreateServiceSpecificCredentialResponse, error) {
	return f.CreateServiceSpecificCredential(f.root, &iamapi.CreateServiceSpecificCredentialRequest{UserName: user, ServiceName: service, CredentialAgeDays: days})
}

func TestServiceSpecificCredentials(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	f.newUser("bob")
	const service = "codecommit.amazonaws.com"
	fails(f.createCredential("nobody", "x", nil))(t, "NoSuchEntity", "The user with name nobody cannot be found.")
	fails(f.createCredential("alice", "lambda.amazonaws.com", nil))(t, "NoSuchEntity", "No such service lambda.amazonaws.com is supported for Service Specific Credentials")
	one := must(f.createCredential("alice", service, nil))(t).ServiceSpecificCredential
	if !strings.HasPrefix(one.ServiceSpecificCredentialId, "ACCA") || *one.ServiceUserName != "alice-at-111122223333" ||
		len(*one.ServicePassword) != 60 || one.ServiceCredentialSecret != nil || one.Status != "Active" || !one.ExpirationDate.IsZero() {
		t.Errorf("created: %+v", one)
	}
	two := must(f.createCredential("alice", service, nil))(t).ServiceSpecificCredential
	if *two.ServiceUserName != "alice+1-at-111122223333" {
		t.Errorf("the second: %s", *two.ServiceUserName)
	}
	fails(f.createCredential("alice", service, nil))(t, "LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2")
	must(f.createCredential("alice", "cassandra.amazonaws.com", nil))(t)

	check := func(login, secret string) bool {
		id, err := f.ServiceCredential(t.Context(), service, login, secret)
		if err != nil {
			t.Fatal(err)
		}
		return id != nil && id.Name == "alice" && id.Account == testAccount
	}
	if !check(*one.ServiceUserName, *one.ServicePassword) || check(*one.ServiceUserName, *two.ServicePassword) || check("bob", "") {
		t.Error("passwords are not told apart")
	}
	reset := &iamapi.ResetServiceSpecificCredentialRequest{UserName: new("alice"), ServiceSpecificCredentialId: one.ServiceSpecificCredentialId}
	again := must(f.ResetServiceSpecificCredential(f.root, reset))(t).ServiceSpecificCredential
	if check(*one.ServiceUserName, *one.ServicePassword) || !check(*one.ServiceUserName, *again.ServicePassword) || again.CreateDate != one.CreateDate {
		t.Error("the password was not reset")
	}
	update := &iamapi.UpdateServiceSpecificCredentialRequest{UserName: new("alice"), ServiceSpecificCredentialId: one.ServiceSpecificCredentialId, Status: iamapi.StatusType_Inactive}
	must(f.UpdateServiceSpecificCredential(f.root, update))(t)
	if check(*one.ServiceUserName, *again.ServicePassword) {
		t.Error("an inactive credential was taken")
	}
	update.Status = iamapi.StatusType_Expired
	fails(f.UpdateServiceSpecificCredential(f.root, update))(t, "InvalidInput", "Invalid status. Status must be Active or Inactive.")

	absent := "No such credential " + one.ServiceSpecificCredentialId + " exists"
	update.UserName = new("bob")
	fails(f.UpdateServiceSpecificCredential(f.root, update))(t, "NoSuchEntity", absent)
	update.UserName = new("nobody")
	fails(f.UpdateServiceSpecificCredential(f.root, update))(t, "NoSuchEntity", "The user with name nobody cannot be found.")
	fails(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alice"}))(t, "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
	remove := &iamapi.DeleteServiceSpecificCredentialRequest{ServiceSpecificCredentialId: one.ServiceSpecificCredentialId}
	must(f.DeleteServiceSpecificCredential(f.asUser("alice"), remove))(t)
	fails(f.DeleteServiceSpecificCredential(f.asUser("alice"), remove))(t, "NoSuchEntity", absent)
}

func TestListServiceSpecificCredentials(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	f.newUser("bob")
	for _, c := range [][2]string{{"alice", "codecommit.amazonaws.com"}, {"alice", "codecommit.amazonaws.com"}, {"alice", "bedrock.amazonaws.com"}, {"bob", "codecommit.amazonaws.com"}} {
		must(f.createCredential(c[0], c[1], nil))(t)
	}
	for name, c := range map[string]struct {
		in   iamapi.ListServiceSpecificCredentialsRequest
		want int
	}{
		"of a user":               {iamapi.ListServiceSpecificCredentialsRequest{UserName: new("alice")}, 3},
		"of a user and service":   {iamapi.ListServiceSpecificCredentialsRequest{UserName: new("alice"), ServiceName: new("CodeCommit.amazonaws.com")}, 2},
		"none of the service":     {iamapi.ListServiceSpecificCredentialsRequest{UserName: new("bob"), ServiceName: new("bedrock.amazonaws.com")}, 0},
		"of all users":            {iamapi.ListServiceSpecificCredentialsRequest{AllUsers: new(true)}, 4},
		"of all of the service":   {iamapi.ListServiceSpecificCredentialsRequest{AllUsers: new(true), ServiceName: new("codecommit.amazonaws.com")}, 3},
		"AllUsers false and user": {iamapi.ListServiceSpecificCredentialsRequest{AllUsers: new(false), UserName: new("bob")}, 1},
	} {
		seen := map[string]bool{}
		in := c.in
		in.MaxItems = new(int32(2))
		for {
			out := must(f.ListServiceSpecificCredentials(f.root, &in))(t)
			for _, v := range out.ServiceSpecificCredentials {
				seen[v.ServiceSpecificCredentialId] = true
				if v.UserName != "alice" && v.UserName != "bob" || (v.ServiceName == "bedrock.amazonaws.com") != (v.ServiceCredentialAlias != nil) {
					t.Errorf("%s: %+v", name, v)
				}
			}
			if in.Marker = out.Marker; in.Marker == nil {
				break
			}
		}
		if len(seen) != c.want {
			t.Errorf("%s: %d, want %d", name, len(seen), c.want)
		}
	}
	fails(f.ListServiceSpecificCredentials(f.root, &iamapi.ListServiceSpecificCredentialsRequest{AllUsers: new(true), UserName: new("bob")}))(t,
		"InvalidInput", "Cannot list credentials for all users if a username is given")
	fails(f.ListServiceSpecificCredentials(f.root, &iamapi.ListServiceSpecificCredentialsRequest{UserName: new("bob"), ServiceName: new("sqs.amazonaws.com")}))(t,
		"NoSuchEntity", "No such service sqs.amazonaws.com is supported for Service Specific Credentials")
	fails(f.ListServiceSpecificCredentials(f.root, &iamapi.ListServiceSpecificCredentialsRequest{UserName: new("nobody")}))(t,
		"NoSuchEntity", "The user with name nobody cannot be found.")
}

func TestAPIKeys(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	for service, prefix := range map[string]string{"bedrock.amazonaws.com": "ABSK", "logs.amazonaws.com": "ACWL"} {
		c := must(f.createCredential("alice", service, new(int32(30))))(t).ServiceSpecificCredential
		if c.ServiceUserName != nil || c.ServicePassword != nil || *c.ServiceCredentialAlias != "alice-at-111122223333" ||
			!strings.HasPrefix(*c.ServiceCredentialSecret, prefix) || c.ExpirationDate != f.clock.AddDate(0, 0, 30) {
			t.Errorf("%s: %+v", service, c)
		}
		login := APIKeyLogin(service, *c.ServiceCredentialSecret)
		if login != *c.ServiceCredentialAlias {
			t.Errorf("%s: the key carries %q", service, login)
		}
		if id := must(f.ServiceCredential(t.Context(), service, login, *c.ServiceCredentialSecret))(t); id == nil {
			t.Errorf("%s: the key was not taken", service)
		}
		if id := must(f.ServiceCredential(t.Context(), "codecommit.amazonaws.com", login, *c.ServiceCredentialSecret))(t); id != nil {
			t.Errorf("%s: the key was taken for another service", service)
		}
		before := f.clock
		f.clock = c.ExpirationDate.Add(-time.Second)
		if id := must(f.ServiceCredential(t.Context(), service, login, *c.ServiceCredentialSecret))(t); id == nil {
			t.Errorf("%s: the key expired early", service)
		}
		f.clock = c.ExpirationDate
		if id := must(f.ServiceCredential(t.Context(), service, login, *c.ServiceCredentialSecret))(t); id != nil {
			t.Errorf("%s: an expired key was taken", service)
		}
		list := must(f.ListServiceSpecificCredentials(f.root, &iamapi.ListServiceSpecificCredentialsRequest{UserName: new("alice"), ServiceName: &service}))(t)
		if v := list.ServiceSpecificCredentials[0]; v.Status != iamapi.StatusType_Expired {
			t.Errorf("%s: status %s", service, v.Status)
		}
		f.clock = before
	}
}

// The key of a credential is a condition of what is done with it.
func TestServiceCredentialKeys(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	c := must(f.createCredential("alice", "bedrock.amazonaws.com", nil))(t).ServiceSpecificCredential
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "alice", PolicyName: "own", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:*ServiceSpecificCredential*","Resource":"*"},
		{"Effect":"Deny","Action":"iam:*ServiceSpecificCredential","Resource":"*","Condition":{"StringEquals":{"iam:ServiceSpecificCredentialServiceName":"bedrock.amazonaws.com"}}},
		{"Effect":"Deny","Action":"iam:CreateServiceSpecificCredential","Resource":"*","Condition":{"NumericGreaterThan":{"iam:ServiceSpecificCredentialAgeDays":"90"}}}]}`}))(t)
	alice := f.asUser("alice")
	for name, x := range map[string]struct {
		op   string
		in   any
		want bool
	}{
		"create":                        {"CreateServiceSpecificCredential", &iamapi.CreateServiceSpecificCredentialRequest{UserName: "alice", ServiceName: "logs.amazonaws.com", CredentialAgeDays: new(int32(90))}, true},
		"create for too long":           {"CreateServiceSpecificCredential", &iamapi.CreateServiceSpecificCredentialRequest{UserName: "alice", ServiceName: "logs.amazonaws.com", CredentialAgeDays: new(int32(91))}, false},
		"create for bedrock":            {"CreateServiceSpecificCredential", &iamapi.CreateServiceSpecificCredentialRequest{UserName: "alice", ServiceName: "Bedrock.amazonaws.com"}, false},
		"delete one of bedrock":         {"DeleteServiceSpecificCredential", &iamapi.DeleteServiceSpecificCredentialRequest{ServiceSpecificCredentialId: c.ServiceSpecificCredentialId}, false},
		"delete one that is not there":  {"DeleteServiceSpecificCredential", &iamapi.DeleteServiceSpecificCredentialRequest{ServiceSpecificCredentialId: "ACCAXXXXXXXXXXXXXXXXX"}, true},
		"list":                          {"ListServiceSpecificCredentials", &iamapi.ListServiceSpecificCredentialsRequest{}, true},
		"list those of the whole place": {"ListServiceSpecificCredentials", &iamapi.ListServiceSpecificCredentialsRequest{AllUsers: new(true)}, true},
	} {
		if got := f.allowed(alice, x.op, x.in); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzAPIKeyLogin(f *testing.F) {
	secret, _ := newServiceSecret("ABSK", "alice-at-111122223333")
	f.Add(secret)
	f.Add("ABSK" + "!")
	f.Fuzz(func(t *testing.T, key string) {
		if login := APIKeyLogin("bedrock.amazonaws.com", key); strings.Contains(login, ":") || len(login) > len(key) {
			t.Errorf("%q carries %q", key, login)
		}
	})
}
