package kms

import (
	"context"
	"errors"
	"runtime"

	api "bartizan.dev/api/kms"
	"bartizan.dev/policy"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/wire"
)

func (s *Service) asymmetricRules() policy.Rules {
	public := func(name string, grant api.GrantOperation, keyID string, tokens []string, condition, algorithm string) use {
		return use{action: "kms:" + name, grant: grant, keyID: keyID, aliases: true, tokens: tokens, more: func(c *conditions) { c.setText(condition, algorithm) }}
	}
	return policy.Rules{
		"GetPublicKey": on(s, func(in *api.GetPublicKeyRequest) use {
			return use{action: "kms:GetPublicKey", grant: api.GrantOperation_GetPublicKey, keyID: in.KeyId, aliases: true, tokens: in.GrantTokens}
		}),
		"Sign": on(s, func(in *api.SignRequest) use {
			u := public("Sign", api.GrantOperation_Sign, in.KeyId, in.GrantTokens, "kms:MessageType", string(orRaw(in.MessageType)))
			return u.with("kms:SigningAlgorithm", string(in.SigningAlgorithm))
		}),
		"Verify": on(s, func(in *api.VerifyRequest) use {
			u := public("Verify", api.GrantOperation_Verify, in.KeyId, in.GrantTokens, "kms:MessageType", string(orRaw(in.MessageType)))
			return u.with("kms:SigningAlgorithm", string(in.SigningAlgorithm))
		}),
		"GenerateMac": on(s, func(in *api.GenerateMacRequest) use {
			return public("GenerateMac", api.GrantOperation_GenerateMac, in.KeyId, in.GrantTokens, "kms:MacAlgorithm", string(in.MacAlgorithm))
		}),
		"VerifyMac": on(s, func(in *api.VerifyMacRequest) use {
			return public("VerifyMac", api.GrantOperation_VerifyMac, in.KeyId, in.GrantTokens, "kms:MacAlgorithm", string(in.MacAlgorithm))
		}),
		"DeriveSharedSecret": on(s, func(in *api.DeriveSharedSecretRequest) use {
			return public("DeriveSharedSecret", api.GrantOperation_DeriveSharedSecret, in.KeyId, in.GrantTokens, "kms:KeyAgreementAlgorithm", string(in.KeyAgreementAlgorithm))
		}),
		"Encapsulate": on(s, func(in *api.EncapsulateRequest) use {
			return public("Encapsulate", api.GrantOperation_Encapsulate, in.KeyId, in.GrantTokens, "kms:EncapsulationAlgorithm", string(in.EncapsulationAlgorithm))
		}),
		"Decapsulate": on(s, func(in *api.DecapsulateRequest) use {
			return public("Decapsulate", api.GrantOperation_Decapsulate, in.KeyId, in.GrantTokens, "kms:EncapsulationAlgorithm", string(in.EncapsulationAlgorithm))
		}),
	}
}

// with adds a condition key.
func (u use) with(key, value string) use {
	before := u.more
	u.more = func(c *conditions) {
		before(c)
		c.setText(key, value)
	}
	return u
}

func orRaw(m api.MessageType) api.MessageType {
	if m == "" {
		return api.MessageType_RAW
	}
	return m
}

// does refuses an algorithm that is not one of the key's.
func (l *loaded) does(algorithm string) error {
	for _, a := range l.algorithms {
		if a == algorithm {
			return nil
		}
	}
	return badUsage("Algorithm %s is incompatible with key spec %s.", algorithm, l.Spec)
}

// material returns the key's material, ready for use.
func (l *loaded) material(ctx context.Context) (*material.Key, error) {
	o := l.current
	if k := o.other.Load(); k != nil {
		return k, nil
	}
	secret, err := o.secret(ctx)
	if err != nil {
		return nil, err
	}
	k, err := material.Open(string(l.Spec), secret)
	if err != nil {
		return nil, materialError(err, string(l.Spec))
	}
	runtime.AddCleanup(k, func(b []byte) { clear(b) }, secret)
	o.other.CompareAndSwap(nil, k)
	return o.other.Load(), nil
}

// asymmetric finds the key of the call and refuses what it cannot do.
func (s *Service) asymmetric(ctx context.Context, operation string, usage api.KeyUsageType, algorithm string) (*target, *material.Key, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := s.ready(t, operation, usage, algorithm); err != nil {
		return nil, nil, err
	}
	k, err := t.material(ctx)
	return t, k, err
}

