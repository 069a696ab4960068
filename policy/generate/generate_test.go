package generate

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"bartizan.dev/policy"
	"bartizan.dev/policy/lint"
	"bartizan.dev/policy/reference"
)

var testReference = reference.Open()

const role = "arn:aws:iam::111122223333:role/app"

// record writes an event of a session of the role.
func record(source, name, parameters string, extra ...string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:s","arn":"arn:aws:sts::111122223333:assumed-role/app/s","accountId":"111122223333",`+
		`"sessionContext":{"sessionIssuer":{"type":"Role","arn":"%s","accountId":"111122223333"}}},"eventTime":"2026-11-01T12:00:00Z","eventSource":"%s.amazonaws.com","eventName":"%s","awsRegion":"us-east-1",`+
		`"sourceIPAddress":"203.0.113.7","requestParameters":%s,"responseElements":null,"eventType":"AwsApiCall","recipientAccountId":"111122223333"%s}`, role, source, name, parameters, strings.Join(extra, ""))
}

func wrap(records ...string) string { return `{"Records":[` + strings.Join(records, ",\n") + `]}` }

// generate reads one stream.
func generate(t *testing.T, opt Options, stream string) *Result {
	t.Helper()
	opt.Reference = testReference
	g := New(opt)
	if err := g.Read(strings.NewReader(stream)); err != nil {
		t.Fatalf("%v in %.300q", err, stream)
	}
	r := g.Result()
	for _, doc := range r.Policies {
		check(t, doc, opt.Resources)
	}
	return r
}

// check: every document is a policy of AWS's size without errors, except for
// placeholders that are yet to be filled in.
func check(t *testing.T, doc string, mode Resources) {
	t.Helper()
	d, err := policy.Parse([]byte(doc))
	if err == nil {
		err = d.Check(policy.Identity)
	}
	if err != nil {
		t.Errorf("%v in %s", err, doc)
	}
	for _, f := range lint.Validate([]byte(doc), lint.Options{Reference: testReference}) {
		if mode == Templates && (f.Code == "INVALID_ARN_REGION" || f.Code == "INVALID_ARN_ACCOUNT") {
			continue
		}
		if f.Type == lint.Error || f.Code == "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA" {
			t.Errorf("%s: %s in %s", f.Code, f.Details, doc)
		}
	}
}

// statements returns the only document, compact, without its frame.
func statements(t *testing.T, r *Result) string {
	t.Helper()
	if len(r.Policies) != 1 {
		t.Fatalf("%d policies: %+v", len(r.Policies), r)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(r.Policies[0])); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `{"Version":"2012-10-17","Statement":[`), "]}")
}

