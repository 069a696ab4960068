package kms

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
)

// forms are the ways in which a secret could stand somewhere.
func forms(secret []byte) map[string][]byte {
	out := map[string][]byte{"raw": secret, "hex": []byte(hex.EncodeToString(secret))}
	for cut := range 3 { // wherever it begins within a longer text
		if len(secret) > cut+6 {
			text := base64.StdEncoding.EncodeToString(secret[cut:])
			out["base64 from "+string(rune('0'+cut))] = []byte(text[:len(text)-4])
		}
	}
	return out
}

// TestMaterialStaysInside: no key material and no plaintext is in any record, nor
// in the log, nor in an error, whatever is done with the keys.
func TestMaterialStaysInside(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, func(d *Deps) {
		d.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	me := root(account)
	plaintext := []byte("marked plaintext 2f7a9be1 that nobody may find again")
	secrets := map[string][]byte{"plaintext": plaintext}
	var said bytes.Buffer
	fail := func(in any) {
		t.Helper()
		_, err := f.call(me, operationOf(in), in)
		if err == nil {
			t.Errorf("%s succeeds", operationOf(in))
			return
		}
		for ; err != nil; err = errors.Unwrap(err) {
			said.WriteString(err.Error())
		}
	}
	for _, spec := range keySpecs {
		if spec == "RSA_3072" || spec == "RSA_4096" {
			continue
		}
		for _, usage := range material.Usages(spec) {
			m := f.newKey(me, &api.CreateKeyRequest{KeySpec: api.KeySpec(spec), KeyUsage: api.KeyUsageType(usage)})
			f.exercise(me, m)
			l, err := f.get(t.Context(), keyPath(account, region, m.KeyId))
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range append([]*opened{l.current}, l.older...) {
				if secrets[spec+usage+string(rune('0'+i))], err = o.secret(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	id := f.newKey(me, nil).KeyId
	blob := f.encrypt(me, id, string(plaintext), nil)
	secrets["data key"] = do[api.GenerateDataKeyResponse](f, me, &api.GenerateDataKeyRequest{KeyId: id, NumberOfBytes: new(int32(64))}).Plaintext
	secrets["pair"] = do[api.GenerateDataKeyPairResponse](f, me, &api.GenerateDataKeyPairRequest{KeyId: id, KeyPairSpec: "ECC_NIST_P256"}).PrivateKeyPlaintext
	fail(&api.DecryptRequest{CiphertextBlob: blob, EncryptionContext: map[string]string{"a": "b"}})
	fail(&api.EncryptRequest{KeyId: id, Plaintext: plaintext, EncryptionAlgorithm: api.EncryptionAlgorithmSpec_RSAES_OAEP_SHA_1})
	fail(&api.EncryptRequest{KeyId: id, Plaintext: plaintext, DryRun: new(true)})
	fail(&api.SignRequest{KeyId: id, Message: plaintext, SigningAlgorithm: api.SigningAlgorithmSpec_ECDSA_SHA_256})
	fail(&api.VerifyMacRequest{KeyId: id, Message: plaintext, Mac: plaintext, MacAlgorithm: api.MacAlgorithmSpec_HMAC_SHA_256})
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	items, err := f.kv.List(t.Context(), store.Range{})
	if err != nil || len(items) < 40 {
		t.Fatal(len(items), err)
	}
	for name, secret := range secrets {
		for form, text := range forms(secret) {
			for _, item := range items {
				if bytes.Contains(item.Value, text) || bytes.Contains([]byte(item.Key), text) {
					t.Errorf("%s, %s: it is in %s", name, form, item.Key)
				}
			}
			if bytes.Contains(said.Bytes(), text) || bytes.Contains(log.Bytes(), text) {
				t.Errorf("%s, %s: it was said", name, form)
			}
		}
	}
}

// TestMaterialIsWiped: when a key is deleted and nobody uses it any more, its
// material is cleared in memory.
func TestMaterialIsWiped(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	f.encrypt(me, id, "text", nil)
	secret := func() []byte { // nothing but the bytes stays on the stack
		l, err := f.get(t.Context(), keyPath(account, region, id))
		if err != nil {
			t.Fatal(err)
		}
		return l.current.symmetric.Load().secret
	}()
	if bytes.Equal(secret, make([]byte, 32)) {
		t.Fatal("there is no material")
	}
	do[api.ScheduleKeyDeletionResponse](f, me, &api.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: new(int32(7))})
	f.advance(8 * day)
	f.refused(me, &api.DescribeKeyRequest{KeyId: id}, "NotFoundException") // makes the cache look
	for deadline := time.Now().Add(10 * time.Second); !bytes.Equal(secret, make([]byte, 32)); runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("the material is still there")
		}
	}
}
