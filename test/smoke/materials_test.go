package smoke

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bartizan.dev/oidc"
	"bartizan.dev/saml/samltest"
)

// must ends the test at an error.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// materials puts into a folder what scenarios need and no shell can make:
// certificates and keys, a list of revoked ones, a SAML provider's metadata and
// its answer, and tokens of an OpenID provider and a cluster. It returns the
// file with the cluster's keys.
func materials(t *testing.T, dir string) string {
	t.Helper()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificates(t, put)

	idp := samltest.New(samltest.RSA(2048))
	put("metadata.xml", []byte(idp.Metadata()))
	put("saml.key", pemOf(t, samltest.RSA(2048)))
	parts := samltest.NewParts(time.Now())
	parts.Attributes = samltest.Attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName", "ann") +
		samltest.Attribute("https://aws.amazon.com/SAML/Attributes/Role", "arn:aws:iam::000000000000:role/saml,arn:aws:iam::000000000000:saml-provider/corp")
	put("assertion", []byte(samltest.Encoded(idp.Respond(parts, false, true))))

	signer := must[*oidc.Signer](t)(oidc.NewSigner("ES256", must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	address := issuer(t, signer)
	now := time.Now().Unix()
	token := func(claims map[string]any) []byte {
		claims["iat"], claims["nbf"], claims["exp"] = now, now, now+3600
		return []byte(must[string](t)(signer.Sign(claims)))
	}
	put("issuer", []byte(address))
	put("token", token(map[string]any{"iss": address, "aud": "app", "sub": "ann"}))
	put("pod", token(map[string]any{
		"iss": "https://kubernetes.default.svc", "aud": []string{"pods.eks.amazonaws.com"}, "sub": "system:serviceaccount:shop:web",
		"kubernetes.io": map[string]any{
			"namespace":      "shop",
			"pod":            map[string]string{"name": "web-0", "uid": "8a9b4e1c-0f4e-4d0a-9a53-3f4f0a0b1c2d"},
			"serviceaccount": map[string]string{"name": "web", "uid": "0f4e4d0a-8a9b-4e1c-9a53-3f4f0a0b1c2d"},
		},
	}))
	return put("cluster.json", must[[]byte](t)(json.Marshal(oidc.JWKS{signer.Key()})))
}

// certificates are an authority, two of its certificates with their key, two lists
// of revoked ones, and keys of SSH's.
func certificates(t *testing.T, put func(string, []byte) string) {
	t.Helper()
	now := time.Now()
	caKey, key := samltest.RSA(2048), samltest.RSA(2048)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1, 2, 3, 4},
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey))
	ca = must[*x509.Certificate](t)(x509.ParseCertificate(der))
	put("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	put("ca.key", pemOf(t, caKey))
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "www.example.com"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, DNSNames: []string{"www.example.com"},
	}
	der = must[[]byte](t)(x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey))
	put("leaf.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	put("leaf.key", pemOf(t, key))
	leaf.SerialNumber = big.NewInt(3)
	der = must[[]byte](t)(x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey))
	put("other.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for i, name := range []string{"crl.pem", "crl2.pem"} {
		der = must[[]byte](t)(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(int64(i + 1)), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(24 * time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(99), RevocationTime: now.Add(-time.Hour)}},
		}, ca, caKey))
		put(name, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
	}
	put("ssh.pub", sshKey(&key.PublicKey))
	put("ssh2.pub", sshKey(&caKey.PublicKey))
}

func pemOf(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))})
}

// sshKey is RFC 4253's ssh-rsa (section 6.6).
func sshKey(key *rsa.PublicKey) []byte {
	var wire []byte
	for _, field := range [][]byte{[]byte("ssh-rsa"), big.NewInt(int64(key.E)).Bytes(), append([]byte{0}, key.N.Bytes()...)} {
		n := len(field)
		wire = append(append(wire, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), field...)
	}
	return []byte("ssh-rsa " + base64.StdEncoding.EncodeToString(wire) + " ann@example.com")
}

// issuer is an OpenID provider behind a certificate that vouches for itself.
func issuer(t *testing.T, signer *oidc.Signer) string {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who look at its certificate and hang up
	s.StartTLS()
	t.Cleanup(s.Close)
	answer := func(path string, v any) {
		text := must[[]byte](t)(json.Marshal(v))
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if _, err := w.Write(text); err != nil {
				t.Log(err)
			}
		})
	}
	answer("/.well-known/openid-configuration", map[string]any{
		"issuer": s.URL, "jwks_uri": s.URL + "/keys", "response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
	})
	answer("/keys", oidc.JWKS{signer.Key()})
	return s.URL
}
