package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/bartizantest"
	"bartizan.dev/server"
	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/store/postgres/pgtest"
)

// sm calls Secrets Manager or KMS as somebody.
type sm struct {
	t  testing.TB
	s  *bartizantest.Server
	as bartizantest.Credentials
}

type object = map[string]any

func (c sm) with(as bartizantest.Credentials) sm { return sm{c.t, c.s, as} }

// call returns the answer, or an error with its code.
func (c sm) call(target string, in object) (object, error) {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	service := "secretsmanager"
	if strings.HasPrefix(target, "TrentService.") {
		service = "kms"
	} else {
		target = "secretsmanager." + target
	}
	r, err := http.NewRequest(http.MethodPost, c.s.URL()+"/", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	res, err := c.s.Client(c.as, service).Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var out object
	if err := json.Unmarshal(text, &out); err != nil && len(text) > 0 {
		c.t.Fatalf("%s: %s", target, text)
	}
	if res.StatusCode != http.StatusOK {
		message, _ := out["Message"].(string)
		if message == "" {
			message, _ = out["message"].(string)
		}
		kind, _ := out["__type"].(string)
		return nil, errors.New(kind[strings.LastIndexByte(kind, '#')+1:] + ": " + message)
	}
	return out, nil
}

func (c sm) do(target string, in object) object {
	c.t.Helper()
	out, err := c.call(target, in)
	if err != nil {
		c.t.Fatalf("%s: %v", target, err)
	}
	return out
}

func (c sm) refused(target string, in object, want string) {
	c.t.Helper()
	if _, err := c.call(target, in); err == nil || !strings.HasPrefix(err.Error(), want) {
		c.t.Errorf("%s: %v, want %s", target, err, want)
	}
}

func (c sm) iam(action string, in ...string) {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i < len(in); i += 2 {
		form.Set(in[i], in[i+1])
	}
	if _, err := c.s.Call(c.s.Root(), "iam", action, form); err != nil {
		c.t.Fatalf("%s: %v", action, err)
	}
}

// role makes an execution role of a rotator.
func (c sm) role(name string, actions string) {
	c.t.Helper()
	c.iam("CreateRole", "RoleName", name, "AssumeRolePolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"`+c.s.Account()+`"}}}]}`)
	c.iam("PutRolePolicy", "RoleName", name, "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[`+actions+`],"Resource":"*"}]}`)
}

const rotates = `"secretsmanager:DescribeSecret","secretsmanager:GetSecretValue","secretsmanager:PutSecretValue","secretsmanager:UpdateSecretVersionStage","secretsmanager:ListSecretVersionIds","secretsmanager:GetRandomPassword"`

func (c sm) function(name string) string {
	return "arn:aws:lambda:" + bartizantest.Region + ":" + c.s.Account() + ":function:" + name
}

func version(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// until asks until a rotation, which goes on beside the call that asked for it,
// has come to something.
func (c sm) until(what string, done func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s did not come", what)
		}
		time.Sleep(10 * time.Millisecond) // the server has no way of telling
	}
}

func (c sm) current(id string) object {
	c.t.Helper()
	var out object
	if err := json.Unmarshal([]byte(c.do("GetSecretValue", object{"SecretId": id})["SecretString"].(string)), &out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c sm) isCurrent(id, version string) func() bool {
	return func() bool { return c.do("GetSecretValue", object{"SecretId": id})["VersionId"] == version }
}

func newSM(t testing.TB, opts ...bartizantest.Option) sm {
	s := bartizantest.New(t, opts...)
	return sm{t, s, s.Root()}
}

// TestSecretsUnderKMS: the caller's own rights on the key decide, with the
// encryption context in the key policy and kms:ViaService.
func TestSecretsUnderKMS(t *testing.T) {
	c := newSM(t)
	made := c.do("CreateSecret", object{"Name": "plain", "ClientRequestToken": version(1), "SecretString": "one"})
	reader := c.with(c.s.NewUser(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}`).Credentials)
	if got := reader.do("GetSecretValue", object{"SecretId": made["ARN"]}); got["SecretString"] != "one" {
		t.Errorf("under the managed key: %v", got)
	}
	user := c.s.NewUser(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}`)
	keyPolicy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + c.s.Account() + `:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"` + user.ARN + `"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*","Condition":{
			"StringEquals":{"kms:ViaService":"secretsmanager.` + bartizantest.Region + `.amazonaws.com"},
			"StringLike":{"kms:EncryptionContext:SecretARN":"arn:aws:secretsmanager:*:*:secret:mine-*"}}}]}`
	key := c.do("TrentService.CreateKey", object{"Policy": keyPolicy})["KeyMetadata"].(object)["KeyId"]
	for _, name := range []string{"mine", "theirs"} {
		c.do("CreateSecret", object{"Name": name, "ClientRequestToken": version(1), "SecretString": "two", "KmsKeyId": key})
	}
	mine := c.with(user.Credentials)
	if got := mine.do("GetSecretValue", object{"SecretId": "mine"}); got["SecretString"] != "two" {
		t.Errorf("%v", got)
	}
	mine.refused("GetSecretValue", object{"SecretId": "theirs"}, "AccessDeniedException: Access to KMS is not allowed")
	reader.refused("GetSecretValue", object{"SecretId": "mine"}, "AccessDeniedException: Access to KMS is not allowed")
	reader.refused("PutSecretValue", object{"SecretId": "mine", "ClientRequestToken": version(2), "SecretString": "x"}, "AccessDeniedException: Access to KMS is not allowed")
	mine.do("PutSecretValue", object{"SecretId": "mine", "ClientRequestToken": version(2), "SecretString": "three"})
	c.do("TrentService.DisableKey", object{"KeyId": key})
	c.refused("GetSecretValue", object{"SecretId": "mine"}, "DecryptionFailure: Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	c.refused("PutSecretValue", object{"SecretId": "mine", "ClientRequestToken": version(3), "SecretString": "x"}, "EncryptionFailure: ")
	c.do("TrentService.EnableKey", object{"KeyId": key})
	c.do("UpdateSecret", object{"SecretId": "mine", "ClientRequestToken": version(4), "KmsKeyId": ""})
	if got := reader.do("GetSecretValue", object{"SecretId": "mine"}); got["SecretString"] != "three" {
		t.Errorf("under the managed key again: %v", got)
	}
}

// TestBatchIsAuthorisedOneByOne: who may read one secret gets that one, and an
// error for the other.
func TestBatchIsAuthorisedOneByOne(t *testing.T) {
	c := newSM(t)
	for _, n := range []string{"a", "b"} {
		c.do("CreateSecret", object{"Name": n, "ClientRequestToken": version(1), "SecretString": n})
	}
	one := c.with(c.s.NewUser(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:BatchGetSecretValue","Resource":"*"},
		{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:*:*:secret:a-??????"}]}`).Credentials)
	got := one.do("BatchGetSecretValue", object{"SecretIdList": []string{"a", "b"}})
	values, errs := got["SecretValues"].([]any), got["Errors"].([]any)
	if len(values) != 1 || values[0].(object)["SecretString"] != "a" || len(errs) != 1 || errs[0].(object)["ErrorCode"] != "AccessDeniedException" {
		t.Errorf("%v", got)
	}
	one.refused("BatchGetSecretValue", object{"Filters": []object{{"Key": "name", "Values": []string{"a"}}}}, "AccessDeniedException")
}

// TestNoValueIsRecorded: neither trail nor log has a secret, a password or a
// RotationToken, of whatever operation.
func TestNoValueIsRecorded(t *testing.T) {
	var log bytes.Buffer
	var lock sync.Mutex
	data := ""
	c := newSM(t, bartizantest.Log(locked{&lock, &log}), func(o *server.Options) { data = o.Data })
	const canary = "canary-4711"
	c.do("CreateSecret", object{"Name": "s", "ClientRequestToken": version(1), "SecretString": canary})
	c.do("PutSecretValue", object{"SecretId": "s", "ClientRequestToken": version(2), "SecretBinary": []byte(canary)})
	c.do("UpdateSecret", object{"SecretId": "s", "ClientRequestToken": version(3), "SecretString": canary})
	c.do("GetSecretValue", object{"SecretId": "s"})
	c.do("BatchGetSecretValue", object{"SecretIdList": []string{"s"}})
	c.refused("PutSecretValue", object{"SecretId": "s", "ClientRequestToken": version(4), "SecretString": canary, "RotationToken": canary + strings.Repeat("x", 36)}, "InvalidParameterException")
	c.refused("PutSecretValue", object{"SecretId": "s", "ClientRequestToken": version(4), "SecretString": canary + strings.Repeat("x", 70000)}, "")
	password := c.do("GetRandomPassword", object{"ExcludePunctuation": true})["RandomPassword"].(string)
	found := 0
	err := filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found += bytes.Count(text, []byte(`"eventName":"GetSecretValue"`))
		for _, secret := range []string{"canary", "Y2FuYXJ5", password} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has %q", path, secret)
			}
		}
		return nil
	})
	if err != nil || found != 2 {
		t.Errorf("%d events of GetSecretValue, %v, want 2: its own and that of the batch", found, err)
	}
	lock.Lock()
	defer lock.Unlock()
	if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), password) {
		t.Error("the log has a secret")
	}
}

type locked struct {
	lock *sync.Mutex
	w    io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.w.Write(p)
}

// TestHTTPSRotator: a rotation function elsewhere, which verifies the event and
// calls back with credentials of its own.
func TestHTTPSRotator(t *testing.T) {
	key := []byte(strings.Repeat("k", 40))
	var c sm
	var back sm
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e, err := executor.Verify(key, r.Header.Get(executor.SignatureHeader), body, time.Now())
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		switch e.Step {
		case executor.CreateSecret:
			_, err = back.call("PutSecretValue", object{"SecretId": e.SecretId, "ClientRequestToken": e.ClientRequestToken, "SecretString": "rotated", "VersionStages": []string{"AWSPENDING"}, "RotationToken": e.RotationToken})
		case executor.FinishSecret:
			_, err = back.call("UpdateSecretVersionStage", object{"SecretId": e.SecretId, "VersionStage": "AWSCURRENT", "MoveToVersionId": e.ClientRequestToken, "RemoveFromVersionId": version(1)})
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer endpoint.Close()
	c = newSM(t, func(o *server.Options) {
		o.Rotators = map[string]server.Rotator{"mine": {URL: endpoint.URL, Key: key}}
	})
	back = c.with(c.s.NewUser(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + rotates + `],"Resource":"*"}]}`).Credentials)
	c.do("CreateSecret", object{"Name": "s", "ClientRequestToken": version(1), "SecretString": "one"})
	c.refused("RotateSecret", object{"SecretId": "s", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("other")}, "AccessDeniedException: Secrets Manager cannot invoke the specified Lambda function.")
	back.refused("RotateSecret", object{"SecretId": "s", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("mine")}, "AccessDeniedException")
	c.do("RotateSecret", object{"SecretId": "s", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("mine"), "RotationRules": object{"ScheduleExpression": "rate(4 hours)"}})
	c.until("the rotation", c.isCurrent("s", version(2)))
}

// database is a PostgreSQL that asks for passwords, on a port of its own.
func database(t *testing.T) (admin *pgx.Conn, port int) {
	t.Helper()
	pg := pgtest.New(t)
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, pg.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close(ctx) })
	var hba string
	if err := admin.QueryRow(ctx, "SHOW hba_file").Scan(&hba); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, []byte("local all postgres trust\nlocal all all scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT pg_reload_conf()", "CREATE USER boss WITH SUPERUSER PASSWORD 'of the boss'", "CREATE USER app WITH PASSWORD 'first'", "CREATE TABLE things (n int)", "GRANT ALL ON things TO app"} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // what the server would do if it listened itself
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", pg.Socket())
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	return admin, l.Addr().(*net.TCPAddr).Port
}

