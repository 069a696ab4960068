package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"bartizan.dev/policy"
)

func set(t testing.TB, kind policy.Type, docs ...string) *policy.Set {
	t.Helper()
	var all []policy.Labelled
	for i, text := range docs {
		doc, err := policy.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, policy.Labelled{Source: policy.Source{Type: kind, Name: fmt.Sprintf("%s %d", kind, i)}, Document: doc})
	}
	return policy.Compile(all...)
}

func alice(action, resource string) *policy.Request {
	const arn = "arn:aws:iam::111122223333:user/alice"
	r := &policy.Request{
		Principal: policy.Principal{Kind: policy.User, Account: "111122223333", ARN: arn, ID: "AIDAALICE"},
		Action:    action, Resource: resource, ResourceAccount: "111122223333",
	}
	r.Context.Set("aws:PrincipalArn", arn)
	r.Context.SetTime("aws:CurrentTime", time.Unix(1_800_000_000, 0))
	r.Context.SetTags("aws:PrincipalTag/", []policy.Tag{{Key: "team", Value: "blue"}})
	return r
}

func TestTreeTellsWhy(t *testing.T) {
	r := alice("s3:GetObject", "arn:aws:s3:::logs/a")
	b := &policy.Bindings{
		Identity: set(t, policy.Identity,
			`{"Version":"2012-10-17","Statement":[
				{"Sid":"Other","Effect":"Allow","Action":"s3:PutObject","Resource":"*"},
				{"Sid":"Team","Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}]}`,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}]}`),
		SCP: []*policy.Set{set(t, policy.SCP, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)},
	}
	tree := New(r, b)
	if tree.Decision != "implicitDeny" || len(tree.Layers) != 2 {
		t.Fatalf("tree %+v", tree)
	}
	if l := tree.Layers[0]; l.Kind != policy.SCP || l.Result != "allowed" || !l.Policies[0].Statements[0].Matched {
		t.Errorf("SCP layer %+v", l)
	}
	var why []string
	for _, p := range tree.Layers[1].Policies {
		for _, s := range p.Statements {
			why = append(why, s.Why)
		}
	}
	want := []string{
		"it is not about this action",
		`StringEquals aws:PrincipalTag/team wants ["red"], the request has ["blue"]`,
		"it is not about this resource",
	}
	if !slices.Equal(why, want) {
		t.Errorf("why %q, want %q", why, want)
	}
	if want := []string{`meet StringEquals aws:PrincipalTag/team ["red"], as statement 2 of identity-based policy identity-based policy 0 wants`}; !slices.Equal(tree.Instead, want) {
		t.Errorf("instead %q, want %q", tree.Instead, want)
	}
	if len(tree.Changes) != 1 || tree.Changes[0].Edit != AddStatement || tree.Changes[0].Index != -1 ||
		string(tree.Changes[0].Statement) != `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/a"}` {
		t.Errorf("changes %+v", tree.Changes)
	}
}

// TestSuggestLiftsEveryObstacle: a Deny that can spare the principal, one that
// cannot, an SCP level and a boundary that do not allow, and no identity policy.
func TestSuggestLiftsEveryObstacle(t *testing.T) {
	r := alice("s3:GetObject", "arn:aws:s3:::logs/a")
	b := &policy.Bindings{
		Identity: set(t, policy.Identity, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`),
		Boundary: set(t, policy.Boundary, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`),
		SCP: []*policy.Set{
			set(t, policy.SCP, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
			set(t, policy.SCP, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`),
		},
	}
	var got []string
	for _, c := range Suggest(r, b) {
		got = append(got, fmt.Sprintf("%s %d: %s", c.Type, c.Level, c.Edit))
	}
	want := []string{
		"identity-based policy 0: except this principal from the statement",
		"service control policy 1: add this statement",
		"identity-based policy 0: add this statement",
		"permissions boundary 0: add this statement",
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	if policy.Decide(r, b).Allowed {
		t.Error("Suggest changed the bindings it was given")
	}
}

// TestEvidenceDecidesAlike: what is kept of a decision and read back decides as
// the original did, for random policies.
func TestEvidenceDecidesAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	actions := []string{"s3:GetObject", "s3:*", "iam:*", "*"}
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	random := func(kind policy.Type) *policy.Set {
		if rng.IntN(3) == 0 {
			return nil
		}
		principal := ""
		if kind == policy.Resource || kind == policy.Endpoint {
			principal = `"Principal":` + pick(`"*"`, `{"AWS":"arn:aws:iam::111122223333:user/alice"}`, `{"AWS":"111122223333"}`) + `,`
		}
		return set(t, kind, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{%s"Effect":"Allow","Action":%q,"Resource":%q},{%s"Effect":%q,"NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{%q:{"aws:PrincipalTag/team":[%q]}}}]}`,
			principal, pick(actions...), pick("*", "arn:aws:s3:::logs/*", "arn:aws:s3:::${aws:PrincipalTag/team}/*"),
			principal, pick("Allow", "Deny"), pick("StringEquals", "StringNotLike"), pick("blue", "red", "*")))
	}
	for range 2000 {
		r := alice(pick("s3:GetObject", "iam:GetUser"), pick("arn:aws:s3:::logs/a", "arn:aws:s3:::blue/a"))
		b := &policy.Bindings{
			Identity: random(policy.Identity), Boundary: random(policy.Boundary), Session: random(policy.Session),
			Resource: random(policy.Resource), Endpoint: random(policy.Endpoint),
		}
		if s := random(policy.SCP); s != nil {
			b.SCP = []*policy.Set{s}
		}
		want := policy.Decide(r, b)
		mark := r.Context.Mark()
		r.Context.Set("s3:prefix", "a")
		texts := map[string][]byte{}
		var e Evidence
		if err := e.Add(r, b, mark, nil, func(string) bool { return false }, func(id string, text []byte) error { texts[id] = text; return nil }); err != nil {
			t.Fatal(err)
		}
		kept, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		var back Evidence
		if err := json.Unmarshal(kept, &back); err != nil {
			t.Fatal(err)
		}
		r2, b2, err := back.Request(0, func(id string) ([]byte, error) {
			if text, ok := texts[id]; ok {
				return text, nil
			}
			return nil, errors.New("no text " + id)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := policy.Decide(r2, b2); got.Allowed != want.Allowed || got.Explicit != want.Explicit || got.Type != want.Type {
			t.Fatalf("decided %+v, was %+v: %s", got, want, kept)
		}
		if !reflect.DeepEqual(r2.Context.Pairs(0), r.Context.Pairs(0)) {
			t.Fatalf("context %v, was %v", r2.Context.Pairs(0), r.Context.Pairs(0))
		}
		if !want.Allowed {
			if Suggest(r2, b2) == nil {
				t.Fatalf("no way to allow %s", kept)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	for _, event := range []string{"00000000-0000-0000-0000-000000000000", "c1fde159-7ab1-4d22-8862-5620d535b072", "ffffffff-ffff-ffff-ffff-ffffffffffff"} {
		id := ID(event)
		if len(id) != 25 || EventID(id) != event {
			t.Errorf("%s -> %q -> %q", event, id, EventID(id))
		}
	}
	for _, bad := range []string{"", "c1fde159", "zzzzzzzzzzzzzzzzzzzzzzzzz", "-000000000000000000000000", "+000000000000000000000000"} {
		if got := EventID(bad); got != "" {
			t.Errorf("EventID(%q) = %q", bad, got)
		}
	}
	if ID("no uuid") != "" {
		t.Error("ID took what is no UUID")
	}
}
