package redshift

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"

	"bartizan.dev/keys"
	"bartizan.dev/store"
)

// The hierarchy of keys is Redshift's: a cluster key stays in the HSM, and wraps
// the database key, which the cluster keeps wrapped and unwraps when it starts.
// https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html

var (
	// ErrCertificate is returned for a certificate that is not registered, or no
	// longer.
	ErrCertificate = errors.New("redshift: the certificate is not registered")
	// ErrKeyName is returned for what cannot name a cluster key.
	ErrKeyName = errors.New("redshift: a cluster key's name has 1 to 63 letters, digits and hyphens")
)

// Holder is who holds a client certificate.
type Holder struct {
	Account, Region, Certificate string
}

// Holder returns who holds a certificate, now: ask again for each use. That the
// holder has the key, TLS has found out.
func (s *Service) Holder(ctx context.Context, c *x509.Certificate) (*Holder, error) {
	e, err := s.certificates.OneBy(ctx, s.Store, "fingerprint", fingerprint(c.Raw))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrCertificate
	} else if err != nil {
		return nil, err
	}
	if now := s.Now(); now.Before(c.NotBefore) || now.After(c.NotAfter) {
		return nil, ErrCertificate
	}
	return &Holder{e.Value.Account, e.Value.Region, e.Value.ID}, nil
}

// Use logs the holder of a certificate in to a partition and runs fn with the
// cluster key of a name. The partition must stand in a configuration of the
// holder's account and Region; whether the password is right, the HSM says.
func (s *Service) Use(ctx context.Context, h *Holder, partition, password, key string, fn func(*ClusterKey) error) (err error) {
	if !validKey(key) {
		return ErrKeyName
	}
	entries, err := s.configurations.List(ctx, s.Store, place{h.Account, h.Region}.prefix(), "", 0)
	if err != nil {
		return err
	}
	configured := false
	for _, e := range entries {
		configured = configured || e.Value.Partition == partition
	}
	if !configured {
		return ErrPartition
	}
	v, err := s.Partition(ctx, h.Account, h.Region, partition, password)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return fn(&ClusterKey{vault: v, label: "redshift/" + key, bound: []byte("bartizan redshift 1\x00" + h.Account + "\x00" + h.Region + "\x00" + key)})
}

func validKey(name string) bool {
	if name == "" || len(name) > 63 {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ClusterKey is a cluster's key in the HSM. Its label has a prefix of its own: a
// certificate gives no right to what KMS keeps in the same partition.
type ClusterKey struct {
	vault keys.Vault
	label string
	bound []byte
}

// Create makes the key.
func (k *ClusterKey) Create(ctx context.Context) error { return k.vault.Create(ctx, k.label) }

// NewDatabaseKey makes a database key of 256 bits and wraps it.
func (k *ClusterKey) NewDatabaseKey(ctx context.Context) (plaintext, wrapped []byte, err error) {
	plaintext = make([]byte, 32)
	rand.Read(plaintext) // never fails
	wrapped, err = k.vault.Seal(ctx, k.label, plaintext, k.bound)
	return plaintext, wrapped, err
}

// Unwrap unwraps a database key.
func (k *ClusterKey) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.vault.Open(ctx, k.label, wrapped, k.bound)
}
