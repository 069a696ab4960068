// Package logstest writes logs in every format that package logs reads, for
// tests: realistic and synthetic.
package logstest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// Account is the account of everything made here.
const Account = "111122223333"

// Start is when everything begins.
var Start = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// Event is a CloudTrail event. Zero members get what is usual.
type Event struct {
	ID         string
	Time       time.Time
	Source     string // iam.amazonaws.com
	Name       string
	Region     string
	Account    string
	Identity   map[string]any // of Identities, or one's own
	IP         string
	Agent      string
	ErrorCode  string
	ErrorText  string
	ReadOnly   bool
	Type       string
	Category   string
	Params     any
	Response   any
	Additional any
	Resources  any
}

// JSON writes the event with AWS's members in AWS's order.
func (e Event) JSON() []byte {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&e.Region, "eu-west-1")
	set(&e.Account, Account)
	set(&e.IP, "192.0.2.44")
	set(&e.Agent, "aws-cli/2.17.5 md/awscrt#0.20.11 ua/2.0 os/linux#6.8.0-1012-aws md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#iam.create-user")
	set(&e.Type, "AwsApiCall")
	set(&e.Category, "Management")
	set(&e.ID, fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", hash(e.Source+e.Name+e.IP), e.Time.Unix()&0xffff, hash(e.Region)&0xfff, hash(e.Account)&0xfff, hash(fmt.Sprint(e.Time.UnixNano(), e.Params))))
	if e.Time.IsZero() {
		e.Time = Start
	}
	if e.Identity == nil {
		e.Identity = User("alice")
	}
	var b bytes.Buffer
	b.WriteString(`{"eventVersion":"1.11"`)
	member := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, ",%q:%s", name, text)
	}
	member("userIdentity", e.Identity)
	member("eventTime", e.Time.UTC().Format(time.RFC3339))
	member("eventSource", e.Source)
	member("eventName", e.Name)
	member("awsRegion", e.Region)
	member("sourceIPAddress", e.IP)
	member("userAgent", e.Agent)
	if e.ErrorCode != "" {
		member("errorCode", e.ErrorCode)
		member("errorMessage", e.ErrorText)
	}
	member("requestParameters", e.Params)
	member("responseElements", e.Response)
	if e.Additional != nil {
		member("additionalEventData", e.Additional)
	}
	member("requestID", fmt.Sprintf("%08x-ffff-4fff-afff-%012x", hash(e.ID), hash(e.Name)))
	member("eventID", e.ID)
	member("readOnly", e.ReadOnly)
	if e.Resources != nil {
		member("resources", e.Resources)
	}
	member("eventType", e.Type)
	member("managementEvent", e.Category == "Management")
	member("recipientAccountId", e.Account)
	member("eventCategory", e.Category)
	if e.Type == "AwsApiCall" {
		member("tlsDetails", map[string]any{"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": e.Source})
	}
	b.WriteByte('}')
	return b.Bytes()
}

func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

type object = map[string]any

// User is an IAM user with a long-term key.
func User(name string) map[string]any {
	return object{"type": "IAMUser", "principalId": fmt.Sprintf("AIDA%016X", hash(name)), "arn": "arn:aws:iam::" + Account + ":user/" + name,
		"accountId": Account, "accessKeyId": fmt.Sprintf("AKIA%016X", hash(name)), "userName": name}
}

// Role is a session of a role.
func Role(role, session string) map[string]any {
	id := fmt.Sprintf("AROA%016X", hash(role))
	return object{"type": "AssumedRole", "principalId": id + ":" + session, "arn": "arn:aws:sts::" + Account + ":assumed-role/" + role + "/" + session,
		"accountId": Account, "accessKeyId": fmt.Sprintf("ASIA%016X", hash(role+session)),
		"sessionContext": object{
			"sessionIssuer": object{"type": "Role", "principalId": id, "arn": "arn:aws:iam::" + Account + ":role/" + role, "accountId": Account, "userName": role},
			"attributes":    object{"creationDate": Start.Format(time.RFC3339), "mfaAuthenticated": "false"},
		}}
}