// materialError is AWS's answer for what a material refuses.
func materialError(err error, algorithm string) error {
	switch {
	case errors.Is(err, material.ErrCiphertext):
		return badCiphertext()
	case errors.Is(err, material.ErrSignature):
		return wire.Errorf("KMSInvalidSignatureException", "")
	case errors.Is(err, material.ErrMAC):
		return wire.Errorf("KMSInvalidMacException", "")
	case errors.Is(err, material.ErrFIPS):
		return unsupported("%s is not available: the server runs with GODEBUG=fips140=only, which forbids it.", algorithm)
	case errors.Is(err, material.ErrMessageType):
		return invalid("The message type is not valid for algorithm %s.", algorithm)
	case errors.Is(err, material.ErrMessage):
		return invalid("Digest is invalid length for algorithm %s.", algorithm)
	case errors.Is(err, material.ErrPeer):
		return invalid("The public key is not valid for this operation.")
	}
	return err
}

// signError is AWS's answer for a message that cannot be signed or verified. Of
// Ed25519 the key spec takes every type, and only the algorithm does not.
func (l *loaded) signError(err error, algorithm string, kind api.MessageType) error {
	if errors.Is(err, material.ErrMessageType) && l.Spec != api.KeySpec_ECC_NIST_EDWARDS25519 {
		return invalid("Message type %s is incompatible with key spec %s.", orRaw(kind), l.Spec)
	}
	return materialError(err, algorithm)
}

// GetPublicKey answers the public part of an asymmetric key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html
func (s *Service) GetPublicKey(ctx context.Context, _ *api.GetPublicKeyRequest) (*api.GetPublicKeyResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if t.symmetric() || t.Usage == api.KeyUsageType_GENERATE_VERIFY_MAC {
		return nil, unsupported("%s KeySpec is %s which is not valid for GetPublicKey.", t.arn, t.Spec)
	}
	if err := t.usable(s.Clock.Now()); err != nil {
		return nil, err
	}
	k, err := t.material(ctx)
	if err != nil {
		return nil, err
	}
	m := api.KeyMetadata{KeySpec: t.Spec, KeyUsage: t.Usage}
	setAlgorithms(&m)
	return &api.GetPublicKeyResponse{
		KeyId: &t.arn, PublicKey: k.Public(), CustomerMasterKeySpec: api.CustomerMasterKeySpec(t.Spec), KeySpec: t.Spec, KeyUsage: t.Usage,
		EncryptionAlgorithms: m.EncryptionAlgorithms, SigningAlgorithms: m.SigningAlgorithms,
		KeyAgreementAlgorithms: m.KeyAgreementAlgorithms, EncapsulationAlgorithms: m.EncapsulationAlgorithms,
	}, nil
}

// Sign signs a message, a digest of one, or for ML-DSA its mu.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
func (s *Service) Sign(ctx context.Context, in *api.SignRequest) (*api.SignResponse, error) {
	algorithm := string(in.SigningAlgorithm)
	t, k, err := s.asymmetric(ctx, "Sign", api.KeyUsageType_SIGN_VERIFY, algorithm)
	if err != nil {
		return nil, err
	}
	signature, err := k.Sign(algorithm, string(orRaw(in.MessageType)), in.Message)
	if err != nil {
		return nil, t.signError(err, algorithm, in.MessageType)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "Sign")
	return &api.SignResponse{KeyId: &t.arn, Signature: signature, SigningAlgorithm: in.SigningAlgorithm}, nil
}

// Verify checks a signature.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html
func (s *Service) Verify(ctx context.Context, in *api.VerifyRequest) (*api.VerifyResponse, error) {
	algorithm := string(in.SigningAlgorithm)
	t, k, err := s.asymmetric(ctx, "Verify", api.KeyUsageType_SIGN_VERIFY, algorithm)
	if err != nil {
		return nil, err
	}
	if err := k.Verify(algorithm, string(orRaw(in.MessageType)), in.Message, in.Signature); err != nil {
		return nil, t.signError(err, algorithm, in.MessageType)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "Verify")
	return &api.VerifyResponse{KeyId: &t.arn, SignatureValid: new(true), SigningAlgorithm: in.SigningAlgorithm}, nil
}

