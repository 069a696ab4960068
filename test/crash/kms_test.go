package crash

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// kms makes a call of KMS.
func (s *server) kms(operation string, in map[string]any) (out map[string]any, err error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	body, err := s.send("kms", "application/x-amz-json-1.1", "TrentService."+operation, string(text))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &out)
	}
	return out, err
}

// kept is what a server has acknowledged of KMS.
type kept struct {
	mu      sync.Mutex
	keys    []string
	grants  [][2]string       // key, grant
	rotated map[string]int    // by key
	blobs   map[string]string // ciphertext: plaintext in base64
}

// round has writers make keys, grants and rotations and encrypt, until the
// server is killed.
func (k *kept) round(s *server, writers, many int) {
	var wg sync.WaitGroup
	var strike sync.Once
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				out, err := s.kms("CreateKey", map[string]any{"Description": fmt.Sprintf("%d-%d", w, i)})
				if err != nil {
					return
				}
				key := out["KeyMetadata"].(map[string]any)["KeyId"].(string)
				k.mu.Lock()
				k.keys = append(k.keys, key)
				if len(k.keys) >= many {
					strike.Do(func() { go func() { _ = s.cmd.Process.Kill() }() })
				}
				k.mu.Unlock()
				for range 3 {
					if k.use(s, key) != nil {
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func (k *kept) use(s *server, key string) error {
	text := []byte("of " + key)
	out, err := s.kms("Encrypt", map[string]any{"KeyId": key, "Plaintext": text})
	if err != nil {
		return err
	}
	plain, err := json.Marshal(text)
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.blobs[out["CiphertextBlob"].(string)] = string(plain)
	k.mu.Unlock()
	out, err = s.kms("CreateGrant", map[string]any{"KeyId": key, "GranteePrincipal": "arn:aws:iam::000000000000:root", "Operations": []string{"Decrypt"}})
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.grants = append(k.grants, [2]string{key, out["GrantId"].(string)})
	k.mu.Unlock()
	if _, err := s.kms("RotateKeyOnDemand", map[string]any{"KeyId": key}); err != nil {
		return err
	}
	k.mu.Lock()
	k.rotated[key]++
	k.mu.Unlock()
	return nil
}

// check fails for all that was acknowledged and is not there.
func (k *kept) check(t *testing.T, s *server) {
	t.Helper()
	for _, key := range k.keys {
		out, err := s.kms("ListKeyRotations", map[string]any{"KeyId": key})
		if err != nil {
			t.Errorf("key %s: %v", key, err)
		} else if n := len(out["Rotations"].([]any)); n < k.rotated[key] {
			t.Errorf("key %s has %d rotations, %d were acknowledged", key, n, k.rotated[key])
		}
	}
	for _, g := range k.grants {
		out, err := s.kms("ListGrants", map[string]any{"KeyId": g[0], "GrantId": g[1]})
		if err != nil || len(out["Grants"].([]any)) != 1 {
			t.Errorf("grant %v: %v, %v", g, out, err)
		}
	}
	for blob, plain := range k.blobs {
		out, err := s.kms("Decrypt", map[string]any{"CiphertextBlob": blob})
		if err != nil || `"`+out["Plaintext"].(string)+`"` != plain {
			t.Errorf("what was encrypted before the crash: %v, %v", out, err)
		}
	}
}

// A server that is killed in a storm of CreateKey, CreateGrant and
// RotateKeyOnDemand has lost nothing that it acknowledged, and what it has
// encrypted before decrypts after.
func TestKillKMS(t *testing.T) {
	const rounds, writers, many = 3, 12, 60
	data := filepath.Join(shortDir(t), "data")
	s := start(t, data)
	k := &kept{rotated: map[string]int{}, blobs: map[string]string{}}
	for round := range rounds {
		k.round(s, writers, many*(round+1))
		s.kill()
		if len(k.keys) < many*(round+1) {
			t.Fatalf("round %d: an error came after %d keys, before the blow:\n%s", round, len(k.keys), s.logged())
		}
		s = start(t, data)
		k.check(t, s)
	}
	t.Logf("%d keys, %d grants, %d ciphertexts acknowledged in %d lives, all there", len(k.keys), len(k.grants), len(k.blobs), rounds)
	s.stop()
}
