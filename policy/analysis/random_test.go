package analysis

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"

	"bartizan.dev/policy"
)

// world makes random policies and requests out of few words, so that policies
// nearly cover each other.
type world struct{ *rand.Rand }

func pick[T any](w world, list ...T) T { return list[w.IntN(len(list))] }

func (w world) chance(percent int) bool { return w.IntN(100) < percent }

func (w world) actions() []string {
	var out []string
	for range 1 + w.IntN(3) {
		out = append(out, pick(w, "*", "s3:*", "s3:Get*", "s3:GetObject", "s3:*Object", "s3:PutObject", "kms:*", "kms:?ncrypt", "*:Decrypt", "kms:D*t"))
	}
	return out
}

func (w world) resources(variables bool) []string {
	var out []string
	for range 1 + w.IntN(3) {
		r := pick(w, "*", "arn:aws:s3:::*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b*", "arn:aws:s3:::b/?", "arn:aws:s3:::*/k",
			"arn:aws:*:*:*:*", "arn:aws:kms:*:111111111111:key/*", "arn:aws:kms:eu-west-1:*:key/1", "arn:aws:kms", "arn:*:s3:::b/k", "arn:aws:s3:::b/k*", "arn:aws:s3:*:*:b")
		if variables && w.chance(25) {
			r = pick(w, "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::${aws:PrincipalTag/t}/*", "arn:aws:s3:::${aws:username, 'b'}/k")
		}
		out = append(out, r)
	}
	return out
}

func (w world) condition(variables bool) map[string]any {
	set := pick(w, "", "", "", "ForAnyValue:", "ForAllValues:")
	suffix := pick(w, "", "", "IfExists")
	var op, key string
	var values []string
	switch w.IntN(7) {
	case 0:
		op, key = pick(w, "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"), pick(w, "aws:username", "aws:PrincipalTag/t", "aws:TagKeys", "x:unknown")
		values = []string{pick(w, "a", "A", "b*", "bob", "*", "b?b"), pick(w, "a", "bob", "c")}
		if variables && w.chance(20) {
			values = []string{pick(w, "${aws:username}", "${aws:PrincipalTag/t}")}
		}
	case 1:
		op, key = pick(w, "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"), pick(w, "s3:max-keys", "x:number")
		values = []string{pick(w, "1", "10", "10.5", "-3")}
	case 2:
		op, key = pick(w, "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"), "aws:CurrentTime"
		values = []string{pick(w, "2026-01-01T00:00:00Z", "2026-06-01", "1767225600")}
	case 3:
		op, key = pick(w, "Bool", "StringEquals", "StringNotEquals"), "aws:SecureTransport"
		values = []string{pick(w, "true", "false")}
	case 4:
		op, key = pick(w, "IpAddress", "NotIpAddress"), "aws:SourceIp"
		values = []string{pick(w, "10.0.0.0/8", "10.1.0.0/16", "10.128.0.0/9", "2001:db8::/32", "0.0.0.0/0")}
	case 5:
		op, key = pick(w, "ArnLike", "ArnEquals", "ArnNotLike"), pick(w, "aws:SourceArn", "aws:PrincipalArn")
		values = []string{pick(w, "arn:aws:s3:::b", "arn:aws:s3:::*", "arn:aws:iam::111111111111:role/*", "arn:aws:iam::*:user/bob", "arn:aws:iam::*:*")}
	default:
		set, suffix = "", ""
		op, key = "Null", pick(w, "aws:username", "aws:TagKeys", "aws:SourceIp")
		values = []string{pick(w, "true", "false")}
	}
	return map[string]any{set + op + suffix: map[string]any{key: values}}
}

func (w world) principal() any {
	if w.chance(30) {
		return "*"
	}
	var out []string
	for range 1 + w.IntN(2) {
		out = append(out, pick(w, "111111111111", "arn:aws:iam::111111111111:root", "222222222222", "arn:aws:iam::111111111111:user/bob", "arn:aws:iam::111111111111:role/r",
			"arn:aws:sts::111111111111:assumed-role/r/s", "AIDA1", "AROA1"))
	}
	m := map[string]any{"AWS": out}
	if w.chance(20) {
		m["Service"] = pick(w, "s3.amazonaws.com", "sns.amazonaws.com")
	}
	if w.chance(20) {
		m["Federated"] = pick(w, "accounts.google.com", "arn:aws:iam::111111111111:saml-provider/p")
	}
	return m
}

