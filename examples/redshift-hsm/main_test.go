package main

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
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
	"bartizan.dev/cli"
	"bartizan.dev/keys/pkcs11/pkcs11test"
	"bartizan.dev/server"
)

func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }

// world is a server with an HSM and its endpoint.
type world struct {
	*bartizantest.Server
	t              *testing.T
	data, endpoint string
	dir            string // of the cluster
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	w.endpoint = l.Addr().String()
	l.Close()
	h := server.HSM{Module: pkcs11test.SoftHSM(t), Helper: pkcs11test.Helper(t), HelperEnv: pkcs11test.Env(t), Endpoint: w.endpoint}
	w.Server = bartizantest.New(t, func(o *server.Options) { o.HSM = h; w.data = o.Data })
	return w
}

func (w *world) at(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) string {
	w.t.Helper()
	if err := os.WriteFile(w.at(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.at(name)
}

// cloudhsm makes a call of CloudHSM.
func (w *world) cloudhsm(operation string, in map[string]any) (out map[string]any) {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest("POST", w.URL(), bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "BaldrApiService."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	res, err := w.Client(w.Root(), "cloudhsm").Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		w.t.Fatalf("%s: %d %s %v", operation, res.StatusCode, text, err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// redshift makes a call of Redshift.
func (w *world) redshift(action string, in url.Values, out any) {
	w.t.Helper()
	in.Set("Action", action)
	in.Set("Version", "2012-12-01")
	r, err := http.NewRequest("POST", w.URL(), strings.NewReader(in.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := w.Client(w.Root(), "redshift").Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && out != nil {
		err = xml.Unmarshal(body, out)
	}
	if err != nil || res.StatusCode != 200 {
		w.t.Fatalf("%s: %d %v: %s", action, res.StatusCode, err, body)
	}
}

func (w *world) bartizan(args ...string) {
	w.t.Helper()
	var text bytes.Buffer
	if code := cli.Run(context.Background(), args, cli.Env{Out: &text, Err: &text, Getenv: func(string) string { return "" }}); code != 0 {
		w.t.Fatalf("bartizan %q: %d %s", args, code, &text)
	}
}

func sign(t *testing.T, template, parent *x509.Certificate, pub any, by *ecdsa.PrivateKey) string {
	t.Helper()
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, by)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// cluster makes an active CloudHSM cluster: the partition.
func (w *world) cluster(password string) string {
	t := w.t
	id := w.cloudhsm("CreateCluster", map[string]any{"HsmType": "hsm2m.medium", "SubnetIds": []string{"subnet-12345678"}})["Cluster"].(map[string]any)["ClusterId"].(string)
	w.cloudhsm("CreateHsm", map[string]any{"ClusterId": id, "AvailabilityZone": bartizantest.Region + "a"})
	until := func(key, want string) (got map[string]any) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
			got = w.cloudhsm("DescribeClusters", map[string]any{})["Clusters"].([]any)[0].(map[string]any)
			if strings.Contains(fmt.Sprint(got[key]), want) {
				return got
			}
		}
		t.Fatalf("%s is %v", key, got[key])
		return nil
	}
	csr := until("Certificates", "CERTIFICATE REQUEST")["Certificates"].(map[string]any)["ClusterCsr"].(string)
	block, _ := pem.Decode([]byte(csr))
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, anchor := newKey(t), &x509.Certificate{Subject: pkix.Name{CommonName: "ours"}, IsCA: true, BasicConstraintsValid: true}
	trust := sign(t, anchor, anchor, key.Public(), key)
	cert := sign(t, &x509.Certificate{Subject: request.Subject}, anchor, request.PublicKey, key)
	w.cloudhsm("InitializeCluster", map[string]any{"ClusterId": id, "SignedCert": cert, "TrustAnchor": trust})
	until("State", "INITIALIZED")
	w.bartizan("hsm", "user", "set", "--data", w.data, "--region", bartizantest.Region, "--cluster", id, "--name", "redshift", "--password-file", w.write("password", password+"\n"))
	until("State", "ACTIVE")
	return id
}

// certificate makes an HSM client certificate and hands it to the cluster.
func (w *world) certificate(id string) string {
	w.t.Helper()
	var made struct {
		PEM string `xml:"CreateHsmClientCertificateResult>HsmClientCertificate>HsmClientCertificatePublicKey"`
	}
	w.redshift("CreateHsmClientCertificate", url.Values{"HsmClientCertificateIdentifier": {id}}, &made)
	file := w.at(id + ".pem")
	w.bartizan("hsm", "certificate", "--data", w.data, "--region", bartizantest.Region, "--id", id, "--out", file)
	text, err := os.ReadFile(file)
	if err != nil || made.PEM == "" || !strings.HasPrefix(string(text), strings.TrimSpace(made.PEM)) || !strings.Contains(string(text), "PRIVATE KEY") {
		w.t.Fatalf("%v: %s", err, text)
	}
	return file
}

func TestEndToEnd(t *testing.T) {
	w := newWorld(t)
	partition := w.cluster("partition-password")
	cert := w.certificate("mycert")
	play := func(cert, partition, passwordFile, state string) (string, error) {
		var out strings.Builder
		err := run([]string{"-endpoint", w.endpoint, "-ca", filepath.Join(w.data, "tls", "ca.pem"), "-cert", cert, "-partition", partition,
			"-password-file", passwordFile, "-state", w.at(state)}, &out)
		return out.String(), err
	}
	password := w.at("password")
	refused := func(what, want, cert, partition, passwordFile, state string) {
		t.Helper()
		if out, err := play(cert, partition, passwordFile, state); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v", what, out, err)
		}
	}
	refused("no HSM configuration", "401", cert, partition, password, "state")
	w.redshift("CreateHsmConfiguration", url.Values{"HsmConfigurationIdentifier": {"myhsm"}, "Description": {"ours"}, "HsmIpAddress": {"127.0.0.1"},
		"HsmPartitionName": {partition}, "HsmPartitionPassword": {"partition-password"}, "HsmServerPublicCertificate": {"ca.pem"}}, nil)

	first, err := play(cert, partition, password, "state")
	if err != nil || !strings.HasPrefix(first, "made the database key") {
		t.Fatalf("%q, %v", first, err)
	}
	second, err := play(cert, partition, password, "state")
	if err != nil || second != strings.Replace(first, "made", "unwrapped", 1) {
		t.Errorf("%q, then %q, %v", first, second, err)
	}

	refused("a wrong partition password", "401", cert, partition, w.write("wrong", "partition-passwore"), "state")
	refused("another partition", "401", cert, "cluster-22222222222", password, "state")
	w.write("damaged", "not what the HSM wrapped, and long enough to be")
	refused("what the HSM has not wrapped", "422", cert, partition, password, "damaged")

	// A certificate of the same names that nobody registered.
	key, template := newKey(t), &x509.Certificate{Subject: pkix.Name{CommonName: "mycert", OrganizationalUnit: []string{w.Account(), bartizantest.Region}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	forged := w.write("forged.pem", sign(t, template, template, key.Public(), key)+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	refused("a wrong certificate", "tls: bad certificate", forged, partition, password, "state")

	other := w.certificate("second")
	if out, err := play(other, partition, password, "state"); err != nil || out != second {
		t.Errorf("the account's second certificate: %q, %v", out, err)
	}
	w.redshift("DeleteHsmClientCertificate", url.Values{"HsmClientCertificateIdentifier": {"mycert"}}, nil)
	refused("a deleted certificate", "tls: bad certificate", cert, partition, password, "state")
	w.redshift("DeleteHsmConfiguration", url.Values{"HsmConfigurationIdentifier": {"myhsm"}}, nil)
	refused("a deleted configuration", "401", other, partition, password, "state")
}
