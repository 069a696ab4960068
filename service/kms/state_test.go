package kms

import (
	"maps"
	"slices"
	"strings"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/store"
)

// keyState is a key in a state, made for one call.
type keyState struct {
	name string
	make func(f *fixture) *api.KeyMetadata
}

// stated are the columns of the table. Unavailable and PendingReplicaDeletion
// are written into the record: here is no key store and no other Region.
var stated = []keyState{
	{"Enabled", func(f *fixture) *api.KeyMetadata { return f.newKey(root(account), nil) }},
	{"Disabled", func(f *fixture) *api.KeyMetadata {
		m := f.newKey(root(account), nil)
		do[api.DisableKeyOutput](f, root(account), &api.DisableKeyRequest{KeyId: m.KeyId})
		return m
	}},
	{"PendingDeletion", func(f *fixture) *api.KeyMetadata {
		m := f.newKey(root(account), nil)
		do[api.ScheduleKeyDeletionResponse](f, root(account), &api.ScheduleKeyDeletionRequest{KeyId: m.KeyId})
		return m
	}},
	{"PendingImport", func(f *fixture) *api.KeyMetadata {
		return f.newKey(root(account), &api.CreateKeyRequest{Origin: api.OriginType_EXTERNAL})
	}},
	{"PendingReplicaDeletion", func(f *fixture) *api.KeyMetadata {
		m := f.newKey(root(account), &api.CreateKeyRequest{MultiRegion: new(true)})
		f.rewrite(keyPath(account, region, m.KeyId), func(k *key) { k.Waiting, k.Window = true, 7 })
		return m
	}},
}

// stateCalls are the rows: a call on a key, and the outcome in each state, in
// the order of stated. . is success; d DisabledException; p pending deletion; i
// pending import; r pending replica deletion; n not pending deletion; x origin
// EXTERNAL is not valid.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
func stateCalls(f *fixture, id string) map[string]struct {
	in   any
	want string
} {
	type call = struct {
		in   any
		want string
	}
	text := []byte("text")
	blob := f.encryptedBy(id, text)
	grant := do[api.CreateGrantResponse](f, root(account), &api.CreateGrantRequest{KeyId: f.newKey(root(account), nil).KeyId,
		GranteePrincipal: new(rootARN(other)), Operations: []api.GrantOperation{api.GrantOperation_Decrypt}})
	alias := "alias/" + strings.ReplaceAll(id, "-", "")
	do[api.CreateAliasOutput](f, root(account), &api.CreateAliasRequest{AliasName: alias, TargetKeyId: f.newKey(root(account), nil).KeyId})
	return map[string]call{
		"CancelKeyDeletion":                   {&api.CancelKeyDeletionRequest{KeyId: id}, "nn.n."},
		"CreateAlias":                         {&api.CreateAliasRequest{AliasName: alias + "2", TargetKeyId: id}, "..p.r"},
		"CreateGrant":                         {&api.CreateGrantRequest{KeyId: id, GranteePrincipal: new(rootARN(other)), Operations: []api.GrantOperation{api.GrantOperation_Decrypt}}, ".dpir"},
		"Decrypt":                             {&api.DecryptRequest{CiphertextBlob: blob}, ".dpir"},
		"DescribeKey":                         {&api.DescribeKeyRequest{KeyId: id}, "....."},
		"DisableKey":                          {&api.DisableKeyRequest{KeyId: id}, "..pir"},
		"DisableKeyRotation":                  {&api.DisableKeyRotationRequest{KeyId: id}, ".dpxr"},
		"EnableKey":                           {&api.EnableKeyRequest{KeyId: id}, "..pir"},
		"EnableKeyRotation":                   {&api.EnableKeyRotationRequest{KeyId: id}, ".dpxr"},
		"Encrypt":                             {&api.EncryptRequest{KeyId: id, Plaintext: text}, ".dpir"},
		"GenerateDataKey":                     {&api.GenerateDataKeyRequest{KeyId: id, KeySpec: api.DataKeySpec_AES_256}, ".dpir"},
		"GenerateDataKeyPair":                 {&api.GenerateDataKeyPairRequest{KeyId: id, KeyPairSpec: api.DataKeyPairSpec_ECC_NIST_P256}, ".dpir"},
		"GenerateDataKeyPairWithoutPlaintext": {&api.GenerateDataKeyPairWithoutPlaintextRequest{KeyId: id, KeyPairSpec: api.DataKeyPairSpec_ECC_NIST_P256}, ".dpir"},
		"GenerateDataKeyWithoutPlaintext":     {&api.GenerateDataKeyWithoutPlaintextRequest{KeyId: id, KeySpec: api.DataKeySpec_AES_256}, ".dpir"},
		"GetKeyLastUsage":                     {&api.GetKeyLastUsageRequest{KeyId: id}, "....."},
		"GetKeyPolicy":                        {&api.GetKeyPolicyRequest{KeyId: id}, "....."},
		"GetKeyRotationStatus":                {&api.GetKeyRotationStatusRequest{KeyId: id}, "....."},
		"ListAliases":                         {&api.ListAliasesRequest{KeyId: &id}, "....."},
		"ListGrants":                          {&api.ListGrantsRequest{KeyId: id}, "....."},
		"ListKeyPolicies":                     {&api.ListKeyPoliciesRequest{KeyId: id}, "....."},
		"ListKeyRotations":                    {&api.ListKeyRotationsRequest{KeyId: id}, "....."},
		"ListResourceTags":                    {&api.ListResourceTagsRequest{KeyId: id}, "....."},
		"PutKeyPolicy":                        {&api.PutKeyPolicyRequest{KeyId: id, Policy: defaultPolicy(account)}, "....."},
		"ReEncrypt":                           {&api.ReEncryptRequest{CiphertextBlob: blob, DestinationKeyId: f.newKey(root(account), nil).KeyId}, ".dpir"},
		"RetireGrant":                         {&api.RetireGrantRequest{GrantToken: grant.GrantToken}, "....."},
		"RotateKeyOnDemand":                   {&api.RotateKeyOnDemandRequest{KeyId: id}, ".dpir"},
		"ScheduleKeyDeletion":                 {&api.ScheduleKeyDeletionRequest{KeyId: id}, "..p.r"},
		"TagResource":                         {&api.TagResourceRequest{KeyId: id, Tags: []api.Tag{{TagKey: "a", TagValue: "b"}}}, "..p.r"},
		"UntagResource":                       {&api.UntagResourceRequest{KeyId: id, TagKeys: []string{"a"}}, "..p.r"},
		"UpdateAlias":                         {&api.UpdateAliasRequest{AliasName: alias, TargetKeyId: id}, "..p.r"},
		"UpdateKeyDescription":                {&api.UpdateKeyDescriptionRequest{KeyId: id, Description: "d"}, "..p.r"},
	}
}

