package iam

import (
	"testing"

	iamapi "bartizan.dev/api/iam"
)

// What the policies of a user that manages its own devices and certificates
// allow and deny: AWS's sample policy, and conditions on tags.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_my-sec-creds-self-manage.html
func TestHoldingRules(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	f.newUser("bob")
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "alice", PolicyName: "own", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["iam:CreateVirtualMFADevice","iam:DeleteVirtualMFADevice"],"Resource":"arn:aws:iam::*:mfa/${aws:username}"},
		{"Effect":"Allow","Action":["iam:EnableMFADevice","iam:ResyncMFADevice","iam:DeactivateMFADevice","iam:ListMFADevices","iam:GetMFADevice","iam:*SSHPublicKey*","iam:*SigningCertificate*"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
		{"Effect":"Allow","Action":"iam:ListVirtualMFADevices","Resource":"*"},
		{"Effect":"Allow","Action":"iam:TagMFADevice","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Owner":"alice","aws:RequestTag/Env":"test"}}},
		{"Effect":"Allow","Action":"iam:UntagServerCertificate","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"Env"}}},
		{"Effect":"Allow","Action":["iam:*ServerCertificate"],"Resource":"arn:aws:iam::111122223333:server-certificate/alice/*"}]}`}))(t)
	d := must(f.CreateVirtualMFADevice(f.root, &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: "hers", Tags: []iamapi.Tag{{Key: "Owner", Value: "alice"}}}))(t).VirtualMFADevice
	leaf := issue(t, "a", newKey(t), nil, nil)
	must(f.UploadServerCertificate(f.root, &iamapi.UploadServerCertificateRequest{
		ServerCertificateName: "hers", Path: new("/alice/"), CertificateBody: leaf.body, PrivateKey: leaf.pem,
	}))(t)
	alice := f.asUser("alice")
	env := func(v string) []iamapi.Tag { return []iamapi.Tag{{Key: "Env", Value: v}} }
	for name, x := range map[string]struct {
		op   string
		in   any
		want bool
	}{
		"create her device":      {"CreateVirtualMFADevice", &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: "alice"}, true},
		"create it with tags":    {"CreateVirtualMFADevice", &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: "alice", Tags: env("test")}, false},
		"create one in a path":   {"CreateVirtualMFADevice", &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: "alice", Path: new("/x/")}, false},
		"create bob's":           {"CreateVirtualMFADevice", &iamapi.CreateVirtualMFADeviceRequest{VirtualMFADeviceName: "bob"}, false},
		"delete hers":            {"DeleteVirtualMFADevice", &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: "arn:aws:iam::111122223333:mfa/alice"}, true},
		"delete another":         {"DeleteVirtualMFADevice", &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: d.SerialNumber}, false},
		"a serial that is none":  {"DeleteVirtualMFADevice", &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: "GAHT12345678"}, false},
		"enable for herself":     {"EnableMFADevice", &iamapi.EnableMFADeviceRequest{UserName: "ALICE", SerialNumber: d.SerialNumber}, true},
		"enable for bob":         {"EnableMFADevice", &iamapi.EnableMFADeviceRequest{UserName: "bob", SerialNumber: d.SerialNumber}, false},
		"resync bob's":           {"ResyncMFADevice", &iamapi.ResyncMFADeviceRequest{UserName: "bob", SerialNumber: d.SerialNumber}, false},
		"deactivate hers":        {"DeactivateMFADevice", &iamapi.DeactivateMFADeviceRequest{SerialNumber: d.SerialNumber}, true},
		"list hers":              {"ListMFADevices", &iamapi.ListMFADevicesRequest{}, true},
		"list bob's":             {"ListMFADevices", &iamapi.ListMFADevicesRequest{UserName: new("bob")}, false},
		"get bob's":              {"GetMFADevice", &iamapi.GetMFADeviceRequest{UserName: new("bob"), SerialNumber: d.SerialNumber}, false},
		"list virtual ones":      {"ListVirtualMFADevices", &iamapi.ListVirtualMFADevicesRequest{}, true},
		"tag her device":         {"TagMFADevice", &iamapi.TagMFADeviceRequest{SerialNumber: d.SerialNumber, Tags: env("test")}, true},
		"tag it otherwise":       {"TagMFADevice", &iamapi.TagMFADeviceRequest{SerialNumber: d.SerialNumber, Tags: env("prod")}, false},
		"tag another":            {"TagMFADevice", &iamapi.TagMFADeviceRequest{SerialNumber: "arn:aws:iam::111122223333:mfa/x", Tags: env("test")}, false},
		"untag":                  {"UntagMFADevice", &iamapi.UntagMFADeviceRequest{SerialNumber: d.SerialNumber, TagKeys: []string{"Env"}}, false},
		"her SSH key":            {"UploadSSHPublicKey", &iamapi.UploadSSHPublicKeyRequest{UserName: "alice"}, true},
		"bob's SSH key":          {"DeleteSSHPublicKey", &iamapi.DeleteSSHPublicKeyRequest{UserName: "bob"}, false},
		"her certificate":        {"UploadSigningCertificate", &iamapi.UploadSigningCertificateRequest{}, true},
		"bob's certificate":      {"UpdateSigningCertificate", &iamapi.UpdateSigningCertificateRequest{UserName: new("bob")}, false},
		"get the server's":       {"GetServerCertificate", &iamapi.GetServerCertificateRequest{ServerCertificateName: "HERS"}, true},
		"upload in her path":     {"UploadServerCertificate", &iamapi.UploadServerCertificateRequest{ServerCertificateName: "x", Path: new("/alice/")}, true},
		"upload elsewhere":       {"UploadServerCertificate", &iamapi.UploadServerCertificateRequest{ServerCertificateName: "x"}, false},
		"rename within her path": {"UpdateServerCertificate", &iamapi.UpdateServerCertificateRequest{ServerCertificateName: "hers", NewServerCertificateName: new("x")}, true},
		"move it out":            {"UpdateServerCertificate", &iamapi.UpdateServerCertificateRequest{ServerCertificateName: "hers", NewPath: new("/")}, false},
		"untag one key":          {"UntagServerCertificate", &iamapi.UntagServerCertificateRequest{ServerCertificateName: "x", TagKeys: []string{"Env"}}, true},
		"untag another key":      {"UntagServerCertificate", &iamapi.UntagServerCertificateRequest{ServerCertificateName: "x", TagKeys: []string{"Env", "Own"}}, false},
		"list the servers'":      {"ListServerCertificates", &iamapi.ListServerCertificatesRequest{PathPrefix: new("/alice/")}, false},
	} {
		if got := f.allowed(alice, x.op, x.in); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
