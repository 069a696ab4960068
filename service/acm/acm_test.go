package acm

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/caller"
	"bartizan.dev/pki"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/ocsp"
)

const (
	own  = "111122223333"
	home = "eu-west-1"
)

type fixture struct {
	*Service
	t   testing.TB
	ctx context.Context

	mu     sync.Mutex
	names  map[string]string // CNAMEs
	fail   error
	events []string
}

// plainSealer binds a secret to its context and hides nothing.
type plainSealer struct{}

func (plainSealer) Seal(secret []byte, ec map[string]string) ([]byte, error) {
	return append(fmt.Appendf(nil, "%v\x00", ec), secret...), nil
}

func (plainSealer) Open(sealed []byte, ec map[string]string) ([]byte, error) {
	secret, ok := bytes.CutPrefix(sealed, fmt.Appendf(nil, "%v\x00", ec))
	if !ok {
		return nil, errors.New("another's")
	}
	return bytes.Clone(secret), nil
}

func as(account, region string) context.Context {
	return caller.With(context.Background(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: region})
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, names: map[string]string{}, ctx: as(own, home)}
	engine := memory.Open()
	t.Cleanup(func() { engine.Close() })
	keys := map[string]crypto.Signer{}
	f.Service = New(Deps{
		Store: engine, Clock: new(work.Clock),
		Seal: func(context.Context, string) (Sealer, error) { return plainSealer{}, nil },
		Sign: func(_ context.Context, region, name string) (crypto.Signer, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if keys[region+name] == nil {
				k, err := pki.NewKey(pki.P256)
				if err != nil {
					return nil, err
				}
				keys[region+name] = k
			}
			return keys[region+name], nil
		},
		CNAME: func(_ context.Context, name string) (string, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.names[name], f.fail
		},
		Event: func(_ context.Context, account, region, kind string, resources []string, detail []byte) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, kind+" "+string(detail))
			return nil
		},
		URL: func() string { return "http://ca.example.com" },
	})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return f
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks the code of an error.
func refused[T any](t testing.TB, _ T, err error) func(code, text string) {
	t.Helper()
	return func(code, text string) {
		t.Helper()
		e, ok := err.(*wire.Error) //nolint:errorlint // the service's own are not wrapped
		if !ok || e.Code != code || !strings.Contains(e.Message, text) {
			t.Errorf("%v, want %s: %s", err, code, text)
		}
	}
}

func (f *fixture) settle() {
	f.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := f.Settle(ctx); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) advance(d time.Duration) {
	f.t.Helper()
	f.Clock.Advance(d)
	f.settle()
}

func (f *fixture) request(more func(*acmapi.RequestCertificateRequest), names ...string) string {
	f.t.Helper()
	in := &acmapi.RequestCertificateRequest{DomainName: names[0], SubjectAlternativeNames: names[1:], ValidationMethod: acmapi.ValidationMethod_DNS, KeyAlgorithm: acmapi.KeyAlgorithm_EC_prime256v1}
	if len(names) == 1 {
		in.SubjectAlternativeNames = nil
	}
	if more != nil {
		more(in)
	}
	return *must(f.RequestCertificate(f.ctx, in))(f.t).CertificateArn
}

func (f *fixture) detail(arn string) *acmapi.CertificateDetail {
	f.t.Helper()
	return must(f.DescribeCertificate(f.ctx, &acmapi.DescribeCertificateRequest{CertificateArn: arn}))(f.t).Certificate
}

// prove writes the records that a certificate wants.
func (f *fixture) prove(arn string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.detail(arn).DomainValidationOptions {
		f.names[strings.TrimSuffix(d.ResourceRecord.Name, ".")] = strings.TrimSuffix(d.ResourceRecord.Value, ".")
	}
}

func exportable(in *acmapi.RequestCertificateRequest) {
	in.Options = &acmapi.CertificateOptions{Export: acmapi.CertificateExport_ENABLED}
}

