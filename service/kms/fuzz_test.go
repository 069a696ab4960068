package kms

import (
	"errors"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// answered fails the test if an error is none that a caller may see.
func answered(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*wire.Error](err); err != nil && !ok {
		t.Errorf("InternalFailure: %v", err)
	}
}

// at is the fixture within a fuzz target.
func (f *fixture) at(t *testing.T) *fixture {
	c := *f
	c.t = t
	return &c
}

func FuzzDecrypt(f *testing.F) {
	x := newFixture(f)
	me := root(account)
	id := x.newKey(me, nil).KeyId
	text := "what only the key's own ciphertexts hold"
	blob := x.encrypt(me, id, text, nil)
	f.Add(blob, "")
	f.Add(blob, id)
	f.Add(blob[:blobMin], "alias/a")
	f.Fuzz(func(t *testing.T, c []byte, key string) {
		x := x.at(t)
		in := &api.DecryptRequest{CiphertextBlob: c}
		if key != "" {
			in.KeyId = &key
		}
		out, err := x.call(me, "Decrypt", in)
		answered(t, err)
		if err == nil && (string(out.(*api.DecryptResponse).Plaintext) != text || string(c) != string(blob)) {
			t.Errorf("a forged ciphertext opens: %x", c)
		}
		if b, ok := parseBlob(c); ok {
			if got := b.append(nil); string(got) != string(c[:blobHeader]) {
				t.Errorf("%x is read as %x", c[:blobHeader], got)
			}
			if _, err := parseKeyID(b.keyID()); err != nil || len(b.accountID()) != 12 {
				t.Errorf("%x names key %q of %q", c[:blobHeader], b.keyID(), b.accountID())
			}
		}
	})
}

func FuzzRef(f *testing.F) {
	x := newFixture(f)
	for _, s := range []string{"alias/a", "mrk-d3b95762d3b95762d3b95762d3b95762", "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555",
		"arn:aws:kms:us-east-1:111122223333:alias/a", "arn:aws:kms:us-east-1:111122223333:key/alias/a", "arn:", "", "alias/aws/s3", "a/b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		x := x.at(t)
		for _, aliases := range []bool{false, true} {
			r, err := parseRef(&caller.Call{Region: region, Identity: caller.Identity{Account: account}}, s, aliases)
			answered(t, err)
			if err == nil && r.id != "" {
				if id, err := parseKeyID(r.id); err != nil || r.id[:4] != multiPrefix && formatUUID(id) != r.id {
					t.Errorf("%q: key id %q", s, r.id)
				}
			}
		}
		_, err := x.call(root(account), "DescribeKey", &api.DescribeKeyRequest{KeyId: s})
		answered(t, err)
	})
}

func FuzzKeyPolicy(f *testing.F) {
	x := newFixture(f)
	id := x.newKey(root(account), nil).KeyId
	f.Add(defaultPolicy(account), false)
	f.Add(managedPolicy(account, region, "s3"), true)
	f.Add(`{"Statement":[{}]}`, true)
	f.Add("{", false)
	f.Fuzz(func(t *testing.T, document string, bypass bool) {
		x := x.at(t)
		in := &api.PutKeyPolicyRequest{KeyId: id, Policy: document, BypassPolicyLockoutSafetyCheck: &bypass}
		_, err := x.call(root(account), "PutKeyPolicy", in)
		answered(t, err)
		if err != nil {
			return
		}
		l, err := x.get(t.Context(), keyPath(account, region, id)) // what is taken can be used
		if err != nil || l == nil {
			t.Errorf("the key cannot be loaded: %v", err)
		}
		x.rewrite(keyPath(account, region, id), func(k *key) { k.Policy = defaultPolicy(account) })
	})
}

func FuzzTokenAndMarker(f *testing.F) {
	x := newFixture(f)
	me := root(account)
	id := x.newKey(me, nil).KeyId
	g := do[api.CreateGrantResponse](x, me, grantTo(id, rootARN(other), opDecrypt))
	f.Add(*g.GrantToken, *markerAfter("x"))
	f.Add("", "")
	f.Add("AQAAAAE", "TQ")
	f.Fuzz(func(t *testing.T, token, marker string) {
		x := x.at(t)
		if token != *g.GrantToken {
			_, err := x.call(me, "RetireGrant", &api.RetireGrantRequest{GrantToken: &token})
			if err == nil {
				t.Errorf("the token %q retires a grant", token)
			}
			answered(t, err)
		}
		for _, in := range []any{
			&api.ListKeysRequest{Marker: &marker}, &api.ListAliasesRequest{Marker: &marker}, &api.ListAliasesRequest{Marker: &marker, KeyId: &id},
			&api.ListGrantsRequest{KeyId: id, Marker: &marker}, &api.ListGrantsRequest{KeyId: id, Marker: &marker, GranteePrincipal: new(rootARN(other))},
			&api.ListKeyPoliciesRequest{KeyId: id, Marker: &marker}, &api.ListKeyRotationsRequest{KeyId: id, Marker: &marker}, &api.ListResourceTagsRequest{KeyId: id, Marker: &marker},
		} {
			_, err := x.call(me, operationOf(in), in)
			answered(t, err)
		}
		_, err := x.call(me, "RevokeGrant", &api.RevokeGrantRequest{KeyId: id, GrantId: token + marker})
		answered(t, err)
	})
}
