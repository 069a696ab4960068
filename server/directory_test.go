package server

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// client calls a whole server through its front door, signed.
type client struct {
	t testing.TB
	*Server
	handler http.Handler
}

func newClient(t testing.TB) *client {
	t.Helper()
	s := openDev(t)
	return &client{t, s, s.Handler()}
}

// reply is what a call was answered with: the text of each leaf element by its
// name (the last one counts) of XML, or the body of JSON.
type reply struct {
	status int
	body   string
	leaf   map[string]string
}

func (a *reply) creds() sigv4.Credentials {
	return sigv4.Credentials{AccessKey: a.leaf["AccessKeyId"], Secret: a.leaf["SecretAccessKey"], Token: a.leaf["SessionToken"]}
}

// query makes a call of iam or sts. The parameters are name=value.
func (c *client) query(who sigv4.Credentials, service, action string, params ...string) *reply {
	c.t.Helper()
	form := url.Values{"Action": {action}, "Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]}}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		form.Set(name, value)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(r, who, service, form.Encode())
}

// lookup calls CloudTrail, which every kind of credentials may call.
func (c *client) lookup(who sigv4.Credentials) *reply {
	c.t.Helper()
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents")
	return c.send(r, who, "cloudtrail", "{}")
}

func (c *client) send(r *http.Request, who sigv4.Credentials, service, body string) *reply {
	c.t.Helper()
	if err := sigv4.Sign(r, who, "us-east-1", service, sigv4.HashPayload([]byte(body)), time.Now()); err != nil {
		c.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	a := &reply{status: w.Code, body: w.Body.String(), leaf: map[string]string{}}
	d, name := xml.NewDecoder(strings.NewReader(a.body)), ""
	for {
		token, err := d.Token()
		if err == io.EOF || err != nil {
			return a
		}
		switch t := token.(type) {
		case xml.StartElement:
			name = t.Name.Local
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				a.leaf[name] = text
			}
		}
	}
}

// must fails the test unless the call succeeded.
func (c *client) must(a *reply) *reply {
	c.t.Helper()
	if a.status != 200 {
		c.t.Fatalf("got %d: %s", a.status, a.body)
	}
	return a
}

// refused checks a call's error code.
func (c *client) refused(a *reply, code string) {
	c.t.Helper()
	if a.status == 200 || !strings.Contains(a.body, code) {
		c.t.Errorf("got %d: %s\nwant %s", a.status, a.body, code)
	}
}

func (c *client) root(action string, params ...string) *reply {
	c.t.Helper()
	return c.must(c.query(devKeys, "iam", action, params...))
}

func allow(action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`, action, resource)
}

// user makes a user with an inline policy and an access key.
func (c *client) user(name, document string, params ...string) sigv4.Credentials {
	c.t.Helper()
	c.root("CreateUser", append(params, "UserName="+name)...)
	c.root("PutUserPolicy", "UserName="+name, "PolicyName=own", "PolicyDocument="+document)
	return c.root("CreateAccessKey", "UserName="+name).creds()
}

const trustAccount = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`

// A session's tags hide the role's own tags of the same key, whatever its case;
// the role's other tags stay.
func TestSessionTagsHidePrincipalTags(t *testing.T) {
	c := newClient(t)
	c.root("CreateRole", "RoleName=r", "AssumeRolePolicyDocument="+trustAccount,
		"Tags.member.1.Key=Team", "Tags.member.1.Value=red", "Tags.member.2.Key=Stage", "Tags.member.2.Value=dev")
	c.root("PutRolePolicy", "RoleName=r", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}},
		{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"red"}}},
		{"Effect":"Allow","Action":"iam:ListGroups","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Stage":"dev"}}}]}`)
	boss := c.user("boss", allow("sts:*", "*"))
	assume := func(params ...string) sigv4.Credentials {
		return c.must(c.query(boss, "sts", "AssumeRole", append(params, "RoleArn=arn:aws:iam::000000000000:role/r", "RoleSessionName=session")...)).creds()
	}
	plain, tagged := assume(), assume("Tags.member.1.Key=TEAM", "Tags.member.1.Value=blue")
	for _, test := range []struct {
		name   string
		who    sigv4.Credentials
		action string
		want   int
	}{
		{"without session tags", plain, "ListUsers", 403}, {"without session tags", plain, "ListRoles", 200}, {"without session tags", plain, "ListGroups", 200},
		{"with session tags", tagged, "ListUsers", 200}, {"with session tags", tagged, "ListRoles", 403}, {"with session tags", tagged, "ListGroups", 200},
	} {
		if a := c.query(test.who, "iam", test.action); a.status != test.want {
			t.Errorf("%s, %s: got %d, want %d: %s", test.name, test.action, a.status, test.want, a.body)
		}
	}
}

// A session ends with its role, and does not come back with a new role of the
// same name.
func TestSessionOfDeletedRole(t *testing.T) {
	c := newClient(t)
	make := func() {
		c.root("CreateRole", "RoleName=r", "AssumeRolePolicyDocument="+trustAccount)
		c.root("PutRolePolicy", "RoleName=r", "PolicyName=p", "PolicyDocument="+allow("iam:*", "*"))
	}
	make()
	boss := c.user("boss", allow("sts:*", "*"))
	session := c.must(c.query(boss, "sts", "AssumeRole", "RoleArn=arn:aws:iam::000000000000:role/r", "RoleSessionName=session")).creds()
	c.must(c.query(session, "iam", "ListUsers"))
	c.root("DeleteRolePolicy", "RoleName=r", "PolicyName=p")
	c.refused(c.query(session, "iam", "ListUsers"), "AccessDenied") // the right is gone at once
	c.root("DeleteRole", "RoleName=r")
	c.refused(c.query(session, "iam", "ListUsers"), "InvalidClientTokenId")
	c.refused(c.query(session, "sts", "GetCallerIdentity"), "InvalidClientTokenId")
	make()
	c.refused(c.query(session, "iam", "ListUsers"), "InvalidClientTokenId")
}

// A user's sessions and keys end with the user.
func TestSessionOfDeletedUser(t *testing.T) {
	c := newClient(t)
	key := c.user("u", allow("*", "*"))
	session := c.must(c.query(key, "sts", "GetSessionToken")).creds()
	c.must(c.lookup(session))
	c.root("DeleteAccessKey", "UserName=u", "AccessKeyId="+key.AccessKey)
	c.refused(c.query(key, "iam", "ListUsers"), "InvalidClientTokenId")
	c.root("DeleteUserPolicy", "UserName=u", "PolicyName=own")
	c.root("DeleteUser", "UserName=u")
	c.refused(c.lookup(session), "UnrecognizedClientException")
}

// The root user's session has the root user's rights for an hour at most, and
// none on IAM without MFA.
func TestRootSession(t *testing.T) {
	c := newClient(t)
	a := c.must(c.query(devKeys, "sts", "GetSessionToken", "DurationSeconds=43200"))
	expires, err := time.Parse(time.RFC3339, a.leaf["Expiration"])
	if err != nil || time.Until(expires) > time.Hour {
		t.Errorf("the session ends at %s, %v", a.leaf["Expiration"], err)
	}
	session := a.creds()
	if who := c.must(c.query(session, "sts", "GetCallerIdentity")); who.leaf["Arn"] != "arn:aws:iam::000000000000:root" || who.leaf["UserId"] != "000000000000" {
		t.Errorf("got %s", who.body)
	}
	c.must(c.lookup(session))
	if a := c.query(session, "iam", "ListUsers"); a.status == 200 {
		t.Error("a session without MFA calls IAM")
	}
	if a := c.query(session, "sts", "GetSessionToken"); a.status == 200 {
		t.Error("a session makes a session")
	}
	if err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	c.refused(c.lookup(session), "ExpiredToken")
}

// A federated user has what its user and its session policy both allow, and
// nothing without a session policy.
func TestFederatedUserStanding(t *testing.T) {
	c := newClient(t)
	able := c.user("able", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:*","cloudtrail:*"],"Resource":"*"}]}`)
	unable := c.user("unable", allow("sts:*", "*"))
	look := allow("cloudtrail:LookupEvents", "*")
	federate := func(who sigv4.Credentials, params ...string) sigv4.Credentials {
		return c.must(c.query(who, "sts", "GetFederationToken", append(params, "Name=fred")...)).creds()
	}
	for _, test := range []struct {
		name string
		who  sigv4.Credentials
		want int
	}{
		{"both allow", federate(able, "Policy="+look), 200},
		{"both allow, by a managed policy", federate(able, "PolicyArns.member.1.arn=arn:aws:iam::aws:policy/AWSCloudTrail_ReadOnlyAccess"), 200},
		{"no session policy", federate(able), 400},
		{"the session policy alone allows", federate(unable, "Policy="+look), 400},
		{"the user alone allows", federate(able, "Policy="+allow("s3:*", "*")), 400},
		{"of the root user, without a session policy", federate(devKeys), 400},
		{"of the root user, by its session policy", federate(devKeys, "Policy="+look), 200},
	} {
		a := c.lookup(test.who)
		if a.status != test.want || test.want == 400 && !strings.Contains(a.body, "AccessDenied") {
			t.Errorf("%s: got %d, want %d: %s", test.name, a.status, test.want, a.body)
		}
	}
	fred := federate(able, "Policy="+allow("*", "*"))
	if who := c.must(c.query(fred, "sts", "GetCallerIdentity")); who.leaf["Arn"] != "arn:aws:sts::000000000000:federated-user/fred" {
		t.Errorf("got %s", who.body)
	}
	if a := c.query(fred, "iam", "ListUsers"); a.status == 200 {
		t.Error("a federated user calls IAM")
	}
	c.root("DeleteUserPolicy", "UserName=able", "PolicyName=own")
	c.refused(c.lookup(fred), "AccessDenied") // what the user loses, its federated users lose
}

