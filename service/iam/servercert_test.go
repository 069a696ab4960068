package iam

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

// chainOf is a root, an intermediate and a leaf.
func chainOf(t testing.TB) (root, middle, leaf *issued) {
	root = issue(t, "root CA", newKey(t), nil, nil)
	middle = issue(t, "middle CA", newKey(t), root, nil)
	return root, middle, issue(t, "www.example.com", newKey(t), middle, nil)
}

func TestServerCertificates(t *testing.T) {
	f := newFixture(t)
	root, middle, leaf := chainOf(t)
	in := &iamapi.UploadServerCertificateRequest{
		ServerCertificateName: "Web", Path: new("/cloudfront/"), CertificateBody: leaf.body, PrivateKey: leaf.pem,
		CertificateChain: new(middle.body + root.body), Tags: []iamapi.Tag{{Key: "Env", Value: "prod"}},
	}
	up := must(f.UploadServerCertificate(f.root, in))(t)
	meta := up.ServerCertificateMetadata
	if meta.Arn != "arn:aws:iam::111122223333:server-certificate/cloudfront/Web" || !strings.HasPrefix(meta.ServerCertificateId, "ASCA") ||
		!meta.Expiration.Equal(leaf.cert.NotAfter) || meta.UploadDate != f.clock || len(up.Tags) != 1 {
		t.Errorf("uploaded: %+v", up)
	}
	again := *in
	again.ServerCertificateName, again.Path = "WEB", nil
	fails(f.UploadServerCertificate(f.root, &again))(t, "EntityAlreadyExists", "The Server Certificate with name WEB already exists.")

	got := must(f.GetServerCertificate(f.root, &iamapi.GetServerCertificateRequest{ServerCertificateName: "web"}))(t).ServerCertificate
	if got.CertificateBody != strings.TrimSpace(leaf.body) || *got.CertificateChain != strings.TrimSpace(middle.body+root.body) || len(got.Tags) != 1 {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(fmt.Sprintf("%+v %+v %+v", up, got, *got.ServerCertificateMetadata), "PRIVATE") {
		t.Error("the private key is given out")
	}
	tls := must(f.ServerCertificate(t.Context(), meta.Arn))(t)
	if tls == nil || tls.Key != leaf.pem || tls.ID != meta.ServerCertificateId {
		t.Errorf("for TLS: %+v", tls)
	}
	for _, name := range []string{"arn:aws:iam::111122223333:server-certificate/Web", "arn:aws:iam::444455556666:server-certificate/cloudfront/Web", "Web", ""} {
		if tls := must(f.ServerCertificate(t.Context(), name))(t); tls != nil {
			t.Errorf("%q is %s", name, tls.ARN)
		}
	}

	must(f.TagServerCertificate(f.root, &iamapi.TagServerCertificateRequest{ServerCertificateName: "Web", Tags: []iamapi.Tag{{Key: "A", Value: "b"}}}))(t)
	must(f.UntagServerCertificate(f.root, &iamapi.UntagServerCertificateRequest{ServerCertificateName: "Web", TagKeys: []string{"env"}}))(t)
	tags := must(f.ListServerCertificateTags(f.root, &iamapi.ListServerCertificateTagsRequest{ServerCertificateName: "Web"}))(t)
	if len(tags.Tags) != 1 || tags.Tags[0].Key != "A" {
		t.Errorf("tags %v", tags.Tags)
	}

	again = *in
	again.ServerCertificateName, again.Path, again.CertificateChain = "plain", nil, nil
	must(f.UploadServerCertificate(f.root, &again))(t)
	if n := len(must(f.ListServerCertificates(f.root, &iamapi.ListServerCertificatesRequest{}))(t).ServerCertificateMetadataList); n != 2 {
		t.Errorf("%d certificates", n)
	}
	if list := must(f.ListServerCertificates(f.root, &iamapi.ListServerCertificatesRequest{PathPrefix: new("/cloud")}))(t); len(list.ServerCertificateMetadataList) != 1 {
		t.Errorf("below /cloud: %v", list.ServerCertificateMetadataList)
	}
	update := &iamapi.UpdateServerCertificateRequest{ServerCertificateName: "plain", NewServerCertificateName: new("web")}
	fails(f.UpdateServerCertificate(f.root, update))(t, "EntityAlreadyExists", "The Server Certificate with name web already exists.")
	update.NewServerCertificateName, update.NewPath = new("Plain"), new("/new/")
	must(f.UpdateServerCertificate(f.root, update))(t)
	update.ServerCertificateName, update.NewServerCertificateName = "plain", new("renamed")
	must(f.UpdateServerCertificate(f.root, update))(t)
	moved := must(f.GetServerCertificate(f.root, &iamapi.GetServerCertificateRequest{ServerCertificateName: "renamed"}))(t)
	if arn := moved.ServerCertificate.ServerCertificateMetadata.Arn; arn != "arn:aws:iam::111122223333:server-certificate/new/renamed" {
		t.Errorf("moved to %s", arn)
	}

	f.Quotas.ServerCertificates = 2
	again.ServerCertificateName = "third"
	fails(f.UploadServerCertificate(f.root, &again))(t, "LimitExceeded", "Cannot exceed quota for ServerCertificatesPerAccount: 2")
	must(f.DeleteServerCertificate(f.root, &iamapi.DeleteServerCertificateRequest{ServerCertificateName: "renamed"}))(t)
	fails(f.DeleteServerCertificate(f.root, &iamapi.DeleteServerCertificateRequest{ServerCertificateName: "renamed"}))(t, "NoSuchEntity", "The Server Certificate with name renamed cannot be found.")
	fails(f.GetServerCertificate(f.other, &iamapi.GetServerCertificateRequest{ServerCertificateName: "Web"}))(t, "NoSuchEntity", "The Server Certificate with name Web cannot be found.")
	if n := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap["ServerCertificates"]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

func TestBadServerCertificates(t *testing.T) {
	f := newFixture(t)
	root, middle, leaf := chainOf(t)
	noCA := issue(t, "middle CA", middle.key, root, func(c *x509.Certificate) { c.IsCA = false })
	old := issue(t, "a", newKey(t), nil, func(c *x509.Certificate) { c.NotAfter = f.clock.AddDate(0, 0, -1) })
	const (
		chain = "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: "
		cert  = "Unable to parse certificate. Please ensure the certificate is in PEM format."
		key   = "Unable to parse private key. Please ensure the private key is in PEM format and not encrypted."
	)
	for name, c := range map[string]struct {
		body, key, chain string
		code, message    string
	}{
		"no certificate":         {"x", leaf.pem, "", "MalformedCertificate", cert},
		"expired":                {old.body, old.pem, "", "MalformedCertificate", "The certificate has expired."},
		"no key":                 {leaf.body, "x", "", "MalformedCertificate", key},
		"another key":            {leaf.body, root.pem, "", "KeyPairMismatch", "The public key certificate and the private key do not match."},
		"chain in the body":      {leaf.body + middle.body, leaf.pem, "", "MalformedCertificate", cert},
		"no chain":               {leaf.body, leaf.pem, "x", "MalformedCertificate", cert},
		"chain begins elsewhere": {leaf.body, leaf.pem, root.body, "MalformedCertificate", chain + "-1"},
		"chain out of order":     {leaf.body, leaf.pem, root.body + middle.body, "MalformedCertificate", chain + "-1"},
		"chain with the leaf":    {leaf.body, leaf.pem, leaf.body + middle.body, "MalformedCertificate", chain + "-1"},
		"chain ends elsewhere":   {leaf.body, leaf.pem, middle.body + leaf.body, "MalformedCertificate", chain + "0"},
		"signed by no CA":        {leaf.body, leaf.pem, noCA.body, "MalformedCertificate", chain + "-1"},
		"a chain too long":       {leaf.body, leaf.pem, strings.Repeat(root.body, maxChain+1), "MalformedCertificate", cert},
	} {
		t.Run(name, func(t *testing.T) {
			in := &iamapi.UploadServerCertificateRequest{ServerCertificateName: "x", CertificateBody: c.body, PrivateKey: c.key}
			if c.chain != "" {
				in.CertificateChain = &c.chain
			}
			fails(f.UploadServerCertificate(f.root, in))(t, c.code, c.message)
		})
	}
}
