package secretsmanager

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// defaultKey is the AWS managed key. KMS makes it at first use.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
const defaultKey = "alias/aws/secretsmanager"

// maxValue is how long a value may be, in bytes.
const maxValue = 65536

// plain is a value in the clear.
type plain struct {
	bytes  []byte
	binary bool // SecretBinary, not SecretString
}

// valueOf reads SecretString and SecretBinary; nil if there is neither.
func valueOf(text *string, bytes []byte) (*plain, error) {
	switch {
	case text != nil && bytes != nil:
		return nil, errBoth
	case text != nil && len(*text) > maxValue:
		return nil, invalidParameter("The secret value can't be longer than %d bytes.", maxValue)
	case text != nil:
		return &plain{bytes: []byte(*text)}, nil
	case bytes != nil:
		return &plain{bytes: bytes, binary: true}, nil
	}
	return nil, nil
}

func (p *plain) equal(o *plain) bool {
	return p.binary == o.binary && subtle.ConstantTimeCompare(p.bytes, o.bytes) == 1
}

// answer is the value as answers have it.
func (p *plain) answer() (text *string, bytes []byte) {
	if p.binary {
		return nil, p.bytes
	}
	return new(string(p.bytes)), nil
}

// sealed is a value at rest: AES-256-GCM under a data key of its own, which KMS
// has wrapped.
type sealed struct {
	DataKey []byte // wrapped
	Key     string // ARN of the key that wraps it
	Text    []byte // nonce, ciphertext, tag
	Binary  bool   `json:",omitzero"`
}

// seal seals a value of a version under the secret's key, with the rights of the
// caller. The encryption context is AWS's, so key policies and grants can speak
// of it.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html#security-encryption-encryption-context
func (s *Service) seal(ctx context.Context, v *secret, id string, p *plain) (*sealed, error) {
	name, err := v.keyName(ctx)
	if err != nil {
		return nil, err
	}
	got, err := s.Keys.GenerateDataKey(v.inRegion(ctx), &kmsapi.GenerateDataKeyRequest{
		KeyId: name, KeySpec: kmsapi.DataKeySpec_AES_256, EncryptionContext: v.encryptionContext(id),
	})
	if err != nil {
		return nil, keyError(err, errEncrypt)
	}
	defer clear(got.Plaintext)
	aead, err := newAEAD(got.Plaintext)
	if err != nil {
		return nil, err
	}
	out := &sealed{DataKey: got.CiphertextBlob, Binary: p.binary}
	if got.KeyId != nil {
		out.Key = *got.KeyId
	}
	out.Text = aead.Seal(nil, nil, p.bytes, v.bound(id, p.binary))
	return out, nil
}

// open is the reverse. What was sealed for another secret or version, or is
// damaged, does not open.
func (s *Service) open(ctx context.Context, v *secret, id string, c *sealed) (*plain, error) {
	if _, err := v.keyName(ctx); err != nil {
		return nil, err
	}
	key, err := s.unwrap(ctx, v, id, c)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, c.Text, v.bound(id, c.Binary))
	if err != nil {
		return nil, errDecrypt.With(fmt.Errorf("version %s of %s: %w", id, v.arn(), err))
	}
	return &plain{text, c.Binary}, nil
}

// unwrap has KMS open a data key.
func (s *Service) unwrap(ctx context.Context, v *secret, id string, c *sealed) ([]byte, error) {
	ask := &kmsapi.DecryptRequest{CiphertextBlob: c.DataKey, EncryptionContext: v.encryptionContext(id)}
	if c.Key != "" {
		ask.KeyId = &c.Key
	}
	got, err := s.Keys.Decrypt(v.inRegion(ctx), ask)
	if err != nil {
		return nil, keyError(err, errDecrypt)
	}
	return got.Plaintext, nil
}

// rewrap wraps the data key of a value under the secret's new key, which the
// value itself does not notice.
func (s *Service) rewrap(ctx context.Context, was, v *secret, id string, c *sealed) (*sealed, error) {
	name, err := v.keyName(ctx)
	if err != nil {
		return nil, err
	}
	key, err := s.unwrap(ctx, was, id, c)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	got, err := s.Keys.Encrypt(v.inRegion(ctx), &kmsapi.EncryptRequest{KeyId: name, Plaintext: key, EncryptionContext: v.encryptionContext(id)})
	if err != nil {
		return nil, keyError(err, errEncrypt)
	}
	out := &sealed{DataKey: got.CiphertextBlob, Text: c.Text, Binary: c.Binary}
	if got.KeyId != nil {
		out.Key = *got.KeyId
	}
	return out, nil
}

// tryKey checks that the caller may use the secret's key, as AWS does when a key
// is chosen, with a context of its own.
func (s *Service) tryKey(ctx context.Context, v *secret) error {
	const id = "RequestToValidateKeyAccess"
	name, err := v.keyName(ctx)
	if err != nil {
		return err
	}
	got, err := s.Keys.GenerateDataKey(v.inRegion(ctx), &kmsapi.GenerateDataKeyRequest{
		KeyId: name, KeySpec: kmsapi.DataKeySpec_AES_256, EncryptionContext: v.encryptionContext(id),
	})
	if err != nil {
		return keyError(err, errEncrypt)
	}
	clear(got.Plaintext)
	opened, err := s.Keys.Decrypt(v.inRegion(ctx), &kmsapi.DecryptRequest{
		CiphertextBlob: got.CiphertextBlob, EncryptionContext: v.encryptionContext(id), KeyId: got.KeyId,
	})
	if err != nil {
		return keyError(err, errDecrypt)
	}
	clear(opened.Plaintext)
	return nil
}