func (f *fixture) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.events
	f.events = nil
	return out
}

// TestIssued: a request waits for its records, and then there is a certificate
// that chains to the authority's root and lasts 395 days.
func TestIssued(t *testing.T) {
	f := newFixture(t)
	arn := f.request(exportable, "www.example.com", "*.example.com", "example.com", "WWW.example.com")
	f.settle()
	d := f.detail(arn)
	if d.Status != acmapi.CertificateStatus_PENDING_VALIDATION || len(d.DomainValidationOptions) != 3 || len(d.SubjectAlternativeNames) != 3 {
		t.Fatalf("%+v", d)
	}
	if a, b := d.DomainValidationOptions[1], d.DomainValidationOptions[2]; *a.ResourceRecord != *b.ResourceRecord || !strings.HasSuffix(a.ResourceRecord.Name, ".example.com.") || !strings.HasSuffix(a.ResourceRecord.Value, ".acm-validations.aws.") {
		t.Errorf("a wildcard and its domain share a record: %+v %+v", a.ResourceRecord, b.ResourceRecord)
	}
	refused(t, first(f.GetCertificate(f.ctx, &acmapi.GetCertificateRequest{CertificateArn: arn})), second(f.GetCertificate(f.ctx, &acmapi.GetCertificateRequest{CertificateArn: arn})))("RequestInProgressException", "in progress")
	f.prove(arn)
	f.advance(time.Minute + time.Second)
	d = f.detail(arn)
	if d.Status != acmapi.CertificateStatus_ISSUED || d.DomainValidationOptions[0].ValidationStatus != acmapi.DomainStatus_SUCCESS || d.NotAfter.Sub(d.NotBefore) != 395*pki.Day-time.Second || d.Type != acmapi.CertificateType_AMAZON_ISSUED {
		t.Fatalf("%+v", d)
	}
	out := must(f.GetCertificate(f.ctx, &acmapi.GetCertificateRequest{CertificateArn: arn}))(t)
	leaf := must(pki.ParseCertificate([]byte(*out.Certificate)))(t)
	chain := must(pki.ParseChain([]byte(*out.CertificateChain)))(t)
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	between.AddCert(chain[0])
	roots.AddCert(chain[1])
	for _, host := range []string{"www.example.com", "a.example.com", "example.com"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between, CurrentTime: f.now()}); err != nil {
			t.Error(host, err)
		}
	}
	exported := must(f.ExportCertificate(f.ctx, &acmapi.ExportCertificateRequest{CertificateArn: arn, Passphrase: []byte("four words are enough")}))(t)
	block, _ := pem.Decode([]byte(*exported.PrivateKey))
	key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte("four words are enough"))
	if err != nil || !pki.Matches(leaf, key.(crypto.Signer)) {
		t.Error("the exported key", err)
	}
	if _, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte("other")); err == nil {
		t.Error("any passphrase opens it")
	}
	if got := f.seen(); len(got) != 1 || !strings.HasPrefix(got[0], "ACM Certificate Available ") || !strings.Contains(got[0], `"Action":"ISSUANCE"`) {
		t.Error(got)
	}
}

