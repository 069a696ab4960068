package cloudtrail

import (
	"context"
	"crypto"
	"crypto/md5" // the form of a fingerprint, which protects nothing
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"bartizan.dev/store"
)

// validity is how long a key pair signs digests before another takes its place.
const validity = 30 * 24 * time.Hour

// keyPair signs the digests of an account in a Region for a time. The private
// key never leaves the store, which seals it.
type keyPair struct {
	Private     []byte // PKCS #8
	Public      []byte // PKCS #1, DER
	Fingerprint string
	From, To    time.Time
}

func keyPrefix(at place) string { return at.account + "/" + at.region + "/" }

// signer returns the key pair for a digest that ends at a time, which is made if
// there is none yet.
func (s *Service) signer(ctx context.Context, at place, end time.Time) (*keyPair, error) {
	k, err := s.keyAt(ctx, s.Store, at, end)
	if err != nil || k != nil {
		return k, err
	}
	fresh, err := newKeyPair(end.UTC().Truncate(24 * time.Hour))
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if k, err = s.keyAt(ctx, tx, at, end); err != nil || k != nil {
			return err
		}
		k = fresh
		return s.keys.Insert(ctx, tx, fmt.Sprintf("%s%020d", keyPrefix(at), fresh.From.Unix()), fresh)
	})
	return k, err
}

// keyAt is the key pair that is valid at a time, or nil.
func (s *Service) keyAt(ctx context.Context, r store.Reader, at place, when time.Time) (*keyPair, error) {
	list, err := s.keys.List(ctx, r, keyPrefix(at), "", 0)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if k := e.Value; !when.Before(k.From) && when.Before(k.To) {
			return k, nil
		}
	}
	return nil, nil
}

func newKeyPair(from time.Time) (*keyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	sum := md5.Sum(public)
	return &keyPair{Private: private, Public: public, Fingerprint: hex.EncodeToString(sum[:]), From: from, To: from.Add(validity)}, nil
}

// sign returns the signature of a text in hex, SHA256withRSA: of the same text
// always the same.
func (k *keyPair) sign(text string) (string, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return "", err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("cloudtrail: a signing key is not of RSA")
	}
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	return hex.EncodeToString(sig), err
}
