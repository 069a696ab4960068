package redshift

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	redshiftapi "bartizan.dev/api/redshift"
	"bartizan.dev/caller"
	"bartizan.dev/keys"
	"bartizan.dev/keys/soft"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
)

const (
	account = "111122223333"
	region  = "eu-central-1"
)

// fixture is the service over a real store; the partition "p" with the password
// "secret" is a software vault.
type fixture struct {
	*Service
	t     *testing.T
	clock time.Time
	vault *soft.Vault
	root  context.Context
}

// kept is a vault that outlives who closes it.
type kept struct{ keys.Vault }

func (kept) Close() error { return nil }

func newFixture(t *testing.T) *fixture {
	t.Helper()
	engine := memory.Open()
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), vault: soft.MemoryVault()}
	f.Service = New(Deps{Store: engine, Now: func() time.Time { return f.clock }, Quotas: Quotas{Certificates: 30, Configurations: 30},
		Partition: func(_ context.Context, a, r, name, password string) (keys.Vault, error) {
			if a != account || r != region || name != "p" || password != "secret" {
				return nil, ErrPartition
			}
			return kept{f.vault}, nil
		}})
	f.root = f.as(account, region)
	return f
}

func (f *fixture) as(account, region string) context.Context {
	return caller.With(f.t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: region})
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

func tags(pairs ...string) (out []redshiftapi.Tag) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, redshiftapi.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return out
}

func (f *fixture) certificate(id string, g ...string) *redshiftapi.HsmClientCertificate {
	f.t.Helper()
	return must(f.CreateHsmClientCertificate(f.root, &redshiftapi.CreateHsmClientCertificateMessage{HsmClientCertificateIdentifier: id, Tags: tags(g...)}))(f.t).HsmClientCertificate
}

func configurationOf(id string) *redshiftapi.CreateHsmConfigurationMessage {
	return &redshiftapi.CreateHsmConfigurationMessage{HsmConfigurationIdentifier: id, Description: "d", HsmIpAddress: "10.0.0.9",
		HsmPartitionName: "p", HsmPartitionPassword: "secret", HsmServerPublicCertificate: "cert"}
}

func TestCertificates(t *testing.T) {
	f := newFixture(t)
	c := f.certificate("mycert", "k", "v")
	if *c.HsmClientCertificateIdentifier != "mycert" || !strings.HasPrefix(*c.HsmClientCertificatePublicKey, "-----BEGIN CERTIFICATE-----") || strings.Contains(*c.HsmClientCertificatePublicKey, "PRIVATE") || *c.Tags[0].Key != "k" {
		t.Errorf("%+v", c)
	}
	create := func(id string) (*redshiftapi.CreateHsmClientCertificateResult, error) {
		return f.CreateHsmClientCertificate(f.root, &redshiftapi.CreateHsmClientCertificateMessage{HsmClientCertificateIdentifier: id})
	}
	fails(create("mycert"))(t, "HsmClientCertificateAlreadyExistsFault", "mycert")
	for _, id := range []string{"", "1a", "a--b", "a-", "a b", "ä", strings.Repeat("a", 256)} {
		fails(create(id))(t, "InvalidParameterValue", "identifier")
	}
	for i := range 29 {
		f.certificate(fmt.Sprintf("c%02d", i))
	}
	fails(create("onemore"))(t, "HsmClientCertificateQuotaExceededFault", "30")
	fails(create("mycert"))(t, "HsmClientCertificateAlreadyExistsFault", "mycert")

	var names []string
	in := &redshiftapi.DescribeHsmClientCertificatesMessage{MaxRecords: new(int32(20))}
	for {
		out := must(f.DescribeHsmClientCertificates(f.root, in))(t)
		for _, c := range out.HsmClientCertificates {
			names = append(names, *c.HsmClientCertificateIdentifier)
		}
		if in.Marker = out.Marker; in.Marker == nil {
			break
		}
	}
	if len(names) != 30 || !slices.IsSorted(names) {
		t.Error(names)
	}
	for _, n := range []int32{0, 19, 101} {
		fails(f.DescribeHsmClientCertificates(f.root, &redshiftapi.DescribeHsmClientCertificatesMessage{MaxRecords: &n}))(t, "InvalidParameterValue", "Must be between 20 and 100")
	}
	fails(f.DescribeHsmClientCertificates(f.root, &redshiftapi.DescribeHsmClientCertificatesMessage{Marker: new("x")}))(t, "InvalidParameterValue", "Marker")
	for _, test := range []struct {
		keys, values []string
		want         int
	}{{[]string{"k"}, nil, 1}, {nil, []string{"v", "w"}, 1}, {[]string{"k"}, []string{"w"}, 0}} {
		if out := must(f.DescribeHsmClientCertificates(f.root, &redshiftapi.DescribeHsmClientCertificatesMessage{TagKeys: test.keys, TagValues: test.values}))(t); len(out.HsmClientCertificates) != test.want {
			t.Errorf("%q %q: %d", test.keys, test.values, len(out.HsmClientCertificates))
		}
	}
	one := func(ctx context.Context) (*redshiftapi.HsmClientCertificateMessage, error) {
		return f.DescribeHsmClientCertificates(ctx, &redshiftapi.DescribeHsmClientCertificatesMessage{HsmClientCertificateIdentifier: new("mycert")})
	}
	if out := must(one(f.root))(t); len(out.HsmClientCertificates) != 1 {
		t.Errorf("%+v", out)
	}
	fails(one(f.as("444455556666", region)))(t, "HsmClientCertificateNotFoundFault", "mycert")
	remove := func(ctx context.Context) (*redshiftapi.DeleteHsmClientCertificateOutput, error) {
		return f.DeleteHsmClientCertificate(ctx, &redshiftapi.DeleteHsmClientCertificateMessage{HsmClientCertificateIdentifier: "mycert"})
	}
	fails(remove(f.as(account, "us-east-1")))(t, "HsmClientCertificateNotFoundFault", "mycert")
	must(remove(f.root))(t)
	fails(remove(f.root))(t, "HsmClientCertificateNotFoundFault", "mycert")
	fails(one(f.root))(t, "HsmClientCertificateNotFoundFault", "mycert")
}

