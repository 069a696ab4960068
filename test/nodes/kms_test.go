package nodes

import (
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

type object = map[string]any

// kms makes a call of KMS.
func (n *node) kms(c sigv4.Credentials, operation string, in object) (answer, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return answer{}, err
	}
	a, err := n.send(c, "kms", "TrentService."+operation, "application/x-amz-json-1.1", body)
	if err == nil && !a.ok() {
		var e struct {
			Type string `json:"__type"`
		}
		err = json.Unmarshal(a.body, &e)
		a.code = e.Type
	}
	return a, err
}

// mustKMS is a call that succeeds; its answer is decoded.
func (n *node) mustKMS(t *testing.T, c sigv4.Credentials, operation string, in object) (out object) {
	t.Helper()
	a, err := n.kms(c, operation, in)
	if err != nil || !a.ok() {
		t.Fatalf("%s: %v, %v: %s", operation, a, err, a.body)
	}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

const rootOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"kms:*","Resource":"*"}]}`

// keyLoss is a way to lose the use of a key. give returns what take needs.
type keyLoss struct {
	name string
	give func(t *testing.T, n *node, root sigv4.Credentials, key, user string) string
	take func(t *testing.T, n *node, root sigv4.Credentials, key, given string)
}

func giveGrant(t *testing.T, n *node, root sigv4.Credentials, key, user string) string {
	return n.mustKMS(t, root, "CreateGrant", object{"KeyId": key, "GranteePrincipal": "arn:aws:iam::" + account + ":user/" + user, "Operations": []string{"Encrypt"}})["GrantId"].(string)
}

var keyLosses = []keyLoss{
	{"key-disabled", giveGrant, func(t *testing.T, n *node, root sigv4.Credentials, key, _ string) {
		n.mustKMS(t, root, "DisableKey", object{"KeyId": key})
	}},
	{"grant-revoked", giveGrant, func(t *testing.T, n *node, root sigv4.Credentials, key, grant string) {
		n.mustKMS(t, root, "RevokeGrant", object{"KeyId": key, "GrantId": grant})
	}},
	{"key-policy-changed", func(t *testing.T, n *node, root sigv4.Credentials, key, user string) string {
		n.mustKMS(t, root, "PutKeyPolicy", object{"KeyId": key, "Policy": strings.Replace(rootOnly, `"Statement":[`,
			`"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/`+user+`"},"Action":"kms:Encrypt","Resource":"*"},`, 1)})
		return ""
	}, func(t *testing.T, n *node, root sigv4.Credentials, key, _ string) {
		n.mustKMS(t, root, "PutKeyPolicy", object{"KeyId": key, "Policy": rootOnly})
	}},
	{"key-to-be-deleted", giveGrant, func(t *testing.T, n *node, root sigv4.Credentials, key, _ string) {
		n.mustKMS(t, root, "ScheduleKeyDeletion", object{"KeyId": key})
	}},
	{"material-deleted", func(t *testing.T, n *node, root sigv4.Credentials, key, user string) string {
		importMaterial(t, n, root, key)
		return giveGrant(t, n, root, key, user)
	}, func(t *testing.T, n *node, root sigv4.Credentials, key, _ string) {
		n.mustKMS(t, root, "DeleteImportedKeyMaterial", object{"KeyId": key})
	}},
}

func importMaterial(t *testing.T, n *node, root sigv4.Credentials, key string) {
	t.Helper()
	wrapping := object{"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
	if a, err := n.kms(root, "GetParametersForImport", wrapping); err == nil && a.code == "NotImplemented" {
		t.Skip("imported key material is not built")
	}
	p := n.mustKMS(t, root, "GetParametersForImport", wrapping)
	der, err := base64.StdEncoding.DecodeString(p["PublicKey"].(string))
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 32)
	crand.Read(secret)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), crand.Reader, public.(*rsa.PublicKey), secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	n.mustKMS(t, root, "ImportKeyMaterial", object{"KeyId": key, "ImportToken": p["ImportToken"], "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"})
}

// A key that is disabled, a grant that is revoked, a key policy that is changed
// and material that is deleted at node A are out of use at node B within a
// second, however busy B is with the key. What A encrypts, B decrypts.
func TestKeyLost(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	for _, loss := range keyLosses {
		t.Run(loss.name, func(t *testing.T) {
			c := p.a.user(t, p.root, loss.name)
			in := object{}
			if loss.name == "material-deleted" {
				in["Origin"] = "EXTERNAL"
			}
			meta := p.a.mustKMS(t, p.root, "CreateKey", in)["KeyMetadata"].(object)
			key := meta["KeyId"].(string)
			given := loss.give(t, p.a, p.root, key, loss.name)
			encrypt := object{"KeyId": key, "Plaintext": []byte("text")}
			blob := p.b.mustKMS(t, c, "Encrypt", encrypt)["CiphertextBlob"]
			if got := p.a.mustKMS(t, p.root, "Decrypt", object{"CiphertextBlob": blob})["Plaintext"]; got != base64.StdEncoding.EncodeToString([]byte("text")) {
				t.Errorf("A decrypts what B has encrypted as %v", got)
			}
			w := watchCall(t, func() (answer, error) { return p.b.kms(c, "Encrypt", encrypt) })
			until(t, "calls at B", 5*time.Second, func() bool { return w.count() > 3 })
			loss.take(t, p.a, p.root, key, given)
			taken := time.Now()
			until(t, "a denial at B", 3*time.Second, w.deniedOnce)
			after := w.count()
			until(t, "more calls at B", 5*time.Second, func() bool { return w.count() > after+5 })
			w.stop(t)
			t.Logf("refused at B %v after the answer at A", w.check(t, taken))
		})
	}
}
