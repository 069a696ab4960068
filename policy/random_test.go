package policy

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// world makes random policies and requests out of few words, so that most
// statements nearly match most requests.
type world struct{ *rand.Rand }

func pick[T any](w world, list ...T) T { return list[w.IntN(len(list))] }

func (w world) chance(percent int) bool { return w.IntN(100) < percent }

// wild puts wildcards into s.
func (w world) wild(s string) string {
	for range w.IntN(3) {
		i := w.IntN(len(s) + 1)
		switch w.IntN(5) {
		case 0:
			s = s[:i] + "*"
		case 1:
			s = s[:i] + "*" + s[min(len(s), i+w.IntN(4)):]
		case 2:
			if i < len(s) {
				s = s[:i] + "?" + s[i+1:]
			}
		}
	}
	return s
}

func (w world) action() string {
	return pick(w, "s3:GetObject", "s3:GetBucketAcl", "s3:PutObject", "kms:Encrypt", "kms:Decrypt", "iam:GetUser",
		"sts:AssumeRole", "sts:GetSessionToken", "sts:GetCallerIdentity")
}

func (w world) actionPattern() string {
	if w.chance(15) {
		return pick(w, "*", "s3:*", "kms:*", "s3:Get*", "*:*", "S3:GETOBJECT", "kms:*crypt", "s?:*")
	}
	return w.wild(w.action())
}

func (w world) resource() string {
	return pick(w, "*", "arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:s3:::b/k/1:2", "arn:aws:s3:::bob/k",
		"arn:aws:kms:eu-west-1:111111111111:key/1", "arn:aws:kms:eu-west-1:222222222222:key/1",
		"arn:aws:iam::111111111111:user/bob", "arn:aws:iam::111111111111:role/r")
}

func (w world) resourcePattern() string {
	switch w.IntN(10) {
	case 0, 1:
		return "*"
	case 2:
		return pick(w, "arn:aws:s3:::${aws:username}/*", "arn:aws:iam::*:user/${aws:username}", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'k'}*",
			"arn:aws:s3:::${nokey}", "arn:aws:s3:::b/${*}", "arn:aws:s3:::b${aws:TagKeys}", "arn:aws:kms", "arn:aws:s3:*")
	}
	return w.wild(w.resource())
}

func (w world) texts(one func() string) any {
	if w.chance(60) {
		return one()
	}
	out := []string{}
	for range 1 + w.IntN(3) {
		out = append(out, one())
	}
	return out
}

func (w world) condition() map[string]any {
	out := map[string]any{}
	for range 1 + w.IntN(2) {
		prefix := pick(w, "", "", "", "ForAnyValue:", "ForAllValues:")
		suffix := pick(w, "", "", "IfExists")
		var op, key string
		var value func() string
		switch w.IntN(8) {
		case 0, 1:
			op = pick(w, "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")
			key = pick(w, "aws:username", "AWS:UserName", "aws:TagKeys", "aws:PrincipalTag/team", "aws:ResourceTag/Team", "nokey", "s3:prefix")
			value = func() string {
				return w.wild(pick(w, "bob", "Bob", "team", "k", "", "${aws:username}", "b${nokey}", "${nokey, 'bob'}", "${$}"))
			}
		case 2:
			op = pick(w, "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals")
			key = pick(w, "s3:max-keys", "aws:username", "nokey")
			value = func() string { return pick(w, "10", "9.5", "10.0", "11", "ten", "") }
		case 3:
			op = pick(w, "DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals")
			key = pick(w, "aws:CurrentTime", "aws:EpochTime", "nokey")
			value = func() string {
				return pick(w, "2026-01-01T00:00:00Z", "1767225600", "2026-01-01", "2026-01", "2025-12-31T23:59:59.5Z", "2026-01-01T01:00:00+01:00", "soon")
			}
		case 4:
			op, key = "Bool", pick(w, "aws:SecureTransport", "aws:username", "nokey")
			value = func() string { return pick(w, "true", "false", "TRUE", "${aws:SecureTransport}") }
		case 5:
			op, key = pick(w, "IpAddress", "NotIpAddress"), pick(w, "aws:SourceIp", "nokey", "aws:username")
			value = func() string { return pick(w, "10.0.0.0/8", "10.1.2.3", "192.168.0.0/16", "2001:db8::/32", "x") }
		case 6:
			op, key = pick(w, "ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals"), pick(w, "aws:SourceArn", "aws:username", "nokey")
			value = func() string {
				return w.wild(pick(w, "arn:aws:s3:::b", "arn:aws:s3:::${aws:username}", "${aws:SourceArn}", "*", "arn:aws:s3:${nokey, ''}:${nokey}:b", "arn:${aws:username}:*:${s3:prefix}::b"))
			}
		default:
			op, key, prefix, suffix = pick(w, "Null", "BinaryEquals"), pick(w, "aws:username", "nokey", "aws:TagKeys"), "", ""
			value = func() string { return pick(w, "true", "false", "Ym9i") }
		}
		out[prefix+op+suffix] = map[string]any{key: w.texts(value)}
	}
	return out
}