// A key that is made inactive is refused at the very next call, and works again
// once it is active.
func TestInactiveKey(t *testing.T) {
	c := newClient(t)
	key := c.user("u", allow("iam:ListUsers", "*"))
	for range 3 {
		c.must(c.query(key, "iam", "ListUsers"))
		c.root("UpdateAccessKey", "UserName=u", "AccessKeyId="+key.AccessKey, "Status=Inactive")
		c.refused(c.query(key, "iam", "ListUsers"), "InvalidClientTokenId")
		c.root("UpdateAccessKey", "UserName=u", "AccessKeyId="+key.AccessKey, "Status=Active")
	}
}

// Tokens end when they say so, belong to their key, and cannot be made up.
func TestTokens(t *testing.T) {
	c := newClient(t)
	key := c.user("u", allow("*", "*"))
	short := c.must(c.query(key, "sts", "GetSessionToken", "DurationSeconds=900")).creds()
	long := c.must(c.query(key, "sts", "GetSessionToken", "DurationSeconds=3600")).creds()
	for name, who := range map[string]sigv4.Credentials{
		"no token":            {AccessKey: short.AccessKey, Secret: short.Secret},
		"another's token":     {AccessKey: short.AccessKey, Secret: short.Secret, Token: long.Token},
		"a token for a key":   {AccessKey: key.AccessKey, Secret: key.Secret, Token: short.Token},
		"a token made up":     {AccessKey: short.AccessKey, Secret: short.Secret, Token: "AAAA" + short.Token},
		"no token at all":     {AccessKey: short.AccessKey, Secret: short.Secret, Token: "x"},
		"a key that is not":   {AccessKey: "AKIAIOSFODNN7EXAMPLE", Secret: key.Secret},
		"another's token too": {AccessKey: long.AccessKey, Secret: long.Secret, Token: short.Token},
	} {
		if a := c.lookup(who); a.status == 200 || !strings.Contains(a.body, "UnrecognizedClientException") {
			t.Errorf("%s: got %d: %s", name, a.status, a.body)
		}
	}
	wrong := short
	wrong.Secret = long.Secret
	if a := c.lookup(wrong); !strings.Contains(a.body, "InvalidSignatureException") {
		t.Errorf("a wrong secret: got %d: %s", a.status, a.body)
	}
	if err := c.Advance(899 * time.Second); err != nil {
		t.Fatal(err)
	}
	c.must(c.lookup(short))
	if err := c.Advance(time.Second); err != nil {
		t.Fatal(err)
	}
	c.refused(c.lookup(short), "ExpiredTokenException")
	c.must(c.lookup(long))
}