func (w world) statement(t policy.Type, variables bool) map[string]any {
	s := map[string]any{"Effect": pick(w, "Allow", "Allow", "Deny")}
	s[pick(w, "Action", "Action", "Action", "NotAction")] = w.actions()
	s[pick(w, "Resource", "Resource", "Resource", "NotResource")] = w.resources(variables)
	if w.chance(50) {
		s["Condition"] = w.condition(variables)
	}
	if t == policy.Resource {
		s["Principal"] = w.principal()
		if s["Effect"] == "Deny" && w.chance(20) {
			s["NotPrincipal"] = w.principal()
			delete(s, "Principal")
		}
	}
	return s
}

func (w world) document(t testing.TB, typ policy.Type, variables bool) *policy.Document {
	var list []any
	for range 1 + w.IntN(4) {
		list = append(list, w.statement(typ, variables))
	}
	return marshal(t, list)
}

func marshal(t testing.TB, list []any) *policy.Document {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": list})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

// request makes a request that is in the space of requests.
func (w world) request(e *engine) *policy.Request {
	who := e.people[w.IntN(len(e.people))]
	r := &policy.Request{Principal: who.Principal}
	r.Action = pick(w, "s3:GetObject", "s3:PutObject", "s3:GetBucketAcl", "kms:Encrypt", "kms:Decrypt", "kms:DeleteIt", "iam:GetUser", "kxx:Decrypt")
	r.Resource = pick(w, "*", "arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:s3:::bob/k", "arn:aws:s3:::b/bob", "arn:aws:s3:::b/bob/x", "arn:aws:s3:::a/k",
		"arn:aws:kms:eu-west-1:111111111111:key/1", "arn:aws:kms:us-east-1:222222222222:key/1", "arn:aws:kms:eu-west-1:111111111111:key/2", "arn:aws-cn:s3:::b/k")
	who.context(&r.Context)
	for i, k := range e.keys {
		if w.chance(35) || len(k.cells) == 0 {
			continue
		}
		v := k.cells[w.IntN(len(k.cells))]
		if i%2 == 0 && k.typ == 0 && !k.multi {
			v = pick(w, v, "bob", "a", "b", "k")
		}
		if k.lone && (!k.multi || w.chance(50)) {
			r.Context.Set(k.name, v)
		} else {
			r.Context.SetAll(k.name, []string{v, k.cells[w.IntN(len(k.cells))]}[:1+w.IntN(2)])
		}
	}
	return r
}

// onePair compares the answer about two random policies with the answers of
// policy.Decide to random requests.
func onePair(t *testing.T, seed uint64) string {
	w := world{rand.New(rand.NewPCG(seed, 7))}
	typ := pick(w, policy.Identity, policy.Resource)
	variables := w.chance(30)
	old, updated := w.document(t, typ, variables), w.document(t, typ, variables)
	if w.chance(50) { // a policy and a change of it
		updated = w.mutate(t, old, typ, variables)
	}
	r, err := known.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, typ)
	if _, ok := errors.AsType[*UnsupportedError](err); ok && variables {
		return "unsupported"
	}
	if err != nil {
		t.Fatalf("seed %d: %v\nold %s\nnew %s", seed, err, text(t, old), text(t, updated))
	}
	if !r.Pass {
		return "fail"
	}
	e, err := known.prepare([]*policy.Document{old}, []*policy.Document{updated}, typ, byAccount, true)
	if err != nil {
		t.Fatal(err)
	}
	for range 150 {
		q := w.request(e)
		if policy.Decide(q, &e.new.bindings).Allowed && !policy.Decide(q, &e.old.bindings).Allowed {
			if q.Principal.Kind == policy.WebIdentity || q.Principal.Kind == policy.SAML {
				continue // an old "*" is read leniently
			}
			t.Fatalf("seed %d: passed, but the new policy allows %s on %s by %+v in %+v\nold %s\nnew %s", seed, q.Action, q.Resource, q.Principal, q.Context, text(t, old), text(t, updated))
		}
	}
	return "pass"
}

