package iam

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	iamapi "bartizan.dev/api/iam"
)

// rsaKeys are made once: RSA is slow.
var rsaKeys = sync.OnceValue(func() (keys []*rsa.PrivateKey) {
	for range 6 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key)
	}
	return keys
})

func sshLine(t testing.TB, public any) string {
	t.Helper()
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func pkixPEM(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}))
}

func TestSSHPublicKeys(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	f.newUser("bob")
	public := &rsaKeys()[0].PublicKey
	line := sshLine(t, public) + " alice@laptop"
	upload := func(user, body string) (*iamapi.UploadSSHPublicKeyResponse, error) {
		return f.UploadSSHPublicKey(f.root, &iamapi.UploadSSHPublicKeyRequest{UserName: user, SSHPublicKeyBody: body})
	}
	fails(upload("nobody", "no key"))(t, "NoSuchEntity", "The user with name nobody cannot be found.")
	key := must(upload("alice", line))(t).SSHPublicKey
	if !strings.HasPrefix(key.SSHPublicKeyId, "APKA") || len(key.Fingerprint) != 47 || key.SSHPublicKeyBody != line || key.Status != "Active" {
		t.Errorf("uploaded: %+v", key)
	}
	fails(upload("alice", pkixPEM(t, public)))(t, "DuplicateSSHPublicKey", "The SSH public key is already associated with the specified IAM user.")
	must(upload("bob", pkixPEM(t, public)))(t)

	get := func(user string, encoding iamapi.EncodingType) (*iamapi.GetSSHPublicKeyResponse, error) {
		return f.GetSSHPublicKey(f.root, &iamapi.GetSSHPublicKeyRequest{UserName: user, SSHPublicKeyId: key.SSHPublicKeyId, Encoding: encoding})
	}
	if got := must(get("alice", iamapi.EncodingType_SSH))(t).SSHPublicKey.SSHPublicKeyBody; got != line {
		t.Errorf("as SSH: %s", got)
	}
	if got := must(get("alice", iamapi.EncodingType_PEM))(t).SSHPublicKey.SSHPublicKeyBody; got != pkixPEM(t, public) {
		t.Errorf("as PEM: %s", got)
	}
	absent := "The Public Key with id " + key.SSHPublicKeyId + " cannot be found."
	fails(get("bob", iamapi.EncodingType_SSH))(t, "NoSuchEntity", absent)
	bobs := must(f.ListSSHPublicKeys(f.asUser("bob"), &iamapi.ListSSHPublicKeysRequest{}))(t).SSHPublicKeys
	if len(bobs) != 1 || bobs[0].UserName != "bob" {
		t.Fatalf("keys of bob: %v", bobs)
	}
	converted := must(f.GetSSHPublicKey(f.root, &iamapi.GetSSHPublicKeyRequest{UserName: "bob", SSHPublicKeyId: bobs[0].SSHPublicKeyId, Encoding: iamapi.EncodingType_SSH}))(t)
	if got := converted.SSHPublicKey.SSHPublicKeyBody; got != sshLine(t, public) {
		t.Errorf("PEM as SSH: %s", got)
	}

	update := &iamapi.UpdateSSHPublicKeyRequest{UserName: "alice", SSHPublicKeyId: key.SSHPublicKeyId, Status: iamapi.StatusType_Inactive}
	must(f.UpdateSSHPublicKey(f.root, update))(t)
	if got := must(get("alice", iamapi.EncodingType_SSH))(t).SSHPublicKey.Status; got != iamapi.StatusType_Inactive {
		t.Errorf("status %s", got)
	}
	update.Status = iamapi.StatusType_Expired
	fails(f.UpdateSSHPublicKey(f.root, update))(t, "InvalidInput", "Invalid status. Status must be Active or Inactive.")

	for _, k := range rsaKeys()[1:5] {
		must(upload("alice", sshLine(t, &k.PublicKey)))(t)
	}
	fails(upload("alice", sshLine(t, &rsaKeys()[5].PublicKey)))(t, "LimitExceeded", "Cannot exceed quota for SSHPublicKeysPerUser: 5")
	page := must(f.ListSSHPublicKeys(f.root, &iamapi.ListSSHPublicKeysRequest{UserName: new("alice"), MaxItems: new(int32(2))}))(t)
	rest := must(f.ListSSHPublicKeys(f.root, &iamapi.ListSSHPublicKeysRequest{UserName: new("alice"), Marker: page.Marker}))(t)
	if len(page.SSHPublicKeys) != 2 || len(rest.SSHPublicKeys) != 3 {
		t.Errorf("pages of %d and %d", len(page.SSHPublicKeys), len(rest.SSHPublicKeys))
	}

	fails(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "bob"}))(t, "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
	remove := &iamapi.DeleteSSHPublicKeyRequest{UserName: "bob", SSHPublicKeyId: bobs[0].SSHPublicKeyId}
	must(f.DeleteSSHPublicKey(f.root, remove))(t)
	fails(f.DeleteSSHPublicKey(f.root, remove))(t, "NoSuchEntity", "The Public Key with id "+remove.SSHPublicKeyId+" cannot be found.")
	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "bob"}))(t)
}