// logsIn reports whether a database lets somebody in and read.
func logsIn(port int, user, password string) bool {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/postgres?sslmode=disable", url.QueryEscape(user), url.QueryEscape(password), port))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT n FROM things")
	return err == nil
}

func asJSON(t testing.TB, v object) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPostgreSQLSingleUser: the user's password is changed in a real database,
// now and when the schedule says so.
func TestPostgreSQLSingleUser(t *testing.T) {
	_, port := database(t)
	c := newSM(t)
	c.role("bartizan-postgresql-single-user", rotates)
	c.do("CreateSecret", object{"Name": "db", "ClientRequestToken": version(1), "SecretString": asJSON(t, object{
		"engine": "postgres", "host": "127.0.0.1", "port": port, "username": "app", "password": "first", "dbname": "postgres", "note": "kept"})})
	c.do("RotateSecret", object{"SecretId": "db", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("bartizan-postgresql-single-user"), "RotationRules": object{"AutomaticallyAfterDays": 7}})
	c.until("the rotation", c.isCurrent("db", version(2)))
	v := c.current("db")
	second := v["password"].(string)
	if !logsIn(port, "app", second) || logsIn(port, "app", "first") || v["note"] != "kept" || len(second) != 32 {
		t.Errorf("after the rotation: %v", v["note"])
	}
	d := func() object { return c.do("DescribeSecret", object{"SecretId": "db"}) }
	c.until("the end of the rotation", func() bool { return d()["LastRotatedDate"] != nil })
	c.s.Advance(8 * 24 * time.Hour)
	c.until("the rotation of the schedule", func() bool { return c.current("db")["password"] != second })
	if !logsIn(port, "app", c.current("db")["password"].(string)) || logsIn(port, "app", second) {
		t.Error("not changed in the database")
	}
}

