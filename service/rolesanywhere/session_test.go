package rolesanywhere

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	rolesapi "bartizan.dev/api/rolesanywhere"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

func TestCreateSession(t *testing.T) {
	f := newFixture(t)
	root := f.ca(nil, "root")
	anchor := f.anchor(f.root, root.pem())
	profile := f.profile(f.root, func(in *rolesapi.CreateProfileRequest) {
		in.DurationSeconds, in.SessionPolicy = new(int32(1800)), new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}}`)
		in.ManagedPolicyArns = []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}
	})
	leaf := f.leaf(root, "alice", 0x936e)
	in := &rolesapi.CreateSessionRequest{TrustAnchorArn: anchor.TrustAnchorArn, ProfileArn: profile.ProfileArn, RoleArn: new(testRole),
		InstanceProperties: map[string]string{"host": "a"}}
	out := must(f.session(in, leaf))(t)

	ask := f.door.asked
	if ask.RoleArn != testRole || ask.RoleSessionName != "00936e" || *ask.SourceIdentity != "CN=alice" || *ask.DurationSeconds != 1800 {
		t.Errorf("asked %+v", ask)
	}
	if *ask.Policy != `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}}` || len(ask.PolicyArns) != 1 || *ask.PolicyArns[0].Arn != "arn:aws:iam::aws:policy/ReadOnlyAccess" {
		t.Errorf("policies %+v", ask)
	}
	want := []stsapi.Tag{{Key: "x509Issuer/CN", Value: "root"}, {Key: "x509Subject/CN", Value: "alice"}}
	if !slices.Equal(ask.Tags, want) {
		t.Errorf("tags %v", ask.Tags)
	}
	who := caller.From(f.door.ctx)
	if who.Identity.Kind != caller.Service || who.Identity.Service != "rolesanywhere.amazonaws.com" || who.Region != testRegion || who.RequestID != "request" {
		t.Errorf("caller %+v", who)
	}
	for _, key := range []caller.Tag{
		{Key: "aws:SourceArn", Value: *anchor.TrustAnchorArn}, {Key: "aws:SourceAccount", Value: testAccount},
		{Key: "aws:PrincipalTag/x509Subject/CN", Value: "alice"},
	} {
		if !slices.Contains(who.Identity.Session.Keys, key) {
			t.Errorf("no %v in %v", key, who.Identity.Session.Keys)
		}
	}
	c := out.CredentialSet[0]
	if *c.Credentials.AccessKeyId != "ASIA" || *c.SourceIdentity != "CN=alice" || *c.RoleArn != testRole || !strings.HasSuffix(*c.AssumedRoleUser.Arn, "/00936e") {
		t.Errorf("answer %+v", c)
	}

	subject := must(f.GetSubject(f.root, &rolesapi.ScalarSubjectRequest{SubjectId: strings.Split(*out.SubjectArn, "/")[1]}))(t).Subject
	if *subject.X509Subject != "CN=alice" || len(subject.Credentials) != 1 || *subject.Credentials[0].SerialNumber != "37742" || *subject.Credentials[0].Failed ||
		*subject.Credentials[0].X509CertificateData != leaf.pem() || subject.InstanceProperties[0].Properties["host"] != "a" {
		t.Errorf("subject %+v", subject)
	}
	f.door.err = &wire.Error{Code: "AccessDenied", Status: 403}
	f.clock = f.clock.Add(time.Minute)
	fails(f.session(in, leaf))(t, "AccessDeniedException", "Unable to assume role for "+testRole)
	subject = must(f.GetSubject(f.root, &rolesapi.ScalarSubjectRequest{SubjectId: *subject.SubjectId}))(t).Subject
	if len(subject.Credentials) != 1 || !*subject.Credentials[0].Failed || !subject.LastSeenAt.Equal(f.clock) {
		t.Errorf("subject after a failure %+v", subject)
	}
	f.door.err = wire.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	fails(f.session(in, leaf))(t, "ValidationException", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	f.door.err = &wire.Error{Code: "ServiceUnavailable", Fault: true}
	if _, err := f.session(in, leaf); !errors.Is(err, f.door.err) {
		t.Errorf("a fault became %v", err)
	}
}

// TestCreateSessionInput: the ARNs may be in the body, aliases stand for ARNs,
// the shorter duration counts, a session name needs the profile's leave.
func TestCreateSessionInput(t *testing.T) {
	f := newFixture(t)
	root := f.ca(nil, "root")
	anchor := must(f.CreateTrustAnchor(f.root, &rolesapi.CreateTrustAnchorRequest{
		Name: "a", Source: source(root.pem()), Enabled: new(true), AliasName: new("prod/ca"),
	}))(t).TrustAnchor
	profile := f.profile(f.root, func(in *rolesapi.CreateProfileRequest) {
		in.AliasName, in.AcceptRoleSessionName = new("hosts"), new(true)
	})
	leaf := f.leaf(root, "alice", 1)
	must(f.session(&rolesapi.CreateSessionRequest{
		BodyTrustAnchorArn: anchor.AliasArn, BodyProfileArn: profile.AliasArn, BodyRoleArn: new(testRole),
		DurationSeconds: new(int32(900)), RoleSessionName: new("mine"),
	}, leaf))(t)
	if ask := f.door.asked; *ask.DurationSeconds != 900 || ask.RoleSessionName != "mine" {
		t.Errorf("asked %+v", ask)
	}
	must(f.session(&rolesapi.CreateSessionRequest{
		TrustAnchorArn: anchor.TrustAnchorArn, ProfileArn: profile.ProfileArn, RoleArn: new(testRole), DurationSeconds: new(int32(43200)),
	}, leaf))(t)
	if ask := f.door.asked; *ask.DurationSeconds != 3600 {
		t.Errorf("asked %+v", ask)
	}
	good := rolesapi.CreateSessionRequest{TrustAnchorArn: anchor.TrustAnchorArn, ProfileArn: profile.ProfileArn, RoleArn: new(testRole)}
	refuse := func(change func(*rolesapi.CreateSessionRequest), code, message string) {
		t.Helper()
		in := good
		change(&in)
		fails(f.session(&in, leaf))(t, code, message)
	}
	refuse(func(in *rolesapi.CreateSessionRequest) { in.TrustAnchorArn = nil }, "ValidationException",
		"1 validation error detected: Value at 'trustAnchorArn' failed to satisfy constraint: Member must not be null")
	refuse(func(in *rolesapi.CreateSessionRequest) { in.BodyRoleArn = new(testRole + "x") }, "ValidationException", "roleArn is given twice, and not the same")
	refuse(func(in *rolesapi.CreateSessionRequest) { in.RoleArn = new(testRole + "x") }, "AccessDeniedException",
		"Unable to assume role for "+testRole+"x: the profile does not have it")
	refuse(func(in *rolesapi.CreateSessionRequest) {
		in.ProfileArn = new(strings.Replace(*good.ProfileArn, testAccount, otherAccount, 1))
	},
		"ResourceNotFoundException", "Profile not found")
	refuse(func(in *rolesapi.CreateSessionRequest) { in.ProfileArn = in.TrustAnchorArn }, "ResourceNotFoundException", "Profile not found")
	must(f.DisableProfile(f.root, &rolesapi.ScalarProfileRequest{ProfileId: *profile.ProfileId}))(t)
	refuse(func(*rolesapi.CreateSessionRequest) {}, "AccessDeniedException", "The profile "+*profile.ProfileArn+" is disabled")
	must(f.EnableProfile(f.root, &rolesapi.ScalarProfileRequest{ProfileId: *profile.ProfileArn}))(t)
	must(f.UpdateProfile(f.root, &rolesapi.UpdateProfileRequest{ProfileId: *profile.AliasArn, AcceptRoleSessionName: new(false)}))(t)
	refuse(func(in *rolesapi.CreateSessionRequest) { in.RoleSessionName = new("mine") }, "AccessDeniedException",
		"The profile does not accept a custom role session name")
	must(f.DisableTrustAnchor(f.root, &rolesapi.ScalarTrustAnchorRequest{TrustAnchorId: *anchor.TrustAnchorId}))(t)
	refuse(func(*rolesapi.CreateSessionRequest) {}, errUntrusted.Code, errUntrusted.Message)
	must(f.DeleteTrustAnchor(f.root, &rolesapi.ScalarTrustAnchorRequest{TrustAnchorId: *anchor.TrustAnchorId}))(t)
	refuse(func(*rolesapi.CreateSessionRequest) {}, errUntrusted.Code, errUntrusted.Message)
}

// TestNobodyElse: without a certificate there is no session, whoever calls.
func TestNobodyElse(t *testing.T) {
	f := newFixture(t)
	for _, id := range []caller.Identity{{}, {Kind: caller.Root, Account: testAccount}, {Kind: caller.Certificate}} {
		ctx := caller.With(t.Context(), &caller.Call{Identity: id, Region: testRegion})
		_, err := f.Rules()["CreateSession"].Touches(ctx, &rolesapi.CreateSessionRequest{Cert: new("x")})
		fails(0, err)(t, "AccessDeniedException", "CreateSession must be signed with the key of an X.509 certificate.")
		if _, err := f.CreateSession(ctx, &rolesapi.CreateSessionRequest{}); err == nil {
			t.Error("a session without proof")
		}
	}
}

// TestTrust shows certificates of all kinds.
func TestTrust(t *testing.T) {
	f := newFixture(t)
	root, stranger := f.ca(nil, "root"), f.ca(nil, "root")
	middle := f.ca(root, "middle")
	anchor := f.anchor(f.root, root.pem())
	profile := f.profile(f.root, nil)
	rsaKey := func(bits int) *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	make := func(issuer *authority, change func(*x509.Certificate)) *authority {
		template := leafOf("host", 7)
		change(template)
		return f.issue(issuer, template)
	}
	const ok, weak, untrusted = "", "Untrusted certificate. Insufficient certificate", "Untrusted signing certificate"
	for _, c := range []struct {
		name  string
		chain []*authority
		want  string
	}{
		{"leaf of the root", []*authority{f.leaf(root, "a", 2)}, ok},
		{"leaf of an intermediate", []*authority{f.leaf(middle, "a", 2), middle}, ok},
		{"with the root sent along", []*authority{f.leaf(middle, "a", 2), middle, root}, ok},
		{"intermediate missing", []*authority{f.leaf(middle, "a", 2)}, untrusted},
		{"another authority of the same name", []*authority{f.leaf(stranger, "a", 2), stranger}, untrusted},
		{"self-signed", []*authority{f.leaf(nil, "a", 2)}, untrusted},
		{"an authority's", []*authority{middle}, weak},
		{"the root's own", []*authority{root}, weak},
		{"issued by a leaf", []*authority{f.leaf(f.leaf(root, "a", 3), "b", 2), f.leaf(root, "a", 3)}, untrusted},
		{"no digital signature", []*authority{make(root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })}, weak},
		{"no key usage", []*authority{make(root, func(c *x509.Certificate) { c.KeyUsage = 0 })}, weak},
		{"no extended key usage", []*authority{make(root, func(c *x509.Certificate) { c.ExtKeyUsage = nil })}, ok},
		{"for servers only", []*authority{make(root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, untrusted},
		{"CA false", []*authority{make(root, func(c *x509.Certificate) { c.BasicConstraintsValid = true })}, ok},
		{"CA true", []*authority{make(root, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true })}, weak},
		{"ended", []*authority{make(root, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = f.clock.Add(-2*time.Hour), f.clock.Add(-time.Hour)
		})}, untrusted},
		{"not yet begun", []*authority{make(root, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = f.clock.Add(time.Hour), f.clock.Add(2*time.Hour) })}, untrusted},
		{"no subject", []*authority{make(root, func(c *x509.Certificate) { c.Subject = pkix.Name{} })}, "Untrusted certificate. The certificate has no subject"},
		{"critical extension", []*authority{make(root, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		})}, untrusted},
		{"RSA", []*authority{f.issueFor(rsaKey(2048), root, leafOf("a", 2))}, ok},
		{"RSA of 1,024 bits", []*authority{f.issueFor(rsaKey(1024), root, leafOf("a", 2))}, weak},
		{"P-224", []*authority{f.issueFor(p224, root, leafOf("a", 2))}, weak},
		{"long common name", []*authority{f.leaf(root, strings.Repeat("n", 65), 2)}, "The common name of the certificate cannot be a source identity."},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := f.session(&rolesapi.CreateSessionRequest{TrustAnchorArn: anchor.TrustAnchorArn, ProfileArn: profile.ProfileArn, RoleArn: new(testRole)}, c.chain...)
			if c.want != ok {
				fails(out, err)(t, "AccessDeniedException", c.want)
			} else if err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
		})
	}
	f.clock = f.clock.Add(72 * time.Hour) // the root has ended
	long := leafOf("a", 2)
	long.NotBefore, long.NotAfter = f.clock.Add(-time.Hour), f.clock.Add(time.Hour)
	fails(f.session(&rolesapi.CreateSessionRequest{TrustAnchorArn: anchor.TrustAnchorArn}, f.issue(root, long)))(t, "AccessDeniedException", untrusted)
}

// crl makes a revocation list.
func (f *fixture) crl(by *authority, serials ...int64) []byte {
	f.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: f.clock.Add(-time.Hour), NextUpdate: f.clock.Add(time.Hour)}
	for _, n := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: f.clock})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, by.cert, by.key)
	if err != nil {
		f.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

func TestRevocation(t *testing.T) {
	f := newFixture(t)
	root := f.ca(nil, "root")
	middle := f.ca(root, "middle")
	anchor, profile := f.anchor(f.root, root.pem()), f.profile(f.root, nil)
	try := func(chain ...*authority) error {
		_, err := f.session(&rolesapi.CreateSessionRequest{TrustAnchorArn: anchor.TrustAnchorArn, ProfileArn: profile.ProfileArn, RoleArn: new(testRole)}, chain...)
		return err
	}
	bad, good := f.leaf(root, "bad", 66), f.leaf(root, "good", 67)
	if err := try(bad); err != nil {
		t.Fatal(err)
	}
	ask := &rolesapi.ImportCrlRequest{Name: "list", CrlData: f.crl(root, 65, 66), TrustAnchorArn: *anchor.TrustAnchorArn}
	crl := must(f.ImportCrl(f.root, ask))(t).Crl
	if err := try(bad); err != nil {
		t.Fatal("a list that is not enabled counts:", err)
	}
	must(f.EnableCrl(f.root, &rolesapi.ScalarCrlRequest{CrlId: *crl.CrlId}))(t)
	fails(0, try(bad))(t, "AccessDeniedException", "Certificate revoked")
	if err := try(good); err != nil {
		t.Fatal(err)
	}
	must(f.UpdateCrl(f.root, &rolesapi.UpdateCrlRequest{CrlId: *crl.CrlArn, CrlData: f.crl(root, 67)}))(t)
	if err := try(bad); err != nil {
		t.Fatal(err)
	}
	fails(0, try(good))(t, "AccessDeniedException", "Certificate revoked")
	must(f.DisableCrl(f.root, &rolesapi.ScalarCrlRequest{CrlId: *crl.CrlId}))(t)
	if err := try(good); err != nil {
		t.Fatal(err)
	}
	must(f.DeleteCrl(f.root, &rolesapi.ScalarCrlRequest{CrlId: *crl.CrlId}))(t)

	// The list of an intermediate authority, and an intermediate that is revoked.
	below := f.leaf(middle, "below", 5)
	of := must(f.ImportCrl(f.root, &rolesapi.ImportCrlRequest{Name: "of the middle", CrlData: f.crl(middle, 5), TrustAnchorArn: *anchor.TrustAnchorArn, Enabled: new(true)}))(t).Crl
	fails(0, try(below, middle))(t, "AccessDeniedException", "Certificate revoked")
	must(f.UpdateCrl(f.root, &rolesapi.UpdateCrlRequest{CrlId: *of.CrlId, CrlData: f.crl(middle)}))(t)
	if err := try(below, middle); err != nil {
		t.Fatal(err)
	}
	must(f.ImportCrl(f.root, &rolesapi.ImportCrlRequest{Name: "of the root", CrlData: f.crl(root, middle.cert.SerialNumber.Int64()), TrustAnchorArn: *anchor.TrustAnchorArn, Enabled: new(true)}))(t)
	fails(0, try(below, middle))(t, "AccessDeniedException", "Certificate revoked")

	// A list in somebody's name that they did not sign proves nothing good.
	must(f.UpdateCrl(f.root, &rolesapi.UpdateCrlRequest{CrlId: *of.CrlId, CrlData: f.crl(f.ca(nil, "middle"))}))(t)
	fails(0, try(below, middle))(t, "AccessDeniedException", "The revocation status of the certificate cannot be determined: the CRL is not the issuer's")

	fails(f.ImportCrl(f.root, &rolesapi.ImportCrlRequest{Name: "third", CrlData: f.crl(root), TrustAnchorArn: *anchor.TrustAnchorArn}))(t,
		"ValidationException", "A trust anchor can have at most 2 CRLs.")
	fails(f.ImportCrl(f.root, &rolesapi.ImportCrlRequest{Name: "x", CrlData: f.crl(f.ca(nil, "root")), TrustAnchorArn: *anchor.TrustAnchorArn}))(t,
		"ValidationException", "The CRL was not signed by the trust anchor's certificate authority.")
	fails(f.ImportCrl(f.root, &rolesapi.ImportCrlRequest{Name: "x", CrlData: []byte(root.pem()), TrustAnchorArn: *anchor.TrustAnchorArn}))(t,
		"ValidationException", "The CRL must be one in PEM format.")
	fails(f.ImportCrl(f.other, &rolesapi.ImportCrlRequest{Name: "x", CrlData: f.crl(root), TrustAnchorArn: *anchor.TrustAnchorArn}))(t,
		"ValidationException", "TrustAnchor not found")
}

func BenchmarkCreateSession(b *testing.B) {
	f := newFixture(b)
	root := f.ca(nil, "root")
	middle := f.ca(root, "middle")
	anchor, profile, leaf := f.anchor(f.root, root.pem()), f.profile(f.root, nil), f.leaf(middle, "a", 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.session(&rolesapi.CreateSessionRequest{TrustAnchorArn: anchor.TrustAnchorArn, ProfileArn: profile.ProfileArn, RoleArn: new(testRole)}, leaf, middle); err != nil {
			b.Fatal(err)
		}
	}
}
