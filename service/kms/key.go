package kms

import (
	"context"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// plain makes the rule of an operation on a key that takes nothing else that
// policies look at.
func plain[I any](s *Service, name string, keyID func(*I) string) policy.Rule {
	return on(s, func(in *I) use { return use{action: "kms:" + name, keyID: keyID(in)} })
}

func (s *Service) keyRules() policy.Rules {
	return policy.Rules{
		"CreateKey": createKeyRule(s),
		"DescribeKey": on(s, func(in *api.DescribeKeyRequest) use {
			return use{action: "kms:DescribeKey", grant: api.GrantOperation_DescribeKey, keyID: in.KeyId, aliases: true, tokens: in.GrantTokens}
		}),
		"ListKeys":  policy.OnAny(policy.Touch{Action: "kms:ListKeys"}),
		"EnableKey": plain(s, "EnableKey", func(in *api.EnableKeyRequest) string { return in.KeyId }),
		"DisableKey": on(s, func(in *api.DisableKeyRequest) use {
			return use{action: "kms:DisableKey", keyID: in.KeyId, unused: true}
		}),
		"UpdateKeyDescription": plain(s, "UpdateKeyDescription", func(in *api.UpdateKeyDescriptionRequest) string {
			return in.KeyId
		}),
		"GetKeyLastUsage": plain(s, "GetKeyLastUsage", func(in *api.GetKeyLastUsageRequest) string { return in.KeyId }),
		"GetKeyPolicy":    plain(s, "GetKeyPolicy", func(in *api.GetKeyPolicyRequest) string { return in.KeyId }),
		"ListKeyPolicies": plain(s, "ListKeyPolicies", func(in *api.ListKeyPoliciesRequest) string { return in.KeyId }),
		"PutKeyPolicy": on(s, func(in *api.PutKeyPolicyRequest) use {
			return use{action: "kms:PutKeyPolicy", keyID: in.KeyId, more: func(c *conditions) {
				c.setBool("kms:BypassPolicyLockoutSafetyCheck", orFalse(in.BypassPolicyLockoutSafetyCheck))
			}}
		}),
		"TagResource": policy.On(func(ctx context.Context, in *api.TagResourceRequest) ([]policy.Touch, error) {
			t, touch, err := s.touch(ctx, use{action: "kms:TagResource", keyID: in.KeyId})
			caller.From(ctx).Found = t
			touch.RequestTags = requestTags(in.Tags, apiTag)
			return []policy.Touch{touch}, err
		}),
		"UntagResource": policy.On(func(ctx context.Context, in *api.UntagResourceRequest) ([]policy.Touch, error) {
			t, touch, err := s.touch(ctx, use{action: "kms:UntagResource", keyID: in.KeyId, more: func(c *conditions) { c.setAll("aws:TagKeys", in.TagKeys) }})
			caller.From(ctx).Found = t
			return []policy.Touch{touch}, err
		}),
		"ListResourceTags": plain(s, "ListResourceTags", func(in *api.ListResourceTagsRequest) string { return in.KeyId }),
		"ScheduleKeyDeletion": on(s, func(in *api.ScheduleKeyDeletionRequest) use {
			return use{action: "kms:ScheduleKeyDeletion", keyID: in.KeyId, unused: true, more: func(c *conditions) {
				days := pendingWindow(in.PendingWindowInDays)
				c.setInt("kms:ScheduleKeyDeletionPendingWindowInDays", &days)
			}}
		}),
		"CancelKeyDeletion": plain(s, "CancelKeyDeletion", func(in *api.CancelKeyDeletionRequest) string { return in.KeyId }),
		"EnableKeyRotation": on(s, func(in *api.EnableKeyRotationRequest) use {
			return use{action: "kms:EnableKeyRotation", keyID: in.KeyId, more: func(c *conditions) { c.setInt("kms:RotationPeriodInDays", in.RotationPeriodInDays) }}
		}),
		"DisableKeyRotation":   plain(s, "DisableKeyRotation", func(in *api.DisableKeyRotationRequest) string { return in.KeyId }),
		"GetKeyRotationStatus": plain(s, "GetKeyRotationStatus", func(in *api.GetKeyRotationStatusRequest) string { return in.KeyId }),
		"ListKeyRotations":     plain(s, "ListKeyRotations", func(in *api.ListKeyRotationsRequest) string { return in.KeyId }),
		"RotateKeyOnDemand":    plain(s, "RotateKeyOnDemand", func(in *api.RotateKeyOnDemandRequest) string { return in.KeyId }),
	}
}

func (s *Service) useRules() policy.Rules {
	rules := dataKeyRules(s)
	rules["Encrypt"] = encryptRule(s)
	rules["Decrypt"] = decryptRule(s)
	rules["ReEncrypt"] = reencryptRule(s)
	rules["GenerateRandom"] = policy.OnAny(policy.Touch{Action: "kms:GenerateRandom"})
	return rules
}

// DescribeKey tells what a key is.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
func (s *Service) DescribeKey(ctx context.Context, _ *api.DescribeKeyRequest) (*api.DescribeKeyResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	meta, err := s.metadata(ctx, s.Store, t.loaded)
	return &api.DescribeKeyResponse{KeyMetadata: meta}, err
}

// ListKeys lists the keys of the account in the Region, AWS managed ones too.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html
func (s *Service) ListKeys(ctx context.Context, in *api.ListKeysRequest) (*api.ListKeysResponse, error) {
	p, err := newPage(in.Limit, in.Marker, 100, 1000)
	if err != nil {
		return nil, err
	}
	out := &api.ListKeysResponse{Keys: []api.KeyListEntry{}, Truncated: new(false)}
	if len(in.ResourceOwners) > 0 && !owns(in.ResourceOwners) {
		return out, nil // keys shared by way of RAM: there is none
	}
	call := caller.From(ctx)
	entries, next, err := pageOf(ctx, s.Store, &s.keys, call.Identity.Account+"/"+call.Region+"/", p)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		out.Keys = append(out.Keys, api.KeyListEntry{KeyId: &e.Value.ID, KeyArn: new(e.Value.arn())})
	}
	out.NextMarker, out.Truncated = next, new(next != nil)
	return out, nil
}

