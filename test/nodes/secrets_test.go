package nodes

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

// json makes a call of a JSON service; target is its X-Amz-Target.
func (n *node) json(t *testing.T, c sigv4.Credentials, service, target string, in map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.send(c, service, target, "application/x-amz-json-1.1", body)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	return a
}

func (n *node) mustJSON(t *testing.T, c sigv4.Credentials, service, target string, in map[string]any) map[string]any {
	t.Helper()
	a := n.json(t, c, service, target, in)
	out := map[string]any{}
	if !a.ok() {
		t.Fatalf("%s: %v %s", target, a, a.body)
	}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// What lets ann read a value is taken away at node A, and she is refused at node
// B within a second, and stays refused.
func TestSecretsRemoved(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	const manager, parameters = "secretsmanager", "ssm"
	statement := func(action, arn string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":"` + action + `","Resource":"*"}}`
	}
	ann := p.a.user(t, p.root, "ann")
	arn := "arn:aws:iam::" + account + ":user/ann"
	bare := p.a.user(t, p.root, "owner") // reads by a policy of its own
	p.a.do(t, p.root, "iam", "PutUserPolicy", "UserName", "owner", "PolicyName", "p", "PolicyDocument", allow("secretsmanager:*", "ssm:*", "kms:Decrypt"))

	secret := func(t *testing.T, name string) {
		p.a.mustJSON(t, p.root, manager, "secretsmanager.CreateSecret", map[string]any{"Name": name, "SecretString": "x", "ClientRequestToken": strings.Repeat("1", 32)})
	}
	for _, r := range []struct {
		name            string
		as              sigv4.Credentials
		service, target string
		in              map[string]any
		refusal         string
		give, take      func(t *testing.T)
	}{
		{"resource-policy-deleted", ann, manager, "secretsmanager.GetSecretValue", map[string]any{"SecretId": "policy"}, "AccessDeniedException",
			func(t *testing.T) {
				secret(t, "policy")
				p.a.mustJSON(t, p.root, manager, "secretsmanager.PutResourcePolicy", map[string]any{"SecretId": "policy", "ResourcePolicy": statement("secretsmanager:GetSecretValue", arn)})
			}, func(t *testing.T) {
				p.a.mustJSON(t, p.root, manager, "secretsmanager.DeleteResourcePolicy", map[string]any{"SecretId": "policy"})
			}},
		{"secret-marked", bare, manager, "secretsmanager.GetSecretValue", map[string]any{"SecretId": "marked"}, "InvalidRequestException",
			func(t *testing.T) { secret(t, "marked") }, func(t *testing.T) {
				p.a.mustJSON(t, p.root, manager, "secretsmanager.DeleteSecret", map[string]any{"SecretId": "marked"})
			}},
		{"secret-deleted", bare, manager, "secretsmanager.GetSecretValue", map[string]any{"SecretId": "deleted"}, "ResourceNotFoundException",
			func(t *testing.T) { secret(t, "deleted") }, func(t *testing.T) {
				p.a.mustJSON(t, p.root, manager, "secretsmanager.DeleteSecret", map[string]any{"SecretId": "deleted", "ForceDeleteWithoutRecovery": true})
			}},
		{"key-disabled", bare, manager, "secretsmanager.GetSecretValue", map[string]any{"SecretId": "keyed"}, "DecryptionFailure",
			func(t *testing.T) {
				key := part[string](t, p.a.mustJSON(t, p.root, "kms", "TrentService.CreateKey", map[string]any{}), "KeyMetadata", "KeyId")
				p.a.mustJSON(t, p.root, "kms", "TrentService.CreateAlias", map[string]any{"AliasName": "alias/keyed", "TargetKeyId": key})
				p.a.mustJSON(t, p.root, manager, "secretsmanager.CreateSecret", map[string]any{"Name": "keyed", "SecretString": "x", "KmsKeyId": "alias/keyed", "ClientRequestToken": strings.Repeat("1", 32)})
			}, func(t *testing.T) {
				k := p.a.mustJSON(t, p.root, "kms", "TrentService.DescribeKey", map[string]any{"KeyId": "alias/keyed"})
				p.a.mustJSON(t, p.root, "kms", "TrentService.DisableKey", map[string]any{"KeyId": part[string](t, k, "KeyMetadata", "KeyId")})
			}},
		{"parameter-deleted", bare, parameters, "AmazonSSM.GetParameter", map[string]any{"Name": "/app/deleted", "WithDecryption": true}, "ParameterNotFound",
			func(t *testing.T) {
				p.a.mustJSON(t, p.root, parameters, "AmazonSSM.PutParameter", map[string]any{"Name": "/app/deleted", "Value": "x", "Type": "SecureString"})
			}, func(t *testing.T) {
				p.a.mustJSON(t, p.root, parameters, "AmazonSSM.DeleteParameter", map[string]any{"Name": "/app/deleted"})
			}},
	} {
		t.Run(r.name, func(t *testing.T) {
			r.give(t)
			read := func() answer { return p.b.json(t, r.as, r.service, r.target, r.in) }
			for range 3 { // the caches of B know it
				if a := read(); !a.ok() {
					t.Fatalf("given at A, refused at B: %v %s", a, a.body)
				}
			}
			r.take(t)
			taken := time.Now()
			var last time.Duration
			refused := 0
			for refused < 5 && time.Since(taken) < 5*time.Second {
				a := read()
				switch {
				case a.ok() && refused > 0:
					t.Fatalf("allowed again after it was refused, %v after it was taken away", a.begun.Sub(taken))
				case a.ok():
					last = a.begun.Sub(taken)
				case !strings.HasPrefix(a.code, r.refusal):
					t.Fatalf("refused with %v %s, want %s", a, a.body, r.refusal)
				default:
					refused++
				}
			}
			if refused == 0 || last > second {
				t.Errorf("still allowed %v after it was taken away, want at most %v", last, second)
			}
			t.Logf("refused at B %v after the answer at A", last)
		})
	}
}
