package clients

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"bartizan.dev/bartizantest"
)

// TestTerraformKMS applies a module of keys of every origin, finds no drift,
// changes what can be changed, imports, and destroys it: what is left is gone
// when the keys' waiting time is over.
func TestTerraformKMS(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	m := newModule(t, s, "kms")
	m.file("terraform.tfvars", fmt.Appendf(nil, "expiry = %q\n", time.Now().AddDate(0, 6, 0).UTC().Format(time.RFC3339)))
	m.apply()
	type seen struct {
		Password, Description, Origin, Expires, Replica string
		Encrypted, Alias, PEM                           bool
		Algorithms                                      []string
	}
	want := seen{"correct horse", "data of test", "EXTERNAL", "KEY_MATERIAL_DOES_NOT_EXPIRE", "us-east-1", true, true, true, []string{"ECDSA_SHA_256"}}
	check := func() {
		t.Helper()
		var out struct{ Seen struct{ Value seen } }
		if m.outputs(&out); !reflect.DeepEqual(out.Seen.Value, want) {
			t.Errorf("data sources say %+v, want %+v", out.Seen.Value, want)
		}
	}
	check()
	m.apply("-var=stage=live")
	want.Description, want.Expires = "data of live", "KEY_MATERIAL_EXPIRES"
	check()
	m.imports(2) // reading does not tell how long a key waits for its deletion
	m.destroy("-var=stage=live")
	if n := keysOf(t, s); n != 7 {
		t.Errorf("%d keys wait for their end, want 7", n)
	}
	for _, left := range []int{1, 0} { // a primary waits for its replica first
		s.Advance(8 * 24 * time.Hour)
		n := keysOf(t, s)
		for end := time.Now().Add(10 * time.Second); n > left && time.Now().Before(end); {
			n = keysOf(t, s)
		}
		if n != left {
			t.Fatalf("%d keys are left, want %d", n, left)
		}
	}
}

// keysOf counts the keys of the Regions that the module uses, which must have no
// aliases.
func keysOf(t *testing.T, s *bartizantest.Server) int {
	t.Helper()
	n, c := 0, kms.NewFromConfig(goSDK(s, s.Root()))
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		in := func(o *kms.Options) { o.Region = region }
		n += len(must[*kms.ListKeysOutput](t)(c.ListKeys(t.Context(), &kms.ListKeysInput{Limit: aws.Int32(1000)}, in)).Keys)
		if left := must[*kms.ListAliasesOutput](t)(c.ListAliases(t.Context(), nil, in)).Aliases; len(left) > 0 {
			t.Errorf("%d aliases are left in %s", len(left), region)
		}
	}
	return n
}