// TestPostgreSQLAlternatingUsers: rotations go back and forth between the user
// and its clone, and the credentials before stay valid.
func TestPostgreSQLAlternatingUsers(t *testing.T) {
	admin, port := database(t)
	c := newSM(t)
	c.role("bartizan-postgresql-alternating-users", rotates)
	at := object{"engine": "postgres", "host": "127.0.0.1", "port": port, "dbname": "postgres"}
	with := func(more object) string {
		v := object{}
		for _, m := range []object{at, more} {
			for k, x := range m {
				v[k] = x
			}
		}
		return asJSON(t, v)
	}
	master := c.do("CreateSecret", object{"Name": "boss", "ClientRequestToken": version(1), "SecretString": with(object{"username": "boss", "password": "of the boss"})})["ARN"]
	c.do("CreateSecret", object{"Name": "db", "ClientRequestToken": version(1), "SecretString": with(object{"username": "app", "password": "first", "masterarn": master})})
	rotate := func(n int) (user, password string) {
		t.Helper()
		c.do("RotateSecret", object{"SecretId": "db", "ClientRequestToken": version(n), "RotationLambdaARN": c.function("bartizan-postgresql-alternating-users")})
		c.until("the rotation", c.isCurrent("db", version(n)))
		c.until("its end", func() bool {
			stages := c.do("DescribeSecret", object{"SecretId": "db"})["VersionIdsToStages"].(object)
			return len(stages[version(n)].([]any)) == 1
		})
		v := c.current("db")
		return v["username"].(string), v["password"].(string)
	}
	user, second := rotate(2)
	if user != "app_clone" || !logsIn(port, user, second) || !logsIn(port, "app", "first") {
		t.Errorf("after the first rotation: %s", user)
	}
	user, third := rotate(3)
	if user != "app" || !logsIn(port, "app", third) || logsIn(port, "app", "first") || !logsIn(port, "app_clone", second) {
		t.Errorf("after the second rotation: %s", user)
	}
	user, fourth := rotate(4)
	if user != "app_clone" || !logsIn(port, user, fourth) || logsIn(port, user, second) {
		t.Errorf("after the third rotation: %s", user)
	}
	var clear int
	if err := admin.QueryRow(context.Background(), "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'app%' AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'").Scan(&clear); err != nil || clear != 0 {
		t.Errorf("%d passwords are not kept as verifiers, %v", clear, err)
	}
}

