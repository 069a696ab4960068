package cloudhsmv2

import (
	"errors"
	"slices"
	"testing"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/keys/pkcs11/pkcs11test"
)

// TestLife: a cluster from its creation to the end of its keys, on a token.
func TestLife(t *testing.T) {
	client := pkcs11test.Open(t)
	f := newFixture(t, client)
	ctx, id := f.root, f.create("subnet-11111111", "subnet-22222222")
	h := must(f.CreateHsm(ctx, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + "b", IpAddress: new("10.0.0.9")}))(t).Hsm
	if h.State != "CREATE_IN_PROGRESS" || *h.SubnetId != "subnet-22222222" || *h.EniIp != "10.0.0.9" || len(*h.EniId) != 21 {
		t.Errorf("%+v", h)
	}
	a := newAuthority(t)
	initialize := func(cert, anchor string) (*hsmapi.InitializeClusterResponse, error) {
		return f.InitializeCluster(ctx, &hsmapi.InitializeClusterRequest{ClusterId: id, SignedCert: cert, TrustAnchor: anchor})
	}
	fails(initialize(a.pem, a.pem))(t, "CloudHsmInvalidRequestException", "no HSM yet")
	f.settle()
	c := f.describe(id)
	if c.Hsms[0].State != "ACTIVE" || c.State != "UNINITIALIZED" {
		t.Errorf("%+v", c)
	}
	label := func() (labels []string) {
		for _, k := range must(client.Tokens(ctx))(t) {
			if k.Flags&frame.Initialized != 0 {
				labels = append(labels, k.Label)
			}
		}
		return labels
	}
	if got := label(); !slices.Equal(got, []string{id}) {
		t.Errorf("tokens %q", got)
	}

	cert := a.certify(t, *c.Certificates.ClusterCsr)
	other := newAuthority(t)
	fails(initialize("", a.pem))(t, "CloudHsmInvalidRequestException", "signed certificate is not one certificate")
	fails(initialize(cert, cert))(t, "CloudHsmInvalidRequestException", "not a self-signed")
	fails(initialize(cert, other.pem))(t, "CloudHsmInvalidRequestException", "not signed by the trust anchor")
	fails(initialize(a.pem, a.pem))(t, "CloudHsmInvalidRequestException", "does not match the cluster's CSR")
	fails(initialize(cert+cert, a.pem))(t, "CloudHsmInvalidRequestException", "not one certificate")
	if out := must(initialize(cert, a.pem))(t); out.State != "INITIALIZE_IN_PROGRESS" {
		t.Errorf("%+v", out)
	}
	if _, err := f.PutUser(ctx, account, region, id, "kmsuser", "password1"); err == nil {
		t.Error("a user before the cluster is initialised")
	}
	f.settle()
	if c := f.describe(id); c.State != "INITIALIZED" || *c.Certificates.ClusterCertificate != cert {
		t.Errorf("%+v", c)
	}
	fails(initialize(cert, a.pem))(t, "CloudHsmInvalidRequestException", "INITIALIZED")
	if _, err := f.Vault(ctx, account, region, id, "kmsuser", "password1"); !errors.Is(err, ErrNotActive) {
		t.Errorf("a vault before there is a user: %v", err)
	}
	for _, bad := range [][2]string{{"kms user", "password1"}, {"kmsuser", "short"}, {"", "password1"}} {
		if _, err := f.PutUser(ctx, account, region, id, bad[0], bad[1]); err == nil {
			t.Errorf("user %q", bad)
		}
	}
	must(f.PutUser(ctx, account, region, id, "kmsuser", "password1"))(t)
	if _, err := f.PutUser(ctx, account, region, id, "second", "password1"); err == nil {
		t.Error("a second user in one token")
	}
	if users := must(f.Users(ctx, account, region))(t); !slices.Equal(users, []User{{id, "kmsuser"}}) {
		t.Error(users)
	}
	if c := f.describe(id); c.State != "ACTIVE" {
		t.Errorf("%+v", c)
	}

	v := must(f.Vault(ctx, account, region, id, "kmsuser", "password1"))(t)
	if err := v.Create(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	fails(f.DeleteCluster(ctx, &hsmapi.DeleteClusterRequest{ClusterId: id}))(t, "CloudHsmInvalidRequestException", "has HSMs")
	fails(f.DeleteHsm(ctx, &hsmapi.DeleteHsmRequest{ClusterId: id}))(t, "CloudHsmInvalidRequestException", "Specify")
	fails(f.DeleteHsm(ctx, &hsmapi.DeleteHsmRequest{ClusterId: id, HsmId: new("hsm-22222222222")}))(t, "CloudHsmResourceNotFoundException", "HSM")
	if out := must(f.DeleteHsm(ctx, &hsmapi.DeleteHsmRequest{ClusterId: id, EniIp: new("10.0.0.9")}))(t); *out.HsmId != h.HsmId {
		t.Errorf("deleted %s", *out.HsmId)
	}
	if _, err := f.Vault(ctx, account, region, id, "kmsuser", "password1"); !errors.Is(err, ErrNoHSM) {
		t.Errorf("a vault without an HSM: %v", err)
	}
	must(f.CreateHsm(ctx, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + "a"}))(t)
	f.settle()
	again := must(f.Vault(ctx, account, region, id, "kmsuser", "password1"))(t)
	if has, err := again.Has(ctx, "k"); err != nil || !has {
		t.Errorf("after another HSM was made the key is there: %v, %v", has, err)
	}
	if err := errors.Join(v.Close(), again.Close()); err != nil {
		t.Fatal(err)
	}

	must(f.DeleteHsm(ctx, &hsmapi.DeleteHsmRequest{ClusterId: id, HsmId: &f.describe(id).Hsms[0].HsmId}))(t)
	if out := must(f.DeleteCluster(ctx, &hsmapi.DeleteClusterRequest{ClusterId: id}))(t); out.Cluster.State != "DELETE_IN_PROGRESS" {
		t.Errorf("%+v", out.Cluster)
	}
	f.settle()
	if f.describe(id) != nil {
		t.Error("the cluster is still there")
	}
	if _, err := f.Cluster(ctx, account, region, id); !errors.Is(err, ErrNoCluster) {
		t.Errorf("the state of a deleted cluster: %v", err)
	}
	if got := label(); !slices.Equal(got, []string{"free " + id[8:]}) {
		t.Errorf("tokens %q", got)
	}

	// The next cluster takes the token that is left, without its keys.
	next := f.active("password2")
	if got := label(); !slices.Equal(got, []string{next}) {
		t.Errorf("tokens %q", got)
	}
	w := must(f.Vault(ctx, account, region, next, "kmsuser", "password2"))(t)
	defer w.Close()
	if has, err := w.Has(ctx, "k"); err != nil || has {
		t.Errorf("a deleted cluster's key: %v, %v", has, err)
	}
}

