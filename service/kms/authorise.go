package kms

import (
	"context"
	"strings"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch. A key's policy is the root of trust:
// what neither it allows, nor IAM where it says so, nor a grant, is not allowed,
// not even to the account's root user (policy.Key).
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
// https://docs.aws.amazon.com/kms/latest/developerguide/control-access.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{}
	for _, chapter := range []policy.Rules{s.useRules(), s.asymmetricRules(), s.keyRules(), s.aliasRules(), s.grantRules(), s.importRules(), s.multiRegionRules(), s.storeRules()} {
		for name, rule := range chapter {
			rules[name] = rule
		}
	}
	return rules
}

// Resource names the type of a resource for the trail.
func Resource(name string) string {
	if a, err := arn.Parse(name); err == nil && a.Service == "kms" {
		switch {
		case strings.HasPrefix(a.Resource, "key/"):
			return "AWS::KMS::Key"
		case strings.HasPrefix(a.Resource, aliasPrefix):
			return "AWS::KMS::Alias"
		}
	}
	return ""
}

// A target is the key of a call: what the rule has found and the policies have
// decided about is what the handler works on, whatever an alias is made to mean
// in between.
type target struct {
	*loaded
	ref     ref
	context encryptionContext
	// What belongs to the call's only touch lies here, so that all of it is one
	// allocation.
	touched [1]policy.Touch
	pairs   [manyValues]policy.Pair
	values  [manyValues]string
}

// touches is what the rule of a call that touches only this key answers.
func (t *target) touches(touch policy.Touch) []policy.Touch {
	t.touched[0] = touch
	return t.touched[:]
}

// there returns the error of a call on a key that does not exist.
func (t *target) there() error {
	if t.loaded == nil {
		return noKey(t.ref.arn())
	}
	return nil
}

// use says what a call wants of a key.
type use struct {
	action  string // of policies, such as kms:Encrypt
	grant   api.GrantOperation
	keyID   string
	aliases bool
	tokens  []string
	context map[string]string
	// algorithm is the kms:EncryptionAlgorithm of the call, empty for none.
	algorithm api.EncryptionAlgorithmSpec
	more      func(*conditions)
	fits      func(*grant) bool // further demands on a grant
	unused    bool              // policies may ask for how long the key was not used
}

// touch finds the key and declares the touch.
func (s *Service) touch(ctx context.Context, u use) (*target, policy.Touch, error) {
	r, err := s.resolve(ctx, u.keyID, u.aliases)
	if err != nil {
		return nil, policy.Touch{Action: u.action, Resource: r.arn(), Account: r.account}, err
	}
	return s.touchRef(ctx, u, r)
}

func (s *Service) touchRef(ctx context.Context, u use, r ref) (*target, policy.Touch, error) {
	t := &target{ref: r}
	touch := policy.Touch{Action: u.action, Account: r.account}
	var err error
	if t.context, err = newContext(u.context); err != nil {
		return nil, touch, err
	}
	if t.loaded, err = s.get(ctx, r.path()); err != nil {
		return nil, touch, err
	}
	call := caller.From(ctx)
	if l := t.loaded; l != nil && (r.account == call.Identity.Account || abroad[u.action]) {
		touch.SharedKeys = l.static
		touch.Resource, touch.Policy, touch.Authority, touch.ResourceTags = l.arn, l.set, policy.Key, l.tags
	} else {
		touch.Resource = r.arn()
	}
	c := conditions{pairs: t.pairs[:0], values: t.values[:0]}
	if n := len(t.context.keys); n > 0 {
		c = newConditions(n)
	}
	c.setCall(call)
	c.setText("kms:RequestAlias", r.alias)
	c.setText("kms:EncryptionAlgorithm", string(u.algorithm))
	c.setContext(&t.context)
	if u.more != nil {
		u.more(&c)
	}
	if u.unused && t.loaded != nil {
		days, err := s.daysUnused(ctx, t.loaded, call.Time)
		if err != nil {
			return nil, touch, err
		}
		c.setInt("kms:TrailingDaysWithoutKeyUsage", &days)
	}
	touch.Keys = c.pairs
	if err := s.checkTokens(ctx, u.tokens); err != nil {
		return nil, touch, err
	}
	if t.loaded != nil && u.grant != "" {
		if err := s.grantFor(ctx, t, &u, &touch); err != nil {
			return nil, touch, err
		}
	}
	return t, touch, nil
}

// abroad are the actions on keys that another account can be allowed. What its
// key policy allows beyond them has no effect.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
var abroad = map[string]bool{
	"kms:Encrypt": true, "kms:Decrypt": true, "kms:ReEncryptFrom": true, "kms:ReEncryptTo": true, "kms:GenerateDataKey": true,
	"kms:GenerateDataKeyWithoutPlaintext": true, "kms:GenerateDataKeyPair": true, "kms:GenerateDataKeyPairWithoutPlaintext": true,
	"kms:Sign": true, "kms:Verify": true, "kms:GenerateMac": true, "kms:VerifyMac": true, "kms:DeriveSharedSecret": true,
	"kms:Encapsulate": true, "kms:Decapsulate": true, "kms:GetPublicKey": true, "kms:DescribeKey": true, "kms:GetKeyRotationStatus": true,
	"kms:CreateGrant": true, "kms:ListGrants": true, "kms:RetireGrant": true, "kms:RevokeGrant": true,
}

// on makes the rule of an operation on one key. The handler finds the target
// with found.
func on[I any](s *Service, describe func(*I) use) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, touch, err := s.touch(ctx, describe(in))
		if err != nil {
			return []policy.Touch{touch}, err
		}
		caller.From(ctx).Found = t
		return t.touches(touch), nil
	})
}

// found is the key that the rule of the call has found, which must exist.
func found(ctx context.Context) (*target, error) {
	t := caller.From(ctx).Found.(*target)
	return t, t.there()
}