// mutate drops, adds or replaces a statement.
func (w world) mutate(t testing.TB, d *policy.Document, typ policy.Type, variables bool) *policy.Document {
	c := clone(d)
	i := w.IntN(len(c.Statements))
	switch w.IntN(4) {
	case 0:
		c.Statements = append(c.Statements, w.document(t, typ, variables).Statements...)
	case 1:
		if s := &c.Statements[i]; len(s.Action) > 1 {
			s.Action = s.Action[1:]
		}
	case 2:
		c.Statements[i].Effect = policy.Deny
	default:
		if len(c.Statements) > 1 {
			c.Statements = append(c.Statements[:i], c.Statements[i+1:]...)
		}
	}
	return c
}

func text(t testing.TB, d *policy.Document) string {
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAgainstDecide(t *testing.T) {
	n := uint64(1200)
	if testing.Short() {
		n = 300
	}
	seen := map[string]int{}
	for seed := range n {
		seen[onePair(t, seed)]++
	}
	t.Log(seen)
	if seen["pass"] < int(n)/10 || seen["fail"] < int(n)/10 {
		t.Errorf("the random cases are too much alike: %v", seen)
	}
}

func FuzzNoNewAccess(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { onePair(t, seed) })
}

// FuzzDocuments: documents of any kind give an answer or an error, within the
// budget, and every answer is confirmed.
func FuzzDocuments(f *testing.F) {
	w := world{rand.New(rand.NewPCG(3, 3))}
	for range 8 {
		f.Add(text(f, w.document(f, policy.Identity, true)), text(f, w.document(f, policy.Identity, true)), false)
		f.Add(text(f, w.document(f, policy.Resource, true)), text(f, w.document(f, policy.Resource, true)), true)
	}
	small := &Analyzer{Reference: known.Reference, Budget: 100_000}
	f.Fuzz(func(t *testing.T, a, b string, resource bool) {
		old, err := policy.Parse([]byte(a))
		if err != nil {
			return
		}
		updated, err := policy.Parse([]byte(b))
		if err != nil {
			return
		}
		typ := policy.Identity
		if resource {
			typ = policy.Resource
			if _, err := small.Access(updated, Zone{Accounts: []string{someAccount}, Organization: "o-1"}); bug(err) {
				t.Fatal(err)
			}
		}
		if _, err := small.NoNewAccess([]*policy.Document{old}, []*policy.Document{updated}, typ); bug(err) {
			t.Fatal(err)
		}
	})
}

// bug: an error that no document should bring about.
func bug(err error) bool {
	_, unsupported := errors.AsType[*UnsupportedError](err)
	_, malformed := errors.AsType[*policy.Error](err)
	return err != nil && !unsupported && !malformed && !errors.Is(err, ErrTooComplex)
}

// TestMinimiseDecidesTheSame compares a policy with its smaller self, request
// by request, alone and beside policies that allow everything.
func TestMinimiseDecidesTheSame(t *testing.T) {
	smaller := 0
	for seed := range uint64(60) {
		w := world{rand.New(rand.NewPCG(seed, 21))}
		typ := pick(w, policy.Identity, policy.Resource)
		d := w.document(t, typ, w.chance(30))
		d.Statements = append(d.Statements, w.document(t, typ, false).Statements...)
		m, removed, err := known.Minimise(d, typ)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		smaller += len(removed)
		for _, near := range []closeness{byAccount, byRole, byItself} {
			e, err := known.prepare([]*policy.Document{d}, []*policy.Document{m}, typ, near, false)
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				q := w.request(e)
				a, b := policy.Decide(q, &e.old.bindings), policy.Decide(q, &e.new.bindings)
				if a.Allowed != b.Allowed || a.Explicit != b.Explicit {
					t.Fatalf("seed %d: %s on %s by %+v in %+v: %+v, then %+v\n%s\n%s", seed, q.Action, q.Resource, q.Principal, q.Context, a, b, text(t, d), text(t, m))
				}
			}
		}
	}
	if smaller < 40 {
		t.Errorf("only %d removed", smaller)
	}
}
