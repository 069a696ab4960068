package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bartizan.dev/bartizantest"
	"bartizan.dev/oidc"
	"bartizan.dev/plane/metadata"
	"bartizan.dev/server"
)

// A site is a server, and a host beside it with a certificate: what is needed
// for every way in which credentials come to hosts.
type site struct {
	*bartizantest.Server
	t                       *testing.T
	dir                     string
	program                 string // bartizan itself
	anchor, profile         string
	certificate, privateKey string // files
	signer                  *oidc.Signer
}

// hostRoles are the roles of a site, each with the service that may assume it.
var hostRoles = map[string]string{"host": "rolesanywhere", "web": "ec2", "task": "ecs-tasks", "pods": "pods.eks"}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	h := &site{t: t, dir: dir, program: filepath.Join(dir, "bartizan")}
	root := output(t, "../..", append(os.Environ(), "CGO_ENABLED=0"), "go", "build", "-o", h.program, ".")
	if root != "" {
		t.Log(root)
	}
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	h.signer = must[*oidc.Signer](t)(oidc.NewSigner("ES256", key))
	keys := h.file("keys.json", must[[]byte](t)(json.Marshal(oidc.JWKS{h.signer.Key()})))
	h.Server = bartizantest.New(t, func(o *server.Options) {
		o.EKSIssuers = map[string]string{"prod": keys}
	})
	for name, service := range hostRoles {
		h.call("CreateRole", "RoleName", name, "AssumeRolePolicyDocument", fmt.Sprintf(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
			"Principal": {"Service": "%s.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}}`, service))
		allowed := *statement("iam:GetRole", `"Resource": "*"`)
		if name == "host" { // which is a node of the cluster, too
			allowed = *statement("*", `"Resource": ["arn:aws:eks:*:*:cluster/prod", "arn:aws:iam::*:role/*"]`)
		}
		h.call("PutRolePolicy", "RoleName", name, "PolicyName", "own", "PolicyDocument", allowed)
	}
	h.certify()
	return h
}

func (h *site) file(name string, text []byte) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// call makes a call to IAM; the parameters are names and values.
func (h *site) call(action string, parameters ...string) []byte {
	h.t.Helper()
	in := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		in.Set(parameters[i], parameters[i+1])
	}
	return must[[]byte](h.t)(h.Call(h.Root(), "iam", action, in))
}

// rest makes a call to a service that speaks REST.
func (h *site) rest(service, method, path string, in any, out any) {
	h.t.Helper()
	body := must[[]byte](h.t)(json.Marshal(in))
	r := must[*http.Request](h.t)(http.NewRequestWithContext(h.t.Context(), method, h.URL()+path, bytes.NewReader(body)))
	r.Header.Set("Content-Type", "application/json")
	res := must[*http.Response](h.t)(h.Client(h.Root(), service).Do(r))
	defer res.Body.Close()
	answer := must[[]byte](h.t)(io.ReadAll(res.Body))
	if res.StatusCode >= 300 {
		h.t.Fatalf("%s: %d %s", path, res.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		h.t.Fatal(err)
	}
}

// certify makes an authority, a trust anchor and a profile for it, and the
// host's certificate and key.
func (h *site) certify() {
	h.t.Helper()
	make := func(issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
		key := must[*ecdsa.PrivateKey](h.t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		if issuer == nil {
			issuer, issuerKey = c, key
		}
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
		der := must[[]byte](h.t)(x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), issuerKey))
		return must[*x509.Certificate](h.t)(x509.ParseCertificate(der)), key
	}
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	root, rootKey := make(nil, nil, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	leaf, key := make(root, rootKey, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "host"}, KeyUsage: x509.KeyUsageDigitalSignature})
	h.certificate = h.file("host.pem", encode("CERTIFICATE", leaf.Raw))
	h.privateKey = h.file("host.key", encode("PRIVATE KEY", must[[]byte](h.t)(x509.MarshalPKCS8PrivateKey(key))))
	var anchor struct {
		TrustAnchor struct{ TrustAnchorArn string }
	}
	h.rest("rolesanywhere", "POST", "/trustanchors", map[string]any{"name": "a", "enabled": true, "source": map[string]any{
		"sourceType": "CERTIFICATE_BUNDLE", "sourceData": map[string]string{"x509CertificateData": string(encode("CERTIFICATE", root.Raw))}}}, &anchor)
	var profile struct{ Profile struct{ ProfileArn string } }
	h.rest("rolesanywhere", "POST", "/profiles", map[string]any{"name": "p", "enabled": true, "durationSeconds": 900,
		"roleArns": []string{"arn:aws:iam::000000000000:role/host"}}, &profile)
	h.anchor, h.profile = anchor.TrustAnchor.TrustAnchorArn, profile.Profile.ProfileArn
}

// anywhere are the flags of a host with its certificate.
func (h *site) anywhere() []string {
	return []string{"--endpoint", h.URL(), "--certificate", h.certificate, "--private-key", h.privateKey, "--trust-anchor-arn", h.anchor,
		"--profile-arn", h.profile, "--role-arn", "arn:aws:iam::000000000000:role/host"}
}