// TestCustody: what KMS is told.
func TestCustody(t *testing.T) {
	f := newFixture(t, pkcs11test.Open(t))
	ctx, id := f.root, f.active("password1")
	s := must(f.Cluster(ctx, account, region, id))(t)
	if !s.Active || s.HSMs != 2 || s.Zones != 2 || s.User != "kmsuser" || s.Anchor == "" || len(s.Subnets) != 2 {
		t.Errorf("%+v", s)
	}
	for what, test := range map[string]struct {
		account, id, user, password string
		want                        error
	}{
		"no such cluster":  {account, "cluster-22222222222", "kmsuser", "password1", ErrNoCluster},
		"another account":  {"444455556666", id, "kmsuser", "password1", ErrNoCluster},
		"another user":     {account, id, "kmsuserx", "password1", ErrNoUser},
		"a wrong password": {account, id, "kmsuser", "password2", ErrPassword},
		"no password":      {account, id, "kmsuser", "", ErrPassword},
	} {
		if v, err := f.Vault(ctx, test.account, region, test.id, test.user, test.password); !errors.Is(err, test.want) || v != nil {
			t.Errorf("%s: %v, %v", what, v, err)
		}
	}
	v := must(f.Vault(ctx, account, region, id, "kmsuser", "password1"))(t)
	defer v.Close()
	if err := v.Create(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	w := must(v.Seal(ctx, "k", []byte("p"), nil))(t)
	must(f.PutUser(ctx, account, region, id, "kmsuser", "password2"))(t)
	if _, err := v.Open(ctx, "k", w, nil); !errors.Is(err, pkcs11.ErrPIN) {
		t.Errorf("Open once the password has changed: %v", err)
	}
	again := must(f.Vault(ctx, account, region, id, "kmsuser", "password2"))(t)
	defer again.Close()
	if got, err := again.Open(ctx, "k", w, nil); err != nil || string(got) != "p" {
		t.Errorf("Open with the new password: %q, %v", got, err)
	}
	second := f.create("subnet-1")
	for _, test := range []struct {
		b    string
		want bool
		err  error
	}{{id, true, nil}, {second, false, nil}, {"cluster-22222222222", false, ErrNoCluster}} {
		if got, err := f.Related(ctx, account, region, id, test.b); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("related to %s: %v, %v", test.b, got, err)
		}
	}
}

// TestHelperAway: a cluster waits for its token while the helper is away.
func TestHelperAway(t *testing.T) {
	child, socket := pkcs11test.Start(t, pkcs11test.SoftHSM(t), pkcs11test.Env(t))
	f := newFixture(t, pkcs11test.Dial(t, socket))
	id := f.active("password1")
	if err := child.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Vault(f.root, account, region, id, "kmsuser", "password1"); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("Vault: %v", err)
	}
	second := f.create("subnet-1")
	must(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: second, AvailabilityZone: region + "a"}))(t)
	f.settle()
	if c := f.describe(second); c.Hsms[0].State != "CREATE_IN_PROGRESS" {
		t.Errorf("%+v", c.Hsms[0])
	}
}

func TestQuotas(t *testing.T) {
	f := newFixture(t, pkcs11test.Open(t))
	id := f.create("subnet-1")
	for range 6 {
		must(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + "a"}))(t)
	}
	fails(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + "a"}))(t, "CloudHsmInvalidRequestException", "6 HSMs")
	fails(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + "b"}))(t, "CloudHsmInvalidRequestException", "no subnet")
	fails(f.CreateHsm(f.root, &hsmapi.CreateHsmRequest{ClusterId: id, AvailabilityZone: region + "a", IpAddress: new("300.1.1.1")}))(t, "CloudHsmInvalidRequestException", "IP address")
}
