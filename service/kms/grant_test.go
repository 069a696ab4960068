package kms

import (
	"fmt"
	"slices"
	"testing"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
)

func grantTo(key, grantee string, operations ...api.GrantOperation) *api.CreateGrantRequest {
	return &api.CreateGrantRequest{KeyId: key, GranteePrincipal: &grantee, Operations: operations}
}

const (
	opEncrypt  = api.GrantOperation_Encrypt
	opDecrypt  = api.GrantOperation_Decrypt
	opDataKey  = api.GrantOperation_GenerateDataKey
	opDescribe = api.GrantOperation_DescribeKey
	opCreate   = api.GrantOperation_CreateGrant
	opRetire   = api.GrantOperation_RetireGrant
)

// nothing is an identity policy that allows nothing that matters here.
const nothing = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`

// service is an AWS service that calls on its own behalf, for a resource.
func service(name, account, source string) as {
	return as{caller.Call{Region: region, SourceARN: source, Identity: caller.Identity{
		Kind: caller.Service, Account: account, ID: name, ARN: name, Name: name, Service: name}}, nothing}
}

func role(account, name, session string) as {
	return as{caller.Call{Region: region, Identity: caller.Identity{
		Kind: caller.Role, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/" + name + "/" + session, ID: "arn:aws:sts::" + account + ":assumed-role/" + name + "/" + session, Name: session,
		Session: &caller.Session{IssuerID: "arn:aws:iam::" + account + ":role/" + name, IssuerARN: "arn:aws:iam::" + account + ":role/" + name},
	}}, nothing}
}

// TestGrantGives: exactly the operations of the grant, to its grantee, whoever
// that is, until it is revoked.
func TestGrantGives(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	for _, who := range []struct {
		name, grantee string
		caller, not   as
	}{
		{"a user", "arn:aws:iam::" + account + ":user/ann", user(account, "ann").with(nothing), user(account, "bob").with(nothing)},
		{"a role", "arn:aws:iam::" + account + ":role/r", role(account, "r", "s"), role(account, "q", "s")},
		{"a session", "arn:aws:sts::" + account + ":assumed-role/r/s", role(account, "r", "s"), role(account, "r", "t")},
		{"a user of another account", "arn:aws:iam::" + other + ":user/ann", user(other, "ann").with(all), user(other, "bob").with(all)},
		{"another account, its root", rootARN(other), root(other), root("777788889999")},
		{"another account, which passes it on", rootARN(other), user(other, "ann").with(all), user(other, "ann").with(nothing)},
	} {
		m := f.newKey(me, nil)
		key := *m.Arn
		enc := &api.EncryptRequest{KeyId: key, Plaintext: []byte("text")}
		f.refused(who.caller, enc, "AccessDeniedException")
		g := do[api.CreateGrantResponse](f, me, grantTo(key, who.grantee, opEncrypt, opDescribe))
		out, err := f.call(who.caller, "Encrypt", enc)
		if err != nil {
			t.Errorf("%s: %v", who.name, err)
			continue
		}
		do[api.DescribeKeyResponse](f, who.caller, &api.DescribeKeyRequest{KeyId: key})
		f.refused(who.caller, &api.DecryptRequest{CiphertextBlob: out.(*api.EncryptResponse).CiphertextBlob}, "AccessDeniedException")
		f.refused(who.not, enc, "AccessDeniedException")
		list := do[api.ListGrantsResponse](f, me, &api.ListGrantsRequest{KeyId: key, GranteePrincipal: &who.grantee}).Grants
		if len(list) != 1 || *list[0].GrantId != *g.GrantId || *list[0].GranteePrincipal != who.grantee || *list[0].IssuingAccount != rootARN(account) || *list[0].KeyId != key {
			t.Errorf("%s: listed as %+v", who.name, list)
		}
		f.refused(me, &api.RevokeGrantRequest{KeyId: key, GrantId: *g.GrantId, DryRun: new(true)}, "DryRunOperationException")
		do[api.RevokeGrantOutput](f, me, &api.RevokeGrantRequest{KeyId: key, GrantId: *g.GrantId})
		f.refused(who.caller, enc, "AccessDeniedException")
		f.refused(me, &api.RevokeGrantRequest{KeyId: key, GrantId: *g.GrantId}, "NotFoundException", "Grant ID "+*g.GrantId+" not found")
	}
}

// TestExplicitDenyBeatsGrant: a grant allows; a Deny stays one.
func TestExplicitDenyBeatsGrant(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	do[api.CreateGrantResponse](f, me, grantTo(id, "arn:aws:iam::"+account+":user/ann", opEncrypt))
	ann := user(account, "ann")
	enc := &api.EncryptRequest{KeyId: id, Plaintext: []byte("text")}
	do[api.EncryptResponse](f, ann.with(nothing), enc)
	f.refused(ann.with(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*"}}`), enc, "AccessDeniedException")
}