// TestPostgreSQLFails: a database that refuses leaves the secret as it was, and
// what went wrong is in the log without a password.
func TestPostgreSQLFails(t *testing.T) {
	_, port := database(t)
	var log bytes.Buffer
	var lock sync.Mutex
	c := newSM(t, bartizantest.Log(locked{&lock, &log}))
	c.role("bartizan-postgresql-single-user", rotates)
	c.do("CreateSecret", object{"Name": "db", "ClientRequestToken": version(1), "SecretString": asJSON(t, object{"host": "127.0.0.1", "port": port, "username": "app", "password": "wrong canary"})})
	c.do("RotateSecret", object{"SecretId": "db", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("bartizan-postgresql-single-user")})
	text := func() string {
		lock.Lock()
		defer lock.Unlock()
		return log.String()
	}
	c.until("the error", func() bool { return strings.Contains(text(), "neither AWSCURRENT nor AWSPREVIOUS logs in") })
	if strings.Contains(text(), "canary") {
		t.Error("the log has a password")
	}
	if got := c.do("GetSecretValue", object{"SecretId": "db"}); got["VersionId"] != version(1) {
		t.Errorf("%v", got["VersionId"])
	}
	c.refused("RotateSecret", object{"SecretId": "db", "ClientRequestToken": version(3)}, "InvalidRequestException: A previous rotation isn't complete. That rotation will be reattempted.")
	if !logsIn(port, "app", "first") {
		t.Error("the password in the database has changed")
	}
}

