package sns

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"

	kmsapi "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// Messages of a topic with a KMS key lie in the store encrypted under a data key
// of their own. KMS is asked as the publisher, who needs kms:GenerateDataKey and
// kms:Decrypt; when the message is delivered, it is asked again in the
// publisher's name. So a key that is disabled meanwhile keeps the message back.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html

func contextOf(topic string) map[string]string { return map[string]string{"aws:sns:topicArn": topic} }

// seal makes the message of a content.
func (s *Service) seal(ctx context.Context, t *topic, c *content) (*message, error) {
	m := &message{Topic: t.Place}
	var err error
	if m.Text, err = json.Marshal(c); err != nil || t.Key == "" {
		return m, err
	}
	in := contextOf(t.Place.arn())
	key, err := s.KMS.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: t.Key, KeySpec: kmsapi.DataKeySpec_AES_256, EncryptionContext: in})
	if err != nil {
		return nil, keyError(err)
	}
	defer clear(key.Plaintext)
	// Who may not decrypt is told now, not when the message is on its way.
	again, err := s.KMS.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: key.CiphertextBlob, EncryptionContext: in})
	if err != nil {
		return nil, keyError(err)
	}
	clear(again.Plaintext)
	aead, err := newAEAD(key.Plaintext)
	if err != nil {
		return nil, err
	}
	as := caller.From(ctx).Identity
	as.Proof = nil
	m.Text, m.Key, m.As = aead.Seal(nil, nil, m.Text, []byte(t.Place.arn())), key.CiphertextBlob, &as
	return m, nil
}

// open reads a message.
func (s *Service) open(ctx context.Context, m *message) (*content, error) {
	raw := m.Text
	if m.Key != nil {
		c := &caller.Call{Identity: *m.As, Time: s.Clock.Now(), Region: m.Topic.Region, UserAgent: principal}
		key, err := s.KMS.Decrypt(caller.With(ctx, c), &kmsapi.DecryptRequest{CiphertextBlob: m.Key, EncryptionContext: contextOf(m.Topic.arn())})
		if err != nil {
			return nil, err
		}
		defer clear(key.Plaintext)
		aead, err := newAEAD(key.Plaintext)
		if err != nil {
			return nil, err
		}
		if raw, err = aead.Open(nil, nil, m.Text, []byte(m.Topic.arn())); err != nil {
			return nil, err
		}
	}
	c := new(content)
	return c, json.Unmarshal(raw, c)
}

// newAEAD puts a random nonce in front of what it seals.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keyError turns an error of KMS into the one that SNS answers.
func keyError(err error) error {
	e := wire.AsError(err)
	code := map[string]string{
		"AccessDeniedException": "KMSAccessDenied", "NotFoundException": "KMSNotFound", "DisabledException": "KMSDisabled",
		"KMSInvalidStateException": "KMSInvalidState", "ThrottlingException": "KMSThrottling",
	}[e.Code]
	if code == "" {
		return err
	}
	return wire.Errorf(code, "%s", e.Message).With(err)
}