// GenerateMac makes an HMAC.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html
func (s *Service) GenerateMac(ctx context.Context, in *api.GenerateMacRequest) (*api.GenerateMacResponse, error) {
	algorithm := string(in.MacAlgorithm)
	t, k, err := s.asymmetric(ctx, "GenerateMac", api.KeyUsageType_GENERATE_VERIFY_MAC, algorithm)
	if err != nil {
		return nil, err
	}
	mac, err := k.MAC(algorithm, in.Message)
	if err != nil {
		return nil, materialError(err, algorithm)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "GenerateMac")
	return &api.GenerateMacResponse{KeyId: &t.arn, Mac: mac, MacAlgorithm: in.MacAlgorithm}, nil
}

// VerifyMac checks an HMAC.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html
func (s *Service) VerifyMac(ctx context.Context, in *api.VerifyMacRequest) (*api.VerifyMacResponse, error) {
	algorithm := string(in.MacAlgorithm)
	t, k, err := s.asymmetric(ctx, "VerifyMac", api.KeyUsageType_GENERATE_VERIFY_MAC, algorithm)
	if err != nil {
		return nil, err
	}
	if err := k.VerifyMAC(algorithm, in.Message, in.Mac); err != nil {
		return nil, materialError(err, algorithm)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "VerifyMac")
	return &api.VerifyMacResponse{KeyId: &t.arn, MacValid: new(true), MacAlgorithm: in.MacAlgorithm}, nil
}

// DeriveSharedSecret agrees with a peer's public key on a secret, by ECDH.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html
func (s *Service) DeriveSharedSecret(ctx context.Context, in *api.DeriveSharedSecretRequest) (*api.DeriveSharedSecretResponse, error) {
	if in.Recipient != nil {
		return nil, noEnclaves()
	}
	algorithm := string(in.KeyAgreementAlgorithm)
	t, k, err := s.asymmetric(ctx, "DeriveSharedSecret", api.KeyUsageType_KEY_AGREEMENT, algorithm)
	if err != nil {
		return nil, err
	}
	secret, err := k.Agree(in.PublicKey)
	if err != nil {
		return nil, materialError(err, algorithm)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "DeriveSharedSecret")
	return &api.DeriveSharedSecretResponse{KeyId: &t.arn, SharedSecret: secret, KeyAgreementAlgorithm: in.KeyAgreementAlgorithm, KeyOrigin: t.Origin}, nil
}

// Encapsulate makes a secret that only the key can have out of a ciphertext.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Encapsulate.html
func (s *Service) Encapsulate(ctx context.Context, in *api.EncapsulateRequest) (*api.EncapsulateResponse, error) {
	algorithm := string(in.EncapsulationAlgorithm)
	t, k, err := s.asymmetric(ctx, "Encapsulate", api.KeyUsageType_ENCAPSULATE_DECAPSULATE, algorithm)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	secret, ciphertext, err := k.Encapsulate()
	if err != nil {
		return nil, materialError(err, algorithm)
	}
	t.used(ctx, "Encapsulate")
	return &api.EncapsulateResponse{KeyId: &t.arn, SharedSecret: secret, SharedSecretCiphertextBlob: ciphertext, EncapsulationAlgorithm: in.EncapsulationAlgorithm}, nil
}

// Decapsulate takes the secret out. A ciphertext that was changed gives another
// secret and no error (implicit rejection, FIPS 203 section 6.3).
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Decapsulate.html
func (s *Service) Decapsulate(ctx context.Context, in *api.DecapsulateRequest) (*api.DecapsulateResponse, error) {
	algorithm := string(in.EncapsulationAlgorithm)
	t, k, err := s.asymmetric(ctx, "Decapsulate", api.KeyUsageType_ENCAPSULATE_DECAPSULATE, algorithm)
	if err != nil {
		return nil, err
	}
	secret, err := k.Decapsulate(in.SharedSecretCiphertextBlob)
	if err != nil {
		return nil, materialError(err, algorithm)
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	t.used(ctx, "Decapsulate")
	return &api.DecapsulateResponse{KeyId: &t.arn, SharedSecret: secret, EncapsulationAlgorithm: in.EncapsulationAlgorithm}, nil
}
