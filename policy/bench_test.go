package policy

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// mixedStatements returns n statements as a big organisation has them: exact
// and wildcard actions, resources with prefix, middle and suffix wildcards,
// variables, conditions, and one Deny in ten.
func mixedStatements(n int) []any {
	services := []string{"s3", "kms", "sqs", "dynamodb", "iam", "ec2", "secretsmanager", "logs"}
	var out []any
	for i := range n {
		svc := services[i%len(services)]
		s := map[string]any{"Effect": "Allow", "Action": []string{svc + ":GetThing", svc + ":PutThing"}}
		switch i % 10 {
		case 0:
			s["Action"] = svc + ":Get*"
			s["Resource"] = fmt.Sprintf("arn:aws:%s:*:111122223333:thing/team-%d/*", svc, i)
		case 1:
			s["Effect"] = "Deny"
			s["Resource"] = fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/secret-%d/*", svc, i)
			s["Condition"] = map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}
		case 2:
			s["Resource"] = fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/${aws:username}/%d/*", svc, i)
		case 3:
			s["Resource"] = fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/app-%d-*-log", svc, i)
			s["Condition"] = map[string]any{"StringEquals": map[string]any{"aws:ResourceTag/team": "red"}, "IpAddress": map[string]any{"aws:SourceIp": "10.0.0.0/8"}}
		case 4:
			s["Action"] = []string{svc + ":List*", svc + ":Describe*"}
			s["Resource"] = "*"
		default:
			s["Resource"] = []string{
				fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/team-%d/*", svc, i),
				fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/exact-%d", svc, i),
			}
		}
		out = append(out, s)
	}
	return out
}

// mixedSet puts the statements into documents of 50.
func mixedSet(tb testing.TB, n int) *Set {
	var in []Labelled
	all := mixedStatements(n)
	for len(all) > 0 {
		k := min(50, len(all))
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": all[:k]})
		if err != nil {
			tb.Fatal(err)
		}
		d, err := Parse(text)
		if err != nil {
			tb.Fatal(err)
		}
		in = append(in, Labelled{Source{Type: Identity}, d})
		all = all[k:]
	}
	return Compile(in...)
}

func fullAccess(tb testing.TB, t Type) *Set {
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	if t == RCP {
		text = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`
	}
	d, err := Parse([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return Compile(Labelled{Source{Type: t}, d})
}

// callerContext sets the keys that a server sets for every call.
func callerContext(c *Context) {
	c.Set("aws:PrincipalArn", "arn:aws:iam::111122223333:user/bob")
	c.Set("aws:PrincipalAccount", "111122223333")
	c.Set("aws:PrincipalType", "User")
	c.Set("aws:userid", "AIDAEXAMPLE")
	c.Set("aws:username", "bob")
	c.Set("aws:SourceIp", "10.1.2.3")
	c.SetBool("aws:SecureTransport", true)
	c.SetTime("aws:CurrentTime", time.Unix(1767225600, 0))
	c.SetInt("aws:EpochTime", 1767225600)
	c.Set("aws:UserAgent", "aws-cli/2")
	c.Set("aws:RequestedRegion", "eu-west-1")
	c.SetBool("aws:ViaAWSService", false)
	c.Set("aws:ResourceAccount", "111122223333")
	c.SetTags("aws:PrincipalTag/", benchTags)
	c.SetTags("aws:ResourceTag/", benchTags)
}

var benchTags = []Tag{{"team", "red"}, {"stage", "prod"}}

func benchRequest(action, resource string) *Request {
	r := &Request{
		Principal: Principal{Kind: User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/bob", ID: "AIDAEXAMPLE"},
		Action:    action, Resource: resource, ResourceAccount: "111122223333",
	}
	callerContext(&r.Context)
	return r
}

// benchCases: a request that is allowed by a prefix, one that many statements
// nearly match and a condition allows, and one that nothing allows.
func benchCases(n int) map[string]*Request {
	i := n / 10 * 10
	svc := func(i int) string {
		return []string{"s3", "kms", "sqs", "dynamodb", "iam", "ec2", "secretsmanager", "logs"}[i%8]
	}
	team, app := i-5, i-7
	return map[string]*Request{
		"prefix":    benchRequest(svc(team)+":PutThing", fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/team-%d/x/y", svc(team), team)),
		"condition": benchRequest(svc(app)+":GetThing", fmt.Sprintf("arn:aws:%s:eu-west-1:111122223333:thing/app-%d-web-log", svc(app), app)),
		"denied":    benchRequest("s3:GetThing", "arn:aws:s3:eu-west-1:111122223333:thing/nobody/x"),
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		set := mixedSet(b, n)
		for name, r := range benchCases(n) {
			b.Run(fmt.Sprintf("%s/statements=%d", name, n), func(b *testing.B) {
				bind := &Bindings{Identity: set}
				if d := Decide(r, bind); d.Allowed == (name == "denied") {
					b.Fatalf("allowed = %v", d.Allowed)
				}
				b.ReportAllocs()
				for b.Loop() {
					Decide(r, bind)
				}
			})
		}
	}
}

// BenchmarkDecideEverything has every type of policy attached.
func BenchmarkDecideEverything(b *testing.B) {
	r := benchCases(1000)["prefix"]
	bind := everything(b)
	if !Decide(r, bind).Allowed {
		b.Fatal("denied")
	}
	b.ReportAllocs()
	for b.Loop() {
		Decide(r, bind)
	}
}

func everything(tb testing.TB) *Bindings {
	return &Bindings{
		Identity: mixedSet(tb, 1000), Boundary: fullAccess(tb, Boundary), Session: fullAccess(tb, Session),
		SCP:      []*Set{fullAccess(tb, SCP), fullAccess(tb, SCP), fullAccess(tb, SCP)},
		RCP:      []*Set{fullAccess(tb, RCP), fullAccess(tb, RCP), fullAccess(tb, RCP)},
		Endpoint: fullAccess(tb, RCP), Resource: fullAccess(tb, RCP),
	}
}

func BenchmarkContext(b *testing.B) {
	var c Context
	b.ReportAllocs()
	for b.Loop() {
		c.Reset(0)
		callerContext(&c)
	}
}

func BenchmarkParse(b *testing.B) {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": mixedStatements(30)})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{30, 1000} {
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": mixedStatements(n)})
		if err != nil {
			b.Fatal(err)
		}
		d := &Document{}
		if d, err = Parse(text); err != nil && n < 500 {
			b.Fatal(err)
		} else if err != nil {
			continue
		}
		b.Run(fmt.Sprintf("statements=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compile(Labelled{Source{Type: Identity}, d})
			}
		})
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	bind := everything(t)
	for name, r := range benchCases(1000) {
		if n := testing.AllocsPerRun(100, func() { Decide(r, bind) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	var c Context
	callerContext(&c)
	if n := testing.AllocsPerRun(100, func() { c.Reset(0); callerContext(&c) }); n != 0 {
		t.Errorf("building a context: %v allocations", n)
	}
}