// Instance is a session of an EC2 instance's role.
func Instance(role, instance string) map[string]any {
	id := Role(role, instance)
	id["sessionContext"].(object)["ec2RoleDelivery"] = "2.0"
	return id
}

// Root is the root user, signed in at the console.
func Root() map[string]any {
	return object{"type": "Root", "principalId": Account, "arn": "arn:aws:iam::" + Account + ":root", "accountId": Account, "accessKeyId": "ASIAROOTEXAMPLE00001",
		"sessionContext": object{"attributes": object{"creationDate": Start.Format(time.RFC3339), "mfaAuthenticated": "true"}}}
}

// Service is an AWS service.
func Service(name string) map[string]any {
	return object{"type": "AWSService", "invokedBy": name}
}

// Identities is one identity of each type that AWS documents.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
func Identities() []map[string]any {
	web := Role("ci", "run-77")
	web["sessionContext"].(object)["webIdFederationData"] = object{"federatedProvider": "arn:aws:iam::" + Account + ":oidc-provider/token.actions.githubusercontent.com", "attributes": object{}}
	onBehalf := Role("AWSReservedSSO_Admin_0123456789abcdef", "bob")
	onBehalf["onBehalfOf"] = object{"userId": "d2351234-5678-90ab-cdef-112233445566", "identityStoreArn": "arn:aws:identitystore::" + Account + ":identitystore/d-1234567890"}
	federated := User("carol")
	federated["type"], federated["arn"] = "FederatedUser", "arn:aws:sts::"+Account+":federated-user/carol"
	return []map[string]any{
		Root(), User("alice"), Role("deploy", "i-0123456789abcdef0"), Instance("web", "i-0fedcba9876543210"), web, onBehalf, federated,
		{"type": "Role", "principalId": "AROAEXAMPLE:s", "arn": "arn:aws:iam::" + Account + ":role/deploy", "accountId": Account},
		{"type": "Directory", "principalId": "d-1234567890", "accountId": Account, "userName": "DAVE"},
		{"type": "AWSAccount", "principalId": "AIDAEXAMPLE", "accountId": "444455556666"},
		Service("autoscaling.amazonaws.com"),
		{"type": "IdentityCenterUser", "accountId": Account, "onBehalfOf": object{"userId": "d2351234", "identityStoreArn": "arn:aws:identitystore::" + Account + ":identitystore/d-1"}, "credentialId": "EXAMPLEVHULjJdTUdPJfofVa1sufHDoj7aYcOYcxFVllWR_Whr1fEXAMPLE"},
		{"type": "SAMLUser", "principalId": "SampleUkh1i4+ExamplexL/jEvs=:SamlExample", "userName": "SamlExample", "identityProvider": "bdGOnTesti4+ExamplexL/jEvs="},
		{"type": "WebIdentityUser", "principalId": "accounts.google.com:id", "userName": "id", "identityProvider": "accounts.google.com"},
		{"type": "Unknown"},
	}
}

