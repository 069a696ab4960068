package kms

import (
	"context"
	"encoding/hex"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
)

// loaded is a key ready for use: what a call needs of it, in memory.
//
// It comes from a store.Cache, which asks the store for changes first and makes
// the entry anew when one of the records it was made from has changed. A key
// that was disabled, a policy that was changed, a material that was deleted on
// another node is therefore out of use here within the second that store.Fresh
// bounds; and when the store cannot be asked, the call fails.
type loaded struct {
	key
	name       string // its path
	arn        string
	set        *policy.Set // the key policy
	tags       []policy.Tag
	aliases    []string
	static     []policy.Pair // condition keys that do not depend on the call
	usage      *usage
	algorithms []string
	custom     *customStore // where the key is kept, if not here
	current    *opened
	older      []*opened // further materials, of a symmetric key
	pending    bool      // a material that a key needs was not imported, or was deleted
}

// load makes the entry of a path; nil when there is no such key.
func (s *Service) load(ctx context.Context, r store.Reader, path string) (*loaded, error) {
	k, err := s.keys.Get(ctx, r, path)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l := &loaded{key: *k, name: path, arn: k.arn(), usage: s.usageOf(path)}
	if l.set, err = s.sets.compile(k.Account, k.Policy); err != nil {
		return nil, err
	}
	for _, t := range k.Tags {
		l.tags = append(l.tags, policy.Tag(t))
	}
	if k.Store != "" {
		if l.custom, err = s.stores.Get(ctx, r, k.storePath()); err != nil {
			return nil, err
		}
	}
	names, err := s.aliases.By(ctx, r, "key", path, "", 0)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		_, _, short := splitPath(name)
		l.aliases = append(l.aliases, short)
	}
	l.static = staticConditions(l)
	l.algorithms = material.Algorithms(string(k.Spec), string(k.Usage))
	if err := s.loadMaterials(ctx, r, l); err != nil {
		return nil, err
	}
	return l, nil
}

func (s *Service) loadMaterials(ctx context.Context, r store.Reader, l *loaded) error {
	materials, err := s.materials.List(ctx, r, l.path()+"/", "", 0)
	if err != nil {
		return err
	}
	for _, m := range materials {
		o := &opened{service: s, key: &l.key, record: m.Value}
		switch {
		case m.Value.ID == l.Current:
			l.current = o
		case m.Value.State == api.KeyMaterialState_NON_CURRENT:
			l.older = append(l.older, o)
		default:
			continue // waits for its rotation
		}
		// "To use the key, all of its materials must be imported."
		// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-import-key-material.html
		l.pending = l.pending || len(m.Value.Wrapped) == 0
	}
	l.pending = l.pending || l.current == nil && l.Store == ""
	return nil
}

// expired reports whether an imported material is past its end. Due work
// deletes it then; until that is done it must not be used either.
func (l *loaded) expired(now time.Time) bool {
	if l.Origin != api.OriginType_EXTERNAL {
		return false
	}
	for _, o := range append([]*opened{l.current}, l.older...) {
		if o != nil && o.record.ValidTo != nil && !now.Before(*o.record.ValidTo) {
			return true
		}
	}
	return false
}

// get returns the key of a path, or nil.
func (s *Service) get(ctx context.Context, path string) (*loaded, error) {
	return s.loaded.Get(ctx, path)
}

// opened is a material that is unwrapped when it is used for the first time.
type opened struct {
	service *Service
	key     *key
	record  *keyMaterial

	symmetric atomic.Pointer[cipherMaterial]
	other     atomic.Pointer[material.Key]
}

func materialName(path, id string) string { return "material/" + path + "/" + id }

// secret unwraps the material. Whoever gets it must see to it that it is cleared
// when it is used no more.
func (o *opened) secret(ctx context.Context) ([]byte, error) {
	return o.service.domains.unwrap(ctx, o.key.Region, materialName(o.key.path(), o.record.ID), o.record.Wrapped)
}

// cipher returns the material of a symmetric key.
func (o *opened) cipher(ctx context.Context) (*cipherMaterial, error) {
	if c := o.symmetric.Load(); c != nil {
		return c, nil
	}
	secret, err := o.secret(ctx)
	if err != nil {
		return nil, err
	}
	c, err := newCipherMaterial(o.key, o.record, secret)
	if err != nil {
		return nil, err
	}
	// Nobody can still be using it when the garbage collector finds it, so this
	// does not need to know when a key was disabled or deleted.
	runtime.AddCleanup(c, func(b []byte) { clear(b) }, secret)
	o.symmetric.CompareAndSwap(nil, c)
	return o.symmetric.Load(), nil
}

// byPrefix finds the material that a ciphertext names.
func (l *loaded) byPrefix(prefix []byte) *opened {
	name := hex.EncodeToString(prefix)
	if l.current != nil && strings.HasPrefix(l.current.record.ID, name) {
		return l.current
	}
	for _, o := range l.older {
		if strings.HasPrefix(o.record.ID, name) {
			return o
		}
	}
	return nil
}

// staticConditions are the condition keys of every call on a key.
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
func staticConditions(l *loaded) []policy.Pair {
	one := func(key, value string) policy.Pair { return policy.Pair{Key: key, Values: []string{value}} }
	out := []policy.Pair{
		one("kms:KeySpec", string(l.Spec)),
		one("kms:KeyUsage", string(l.Usage)),
		one("kms:KeyOrigin", string(l.Origin)),
		one("kms:MultiRegion", strconv.FormatBool(l.MultiRegion)),
	}
	if l.MultiRegion {
		kind := api.MultiRegionKeyType_REPLICA
		if l.Primary == l.Region {
			kind = api.MultiRegionKeyType_PRIMARY
		}
		out = append(out, one("kms:MultiRegionKeyType", string(kind)))
	}
	if len(l.aliases) > 0 {
		out = append(out, policy.Pair{Key: "kms:ResourceAliases", Values: l.aliases, Multi: true})
	}
	return out
}

const rootBefore, rootAfter = "arn:" + arn.Partition + ":iam::", ":root"

// rootARN names an account as a principal.
func rootARN(account string) string { return rootBefore + account + rootAfter }
