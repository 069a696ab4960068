package kms

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	api "bartizan.dev/api/kms"
)

// TestConcurrent: many use, change and grant one key at once. Nobody meets an
// error that the model does not know, and everything that was encrypted opens.
func TestConcurrent(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	var mu sync.Mutex
	var blobs [][]byte
	var wg sync.WaitGroup
	run := func(n int, do func(i int) error) {
		for w := range n {
			wg.Go(func() {
				for i := range 25 {
					if err := do(w*100 + i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	call := func(a as, in any) error {
		_, err := f.call(a, operationOf(in), in)
		return err
	}
	run(4, func(i int) error {
		out, err := f.call(me, "Encrypt", &api.EncryptRequest{KeyId: id, Plaintext: fmt.Append(nil, i)})
		if err == nil {
			mu.Lock()
			blobs = append(blobs, out.(*api.EncryptResponse).CiphertextBlob)
			mu.Unlock()
		}
		return err
	})
	run(4, func(i int) error {
		name := fmt.Sprintf("u%d", i)
		out, err := f.call(me, "CreateGrant", grantTo(id, "arn:aws:iam::"+account+":user/"+name, opEncrypt))
		if err != nil {
			return err
		}
		granted := user(account, name).with(nothing)
		if err := call(granted, &api.EncryptRequest{KeyId: id, Plaintext: []byte("x")}); err != nil {
			return fmt.Errorf("granted: %w", err)
		}
		if err := call(me, &api.RevokeGrantRequest{KeyId: id, GrantId: *out.(*api.CreateGrantResponse).GrantId}); err != nil {
			return err
		}
		if call(granted, &api.EncryptRequest{KeyId: id, Plaintext: []byte("x")}) == nil {
			return fmt.Errorf("%s encrypts after its grant was revoked", name)
		}
		return nil
	})
	run(1, func(int) error { return call(me, &api.RotateKeyOnDemandRequest{KeyId: id}) })
	run(1, func(i int) error {
		return call(me, &api.UpdateKeyDescriptionRequest{KeyId: id, Description: fmt.Sprint(i)})
	})
	run(1, func(i int) error {
		return call(me, &api.PutKeyPolicyRequest{KeyId: id, Policy: defaultPolicy(account)})
	})
	run(1, func(int) error { return f.Flush(t.Context()) })
	wg.Wait()
	for _, blob := range blobs {
		f.decrypt(me, blob, nil)
	}
	if n := len(f.materialsOf(me, id)); n != 26 || len(blobs) != 100 {
		t.Errorf("%d materials, %d ciphertexts", n, len(blobs))
	}
	if left := do[api.ListGrantsResponse](f, me, &api.ListGrantsRequest{KeyId: id}).Grants; len(left) != 0 {
		t.Errorf("%d grants are left", len(left))
	}
	if n, err := f.grantCount(t.Context(), f.kv, keyPath(account, region, id)); n != 0 || err != nil {
		t.Errorf("%d grants are counted: %v", n, err)
	}
}

// modelKey is what a key must be by what was done with it.
type modelKey struct {
	disabled, pending bool
	due               time.Time
	materials         int
	blobs             [][]byte
	grants            map[string]bool
	description       string
	aliases           map[string]bool
}

// TestRandomSequences does random operations and compares what can be seen with
// a simple model. The seed is in the name of the subtest.
func TestRandomSequences(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &walk{fixture: newFixture(t), r: rand.New(rand.NewPCG(seed, 4)), keys: map[string]*modelKey{}}
			for range 250 {
				w.step()
			}
			w.compare()
		})
	}
}

type walk struct {
	*fixture
	r    *rand.Rand
	keys map[string]*modelKey
	ids  []string
	next int
}

// expect makes a call that must succeed or fail as the model says.
func (w *walk) expect(ok bool, in any) any {
	w.t.Helper()
	out, err := w.call(root(account), operationOf(in), in)
	if (err == nil) != ok {
		w.t.Fatalf("%s %+v: %v, want success %v", operationOf(in), in, err, ok)
	}
	return out
}

func (w *walk) step() {
	w.t.Helper()
	if len(w.ids) == 0 || w.r.IntN(12) == 0 {
		id := w.newKey(root(account), nil).KeyId
		w.ids = append(w.ids, id)
		w.keys[id] = &modelKey{materials: 1, grants: map[string]bool{}, aliases: map[string]bool{}}
		return
	}
	id := w.ids[w.r.IntN(len(w.ids))]
	k := w.keys[id]
	there := k != nil
	if !there {
		k = &modelKey{}
	}
	living := there && !k.pending
	enabled := living && !k.disabled
	switch w.r.IntN(11) {
	case 0, 1:
		if out := w.expect(enabled, &api.EncryptRequest{KeyId: id, Plaintext: []byte(id)}); enabled {
			k.blobs = append(k.blobs, out.(*api.EncryptResponse).CiphertextBlob)
		}
	case 2:
		w.expect(living, &api.DisableKeyRequest{KeyId: id})
		k.disabled = k.disabled || living
	case 3, 4:
		w.expect(living, &api.EnableKeyRequest{KeyId: id})
		k.disabled = k.disabled && !living
	case 5:
		if ok := enabled && k.materials < 26; ok {
			w.expect(ok, &api.RotateKeyOnDemandRequest{KeyId: id})
			k.materials++
		}
	case 6:
		w.expect(living, &api.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: new(int32(7))})
		if living {
			k.pending, k.due = true, w.clock.Now().Add(7*day)
		}
	case 7:
		w.expect(there && k.pending, &api.CancelKeyDeletionRequest{KeyId: id})
		if there && k.pending {
			k.pending, k.disabled = false, true
		}
	case 8:
		if out := w.expect(enabled, grantTo(id, rootARN(other), opEncrypt)); enabled {
			k.grants[*out.(*api.CreateGrantResponse).GrantId] = true
		}
		for g := range k.grants {
			if w.r.IntN(2) == 0 {
				w.expect(true, &api.RevokeGrantRequest{KeyId: id, GrantId: g})
				delete(k.grants, g)
			}
			break
		}
	case 9:
		w.next++
		name := fmt.Sprintf("alias/n%d", w.next)
		w.expect(living, &api.CreateAliasRequest{AliasName: name, TargetKeyId: id})
		if living {
			k.aliases[name] = true
		}
		k.description = name
		w.expect(living, &api.UpdateKeyDescriptionRequest{KeyId: id, Description: name})
	case 10:
		w.advance(3 * day)
		for id, k := range w.keys {
			if k.pending && !w.clock.Now().Before(k.due) {
				delete(w.keys, id)
			}
		}
	}
}

func (w *walk) compare() {
	w.t.Helper()
	me := root(account)
	if n := len(do[api.ListKeysResponse](w.fixture, me, &api.ListKeysRequest{}).Keys); n != len(w.keys) {
		w.t.Errorf("%d keys, want %d", n, len(w.keys))
	}
	for id, k := range w.keys {
		m := do[api.DescribeKeyResponse](w.fixture, me, &api.DescribeKeyRequest{KeyId: id}).KeyMetadata
		want := api.KeyState_Enabled
		if k.pending {
			want = api.KeyState_PendingDeletion
		} else if k.disabled {
			want = api.KeyState_Disabled
		}
		if m.KeyState != want || len(w.materialsOf(me, id)) != k.materials {
			w.t.Errorf("%s is %s with %d materials, want %s with %d", id, m.KeyState, len(w.materialsOf(me, id)), want, k.materials)
		}
		if n := len(do[api.ListGrantsResponse](w.fixture, me, &api.ListGrantsRequest{KeyId: id}).Grants); n != len(k.grants) {
			w.t.Errorf("%s has %d grants, want %d", id, n, len(k.grants))
		}
		if n := len(do[api.ListAliasesResponse](w.fixture, me, &api.ListAliasesRequest{KeyId: &id}).Aliases); n != len(k.aliases) {
			w.t.Errorf("%s has %d aliases, want %d", id, n, len(k.aliases))
		}
		if want != api.KeyState_Enabled {
			continue
		}
		for _, blob := range k.blobs {
			if w.decrypt(me, blob, nil) != id {
				w.t.Errorf("%s: a ciphertext opens wrongly", id)
			}
		}
	}
}