func TestParseSSHKey(t *testing.T) {
	good := &rsaKeys()[0].PublicKey
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: pemPublicRSA, Bytes: x509.MarshalPKCS1PublicKey(good)}))
	for name, c := range map[string]struct{ body, code string }{
		"a line":                {sshLine(t, good), ""},
		"a line with a comment": {sshLine(t, good) + " me at home", ""},
		"spaces around":         {"  " + sshLine(t, good) + "\n", ""},
		"PKIX":                  {pkixPEM(t, good), ""},
		"PKCS #1":               {pkcs1, ""},
		"1,024 bits":            {sshLine(t, &weak.PublicKey), "InvalidPublicKey"},
		"1,024 bits in PEM":     {pkixPEM(t, &weak.PublicKey), "InvalidPublicKey"},
		"Ed25519":               {sshLine(t, edwards), "UnrecognizedPublicKeyEncoding"},
		"Ed25519 in PEM":        {pkixPEM(t, edwards), "InvalidPublicKey"},
		"ECDSA in PEM":          {pkixPEM(t, &curve.PublicKey), "InvalidPublicKey"},
		"Ed25519 called RSA":    {strings.Replace(sshLine(t, edwards), "ssh-ed25519", "ssh-rsa", 1), "InvalidPublicKey"},
		"no base64":             {"ssh-rsa ===", "InvalidPublicKey"},
		"name only":             {"ssh-rsa", "UnrecognizedPublicKeyEncoding"},
		"two lines":             {sshLine(t, good) + "\n" + sshLine(t, good), "UnrecognizedPublicKeyEncoding"},
		"options before":        {`command="x" ` + sshLine(t, good), "UnrecognizedPublicKeyEncoding"},
		"two blocks":            {pkixPEM(t, good) + pkixPEM(t, good), "InvalidPublicKey"},
		"a private key":         {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "UnrecognizedPublicKeyEncoding"},
		"cut off":               {pkixPEM(t, good)[:100], "InvalidPublicKey"},
		"nothing":               {"", "UnrecognizedPublicKeyEncoding"},
	} {
		_, _, err := parseSSHKey(c.body)
		if c.code == "" && err != nil || c.code != "" && (err == nil || !strings.HasPrefix(err.Error(), c.code+":")) {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

func FuzzParseSSHKey(f *testing.F) {
	public := &rsaKeys()[0].PublicKey
	f.Add(sshLine(f, public))
	f.Add(pkixPEM(f, public))
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 16384 { // the model's bound
			return
		}
		key, isPEM, err := parseSSHKey(body)
		if err != nil {
			return
		}
		if !goodSSHKey(key) {
			t.Fatal("a bad key was taken")
		}
		out, err := apiSSHKey(&sshKey{Body: body, PEM: isPEM, Wire: key.Marshal()}, &user{}, !isPEM)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := parseSSHKey(out.SSHPublicKeyBody)
		if err != nil || string(again.Marshal()) != string(key.Marshal()) {
			t.Fatalf("the other encoding is another key: %v", err)
		}
	})
}