var people = []string{
	"arn:aws:iam::111111111111:user/bob", "arn:aws:iam::111111111111:root", "111111111111", "arn:aws:iam::222222222222:root",
	"arn:aws:iam::111111111111:role/r", "arn:aws:sts::111111111111:assumed-role/r/s", "AROA1", "AIDA1", "*",
	"arn:aws:sts::111111111111:federated-user/fed",
}

func (w world) principals() any {
	if w.chance(25) {
		return "*"
	}
	out := map[string]any{}
	if w.chance(80) {
		out["AWS"] = w.texts(func() string { return pick(w, people...) })
	}
	if w.chance(20) {
		out["Service"] = pick(w, "s3.amazonaws.com", "sns.amazonaws.com")
	}
	if w.chance(20) {
		out["Federated"] = pick(w, "accounts.google.com", "arn:aws:iam::111111111111:saml-provider/p")
	}
	if w.chance(10) {
		out["CanonicalUser"] = "c1"
	}
	return out
}

func (w world) statement(t Type) map[string]any {
	s := map[string]any{"Effect": pick(w, "Allow", "Allow", "Allow", "Deny")}
	s[pick(w, "Action", "Action", "Action", "Action", "NotAction")] = w.texts(w.actionPattern)
	if t != Trust {
		s[pick(w, "Resource", "Resource", "Resource", "NotResource")] = w.texts(w.resourcePattern)
	}
	if w.chance(40) {
		s["Condition"] = w.condition()
	}
	switch t {
	case Resource, Trust, Endpoint:
		s[pick(w, "Principal", "Principal", "Principal", "NotPrincipal")] = w.principals()
	case RCP:
		s["Principal"] = "*"
	}
	return s
}

func (w world) documents(t *testing.T, typ Type) ([]*Document, *Set) {
	var docs []*Document
	var in []Labelled
	for range w.IntN(3) {
		var list []any
		for range 1 + w.IntN(4) {
			list = append(list, w.statement(typ))
		}
		text, err := json.Marshal(map[string]any{"Version": pick(w, "2012-10-17", "2012-10-17", "2008-10-17"), "Statement": list})
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%s): %v", text, err)
		}
		docs = append(docs, d)
		in = append(in, Labelled{Source{Type: typ}, d})
	}
	return docs, Compile(in...)
}

func (w world) request() (*Request, map[string]Value) {
	r := &Request{Action: w.action(), Resource: w.resource()}
	r.ResourceAccount = pick(w, "", "111111111111", "111111111111", "222222222222")
	const acct = "111111111111"
	switch Kind(w.IntN(8)) {
	case Anonymous:
	case Root:
		r.Principal = Principal{Kind: Root, Account: acct, ARN: "arn:aws:iam::" + acct + ":root", ID: acct}
	case User:
		r.Principal = Principal{Kind: User, Account: acct, ARN: "arn:aws:iam::" + acct + ":user/bob", ID: "AIDA1", Canonical: "c1"}
	case Role:
		r.Principal = Principal{Kind: Role, Account: acct, ARN: "arn:aws:sts::" + acct + ":assumed-role/r/s", Issuer: "arn:aws:iam::" + acct + ":role/r", ID: "AROA1:s", ServiceLinked: w.chance(10)}
	case FederatedUser:
		r.Principal = Principal{Kind: FederatedUser, Account: acct, ARN: "arn:aws:sts::" + acct + ":federated-user/fed", Issuer: pick(w, "arn:aws:iam::"+acct+":user/bob", "arn:aws:iam::"+acct+":root")}
	case Service:
		r.Principal = Principal{Kind: Service, Names: []string{"s3.amazonaws.com", "eu-west-1.s3.amazonaws.com"}}
	case WebIdentity:
		r.Principal = Principal{Kind: WebIdentity, Names: []string{"accounts.google.com"}}
	case SAML:
		r.Principal = Principal{Kind: SAML, Names: []string{"arn:aws:iam::" + acct + ":saml-provider/p"}}
	}
	keys := map[string]Value{}
	one := func(k, v string) { r.Context.Set(k, v); keys[strings.ToLower(k)] = Value{Values: []string{v}} }
	if w.chance(80) {
		one("aws:username", pick(w, "bob", "b", "k", "x"))
	}
	if w.chance(60) {
		one("s3:max-keys", pick(w, "9", "10", "11", "ten"))
		one("s3:prefix", pick(w, "", "k"))
	}
	if w.chance(80) {
		one("aws:SecureTransport", pick(w, "true", "false"))
		one("aws:SourceIp", pick(w, "10.1.2.3", "192.168.1.1", "2001:db8::1", "8.8.8.8"))
		one("aws:CurrentTime", pick(w, "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2025-12-31T23:59:59.5Z"))
		one("aws:SourceArn", pick(w, "arn:aws:s3:::b", "arn:aws:s3:::bob", "b"))
	}
	if w.chance(50) {
		r.Context.SetInt("aws:EpochTime", 1767225600)
		keys["aws:epochtime"] = Value{Values: []string{"1767225600"}}
	}
	tags := []Tag{{"team", pick(w, "k", "team")}, {"Owner", "bob"}}[:w.IntN(3)]
	r.Context.SetTags("aws:PrincipalTag/", tags)
	r.Context.SetFunc("aws:ResourceTag/", func(name string) (string, bool) { return "team", strings.EqualFold(name, "team") })
	keys["aws:resourcetag/team"] = Value{Values: []string{"team"}}
	v := Value{Multi: true}
	for _, tag := range tags {
		keys["aws:principaltag/"+strings.ToLower(tag.Key)] = Value{Values: []string{tag.Value}}
		v.Values = append(v.Values, tag.Key)
	}
	if w.chance(50) {
		r.Context.SetTagKeys("aws:TagKeys", tags)
		keys["aws:tagkeys"] = v
	}
	return r, keys
}

