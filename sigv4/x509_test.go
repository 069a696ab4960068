package sigv4

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// x509Vector is one request of testdata/x509.json, which testdata/x509.py made.
type x509Vector struct {
	Name, Query, Body, Key, ToSign string
	Headers                        map[string]string
}

func x509Vectors(t testing.TB) []x509Vector {
	t.Helper()
	data, err := os.ReadFile("testdata/x509.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []x509Vector
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (v *x509Vector) request(t testing.TB) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", "http://"+v.Headers["host"]+"/sessions?"+v.Query, strings.NewReader(v.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range v.Headers {
		if name != "host" {
			r.Header.Set(name, value)
		}
	}
	return r
}

var x509Time = time.Date(2026, 3, 1, 10, 11, 12, 0, time.UTC)

// verifyX509 takes all steps.
func verifyX509(r *http.Request, body string, at time.Time) error {
	var c Claim
	if err := c.Parse(r); err != nil {
		return err
	}
	if err := c.Check(RulesFor("rolesanywhere", ""), at); err != nil {
		return err
	}
	chain, err := Certificates(r.Header)
	if err != nil {
		return err
	}
	return c.VerifyCertificate(chain[0], []byte(body))
}

func TestX509Vectors(t *testing.T) {
	for _, v := range x509Vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r := v.request(t)
			var c Claim
			if err := c.Parse(r); err != nil {
				t.Fatal(err)
			}
			if err := c.Check(RulesFor("rolesanywhere", ""), x509Time); err != nil {
				t.Fatal(err)
			}
			if !c.Certified() || c.Scope.Region != "eu-central-1" {
				t.Fatalf("%+v", c.Scope)
			}
			if err := c.Verify(nil, "", []byte(v.Body)); !Is(err, UnsupportedAlgorithm) {
				t.Fatalf("Verify took a certificate's signature for an access key's: %v", err)
			}
			chain, err := Certificates(r.Header)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.VerifyCertificate(chain[0], []byte(v.Body)); err != nil {
				t.Fatal(err)
			}
			if got := c.StringToSign(); got != v.ToSign {
				t.Fatalf("string to sign\n%s\nwant\n%s", got, v.ToSign)
			}
		})
	}
}