// TestRenewal: an exported certificate is renewed 60 days before its end without
// anyone, while its records are there; without them it ends, and says so.
func TestRenewal(t *testing.T) {
	f := newFixture(t)
	arn := f.request(exportable, "www.example.com")
	f.prove(arn)
	f.advance(2 * time.Minute)
	kept := f.request(nil, "kept.example.com") // never exported: not renewed
	f.prove(kept)
	f.advance(2 * time.Minute)
	must(f.ExportCertificate(f.ctx, &acmapi.ExportCertificateRequest{CertificateArn: arn, Passphrase: []byte("secret")}))(t)
	before := f.detail(arn)
	if before.RenewalEligibility != acmapi.RenewalEligibility_ELIGIBLE {
		t.Error(before.RenewalEligibility)
	}
	f.advance(334 * pki.Day)
	if d := f.detail(arn); *d.Serial != *before.Serial {
		t.Error("renewed too early")
	}
	f.mu.Lock()
	records := f.names
	f.names, f.fail = map[string]string{}, errors.New("no answer")
	f.mu.Unlock()
	f.advance(2 * pki.Day)
	if d := f.detail(arn); *d.Serial != *before.Serial || d.RenewalSummary.RenewalStatus != acmapi.RenewalStatus_PENDING_VALIDATION {
		t.Error("renewed without its record")
	}
	f.mu.Lock()
	f.names, f.fail = records, nil
	f.mu.Unlock()
	f.seen()
	f.advance(pki.Day + time.Minute)
	after := f.detail(arn)
	if *after.Serial == *before.Serial || after.RenewalSummary.RenewalStatus != acmapi.RenewalStatus_SUCCESS || !after.NotAfter.After(before.NotAfter) || after.Status != acmapi.CertificateStatus_ISSUED {
		t.Errorf("%+v", after)
	}
	if got := strings.Join(f.seen(), "\n"); !strings.Contains(got, `"Action":"RENEWAL"`) {
		t.Error(got)
	}
	// The other one is warned of from 45 days on, and ends.
	for range 62 {
		f.advance(pki.Day)
	}
	got := strings.Join(f.seen(), "\n")
	if n := strings.Count(got, "Approaching Expiration"); n < 44 || n > 46 || !strings.Contains(got, `"CommonName":"kept.example.com"`) || strings.Count(got, "Certificate Expired") != 1 {
		t.Errorf("%d warnings\n%s", n, got)
	}
	if d := f.detail(kept); d.Status != acmapi.CertificateStatus_EXPIRED {
		t.Error(d.Status)
	}
}

// TestRenewalByHand: an exported certificate is renewed when it is asked for.
func TestRenewalByHand(t *testing.T) {
	f := newFixture(t)
	arn := f.request(exportable, "www.example.com")
	f.prove(arn)
	f.advance(2 * time.Minute)
	out, err := f.RenewCertificate(f.ctx, &acmapi.RenewCertificateRequest{CertificateArn: arn})
	refused(t, out, err)("ValidationException", "not eligible")
	must(f.ExportCertificate(f.ctx, &acmapi.ExportCertificateRequest{CertificateArn: arn, Passphrase: []byte("secret")}))(t)
	before := f.detail(arn)
	must(f.RenewCertificate(f.ctx, &acmapi.RenewCertificateRequest{CertificateArn: arn}))(t)
	f.settle()
	if after := f.detail(arn); *after.Serial == *before.Serial || after.RenewalSummary.RenewalStatus != acmapi.RenewalStatus_SUCCESS {
		t.Errorf("%+v", after.RenewalSummary)
	}
}

func TestTimesOut(t *testing.T) {
	f := newFixture(t)
	arn := f.request(nil, "www.example.com", "api.example.com")
	f.mu.Lock()
	d := f.detail(arn).DomainValidationOptions[0].ResourceRecord
	f.names[strings.TrimSuffix(d.Name, ".")] = d.Value
	f.mu.Unlock()
	f.advance(71 * time.Hour)
	if d := f.detail(arn); d.Status != acmapi.CertificateStatus_PENDING_VALIDATION || d.DomainValidationOptions[0].ValidationStatus != acmapi.DomainStatus_SUCCESS {
		t.Error(d.Status)
	}
	f.advance(2 * time.Hour)
	if d := f.detail(arn); d.Status != acmapi.CertificateStatus_VALIDATION_TIMED_OUT || d.DomainValidationOptions[1].ValidationStatus != acmapi.DomainStatus_FAILED {
		t.Error(d.Status)
	}
}

