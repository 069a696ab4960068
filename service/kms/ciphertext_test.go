package kms

import (
	"bytes"
	"strings"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/wire"
)

// TestContextIsUnambiguous: contexts that look alike when they are written one
// after the other are different.
func TestContextIsUnambiguous(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	contexts := []map[string]string{
		nil, {"": ""}, {"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "", "bc": ""}, {"abc": ""}, {"": "abc"}, {"A": "bc"}, {"a": "bc", "": ""},
		{"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1b2"}, {"a\x001\x00b": "2"},
	}
	for i, sealed := range contexts {
		blob := f.encrypt(me, id, "text", sealed)
		for j, given := range contexts {
			in := &api.DecryptRequest{CiphertextBlob: blob, EncryptionContext: given}
			if i == j {
				if got := do[api.DecryptResponse](f, me, in); string(got.Plaintext) != "text" {
					t.Errorf("context %v: got %q", given, got.Plaintext)
				}
				continue
			}
			f.refused(me, in, "InvalidCiphertextException", "")
		}
	}
	if f.decrypt(me, f.encrypt(me, id, "text", map[string]string{}), nil) != "text" {
		t.Error("an empty context is not no context")
	}
	f.refused(me, &api.EncryptRequest{KeyId: id, Plaintext: []byte("x"), EncryptionContext: map[string]string{"k": strings.Repeat("v", maxContext)}}, "ValidationException")
}

// TestFlippedBits: whichever bit of a ciphertext is flipped, it does not open.
// Those of the header name another key, which is not there, or another material.
func TestFlippedBits(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	ctx := map[string]string{"purpose": "test"}
	for _, size := range []int{32, 4096} {
		blob := f.encrypt(me, id, strings.Repeat("x", size), ctx)
		for bit := range 8 * len(blob) {
			if size > 32 && bit > 8*(blobHeader+64) && bit < 8*(len(blob)-20) && bit%61 != 0 {
				continue // the middle of the long one by samples
			}
			bad := bytes.Clone(blob)
			bad[bit/8] ^= 1 << (bit % 8)
			_, err := f.call(me, "Decrypt", &api.DecryptRequest{CiphertextBlob: bad, EncryptionContext: ctx})
			e, ok := err.(*wire.Error)
			named := bit/8 >= 1 && bit/8 < 26 // kind, account and key id
			if !ok || e.Code != "InvalidCiphertextException" && !(named && e.Code == "AccessDeniedException" && e.Message == hiddenKey().Message) {
				t.Fatalf("bit %d of %d: %v", bit, size, err)
			}
			_, err = f.call(me, "Decrypt", &api.DecryptRequest{CiphertextBlob: bad, KeyId: &id, EncryptionContext: ctx})
			e, ok = err.(*wire.Error)
			if !ok || e.Code != "InvalidCiphertextException" && !(named && e.Code == "IncorrectKeyException") {
				t.Fatalf("bit %d of %d with KeyId: %v", bit, size, err)
			}
		}
		for n := range len(blob) {
			if n > blobMin && n%37 != 0 {
				continue
			}
			f.refused(me, &api.DecryptRequest{CiphertextBlob: blob[:n], EncryptionContext: ctx}, "InvalidCiphertextException", "")
		}
		f.refused(me, &api.DecryptRequest{CiphertextBlob: append(bytes.Clone(blob), 0), EncryptionContext: ctx}, "InvalidCiphertextException", "")
	}
}

// TestCiphertextElsewhere: a ciphertext opens with its own key only, in its own
// Region, for whom that key's policy allows.
func TestCiphertextElsewhere(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	key := f.newKey(me, nil)
	another := f.newKey(me, nil).KeyId
	blob := f.encrypt(me, key.KeyId, "text", nil)
	if in := (&api.DecryptRequest{CiphertextBlob: blob, KeyId: &key.KeyId}); string(do[api.DecryptResponse](f, me, in).Plaintext) != "text" {
		t.Error("with KeyId")
	}
	f.refused(me, &api.DecryptRequest{CiphertextBlob: blob, KeyId: &another}, "IncorrectKeyException",
		"The key ID in the request does not identify a CMK that can perform this operation.")
	hidden := "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."
	f.refused(me.in("eu-west-1"), &api.DecryptRequest{CiphertextBlob: blob}, "AccessDeniedException", hidden)
	f.refused(me.in("eu-west-1"), &api.DecryptRequest{CiphertextBlob: blob, KeyId: key.Arn}, "NotFoundException", "Invalid arn us-east-1")
	f.refused(root(other), &api.DecryptRequest{CiphertextBlob: blob}, "AccessDeniedException")
	f.refused(root(other), &api.DecryptRequest{CiphertextBlob: blob, KeyId: key.Arn}, "AccessDeniedException")

	do[api.PutKeyPolicyOutput](f, me, &api.PutKeyPolicyRequest{KeyId: key.KeyId, Policy: allowing("*", `"kms:*"`)})
	for _, id := range []*string{nil, key.Arn, &key.KeyId} {
		if out := do[api.DecryptResponse](f, root(other), &api.DecryptRequest{CiphertextBlob: blob, KeyId: id}); string(out.Plaintext) != "text" || *out.KeyId != *key.Arn {
			t.Errorf("another account: %+v", out)
		}
	}
	// What one account has encrypted does not open with a key of the same id in
	// another, which only a tampered store can have.
	forged := f.newKey(root(other), nil)
	f.refused(root(other), &api.DecryptRequest{CiphertextBlob: blob, KeyId: &forged.KeyId}, "IncorrectKeyException")
}

// TestEachMessageHasItsKey: the same text twice gives nothing in common but the
// header.
func TestEachMessageHasItsKey(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	a, b := f.encrypt(me, id, "text", nil), f.encrypt(me, id, "text", nil)
	if !bytes.Equal(a[:blobHeader], b[:blobHeader]) || bytes.Equal(a[blobHeader:blobHeader+saltSize], b[blobHeader:blobHeader+saltSize]) ||
		bytes.Equal(a[blobHeader+saltSize:], b[blobHeader+saltSize:]) {
		t.Errorf("%x\n%x", a, b)
	}
	if len(f.encrypt(me, id, strings.Repeat("x", 4096), nil)) > 6144 {
		t.Error("the longest ciphertext is longer than Decrypt takes")
	}
}

// TestMaterialDoesNotMove: wrapped material opens only as what it was wrapped
// for.
func TestMaterialDoesNotMove(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	wrapped, err := f.domains.wrap(ctx, region, "material/a", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.domains.unwrap(ctx, region, "material/a", wrapped); err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, c := range []struct{ region, what string }{{region, "material/b"}, {region, "grant token"}, {"eu-west-1", "material/a"}} {
		if _, err := f.domains.unwrap(ctx, c.region, c.what, wrapped); err == nil {
			t.Errorf("opens as %v", c)
		}
	}
	for bit := range 8 * len(wrapped) {
		bad := bytes.Clone(wrapped)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := f.domains.unwrap(ctx, region, "material/a", bad); err == nil {
			t.Errorf("bit %d", bit)
		}
	}
	for _, r := range []string{"", "a/b", "a\x00", strings.Repeat("a", 65)} {
		if _, err := f.domains.wrap(ctx, r, "x", nil); err == nil {
			t.Errorf("Region %q", r)
		}
	}
}
