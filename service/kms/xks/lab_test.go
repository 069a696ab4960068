package xks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// vault is a key manager in memory, and who may ask it.
type vault struct {
	mu      sync.Mutex
	keys    map[string][]byte // by external key id
	usage   map[string][]string
	secrets map[string]string // by access key id
	health  *Health
	fail    error // what every call answers
	damage  bool  // ciphertexts come out with a flipped bit
	calls   []Call
	events  []Event
}

func (v *vault) Secret(_ context.Context, prefix, accessKeyID string) (string, error) {
	if prefix != "/store-1" {
		return "", &Fault{Name: InvalidURIPathException, Message: "There is no key store at this path."}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.secrets[accessKeyID], nil
}

func (v *vault) find(call *Call, usage string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, *call)
	key := v.keys[call.KeyID]
	switch {
	case v.fail != nil:
		return nil, v.fail
	case key == nil:
		return nil, &Fault{Name: KeyNotFoundException, Message: "There is no such key."}
	case usage != "" && !slices.Contains(v.usage[call.KeyID], usage):
		return nil, &Fault{Name: InvalidKeyUsageException, Message: "The key is not for this."}
	}
	return key, nil
}

func (v *vault) Health(_ context.Context, call *Call) (*Health, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, *call)
	return v.health, v.fail
}

func (v *vault) Metadata(_ context.Context, call *Call) (*KeyMetadata, error) {
	if _, err := v.find(call, ""); err != nil {
		return nil, err
	}
	return &KeyMetadata{Spec: "AES_256", Usage: v.usage[call.KeyID], Status: "ENABLED"}, nil
}

func (v *vault) Encrypt(_ context.Context, call *Call, plaintext, aad []byte) (*Ciphertext, error) {
	key, err := v.find(call, "ENCRYPT")
	if err != nil {
		return nil, err
	}
	c, err := Seal(key, plaintext, aad, []byte("v1"))
	if err == nil && v.damage {
		c.Data[0] ^= 1
	}
	return c, err
}

func (v *vault) Decrypt(_ context.Context, call *Call, c *Ciphertext, aad []byte) ([]byte, error) {
	key, err := v.find(call, "DECRYPT")
	if err != nil {
		return nil, err
	}
	return Open(key, c, aad)
}

func goodHealth() *Health {
	return &Health{FleetSize: 2, ProxyVendor: "Bartizan", ProxyModel: "Bartizan XKS", Vendor: "Acme",
		Managers: []Manager{{"hsm-1", "Luna 5.0", Degraded}, {"hsm-2", "Luna 5.1", Active}}}
}

var both = []string{"ENCRYPT", "DECRYPT"}

// lab is a vault behind a Server behind TLS, and a Client of it.
type lab struct {
	*vault
	*Client
	http *httptest.Server
}

func newLab(t testing.TB) *lab {
	t.Helper()
	c := NewCredential()
	v := &vault{
		keys:    map[string][]byte{"key-1": testKey, "encrypt-only": testKey, "decrypt-only": testKey},
		usage:   map[string][]string{"key-1": both, "encrypt-only": both[:1], "decrypt-only": both[1:]},
		secrets: map[string]string{c.AccessKeyID: c.Secret},
		health:  goodHealth(),
	}
	l := &lab{vault: v}
	l.http = httptest.NewUnstartedServer(&Server{Credentials: v, Keys: v, Log: func(_ context.Context, e *Event) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.events = append(v.events, *e)
	}})
	l.http.EnableHTTP2 = true
	l.http.StartTLS()
	t.Cleanup(l.http.Close)
	l.Client = clientOf(l.http, c)
	return l
}

// clientOf returns a patient client: a loaded machine is no test of 250 ms.
func clientOf(s *httptest.Server, c Credential) *Client {
	roots := x509.NewCertPool()
	if s.Certificate() != nil {
		roots.AddCert(s.Certificate())
	}
	return &Client{Endpoint: s.URL, Path: "/store-1/kms/xks/v1", Region: "eu-central-1", Credential: c,
		HTTP: &http.Client{Transport: NewTransport(&tls.Config{RootCAs: roots})}, Timeout: 10 * time.Second}
}