// encryptedBy makes a ciphertext of a key whatever its state.
func (f *fixture) encryptedBy(id string, plaintext []byte) []byte {
	f.t.Helper()
	l, err := f.get(f.t.Context(), keyPath(account, region, id))
	if err != nil {
		f.t.Fatal(err)
	}
	m := &keyMaterial{ID: strings.Repeat("0", 64)}
	secret := make([]byte, 32)
	if l.current != nil {
		m = l.current.record
		if secret, err = l.current.secret(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
	}
	c, err := newCipherMaterial(&l.key, m, secret)
	if err != nil {
		f.t.Fatal(err)
	}
	blob, err := c.seal(plaintext, &encryptionContext{})
	if err != nil {
		f.t.Fatal(err)
	}
	return blob
}

// TestKeyStates walks the table: every operation on a key in every state.
func TestKeyStates(t *testing.T) {
	f := newFixture(t)
	for i, state := range stated {
		example := state.make(f)
		for _, name := range slices.Sorted(maps.Keys(stateCalls(f, example.KeyId))) {
			m := state.make(f) // each call has a key of its own
			arn := *m.Arn
			c := stateCalls(f, m.KeyId)[name]
			_, err := f.call(root(account), name, c.in)
			what := name + " in " + state.name
			switch c.want[i] {
			case '.':
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			case 'd':
				wantError(t, what, err, "DisabledException", arn+" is disabled.")
			case 'p':
				wantError(t, what, err, "KMSInvalidStateException", arn+" is pending deletion.")
			case 'i':
				wantError(t, what, err, "KMSInvalidStateException", arn+" is pending import.")
			case 'r':
				wantError(t, what, err, "KMSInvalidStateException", arn+" is pending replica deletion.")
			case 'n':
				wantError(t, what, err, "KMSInvalidStateException", arn+" is not pending deletion.")
			case 'x':
				wantError(t, what, err, "UnsupportedOperationException", arn+" origin is EXTERNAL which is not valid for this operation.")
			}
		}
	}
}

// rewrite changes a key's record behind the service's back.
func (f *fixture) rewrite(path string, change func(*key)) {
	f.t.Helper()
	_, err := f.kv.Update(f.t.Context(), func(tx store.Tx) error {
		k, err := f.keys.Get(f.t.Context(), tx, path)
		if err != nil {
			return err
		}
		change(k)
		return f.keys.Put(f.t.Context(), tx, path, k)
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// TestAsymmetricKeyStates: operations on keys of other specs are bound by the
// state in the same way.
func TestAsymmetricKeyStates(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	text := make([]byte, 32)
	peer := do[api.GetPublicKeyResponse](f, me, &api.GetPublicKeyRequest{KeyId: f.newKey(me, &api.CreateKeyRequest{
		KeySpec: api.KeySpec_ECC_NIST_P256, KeyUsage: api.KeyUsageType_KEY_AGREEMENT}).KeyId}).PublicKey
	for _, kind := range []struct {
		spec  api.KeySpec
		usage api.KeyUsageType
		calls func(id string) []any
	}{
		{api.KeySpec_ECC_NIST_P256, api.KeyUsageType_SIGN_VERIFY, func(id string) []any {
			return []any{
				&api.SignRequest{KeyId: id, Message: text, SigningAlgorithm: api.SigningAlgorithmSpec_ECDSA_SHA_256},
				&api.VerifyRequest{KeyId: id, Message: text, Signature: text, SigningAlgorithm: api.SigningAlgorithmSpec_ECDSA_SHA_256},
				&api.GetPublicKeyRequest{KeyId: id},
			}
		}},
		{api.KeySpec_HMAC_256, api.KeyUsageType_GENERATE_VERIFY_MAC, func(id string) []any {
			return []any{
				&api.GenerateMacRequest{KeyId: id, Message: text, MacAlgorithm: api.MacAlgorithmSpec_HMAC_SHA_256},
				&api.VerifyMacRequest{KeyId: id, Message: text, Mac: text, MacAlgorithm: api.MacAlgorithmSpec_HMAC_SHA_256},
			}
		}},
		{api.KeySpec_ECC_NIST_P256, api.KeyUsageType_KEY_AGREEMENT, func(id string) []any {
			return []any{&api.DeriveSharedSecretRequest{KeyId: id, PublicKey: peer, KeyAgreementAlgorithm: api.KeyAgreementAlgorithmSpec_ECDH}}
		}},
		{api.KeySpec_ML_KEM_768, api.KeyUsageType_ENCAPSULATE_DECAPSULATE, func(id string) []any {
			return []any{
				&api.EncapsulateRequest{KeyId: id, EncapsulationAlgorithm: api.EncapsulationAlgorithmSpec_ML_KEM},
				&api.DecapsulateRequest{KeyId: id, SharedSecretCiphertextBlob: make([]byte, 1088), EncapsulationAlgorithm: api.EncapsulationAlgorithmSpec_ML_KEM},
			}
		}},
	} {
		m := f.newKey(me, &api.CreateKeyRequest{KeySpec: kind.spec, KeyUsage: kind.usage})
		do[api.DisableKeyOutput](f, me, &api.DisableKeyRequest{KeyId: m.KeyId})
		for _, in := range kind.calls(m.KeyId) {
			f.refused(me, in, "DisabledException", *m.Arn+" is disabled.")
		}
		do[api.ScheduleKeyDeletionResponse](f, me, &api.ScheduleKeyDeletionRequest{KeyId: m.KeyId})
		for _, in := range kind.calls(m.KeyId) {
			f.refused(me, in, "KMSInvalidStateException", *m.Arn+" is pending deletion.")
		}
		m = f.newKey(me, &api.CreateKeyRequest{KeySpec: kind.spec, KeyUsage: kind.usage, Origin: api.OriginType_EXTERNAL})
		for _, in := range kind.calls(m.KeyId) {
			f.refused(me, in, "KMSInvalidStateException", *m.Arn+" is pending import.")
		}
	}
}
