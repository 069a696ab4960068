package policy

import (
	"slices"
	"testing"
)

func compileText(t *testing.T, typ Type, text string) *Set {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Compile(Labelled{Source{Type: typ, Name: "p"}, d})
}

func TestExplain(t *testing.T) {
	b := &Bindings{
		Identity: compileText(t, Identity, `{"Version":"2012-10-17","Statement":[
			{"Sid":"Yes","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"},
			{"Sid":"Action","Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:unasked":"true"}}},
			{"Sid":"Resource","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::${aws:userid}/*"},
			{"Sid":"Condition","Effect":"Deny","Action":"*","Resource":"*","Condition":{
				"StringEquals":{"aws:username":"${aws:PrincipalTag/boss}"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`),
		Boundary: compileText(t, Boundary, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}`),
		SCP: []*Set{
			compileText(t, SCP, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`),
			compileText(t, SCP, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::b/*"}}`),
		},
		Resource: compileText(t, Resource, `{"Version":"2012-10-17","Statement":{"Sid":"Bob","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:user/bob"},"Action":"*","Resource":"*"}}`),
	}
	r := &Request{
		Principal: Principal{Kind: User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice"},
		Action:    "s3:GetObject", Resource: "arn:aws:s3:::b/k",
	}
	r.Context.Set("aws:username", "alice")
	r.Context.Set("aws:SourceIp", "192.0.2.1")
	e := Explain(r, b)
	if e.Decision.Result() != ImplicitDeny || e.Decision.Type != SCP {
		t.Errorf("decision %+v", e.Decision)
	}
	if want := []string{"aws:PrincipalTag/boss", "aws:userid"}; !slices.Equal(e.Missing, want) {
		t.Errorf("missing %q, want %q", e.Missing, want)
	}
	var types []Type
	for _, l := range e.Layers {
		types = append(types, l.Type)
	}
	if want := []Type{SCP, SCP, Resource, Identity, Boundary}; !slices.Equal(types, want) {
		t.Errorf("layers %v, want %v", types, want)
	}
	for typ, want := range map[Type]Result{SCP: ImplicitDeny, Resource: ImplicitDeny, Identity: Allowed, Boundary: ImplicitDeny} {
		if got, ok := e.Result(typ); got != want || !ok {
			t.Errorf("%s: %s, %v; want %s", typ, got, ok, want)
		}
	}
	if _, ok := e.Result(Session); ok {
		t.Error("a session policy took part")
	}
	var sids []string
	for _, m := range e.Matched() {
		sids = append(sids, m.Statement.Sid)
	}
	if want := []string{"", "Yes"}; !slices.Equal(sids, want) {
		t.Errorf("matched %q, want %q", sids, want)
	}
	if tr := e.Layers[2].Statements[0]; tr.Principal || !tr.Action || !tr.Resource {
		t.Errorf("the statement for bob: %+v", tr)
	}
	identity := e.Layers[3].Statements
	if tr := identity[1]; tr.Action || !tr.Resource || tr.Matched {
		t.Errorf("the statement with another action: %+v", tr)
	}
	if tr := identity[2]; !tr.Action || tr.Resource || tr.Matched {
		t.Errorf("the statement with another resource: %+v", tr)
	}
	c := identity[3].Conditions
	if len(c) != 2 || c[0].Matched || c[0].Missing || c[1].Matched || !slices.Equal(c[1].Values, []string{"192.0.2.1"}) || c[1].Condition.Key != "aws:SourceIp" {
		t.Errorf("conditions %+v", c)
	}
}

func TestDecideRefusesWhatIsNoAction(t *testing.T) {
	b := &Bindings{Identity: fullAccess(t, Identity)}
	for _, action := range []string{"", "*", "GetObject", string(make([]byte, 500)) + ":x"} {
		r := benchRequest(action, "*")
		r.Principal.Kind = Root
		if Decide(r, b).Allowed {
			t.Errorf("%.20q is allowed", action)
		}
	}
	if d := Decide(benchRequest("s3:GetObject", "*"), nil); d.Allowed || d.Type != Identity {
		t.Errorf("without bindings: %+v", d)
	}
}

// TestEmptyNames: what a principal lacks must not match an empty string.
func TestEmptyNames(t *testing.T) {
	b := &Bindings{Resource: compileText(t, Resource, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"","Service":"","Federated":"","CanonicalUser":""},"Action":"*","Resource":"*"}}`)}
	for kind := range SAML + 1 {
		if kind == Root {
			continue
		}
		r := &Request{Principal: Principal{Kind: kind, Names: []string{""}}, Action: "s3:GetObject", Resource: "*"}
		if Decide(r, b).Allowed {
			t.Errorf("kind %d is allowed", kind)
		}
	}
}

func TestUncheckedDocuments(t *testing.T) {
	r := benchRequest("s3:GetObject", "arn:aws:s3:::b")
	for _, text := range []string{
		`{"Statement":{"Effect":"aLLow","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":"Allow","Action":"*"}}`,
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`,
	} {
		if Decide(r, &Bindings{Identity: compileText(t, Identity, text)}).Allowed {
			t.Errorf("allowed by %s", text)
		}
	}
	deny := compileText(t, Identity, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"deny","Action":"*","Resource":"*"}]}`)
	if d := Decide(r, &Bindings{Identity: deny}); !d.Explicit {
		t.Errorf("deny in the wrong case: %+v", d)
	}
}
