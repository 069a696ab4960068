package kms

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/policy/reference"
)

// conditioned is a call and the values that condition keys have in it, besides
// those of every call on its key.
type conditioned struct {
	operation string // empty: the action's name
	who       as
	in        any
	values    map[string]string
}

// notHere are the actions and keys of the reference that no call here has.
var notHere = map[string]string{
	"SynchronizeMultiRegionKey": "AWS's own, for replicas: it is no operation",
	"kms:RecipientAttestation:": "there are no enclaves: Recipient is refused",
	"GenerateRandom kms:":       "it knows only the keys of Recipient",
	"CreateKey kms:ViaService":  "no service makes customer managed keys",
	"aws:":                      "global keys are the gateway's, tags are tested with TagResource",
}

func excused(action, key string) bool {
	for what := range notHere {
		if strings.HasPrefix(key, what) || strings.HasPrefix(action+" "+key, what) {
			return true
		}
	}
	return false
}

// conditionCalls are calls that have all the condition keys of their actions.
func conditionCalls(f *fixture) map[string]conditioned {
	me := root(account)
	via := user(account, "ann").by("secretsmanager") // root would need no policy
	text := make([]byte, 32)
	key := func(spec api.KeySpec, usage api.KeyUsageType) (id, alias string) {
		id = f.newKey(me, &api.CreateKeyRequest{KeySpec: spec, KeyUsage: usage, MultiRegion: new(true)}).KeyId
		alias = "alias/" + string(usage)
		do[api.CreateAliasOutput](f, me, &api.CreateAliasRequest{AliasName: alias, TargetKeyId: id})
		return id, alias
	}
	id, alias := key(api.KeySpec_SYMMETRIC_DEFAULT, api.KeyUsageType_ENCRYPT_DECRYPT)
	_, sign := key(api.KeySpec_ECC_NIST_P256, api.KeyUsageType_SIGN_VERIFY)
	_, mac := key(api.KeySpec_HMAC_256, api.KeyUsageType_GENERATE_VERIFY_MAC)
	_, ecdh := key(api.KeySpec_ECC_NIST_P256, api.KeyUsageType_KEY_AGREEMENT)
	_, kem := key(api.KeySpec_ML_KEM_512, api.KeyUsageType_ENCAPSULATE_DECAPSULATE)
	grant := &api.CreateGrantRequest{
		KeyId: id, GranteePrincipal: new(rootARN(other)), RetiringPrincipal: new(rootARN(account)), Operations: []api.GrantOperation{api.GrantOperation_Decrypt},
		Constraints: &api.GrantConstraints{EncryptionContextEquals: map[string]string{"a": "b"}},
	}
	made := do[api.CreateGrantResponse](f, me, grant)
	grant.Constraints = &api.GrantConstraints{EncryptionContextSubset: map[string]string{"a": "b"}, SourceArn: new("arn:aws:s3:::bucket")}
	grant.GranteeServicePrincipal, grant.RetiringServicePrincipal = new("s3.amazonaws.com"), new("s3.amazonaws.com")
	ec := map[string]string{"a": "b"}
	ecKeys := map[string]string{"kms:EncryptionContext:${EncryptionContextKey}": "b", "kms:EncryptionContextKeys": "a"}
	and := func(more ...string) map[string]string {
		out := map[string]string{"kms:RequestAlias": alias, "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
		for k, v := range ecKeys {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	plain := func(in any, more ...string) conditioned {
		values := map[string]string{}
		for i := 0; i < len(more); i += 2 {
			values[more[i]] = more[i+1]
		}
		return conditioned{who: via, in: in, values: values}
	}
	blob := f.encrypt(me, id, "text", ec)
	re := conditioned{"ReEncrypt", via, &api.ReEncryptRequest{CiphertextBlob: blob, SourceKeyId: &alias, SourceEncryptionContext: ec, DestinationKeyId: alias, DestinationEncryptionContext: ec}, and("kms:ReEncryptOnSameKey", "true")}
	f.clock.Advance(49 * time.Hour) // since the last use
	return map[string]conditioned{
		"CancelKeyDeletion": plain(&api.CancelKeyDeletionRequest{KeyId: id}),
		"CreateAlias":       plain(&api.CreateAliasRequest{AliasName: "alias/new", TargetKeyId: id}),
		"CreateGrant": plain(grant, "kms:EncryptionContext:${EncryptionContextKey}", "b", "kms:EncryptionContextKeys", "a", "kms:GrantConstraintSourceArn", "arn:aws:s3:::bucket",
			"kms:GrantConstraintType", "EncryptionContextSubset", "kms:GrantIsForAWSResource", "true", "kms:GrantOperations", "Decrypt", "kms:GranteePrincipal", rootARN(other),
			"kms:RetiringPrincipal", rootARN(account), "kms:GranteeServicePrincipal", "s3.amazonaws.com", "kms:RetiringServicePrincipal", "s3.amazonaws.com"),
		"CreateKey": plain(&api.CreateKeyRequest{KeySpec: api.KeySpec_HMAC_512, KeyUsage: api.KeyUsageType_GENERATE_VERIFY_MAC, MultiRegion: new(true), BypassPolicyLockoutSafetyCheck: new(true)},
			"kms:BypassPolicyLockoutSafetyCheck", "true", "kms:KeyOrigin", "AWS_KMS", "kms:KeySpec", "HMAC_512", "kms:KeyUsage", "GENERATE_VERIFY_MAC", "kms:MultiRegion", "true", "kms:MultiRegionKeyType", "PRIMARY"),
		"Decapsulate":                         plain(&api.DecapsulateRequest{KeyId: kem, SharedSecretCiphertextBlob: text, EncapsulationAlgorithm: "ML_KEM"}, "kms:RequestAlias", kem, "kms:EncapsulationAlgorithm", "ML_KEM"),
		"Encapsulate":                         plain(&api.EncapsulateRequest{KeyId: kem, EncapsulationAlgorithm: "ML_KEM"}, "kms:RequestAlias", kem, "kms:EncapsulationAlgorithm", "ML_KEM"),
		"Decrypt":                             {"", via, &api.DecryptRequest{CiphertextBlob: blob, KeyId: &alias, EncryptionContext: ec}, and()},
		"DeleteAlias":                         plain(&api.DeleteAliasRequest{AliasName: alias}),
		"DeriveSharedSecret":                  plain(&api.DeriveSharedSecretRequest{KeyId: ecdh, PublicKey: text, KeyAgreementAlgorithm: "ECDH"}, "kms:RequestAlias", ecdh, "kms:KeyAgreementAlgorithm", "ECDH"),
		"DescribeKey":                         plain(&api.DescribeKeyRequest{KeyId: alias}, "kms:RequestAlias", alias),
		"DisableKey":                          plain(&api.DisableKeyRequest{KeyId: id}, "kms:TrailingDaysWithoutKeyUsage", "2"),
		"DisableKeyRotation":                  plain(&api.DisableKeyRotationRequest{KeyId: id}),
		"EnableKey":                           plain(&api.EnableKeyRequest{KeyId: id}),
		"EnableKeyRotation":                   plain(&api.EnableKeyRotationRequest{KeyId: id, RotationPeriodInDays: new(int32(100))}, "kms:RotationPeriodInDays", "100"),
		"Encrypt":                             {"", via, &api.EncryptRequest{KeyId: alias, Plaintext: text, EncryptionContext: ec}, and()},
		"GenerateDataKey":                     {"", via, &api.GenerateDataKeyRequest{KeyId: alias, EncryptionContext: ec}, and()},
		"GenerateDataKeyPair":                 {"", via, &api.GenerateDataKeyPairRequest{KeyId: alias, EncryptionContext: ec, KeyPairSpec: "RSA_2048"}, and("kms:DataKeyPairSpec", "RSA_2048")},
		"GenerateDataKeyPairWithoutPlaintext": {"", via, &api.GenerateDataKeyPairWithoutPlaintextRequest{KeyId: alias, EncryptionContext: ec, KeyPairSpec: "RSA_2048"}, and("kms:DataKeyPairSpec", "RSA_2048")},
		"GenerateDataKeyWithoutPlaintext":     {"", via, &api.GenerateDataKeyWithoutPlaintextRequest{KeyId: alias, EncryptionContext: ec}, and()},
		"GenerateMac":                         plain(&api.GenerateMacRequest{KeyId: mac, Message: text, MacAlgorithm: "HMAC_SHA_256"}, "kms:RequestAlias", mac, "kms:MacAlgorithm", "HMAC_SHA_256"),
		"GenerateRandom":                      plain(&api.GenerateRandomRequest{}),
		"GetKeyLastUsage":                     plain(&api.GetKeyLastUsageRequest{KeyId: id}),
		"GetKeyPolicy":                        plain(&api.GetKeyPolicyRequest{KeyId: id}),
		"GetKeyRotationStatus":                plain(&api.GetKeyRotationStatusRequest{KeyId: id}),
		"GetPublicKey":                        plain(&api.GetPublicKeyRequest{KeyId: sign}, "kms:RequestAlias", sign),
		"ListAliases":                         plain(&api.ListAliasesRequest{}),
		"ListGrants":                          plain(&api.ListGrantsRequest{KeyId: id}, "kms:GrantIsForAWSResource", "true"),
		"ListKeyPolicies":                     plain(&api.ListKeyPoliciesRequest{KeyId: id}),
		"ListKeyRotations":                    plain(&api.ListKeyRotationsRequest{KeyId: id}),
		"ListKeys":                            plain(&api.ListKeysRequest{}),
		"ListResourceTags":                    plain(&api.ListResourceTagsRequest{KeyId: id}),
		"ListRetirableGrants":                 plain(&api.ListRetirableGrantsRequest{}),
		"PutKeyPolicy":                        plain(&api.PutKeyPolicyRequest{KeyId: id, BypassPolicyLockoutSafetyCheck: new(true)}, "kms:BypassPolicyLockoutSafetyCheck", "true"),
		"ReEncryptFrom":                       re,
		"ReEncryptTo":                         re,
		"RetireGrant": plain(&api.RetireGrantRequest{KeyId: new(keyARN(account, region, id)), GrantId: made.GrantId}, "kms:EncryptionContext:${EncryptionContextKey}", "b",
			"kms:EncryptionContextKeys", "a", "kms:GrantConstraintType", "EncryptionContextEquals"),
		"RevokeGrant":          plain(&api.RevokeGrantRequest{KeyId: id, GrantId: *made.GrantId}, "kms:GrantIsForAWSResource", "true"),
		"RotateKeyOnDemand":    plain(&api.RotateKeyOnDemandRequest{KeyId: id}),
		"ScheduleKeyDeletion":  plain(&api.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: new(int32(9))}, "kms:ScheduleKeyDeletionPendingWindowInDays", "9", "kms:TrailingDaysWithoutKeyUsage", "2"),
		"Sign":                 plain(&api.SignRequest{KeyId: sign, Message: text, SigningAlgorithm: "ECDSA_SHA_256", MessageType: "DIGEST"}, "kms:RequestAlias", sign, "kms:SigningAlgorithm", "ECDSA_SHA_256", "kms:MessageType", "DIGEST"),
		"Verify":               plain(&api.VerifyRequest{KeyId: sign, Message: text, SigningAlgorithm: "ECDSA_SHA_256"}, "kms:RequestAlias", sign, "kms:SigningAlgorithm", "ECDSA_SHA_256", "kms:MessageType", "RAW"),
		"TagResource":          plain(&api.TagResourceRequest{KeyId: id}),
		"UntagResource":        plain(&api.UntagResourceRequest{KeyId: id}),
		"UpdateAlias":          plain(&api.UpdateAliasRequest{AliasName: alias, TargetKeyId: id}),
		"UpdateKeyDescription": plain(&api.UpdateKeyDescriptionRequest{KeyId: id}),
		"VerifyMac":            plain(&api.VerifyMacRequest{KeyId: mac, Message: text, Mac: text, MacAlgorithm: "HMAC_SHA_256"}, "kms:RequestAlias", mac, "kms:MacAlgorithm", "HMAC_SHA_256"),
		// Of imported material and multi-Region keys.
		"DeleteImportedKeyMaterial": plain(&api.DeleteImportedKeyMaterialRequest{KeyId: id}),
		"GetParametersForImport": plain(&api.GetParametersForImportRequest{KeyId: id, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048"},
			"kms:WrappingAlgorithm", "RSAES_OAEP_SHA_256", "kms:WrappingKeySpec", "RSA_2048"),
		"ImportKeyMaterial": plain(&api.ImportKeyMaterialRequest{KeyId: id, ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
			"kms:ExpirationModel", "KEY_MATERIAL_EXPIRES", "kms:ValidTo", "2030-01-02T03:04:05Z"),
		"ReplicateKey":             plain(&api.ReplicateKeyRequest{KeyId: id, ReplicaRegion: "eu-west-1"}, "kms:ReplicaRegion", "eu-west-1"),
		"UpdatePrimaryRegion":      plain(&api.UpdatePrimaryRegionRequest{KeyId: id, PrimaryRegion: "eu-west-1"}, "kms:PrimaryRegion", "eu-west-1"),
		"ConnectCustomKeyStore":    plain(&api.ConnectCustomKeyStoreRequest{}),
		"CreateCustomKeyStore":     plain(&api.CreateCustomKeyStoreRequest{}),
		"DeleteCustomKeyStore":     plain(&api.DeleteCustomKeyStoreRequest{}),
		"DescribeCustomKeyStores":  plain(&api.DescribeCustomKeyStoresRequest{}),
		"DisconnectCustomKeyStore": plain(&api.DisconnectCustomKeyStoreRequest{}),
		"UpdateCustomKeyStore":     plain(&api.UpdateCustomKeyStoreRequest{}),
	}
}

// TestConditionKeys: for each action and each of its keys in AWS's service
// authorization reference, a policy that asks for the right value allows, and
// one that asks for another denies.
func TestConditionKeys(t *testing.T) {
	f := newFixture(t)
	calls := conditionCalls(f)
	service, ok := reference.Open().Service("kms")
	if !ok {
		t.Fatal("the reference does not know kms")
	}
	checked := 0
	for i := range service.Actions {
		action := &service.Actions[i]
		if notHere[action.Name] != "" {
			continue
		}
		c, ok := calls[action.Name]
		if !ok {
			t.Errorf("%s has no call", action.Name)
			continue
		}
		if c.operation == "" {
			c.operation = action.Name
		}
		if f.rules[c.operation].Absent {
			continue
		}
		keys := action.Keys
		for _, r := range action.Resources {
			if r.Type.Name == "key" {
				keys = append(keys[:len(keys):len(keys)], r.Type.Keys...)
			}
		}
		for _, key := range keys {
			if !excused(action.Name, key.Name) {
				f.checkCondition(action.Name, key, &c)
				checked++
			}
		}
	}
	if checked < 300 {
		t.Errorf("%d keys were checked", checked)
	}
}

func (f *fixture) checkCondition(action string, key *reference.ConditionKey, c *conditioned) {
	f.t.Helper()
	name, multi := strings.Replace(key.Name, "${EncryptionContextKey}", "a", 1), key.Multi
	right, ok := c.values[key.Name]
	if !ok {
		right, ok = f.everyCall(key.Name, c)
	}
	if !ok {
		f.t.Errorf("%s: no value is known of %s", action, key.Name)
		return
	}
	for _, test := range []struct {
		value string
		allow bool
	}{{right, true}, {right + "x", false}} {
		operator := "StringEquals"
		if multi || key.Name == "kms:GrantConstraintType" && action == "CreateGrant" { // has two values here
			operator = "ForAnyValue:StringEquals"
		}
		doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{
			map[string]any{"Effect": "Allow", "NotAction": "kms:" + action, "Resource": "*"},
			map[string]any{"Effect": "Allow", "Action": "kms:" + action, "Resource": []string{"arn:aws:kms:*:*:key/*"}, "Condition": map[string]any{operator: map[string]string{name: test.value}}},
			map[string]any{"Effect": "Allow", "Action": "kms:" + action, "Resource": []string{"arn:aws:kms:*:*:alias/*"}},
		}})
		if err != nil {
			f.t.Fatal(err)
		}
		text := string(doc)
		if !onKey(action) {
			text = strings.Replace(text, `["arn:aws:kms:*:*:key/*"]`, `"*"`, 1)
		}
		_, err = f.decide(c.who.with(text), c.operation, c.in)
		if (err == nil) != test.allow {
			f.t.Errorf("%s with %s=%s: %v, want allowed %v", action, name, test.value, err, test.allow)
		}
	}
}

// onKey reports whether an action is one on a key.
func onKey(action string) bool {
	return action != "CreateKey" && action != "GenerateRandom" && !strings.Contains(action, "CustomKeyStore")
}

// everyCall is the value of a key that every call on a key has.
func (f *fixture) everyCall(key string, c *conditioned) (string, bool) {
	switch key {
	case "kms:CallerAccount":
		return account, true
	case "kms:ViaService":
		return "secretsmanager." + region + ".amazonaws.com", true
	case "kms:MultiRegion":
		return "true", true
	case "kms:MultiRegionKeyType":
		return "PRIMARY", true
	case "kms:KeyOrigin":
		return "AWS_KMS", true
	case "kms:KeyUsage", "kms:KeySpec", "kms:ResourceAliases":
		alias := c.values["kms:RequestAlias"]
		if alias == "" {
			alias = "alias/ENCRYPT_DECRYPT"
		}
		usage := strings.TrimPrefix(alias, "alias/")
		spec := map[string]string{"ENCRYPT_DECRYPT": "SYMMETRIC_DEFAULT", "SIGN_VERIFY": "ECC_NIST_P256", "GENERATE_VERIFY_MAC": "HMAC_256", "KEY_AGREEMENT": "ECC_NIST_P256", "ENCAPSULATE_DECAPSULATE": "ML_KEM_512"}[usage]
		return map[string]string{"kms:KeyUsage": usage, "kms:KeySpec": spec, "kms:ResourceAliases": alias}[key], true
	}
	return "", false
}
