package sns

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"time"

	"bartizan.dev/store"
)

// signerRecord is the key that messages are signed with, and its certificate.
type signerRecord struct{ Key, Certificate []byte }

// signer signs messages.
type signer struct {
	key  *rsa.PrivateKey
	pem  []byte
	path string // of the certificate on this server
}

const signerID = "key"

// signerFor returns the signer, which the first message makes: one for all nodes.
func (s *Service) signerFor(ctx context.Context) (*signer, error) {
	s.signing.Lock()
	defer s.signing.Unlock()
	if s.signer != nil {
		return s.signer, nil
	}
	r, err := s.signers.Get(ctx, s.Store, signerID)
	if errors.Is(err, store.ErrNotFound) {
		if r, err = newSigner(s.now()); err != nil {
			return nil, err
		}
		_, err = s.Store.Update(ctx, func(tx store.Tx) error { return s.signers.Insert(ctx, tx, signerID, r) })
		if errors.Is(err, store.ErrExists) { // another node's
			r, err = s.signers.Get(ctx, s.Store, signerID)
		}
	}
	if err != nil {
		return nil, err
	}
	s.signer, err = r.open()
	return s.signer, err
}

func newSigner(now time.Time) (*signerRecord, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, DNSNames: []string{"sns.amazonaws.com"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return &signerRecord{private, certificate}, err
}

func (r *signerRecord) open() (*signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(r.Key)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("sns: the key that signs messages is no RSA key")
	}
	sum := sha256.Sum256(r.Certificate)
	return &signer{private, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}),
		"/_bartizan/sns/SimpleNotificationService-" + hex.EncodeToString(sum[:16]) + ".pem"}, nil
}

// sign signs for SignatureVersion 1, which is SHA-1, or 2, which is SHA-256. That
// version 1 is weak is known; AWS signs so unless the topic says otherwise, and
// endpoints that know nothing else must be able to read what they get.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
func (k *signer) sign(version, text string) (string, error) {
	hash, sum := crypto.SHA1, []byte(nil)
	if version == "2" {
		d := sha256.Sum256([]byte(text))
		hash, sum = crypto.SHA256, d[:]
	} else {
		d := sha1.Sum([]byte(text))
		sum = d[:]
	}
	signature, err := rsa.SignPKCS1v15(nil, k.key, hash, sum)
	return base64.StdEncoding.EncodeToString(signature), err
}

// Handler serves the certificate, below /_bartizan/sns/.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, err := s.signerFor(r.Context())
		if err != nil {
			http.Error(w, "not available", http.StatusInternalServerError)
			s.Log.Error("the certificate for messages cannot be served", "cause", err)
			return
		}
		if r.Method != http.MethodGet || r.URL.Path != k.path {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(k.pem) // nobody is left to be told
	})
}
