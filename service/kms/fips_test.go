package kms

import (
	"crypto/fips140"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
)

// forbidden is what GODEBUG=fips140=only takes away.
var forbidden = map[string]bool{"RSAES_OAEP_SHA_1": true, "ECC_SECG_P256K1": true}

// TestFIPSOnly runs itself in a process with GODEBUG=fips140=only. All of KMS
// works in it but for what is forbidden, which answers
// UnsupportedOperationException. README.md has the table.
func TestFIPSOnly(t *testing.T) {
	if !fips140.Enforced() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSOnly$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "under fips140=only") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f := newFixture(t)
	me := root(account)
	refused := map[string]bool{}
	for _, spec := range keySpecs {
		if spec == "RSA_3072" || spec == "RSA_4096" {
			continue // as RSA_2048
		}
		for _, usage := range material.Usages(spec) {
			out, err := f.call(me, "CreateKey", &api.CreateKeyRequest{KeySpec: api.KeySpec(spec), KeyUsage: api.KeyUsageType(usage)})
			if err != nil {
				wantError(t, spec, err, "UnsupportedOperationException")
				refused[spec] = true
				continue
			}
			m := out.(*api.CreateKeyResponse).KeyMetadata
			m.EncryptionAlgorithms = slices.DeleteFunc(m.EncryptionAlgorithms, func(a api.EncryptionAlgorithmSpec) bool {
				if !forbidden[string(a)] {
					return false
				}
				f.refused(me, &api.EncryptRequest{KeyId: m.KeyId, Plaintext: []byte("x"), EncryptionAlgorithm: a}, "UnsupportedOperationException")
				refused[string(a)] = true
				return true
			})
			f.exercise(me, m)
		}
	}
	id := f.newKey(me, nil).KeyId
	for _, spec := range []api.DataKeyPairSpec{api.DataKeyPairSpec_ECC_SECG_P256K1} {
		f.refused(me, &api.GenerateDataKeyPairRequest{KeyId: id, KeyPairSpec: spec}, "UnsupportedOperationException")
	}
	do[api.GenerateDataKeyPairResponse](f, me, &api.GenerateDataKeyPairRequest{KeyId: id, KeyPairSpec: api.DataKeyPairSpec_ECC_NIST_P384})
	do[api.RotateKeyOnDemandResponse](f, me, &api.RotateKeyOnDemandRequest{KeyId: id})
	g := do[api.CreateGrantResponse](f, me, grantTo(id, rootARN(other), opDecrypt))
	do[api.RetireGrantOutput](f, me, &api.RetireGrantRequest{GrantToken: g.GrantToken})
	if !maps.Equal(refused, forbidden) {
		t.Errorf("refused %v, want %v", refused, forbidden)
	}
	t.Logf("under fips140=only these are refused: %v", slices.Sorted(maps.Keys(refused)))
}