func TestRequestRefusals(t *testing.T) {
	f := newFixture(t)
	f.Quotas.Certificates = 3
	good := func() *acmapi.RequestCertificateRequest {
		return &acmapi.RequestCertificateRequest{DomainName: "www.example.com", ValidationMethod: acmapi.ValidationMethod_DNS, IdempotencyToken: new("t1")}
	}
	for _, c := range []struct {
		code, text string
		change     func(*acmapi.RequestCertificateRequest)
	}{
		{"InvalidParameterException", "at most 64", func(in *acmapi.RequestCertificateRequest) { in.DomainName = strings.Repeat("a.", 40) + "example.com" }},
		{"InvalidParameterException", "RSA_1024", func(in *acmapi.RequestCertificateRequest) { in.KeyAlgorithm = acmapi.KeyAlgorithm_RSA_1024 }},
		{"InvalidParameterException", "DNS", func(in *acmapi.RequestCertificateRequest) { in.ValidationMethod = "" }},
		{"LimitExceededException", "10 domain names", func(in *acmapi.RequestCertificateRequest) {
			for i := range 10 {
				in.SubjectAlternativeNames = append(in.SubjectAlternativeNames, fmt.Sprint("a", i, ".example.com"))
			}
		}},
		{"InvalidDomainValidationOptionsException", "example.org", func(in *acmapi.RequestCertificateRequest) {
			in.DomainValidationOptions = []acmapi.DomainValidationOption{{DomainName: "www.example.com", ValidationDomain: "example.org"}}
		}},
		{"InvalidTagException", "aws:", func(in *acmapi.RequestCertificateRequest) { in.Tags = []acmapi.Tag{{Key: "AWS:x"}} }},
	} {
		in := good()
		c.change(in)
		out, err := f.RequestCertificate(f.ctx, in)
		refused(t, out, err)(c.code, c.text)
	}
	one := *must(f.RequestCertificate(f.ctx, good()))(t).CertificateArn
	if two := *must(f.RequestCertificate(f.ctx, good()))(t).CertificateArn; two != one {
		t.Error("the same request twice within an hour is one certificate")
	}
	f.advance(61 * time.Minute)
	if three := *must(f.RequestCertificate(f.ctx, good()))(t).CertificateArn; three == one {
		t.Error("after an hour it is another")
	}
	in := good()
	in.IdempotencyToken, in.CertificateAuthorityArn = nil, new("arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/x")
	if d := f.detail(*must(f.RequestCertificate(f.ctx, in))(t).CertificateArn); d.Status != acmapi.CertificateStatus_FAILED || d.FailureReason != acmapi.FailureReason_PCA_RESOURCE_NOT_FOUND {
		t.Error(d.Status, d.FailureReason)
	}
	in = good()
	in.IdempotencyToken = new("t9")
	out, err := f.RequestCertificate(f.ctx, in)
	refused(t, out, err)("LimitExceededException", "limit of 3")

	for _, k := range []struct{ arn, code string }{
		{"arn:aws:iam::111122223333:server-certificate/x", "InvalidArnException"}, {strings.Replace(one, own, "444455556666", 1), "ResourceNotFoundException"},
		{strings.Replace(one, home, "us-east-1", 1), "ResourceNotFoundException"}, {one[:len(one)-2] + "zz", "ResourceNotFoundException"},
	} {
		out, err := f.DescribeCertificate(f.ctx, &acmapi.DescribeCertificateRequest{CertificateArn: k.arn})
		refused(t, out, err)(k.code, "ertificate")
	}
}