// start runs bartizan until the test ends and returns what it says to export.
func (h *site) start(arguments ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), h.program, arguments...)
	cmd.Stderr = os.Stderr
	out := must[io.ReadCloser](h.t)(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := cmd.Process.Kill(); err == nil {
			cmd.Wait() // it was killed, so it says so
		}
	})
	line := must[string](h.t)(bufio.NewReader(out).ReadString('\n'))
	return strings.TrimPrefix(strings.TrimSpace(line), "export ")
}

// A way is one in which credentials come to a program, as its environment says.
type way struct {
	name, role string
	env        []string
}

// process is the way of credential_process.
func (h *site) process() way {
	h.t.Helper()
	file := h.file("config", []byte("[default]\ncredential_process = "+h.program+" credential-process "+strings.Join(h.anywhere(), " ")+"\n"))
	return way{"credential_process", "host", []string{"AWS_CONFIG_FILE=" + file}}
}

// ways opens every way into the site.
func (h *site) ways() []way {
	h.t.Helper()
	h.rest("eks", "POST", "/clusters/prod/pod-identity-associations", map[string]any{
		"namespace": "shop", "serviceAccount": "web", "roleArn": "arn:aws:iam::000000000000:role/pods"}, &struct{}{})
	token := must[string](h.t)(h.signer.Sign(map[string]any{
		"aud": []string{"pods.eks.amazonaws.com"}, "sub": "system:serviceaccount:shop:web", "exp": time.Now().Add(time.Hour).Unix(),
		"kubernetes.io": map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "web"}, "pod": map[string]any{"name": "web-1", "uid": "u"}},
	}))
	container := filepath.Join(h.dir, "token")
	return []way{
		h.process(),
		{"instance metadata", "host", []string{h.start(append([]string{"metadata", "--instance", "127.0.0.1:0"}, h.anywhere()...)...)}},
		{"container", "host", []string{h.start(append([]string{"metadata", "--container", "127.0.0.1:0", "--token-file", container}, h.anywhere()...)...),
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + container}},
		{"pod identity", "pods", []string{h.start(append([]string{"metadata", "--pods", "127.0.0.1:0", "--cluster", "prod"}, h.anywhere()...)...),
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + h.file("pod-token", []byte(token))}},
	}
}

// environment is all that a program on the host knows.
func (h *site) environment(w way) []string {
	return append([]string{"AWS_ENDPOINT_URL=" + h.URL(), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "HOME=" + h.t.TempDir(),
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"}, w.env...)
}

// a program makes calls each time it is told to, and tells with which key.
type program struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
	log *bytes.Buffer
}

func run(t *testing.T, env []string, name string, arguments ...string) *program {
	t.Helper()
	p := &program{t: t, log: new(bytes.Buffer)}
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Env, cmd.Stderr = env, p.log
	in := must[io.WriteCloser](t)(cmd.StdinPipe())
	p.in, p.out = in, bufio.NewReader(must[io.ReadCloser](t)(cmd.StdoutPipe()))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("%s: %v\n%s", name, err, p.log)
		}
	})
	return p
}

// key lets the program make its calls once more.
func (p *program) key() string {
	p.t.Helper()
	if _, err := io.WriteString(p.in, "again\n"); err != nil {
		p.t.Fatal(err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ASIA") {
		p.t.Fatalf("%q, %v\n%s", line, err, p.log)
	}
	return strings.TrimSpace(line)
}

// sdks are the programs, by name, without the role.
func sdks(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	python := tools(t, "python", "bin", "python")
	need(t, "BOTO3", python)
	out["boto3"] = []string{python, "host_client.py"}
	node, packages := tools(t, "bin", "node"), tools(t, "node")
	need(t, "THE AWS SDK FOR JAVASCRIPT", node, filepath.Join(packages, "node_modules", "@aws-sdk", "client-iam"))
	out["JavaScript"] = []string{node, "host_client.mjs", packages}
	java, err := exec.LookPath("java")
	if err != nil {
		missing(t, "THE AWS SDK FOR JAVA", err)
	}
	out["Java"] = []string{java, "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(tools(t, "java", "lib"), "*"), "HostClient.java"}
	return out
}

// TestHosts lets unmodified SDKs find their credentials in every way that AWS
// brings them to hosts.
func TestHosts(t *testing.T) {
	t.Parallel()
	h := newSite(t)
	clients := sdks(t)
	for _, w := range h.ways() {
		for name, command := range clients {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				run(t, h.environment(w), command[0], append(command[1:len(command):len(command)], w.role)...).key()
			})
		}
		t.Run(w.name+"/AWS CLI", func(t *testing.T) {
			cli := tools(t, "python", "bin", "aws")
			need(t, "THE AWS CLI", cli)
			if got := output(t, ".", h.environment(w), cli, "sts", "get-caller-identity", "--output", "text"); !strings.Contains(got, ":assumed-role/"+w.role+"/") {
				t.Error(got)
			}
		})
	}
}

