package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"bartizan.dev/bartizantest"
)

// goSDK is what the AWS SDK for Go wants to know, for one caller.
func goSDK(s *bartizantest.Server, c bartizantest.Credentials) aws.Config {
	return aws.Config{
		Region:       bartizantest.Region,
		BaseEndpoint: aws.String(s.URL()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.Secret, SessionToken: c.Token}, nil
		}),
	}
}

// refused checks that a call failed with this code and status.
func refused(t *testing.T, err error, code string, status int) {
	t.Helper()
	var api smithy.APIError
	var res *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &res) || api.ErrorCode() != code || res.HTTPStatusCode() != status {
		t.Errorf("got %v, want %s (%d)", err, code, status)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func statement(action, rest string) *string {
	return aws.String(fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %q, %s}]}`, action, rest))
}

func TestGo(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx := t.Context()
	root := iam.NewFromConfig(goSDK(s, s.Root()))

	// A user, made once.
	alice := must[*iam.CreateUserOutput](t)(root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice"),
		Tags: []types.Tag{{Key: aws.String("näme"), Value: aws.String("Ålice + ünd 100")}}})).User
	if *alice.Arn != "arn:aws:iam::000000000000:user/alice" || time.Since(*alice.CreateDate) > time.Hour {
		t.Errorf("alice is %+v", alice)
	}
	_, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice")})
	var exists *types.EntityAlreadyExistsException
	if !errors.As(err, &exists) || exists.ErrorMessage() != "User with name alice already exists." {
		t.Errorf("a second alice: %v", err)
	}
	_, err = root.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("bob")})
	var no *types.NoSuchEntityException
	if !errors.As(err, &no) {
		t.Errorf("bob: %v", err)
	}
	if err := iam.NewUserExistsWaiter(root).Wait(ctx, &iam.GetUserInput{UserName: aws.String("alice")}, 5*time.Second); err != nil {
		t.Error(err)
	}
	got := must[*iam.GetUserOutput](t)(root.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("alice")}))
	if len(got.User.Tags) != 1 || *got.User.Tags[0].Value != "Ålice + ünd 100" {
		t.Errorf("tags: %+v", got.User.Tags)
	}

	// Denied, then allowed by a policy, then denied again.
	k := must[*iam.CreateAccessKeyOutput](t)(root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")})).AccessKey
	key := bartizantest.Credentials{AccessKey: *k.AccessKeyId, Secret: *k.SecretAccessKey}
	mine := iam.NewFromConfig(goSDK(s, key))
	_, err = mine.ListUsers(ctx, nil)
	refused(t, err, "AccessDenied", 403)
	policy := must[*iam.CreatePolicyOutput](t)(root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("look"),
		PolicyDocument: statement("iam:ListUsers", `"Resource": "*"`)})).Policy.Arn
	must[*iam.AttachUserPolicyOutput](t)(root.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: policy}))
	if users := must[*iam.ListUsersOutput](t)(mine.ListUsers(ctx, nil)).Users; len(users) != 1 || *users[0].UserName != "alice" {
		t.Errorf("users: %+v", users)
	}
	version := must[*iam.GetPolicyVersionOutput](t)(root.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: policy, VersionId: aws.String("v1")}))
	if text, err := url.QueryUnescape(*version.PolicyVersion.Document); err != nil || !json.Valid([]byte(text)) {
		t.Errorf("document %q: %v", text, err)
	}
	must[*iam.DetachUserPolicyOutput](t)(root.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: policy}))
	_, err = mine.ListUsers(ctx, nil)
	refused(t, err, "AccessDenied", 403)
	_, err = root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("bad"), PolicyDocument: aws.String(`{"Statement": 1}`)})
	var malformed *types.MalformedPolicyDocumentException
	if !errors.As(err, &malformed) {
		t.Errorf("a bad policy: %v", err)
	}

	// A role, assumed.
	must[*iam.CreateRoleOutput](t)(root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("reader"),
		AssumeRolePolicyDocument: statement("sts:AssumeRole", fmt.Sprintf(`"Principal": {"AWS": %q}`, *alice.Arn))}))
	must[*iam.AttachRolePolicyOutput](t)(root.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("reader"), PolicyArn: policy}))
	out := must[*sts.AssumeRoleOutput](t)(sts.NewFromConfig(goSDK(s, key)).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::000000000000:role/reader"), RoleSessionName: aws.String("go")}))
	session := bartizantest.Credentials{AccessKey: *out.Credentials.AccessKeyId, Secret: *out.Credentials.SecretAccessKey, Token: *out.Credentials.SessionToken}
	id := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(goSDK(s, session)).GetCallerIdentity(ctx, nil))
	if *id.Arn != "arn:aws:sts::000000000000:assumed-role/reader/go" {
		t.Errorf("the session is %s", *id.Arn)
	}
	must[*iam.ListUsersOutput](t)(iam.NewFromConfig(goSDK(s, session)).ListUsers(ctx, nil))
	_, err = iam.NewFromConfig(goSDK(s, session)).CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("mallory")})
	refused(t, err, "AccessDenied", 403)

	// Pages.
	for i := range 12 {
		must[*iam.CreateUserOutput](t)(root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(fmt.Sprint("user-", i)), Path: aws.String("/pages/")}))
	}
	var sizes []int
	for p := iam.NewListUsersPaginator(root, &iam.ListUsersInput{PathPrefix: aws.String("/pages/"), MaxItems: aws.Int32(5)}); p.HasMorePages(); {
		sizes = append(sizes, len(must[*iam.ListUsersOutput](t)(p.NextPage(ctx)).Users))
	}
	if !slices.Equal(sizes, []int{5, 5, 2}) {
		t.Errorf("pages of %v", sizes)
	}

	// Who is not known.
	_, err = sts.NewFromConfig(goSDK(s, bartizantest.Credentials{AccessKey: "AKIAIOSFODNN7EXAMPLE", Secret: "x"})).GetCallerIdentity(ctx, nil)
	refused(t, err, "InvalidClientTokenId", 403)
	_, err = sts.NewFromConfig(goSDK(s, bartizantest.Credentials{AccessKey: key.AccessKey, Secret: "x"})).GetCallerIdentity(ctx, nil)
	refused(t, err, "SignatureDoesNotMatch", 403)
}