// Events makes n ordinary events of about 1.3 KB, a few milliseconds apart.
func Events(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	who := Identities()
	var out [][]byte
	for i := range n {
		e := Event{Time: Start.Add(time.Duration(i) * 20 * time.Millisecond), Identity: who[r.IntN(len(who))], IP: fmt.Sprintf("203.0.113.%d", r.IntN(256))}
		switch r.IntN(8) {
		case 0:
			e.Source, e.Name, e.ReadOnly = "ec2.amazonaws.com", "DescribeInstances", true
			e.Params = object{"instancesSet": object{}, "filterSet": object{"items": []any{object{"name": "instance-state-name", "valueSet": object{"items": []any{object{"value": "running"}}}}}}, "maxResults": 100}
		case 1:
			e.Source, e.Name = "sts.amazonaws.com", "AssumeRole"
			e.Params = object{"roleArn": "arn:aws:iam::" + Account + ":role/deploy", "roleSessionName": fmt.Sprint("s", i), "durationSeconds": 3600}
			e.Response = object{"credentials": object{"accessKeyId": "ASIAEXAMPLE", "sessionToken": "IQoJb3JpZ2luX2VjE" + string(bytes.Repeat([]byte("aB3/"), 60)), "expiration": "Nov 30, 2026, 1:00:00 PM"}, "assumedRoleUser": object{"assumedRoleId": "AROAEXAMPLE:s", "arn": "arn:aws:sts::" + Account + ":assumed-role/deploy/s"}}
			e.Resources = []any{object{"accountId": Account, "type": "AWS::IAM::Role", "ARN": "arn:aws:iam::" + Account + ":role/deploy"}}
		case 2:
			e.Source, e.Name = "kms.amazonaws.com", "Decrypt"
			e.Params = object{"encryptionContext": object{"aws:s3:arn": "arn:aws:s3:::data/" + fmt.Sprint(i)}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
			e.ReadOnly = true
			e.Resources = []any{object{"accountId": Account, "type": "AWS::KMS::Key", "ARN": "arn:aws:kms:eu-west-1:" + Account + ":key/1234abcd-12ab-34cd-56ef-1234567890ab"}}
		case 3:
			e.Source, e.Name = "s3.amazonaws.com", "PutBucketPolicy"
			e.Params = object{"bucketName": fmt.Sprint("bucket", i%50), "Host": "s3.eu-west-1.amazonaws.com", "policy": "", "bucketPolicy": object{"Version": "2012-10-17", "Statement": []any{object{"Effect": "Allow", "Principal": object{"AWS": "arn:aws:iam::" + Account + ":root"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}}}}
		case 4:
			e.Source, e.Name = "lambda.amazonaws.com", "UpdateFunctionCode20150331v2"
			e.Params = object{"functionName": "f", "dryRun": false, "publish": true, "architectures": []any{"arm64"}}
			e.Response = object{"functionName": "f", "functionArn": "arn:aws:lambda:eu-west-1:" + Account + ":function:f", "runtime": "python3.13", "role": "arn:aws:iam::" + Account + ":role/f", "codeSize": 123456, "timeout": 30}
		case 5:
			e.Source, e.Name, e.ErrorCode = "iam.amazonaws.com", "GetRolePolicy", "AccessDenied"
			e.ErrorText = "User: arn:aws:iam::" + Account + ":user/alice is not authorized to perform: iam:GetRolePolicy on resource: role \"x\" because no identity-based policy allows the iam:GetRolePolicy action"
			e.ReadOnly = true
		case 6:
			e.Source, e.Name, e.ReadOnly = "logs.amazonaws.com", "FilterLogEvents", true
			e.Params = object{"logGroupName": "/aws/lambda/f", "filterPattern": "{ $.level = \"error\" }", "startTime": 1764504000000, "interleaved": true}
		default:
			e.Source, e.Name = "cloudformation.amazonaws.com", "CreateStack"
			e.Params = object{"stackName": fmt.Sprint("stack", i), "templateURL": "https://s3.amazonaws.com/templates/t.yaml", "parameters": []any{object{"parameterKey": "Size", "parameterValue": "small"}}, "capabilities": []any{"CAPABILITY_IAM"}}
			e.Response = object{"stackId": "arn:aws:cloudformation:eu-west-1:" + Account + ":stack/s/1"}
		}
		out = append(out, e.JSON())
	}
	return out
}

// Records puts events into a file as AWS delivers it.
func Records(events ...[]byte) []byte {
	return append(append([]byte(`{"Records":[`), bytes.Join(events, []byte(","))...), `]}`...)
}

// Lines puts each event on a line of its own.
func Lines(events ...[]byte) []byte {
	return append(bytes.Join(events, []byte("\n")), '\n')
}

// Gzip compresses data.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