func owns(owners []api.ResourceOwnerType) bool {
	for _, o := range owners {
		if o == api.ResourceOwnerType_SELF {
			return true
		}
	}
	return false
}

// EnableKey makes a disabled key usable.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html
func (s *Service) EnableKey(ctx context.Context, _ *api.EnableKeyRequest) (*api.EnableKeyOutput, error) {
	_, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.need(now, api.KeyState_Enabled, api.KeyState_Disabled, api.KeyState_Unavailable); err != nil {
			return err
		}
		l.Disabled = false
		return s.planRotation(ctx, tx, &l.key, now) // which may have been missed
	})
	return &api.EnableKeyOutput{}, err
}

// DisableKey ends the use of a key until it is enabled again.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html
func (s *Service) DisableKey(ctx context.Context, _ *api.DisableKeyRequest) (*api.DisableKeyOutput, error) {
	_, err := s.change(ctx, func(_ store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.need(now, api.KeyState_Enabled, api.KeyState_Disabled, api.KeyState_Unavailable); err != nil {
			return err
		}
		l.Disabled = true
		return nil
	})
	return &api.DisableKeyOutput{}, err
}

// UpdateKeyDescription replaces the description.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html
func (s *Service) UpdateKeyDescription(ctx context.Context, in *api.UpdateKeyDescriptionRequest) (*api.UpdateKeyDescriptionOutput, error) {
	_, err := s.change(ctx, func(_ store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.need(now, living...); err != nil {
			return err
		}
		l.Description = in.Description
		return nil
	})
	return &api.UpdateKeyDescriptionOutput{}, err
}

func keyARN(account, region, id string) string {
	return arn.New("kms", region, account, "key/"+id)
}
