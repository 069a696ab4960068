package iam

import (
	"fmt"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

// inlineAPI is the four operations of one kind of entities.
type inlineAPI struct {
	limit int
	put   func(name, document string) error
	get   func(name string) (owner, document string, err error)
	list  func(maxItems int32, marker *string) ([]string, *string)
	del   func(name string) error
}

func inlineAPIs(f *fixture, t *testing.T) map[kind]inlineAPI {
	return map[kind]inlineAPI{
		aUser: {2048,
			func(name, document string) error {
				_, err := f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "ALICE", PolicyName: name, PolicyDocument: document})
				return err
			},
			func(name string) (string, string, error) {
				out, err := f.GetUserPolicy(f.root, &iamapi.GetUserPolicyRequest{UserName: "ALICE", PolicyName: name})
				if err != nil {
					return "", "", err
				}
				return out.UserName, out.PolicyDocument, nil
			},
			func(maxItems int32, marker *string) ([]string, *string) {
				out := must(f.ListUserPolicies(f.root, &iamapi.ListUserPoliciesRequest{UserName: "alice", MaxItems: &maxItems, Marker: marker}))(t)
				return out.PolicyNames, out.Marker
			},
			func(name string) error {
				_, err := f.DeleteUserPolicy(f.root, &iamapi.DeleteUserPolicyRequest{UserName: "alice", PolicyName: name})
				return err
			},
		},
		aGroup: {5120,
			func(name, document string) error {
				_, err := f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "ALICE", PolicyName: name, PolicyDocument: document})
				return err
			},
			func(name string) (string, string, error) {
				out, err := f.GetGroupPolicy(f.root, &iamapi.GetGroupPolicyRequest{GroupName: "ALICE", PolicyName: name})
				if err != nil {
					return "", "", err
				}
				return out.GroupName, out.PolicyDocument, nil
			},
			func(maxItems int32, marker *string) ([]string, *string) {
				out := must(f.ListGroupPolicies(f.root, &iamapi.ListGroupPoliciesRequest{GroupName: "alice", MaxItems: &maxItems, Marker: marker}))(t)
				return out.PolicyNames, out.Marker
			},
			func(name string) error {
				_, err := f.DeleteGroupPolicy(f.root, &iamapi.DeleteGroupPolicyRequest{GroupName: "alice", PolicyName: name})
				return err
			},
		},
		aRole: {10240,
			func(name, document string) error {
				_, err := f.PutRolePolicy(f.root, &iamapi.PutRolePolicyRequest{RoleName: "ALICE", PolicyName: name, PolicyDocument: document})
				return err
			},
			func(name string) (string, string, error) {
				out, err := f.GetRolePolicy(f.root, &iamapi.GetRolePolicyRequest{RoleName: "ALICE", PolicyName: name})
				if err != nil {
					return "", "", err
				}
				return out.RoleName, out.PolicyDocument, nil
			},
			func(maxItems int32, marker *string) ([]string, *string) {
				out := must(f.ListRolePolicies(f.root, &iamapi.ListRolePoliciesRequest{RoleName: "alice", MaxItems: &maxItems, Marker: marker}))(t)
				return out.PolicyNames, out.Marker
			},
			func(name string) error {
				_, err := f.DeleteRolePolicy(f.root, &iamapi.DeleteRolePolicyRequest{RoleName: "alice", PolicyName: name})
				return err
			},
		},
	}
}

func TestInlinePolicies(t *testing.T) {
	f := newFixture(t)
	f.makeUser("alice", "/")
	f.makeRole("alice", "/", trustsEC2)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "alice"}))(t)
	const odd = `{ "Version": "2012-10-17", "Statement": [{"Effect":"Allow","Action":["apigateway:PUT"],"Resource":["arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3A+x"]}] }`
	// document has n characters that count.
	document := func(n int) string {
		const form = "{ \"Version\":\"2012-10-17\",\n\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::%s\"}]}"
		return fmt.Sprintf(form, strings.Repeat("x", n-size(fmt.Sprintf(form, ""))))
	}
	for k, api := range inlineAPIs(f, t) {
		t.Run(string(k), func(t *testing.T) {
			check := func(err error, code, message string) {
				t.Helper()
				fails[any](nil, err)(t, code, message)
			}
			if err := api.put("odd", odd); err != nil {
				t.Fatal(err)
			}
			owner, text, err := api.get("odd")
			if err != nil || owner != "alice" || decoded(t, text) != odd {
				t.Errorf("got %s's %s, %v", owner, text, err)
			}
			absent := "The " + string(k) + " policy with name absent cannot be found."
			_, _, err = api.get("absent")
			check(err, "NoSuchEntity", absent)
			check(api.del("absent"), "NoSuchEntity", absent)
			check(api.put("bad", trustsEC2), "MalformedPolicyDocument", "Policy document should not specify a principal.")

			rest := api.limit - size(odd)
			tooLarge := fmt.Sprintf("Maximum policy size of %d bytes exceeded for %s alice", api.limit, k)
			check(api.put("big", document(rest+1)), "LimitExceeded", tooLarge)
			for range 2 { // what is replaced does not count
				if err := api.put("big", document(rest)); err != nil {
					t.Fatal(err)
				}
			}
			check(api.put("small", allowAll), "LimitExceeded", tooLarge)
			if err := api.del("big"); err != nil {
				t.Fatal(err)
			}
			if err := api.put("admin", allowAll); err != nil {
				t.Fatal(err)
			}
			first, marker := api.list(1, nil)
			second, end := api.list(1, marker)
			if len(first) != 1 || first[0] != "admin" || len(second) != 1 || second[0] != "odd" || end != nil {
				t.Errorf("pages %v %v %v", first, second, end)
			}
			for _, name := range []string{"odd", "admin"} {
				if err := api.del(name); err != nil {
					t.Fatal(err)
				}
			}
			if names, _ := api.list(10, nil); len(names) != 0 {
				t.Errorf("still there: %v", names)
			}
		})
	}
}
