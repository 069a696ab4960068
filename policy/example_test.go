package policy_test

import (
	"fmt"

	"bartizan.dev/policy"
)

func Example() {
	doc, err := policy.Parse([]byte(`{
	  "Version": "2012-10-17",
	  "Statement": [
	    {"Sid": "Home", "Effect": "Allow", "Action": "s3:*Object", "Resource": "arn:aws:s3:::b/${aws:username}/*"},
	    {"Sid": "TLS", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
	  ]
	}`))
	if err == nil {
		err = doc.Check(policy.Identity)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	set := policy.Compile(policy.Labelled{
		Source:   policy.Source{Type: policy.Identity, ARN: "arn:aws:iam::111122223333:policy/home", Managed: true},
		Document: doc,
	})

	r := &policy.Request{
		Principal: policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/bob"},
		Action:    "s3:GetObject",
		Resource:  "arn:aws:s3:::b/bob/notes.txt",
	}
	r.Context.Set("aws:username", "bob")
	mark := r.Context.Mark()
	for _, tls := range []bool{true, false} {
		r.Context.Reset(mark)
		r.Context.SetBool("aws:SecureTransport", tls)
		d := policy.Decide(r, &policy.Bindings{Identity: set})
		fmt.Printf("%v, by %s %s %q\n", d.Allowed, d.Type, d.Statement.Statement.Sid, d.Message(r, false))
	}
	// Output:
	// true, by identity-based policy Home ""
	// false, by identity-based policy TLS "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/bob/notes.txt with an explicit deny in an identity-based policy: arn:aws:iam::111122223333:policy/home"
}

func ExampleTouch() {
	// A service says what an operation touches …
	touch := policy.Touch{
		Action: "kms:Decrypt", Resource: "arn:aws:kms:eu-west-1:111122223333:key/1", Authority: policy.Key,
		Keys:         []policy.Pair{{Key: "kms:EncryptionContext:app", Values: []string{"payroll"}}},
		ResourceTags: []policy.Tag{{Key: "team", Value: "red"}},
	}
	// … and the gateway, which knows the caller, asks.
	r := &policy.Request{Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"}}
	b := &policy.Bindings{}
	mark := r.Context.Mark()
	touch.Apply(r, b)
	fmt.Println(policy.Decide(r, b).Message(r, false))
	team, _ := r.Context.Get("aws:ResourceTag/team")
	owner, _ := r.Context.Get("aws:ResourceAccount")
	fmt.Println(team.Values, owner.Values)
	r.Context.Reset(mark)
	// Output:
	// User: arn:aws:iam::111122223333:root is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1 because no resource-based policy allows the kms:Decrypt action
	// [red] [111122223333]
}