func TestModes(t *testing.T) {
	stream := wrap(
		record("s3", "GetObject", `{"bucketName":"photos","key":"a/b.jpg"}`, `,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::photos/a/b.jpg"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::photos"}]`),
		record("s3", "ListObjectsV2", `{"bucketName":"photos","prefix":""}`),
		record("sqs", "SendMessageBatch", `{"queueUrl":"https://sqs.us-east-1.amazonaws.com/111122223333/jobs"}`),
		record("ec2", "DescribeInstances", `{}`),
	)
	for mode, want := range map[Resources]string{
		Any: `{"Effect":"Allow","Action":["ec2:DescribeInstances","s3:GetObject","s3:ListBucket","sqs:SendMessage"],"Resource":["*"]}`,
		Exact: `{"Effect":"Allow","Action":["ec2:DescribeInstances"],"Resource":["*"]},` +
			`{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::photos/a/b.jpg"]},` +
			`{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::photos"]},` +
			`{"Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["arn:aws:sqs:us-east-1:111122223333:jobs"]}`,
	} {
		r := generate(t, Options{Principal: role, Resources: mode}, stream)
		if got := statements(t, r); got != want {
			t.Errorf("mode %d:\n%s\nwant\n%s", mode, got, want)
		}
		if r.Events != 4 || r.Used != 4 || !r.Complete || !reflect.DeepEqual(r.Services, []string{"ec2", "s3", "sqs"}) {
			t.Errorf("%+v", r)
		}
	}
	got := statements(t, generate(t, Options{Resources: Templates}, stream))
	for _, want := range []string{`"arn:aws:s3:::${BucketName}/${ObjectName}"`, `"arn:aws:sqs:${Region}:${Account}:${QueueName}"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

// TestTranslation: names of calls to actions with resources.
func TestTranslation(t *testing.T) {
	for _, c := range []struct{ source, name, parameters, want string }{
		{"s3", "HeadObject", `{"bucketName":"b","key":"k","versionId":"1"}`, "s3:GetObjectVersion arn:aws:s3:::b/k"},
		{"s3", "ListBuckets", `{}`, "s3:ListAllMyBuckets *"},
		{"s3", "DeleteBucketLifecycle", `{"bucketName":"b"}`, "s3:PutLifecycleConfiguration arn:aws:s3:::b"},
		{"lambda", "GetFunction20150331v2", `{"functionName":"f"}`, "lambda:GetFunction arn:aws:lambda:us-east-1:111122223333:function:f"},
		{"lambda", "Invoke", `{"functionName":"arn:aws:lambda:us-east-1:111122223333:function:f"}`, "lambda:InvokeFunction arn:aws:lambda:us-east-1:111122223333:function:f"},
		{"dynamodb", "GetItem", `{"tableName":"t","key":{"id":"arn:aws:s3:::x"}}`, "dynamodb:GetItem arn:aws:dynamodb:us-east-1:111122223333:table/t"},
		{"iam", "GetUser", `{"userName":"alice"}`, "iam:GetUser arn:aws:iam::111122223333:user/alice"},
		{"monitoring", "PutMetricData", `{}`, "cloudwatch:PutMetricData *"},
		{"apigateway", "CreateRestApi", `{}`, "apigateway:POST *"},
		{"cloudfront", "GetDistribution2020_05_31", `{"id":"E1"}`, "cloudfront:GetDistribution *"},
		{"kms", "Decrypt", `{"keyId":"arn:aws:kms:us-east-1:111122223333:key/k"}`, "kms:Decrypt arn:aws:kms:us-east-1:111122223333:key/k"},
		{"ssm", "GetParameter", `{"name":"/a/b"}`, "ssm:GetParameter arn:aws:ssm:us-east-1:111122223333:parameter/a/b"},
		{"secretsmanager", "GetSecretValue", `{"secretId":"s"}`, "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:111122223333:secret:s-??????"},
		{"ec2", "StopInstances", `{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]},"force":false}`, "ec2:StopInstances arn:aws:ec2:us-east-1:111122223333:instance/i-1 arn:aws:ec2:us-east-1:111122223333:instance/i-2"},
		{"sts", "AssumeRole", `{"roleArn":"arn:aws:iam::444455556666:role/x","roleSessionName":"s"}`, "sts:AssumeRole arn:aws:iam::444455556666:role/x"},
	} {
		got := statements(t, generate(t, Options{Resources: Exact}, record(c.source, c.name, c.parameters)))
		f := strings.Fields(c.want)
		want := fmt.Sprintf(`{"Effect":"Allow","Action":["%s"],"Resource":["%s"]}`, f[0], strings.Join(f[1:], `","`))
		if got != want {
			t.Errorf("%s %s:\n%s\nwant\n%s", c.source, c.name, got, want)
		}
	}
}

// TestTables: the translation names services and actions that exist.
func TestTables(t *testing.T) {
	for source, prefix := range sources {
		if _, ok := testReference.Service(prefix); !ok {
			t.Errorf("%s is service %s, which does not exist", source, prefix)
		}
	}
	for call, list := range actions {
		prefix, _, _ := strings.Cut(call, ":")
		for word := range strings.FieldsSeq(list) {
			word, _, _ = strings.Cut(word, "!")
			word, _, _ = strings.Cut(word, "?")
			if !strings.Contains(word, ":") {
				word = prefix + ":" + word
			}
			if !testReference.KnownAction(word) {
				t.Errorf("%s needs %s, which does not exist", call, word)
			}
		}
	}
	g := New(Options{Reference: testReference})
	for call := range free {
		service, name, _ := strings.Cut(call, ":")
		if got := g.translate(service+".amazonaws.com", name); got == nil || len(got) > 0 {
			t.Errorf("%s needs %v", call, got)
		}
	}
	for _, v := range verbs {
		if !testReference.KnownAction("apigateway:" + v.action) {
			t.Errorf("apigateway:%s does not exist", v.action)
		}
	}
}

func TestPassRole(t *testing.T) {
	r := generate(t, Options{Resources: Exact}, record("lambda", "CreateFunction20150331", `{"functionName":"f","role":"arn:aws:iam::111122223333:role/service-role/lambda","code":{}}`))
	if got := statements(t, r); !strings.Contains(got, `{"Effect":"Allow","Action":["iam:PassRole"],"Resource":["arn:aws:iam::111122223333:role/service-role/lambda"]}`) {
		t.Error(got)
	}
}

// TestHostileNames: a name cannot widen the policy.
func TestHostileNames(t *testing.T) {
	r := generate(t, Options{Resources: Exact}, record("s3", "GetObject", `{"bucketName":"b","key":"*"}`)+
		record("s3", "PutObject", `{"bucketName":"b","key":"${aws:username}?"}`, `,"resources":[{"ARN":"arn:aws:s3:::b/x*y"}]`))
	got := statements(t, r)
	want := `{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b/${*}"]},{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::b/x${*}y"]}`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	doc, err := policy.Parse([]byte(r.Policies[0]))
	if err != nil {
		t.Fatal(err)
	}
	set := policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: doc})
	for key, allowed := range map[string]bool{"*": true, "other": false, "": false} {
		q := policy.Request{Principal: policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/a"},
			Action: "s3:GetObject", Resource: "arn:aws:s3:::b/" + key, ResourceAccount: "111122223333"}
		if d := policy.Decide(&q, &policy.Bindings{Identity: set}); d.Allowed != allowed {
			t.Errorf("key %q: allowed %v", key, d.Allowed)
		}
	}
}

func TestSelection(t *testing.T) {
	stream := wrap(
		record("s3", "ListBuckets", `{}`),
		record("iam", "ListUsers", `{}`, `,"errorCode":"AccessDenied"`),
		record("iam", "GetRole", `{"roleName":"none"}`, `,"errorCode":"NoSuchEntityException"`),
		record("nosuch", "Thing", `{}`),
		record("sts", "GetCallerIdentity", `null`),
		strings.Replace(record("kms", "ListKeys", `{}`), role, "arn:aws:iam::111122223333:role/other", 1),
		strings.Replace(record("ec2", "DescribeVpcs", `{}`), "2026-11-01", "2025-01-01", 1),
		`{"eventType":"AwsServiceEvent","eventSource":"kms.amazonaws.com","eventName":"RotateKey","userIdentity":{"invokedBy":"AWS Internal"}}`,
		`17`,
	)
	opt := Options{Principal: role, From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	r := generate(t, opt, stream)
	if want := []string{"iam:GetRole", "s3:ListAllMyBuckets"}; !reflect.DeepEqual(r.Actions, want) {
		t.Errorf("actions %v, want %v", r.Actions, want)
	}
	if r.Events != 7 || r.Used != 2 || r.Denied != 1 || r.Skipped != 2 || r.Complete || !reflect.DeepEqual(r.Unknown, []string{"nosuch.amazonaws.com Thing"}) {
		t.Errorf("%+v", r)
	}
	opt.Denied = true
	if r := generate(t, opt, stream); !reflect.DeepEqual(r.Actions, []string{"iam:GetRole", "iam:ListUsers", "s3:ListAllMyBuckets"}) {
		t.Errorf("with denied: %v", r.Actions)
	}
	opt = Options{Regions: true}
	if got := statements(t, generate(t, opt, record("s3", "ListBuckets", `{}`))); !strings.Contains(got, `"Condition":{"StringEquals":{"aws:RequestedRegion":["us-east-1"]}}`) {
		t.Error(got)
	}
}

// TestForms: every form of stream gives the same.
func TestForms(t *testing.T) {
	a, b := record("s3", "ListBuckets", `{}`), record("iam", "GetUser", `{"userName":"é\u002d\"x"}`)
	quoted, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	quotedB, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(wrap(a, b))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	want := generate(t, Options{Resources: Exact}, wrap(a, b))
	for name, stream := range map[string]string{
		"lines":    a + "\n" + b + "\n",
		"array":    "[" + a + "," + b + "]",
		"commas":   a + ",\n" + b + ",",
		"pretty":   "{\n  \"Records\" : [ " + a + " ,\n " + b + " ] , \"more\" : {\"x\":[1]} }\n",
		"two":      wrap(a) + wrap(b),
		"wrappers": "[" + wrap(a) + "," + wrap(b) + "]",
		"lookup":   `{"Events":[{"EventId":"1","CloudTrailEvent":` + string(quoted) + `},{"CloudTrailEvent":` + string(quotedB) + `}],"NextToken":"x"}`,
		"gzip":     zipped.String(),
	} {
		for _, reader := range []io.Reader{strings.NewReader(stream), iotest.OneByteReader(strings.NewReader(stream)), iotest.DataErrReader(strings.NewReader(stream))} {
			g := New(Options{Resources: Exact, Reference: testReference})
			if err := g.Read(reader); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got := g.Result(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
	}
	for _, stream := range []string{"x", "{", `{"a"}`, `{"Records":[`, `{"Records":[}`, `{"a":}`, "[", `{"a":"`, "\x1f\x8bxx", `{"Records":[{"eventName":"x"}`} {
		if err := New(Options{Reference: testReference}).Read(strings.NewReader(stream)); err == nil {
			t.Errorf("%q is read", stream)
		}
	}
	if r := generate(t, Options{}, ""); len(r.Policies) != 0 || !r.Complete {
		t.Errorf("nothing gives %+v", r)
	}
}

// TestSizes: many resources are merged, many statements make several documents,
// and the order of events does not matter.
func TestSizes(t *testing.T) {
	var many []string
	for i := range 2000 {
		many = append(many, record("s3", "GetObject", fmt.Sprintf(`{"bucketName":"b%d","key":"k%d"}`, i%3, i)))
	}
	r := generate(t, Options{Resources: Exact}, wrap(many...))
	if got := statements(t, r); got != `{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b0/*","arn:aws:s3:::b1/*","arn:aws:s3:::b2/*"]}` {
		t.Error(got)
	}
	many = many[:0]
	for i := range 300 {
		many = append(many, record("sqs", "SendMessage", fmt.Sprintf(`{"queueUrl":"https://sqs/111122223333/queue-%03d"}`, i)))
		many = append(many, record("sns", "Publish", fmt.Sprintf(`{"topicArn":"arn:aws:sns:us-east-1:111122223333:topic-%03d"}`, i)))
	}
	r = generate(t, Options{Resources: Exact}, wrap(many...))
	if len(r.Policies) < 4 || !r.Complete {
		t.Errorf("%d policies, complete %v", len(r.Policies), r.Complete)
	}
	all := strings.Join(r.Policies, "\n")
	for i := range 300 {
		if !strings.Contains(all, fmt.Sprintf("queue-%03d", i)) || !strings.Contains(all, fmt.Sprintf("topic-%03d", i)) {
			t.Fatalf("%d is missing", i)
		}
	}
	for i := range many {
		j := len(many) - 1 - i
		if i < j {
			many[i], many[j] = many[j], many[i]
		}
	}
	if again := generate(t, Options{Resources: Exact}, wrap(many...)); !reflect.DeepEqual(again, r) {
		t.Error("another order of events gives another result")
	}
}

// TestAdd: events handed over one by one count like those that are read.
func TestAdd(t *testing.T) {
	g := New(Options{Principal: role, Resources: Exact, Reference: testReference})
	g.Add(&Event{
		Time: time.Now(), Source: "iam.amazonaws.com", Name: "GetUser", Region: "us-east-1", Account: "111122223333",
		Principal: "arn:aws:sts::111122223333:assumed-role/app/s", Issuer: role, Parameters: []byte(`{"userName":"alice"}`),
	})
	if got := statements(t, g.Result()); got != `{"Effect":"Allow","Action":["iam:GetUser"],"Resource":["arn:aws:iam::111122223333:user/alice"]}` {
		t.Error(got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(wrap(record("s3", "GetObject", `{"bucketName":"b","key":"*"}`), record("ec2", "RunInstances", `{"instancesSet":{"items":[{"imageId":"ami-1"}]}}`))), uint8(2))
	f.Add([]byte(`{"Events":[{"CloudTrailEvent":"{}"}]}`), uint8(1))
	f.Add([]byte(`[{"a":"\\\""},[[{}]],1]`), uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, mode uint8) {
		g := New(Options{Resources: Resources(mode % 3), MaxSize: 1024, Regions: mode > 128, Reference: testReference})
		if err := g.Read(bytes.NewReader(stream)); err != nil {
			return
		}
		for _, doc := range g.Result().Policies {
			if _, err := policy.Parse([]byte(doc)); err != nil {
				t.Errorf("%v: %s", err, doc)
			}
		}
	})
}

// BenchmarkRead reads events of CloudTrail's usual size.
func BenchmarkRead(b *testing.B) {
	var records []string
	pad := fmt.Sprintf(`,"userAgent":"%s","requestID":"%s","eventID":"%s","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"s3.us-east-1.amazonaws.com"}`,
		strings.Repeat("aws-sdk-go-v2/1.47 ", 12), "79104EXAMPLEB723", "cb8c167e-EXAMPLE")
	for i := range 2000 {
		records = append(records, record([]string{"s3", "iam", "ec2", "kms"}[i%4], []string{"GetObject", "GetUser", "DescribeInstances", "Decrypt"}[i%4],
			fmt.Sprintf(`{"bucketName":"b","key":"k%d","userName":"u%d","keyId":"arn:aws:kms:us-east-1:111122223333:key/%d"}`, i%100, i%100, i%10), pad))
	}
	stream := []byte(wrap(records...))
	for i := range records { // no two alike
		records[i] = strings.Replace(records[i], `"requestParameters":{`, fmt.Sprintf(`"requestParameters":{"n":%d,`, i), 1)
	}
	distinct := []byte(wrap(records...))
	for name, opt := range map[string]Options{"any": {}, "templates": {Resources: Templates}, "exact": {Resources: Exact}, "exact distinct": {Resources: Exact}, "one of many": {Principal: "arn:aws:iam::111122223333:user/x"}} {
		b.Run(name, func(b *testing.B) {
			opt.Reference = testReference
			stream := stream
			if strings.HasSuffix(name, "distinct") {
				stream = distinct
			}
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				g := New(opt)
				if err := g.Read(bytes.NewReader(stream)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(records))/b.Elapsed().Seconds(), "events/s")
		})
	}
}