func TestConfigurations(t *testing.T) {
	f := newFixture(t)
	in := configurationOf("myhsm")
	in.Tags = tags("a", "1")
	c := must(f.CreateHsmConfiguration(f.root, in))(t).HsmConfiguration
	if *c.HsmPartitionName != "p" || *c.HsmIpAddress != "10.0.0.9" || *c.Description != "d" || len(c.Tags) != 1 {
		t.Errorf("%+v", c)
	}
	fails(f.CreateHsmConfiguration(f.root, configurationOf("myhsm")))(t, "HsmConfigurationAlreadyExistsFault", "myhsm")
	empty := configurationOf("other")
	empty.HsmPartitionPassword = ""
	fails(f.CreateHsmConfiguration(f.root, empty))(t, "InvalidParameterValue", "HsmPartitionPassword")
	if out := must(f.DescribeHsmConfigurations(f.root, &redshiftapi.DescribeHsmConfigurationsMessage{}))(t); len(out.HsmConfigurations) != 1 || out.Marker != nil {
		t.Errorf("%+v", out)
	}
	must(f.DeleteHsmConfiguration(f.root, &redshiftapi.DeleteHsmConfigurationMessage{HsmConfigurationIdentifier: "myhsm"}))(t)
	fails(f.DescribeHsmConfigurations(f.root, &redshiftapi.DescribeHsmConfigurationsMessage{HsmConfigurationIdentifier: new("myhsm")}))(t, "HsmConfigurationNotFoundFault", "myhsm")
}

func TestTags(t *testing.T) {
	f := newFixture(t)
	f.certificate("mycert", "b", "1")
	must(f.CreateHsmConfiguration(f.root, configurationOf("myhsm")))(t)
	cert, hsm := "arn:aws:redshift:eu-central-1:111122223333:hsmclientcertificate:mycert", "arn:aws:redshift:eu-central-1:111122223333:hsmconfiguration:myhsm"
	create := func(name string, g ...string) (*redshiftapi.CreateTagsOutput, error) {
		return f.CreateTags(f.root, &redshiftapi.CreateTagsMessage{ResourceName: name, Tags: tags(g...)})
	}
	must(create(cert, "a", "2", "b", "3"))(t)
	must(create(hsm, "a", "4", "x", "5"))(t)
	must(f.DeleteTags(f.root, &redshiftapi.DeleteTagsMessage{ResourceName: hsm, TagKeys: []string{"x", "none"}}))(t)
	show := func(in redshiftapi.DescribeTagsMessage) string {
		t.Helper()
		text := ""
		for _, r := range must(f.DescribeTags(f.root, &in))(t).TaggedResources {
			text += fmt.Sprintf("%s %s=%s;", *r.ResourceType, *r.Tag.Key, *r.Tag.Value)
		}
		return text
	}
	const ofCert, ofHSM = "hsmclientcertificate a=2;hsmclientcertificate b=3;", "hsmconfiguration a=4;"
	for _, test := range []struct {
		in   redshiftapi.DescribeTagsMessage
		want string
	}{
		{redshiftapi.DescribeTagsMessage{}, ofCert + ofHSM},
		{redshiftapi.DescribeTagsMessage{ResourceName: &cert}, ofCert},
		{redshiftapi.DescribeTagsMessage{ResourceType: new("HSM connection")}, ofHSM},
		{redshiftapi.DescribeTagsMessage{ResourceType: new("HSM certificate"), TagKeys: []string{"b"}}, "hsmclientcertificate b=3;"},
		{redshiftapi.DescribeTagsMessage{ResourceType: new("Cluster")}, ""},
		{redshiftapi.DescribeTagsMessage{TagValues: []string{"4"}}, ofHSM},
	} {
		if got := show(test.in); got != test.want {
			t.Errorf("%+v: %s", test.in, got)
		}
	}
	const none = "ResourceNotFoundFault"
	fails(create(cert+"x", "a", "1"))(t, none, "mycertx")
	fails(create("x", "a", "1"))(t, none, "x")
	fails(create(strings.Replace(cert, account, "444455556666", 1), "a", "1"))(t, none, "4444")
	fails(f.DescribeTags(f.root, &redshiftapi.DescribeTagsMessage{ResourceName: new(hsm + "x")}))(t, none, "myhsmx")
	fails(f.DescribeTags(f.root, &redshiftapi.DescribeTagsMessage{ResourceName: &hsm, ResourceType: new("HSM connection")}))(t, "InvalidParameterCombination", "both")
	fails(f.DescribeTags(f.root, &redshiftapi.DescribeTagsMessage{ResourceType: new("cheese")}))(t, "InvalidParameterValue", "cheese")
	fails(create(cert, "aws:x", "1"))(t, "InvalidTagFault", "reserved")
	fails(create(cert, "", "1"))(t, "InvalidTagFault", "128")
	fails(create(cert, "k", strings.Repeat("v", 257)))(t, "InvalidTagFault", "256")
	var many []string
	for i := range 49 {
		many = append(many, fmt.Sprint("k", i), "")
	}
	fails(create(cert, many...))(t, "TagLimitExceededFault", "50")
}

