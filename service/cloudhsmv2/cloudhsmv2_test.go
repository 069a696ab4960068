package cloudhsmv2

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/caller"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/pkcs11test"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }

const (
	account = "111122223333"
	region  = "eu-central-1"
)

// fixture is the service over a real store and, if there is a client, an HSM.
type fixture struct {
	*Service
	t    *testing.T
	root context.Context
}

func newFixture(t *testing.T, hsm *pkcs11.Client) *fixture {
	t.Helper()
	engine := memory.Open()
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, Service: New(Deps{Store: engine, HSM: hsm, Clock: new(work.Clock)})}
	f.root = f.as(account, region)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) as(account, region string) context.Context {
	return caller.With(f.t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: region})
}

func (f *fixture) settle() {
	f.t.Helper()
	if err := f.Settle(f.root); err != nil {
		f.t.Fatal(err)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func fails[T any](_ T, err error) func(t *testing.T, code, message string) {
	return func(t *testing.T, code, message string) {
		t.Helper()
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Code != code || !strings.Contains(e.Message, message) {
			t.Errorf("got %v; want %s: %s", err, code, message)
		}
	}
}

func (f *fixture) create(subnets ...string) string {
	f.t.Helper()
	return *must(f.CreateCluster(f.root, &hsmapi.CreateClusterRequest{HsmType: hsmType, SubnetIds: subnets}))(f.t).Cluster.ClusterId
}

func (f *fixture) describe(id string) *hsmapi.Cluster {
	f.t.Helper()
	out := must(f.DescribeClusters(f.root, &hsmapi.DescribeClustersRequest{Filters: map[string][]string{"clusterIds": {id}}}))(f.t)
	if len(out.Clusters) != 1 {
		return nil
	}
	return &out.Clusters[0]
}

// authority is a customer's own.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  string
}

func sign(t *testing.T, template, parent *x509.Certificate, key crypto.PublicKey, by *ecdsa.PrivateKey) (*x509.Certificate, string) {
	t.Helper()
	der := must(x509.CreateCertificate(rand.Reader, template, parent, key, by))(t)
	return must(x509.ParseCertificate(der))(t), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func newAuthority(t *testing.T) *authority {
	a := &authority{key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "customer"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	a.cert, a.pem = sign(t, template, template, a.key.Public(), a.key)
	return a
}

func (a *authority) certify(t *testing.T, csr string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(csr))
	if block == nil {
		t.Fatalf("no CSR: %q", csr)
	}
	r := must(x509.ParseCertificateRequest(block.Bytes))(t)
	if err := r.CheckSignature(); err != nil {
		t.Fatal(err)
	}
	_, text := sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: r.Subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)},
		a.cert, r.PublicKey, a.key)
	return text
}

// active makes a cluster with HSMs in two zones and a crypto user.
func (f *fixture) active(password string) string {
	f.t.Helper()
	id := f.create("subnet-11111111", "subnet-22222222")
	for _, zone := range []string{"a", "b"} {
		must(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + zone}))(f.t)
	}
	f.settle()
	a := newAuthority(f.t)
	must(f.InitializeCluster(f.root, &hsmapi.InitializeClusterRequest{ClusterId: id, SignedCert: a.certify(f.t, *f.describe(id).Certificates.ClusterCsr), TrustAnchor: a.pem}))(f.t)
	f.settle()
	must(f.PutUser(f.root, account, region, id, "kmsuser", password))(f.t)
	return id
}

