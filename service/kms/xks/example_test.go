package xks_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"bartizan.dev/service/kms/xks"
)

// manager is the smallest key manager: one key.
type manager struct {
	credential xks.Credential
	key        []byte
}

func (m *manager) Secret(_ context.Context, prefix, accessKeyID string) (string, error) {
	if prefix != "/acme" {
		return "", &xks.Fault{Name: xks.InvalidURIPathException, Message: "There is no key store here."}
	}
	if accessKeyID != m.credential.AccessKeyID {
		return "", nil
	}
	return m.credential.Secret, nil
}

func (m *manager) Health(context.Context, *xks.Call) (*xks.Health, error) {
	return &xks.Health{FleetSize: 1, ProxyVendor: "Acme", ProxyModel: "Acme 1", Vendor: "Acme",
		Managers: []xks.Manager{{ID: "1", Model: "Acme 1", Status: xks.Active}}}, nil
}

func (m *manager) Metadata(_ context.Context, call *xks.Call) (*xks.KeyMetadata, error) {
	if call.KeyID != "key-1" {
		return nil, &xks.Fault{Name: xks.KeyNotFoundException, Message: "There is no such key."}
	}
	return &xks.KeyMetadata{Spec: "AES_256", Usage: []string{"ENCRYPT", "DECRYPT"}, Status: "ENABLED"}, nil
}

func (m *manager) Encrypt(ctx context.Context, call *xks.Call, plaintext, aad []byte) (*xks.Ciphertext, error) {
	if _, err := m.Metadata(ctx, call); err != nil {
		return nil, err
	}
	return xks.Seal(m.key, plaintext, aad, nil)
}

func (m *manager) Decrypt(ctx context.Context, call *xks.Call, c *xks.Ciphertext, aad []byte) ([]byte, error) {
	if _, err := m.Metadata(ctx, call); err != nil {
		return nil, err
	}
	return xks.Open(m.key, c, aad)
}

func Example() {
	m := &manager{credential: xks.NewCredential(), key: bytes.Repeat([]byte{1}, xks.KeySize)}
	proxy := httptest.NewTLSServer(&xks.Server{Credentials: m, Keys: m})
	defer proxy.Close()

	// KMS.
	roots := x509.NewCertPool()
	roots.AddCert(proxy.Certificate())
	kms := xks.Client{
		Endpoint: proxy.URL, Path: "/acme/kms/xks/v1", Region: "eu-central-1", Credential: m.credential,
		HTTP:    &http.Client{Transport: xks.NewTransport(&tls.Config{RootCAs: roots})},
		Timeout: 10 * time.Second, // 0 would be the 250 ms of the specification
	}
	why := xks.RequestMetadata{PrincipalARN: "arn:aws:iam::123456789012:user/Alice", Operation: "Encrypt", RequestID: "1",
		KeyARN: "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
	c, err := kms.Encrypt(context.Background(), "key-1", why, []byte("sealed by KMS before"), []byte("context"))
	if err != nil {
		fmt.Println(err)
		return
	}
	plaintext, err := kms.Decrypt(context.Background(), "key-1", why, c, []byte("context"))
	fmt.Printf("%s %v\n", plaintext, err)

	_, err = kms.KeyMetadata(context.Background(), "key-2", why)
	fmt.Println(err.(*xks.Failure).Wire(xks.CreatingKey))

	// Output:
	// sealed by KMS before <nil>
	// XksKeyNotFoundException: The external key store proxy rejected the request because it could not find the external key.
}