// oneDecision compares Decide, Explain and the naive evaluator on one random
// case and returns what was decided.
func oneDecision(t *testing.T, seed uint64) Decision {
	w := world{rand.New(rand.NewPCG(seed, 1))}
	r, keys := w.request()
	n := &naive{req: r, keys: keys, b: &naiveBindings{}}
	b := &Bindings{}
	n.b.identity, b.Identity = w.documents(t, Identity)
	if w.chance(30) {
		n.b.boundary, b.Boundary = w.documents(t, Boundary)
		n.b.hasBoundary = true
	}
	if w.chance(30) {
		n.b.session, b.Session = w.documents(t, Session)
		n.b.hasSession = true
	}
	if w.chance(15) {
		n.b.endpoint, b.Endpoint = w.documents(t, Endpoint)
		n.b.hasEndpoint = true
	}
	b.Authority = pick(w, Shared, Shared, Key, RoleTrust)
	n.b.authority = b.Authority
	typ := Resource
	if b.Authority == RoleTrust {
		typ = Trust
	}
	if w.chance(70) {
		n.b.resource, b.Resource = w.documents(t, typ)
	}
	for range w.IntN(8) - 5 {
		docs, set := w.documents(t, SCP)
		n.b.scp, b.SCP = append(n.b.scp, docs), append(b.SCP, set)
	}
	for range w.IntN(8) - 5 {
		docs, set := w.documents(t, RCP)
		n.b.rcp, b.RCP = append(n.b.rcp, docs), append(b.RCP, set)
	}
	if w.chance(5) {
		n.b.grant, b.Grant = true, &Source{Type: Grant, Name: "g"}
	}
	allowed, explicit, by := n.decide()
	d := Decide(r, b)
	if d.Allowed != allowed || d.Explicit != explicit || d.Type != by {
		t.Fatalf("seed %d: Decide = %+v, the naive evaluator says allowed %v, explicit %v, by %v\n%s", seed, d, allowed, explicit, by, describe(r, n.b))
	}
	checkExplanation(t, seed, Explain(r, b), d)
	return d
}

// checkExplanation: what Explain tells must bear the decision out.
func checkExplanation(t *testing.T, seed uint64, e *Explanation, d Decision) {
	if e.Decision != d {
		t.Fatalf("seed %d: Explain decides %+v, Decide %+v", seed, e.Decision, d)
	}
	if d.Statement == nil {
		return
	}
	for _, m := range e.Matched() {
		if m.Statement == d.Statement.Statement {
			return
		}
	}
	t.Fatalf("seed %d: the deciding statement is not among the matched", seed)
}

func describe(r *Request, b *naiveBindings) string {
	x, _ := json.MarshalIndent(map[string]any{
		"principal": r.Principal, "action": r.Action, "resource": r.Resource, "account": r.ResourceAccount,
		"identity": b.identity, "boundary": b.boundary, "session": b.session, "endpoint": b.endpoint,
		"resourcePolicy": b.resource, "scp": b.scp, "rcp": b.rcp,
	}, "", " ")
	return string(x)
}

func TestDecideAgainstNaive(t *testing.T) {
	n := uint64(8000)
	if testing.Short() {
		n = 2000
	}
	seen := map[Decision]int{}
	for seed := range n {
		d := oneDecision(t, seed)
		d.Statement = nil
		seen[d]++
	}
	t.Logf("%d outcomes: %v", len(seen), seen)
	if len(seen) < 20 {
		t.Errorf("the random cases reach only %d different outcomes", len(seen))
	}
}

func FuzzDecide(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { oneDecision(t, seed) })
}