// made is a certificate of an authority of the test's own.
func made(t testing.TB, f *fixture, names ...string) (leaf, chain, key []byte) {
	t.Helper()
	root, issuer := newTestAuthority(t, f.now())
	k := must(pki.NewKey(pki.P384))(t)
	l := must(issuer.Lint(&pki.Request{Profile: pki.Private(), Public: k.Public(), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: f.now().Add(-time.Hour)}))(t)
	c := must(issuer.Issue(l))(t)
	der := must(x509.MarshalPKCS8PrivateKey(k))(t)
	return pki.Encode(c), pki.Encode(issuer.Certificate, root.Certificate), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func newTestAuthority(t testing.TB, now time.Time) (root, issuer *pki.Authority) {
	t.Helper()
	root, issuer = &pki.Authority{Signer: must(pki.NewKey(pki.P256))(t)}, &pki.Authority{Signer: must(pki.NewKey(pki.P256))(t)}
	for a, p := range map[*pki.Authority]*pki.Profile{root: pki.Root()} {
		a.Certificate = must(a.Issue(must(a.Lint(&pki.Request{Profile: p, Public: a.Signer.Public(), Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"Test"}, CommonName: "Test Root"}, NotBefore: now.Add(-2 * time.Hour)}))(t)))(t)
	}
	l := must(root.Lint(&pki.Request{Profile: pki.Intermediate(0), Public: issuer.Signer.Public(), Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"Test"}, CommonName: "Test Issuer"}, NotBefore: now.Add(-2 * time.Hour)}))(t)
	issuer.Certificate = must(root.Issue(l))(t)
	return root, issuer
}

func TestImport(t *testing.T) {
	f := newFixture(t)
	leaf, chain, key := made(t, f, "imported.example.com", "b.example.com")
	_, otherChain, otherKey := made(t, f, "other.example.com")
	in := func() *acmapi.ImportCertificateRequest {
		return &acmapi.ImportCertificateRequest{Certificate: leaf, CertificateChain: chain, PrivateKey: key, Tags: []acmapi.Tag{{Key: "a", Value: new("b")}}}
	}
	for _, c := range []struct {
		text   string
		change func(*acmapi.ImportCertificateRequest)
	}{
		{textMany, func(in *acmapi.ImportCertificateRequest) { in.Certificate = append(bytes.Clone(leaf), chain...) }},
		{textPEM, func(in *acmapi.ImportCertificateRequest) { in.Certificate = []byte("x") }},
		{textKey, func(in *acmapi.ImportCertificateRequest) { in.PrivateKey = leaf }},
		{textMismatch, func(in *acmapi.ImportCertificateRequest) { in.PrivateKey = otherKey }},
		{textSelf, func(in *acmapi.ImportCertificateRequest) { in.CertificateChain = nil }},
		{textChain, func(in *acmapi.ImportCertificateRequest) { in.CertificateChain = otherChain }},
		{textPEM, func(in *acmapi.ImportCertificateRequest) { in.CertificateChain = key }},
	} {
		r := in()
		c.change(r)
		out, err := f.ImportCertificate(f.ctx, r)
		refused(t, out, err)("ValidationException", c.text)
	}
	if got := must(f.ListCertificates(f.ctx, &acmapi.ListCertificatesRequest{Includes: &acmapi.Filters{KeyTypes: []acmapi.KeyAlgorithm{acmapi.KeyAlgorithm_EC_secp384r1}}}))(t); len(got.CertificateSummaryList) != 0 {
		t.Error("what was refused is there")
	}
	arn := *must(f.ImportCertificate(f.ctx, in()))(t).CertificateArn
	d := f.detail(arn)
	if d.Type != acmapi.CertificateType_IMPORTED || *d.DomainName != "imported.example.com" || len(d.SubjectAlternativeNames) != 2 || d.KeyAlgorithm != acmapi.KeyAlgorithm_EC_secp384r1 || d.RenewalEligibility != acmapi.RenewalEligibility_INELIGIBLE || d.ImportedAt.IsZero() {
		t.Errorf("%+v", d)
	}
	if got := must(f.GetCertificate(f.ctx, &acmapi.GetCertificateRequest{CertificateArn: arn}))(t); *got.Certificate != string(leaf) || *got.CertificateChain != string(chain) {
		t.Error("another certificate came back")
	}
	leaf2, chain2, key2 := made(t, f, "new.example.com")
	again := &acmapi.ImportCertificateRequest{CertificateArn: &arn, Certificate: leaf2, CertificateChain: chain2, PrivateKey: key2}
	if got := *must(f.ImportCertificate(f.ctx, again))(t).CertificateArn; got != arn || *f.detail(arn).DomainName != "new.example.com" {
		t.Error(got)
	}
	again.Tags = []acmapi.Tag{{Key: "x"}}
	out, err := f.ImportCertificate(f.ctx, again)
	refused(t, out, err)("ValidationException", "Tagging")
	exported, err := f.ExportCertificate(f.ctx, &acmapi.ExportCertificateRequest{CertificateArn: arn, Passphrase: []byte("secret")})
	refused(t, exported, err)("ValidationException", "not exportable")
	var kinds []string
	for _, e := range f.seen() {
		kinds = append(kinds, e[strings.Index(e, `"Action":"`)+10:][:6])
	}
	if strings.Join(kinds, " ") != "IMPORT REIMPO" {
		t.Error(kinds)
	}
}