// TestGrantConstraints: see GrantConstraints in the API reference. Keys of a
// constraint match whatever their case, values do not.
func TestGrantConstraints(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	ann := user(account, "ann").with(nothing)
	type pairs = map[string]string
	for _, test := range []struct {
		equals, subset pairs
		context        pairs
		admit          bool
	}{
		{equals: pairs{"a": "1"}, context: pairs{"a": "1"}, admit: true},
		{equals: pairs{"a": "1"}, context: pairs{"A": "1"}, admit: true},
		{equals: pairs{"a": "X"}, context: pairs{"a": "x"}},
		{equals: pairs{"a": "1"}, context: pairs{"a": "1", "b": "2"}},
		{equals: pairs{"a": "1", "b": "2"}, context: pairs{"a": "1"}},
		{equals: pairs{"a": "1"}, context: nil},
		{equals: pairs{}, context: nil, admit: true},
		{equals: pairs{}, context: pairs{"a": "1"}},
		{subset: pairs{"a": "1"}, context: pairs{"a": "1", "b": "2"}, admit: true},
		{subset: pairs{"A": "1"}, context: pairs{"a": "1"}, admit: true},
		{subset: pairs{"a": ""}, context: pairs{"a": ""}, admit: true},
		{subset: pairs{"a": ""}, context: pairs{"b": ""}},
		{subset: pairs{"a": "1", "b": "2"}, context: pairs{"a": "1"}},
		{subset: pairs{"a": "1"}, context: nil},
		{subset: pairs{}, context: nil, admit: true},
		{equals: pairs{"a": "1"}, subset: pairs{"b": "2"}, context: pairs{"a": "1"}},
	} {
		id := f.newKey(me, nil).KeyId
		g := grantTo(id, "arn:aws:iam::"+account+":user/ann", opEncrypt, opDescribe)
		g.Constraints = &api.GrantConstraints{EncryptionContextEquals: test.equals, EncryptionContextSubset: test.subset}
		do[api.CreateGrantResponse](f, me, g)
		_, err := f.call(ann, "Encrypt", &api.EncryptRequest{KeyId: id, Plaintext: []byte("x"), EncryptionContext: test.context})
		if (err == nil) != test.admit {
			t.Errorf("%+v: %v", test, err)
		}
		do[api.DescribeKeyResponse](f, ann, &api.DescribeKeyRequest{KeyId: id}) // takes no context and is not bound
	}
}

