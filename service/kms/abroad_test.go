package kms

import (
	"strings"
	"testing"

	api "bartizan.dev/api/kms"
)

// TestCrossAccount: another account uses a key by its ARN or an alias' ARN, when
// the key policy and its own policies both say so; what it may not be allowed
// is denied whatever the key policy says.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
func TestCrossAccount(t *testing.T) {
	f := newFixture(t)
	me, them := root(account), user(other, "ann")
	m := f.newKey(me, nil)
	do[api.CreateAliasOutput](f, me, &api.CreateAliasRequest{AliasName: "alias/shared", TargetKeyId: m.KeyId})
	alias := "arn:aws:kms:" + region + ":" + account + ":alias/shared"
	enc := func(id string) *api.EncryptRequest { return &api.EncryptRequest{KeyId: id, Plaintext: []byte("text")} }
	for _, id := range []string{*m.Arn, alias} {
		f.refused(them, enc(id), "AccessDeniedException")
	}
	do[api.PutKeyPolicyOutput](f, me, &api.PutKeyPolicyRequest{KeyId: m.KeyId,
		Policy: strings.Replace(allowing(rootARN(other), `"kms:*"`), `"Statement":[`, `"Statement":[{"Effect":"Allow","Principal":{"AWS":"`+rootARN(account)+`"},"Action":"kms:*","Resource":"*"},`, 1)})
	for _, id := range []string{*m.Arn, alias} {
		blob := do[api.EncryptResponse](f, them, enc(id)).CiphertextBlob
		if f.decrypt(them, blob, nil) != "text" || f.decrypt(me, blob, nil) != "text" {
			t.Error(id)
		}
		f.refused(them.with(nothing), enc(id), "AccessDeniedException")
	}
	f.refused(them, enc(m.KeyId), "NotFoundException", "Key '"+keyARN(other, region, m.KeyId)+"' does not exist")
	f.refused(them, enc("alias/shared"), "NotFoundException", "Alias arn:aws:kms:"+region+":"+other+":alias/shared is not found.")
	f.refused(them, enc("arn:aws:kms:"+region+":"+account+":alias/nothing"), "NotFoundException")

	id := *m.Arn
	grant := do[api.CreateGrantResponse](f, them, grantTo(id, rootARN("777788889999"), opDecrypt))
	for _, in := range []any{
		&api.DescribeKeyRequest{KeyId: id}, &api.GetKeyRotationStatusRequest{KeyId: id}, &api.ListGrantsRequest{KeyId: id},
		&api.GenerateDataKeyRequest{KeyId: id, KeySpec: api.DataKeySpec_AES_256}, &api.RevokeGrantRequest{KeyId: id, GrantId: *grant.GrantId},
	} {
		if _, err := f.call(them, operationOf(in), in); err != nil {
			t.Error(err)
		}
	}
	for _, in := range []any{
		&api.CancelKeyDeletionRequest{KeyId: id}, &api.DisableKeyRequest{KeyId: id}, &api.EnableKeyRequest{KeyId: id}, &api.DisableKeyRotationRequest{KeyId: id},
		&api.EnableKeyRotationRequest{KeyId: id}, &api.GetKeyLastUsageRequest{KeyId: id}, &api.GetKeyPolicyRequest{KeyId: id}, &api.ListKeyPoliciesRequest{KeyId: id},
		&api.ListKeyRotationsRequest{KeyId: id}, &api.ListResourceTagsRequest{KeyId: id}, &api.PutKeyPolicyRequest{KeyId: id, Policy: defaultPolicy(other)},
		&api.RotateKeyOnDemandRequest{KeyId: id}, &api.ScheduleKeyDeletionRequest{KeyId: id}, &api.TagResourceRequest{KeyId: id, Tags: []api.Tag{{TagKey: "a"}}},
		&api.UntagResourceRequest{KeyId: id, TagKeys: []string{"a"}}, &api.UpdateKeyDescriptionRequest{KeyId: id}, &api.CreateAliasRequest{AliasName: "alias/theirs", TargetKeyId: id},
	} {
		f.refused(them, in, "AccessDeniedException")
		f.refused(root(other), in, "AccessDeniedException")
	}
	f.refused(them, &api.ListAliasesRequest{KeyId: &id}, "InvalidArnException")
	if out := do[api.ListKeysResponse](f, them, &api.ListKeysRequest{}); len(out.Keys) != 0 {
		t.Errorf("the other account lists %v", out.Keys)
	}
	// ReEncrypt between accounts, each with its own key policy.
	own := f.newKey(root(other), nil)
	blob := f.encrypt(me, m.KeyId, "text", nil)
	re := do[api.ReEncryptResponse](f, them, &api.ReEncryptRequest{CiphertextBlob: blob, DestinationKeyId: own.KeyId})
	if f.decrypt(them, re.CiphertextBlob, nil) != "text" {
		t.Error("ReEncrypt")
	}
	f.refused(user(account, "ann"), &api.ReEncryptRequest{CiphertextBlob: blob, DestinationKeyId: *own.Arn}, "AccessDeniedException")
}

