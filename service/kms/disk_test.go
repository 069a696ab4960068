package kms_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"bartizan.dev/server"
)

// TestPlaintextIsNotOnDisk: what is encrypted, signed and made as a data key is
// in no file of the server, neither store nor trail, nor in its log.
func TestPlaintextIsNotOnDisk(t *testing.T) {
	var log bytes.Buffer
	data := t.TempDir()
	f := newFront(t, func(o *server.Options) {
		o.Data, o.Store = filepath.Join(data, "bz"), ""
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	marked := []byte("marked 5c02d1 plaintext, long enough")
	text := base64.StdEncoding.EncodeToString(marked)
	id := f.newKey(in{})
	mac := f.newKey(in{"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"})
	sign := f.newKey(in{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})
	blob := f.must(rootKeys, "Encrypt", in{"KeyId": id, "Plaintext": text}).text("CiphertextBlob")
	if got := f.must(rootKeys, "Decrypt", in{"CiphertextBlob": blob}).text("Plaintext"); got != text {
		t.Errorf("got %q", got)
	}
	f.must(rootKeys, "GenerateMac", in{"KeyId": mac, "Message": text, "MacAlgorithm": "HMAC_SHA_256"})
	signature := f.must(rootKeys, "Sign", in{"KeyId": sign, "Message": text, "SigningAlgorithm": "ECDSA_SHA_256"}).text("Signature")
	f.must(rootKeys, "Verify", in{"KeyId": sign, "Message": text, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256"})
	dataKey := f.must(rootKeys, "GenerateDataKey", in{"KeyId": id, "KeySpec": "AES_256"}).text("Plaintext")
	f.refused(rootKeys, "Encrypt", in{"KeyId": mac, "Plaintext": text}, "InvalidKeyUsageException")
	f.refused(rootKeys, "Encrypt", in{"KeyId": id, "Plaintext": text, "EncryptionAlgorithm": "x"}, "ValidationException")
	nobody := f.user("nobody", "")
	f.refused(nobody, "Encrypt", in{"KeyId": id, "Plaintext": text}, "AccessDeniedException")

	key, err := base64.StdEncoding.DecodeString(dataKey)
	if err != nil {
		t.Fatal(err)
	}
	var secrets [][]byte
	for _, secret := range [][]byte{marked, key} {
		secrets = append(secrets, secret, []byte(hex.EncodeToString(secret)), []byte(base64.StdEncoding.EncodeToString(secret)))
	}
	files := 0
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, s := range secrets {
			if bytes.Contains(content, s) {
				t.Errorf("%s holds %q", path, s)
			}
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
	for _, s := range secrets {
		if bytes.Contains(log.Bytes(), s) {
			t.Errorf("the log holds %q", s)
		}
	}
}