// sealFor seals a value for a replica in another account, with a data key that KMS
// only wraps: kms:Encrypt is all that AWS asks for there.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-permissions.html
func (s *Service) sealFor(ctx context.Context, r *secret, id string, p *plain) (*sealed, error) {
	name, err := r.keyName(ctx)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails: see crypto/rand
	defer clear(key)
	got, err := s.Keys.Encrypt(r.inRegion(ctx), &kmsapi.EncryptRequest{KeyId: name, Plaintext: key, EncryptionContext: r.encryptionContext(id)})
	if err != nil {
		return nil, keyError(err, errEncrypt)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	out := &sealed{DataKey: got.CiphertextBlob, Binary: p.binary, Text: aead.Seal(nil, nil, p.bytes, r.bound(id, p.binary))}
	if got.KeyId != nil {
		out.Key = *got.KeyId
	}
	return out, nil
}

// tryAcross checks, without doing it, that the caller may decrypt a primary's
// value and encrypt its replica's.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-associate.html
func (s *Service) tryAcross(ctx context.Context, v, r *secret) error {
	if x := v.holder(current); x != nil && !x.Empty {
		box, err := s.load(ctx, s.Store, v, x.ID)
		if err != nil {
			return err
		}
		if _, err := v.keyName(ctx); err != nil {
			return err
		}
		ask := &kmsapi.DecryptRequest{CiphertextBlob: box.DataKey, EncryptionContext: v.encryptionContext(x.ID), DryRun: new(true)}
		if box.Key != "" {
			ask.KeyId = &box.Key
		}
		if _, err := s.Keys.Decrypt(v.inRegion(ctx), ask); !ranDry(err) {
			return keyError(err, errDecrypt)
		}
	}
	name, err := r.keyName(ctx)
	if err != nil {
		return err
	}
	_, err = s.Keys.Encrypt(r.inRegion(ctx), &kmsapi.EncryptRequest{
		KeyId: name, Plaintext: make([]byte, 32), EncryptionContext: r.encryptionContext("RequestToValidateKeyAccess"), DryRun: new(true),
	})
	if !ranDry(err) {
		return keyError(err, errEncrypt)
	}
	return nil
}

// ranDry reports whether KMS would have done what it was asked for.
func ranDry(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Code == "DryRunOperationException"
}

// keyName is the secret's key as KMS is asked for it: by an ARN, since the caller
// may be of another account. The managed key is for callers of the secret's own.
func (v *secret) keyName(ctx context.Context) (string, error) {
	switch {
	case v.KMSKey == "" && caller.From(ctx).Identity.Account != v.Account:
		return "", errDefault
	case v.KMSKey == "":
		return arn.New("kms", v.Region, v.Account, defaultKey), nil
	}
	return keyARN(v.place(), v.KMSKey), nil
}

// keyARN makes the ARN of a key id or an alias.
func keyARN(at place, key string) string {
	switch {
	case strings.HasPrefix(key, "arn:"):
		return key
	case strings.HasPrefix(key, "alias/"):
		return arn.New("kms", at.region, at.account, key)
	}
	return arn.New("kms", at.region, at.account, "key/"+key)
}

// ownKey is the key as a secret keeps it: empty for the managed one.
func ownKey(at place, key *string) string {
	if key == nil || *key == defaultKey || *key == arn.New("kms", at.region, at.account, defaultKey) {
		return ""
	}
	return *key
}

func (v *secret) encryptionContext(id string) map[string]string {
	return map[string]string{"SecretARN": v.arn(), "SecretVersionId": id}
}

// inRegion is the caller's context in the secret's Region, where its key is.
func (v *secret) inRegion(ctx context.Context) context.Context {
	c := *caller.From(ctx)
	if c.Region == v.Region {
		return ctx
	}
	c.Region = v.Region
	return caller.With(ctx, &c)
}

// bound is the associated data: what a value belongs to, each part after its
// length, so that no two differ in where they are cut.
func (v *secret) bound(id string, binaryValue bool) []byte {
	kind := "string"
	if binaryValue {
		kind = "binary"
	}
	var out []byte
	for _, part := range []string{"bartizan secretsmanager 1", v.arn(), v.UID, id, kind} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}

// newAEAD draws a nonce of its own for each message; a data key seals one.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keyError is AWS's answer for an error of KMS.
func keyError(err error, failure *wire.Error) error {
	e, ok := errors.AsType[*wire.Error](err)
	switch {
	case !ok || e.Fault:
		return err
	case e.Code == "AccessDeniedException":
		return errKMS.With(err)
	}
	return failure.With(err)
}

// load reads a value that a version has.
func (s *Service) load(ctx context.Context, r store.Reader, v *secret, id string) (*sealed, error) {
	c, err := s.values.Get(ctx, r, v.valueKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noValue("VersionId: %s", id)
	}
	return c, err
}