// TestServiceGrant: a grant to a service counts for the resource that it is for.
func TestServiceGrant(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	const bucket = "arn:aws:s3:::bucket"
	g := &api.CreateGrantRequest{
		KeyId: id, GranteeServicePrincipal: new("s3.amazonaws.com"), RetiringServicePrincipal: new("s3.amazonaws.com"), Operations: []api.GrantOperation{opEncrypt},
		Constraints: &api.GrantConstraints{SourceArn: new(bucket)},
	}
	for _, wrong := range []func(*api.CreateGrantRequest){
		func(g *api.CreateGrantRequest) { g.Constraints = nil },
		func(g *api.CreateGrantRequest) { g.RetiringServicePrincipal = nil },
		func(g *api.CreateGrantRequest) { g.GranteePrincipal = new(rootARN(other)) },
		func(g *api.CreateGrantRequest) { g.RetiringPrincipal = new(rootARN(other)) },
	} {
		bad := *g
		wrong(&bad)
		f.refused(me, &bad, "ValidationException")
	}
	made := do[api.CreateGrantResponse](f, me, g)
	enc := &api.EncryptRequest{KeyId: keyARN(account, region, id), Plaintext: []byte("x")}
	do[api.EncryptResponse](f, service("s3.amazonaws.com", account, bucket), enc)
	f.refused(service("s3.amazonaws.com", account, "arn:aws:s3:::another"), enc, "AccessDeniedException")
	f.refused(service("s3.amazonaws.com", account, ""), enc, "AccessDeniedException")
	f.refused(service("ec2.amazonaws.com", account, bucket), enc, "AccessDeniedException")
	f.refused(user(account, "ann").with(nothing).by("s3"), enc, "AccessDeniedException") // calls for ann, not for itself
	list := do[api.ListGrantsResponse](f, me, &api.ListGrantsRequest{KeyId: id, GranteeServicePrincipal: new("s3.amazonaws.com")}).Grants
	if len(list) != 1 || *list[0].GranteeServicePrincipal != "s3.amazonaws.com" || *list[0].Constraints.SourceArn != bucket {
		t.Errorf("%+v", list)
	}
	retirable := &api.ListRetirableGrantsRequest{RetiringServicePrincipal: new("s3.amazonaws.com")}
	if list := do[api.ListGrantsResponse](f, service("s3.amazonaws.com", account, "").with(all), retirable).Grants; len(list) != 1 {
		t.Errorf("retirable: %+v", list)
	}
	do[api.RetireGrantOutput](f, service("s3.amazonaws.com", account, ""), &api.RetireGrantRequest{GrantToken: made.GrantToken})
	f.refused(service("s3.amazonaws.com", account, bucket), enc, "AccessDeniedException")
}

// TestGranteeGrants: a grantee with CreateGrant passes on no more than it has.
func TestGranteeGrants(t *testing.T) {
	f := newFixture(t)
	me, ann := root(account), user(account, "ann").with(nothing)
	const bob = "arn:aws:iam::" + account + ":user/bob"
	type c = api.GrantConstraints
	type pairs = map[string]string
	for _, test := range []struct {
		parent    []api.GrantOperation
		by        *c
		child     []api.GrantOperation
		with      *c
		permitted bool
	}{
		{[]api.GrantOperation{opEncrypt, opCreate}, nil, []api.GrantOperation{opEncrypt}, nil, true},
		{[]api.GrantOperation{opEncrypt, opCreate}, nil, []api.GrantOperation{opEncrypt, opCreate}, nil, true},
		{[]api.GrantOperation{opEncrypt, opCreate}, nil, []api.GrantOperation{opDecrypt}, nil, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, nil, []api.GrantOperation{opEncrypt, opDecrypt}, nil, false},
		{[]api.GrantOperation{opEncrypt}, nil, []api.GrantOperation{opEncrypt}, nil, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextEquals: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, nil, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextEquals: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextEquals: pairs{"a": "1"}}, true},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextEquals: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextEquals: pairs{"a": "1", "b": "2"}}, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextEquals: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextSubset: pairs{"a": "1"}}, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextSubset: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextSubset: pairs{"a": "1"}}, true},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextSubset: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextSubset: pairs{"a": "1", "b": "2"}}, true},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextSubset: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextEquals: pairs{"a": "1", "b": "2"}}, true},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextSubset: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextSubset: pairs{"b": "1"}}, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextSubset: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextEquals: pairs{}}, false},
		{[]api.GrantOperation{opEncrypt, opCreate}, &c{EncryptionContextEquals: pairs{"a": "1"}, EncryptionContextSubset: pairs{"a": "1"}}, []api.GrantOperation{opEncrypt}, &c{EncryptionContextEquals: pairs{"a": "1"}}, true},
	} {
		id := f.newKey(me, nil).KeyId
		parent := grantTo(id, "arn:aws:iam::"+account+":user/ann", test.parent...)
		parent.Constraints = test.by
		do[api.CreateGrantResponse](f, me, parent)
		child := grantTo(id, bob, test.child...)
		child.Constraints = test.with
		_, err := f.call(ann, "CreateGrant", child)
		if (err == nil) != test.permitted {
			t.Errorf("%v by %+v gives %v with %+v: %v", test.parent, test.by, test.child, test.with, err)
		}
	}
}