func TestX509Refused(t *testing.T) {
	vectors := x509Vectors(t)
	rsa, p256 := vectors[0], vectors[1]
	for _, c := range []struct {
		name   string
		vector x509Vector
		change func(r *http.Request)
		body   string
		at     time.Time
		want   Reason
	}{
		{"another body", rsa, nil, "{}", x509Time, SignatureMismatch},
		{"another query", p256, func(r *http.Request) { r.URL.RawQuery += "&x=y" }, p256.Body, x509Time, SignatureMismatch},
		{"another's certificate", p256, func(r *http.Request) { r.Header.Set("X-Amz-X509", rsa.Headers["x-amz-x509"]) }, p256.Body, x509Time, SignatureMismatch},
		{"another chain", rsa, func(r *http.Request) { r.Header.Set("X-Amz-X509-Chain", p256.Headers["x-amz-x509"]) }, rsa.Body, x509Time, SignatureMismatch},
		{"another serial", p256, func(r *http.Request) { replace(r, "Credential=77/", "Credential=78/") }, p256.Body, x509Time, SignatureMismatch},
		{"the other algorithm", p256, func(r *http.Request) { replace(r, "ECDSA", "RSA") }, p256.Body, x509Time, SignatureMismatch},
		{"ML-DSA", p256, func(r *http.Request) { replace(r, "ECDSA-SHA256", "MLDSA") }, p256.Body, x509Time, UnsupportedAlgorithm},
		{"no hex", p256, func(r *http.Request) { replace(r, "Signature=", "Signature=x") }, p256.Body, x509Time, SignatureMismatch},
		{"unsigned chain", p256, func(r *http.Request) { r.Header.Set("X-Amz-X509-Chain", p256.Headers["x-amz-x509"]) }, p256.Body, x509Time, HeadersNotSigned},
		{"no certificate signed", p256, func(r *http.Request) { replace(r, ";x-amz-x509", "") }, p256.Body, x509Time, HeadersNotSigned},
		{"no certificate", p256, func(r *http.Request) { r.Header.Del("X-Amz-X509") }, p256.Body, x509Time, Incomplete},
		{"old", p256, nil, p256.Body, x509Time.Add(6 * time.Minute), Expired},
		{"another service", p256, func(r *http.Request) { replace(r, "/rolesanywhere/", "/sts/") }, p256.Body, x509Time, ScopeService},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.vector.request(t)
			if c.change != nil {
				c.change(r)
			}
			if err := verifyX509(r, c.body, c.at); !Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func replace(r *http.Request, old, new string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
}

func TestX509Certificates(t *testing.T) {
	good := x509Vectors(t)[1].Headers["x-amz-x509"]
	for _, c := range []struct {
		name   string
		header http.Header
		want   int // certificates; 0: refused
	}{
		{"alone", http.Header{"X-Amz-X509": {good}}, 1},
		{"chain of five", http.Header{"X-Amz-X509": {good}, "X-Amz-X509-Chain": {strings.Repeat(good+",", 4) + good}}, 6},
		{"chain of six", http.Header{"X-Amz-X509": {good}, "X-Amz-X509-Chain": {strings.Repeat(good+",", 5) + good}}, 0},
		{"none", http.Header{}, 0},
		{"two", http.Header{"X-Amz-X509": {good, good}}, 0},
		{"no base64", http.Header{"X-Amz-X509": {"-----BEGIN"}}, 0},
		{"no certificate", http.Header{"X-Amz-X509": {"AAAA"}}, 0},
		{"empty in the chain", http.Header{"X-Amz-X509": {good}, "X-Amz-X509-Chain": {good + ","}}, 0},
		{"large", http.Header{"X-Amz-X509": {strings.Repeat("A", maxCertificate+4)}}, 0},
	} {
		list, err := Certificates(c.header)
		if len(list) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d certificates, %v", c.name, len(list), err)
		}
	}
}

// TestSignCertificate signs what the vectors have; RSA's signature must be the
// same, byte for byte.
func TestSignCertificate(t *testing.T) {
	for _, v := range x509Vectors(t) {
		block, _ := pem.Decode([]byte(v.Key))
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		r := v.request(t)
		chain, err := Certificates(r.Header)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/json"}}
		if err := SignCertificate(r, key.(crypto.Signer), chain, "eu-central-1", "rolesanywhere", HashPayload([]byte(v.Body)), x509Time); err != nil {
			t.Fatal(err)
		}
		if got, want := r.Header.Get("Authorization"), v.Headers["authorization"]; v.Name == "rsa" && got != want {
			t.Fatalf("%s\nwant\n%s", got, want)
		}
		if err := verifyX509(r, v.Body, x509Time); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if err := SignCertificate(r, anotherKey(t), chain, "r", "rolesanywhere", EmptyHash, x509Time); err == nil {
			t.Fatal("signed with a key that is not the certificate's")
		}
	}
}

func anotherKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// FuzzX509 sends what is not signed, and never sees it pass.
func FuzzX509(f *testing.F) {
	v := x509Vectors(f)[1]
	f.Add(v.Headers["authorization"], v.Headers["x-amz-x509"], "", v.Query)
	f.Add(AlgorithmRSA+" Credential=1/20260301/r/rolesanywhere/aws4_request, SignedHeaders=host, Signature=00", "AA==", "AA==,", "a=b")
	f.Fuzz(func(t *testing.T, auth, cert, chain, query string) {
		r := v.request(t)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Amz-X509", cert)
		if chain != "" {
			r.Header.Set("X-Amz-X509-Chain", chain)
		}
		if err := verifyX509(r, v.Body+" ", x509Time); err == nil {
			t.Fatalf("accepted %s", auth)
		}
	})
}

func BenchmarkX509(b *testing.B) {
	for _, v := range x509Vectors(b)[:2] {
		r := v.request(b)
		b.Run(v.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := verifyX509(r, v.Body, x509Time); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestX509WeakKeys: a certificate with a key of RSA below 2,048 bits or of
// P-224 proves nothing.
func TestX509WeakKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "weak"}, NotBefore: x509Time, NotAfter: x509Time.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	v := x509Vectors(t)[1]
	r := v.request(t)
	r.Header = http.Header{}
	if err := SignCertificate(r, key, []*x509.Certificate{cert}, "r", "rolesanywhere", HashPayload([]byte(v.Body)), x509Time); err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("X-Amz-X509") != base64.StdEncoding.EncodeToString(der) {
		t.Fatal("another certificate was sent")
	}
	if err := verifyX509(r, v.Body, x509Time); !Is(err, SignatureMismatch) {
		t.Fatal(err)
	}
}