// TestManagedKeys: made when their service first asks, usable by way of it only,
// seen and not changed by the account.
func TestManagedKeys(t *testing.T) {
	f := newFixture(t)
	ann := user(account, "ann")
	const alias = "alias/aws/secretsmanager"
	enc := &api.EncryptRequest{KeyId: alias, Plaintext: []byte("text")}
	f.refused(ann, enc, "NotFoundException", "Alias arn:aws:kms:"+region+":"+account+":"+alias+" is not found.")
	f.refused(ann.by("ssm"), enc, "NotFoundException")
	out := do[api.EncryptResponse](f, ann.by("secretsmanager"), enc)
	m := do[api.DescribeKeyResponse](f, ann, &api.DescribeKeyRequest{KeyId: alias}).KeyMetadata
	if m.KeyManager != api.KeyManagerType_AWS || *m.Arn != *out.KeyId || m.Origin != api.OriginType_AWS_KMS {
		t.Errorf("%+v", m)
	}
	if f.decrypt(ann.by("secretsmanager"), out.CiphertextBlob, nil) != "text" {
		t.Error("the service cannot decrypt for ann")
	}
	f.refused(ann, enc, "AccessDeniedException")
	f.refused(ann, &api.DecryptRequest{CiphertextBlob: out.CiphertextBlob}, "AccessDeniedException")
	f.refused(ann.by("ssm"), &api.DecryptRequest{CiphertextBlob: out.CiphertextBlob}, "AccessDeniedException")
	f.refused(root(account), enc, "AccessDeniedException")
	f.refused(user(other, "ann").by("secretsmanager"), &api.DecryptRequest{CiphertextBlob: out.CiphertextBlob}, "AccessDeniedException")
	f.refused(root(account), &api.EncryptRequest{KeyId: *m.Arn, Plaintext: []byte("x")}, "AccessDeniedException")
	for _, in := range []any{
		&api.DisableKeyRequest{KeyId: m.KeyId}, &api.ScheduleKeyDeletionRequest{KeyId: m.KeyId}, &api.PutKeyPolicyRequest{KeyId: m.KeyId, Policy: defaultPolicy(account)},
		&api.TagResourceRequest{KeyId: m.KeyId}, &api.EnableKeyRotationRequest{KeyId: m.KeyId}, &api.RotateKeyOnDemandRequest{KeyId: m.KeyId},
		&api.CreateAliasRequest{AliasName: "alias/mine", TargetKeyId: m.KeyId}, grantTo(m.KeyId, rootARN(other), opDecrypt), &api.UpdateKeyDescriptionRequest{KeyId: m.KeyId},
	} {
		f.refused(root(account), in, "AccessDeniedException")
	}
	f.refused(root(account), &api.DeleteAliasRequest{AliasName: alias}, "AccessDeniedException")
	for _, in := range []any{&api.GetKeyPolicyRequest{KeyId: m.KeyId}, &api.ListGrantsRequest{KeyId: m.KeyId}, &api.ListResourceTagsRequest{KeyId: m.KeyId}} {
		if _, err := f.call(ann, operationOf(in), in); err != nil {
			t.Error(err)
		}
	}
	if s := do[api.GetKeyRotationStatusResponse](f, ann, &api.GetKeyRotationStatusRequest{KeyId: m.KeyId}); !*s.KeyRotationEnabled || *s.RotationPeriodInDays != 365 {
		t.Errorf("%+v", s)
	}
	// Another account and another Region have their own.
	theirs := do[api.EncryptResponse](f, user(other, "ann").by("secretsmanager"), enc)
	abroad := do[api.EncryptResponse](f, ann.by("secretsmanager").in("eu-west-1"), enc)
	if *theirs.KeyId == *out.KeyId || *abroad.KeyId == *out.KeyId {
		t.Error("shared with another account or Region")
	}
	f.advance(366 * day)
	if again := do[api.EncryptResponse](f, ann.by("secretsmanager"), enc); *again.KeyId != *out.KeyId || string(again.CiphertextBlob[26:42]) == string(out.CiphertextBlob[26:42]) {
		t.Error("it was not rotated after a year")
	}
	if f.decrypt(ann.by("secretsmanager"), out.CiphertextBlob, nil) != "text" {
		t.Error("old material does not decrypt")
	}
}
