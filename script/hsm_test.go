package script

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/keys/pkcs11/pkcs11test"
)

// TestHSM runs the scripts that need an HSM: SoftHSM, with tokens of the test's
// own. $MODULE is its library and $HELPER the helper's program.
func TestHSM(t *testing.T) {
	files, err := filepath.Glob("hsm/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	module, helper := pkcs11test.SoftHSM(t), filepath.Join(t.TempDir(), "bartizan-hsm")
	build := exec.Command("go", "build", "-o", helper, "bartizan.dev/hsm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	player := filepath.Join(filepath.Dir(helper), "redshift-hsm")
	if out, err := exec.Command("go", "build", "-o", player, "bartizan.dev/examples/redshift-hsm").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	more := []string{"MODULE=" + module, "HELPER=" + helper, "PLAYER=" + player}
	for _, v := range pkcs11test.Env(t) {
		if strings.HasPrefix(v, "SOFTHSM2_CONF=") {
			more = append(more, v)
		}
	}
	run(t, files, more...)
}