// TestAccessKeyRotation: a user's access key is replaced, and the one before
// works until the next rotation.
func TestAccessKeyRotation(t *testing.T) {
	c := newSM(t)
	c.role("bartizan-iam-access-key", rotates+`,"iam:ListAccessKeys","iam:CreateAccessKey","iam:DeleteAccessKey"`)
	u := c.s.NewUser("")
	works := func(k bartizantest.Credentials) bool {
		_, err := c.s.Call(k, "sts", "GetCallerIdentity", nil)
		return err == nil
	}
	keyOf := func() bartizantest.Credentials {
		v := c.current("key")
		return bartizantest.Credentials{AccessKey: v["AccessKeyId"].(string), Secret: v["SecretAccessKey"].(string)}
	}
	c.do("CreateSecret", object{"Name": "key", "ClientRequestToken": version(1), "SecretString": asJSON(t, object{"UserName": u.Name, "AccessKeyId": u.Credentials.AccessKey, "SecretAccessKey": u.Credentials.Secret})})
	c.do("RotateSecret", object{"SecretId": "key", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("bartizan-iam-access-key")})
	c.until("the rotation", c.isCurrent("key", version(2)))
	second := keyOf()
	if second.AccessKey == u.Credentials.AccessKey || !works(second) || !works(u.Credentials) {
		t.Errorf("after the first rotation: %s", second.AccessKey)
	}
	c.until("its end", func() bool { return c.do("DescribeSecret", object{"SecretId": "key"})["LastRotatedDate"] != nil })
	c.do("RotateSecret", object{"SecretId": "key", "ClientRequestToken": version(3)})
	c.until("the rotation", c.isCurrent("key", version(3)))
	if !works(keyOf()) || !works(second) || works(u.Credentials) {
		t.Error("after the second rotation")
	}
}

// TestRotatorsNeedARole: without an execution role that trusts Lambda, nothing
// is rotated, and RotateSecret says so.
func TestRotatorsNeedARole(t *testing.T) {
	c := newSM(t)
	c.do("CreateSecret", object{"Name": "s", "ClientRequestToken": version(1), "SecretString": "{}"})
	in := object{"SecretId": "s", "ClientRequestToken": version(2), "RotationLambdaARN": c.function("bartizan-iam-access-key")}
	const want = "AccessDeniedException: Secrets Manager cannot invoke the specified Lambda function."
	c.refused("RotateSecret", in, want)
	c.iam("CreateRole", "RoleName", "bartizan-iam-access-key", "AssumeRolePolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	c.refused("RotateSecret", in, want)
	for name, r := range map[string]server.Rotator{
		"bartizan-iam-access-key": {Command: "/bin/true"}, "plain": {URL: "http://example.com", Key: make([]byte, 32)}, "keyless": {URL: "https://example.com"},
		"relative": {Command: "true"}, "missing": {Command: "/nonexistent"}, "both": {Command: "/bin/true", URL: "https://example.com"}, "none": {},
	} {
		data := t.TempDir()
		s, err := server.Open(context.Background(), server.Options{Data: data, Store: "memory", Dev: true, Listen: "127.0.0.1:0", Rotators: map[string]server.Rotator{name: r}})
		if err == nil {
			s.Close()
			t.Errorf("the rotator %s is accepted", name)
		}
	}
}
