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

// TestBudget: too little is an error, never an answer.
func TestBudget(t *testing.T) {
	old, updated := satisfiability(t, 20, 60)
	for budget := 1; budget < 20000; budget *= 3 {
		a := &Analyzer{Budget: budget}
		r, err := a.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, policy.Identity)
		if budget < 100 && !errors.Is(err, ErrTooComplex) {
			t.Errorf("budget %d: %v", budget, err)
		}
		if err != nil && !errors.Is(err, ErrTooComplex) || err == nil && r.Pass {
			t.Errorf("budget %d: %+v, %v", budget, r, err)
		}
	}
}

// TestShared: one Analyzer serves many goroutines.
func TestShared(t *testing.T) {
	old, updated := large(t, 1, policy.Identity, 1500), large(t, 2, policy.Identity, 1500)
	want, err := known.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan *Result)
	for range 4 {
		go func() {
			r, err := known.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, policy.Identity)
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
	}
	for range 4 {
		if r := <-done; r == nil || len(r.Reasons) != len(want.Reasons) {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
}
