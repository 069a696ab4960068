package analysis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bartizan.dev/policy"
)

// satisfiability writes a random 3-SAT problem as policies: an old policy that
// allows what breaks a clause, a new one that allows everything. Nobody decides
// large ones quickly.
func satisfiability(t testing.TB, variables, clauses int) (old, updated *policy.Document) {
	w := world{rand.New(rand.NewPCG(uint64(variables), uint64(clauses)))}
	var list []any
	for range clauses {
		c := map[string]any{}
		for len(c) < 3 {
			c[fmt.Sprintf("x:v%d", w.IntN(variables))] = pick(w, "true", "false")
		}
		list = append(list, map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": map[string]any{"StringEquals": c}})
	}
	exact := map[string]any{}
	for i := range variables {
		exact[fmt.Sprintf("x:v%d", i)] = []string{"true", "false"}
	}
	return marshal(t, list), marshal(t, []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": map[string]any{"StringEquals": exact}}})
}

// stars writes policies whose automata have very many states together.
func stars(t testing.TB, n int) (old, updated *policy.Document) {
	var resources []string
	for i := range n {
		resources = append(resources, fmt.Sprintf("arn:aws:s3:::*%c%c*%c*?%c*", 'a'+i%26, 'a'+i*7%26, 'a'+i*11%26, 'a'+i*3%26))
	}
	return marshal(t, []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": resources}}),
		marshal(t, []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::*x*y*"}, map[string]any{"Effect": "Deny", "Action": "*", "NotResource": resources}})
}

// TestBounded: what is too hard ends, with an answer or an error that says so.
func TestBounded(t *testing.T) {
	type pair struct{ old, updated *policy.Document }
	var list []pair
	for _, n := range []int{5, 12, 30, 60} {
		old, updated := satisfiability(t, n, n*43/10)
		list = append(list, pair{old, updated})
	}
	for _, n := range []int{3, 8, 40} {
		old, updated := stars(t, n)
		list = append(list, pair{old, updated})
	}
	var values []string
	for i := range 60 {
		values = append(values, fmt.Sprintf("*%c%c*%c*", 'a'+i%26, 'a'+i*5%26, 'a'+i*3%26))
	}
	tags := parse(t, statements(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/t":["`+strings.Join(values, `","`)+`"]}}}`))
	list = append(list, pair{tags, parse(t, statements(`{"Effect":"Allow","Action":"*","Resource":"*"}`))})
	for i, p := range list {
		began := time.Now()
		r, err := known.NoNewAccess([]*policy.Document{p.old}, []*policy.Document{p.updated}, policy.Identity)
		took := time.Since(began)
		switch {
		case errors.Is(err, ErrTooComplex):
			t.Logf("%d: too complex after %v", i, took)
		case err != nil:
			t.Errorf("%d: %v", i, err)
		default:
			t.Logf("%d: pass = %v after %v", i, r.Pass, took)
		}
		if took > 15*time.Second {
			t.Errorf("%d: %v", i, took)
		}
	}
}