func TestCreateCluster(t *testing.T) {
	f := newFixture(t, nil)
	c := must(f.CreateCluster(f.root, &hsmapi.CreateClusterRequest{
		HsmType: hsmType, SubnetIds: []string{"subnet-11111111", "subnet-22222222"}, TagList: []hsmapi.Tag{{Key: "k", Value: "v"}},
		BackupRetentionPolicy: &hsmapi.BackupRetentionPolicy{Type: "DAYS", Value: new("30")}, Mode: "NON_FIPS", NetworkType: "DUALSTACK",
	}))(t).Cluster
	if !regexp.MustCompile(`^cluster-[2-7a-z]{11}$`).MatchString(*c.ClusterId) || c.State != "UNINITIALIZED" || c.Mode != "NON_FIPS" || c.NetworkType != "DUALSTACK" ||
		c.SubnetMapping[region+"a"] != "subnet-11111111" || c.SubnetMapping[region+"b"] != "subnet-22222222" ||
		*c.BackupRetentionPolicy.Value != "30" || len(c.TagList) != 1 || c.Certificates.ClusterCsr != nil {
		t.Errorf("%+v", c)
	}
	if d := f.describe(f.create("subnet-11111111")); d.Mode != "FIPS" || d.NetworkType != "IPV4" || *d.BackupRetentionPolicy.Value != "90" {
		t.Errorf("%+v", d)
	}
	for _, test := range []struct {
		in            hsmapi.CreateClusterRequest
		code, message string
	}{
		{hsmapi.CreateClusterRequest{HsmType: "hsm1.medium"}, "CloudHsmInvalidRequestException", "Provided HsmType is not supported."},
		{hsmapi.CreateClusterRequest{HsmType: hsmType, SourceBackupId: new("backup-22222222222")}, "CloudHsmResourceNotFoundException", "backup-22222222222"},
		{hsmapi.CreateClusterRequest{HsmType: hsmType, SubnetIds: []string{"subnet-11111111", "subnet-11111111"}}, "CloudHsmInvalidRequestException", "twice"},
		{hsmapi.CreateClusterRequest{HsmType: hsmType, BackupRetentionPolicy: &hsmapi.BackupRetentionPolicy{Type: "DAYS", Value: new("6")}}, "CloudHsmInvalidRequestException", "between 7 and 379"},
		{hsmapi.CreateClusterRequest{HsmType: hsmType, BackupRetentionPolicy: &hsmapi.BackupRetentionPolicy{}}, "CloudHsmInvalidRequestException", "DAYS"},
		{hsmapi.CreateClusterRequest{HsmType: hsmType, TagList: []hsmapi.Tag{{Key: "aws:x"}}}, "CloudHsmTagException", "reserved"},
	} {
		fails(f.CreateCluster(f.root, &test.in))(t, test.code, test.message)
	}
	f.create("subnet-1")
	f.create("subnet-1")
	fails(f.CreateCluster(f.root, &hsmapi.CreateClusterRequest{HsmType: hsmType}))(t, "CloudHsmInvalidRequestException", "limit of 4 clusters")
	must(f.CreateCluster(f.as(account, "us-east-1"), &hsmapi.CreateClusterRequest{HsmType: hsmType}))(t)
	fails(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: *c.ClusterId, AvailabilityZone: region + "a"}))(t, "CloudHsmServiceException", "--hsm-module")
}

func TestDescribeClusters(t *testing.T) {
	f := newFixture(t, nil)
	for range 4 {
		f.create("subnet-1")
	}
	seen := map[string]bool{}
	var token *string
	for pages := 1; ; pages++ {
		out := must(f.DescribeClusters(f.root, &hsmapi.DescribeClustersRequest{MaxResults: new(int32(3)), NextToken: token}))(t)
		for _, c := range out.Clusters {
			seen[*c.ClusterId] = true
		}
		if token = out.NextToken; token == nil {
			if pages != 2 || len(seen) != 4 {
				t.Errorf("%d pages, %d clusters", pages, len(seen))
			}
			break
		}
	}
	for filter, want := range map[string]int{"states=UNINITIALIZED": 4, "states=ACTIVE": 0, "vpcIds=vpc-1": 0, "clusterIds=cluster-22222222222": 0} {
		name, value, _ := strings.Cut(filter, "=")
		if out := must(f.DescribeClusters(f.root, &hsmapi.DescribeClustersRequest{Filters: map[string][]string{name: {value}}}))(t); len(out.Clusters) != want {
			t.Errorf("%s: %d clusters", filter, len(out.Clusters))
		}
	}
	fails(f.DescribeClusters(f.root, &hsmapi.DescribeClustersRequest{Filters: map[string][]string{"name": {"x"}}}))(t, "CloudHsmInvalidRequestException", "name")
	fails(f.DescribeClusters(f.root, &hsmapi.DescribeClustersRequest{NextToken: new("x")}))(t, "CloudHsmInvalidRequestException", "NextToken")
	if out := must(f.DescribeClusters(f.as("444455556666", region), &hsmapi.DescribeClustersRequest{}))(t); len(out.Clusters) != 0 {
		t.Error("another account sees clusters")
	}
}