var asking = RequestMetadata{
	PrincipalARN: "arn:aws:iam::123456789012:user/Alice",
	KeyARN:       "arn:aws:kms:us-east-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	Operation:    "GenerateDataKey",
	RequestID:    "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
	ViaService:   "ebs",
	SourceVPC:    "vpc-1",
	SourceVPCE:   "vpce-1",
}

// TestBothEnds runs the client against the server.
func TestBothEnds(t *testing.T) {
	l, ctx := newLab(t), context.Background()

	h, err := l.Client.Health(ctx, asking)
	if err != nil || h.FleetSize != 2 || h.Vendor != "Acme" || !slices.Equal(h.Managers, goodHealth().Managers) {
		t.Fatal(h, err)
	}
	k, err := l.KeyMetadata(ctx, "key-1", asking)
	if err != nil || k.Usable() != nil || !slices.Equal(k.Usage, both) {
		t.Fatal(k, err)
	}
	for _, n := range []int{1, 32, MaxPlaintext} {
		for _, aad := range [][]byte{nil, []byte("project=nile"), bytes.Repeat([]byte{0xff}, MaxAAD)} {
			plaintext := bytes.Repeat([]byte{1}, n)
			c, err := l.Client.Encrypt(ctx, "key-1", asking, plaintext, aad)
			if err != nil || string(c.Metadata) != "v1" || bytes.Equal(c.Data, plaintext) && n > 16 {
				t.Fatal(n, len(aad), err)
			}
			got, err := l.Client.Decrypt(ctx, "key-1", asking, c, aad)
			if err != nil || !bytes.Equal(got, plaintext) {
				t.Fatal(n, len(aad), err)
			}
			_, err = l.Client.Decrypt(ctx, "key-1", asking, c, append([]byte("x"), aad[:len(aad)/2]...))
			wantFailure(t, err, InvalidCiphertextException)
		}
	}
}

// TestWhatTheKeyManagerIsTold: all of the metadata, and nothing for a health
// check that the specification does not list.
func TestWhatTheKeyManagerIsTold(t *testing.T) {
	l, ctx := newLab(t), context.Background()
	if _, err := l.Client.Health(ctx, asking); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Client.Encrypt(ctx, "key-1", asking, []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	want := Call{Prefix: "/store-1", AccessKeyID: l.AccessKeyID, Region: "eu-central-1",
		Metadata: RequestMetadata{Operation: asking.Operation, RequestID: asking.RequestID}}
	if l.calls[0] != want {
		t.Error(l.calls[0])
	}
	want.KeyID, want.Metadata = "key-1", asking
	if l.calls[1] != want {
		t.Error(l.calls[1])
	}
	want.Proving = true // the decrypt that stands behind the integrity value
	if len(l.calls) != 3 || l.calls[2] != want {
		t.Error(l.calls)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) != 2 || l.events[1].Operation != "encrypt" || l.events[1].Fault != nil || l.events[1].Metadata != asking || l.events[1].Proving {
		t.Error(l.events)
	}
}

func wantFailure(t testing.TB, err error, name Name) *Failure {
	t.Helper()
	f, ok := err.(*Failure)
	if !ok || f.Name != name {
		t.Fatalf("%v, want %s", err, name)
	}
	return f
}

// BenchmarkEncrypt is one Encrypt of a data key, both ends, over TLS.
func BenchmarkEncrypt(b *testing.B) {
	l, ctx, plaintext, aad := newLab(b), context.Background(), make([]byte, 128), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Client.Encrypt(ctx, "key-1", asking, plaintext, aad); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSeal is what the cipher costs of it.
func BenchmarkSeal(b *testing.B) {
	plaintext, aad := make([]byte, 128), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Seal(testKey, plaintext, aad, nil); err != nil {
			b.Fatal(err)
		}
	}
}
