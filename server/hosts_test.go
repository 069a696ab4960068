package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/oidc"
	"bartizan.dev/sigv4"
)

// rest makes a signed call of a service that speaks REST and returns its status
// and its answer.
func (c *client) rest(who sigv4.Credentials, service, method, target string, in any) (int, map[string]any) {
	c.t.Helper()
	body := []byte{}
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			c.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if who.AccessKey != "" {
		if err := sigv4.Sign(r, who, "us-east-1", service, sigv4.HashPayload(body), time.Now()); err != nil {
			c.t.Fatal(err)
		}
	}
	return c.answer(r)
}

func (c *client) answer(r *http.Request) (int, map[string]any) {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	out := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		c.t.Fatalf("%d %s", w.Code, w.Body)
	}
	out["code"] = w.Header().Get("X-Amzn-Errortype")
	return w.Code, out
}

// wants fails the test unless a call succeeded with this status.
func (c *client) wants(status int) func(int, map[string]any) map[string]any {
	return func(got int, out map[string]any) map[string]any {
		c.t.Helper()
		if got != status {
			c.t.Fatalf("%d, want %d: %v", got, status, out)
		}
		return out
	}
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.(map[string]any)[p]
		case int:
			v = v.([]any)[p]
		}
	}
	return v
}

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIdentity(t testing.TB, issuer *identity, template *x509.Certificate) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

