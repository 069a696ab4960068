package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"testing"
	"time"

	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/sigv4"
)

// kmsBench is a server with a user who may use keys, by a policy of its own, and
// keys that have grants.
type kmsBench struct {
	t                 testing.TB
	s                 *Server
	user              sigv4.Credentials
	symmetric, signer string
}

func newKMSBench(t testing.TB) *kmsBench {
	k := &kmsBench{t: t, s: openDev(t)}
	c := &client{t, k.s, k.s.Handler()}
	k.user = c.user("user", allow("kms:*", "*"))
	make := func(input map[string]any, operations ...string) string {
		var out struct{ KeyMetadata struct{ KeyId string } }
		k.do("CreateKey", input, devKeys, &out)
		k.do("CreateGrant", map[string]any{
			"KeyId": out.KeyMetadata.KeyId, "Operations": operations, "GranteePrincipal": "arn:aws:iam::" + DefaultAccount + ":user/user",
		}, devKeys, new(any))
		return out.KeyMetadata.KeyId
	}
	k.symmetric = make(map[string]any{}, "Encrypt", "Decrypt", "GenerateDataKey")
	k.signer = make(map[string]any{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, "Sign")
	return k
}

func (k *kmsBench) request(operation string, input map[string]any, keys sigv4.Credentials) (*http.Request, []byte) {
	body, err := json.Marshal(input)
	if err != nil {
		k.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", bytes.NewReader(body))
	r.RemoteAddr = "127.0.0.1:50000"
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	r.Header.Set("User-Agent", "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux md/arch#x86_64 lang/python#3.13.7 cfg/retry-mode#standard")
	if err := sigv4.Sign(r, keys, "us-east-1", "kms", sigv4.HashPayload(body), time.Now()); err != nil {
		k.t.Fatal(err)
	}
	return r, body
}

func (k *kmsBench) do(operation string, input map[string]any, keys sigv4.Credentials, out any) {
	k.t.Helper()
	r, _ := k.request(operation, input, keys)
	w := httptest.NewRecorder()
	if k.s.Handler().ServeHTTP(w, r); w.Code != 200 {
		k.t.Fatalf("%s: %d %s", operation, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
		k.t.Fatal(err)
	}
}

// repeatable is a body that is read again and again.
type repeatable struct{ bytes.Reader }

func (*repeatable) Close() error { return nil }

// BenchmarkKMS is the whole way of the calls that applications make all day, but
// for net/http's own part.
func BenchmarkKMS(b *testing.B) {
	k := newKMSBench(b)
	text := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	var sealed struct{ CiphertextBlob string }
	k.do("Encrypt", map[string]any{"KeyId": k.symmetric, "Plaintext": text(32)}, k.user, &sealed)
	for _, c := range []struct {
		name, operation string
		input           map[string]any
	}{
		{"Encrypt32", "Encrypt", map[string]any{"KeyId": k.symmetric, "Plaintext": text(32)}},
		{"Encrypt32Context", "Encrypt", map[string]any{"KeyId": k.symmetric, "Plaintext": text(32), "EncryptionContext": map[string]string{"app": "shop", "tenant": "42"}}},
		{"Encrypt4096", "Encrypt", map[string]any{"KeyId": k.symmetric, "Plaintext": text(4096)}},
		{"Decrypt", "Decrypt", map[string]any{"CiphertextBlob": sealed.CiphertextBlob}},
		{"GenerateDataKey", "GenerateDataKey", map[string]any{"KeyId": k.symmetric, "KeySpec": "AES_256"}},
		{"Sign", "Sign", map[string]any{"KeyId": k.signer, "Message": text(32), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			first, body := k.request(c.operation, c.input, k.user)
			h := k.s.Handler()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w := &sink{header: http.Header{}}
				r := first.Clone(b.Context())
				again := &repeatable{}
				for pb.Next() {
					again.Reset(body)
					r.Body, w.status = again, 0
					if h.ServeHTTP(w, r); w.status != 200 {
						b.Errorf("status %d", w.status)
						return
					}
				}
			})
		})
	}
}

// BenchmarkDecision is what a call costs for its security alone: the signature
// with everything it needs, what the call touches with its grants, and what the
// policies say.
func BenchmarkDecision(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // as bartizan serve
	k := newKMSBench(b)
	r, body := k.request("Encrypt", map[string]any{"KeyId": k.symmetric, "Plaintext": "AAAA"}, k.user)
	rules := sigv4.RulesFor("kms", "")
	keys := sigv4.NewKeys(16)
	dir := &directory{iam: k.s.iam, now: time.Now}
	rule := k.s.kms.Rules()["Encrypt"]
	in := &kmsapi.EncryptRequest{KeyId: k.symmetric, Plaintext: make([]byte, 3)}
	var claim sigv4.Claim
	b.ReportAllocs()
	for b.Loop() {
		claim.Reset()
		if err := claim.Parse(r); err != nil {
			b.Fatal(err)
		}
		if err := claim.Check(rules, time.Now()); err != nil {
			b.Fatal(err)
		}
		cred, err := dir.Credential(b.Context(), claim.AccessKey, claim.Token)
		if err != nil {
			b.Fatal(err)
		}
		if err := claim.Verify(keys, cred.Secret, body); err != nil {
			b.Fatal(err)
		}
		ctx := caller.With(b.Context(), &caller.Call{Identity: cred.Identity, Time: time.Now(), Region: claim.Scope.Region})
		touches, err := rule.Touches(ctx, in)
		if err != nil {
			b.Fatal(err)
		}
		if err := k.s.gateway.Decide(ctx, "kms", touches...); err != nil {
			b.Fatal(err)
		}
	}
}
