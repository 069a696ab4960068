package kms_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bartizan.dev/server"
	"bartizan.dev/sigv4"
)

const rootARN = "arn:aws:iam::" + server.DefaultAccount + ":root"

func userARN(name string) string { return "arn:aws:iam::" + server.DefaultAccount + ":user/" + name }
func keyARN(id string) string    { return "arn:aws:kms:us-east-1:" + server.DefaultAccount + ":key/" + id }

// keyPolicy is a key policy of one statement.
func keyPolicy(principal string, actions any, more ...any) string {
	s := in{"Effect": "Allow", "Principal": in{"AWS": principal}, "Action": actions, "Resource": "*"}
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	text, err := json.Marshal(in{"Version": "2012-10-17", "Statement": []in{s}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// withAdmin adds a statement to a key policy under which admin may do all.
func withAdmin(document, admin string) string {
	return strings.Replace(document, `"Statement":[`, `"Statement":[{"Effect":"Allow","Principal":{"AWS":"`+admin+`"},"Action":"kms:*","Resource":"*"},`, 1)
}

func encrypt(id string) in { return in{"KeyId": id, "Plaintext": b64("text")} }

func denial(user, action, resource, reason string) string {
	return "User: " + userARN(user) + " is not authorized to perform: " + action + " on resource: " + resource + " because " + reason
}

// answersDenial checks a denial up to the id of its evidence.
func (f *front) answersDenial(who sigv4.Credentials, operation string, body any, want string) {
	f.t.Helper()
	a := f.call(who, operation, body)
	got, _, _ := strings.Cut(a.message(), ". Call the GetRequestAuthorizationDetails")
	if a.status != 400 || a.code() != "AccessDeniedException" || got != want {
		f.t.Errorf("%s:\n got %d %s: %s\nwant %s", operation, a.status, a.code(), got, want)
	}
}

// TestKeyPolicyIsTheRoot: without a statement for the account, neither IAM nor
// the root user has a right; with it, IAM passes it on; a statement for the user
// alone suffices.
func TestKeyPolicyIsTheRoot(t *testing.T) {
	f := newFront(t)
	ann, bob := f.user("ann", allow("kms:*")), f.user("bob", "")
	id := f.newKey(in{})
	f.must(ann, "Encrypt", encrypt(id))
	f.answersDenial(bob, "Encrypt", encrypt(id), denial("bob", "kms:Encrypt", keyARN(id), "no identity-based policy allows the kms:Encrypt action"))

	own := f.must(ann, "CreateKey", in{"Policy": withAdmin(keyPolicy(userARN("bob"), []string{"kms:Encrypt"}), userARN("ann"))}).text("KeyMetadata", "KeyId")
	f.must(bob, "Encrypt", encrypt(own)) // has no IAM policy at all
	f.answersDenial(bob, "Decrypt", in{"CiphertextBlob": f.must(bob, "Encrypt", encrypt(own)).text("CiphertextBlob")}, denial("bob", "kms:Decrypt", keyARN(own), "no resource-based policy allows the kms:Decrypt action"))
	for _, operation := range []string{"Encrypt", "DescribeKey", "DisableKey", "GetKeyPolicy", "ScheduleKeyDeletion"} {
		body := in{"KeyId": own}
		if operation == "Encrypt" {
			body = encrypt(own)
		}
		a := f.call(rootKeys, operation, body)
		if a.code() != "AccessDeniedException" || !strings.Contains(a.message(), "no resource-based policy allows the kms:"+operation+" action") {
			t.Errorf("the root user, %s: %d %s", operation, a.status, a.body)
		}
	}
	carl := f.user("carl", allow("kms:*"))
	f.answersDenial(carl, "Encrypt", encrypt(own), denial("carl", "kms:Encrypt", keyARN(own), "no resource-based policy allows the kms:Encrypt action"))
}

// TestDenials: an explicit denial says where it stands.
func TestDenials(t *testing.T) {
	f := newFront(t)
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"},{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}`
	ann, bob := f.user("ann", deny), f.user("bob", allow("kms:*"))
	id := f.newKey(in{"Policy": strings.Replace(withAdmin(keyPolicy(rootARN, "kms:*"), rootARN), `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":{"AWS":"`+userARN("bob")+`"},"Action":"kms:Encrypt","Resource":"*"},`, 1)})
	blob := f.must(ann, "Encrypt", encrypt(id)).text("CiphertextBlob")
	f.answersDenial(ann, "Decrypt", in{"CiphertextBlob": blob}, "User: "+userARN("ann")+" is not authorized to perform: kms:Decrypt on resource: "+keyARN(id)+" with an explicit deny in an identity-based policy")
	f.answersDenial(bob, "Encrypt", encrypt(id), "User: "+userARN("bob")+" is not authorized to perform: kms:Encrypt on resource: "+keyARN(id)+" with an explicit deny in a resource-based policy")
	nobody := f.user("nobody", "")
	f.answersDenial(nobody, "ListKeys", in{}, denial("nobody", "kms:ListKeys", "*", "no identity-based policy allows the kms:ListKeys action"))
	f.answersDenial(nobody, "CreateKey", in{}, denial("nobody", "kms:CreateKey", "*", "no identity-based policy allows the kms:CreateKey action"))
	f.answersDenial(f.user("untagged", allow("kms:CreateKey")), "CreateKey", in{"Tags": []in{{"TagKey": "a", "TagValue": "b"}}}, denial("untagged", "kms:TagResource", "*", "no identity-based policy allows the kms:TagResource action"))
	f.answersDenial(nobody, "DescribeKey", in{"KeyId": "11111111-2222-3333-4444-555555555555"},
		denial("nobody", "kms:DescribeKey", keyARN("11111111-2222-3333-4444-555555555555"), "no identity-based policy allows the kms:DescribeKey action"))
}

// TestAliasNeedsBoth: an alias is made, moved and deleted by who may do so on
// the alias and on each key concerned.
func TestAliasNeedsBoth(t *testing.T) {
	f := newFront(t)
	a, b := f.newKey(in{}), f.newKey(in{})
	alias := "arn:aws:kms:us-east-1:" + server.DefaultAccount + ":alias/x"
	on := func(resources ...string) string {
		text, err := json.Marshal(in{"Version": "2012-10-17", "Statement": []in{{"Effect": "Allow", "Action": []string{"kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"}, "Resource": resources}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	onA, onAlias := f.user("on-a", on(keyARN(a))), f.user("on-alias", on(alias))
	both, allKeys := f.user("both", on(alias, keyARN(a))), f.user("all", on(alias, keyARN(a), keyARN(b)))
	create := in{"AliasName": "alias/x", "TargetKeyId": a}
	f.refused(onA, "CreateAlias", create, "AccessDeniedException")
	f.refused(onAlias, "CreateAlias", create, "AccessDeniedException")
	f.must(both, "CreateAlias", create)
	f.refused(both, "CreateAlias", create, "AlreadyExistsException", "An alias with the name "+alias+" already exists")
	move := in{"AliasName": "alias/x", "TargetKeyId": b}
	f.refused(both, "UpdateAlias", move, "AccessDeniedException")
	f.must(allKeys, "UpdateAlias", move)
	f.refused(both, "DeleteAlias", in{"AliasName": "alias/x"}, "AccessDeniedException")
	f.must(allKeys, "DeleteAlias", in{"AliasName": "alias/x"})
	f.refused(rootKeys, "DescribeKey", in{"KeyId": "alias/x"}, "NotFoundException")
}

// TestLockout: a policy under which its author could not change it again is
// refused unless he says he knows.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#allow-policy-lockout
func TestLockout(t *testing.T) {
	f := newFront(t)
	ann, role := f.user("ann", allow("kms:*")), f.role("deployer", allow("kms:*"))
	roleARN := "arn:aws:iam::" + server.DefaultAccount + ":role/deployer"
	session := "arn:aws:sts::" + server.DefaultAccount + ":assumed-role/deployer/session"
	f.user("other", "")
	const message = "The new key policy will not allow you to update the key policy in the future."
	for _, test := range []struct {
		name   string
		who    sigv4.Credentials
		policy string
		locked bool
	}{
		{"user by the account", ann, keyPolicy(rootARN, "kms:*"), false},
		{"user by name", ann, keyPolicy(userARN("ann"), "kms:*"), false},
		{"user by name, PutKeyPolicy alone", ann, keyPolicy(userARN("ann"), "kms:PutKeyPolicy"), false},
		{"user by *", ann, keyPolicy("*", "kms:*"), false},
		{"another user", ann, keyPolicy(userARN("other"), "kms:*"), true},
		{"another account", ann, keyPolicy("arn:aws:iam::111122223333:root", "kms:*"), true},
		{"use, not administration", ann, keyPolicy(userARN("ann"), []string{"kms:Encrypt", "kms:Decrypt"}), true},
		{"a condition that holds", ann, keyPolicy(rootARN, "kms:*", "Condition", in{"StringEquals": in{"kms:CallerAccount": server.DefaultAccount}}), false},
		{"a condition that names the user", ann, keyPolicy("*", "kms:*", "Condition", in{"ArnEquals": in{"aws:PrincipalArn": userARN("ann")}}), false},
		{"a condition that names another", ann, keyPolicy("*", "kms:*", "Condition", in{"ArnEquals": in{"aws:PrincipalArn": userARN("other")}}), true},
		{"by way of a service only", ann, keyPolicy(rootARN, "kms:*", "Condition", in{"StringEquals": in{"kms:ViaService": "s3.us-east-1.amazonaws.com"}}), true},
		{"all but PutKeyPolicy", ann, strings.Replace(keyPolicy(rootARN, "kms:*"), `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:PutKeyPolicy","Resource":"*"},`, 1), true},
		{"NotPrincipal denies others", ann, strings.Replace(keyPolicy(rootARN, "kms:*"), `"Statement":[`, `"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["`+userARN("ann")+`","`+rootARN+`"]},"Action":"kms:*","Resource":"*"},`, 1), false},
		{"root by the account", rootKeys, keyPolicy(rootARN, "kms:*"), false},
		{"root by a user", rootKeys, keyPolicy(userARN("ann"), "kms:*"), true},
		{"session by its role", role, keyPolicy(roleARN, "kms:*"), false},
		{"session by itself", role, keyPolicy(session, "kms:*"), false},
		{"session by the account", role, keyPolicy(rootARN, "kms:*"), false},
		{"session by a user", role, keyPolicy(userARN("ann"), "kms:*"), true},
		{"session by another session", role, keyPolicy("arn:aws:sts::"+server.DefaultAccount+":assumed-role/deployer/other", "kms:*"), true},
	} {
		for _, bypass := range []bool{false, true} {
			body := in{"Policy": test.policy, "BypassPolicyLockoutSafetyCheck": bypass}
			a := f.call(test.who, "CreateKey", body)
			put := f.call(test.who, "PutKeyPolicy", in{"KeyId": f.newKey(in{}), "Policy": test.policy, "BypassPolicyLockoutSafetyCheck": bypass})
			for _, got := range []*answer{a, put} {
				if test.locked && !bypass {
					if got.code() != "MalformedPolicyDocumentException" || got.message() != message {
						t.Errorf("%s: %d %s", test.name, got.status, got.body)
					}
				} else if got.status != 200 {
					t.Errorf("%s, bypass %v: %d %s", test.name, bypass, got.status, got.body)
				}
			}
		}
	}
}

// TestPrincipalMadeAnew: a key policy means the user that it named, not one made
// later under the name.
func TestPrincipalMadeAnew(t *testing.T) {
	f := newFront(t)
	first := f.user("ann", "")
	id := f.newKey(in{"Policy": withAdmin(keyPolicy(userARN("ann"), "kms:Encrypt"), rootARN)})
	f.must(first, "Encrypt", encrypt(id))
	policy := f.must(rootKeys, "GetKeyPolicy", in{"KeyId": id}).text("Policy")
	if !strings.Contains(policy, userARN("ann")) {
		t.Errorf("shown as %s", policy)
	}
	f.deleteUser("ann", first)
	second := f.user("ann", "")
	f.refused(second, "Encrypt", encrypt(id), "AccessDeniedException")
	policy = f.must(rootKeys, "GetKeyPolicy", in{"KeyId": id}).text("Policy")
	if strings.Contains(policy, userARN("ann")) || !strings.Contains(policy, "AIDA") {
		t.Errorf("shown as %s", policy)
	}
}

func (f *front) deleteUser(name string, key sigv4.Credentials) {
	f.t.Helper()
	f.iam(rootKeys, "iam", "DeleteAccessKey", "UserName="+name, "AccessKeyId="+key.AccessKey)
	f.iam(rootKeys, "iam", "DeleteUser", "UserName="+name)
}
