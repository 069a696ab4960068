package speed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	sdkkms "github.com/aws/aws-sdk-go-v2/service/kms"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"

	"bartizan.dev/test/wire/gen/iam"
	"bartizan.dev/test/wire/gen/kms"
	"bartizan.dev/test/wire/gen/sts"
	"bartizan.dev/wire"
)

func op(ops []wire.Operation, name string) *wire.Operation {
	for i := range ops {
		if ops[i].Name == name {
			return &ops[i]
		}
	}
	panic(name)
}

const encryptBody = `{"KeyId":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab","Plaintext":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","EncryptionContext":{"service":"orders","tenant":"a17"}}`

const createUserBody = "Action=CreateUser&Version=2010-05-08&UserName=alice&Path=%2Fdivision%2F&Tags.member.1.Key=team&Tags.member.1.Value=red&Tags.member.2.Key=cost&Tags.member.2.Value=17"

func decode(b *testing.B, o *wire.Operation, body string) {
	r := &wire.Request{Method: "POST", Path: "/", Header: http.Header{}, Body: []byte(body)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Decode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func encode(b *testing.B, o *wire.Operation, out any) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Encode(out, "6f3a0c1e-1111-2222-3333-444455556666", false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKMSEncryptDecode(b *testing.B) {
	decode(b, op(kms.Operations(kms.Unimplemented{}), "Encrypt"), encryptBody)
}

func BenchmarkKMSEncryptEncode(b *testing.B) {
	key := "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	encode(b, op(kms.Operations(kms.Unimplemented{}), "Encrypt"), &kms.EncryptResponse{CiphertextBlob: make([]byte, 150), KeyId: &key, EncryptionAlgorithm: kms.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT})
}

func BenchmarkIAMCreateUserDecode(b *testing.B) {
	decode(b, op(iam.Operations(iam.Unimplemented{}), "CreateUser"), createUserBody)
}

func BenchmarkIAMCreateUserEncode(b *testing.B) {
	encode(b, op(iam.Operations(iam.Unimplemented{}), "CreateUser"), &iam.CreateUserResponse{User: &iam.User{
		Path: "/division/", UserName: "alice", UserId: "AIDAIOSFODNN7EXAMPLE", Arn: "arn:aws:iam::111122223333:user/division/alice",
		Tags: []iam.Tag{{Key: "team", Value: "red"}, {Key: "cost", Value: "17"}},
	}})
}

func BenchmarkGetCallerIdentityDecode(b *testing.B) {
	decode(b, op(sts.Operations(sts.Unimplemented{}), "GetCallerIdentity"), "Action=GetCallerIdentity&Version=2011-06-15")
}

func BenchmarkGetCallerIdentityEncode(b *testing.B) {
	user, account, arn := "AIDAIOSFODNN7EXAMPLE", "111122223333", "arn:aws:iam::111122223333:user/alice"
	encode(b, op(sts.Operations(sts.Unimplemented{}), "GetCallerIdentity"), &sts.GetCallerIdentityResponse{UserId: &user, Account: &account, Arn: &arn})
}

// The SDK's codec is reached through its client, with a transport that answers
// at once, without signature and retries: one call is one encode and one decode
// and the client's middleware.

type transport struct{ body []byte }

func (t transport) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(t.body)), Request: r}, nil
}

func config(body string) aws.Config {
	return aws.Config{
		Region: "us-east-1", HTTPClient: transport{[]byte(body)}, Credentials: aws.AnonymousCredentials{},
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func BenchmarkSDKKMSEncrypt(b *testing.B) {
	c := sdkkms.NewFromConfig(config(fmt.Sprintf(`{"KeyId":"k","EncryptionAlgorithm":"SYMMETRIC_DEFAULT","CiphertextBlob":%q}`, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")))
	in := &sdkkms.EncryptInput{KeyId: aws.String("arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"), Plaintext: make([]byte, 32), EncryptionContext: map[string]string{"service": "orders", "tenant": "a17"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Encrypt(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSDKIAMCreateUser(b *testing.B) {
	c := sdkiam.NewFromConfig(config(`<CreateUserResponse><CreateUserResult><User><Path>/division/</Path><UserName>alice</UserName><UserId>AIDA</UserId><Arn>arn:aws:iam::111122223333:user/alice</Arn><CreateDate>2026-11-23T00:00:00Z</CreateDate></User></CreateUserResult></CreateUserResponse>`))
	in := &sdkiam.CreateUserInput{UserName: aws.String("alice"), Path: aws.String("/division/"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("red")}, {Key: aws.String("cost"), Value: aws.String("17")}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.CreateUser(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSDKGetCallerIdentity(b *testing.B) {
	c := sdksts.NewFromConfig(config(`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn><UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.GetCallerIdentity(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