func TestModifyAndTags(t *testing.T) {
	f := newFixture(t, nil)
	id := f.create("subnet-1")
	if c := must(f.ModifyCluster(f.root, &hsmapi.ModifyClusterRequest{ClusterId: id, BackupRetentionPolicy: &hsmapi.BackupRetentionPolicy{Type: "DAYS", Value: new("8")}}))(t).Cluster; *c.BackupRetentionPolicy.Value != "8" {
		t.Errorf("%+v", c)
	}
	fails(f.ModifyCluster(f.root, &hsmapi.ModifyClusterRequest{ClusterId: id}))(t, "CloudHsmInvalidRequestException", "Specify")
	fails(f.ModifyCluster(f.root, &hsmapi.ModifyClusterRequest{ClusterId: id, HsmType: new("hsm1.medium")}))(t, "CloudHsmInvalidRequestException", "not supported")
	fails(f.ModifyCluster(f.as("444455556666", region), &hsmapi.ModifyClusterRequest{ClusterId: id, HsmType: new(hsmType)}))(t, "CloudHsmResourceNotFoundException", id)

	must(f.TagResource(f.root, &hsmapi.TagResourceRequest{ResourceId: id, TagList: []hsmapi.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}, {Key: "c", Value: "3"}}}))(t)
	must(f.TagResource(f.root, &hsmapi.TagResourceRequest{ResourceId: id, TagList: []hsmapi.Tag{{Key: "b", Value: "4"}}}))(t)
	must(f.UntagResource(f.root, &hsmapi.UntagResourceRequest{ResourceId: id, TagKeyList: []string{"c", "none"}}))(t)
	first := must(f.ListTags(f.root, &hsmapi.ListTagsRequest{ResourceId: id, MaxResults: new(int32(1))}))(t)
	second := must(f.ListTags(f.root, &hsmapi.ListTagsRequest{ResourceId: id, MaxResults: new(int32(1)), NextToken: first.NextToken}))(t)
	if first.TagList[0] != (hsmapi.Tag{Key: "a", Value: "2"}) || second.TagList[0] != (hsmapi.Tag{Key: "b", Value: "4"}) || second.NextToken != nil {
		t.Errorf("%+v %+v", first, second)
	}
	fails(f.TagResource(f.root, &hsmapi.TagResourceRequest{ResourceId: id, TagList: []hsmapi.Tag{{Key: "x"}, {Key: "x"}}}))(t, "CloudHsmTagException", "twice")
	fails(f.ListTags(f.root, &hsmapi.ListTagsRequest{ResourceId: "backup-22222222222"}))(t, "CloudHsmResourceNotFoundException", "Backup")
}

// TestBackups: there are none, and everything that names one says so.
func TestBackups(t *testing.T) {
	f := newFixture(t, nil)
	const id, none = "backup-22222222222", "CloudHsmResourceNotFoundException"
	if out := must(f.DescribeBackups(f.root, &hsmapi.DescribeBackupsRequest{Filters: map[string][]string{"states": {"READY"}}}))(t); len(out.Backups) != 0 {
		t.Error(out.Backups)
	}
	fails(f.DescribeBackups(f.root, &hsmapi.DescribeBackupsRequest{Filters: map[string][]string{"x": nil}}))(t, "CloudHsmInvalidRequestException", "x")
	fails(f.CopyBackupToRegion(f.root, &hsmapi.CopyBackupToRegionRequest{BackupId: id, DestinationRegion: "us-east-1"}))(t, none, id)
	fails(f.CopyBackupToRegion(f.root, &hsmapi.CopyBackupToRegionRequest{BackupId: id, DestinationRegion: region}))(t, "CloudHsmInvalidRequestException", "Region")
	fails(f.DeleteBackup(f.root, &hsmapi.DeleteBackupRequest{BackupId: id}))(t, none, id)
	fails(f.RestoreBackup(f.root, &hsmapi.RestoreBackupRequest{BackupId: id}))(t, none, id)
	fails(f.ModifyBackupAttributes(f.root, &hsmapi.ModifyBackupAttributesRequest{BackupId: id}))(t, none, id)
	name := new("arn:aws:cloudhsm:eu-central-1:111122223333:backup/" + id)
	fails(f.PutResourcePolicy(f.root, &hsmapi.PutResourcePolicyRequest{ResourceArn: name, Policy: new("{}")}))(t, none, id)
	fails(f.GetResourcePolicy(f.root, &hsmapi.GetResourcePolicyRequest{ResourceArn: name}))(t, none, id)
	fails(f.DeleteResourcePolicy(f.root, &hsmapi.DeleteResourcePolicyRequest{ResourceArn: name}))(t, none, id)
	fails(f.GetResourcePolicy(f.root, &hsmapi.GetResourcePolicyRequest{ResourceArn: new("arn:aws:cloudhsm:eu-central-1:111122223333:cluster/cluster-22222222222")}))(t, "CloudHsmInvalidRequestException", "backups only")
}