// TestRetire: a grant is retired by its retiring principal, by its grantee if it
// may, by the account that made it, and by nobody else.
func TestRetire(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	arn := func(name string) string { return "arn:aws:iam::" + account + ":user/" + name }
	abroad := "arn:aws:iam::" + other + ":user/retirer"
	for _, test := range []struct {
		name     string
		who      as
		retiring string
		ops      []api.GrantOperation
		may      bool
	}{
		{"retiring principal", user(account, "retirer").with(nothing), arn("retirer"), []api.GrantOperation{opEncrypt}, true},
		{"retiring principal of another account", user(other, "retirer").with(nothing), abroad, []api.GrantOperation{opEncrypt}, true},
		{"grantee with RetireGrant", user(account, "ann").with(nothing), "", []api.GrantOperation{opEncrypt, opRetire}, true},
		{"grantee without", user(account, "ann").with(nothing), "", []api.GrantOperation{opEncrypt}, false},
		{"the account", me, "", []api.GrantOperation{opEncrypt}, true},
		{"a user to whom IAM gives the right", user(account, "carl").with(all), "", []api.GrantOperation{opEncrypt}, true},
		{"a user without", user(account, "carl").with(nothing), "", []api.GrantOperation{opEncrypt}, false},
		{"another account", root(other), "", []api.GrantOperation{opEncrypt}, false},
		{"denied explicitly", user(account, "retirer").with(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"kms:RetireGrant","Resource":"*"}}`), arn("retirer"), []api.GrantOperation{opEncrypt}, false},
	} {
		for _, byToken := range []bool{false, true} {
			m := f.newKey(me, nil)
			in := grantTo(m.KeyId, arn("ann"), test.ops...)
			if test.retiring != "" {
				in.RetiringPrincipal = &test.retiring
			}
			g := do[api.CreateGrantResponse](f, me, in)
			retire := &api.RetireGrantRequest{KeyId: m.Arn, GrantId: g.GrantId}
			if byToken {
				retire = &api.RetireGrantRequest{GrantToken: g.GrantToken}
			}
			_, err := f.call(test.who, "RetireGrant", retire)
			if (err == nil) != test.may {
				t.Errorf("%s: %v", test.name, err)
			}
			left := do[api.ListGrantsResponse](f, me, &api.ListGrantsRequest{KeyId: m.KeyId}).Grants
			if (len(left) == 0) != test.may {
				t.Errorf("%s: left %v", test.name, left)
			}
		}
	}
	// A retiring principal finds its grants, on keys of other accounts too.
	theirs := f.newKey(root(other), nil)
	in := grantTo(theirs.KeyId, rootARN(other), opEncrypt)
	in.RetiringPrincipal = new(arn("finder"))
	do[api.CreateGrantResponse](f, root(other), in)
	list := do[api.ListGrantsResponse](f, user(account, "finder"), &api.ListRetirableGrantsRequest{RetiringPrincipal: in.RetiringPrincipal}).Grants
	if len(list) != 1 || *list[0].KeyId != *theirs.Arn {
		t.Errorf("retirable: %+v", list)
	}
	if list := do[api.ListGrantsResponse](f, user(account, "finder").in("eu-west-1"), &api.ListRetirableGrantsRequest{RetiringPrincipal: in.RetiringPrincipal}).Grants; len(list) != 0 {
		t.Errorf("retirable in another Region: %+v", list)
	}
}

// TestGrantOnce: with a name, the same request answers the same grant and a new
// token; another request makes another grant; without a name each does.
func TestGrantOnce(t *testing.T) {
	f := newFixture(t)
	me := root(account)
	id := f.newKey(me, nil).KeyId
	in := grantTo(id, rootARN(other), opEncrypt, opDecrypt)
	in.Name = new("n")
	a, b := do[api.CreateGrantResponse](f, me, in), do[api.CreateGrantResponse](f, me, in)
	if *a.GrantId != *b.GrantId || *a.GrantToken == *b.GrantToken {
		t.Errorf("%v %v", a, b)
	}
	in.Operations = []api.GrantOperation{opDecrypt, opEncrypt, opEncrypt}
	if c := do[api.CreateGrantResponse](f, me, in); *c.GrantId != *a.GrantId {
		t.Error("another order makes another grant")
	}
	in.Constraints = &api.GrantConstraints{EncryptionContextEquals: map[string]string{}}
	c := do[api.CreateGrantResponse](f, me, in)
	if *c.GrantId == *a.GrantId {
		t.Error("a constraint is not a difference")
	}
	if d := do[api.CreateGrantResponse](f, me, in); *d.GrantId != *c.GrantId {
		t.Error("the constrained grant is made twice")
	}
	in.Name = nil
	if d, e := do[api.CreateGrantResponse](f, me, in), do[api.CreateGrantResponse](f, me, in); *d.GrantId == *e.GrantId {
		t.Error("without a name there is one grant")
	}
	for _, token := range []*string{a.GrantToken, b.GrantToken} {
		do[api.EncryptResponse](f, me, &api.EncryptRequest{KeyId: id, Plaintext: []byte("x"), GrantTokens: []string{*token}})
	}
	f.refused(me.in("eu-west-1"), &api.RetireGrantRequest{GrantToken: a.GrantToken}, "InvalidGrantTokenException")
}

// TestGrantPages: all grants of a key, in pages, each once.
func TestGrantPages(t *testing.T) {
	f := newFixture(t, func(d *Deps) { d.Quotas.Grants = 7 })
	me := root(account)
	id := f.newKey(me, nil).KeyId
	var want []string
	for i := range 7 {
		g := do[api.CreateGrantResponse](f, me, grantTo(id, fmt.Sprintf("arn:aws:iam::%s:user/u%d", account, i%2), opEncrypt))
		want = append(want, *g.GrantId)
	}
	f.refused(me, grantTo(id, rootARN(other), opEncrypt), "LimitExceededException")
	for _, grantee := range []*string{nil, new("arn:aws:iam::" + account + ":user/u0")} {
		var got []string
		in := &api.ListGrantsRequest{KeyId: id, Limit: new(int32(2)), GranteePrincipal: grantee}
		for {
			out := do[api.ListGrantsResponse](f, me, in)
			for _, g := range out.Grants {
				got = append(got, *g.GrantId)
			}
			if *out.Truncated != (out.NextMarker != nil) || len(out.Grants) > 2 {
				t.Errorf("%+v", out)
			}
			if in.Marker = out.NextMarker; in.Marker == nil {
				break
			}
		}
		slices.Sort(got)
		if grantee == nil {
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		} else if len(slices.Compact(got)) != 4 {
			t.Errorf("got %v", got)
		}
	}
	if out := do[api.ListGrantsResponse](f, me, &api.ListGrantsRequest{KeyId: id, GrantId: &want[3]}); len(out.Grants) != 1 || *out.Grants[0].GrantId != want[3] {
		t.Errorf("%+v", out)
	}
	do[api.RevokeGrantOutput](f, me, &api.RevokeGrantRequest{KeyId: id, GrantId: want[0]})
	do[api.CreateGrantResponse](f, me, grantTo(id, rootARN(other), opEncrypt)) // there is room again
}
