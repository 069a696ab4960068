package iam

import (
	"crypto/x509"
	"encoding/pem"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestSigningCertificates(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	f.newUser("bob")
	upload := func(user, body string) (*iamapi.UploadSigningCertificateResponse, error) {
		return f.UploadSigningCertificate(f.root, &iamapi.UploadSigningCertificateRequest{UserName: &user, CertificateBody: body})
	}
	a, b, c := issue(t, "a", newKey(t), nil, nil), issue(t, "b", newKey(t), nil, nil), issue(t, "c", newKey(t), nil, nil)
	first := must(upload("alice", a.body))(t).Certificate
	if len(first.CertificateId) != 32 || first.UserName != "alice" || first.Status != "Active" || first.CertificateBody != a.body {
		t.Errorf("uploaded: %+v", first)
	}
	if again := must(upload("alice", a.body))(t).Certificate; *again != *first {
		t.Errorf("uploaded again: %+v", again)
	}
	fails(upload("bob", a.body))(t, "DuplicateCertificate", "The same certificate is already associated with another IAM user in the account.")
	must(upload("alice", b.body))(t)
	fails(upload("alice", c.body))(t, "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2")
	fails(upload("nobody", c.body))(t, "NoSuchEntity", "The user with name nobody cannot be found.")

	rootUpload := &iamapi.UploadSigningCertificateRequest{CertificateBody: c.body}
	must(f.UploadSigningCertificate(f.root, rootUpload))(t)
	if n := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap["AccountSigningCertificatesPresent"]; n != 1 {
		t.Errorf("the root user has %d", n)
	}
	if list := must(f.ListSigningCertificates(f.root, &iamapi.ListSigningCertificatesRequest{}))(t); len(list.Certificates) != 1 {
		t.Errorf("of the root user: %v", list.Certificates)
	}
	page := must(f.ListSigningCertificates(f.asUser("alice"), &iamapi.ListSigningCertificatesRequest{MaxItems: new(int32(1))}))(t)
	if len(page.Certificates) != 1 || !*page.IsTruncated {
		t.Errorf("page: %+v", page)
	}

	update := &iamapi.UpdateSigningCertificateRequest{UserName: new("alice"), CertificateId: first.CertificateId, Status: iamapi.StatusType_Inactive}
	must(f.UpdateSigningCertificate(f.root, update))(t)
	if again := must(upload("alice", a.body))(t).Certificate; again.Status != iamapi.StatusType_Inactive {
		t.Error("uploading it again activated it")
	}
	update.UserName = new("bob")
	fails(f.UpdateSigningCertificate(f.root, update))(t, "NoSuchEntity", "The Certificate with id "+first.CertificateId+" cannot be found.")
	fails(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alice"}))(t, "DeleteConflict", "Cannot delete entity, must delete certificates first.")
	remove := &iamapi.DeleteSigningCertificateRequest{UserName: new("alice"), CertificateId: first.CertificateId}
	must(f.DeleteSigningCertificate(f.root, remove))(t)
	fails(f.DeleteSigningCertificate(f.root, remove))(t, "NoSuchEntity", "The Certificate with id "+first.CertificateId+" cannot be found.")
	must(upload("bob", a.body))(t)
}

func TestBadSigningCertificates(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	old := issue(t, "a", newKey(t), nil, func(c *x509.Certificate) { c.NotAfter = f.clock.AddDate(0, 0, -1) })
	early := issue(t, "a", newKey(t), nil, func(c *x509.Certificate) { c.NotBefore = f.clock.AddDate(0, 0, 1) })
	good := issue(t, "a", newKey(t), nil, nil)
	forged := append([]byte(nil), good.cert.Raw...)
	forged[len(forged)-1] ^= 1 // of the signature
	for name, c := range map[string]struct{ body, code, message string }{
		"no certificate": {"hello", "MalformedCertificate", "Unable to parse certificate. Please ensure the certificate is in PEM format."},
		"expired":        {old.body, "MalformedCertificate", "The certificate has expired."},
		"not valid yet":  {early.body, "MalformedCertificate", "The certificate is not valid yet."},
		"two":            {good.body + good.body, "MalformedCertificate", "Unable to parse certificate. Please ensure the certificate is in PEM format."},
		"forged":         {string(pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: forged})), "InvalidCertificate", "The certificate is invalid."},
	} {
		t.Run(name, func(t *testing.T) {
			fails(f.UploadSigningCertificate(f.root, &iamapi.UploadSigningCertificateRequest{UserName: new("alice"), CertificateBody: c.body}))(t, c.code, c.message)
		})
	}
}
