package kms

import (
	"context"
	"slices"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// A source is a ciphertext that is to be opened, with what the caller says of
// it.
type source struct {
	action    string
	grant     api.GrantOperation
	blob      []byte
	keyID     *string
	algorithm api.EncryptionAlgorithmSpec
	tokens    []string
	context   map[string]string
	dry       *bool
	modifiers []api.DryRunModifierType
	more      func(*conditions)
}

// blind reports whether only the permission is asked for, whatever the
// ciphertext.
func (o *source) blind() bool {
	return slices.Contains(o.modifiers, api.DryRunModifierType_IGNORE_CIPHERTEXT)
}

func (o *source) check() error {
	symmetric := o.algorithm == api.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT
	switch {
	case len(o.modifiers) > 0 && (o.dry == nil || !*o.dry):
		return invalid("DryRunModifiers can be given only with DryRun.")
	case o.blind() && o.keyID == nil:
		return invalid("KeyId is required when the ciphertext is ignored.")
	case o.blind():
		return nil
	case o.blob == nil:
		return invalid("1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null")
	case !symmetric && o.keyID == nil:
		return invalid("KeyId is required to decrypt with an asymmetric key.")
	}
	return nil
}

// touchSource finds the key that opens a ciphertext: the one named, or, of a
// symmetric one, the one that the ciphertext itself names.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#KMS-Decrypt-request-KeyId
func (s *Service) touchSource(ctx context.Context, o source) (*target, policy.Touch, error) {
	u := use{
		action: o.action, grant: o.grant, aliases: true, tokens: o.tokens, context: o.context,
		algorithm: o.algorithm, more: o.more,
	}
	own := policy.Touch{Action: o.action}
	if err := o.check(); err != nil {
		return nil, own, err
	}
	header, ok := parseBlob(o.blob)
	call := caller.From(ctx)
	if o.keyID != nil {
		// "A short key ID is also acceptable when decrypting symmetric ciphertexts" of
		// another account: the ciphertext knows which.
		foreign := ok && !o.blind() && *o.keyID == header.keyID() && header.accountID() != call.Identity.Account
		if foreign {
			mine, err := s.get(ctx, keyPath(call.Identity.Account, call.Region, *o.keyID))
			if err != nil {
				return nil, own, err
			}
			foreign = mine == nil
		}
		if !foreign {
			u.keyID = *o.keyID
			return s.touch(ctx, u)
		}
	}
	if !ok {
		return nil, own, badCiphertext()
	}
	r := ref{account: header.accountID(), region: call.Region, id: header.keyID()}
	t, touch, err := s.touchRef(ctx, u, r)
	if err == nil && t.loaded == nil {
		return nil, own, hiddenKey()
	}
	return t, touch, err
}

func decryptRule(s *Service) policy.Rule {
	return policy.On(func(ctx context.Context, in *api.DecryptRequest) ([]policy.Touch, error) {
		t, touch, err := s.touchSource(ctx, source{
			action: "kms:Decrypt", grant: api.GrantOperation_Decrypt, blob: in.CiphertextBlob, keyID: in.KeyId, algorithm: orSymmetric(in.EncryptionAlgorithm),
			tokens: in.GrantTokens, context: in.EncryptionContext, dry: in.DryRun, modifiers: in.DryRunModifiers,
		})
		caller.From(ctx).Found = t
		if t == nil {
			return []policy.Touch{touch}, err
		}
		return t.touches(touch), err
	})
}

// Decrypt opens what Encrypt, GenerateDataKey and their like have encrypted.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
func (s *Service) Decrypt(ctx context.Context, in *api.DecryptRequest) (*api.DecryptResponse, error) {
	if in.Recipient != nil {
		return nil, noEnclaves()
	}
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	algorithm := orSymmetric(in.EncryptionAlgorithm)
	o := source{blob: in.CiphertextBlob, modifiers: in.DryRunModifiers, algorithm: algorithm}
	plaintext, material, err := s.openSource(ctx, t, "Decrypt", &o)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "Decrypt")
	return &api.DecryptResponse{KeyId: &t.arn, Plaintext: plaintext, EncryptionAlgorithm: algorithm, KeyMaterialId: material}, nil
}

// openSource opens a ciphertext with the key that was found for it.
func (s *Service) openSource(ctx context.Context, t *target, operation string, o *source) (plaintext []byte, material *string, err error) {
	if err := t.usable(s.Clock.Now()); err != nil {
		return nil, nil, err
	}
	if t.Usage != encryptDecrypt {
		if o.algorithm == api.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT && !o.blind() { // AWS looks at the ciphertext first
			return nil, nil, wrongKey()
		}
		return nil, nil, t.wants(operation, encryptDecrypt)
	}
	if err := t.does(string(o.algorithm)); err != nil {
		return nil, nil, err
	}
	if f := foreignOf(ctx); f != nil && t.symmetric() && t.Store == "" {
		return nil, nil, s.openForeign(ctx, t, f)
	}
	switch {
	case o.blind():
		return nil, nil, nil
	case !t.symmetric():
		plaintext, err = s.decryptAsymmetric(ctx, t, o)
		return plaintext, nil, err
	}
	header, ok := parseBlob(o.blob)
	if !ok {
		return nil, nil, badCiphertext()
	}
	if header.accountID() != t.Account || header.keyID() != t.ID {
		return nil, nil, wrongKey()
	}
	return s.unseal(ctx, t, operation, header, o.blob)
}

