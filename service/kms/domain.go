package kms

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"bartizan.dev/keys"
	"bartizan.dev/store"
)

// Domain keys stand between the root key and key material, one for each Region:
// a material is wrapped under the domain key of its Region (AES-256-GCM, bound to
// its key and its id), a domain key under the root key, in whoever's custody that
// is. So the root key, which may live in an HSM, is asked once for a Region and
// not once for a key.
// https://docs.aws.amazon.com/kms/latest/cryptographic-details/key-hierarchy.html
type domains struct {
	store     store.Store
	custodian keys.Custodian

	mu   sync.RWMutex
	open map[string]cipher.AEAD
}

func newDomains(s store.Store, c keys.Custodian) *domains {
	return &domains{store: s, custodian: c, open: map[string]cipher.AEAD{}}
}

const (
	domainKeys = "domain/"
	domainSize = 32
	// wrapFormat is the first byte of a wrapped material. Four bytes of the domain
	// key's version follow, then nonce, material and tag.
	wrapFormat = 1
	wrapHeader = 5
	wrapMin    = wrapHeader + 12 + 16
)

var errWrapped = errors.New("kms: key material does not open: it was changed, or moved from another key")

// wrap wraps a material, or another secret of the service. what names it.
func (d *domains) wrap(ctx context.Context, region, what string, secret []byte) ([]byte, error) {
	aead, err := d.get(ctx, region)
	if err != nil {
		return nil, err
	}
	out := make([]byte, wrapHeader, wrapMin+len(secret))
	out[0] = wrapFormat
	binary.BigEndian.PutUint32(out[1:], 1)
	return aead.Seal(out, nil, secret, wrapAD(out, what)), nil
}

func (d *domains) unwrap(ctx context.Context, region, what string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < wrapMin || wrapped[0] != wrapFormat || binary.BigEndian.Uint32(wrapped[1:]) != 1 {
		return nil, errWrapped
	}
	aead, err := d.get(ctx, region)
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, nil, wrapped[wrapHeader:], wrapAD(wrapped[:wrapHeader], what))
	if err != nil {
		return nil, errWrapped
	}
	return secret, nil
}

func wrapAD(header []byte, what string) []byte {
	ad := append([]byte("bartizan kms wrap 1\x00"), header[:wrapHeader]...)
	return append(ad, what...)
}

// get returns the domain key of a Region, and makes it when the Region is used
// for the first time.
func (d *domains) get(ctx context.Context, region string) (cipher.AEAD, error) {
	d.mu.RLock()
	aead := d.open[region]
	d.mu.RUnlock()
	if aead != nil {
		return aead, nil
	}
	if region == "" || len(region) > 64 || strings.ContainsAny(region, "/\x00") {
		return nil, fmt.Errorf("kms: %q is not a Region", region)
	}
	wrapped, err := d.record(ctx, region)
	if err != nil {
		return nil, err
	}
	secret, err := d.custodian.Unwrap(ctx, domainPurpose(region), wrapped)
	if err != nil {
		return nil, fmt.Errorf("kms: the domain key of %s is wrapped under another root key (%s): %w", region, d.custodian.Describe(), err)
	}
	defer clear(secret)
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	if aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[region] = aead
	return aead, nil
}

func domainPurpose(region string) string { return "kms/domain/" + region }

// record reads the wrapped domain key of a Region, or makes it.
func (d *domains) record(ctx context.Context, region string) ([]byte, error) {
	name := domainKeys + region + "/1"
	item, err := d.store.Get(ctx, name)
	if !errors.Is(err, store.ErrNotFound) {
		return item.Value, err
	}
	secret := make([]byte, domainSize)
	rand.Read(secret)
	defer clear(secret)
	wrapped, err := d.custodian.Wrap(ctx, domainPurpose(region), secret)
	if err != nil {
		return nil, err
	}
	_, err = d.store.Update(ctx, func(tx store.Tx) error {
		item, err := tx.Get(ctx, name)
		if err == nil { // another node was faster
			wrapped = item.Value
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return tx.Put(ctx, name, wrapped)
	})
	return wrapped, err
}