// TestRevoked: the authority's list and its OCSP answers say so.
func TestRevoked(t *testing.T) {
	f := newFixture(t)
	arn := f.request(exportable, "www.example.com")
	web := httptest.NewServer(f.Handler())
	defer web.Close()
	if res := must(http.Get(web.URL + "/_bartizan/acm/eu-west-1/issuer.cer"))(t); res.StatusCode != http.StatusNotFound {
		t.Error("an authority before the first certificate:", res.StatusCode)
	}
	f.prove(arn)
	f.advance(2 * time.Minute)
	revoke := &acmapi.RevokeCertificateRequest{CertificateArn: arn, RevocationReason: acmapi.RevocationReason_KEY_COMPROMISE}
	out, err := f.RevokeCertificate(f.ctx, revoke)
	refused(t, out, err)("ValidationException", "never exported")
	must(f.ExportCertificate(f.ctx, &acmapi.ExportCertificateRequest{CertificateArn: arn, Passphrase: []byte("secret")}))(t)

	got := must(f.GetCertificate(f.ctx, &acmapi.GetCertificateRequest{CertificateArn: arn}))(t)
	leaf, chain := must(pki.ParseCertificate([]byte(*got.Certificate)))(t), must(pki.ParseChain([]byte(*got.CertificateChain)))(t)
	if len(leaf.OCSPServer) != 1 || leaf.OCSPServer[0] != "http://ca.example.com/_bartizan/acm/eu-west-1/ocsp" {
		t.Error(leaf.OCSPServer)
	}
	read := func(res *http.Response, err error) []byte {
		t.Helper()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(err, res)
		}
		defer res.Body.Close()
		return must(io.ReadAll(res.Body))(t)
	}
	status := func() *ocsp.Response {
		t.Helper()
		ask := must(ocsp.CreateRequest(leaf, chain[0], nil))(t)
		return must(ocsp.ParseResponseForCert(read(http.Post(web.URL+"/_bartizan/acm/eu-west-1/ocsp", "application/ocsp-request", bytes.NewReader(ask))), leaf, chain[0]))(t)
	}
	if r := status(); r.Status != ocsp.Good {
		t.Error(r.Status)
	}
	must(f.RevokeCertificate(f.ctx, revoke))(t)
	if r := status(); r.Status != ocsp.Revoked || r.RevocationReason != ocsp.KeyCompromise {
		t.Error(r.Status)
	}
	list := must(x509.ParseRevocationList(read(http.Get(web.URL + "/_bartizan/acm/eu-west-1/list.crl"))))(t)
	if list.CheckSignatureFrom(chain[0]) != nil || len(list.RevokedCertificateEntries) != 1 || list.RevokedCertificateEntries[0].SerialNumber.Cmp(leaf.SerialNumber) != 0 {
		t.Error("the list", list)
	}
	if bad := read(http.Post(web.URL+"/_bartizan/acm/eu-west-1/ocsp", "application/ocsp-request", strings.NewReader("x"))); !bytes.Equal(bad, pki.Malformed) {
		t.Errorf("%x", bad)
	}
	if d := f.detail(arn); d.Status != acmapi.CertificateStatus_REVOKED || d.RevocationReason != acmapi.RevocationReason_KEY_COMPROMISE {
		t.Error(d.Status)
	}
	// Deleted, it stays on the list until it would have ended.
	must(f.DeleteCertificate(f.ctx, &acmapi.DeleteCertificateRequest{CertificateArn: arn}))(t)
	if r := status(); r.Status != ocsp.Revoked {
		t.Error(r.Status)
	}
}