// unseal opens a symmetric ciphertext, wherever the key is kept.
func (s *Service) unseal(ctx context.Context, t *target, operation string, header blob, ciphertext []byte) ([]byte, *string, error) {
	switch {
	case header.kind != t.kind():
		return nil, nil, badCiphertext()
	case header.kind == kindHSM:
		plaintext, err := s.openHSM(ctx, t, ciphertext)
		return plaintext, nil, err
	case header.kind == kindXKS:
		plaintext, err := s.openXKS(ctx, t, operation, ciphertext)
		return plaintext, nil, err
	case len(ciphertext) < blobMin:
		return nil, nil, badCiphertext()
	}
	m := t.byPrefix(header.material[:])
	if m == nil {
		return nil, nil, badCiphertext()
	}
	c, err := m.cipher(ctx)
	if err != nil {
		return nil, nil, err
	}
	plaintext, err := c.open(ciphertext, &t.context)
	return plaintext, &c.id, err
}

// reencryption is what the rule of ReEncrypt has found.
type reencryption struct{ from, to *target }

func reencryptRule(s *Service) policy.Rule {
	return policy.On(func(ctx context.Context, in *api.ReEncryptRequest) ([]policy.Touch, error) {
		from, source, err := s.touchSource(ctx, source{
			action: "kms:ReEncryptFrom", grant: api.GrantOperation_ReEncryptFrom, blob: in.CiphertextBlob, keyID: in.SourceKeyId,
			algorithm: orSymmetric(in.SourceEncryptionAlgorithm), tokens: in.GrantTokens, context: in.SourceEncryptionContext, dry: in.DryRun, modifiers: in.DryRunModifiers,
		})
		if err != nil {
			return []policy.Touch{source}, err
		}
		to, destination, err := s.touch(ctx, use{
			action: "kms:ReEncryptTo", grant: api.GrantOperation_ReEncryptTo, keyID: in.DestinationKeyId, aliases: true, tokens: in.GrantTokens, context: in.DestinationEncryptionContext,
			more: func(c *conditions) {
				c.set("kms:EncryptionAlgorithm", string(orSymmetric(in.DestinationEncryptionAlgorithm)))
			},
		})
		if err != nil {
			return []policy.Touch{source, destination}, err
		}
		same := policy.Pair{Key: "kms:ReEncryptOnSameKey", Values: []string{"false"}}
		if from.ref.path() == to.ref.path() {
			same.Values[0] = "true"
		}
		source.Keys, destination.Keys = append(source.Keys, same), append(destination.Keys, same)
		caller.From(ctx).Found = &reencryption{from, to}
		return []policy.Touch{source, destination}, nil
	})
}

// ReEncrypt opens a ciphertext and encrypts what was in it under another key, or
// with another context; the plaintext never leaves.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
func (s *Service) ReEncrypt(ctx context.Context, in *api.ReEncryptRequest) (*api.ReEncryptResponse, error) {
	both := caller.From(ctx).Found.(*reencryption)
	from, to := both.from, both.to
	for _, t := range [...]*target{from, to} {
		if err := t.there(); err != nil {
			return nil, err
		}
	}
	o := source{blob: in.CiphertextBlob, modifiers: in.DryRunModifiers, algorithm: orSymmetric(in.SourceEncryptionAlgorithm)}
	plaintext, opened, err := s.openSource(ctx, from, "ReEncrypt", &o)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	algorithm := orSymmetric(in.DestinationEncryptionAlgorithm)
	if err := s.ready(to, "ReEncrypt", encryptDecrypt, string(algorithm)); err != nil {
		return nil, err
	}
	var blob []byte
	var sealed *string
	if to.symmetric() {
		if err := dryRun(in.DryRun); err != nil {
			return nil, err
		}
		blob, sealed, err = s.seal(ctx, to, "ReEncrypt", plaintext, &to.context)
	} else {
		blob, err = s.encryptAsymmetric(ctx, to, &api.EncryptRequest{Plaintext: plaintext, EncryptionAlgorithm: algorithm, DryRun: in.DryRun})
	}
	if err != nil {
		return nil, err
	}
	from.used(ctx, "ReEncrypt")
	to.used(ctx, "ReEncrypt")
	return &api.ReEncryptResponse{
		CiphertextBlob: blob, SourceKeyId: &from.arn, KeyId: &to.arn, SourceEncryptionAlgorithm: o.algorithm, DestinationEncryptionAlgorithm: algorithm,
		SourceKeyMaterialId: opened, DestinationKeyMaterialId: sealed,
	}, nil
}