// TestHostsGo does the same with the SDK for Go, whose process this is.
func TestHostsGo(t *testing.T) {
	h := newSite(t)
	for _, w := range h.ways() {
		t.Run(w.name, func(t *testing.T) {
			for _, line := range h.environment(w) {
				name, value, _ := strings.Cut(line, "=")
				t.Setenv(name, value)
			}
			goCalls(t, must[aws.Config](t)(config.LoadDefaultConfig(t.Context())), w.role)
		})
	}
}

func goCalls(t *testing.T, c aws.Config, role string) string {
	t.Helper()
	who := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(c).GetCallerIdentity(t.Context(), nil))
	if !strings.Contains(*who.Arn, ":assumed-role/"+role+"/") {
		t.Error(*who.Arn)
	}
	client := iam.NewFromConfig(c)
	must[*iam.GetRoleOutput](t)(client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role}))
	_, err := client.ListUsers(t.Context(), nil)
	refused(t, err, "AccessDenied", 403)
	return must[aws.Credentials](t)(c.Credentials.Retrieve(t.Context())).AccessKeyID
}

// TestHostsRefresh: a program that goes on gets new credentials in time. The
// endpoint's own clock is moved, and its credentials say that they end in half a
// minute, when SDKs ask again. Of the instance metadata service they do not:
// they take such an end for a failure of the service and lengthen it themselves;
// there, the next program gets the new ones.
func TestHostsRefresh(t *testing.T) {
	h := newSite(t)
	user := h.NewUser(*statement("sts:AssumeRole", `"Resource": "*"`))
	h.call("UpdateAssumeRolePolicy", "RoleName", "web", "PolicyDocument", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
		"Principal": {"AWS": "`+user.ARN+`"}, "Action": "sts:AssumeRole"}}`)
	for name, command := range sdks(t) {
		t.Run("container/"+name, func(t *testing.T) {
			e := h.endpoints(t, user.Credentials)
			p := run(t, h.environment(e.container), command[0], append(command[1:len(command):len(command)], "web")...)
			first := p.key()
			e.moved.Add(int64(20 * time.Second))
			for range 5 { // the SDK for JavaScript asks aside, and has the new ones a call later
				if p.key() != first {
					return
				}
			}
			t.Errorf("%s still", first)
		})
	}
	t.Run("container/Go", func(t *testing.T) {
		e := h.endpoints(t, user.Credentials)
		for _, line := range h.environment(e.container) {
			name, value, _ := strings.Cut(line, "=")
			t.Setenv(name, value)
		}
		c := must[aws.Config](t)(config.LoadDefaultConfig(t.Context()))
		first := goCalls(t, c, "web")
		e.moved.Add(int64(20 * time.Second))
		if second := goCalls(t, c, "web"); second == first {
			t.Errorf("%s still", first)
		}
	})
	python := tools(t, "python", "bin", "python")
	t.Run("instance metadata/boto3", func(t *testing.T) {
		e := h.endpoints(t, user.Credentials)
		first := run(t, h.environment(e.instance), python, "host_client.py", "web").key()
		e.moved.Add(int64(20 * time.Second))
		if second := run(t, h.environment(e.instance), python, "host_client.py", "web").key(); second == first {
			t.Errorf("%s still", first)
		}
	})
	t.Run("credential_process/boto3", func(t *testing.T) { // which renews a session of 15 minutes at every call
		p := run(t, h.environment(h.process()), python, "host_client.py", "host")
		if first := p.key(); p.key() == first {
			t.Errorf("%s still", first)
		}
	})
}

// endpoints are those of a plane whose clock the test moves.
type endpoints struct {
	moved               atomic.Int64
	instance, container way
}

func (h *site) endpoints(t *testing.T, who bartizantest.Credentials) *endpoints {
	t.Helper()
	e := &endpoints{}
	now := func() time.Time { return time.Now().Add(time.Duration(e.moved.Load())) }
	source := func(context.Context) (metadata.Credentials, error) {
		var got struct {
			Result struct {
				Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
			} `xml:"AssumeRoleResult"`
		}
		body, err := h.Call(who, "sts", "AssumeRole", url.Values{"RoleArn": {"arn:aws:iam::000000000000:role/web"}, "RoleSessionName": {"web"}})
		if err != nil {
			return metadata.Credentials{}, err
		}
		if err := xml.Unmarshal(body, &got); err != nil {
			return metadata.Credentials{}, err
		}
		c := got.Result.Credentials
		return metadata.Credentials{AccessKey: c.AccessKeyId, Secret: c.SecretAccessKey, Token: c.SessionToken, Expires: now().Add(30 * time.Second)}, nil
	}
	const path = "/credentials/of-a-task-that-nobody-guesses"
	plane := metadata.New(now, slog.New(slog.DiscardHandler))
	if err := plane.Apply(metadata.Config{
		Instance: &metadata.Instance{ID: "i-1", Role: "web", Source: source}, Container: &metadata.Container{Path: path, Source: source},
	}); err != nil {
		t.Fatal(err)
	}
	instance, container := httptest.NewServer(plane.Instance()), httptest.NewServer(plane.Container())
	t.Cleanup(instance.Close)
	t.Cleanup(container.Close)
	e.instance = way{"instance metadata", "web", []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + instance.URL}}
	e.container = way{"container", "web", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + container.URL + path}}
	return e
}