// A session of a user that was renamed is not the new user of the old name.
func TestSessionOfRenamedUser(t *testing.T) {
	c := newClient(t)
	key := c.user("alice", allow("cloudtrail:LookupEvents", "*"))
	c.root("PutUserPolicy", "UserName=alice", "PolicyName=own",
		`PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudtrail:LookupEvents","Resource":"*","Condition":{"StringEquals":{"aws:username":"alice"}}}]}`)
	session := c.must(c.query(key, "sts", "GetSessionToken")).creds()
	c.must(c.lookup(session))
	c.root("UpdateUser", "UserName=alice", "NewUserName=carol")
	c.refused(c.lookup(key), "AccessDenied")
	c.refused(c.lookup(session), "AccessDenied")
	if who := c.must(c.query(session, "sts", "GetCallerIdentity")); who.leaf["Arn"] != "arn:aws:iam::000000000000:user/carol" {
		t.Errorf("the session says it is %s", who.leaf["Arn"])
	}
}

// TestSimulationAgreesWithGateway: what SimulatePrincipalPolicy says of a call
// is what the gateway does with it.
func TestSimulationAgreesWithGateway(t *testing.T) {
	c := newClient(t)
	c.root("CreateGroup", "GroupName=readers")
	c.root("PutGroupPolicy", "GroupName=readers", "PolicyName=p", "PolicyDocument="+allow("iam:GetUser", "arn:aws:iam::000000000000:user/team/*"))
	c.root("CreatePolicy", "PolicyName=fence", `PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"iam:ListUserTags","Resource":"*"},{"Effect":"Deny","Action":"iam:ListGroupsForUser","Resource":"*"}]}`)
	users := map[string]sigv4.Credentials{
		"all":     c.user("all", allow("iam:*", "*"), "Path=/team/"),
		"fenced":  c.user("fenced", allow("iam:*", "*"), "PermissionsBoundary=arn:aws:iam::000000000000:policy/fence"),
		"self":    c.user("self", allow("iam:*", "arn:aws:iam::000000000000:user/${aws:username}")),
		"reader":  c.user("reader", allow("s3:*", "*")),
		"tagged":  c.user("tagged", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/a":"b"}}}]}`, "Tags.member.1.Key=A", "Tags.member.1.Value=b"),
		"without": c.user("without", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::000000000000:user/team/*"}]}`),
	}
	c.root("AddUserToGroup", "GroupName=readers", "UserName=reader")
	seen := map[string]int{}
	for name, who := range users {
		source := c.root("GetUser", "UserName="+name).leaf["Arn"]
		for _, target := range []string{"all", "self", "fenced"} {
			resource := c.root("GetUser", "UserName="+target).leaf["Arn"]
			for _, action := range []string{"GetUser", "ListUserTags", "ListGroupsForUser"} {
				simulated := c.root("SimulatePrincipalPolicy", "PolicySourceArn="+source, "ActionNames.member.1=iam:"+action, "ResourceArns.member.1="+resource).leaf["EvalDecision"]
				status := c.query(who, "iam", action, "UserName="+target).status
				if seen[simulated]++; (simulated == "allowed") != (status == 200) {
					t.Errorf("%s, iam:%s on %s: simulated %s, answered %d", name, action, target, simulated, status)
				}
			}
		}
	}
	if seen["allowed"] < 10 || seen["implicitDeny"] < 10 || seen["explicitDeny"] < 5 {
		t.Errorf("the decisions were %v: they prove little", seen)
	}
}