func authorityAndHost(t testing.TB, name string) (root, host *identity) {
	root = newIdentity(t, nil, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return root, newIdentity(t, root, &x509.Certificate{SerialNumber: big.NewInt(0x1f71), Subject: pkix.Name{CommonName: name, Organization: []string{"Shop"}}, KeyUsage: x509.KeyUsageDigitalSignature})
}

// certified makes a call that is signed with the key of a certificate.
func (c *client) certified(who *identity, region, method, target string, in any) (int, map[string]any) {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if err := sigv4.SignCertificate(r, who.key, []*x509.Certificate{who.cert}, region, "rolesanywhere", sigv4.HashPayload(body), time.Now()); err != nil {
		c.t.Fatal(err)
	}
	return c.answer(r)
}

// trusting makes a role that trusts an AWS service, under a condition, and may
// call iam:GetRole.
func (c *client) trusting(name, service, condition string, actions ...string) string {
	c.t.Helper()
	list, err := json.Marshal(actions)
	if err != nil {
		c.t.Fatal(err)
	}
	out := c.root("CreateRole", "RoleName="+name, fmt.Sprintf(
		`AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":%q},"Action":%s,"Condition":%s}}`, service, list, condition))
	c.root("PutRolePolicy", "RoleName="+name, "PolicyName=own", "PolicyDocument="+allow("iam:GetRole", "*"))
	return out.leaf["Arn"]
}

func credentialsOf(v any) sigv4.Credentials {
	return sigv4.Credentials{AccessKey: at(v, "accessKeyId").(string), Secret: at(v, "secretAccessKey").(string), Token: at(v, "sessionToken").(string)}
}

// TestRolesAnywhere takes a certificate through the front door: it becomes a
// session within the role's trust policy and the profile's session policy.
func TestRolesAnywhere(t *testing.T) {
	c := newClient(t)
	root, host := authorityAndHost(t, "host1")
	bundle := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw}))
	anchor := at(c.wants(201)(c.rest(devKeys, "rolesanywhere", "POST", "/trustanchors", map[string]any{
		"name": "a", "enabled": true, "source": map[string]any{"sourceType": "CERTIFICATE_BUNDLE", "sourceData": map[string]any{"x509CertificateData": bundle}},
	})), "trustAnchor", "trustAnchorArn").(string)
	role := c.trusting("host", "rolesanywhere.amazonaws.com", fmt.Sprintf(
		`{"StringEquals":{"aws:PrincipalTag/x509Subject/O":"Shop","aws:SourceAccount":"000000000000","sts:SourceIdentity":"CN=host1"},"ArnEquals":{"aws:SourceArn":%q}}`, anchor),
		"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
	other := c.trusting("other", "rolesanywhere.amazonaws.com", `{"StringEquals":{"aws:PrincipalTag/x509Subject/O":"Bank"}}`, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
	untagged := c.trusting("untagged", "rolesanywhere.amazonaws.com", `{}`, "sts:AssumeRole", "sts:SetSourceIdentity")
	profile := at(c.wants(201)(c.rest(devKeys, "rolesanywhere", "POST", "/profiles", map[string]any{
		"name": "p", "enabled": true, "roleArns": []string{role, other, untagged}, "sessionPolicy": allow("iam:*", "*"),
	})), "profile", "profileArn").(string)
	session := func(who *identity, region, role string) (int, map[string]any) {
		return c.certified(who, region, "POST", "/sessions?"+url.Values{"trustAnchorArn": {anchor}, "profileArn": {profile}, "roleArn": {role}}.Encode(), map[string]any{"durationSeconds": 900})
	}
	set := at(c.wants(201)(session(host, "us-east-1", role)), "credentialSet", 0)
	if at(set, "sourceIdentity") != "CN=host1" || at(set, "assumedRoleUser", "arn") != "arn:aws:sts::000000000000:assumed-role/host/1f71" {
		t.Errorf("%v", set)
	}
	who := credentialsOf(at(set, "credentials"))
	c.must(c.query(who, "iam", "GetRole", "RoleName=host"))
	c.refused(c.query(who, "iam", "ListUsers"), "AccessDenied")
	for name, got := range map[string]func() (int, map[string]any){
		"a role that trusts others":  func() (int, map[string]any) { return session(host, "us-east-1", other) },
		"a role that allows no tags": func() (int, map[string]any) { return session(host, "us-east-1", untagged) },
		"another Region":             func() (int, map[string]any) { return session(host, "eu-west-1", role) },
		"an authority of the stranger": func() (int, map[string]any) {
			_, s := authorityAndHost(t, "host1")
			return session(s, "us-east-1", role)
		},
	} {
		if status, out := got(); status != 403 || out["code"] != "AccessDeniedException" {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	// A certificate is no key of an account, and a key no certificate.
	if status, out := c.certified(host, "us-east-1", "GET", "/trustanchors", nil); status != 403 || out["code"] != "IncompleteSignatureException" {
		t.Errorf("a certificate lists trust anchors: %d %v", status, out)
	}
	for _, who := range []sigv4.Credentials{{}, devKeys} {
		if status, out := c.rest(who, "rolesanywhere", "POST", "/sessions?trustAnchorArn="+url.QueryEscape(anchor), map[string]any{}); status != 403 || out["code"] != "AccessDeniedException" {
			t.Errorf("without a certificate: %d %v", status, out)
		}
	}
	c.seen("CreateSession", "AccessDeniedException", "Untrusted signing certificate")
	c.seen("AssumeRole", "AccessDenied", "rolesanywhere.amazonaws.com")
}

// seen checks that the trail has an event with all these texts.
func (c *client) seen(name string, texts ...string) {
	c.t.Helper()
	body := fmt.Sprintf(`{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":%q}]}`, name)
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents")
	var out struct {
		Events []struct{ CloudTrailEvent string }
	}
	if err := json.Unmarshal([]byte(c.send(r, devKeys, "cloudtrail", body).body), &out); err != nil {
		c.t.Fatal(err)
	}
	for _, e := range out.Events {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(e.CloudTrailEvent, text)
		}
		if all {
			return
		}
	}
	c.t.Errorf("no %s with %q among %d", name, texts, len(out.Events))
}

// TestPodIdentity exchanges a pod's token for credentials of the associated
// role, and of a target role behind it.
func TestPodIdentity(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := oidc.NewSigner("ES256", key)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(oidc.JWKS{signer.Key()})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Data: t.TempDir(), Store: "memory", Dev: true, EKSIssuers: map[string]string{"prod": file}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &client{t, s, s.Handler()}
	role := c.trusting("pods", "pods.eks.amazonaws.com", `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop"},"ArnEquals":{"aws:SourceArn":"arn:aws:eks:us-east-1:000000000000:cluster/prod"}}`,
		"sts:AssumeRole", "sts:TagSession")
	association := at(c.wants(200)(c.rest(devKeys, "eks", "POST", "/clusters/prod/pod-identity-associations",
		map[string]any{"namespace": "shop", "serviceAccount": "web", "roleArn": role})), "association", "associationId").(string)
	token, err := signer.Sign(map[string]any{
		"aud": []string{"pods.eks.amazonaws.com"}, "sub": "system:serviceaccount:shop:web", "exp": time.Now().Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "web"}, "pod": map[string]any{"name": "web-1", "uid": "u"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	node := c.user("node", allow("eks-auth:AssumeRoleForPodIdentity", "arn:aws:eks:us-east-1:000000000000:cluster/prod"))
	exchange := func(who sigv4.Credentials, cluster string) (int, map[string]any) {
		return c.rest(who, "eks-auth", "POST", "/clusters/"+cluster+"/assume-role-for-pod-identity", map[string]any{"token": token})
	}
	who := credentialsOf(c.wants(200)(exchange(node, "prod"))["credentials"])
	c.must(c.query(who, "iam", "GetRole", "RoleName=pods"))
	c.refused(c.query(who, "iam", "ListUsers"), "AccessDenied")
	if status, out := exchange(c.user("stranger", allow("iam:*", "*")), "prod"); status != 403 || out["code"] != "AccessDeniedException" {
		t.Errorf("a node without the right: %d %v", status, out)
	}
	if status, out := exchange(devKeys, "test"); status != 404 || out["code"] != "ResourceNotFoundException" {
		t.Errorf("a cluster whose keys are not known: %d %v", status, out)
	}

	target := c.root("CreateRole", "RoleName=target", fmt.Sprintf(`AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":%q},
		"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"sts:ExternalId":"us-east-1/000000000000/prod/shop/web","aws:PrincipalTag/kubernetes-namespace":"shop"}}}}`, role)).leaf["Arn"]
	c.root("PutRolePolicy", "RoleName=target", "PolicyName=own", "PolicyDocument="+allow("iam:ListUsers", "*"))
	c.root("PutRolePolicy", "RoleName=pods", "PolicyName=own", "PolicyDocument="+allow("sts:*", "*"))
	c.wants(200)(c.rest(devKeys, "eks", "POST", "/clusters/prod/pod-identity-associations/"+association, map[string]any{"targetRoleArn": target}))
	who = credentialsOf(c.wants(200)(exchange(node, "prod"))["credentials"])
	c.must(c.query(who, "iam", "ListUsers"))
	c.refused(c.query(who, "iam", "GetRole", "RoleName=pods"), "AccessDenied")
	if got := c.must(c.query(who, "sts", "GetCallerIdentity")).leaf["Arn"]; !strings.HasPrefix(got, "arn:aws:sts::000000000000:assumed-role/target/eks-prod-web-1-") {
		t.Error(got)
	}
	c.wants(200)(c.rest(devKeys, "eks", "DELETE", "/clusters/prod/pod-identity-associations/"+association, nil))
	if status, _ := exchange(node, "prod"); status != 404 {
		t.Errorf("after the association: %d", status)
	}
}

// TestHostEndpoints asks the server's own endpoints, which follow the instance
// profile.
func TestHostEndpoints(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Data: dir, Store: "memory", Dev: true, Listen: "127.0.0.1:0", Metadata: Metadata{
		Instance: "127.0.0.1:0", Profile: "web", HopLimit: 1, Container: "127.0.0.1:0", TaskRole: "arn:aws:iam::000000000000:role/task", TokenFile: filepath.Join(dir, "token"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	l, err := s.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &client{t, s, s.Handler()}
	instance, container := s.Hosts()
	get := func(method, address string, headers ...string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body bytes.Buffer
		if _, err := body.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, body.String()
	}
	_, token := get("PUT", instance+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	const header, roles = "X-aws-ec2-metadata-token", "/latest/meta-data/iam/security-credentials/"
	if status, _ := get("GET", instance+roles, header, token); status != 404 {
		t.Errorf("without a profile: %d", status)
	}
	c.trusting("web", "ec2.amazonaws.com", `{}`, "sts:AssumeRole")
	c.trusting("task", "ecs-tasks.amazonaws.com", `{}`, "sts:AssumeRole")
	c.root("CreateInstanceProfile", "InstanceProfileName=web")
	c.root("AddRoleToInstanceProfile", "InstanceProfileName=web", "RoleName=web")
	status, text := 0, ""
	for range 2000 { // until the change has come by
		if status, text = get("GET", instance+roles, header, token); status == 200 {
			break
		}
	}
	if text != "web" {
		t.Fatalf("%d %s", status, text)
	}
	use := func(status int, doc string) {
		t.Helper()
		var out struct{ Code, AccessKeyId, SecretAccessKey, Token string }
		if err := json.Unmarshal([]byte(doc), &out); err != nil || status != 200 || out.AccessKeyId == "" {
			t.Fatalf("%d %s", status, doc)
		}
		who := sigv4.Credentials{AccessKey: out.AccessKeyId, Secret: out.SecretAccessKey, Token: out.Token}
		c.must(c.query(who, "iam", "GetRole", "RoleName=web"))
		c.refused(c.query(who, "iam", "ListUsers"), "AccessDenied")
	}
	use(get("GET", instance+roles+"web", header, token))
	if _, doc := get("GET", instance+"/latest/meta-data/iam/info", header, token); !strings.Contains(doc, "arn:aws:iam::000000000000:instance-profile/web") {
		t.Error(doc)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	use(get("GET", container, "Authorization", string(secret)))
	if status, _ := get("GET", container); status != 401 {
		t.Errorf("without the token: %d", status)
	}
	// A role that no longer trusts EC2, once its session has ended.
	c.root("UpdateAssumeRolePolicy", "RoleName=web", `PolicyDocument={"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	if err := s.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	_, token = get("PUT", instance+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if _, doc := get("GET", instance+roles+"web", header, token); !strings.Contains(doc, "AssumeRoleUnauthorizedAccess") {
		t.Error(doc)
	}
}