// TestPartition: what the holder of a certificate may do, and may not.
func TestPartition(t *testing.T) {
	f := newFixture(t)
	f.certificate("mycert")
	text := must(f.ClientKey(f.root, account, region, "mycert"))(t)
	pair := must(tls.X509KeyPair([]byte(text), []byte(text)))(t)
	cert := must(x509.ParseCertificate(pair.Certificate[0]))(t)
	if _, err := f.ClientKey(f.root, "444455556666", region, "mycert"); err == nil {
		t.Error("another account's key")
	}
	h := must(f.Holder(f.root, cert))(t)
	if *h != (Holder{account, region, "mycert"}) {
		t.Errorf("%+v", h)
	}
	use := func(partition, password, key string, fn func(*ClusterKey) error) error {
		return f.Use(f.root, h, partition, password, key, fn)
	}
	create := func(k *ClusterKey) error { return k.Create(f.root) }
	if err := use("p", "secret", "examplecluster", create); !errors.Is(err, ErrPartition) {
		t.Errorf("without a configuration: %v", err)
	}
	must(f.CreateHsmConfiguration(f.root, configurationOf("myhsm")))(t)
	if err := use("p", "secre", "examplecluster", create); !errors.Is(err, ErrPartition) {
		t.Errorf("a wrong password: %v", err)
	}
	for _, name := range []string{"", "a/b", "../kms", "ä", strings.Repeat("k", 64)} {
		if err := use("p", "secret", name, create); !errors.Is(err, ErrKeyName) {
			t.Errorf("key %q: %v", name, err)
		}
	}
	if err := use("p", "secret", "examplecluster", create); err != nil {
		t.Fatal(err)
	}
	if has := must(f.vault.Has(f.root, "redshift/examplecluster"))(t); !has {
		t.Error("the key has another label")
	}
	var plaintext, wrapped []byte
	if err := use("p", "secret", "examplecluster", func(k *ClusterKey) (err error) {
		plaintext, wrapped, err = k.NewDatabaseKey(f.root)
		return err
	}); err != nil || len(plaintext) != 32 {
		t.Fatal(err)
	}
	if err := use("p", "secret", "examplecluster", func(k *ClusterKey) error {
		got, err := k.Unwrap(f.root, wrapped)
		if !slices.Equal(got, plaintext) {
			t.Errorf("unwrapped %x", got)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(use("p", "secret", "other", create)); err != nil {
		t.Fatal(err)
	}
	if err := use("p", "secret", "other", func(k *ClusterKey) error { _, err := k.Unwrap(f.root, wrapped); return err }); !errors.Is(err, keys.ErrUnseal) {
		t.Errorf("another cluster's database key: %v", err)
	}

	f.clock = f.clock.Add(lifetime + time.Hour)
	if _, err := f.Holder(f.root, cert); !errors.Is(err, ErrCertificate) {
		t.Errorf("an expired certificate: %v", err)
	}
	f.clock = f.clock.Add(-lifetime)
	must(f.DeleteHsmClientCertificate(f.root, &redshiftapi.DeleteHsmClientCertificateMessage{HsmClientCertificateIdentifier: "mycert"}))(t)
	if _, err := f.Holder(f.root, cert); !errors.Is(err, ErrCertificate) {
		t.Errorf("a deleted certificate: %v", err)
	}
}
