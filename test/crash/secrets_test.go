package crash

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// written is a value whose writing was acknowledged, and how it is read again.
type written struct {
	service, target string // of the call that reads
	in              map[string]any
	value           string
	member          string // of the answer
}

// A server that is killed in a storm of new secret values and parameters has lost
// none that it acknowledged: each version is there, and its key opens it.
func TestKillSecrets(t *testing.T) {
	const rounds, writers, many = 3, 8, 1000
	data := filepath.Join(shortDir(t), "data")
	s := start(t, data)
	var all []written
	for round := range rounds {
		victim := s
		made := stormOfValues(s, fmt.Sprintf("round-%d", round), writers, many, func() { _ = victim.cmd.Process.Kill() })
		s.kill()
		if len(made) < many {
			t.Fatalf("round %d: an error came after %d values, before the blow:\n%s", round, len(made), s.logged())
		}
		all = append(all, made...)
		s = start(t, data)
		for _, w := range all {
			var out map[string]any
			if err := s.json(w.service, w.target, w.in, &out); err != nil {
				t.Errorf("round %d: %v was acknowledged, and reading says %v", round, w.in, err)
				continue
			}
			if p, ok := out["Parameter"].(map[string]any); ok {
				out = p
			}
			if out[w.member] != w.value {
				t.Errorf("round %d: %v opens to %v, want %s", round, w.in, out[w.member], w.value)
			}
		}
	}
	t.Logf("%d values acknowledged in %d lives, all there", len(all), rounds)
	s.stop()
}

// stormOfValues is storm with versions of secrets and of encrypted parameters.
func stormOfValues(s *server, prefix string, writers, many int, strike func()) (acknowledged []written) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range 100_000 {
				name, value := fmt.Sprintf("%s/%d/%d", prefix, w, i/50), fmt.Sprintf("value %s %d %d", prefix, w, i) // fewer versions each than are kept
				put := s.putSecret
				if w%2 == 1 {
					put = s.putParameter
				}
				done, err := put(name, value, i)
				if err != nil {
					return // the server is gone
				}
				mu.Lock()
				acknowledged = append(acknowledged, done)
				if len(acknowledged) == many {
					go strike() // in the middle of the others' calls
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acknowledged
}

func (s *server) putSecret(name, value string, i int) (written, error) {
	id := fmt.Sprintf("%032d", i)
	target, in := "secretsmanager.PutSecretValue", map[string]any{"SecretId": name, "SecretString": value, "ClientRequestToken": id}
	if i%50 == 0 {
		target, in = "secretsmanager.CreateSecret", map[string]any{"Name": name, "SecretString": value, "ClientRequestToken": id}
	}
	err := s.json("secretsmanager", target, in, nil)
	return written{"secretsmanager", "secretsmanager.GetSecretValue", map[string]any{"SecretId": name, "VersionId": id}, value, "SecretString"}, err
}

func (s *server) putParameter(name, value string, _ int) (written, error) {
	var out struct{ Version int }
	err := s.json("ssm", "AmazonSSM.PutParameter", map[string]any{"Name": "/" + name, "Value": value, "Type": "SecureString", "Overwrite": true}, &out)
	in := map[string]any{"Name": fmt.Sprintf("/%s:%d", name, out.Version), "WithDecryption": true}
	return written{"ssm", "AmazonSSM.GetParameter", in, value, "Value"}, err
}

// json makes a call of a JSON service.
func (s *server) json(service, target string, in map[string]any, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	body, err := s.send(service, "application/x-amz-json-1.1", target, string(text))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(body, out)
}