func TestListsAndSearch(t *testing.T) {
	f := newFixture(t)
	var arns []string
	for i := range 5 {
		arns = append(arns, f.request(func(in *acmapi.RequestCertificateRequest) {
			if i%2 == 0 {
				in.KeyAlgorithm = ""
			}
			in.Tags = []acmapi.Tag{{Key: "n", Value: new(fmt.Sprint(i))}}
		}, fmt.Sprint("h", i, ".example.com")))
		f.advance(time.Second)
	}
	usual := must(f.ListCertificates(f.ctx, &acmapi.ListCertificatesRequest{}))(t)
	if len(usual.CertificateSummaryList) != 3 {
		t.Error("the usual listing is of RSA keys of 2,048 bits and less:", len(usual.CertificateSummaryList))
	}
	var pages int
	var got []string
	for token := (*string)(nil); ; pages++ {
		out := must(f.SearchCertificates(f.ctx, &acmapi.SearchCertificatesRequest{MaxResults: new(int32(2)), NextToken: token, SortOrder: acmapi.SearchCertificatesSortOrder_ASCENDING}))(t)
		for _, r := range out.Results {
			got = append(got, *r.CertificateArn)
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	if pages != 2 || !slices.Equal(got, arns) {
		t.Error(pages, got)
	}
	is := func(f *acmapi.CertificateFilter) acmapi.CertificateFilterStatement {
		return acmapi.CertificateFilterStatement{Filter: f}
	}
	p256 := is(&acmapi.CertificateFilter{X509AttributeFilter: &acmapi.X509AttributeFilter{KeyAlgorithm: acmapi.KeyAlgorithm_EC_prime256v1}})
	h := is(&acmapi.CertificateFilter{X509AttributeFilter: &acmapi.X509AttributeFilter{SubjectAlternativeName: &acmapi.SubjectAlternativeNameFilter{DnsName: &acmapi.DnsNameFilter{Value: "H1.", ComparisonOperator: acmapi.ComparisonOperator_CONTAINS}}}})
	for want, s := range map[int]acmapi.CertificateFilterStatement{
		2: p256, 3: {Not: &p256}, 1: {And: []acmapi.CertificateFilterStatement{p256, h}}, 5: is(&acmapi.CertificateFilter{AcmCertificateMetadataFilter: &acmapi.AcmCertificateMetadataFilter{Status: acmapi.CertificateStatus_PENDING_VALIDATION}}),
		0: is(&acmapi.CertificateFilter{AcmCertificateMetadataFilter: &acmapi.AcmCertificateMetadataFilter{InUse: new(true)}}),
	} {
		if out := must(f.SearchCertificates(f.ctx, &acmapi.SearchCertificatesRequest{FilterStatement: &s}))(t); len(out.Results) != want {
			t.Errorf("%d results, want %d", len(out.Results), want)
		}
	}
	out, err := f.SearchCertificates(f.ctx, &acmapi.SearchCertificatesRequest{FilterStatement: &acmapi.CertificateFilterStatement{}})
	refused(t, out, err)("ValidationException", "exactly one")
	list, err := f.ListCertificates(f.ctx, &acmapi.ListCertificatesRequest{SortBy: acmapi.SortBy_CREATED_AT})
	refused(t, list, err)("InvalidArgsException", "together")
	list, err = f.ListCertificates(f.ctx, &acmapi.ListCertificatesRequest{NextToken: new("?")})
	refused(t, list, err)("ValidationException", "NextToken")

	// Nothing of it is another account's, or another Region's.
	for _, ctx := range []context.Context{as("444455556666", home), as(own, "us-east-1")} {
		if out := must(f.SearchCertificates(ctx, &acmapi.SearchCertificatesRequest{}))(t); len(out.Results) != 0 {
			t.Error("seen from elsewhere")
		}
	}
}

func TestTagsAndOptions(t *testing.T) {
	f := newFixture(t)
	arn := f.request(nil, "www.example.com")
	must(f.AddTagsToCertificate(f.ctx, &acmapi.AddTagsToCertificateRequest{CertificateArn: arn, Tags: []acmapi.Tag{{Key: "a", Value: new("1")}, {Key: "b"}}}))(t)
	must(f.TagResource(f.ctx, &acmapi.TagResourceRequest{ResourceArn: arn, Tags: []acmapi.Tag{{Key: "c", Value: new("3")}}}))(t)
	must(f.RemoveTagsFromCertificate(f.ctx, &acmapi.RemoveTagsFromCertificateRequest{CertificateArn: arn, Tags: []acmapi.Tag{{Key: "a", Value: new("other")}, {Key: "b"}}}))(t)
	tags := func() map[string]string {
		out := map[string]string{}
		for _, t := range must(f.ListTagsForCertificate(f.ctx, &acmapi.ListTagsForCertificateRequest{CertificateArn: arn}))(t).Tags {
			out[t.Key] = *t.Value
		}
		return out
	}
	if got := tags(); !maps.Equal(got, map[string]string{"a": "1", "c": "3"}) {
		t.Error(got)
	}
	must(f.UntagResource(f.ctx, &acmapi.UntagResourceRequest{ResourceArn: arn, TagKeys: []string{"c", "none"}}))(t)
	if got := must(f.ListTagsForResource(f.ctx, &acmapi.ListTagsForResourceRequest{ResourceArn: arn}))(t).Tags; len(got) != 1 {
		t.Error(got)
	}
	var many []acmapi.Tag
	for i := range 51 {
		many = append(many, acmapi.Tag{Key: fmt.Sprint(i)})
	}
	out, err := f.AddTagsToCertificate(f.ctx, &acmapi.AddTagsToCertificateRequest{CertificateArn: arn, Tags: many})
	refused(t, out, err)("TooManyTagsException", "50")

	must(f.UpdateCertificateOptions(f.ctx, &acmapi.UpdateCertificateOptionsRequest{CertificateArn: arn, Options: &acmapi.CertificateOptions{Export: acmapi.CertificateExport_ENABLED, CertificateTransparencyLoggingPreference: acmapi.CertificateTransparencyLoggingPreference_DISABLED}}))(t)
	if o := f.detail(arn).Options; o.Export != acmapi.CertificateExport_ENABLED || o.CertificateTransparencyLoggingPreference != acmapi.CertificateTransparencyLoggingPreference_DISABLED {
		t.Errorf("%+v", o)
	}
	days := func() int32 {
		return *must(f.GetAccountConfiguration(f.ctx, nil))(t).ExpiryEvents.DaysBeforeExpiry
	}
	if days() != 45 {
		t.Error(days())
	}
	must(f.PutAccountConfiguration(f.ctx, &acmapi.PutAccountConfigurationRequest{ExpiryEvents: &acmapi.ExpiryEventsConfiguration{DaysBeforeExpiry: new(int32(7))}, IdempotencyToken: "x"}))(t)
	if days() != 7 {
		t.Error(days())
	}
}

func first[A, B any](a A, _ B) A  { return a }
func second[A, B any](_ A, b B) B { return b }
