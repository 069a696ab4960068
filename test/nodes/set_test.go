package nodes

import (
	crand "crypto/rand"
	"slices"
	"testing"

	"bartizan.dev/sigv4"
)

func rand() string { return crand.Text()[:12] }

// missing fails for what of want is not in have.
func missing(t *testing.T, what string, want, have []string) {
	t.Helper()
	there := map[string]bool{}
	for _, s := range have {
		there[s] = true
	}
	var lost []string
	for _, s := range want {
		if !there[s] {
			lost = append(lost, s)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		t.Errorf("%d of %d %s are missing: %v", len(lost), len(want), what, lost[:min(len(lost), 10)])
	}
}

// created are the users that CreateUser events without an error name, as n
// answers.
func created(t *testing.T, root sigv4.Credentials, n *node) (out []string) {
	t.Helper()
	for _, e := range lookup(t, root, []*node{n}, by("EventName", "CreateUser")) {
		if name, failed := e.request(t); failed == "" {
			out = append(out, name)
		}
	}
	return out
}
