package detect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bartizan.dev/logs/logstest"
)

func TestTallies(t *testing.T) {
	id := func(i int) string { return fmt.Sprintf("i-%017x", i) }
	in := func(service, name string, params object) logstest.Event {
		return logstest.Event{Source: service + ".amazonaws.com", Name: name, Params: params}
	}
	failed := func(code string, e logstest.Event) logstest.Event { e.ErrorCode = code; return e }
	names := func(from, n int) (out list) {
		for i := range n {
			out = append(out, fmt.Sprint("/app/p", from+i))
		}
		return out
	}
	for _, c := range []struct {
		name string
		want string
		n    int // raises
		few  int // does not
		make func(int) logstest.Event
	}{
		{"secrets", anomalousCredential, 12, 7, func(i int) logstest.Event {
			return in("secretsmanager", "GetSecretValue", object{"secretId": fmt.Sprint("s", i)})
		}},
		{"one secret again and again", "", 100, 0, func(int) logstest.Event { return in("secretsmanager", "GetSecretValue", object{"secretId": "s"}) }},
		{"secrets in batches", anomalousCredential, 1, 0, func(int) logstest.Event {
			return in("secretsmanager", "BatchGetSecretValue", object{"filters": list{}})
		}},
		{"parameters", anomalousCredential, 3, 1, func(i int) logstest.Event {
			return in("ssm", "GetParameters", object{"names": names(10*i, 10), "withDecryption": true})
		}},
		{"parameters that are no secrets", "", 30, 0, func(i int) logstest.Event { return in("ssm", "GetParameter", object{"name": fmt.Sprint("p", i)}) }},
		{"user data", anomalousCredential, 8, 3, func(i int) logstest.Event {
			return failed("Client.InvalidInstanceID.NotFound", in("ec2", "DescribeInstanceAttribute", object{"instanceId": id(i), "attribute": "userData"}))
		}},
		{"an inventory", "", 60, 0, func(i int) logstest.Event {
			return in("ec2", "DescribeInstanceAttribute", object{"instanceId": id(i / 3), "attribute": [...]string{"disableApiTermination", "userData", "instanceInitiatedShutdownBehavior"}[i%3]})
		}},
		{"passwords", anomalousCredential, 8, 3, func(i int) logstest.Event {
			return failed("Client.UnauthorizedOperation", in("ec2", "GetPasswordData", object{"instanceId": id(i)}))
		}},
		{"denied calls", anomalousDiscovery, 14, 7, func(i int) logstest.Event {
			return failed("AccessDenied", in("iam", fmt.Sprint("ListThings", i), nil))
		}},
		{"Regions", anomalousDiscovery, 14, 7, func(i int) logstest.Event {
			e := in("ec2", "DescribeInstances", nil)
			e.Region = fmt.Sprint("eu-west-", i)
			return e
		}},
		{"roles", anomalousEscalation, 14, 7, func(i int) logstest.Event {
			return failed("AccessDenied", in("sts", "AssumeRole", object{"roleArn": fmt.Sprint("arn:aws:iam::111122223333:role/r", i)}))
		}},
		{"objects with a customer's key", anomalousImpact, 8, 2, func(i int) logstest.Event {
			e := in("s3", "CopyObject", object{"bucketName": "b", "key": fmt.Sprint(i), "x-amz-server-side-encryption-customer-algorithm": "AES256"})
			e.Category = "Data"
			return e
		}},
		{"objects", "", 100, 0, func(i int) logstest.Event {
			return in("s3", "PutObject", object{"bucketName": "b", "key": fmt.Sprint(i)})
		}},
		{"deleted snapshots", anomalousImpact, 12, 6, func(i int) logstest.Event {
			return in("ec2", "DeleteSnapshot", object{"snapshotId": fmt.Sprint("snap-", i)})
		}},
		{"deleted objects", anomalousImpact, 70, 30, func(i int) logstest.Event {
			return in("s3", "DeleteObject", object{"bucketName": "b", "key": fmt.Sprint(i)})
		}},
		{"models", anomalousImpact, 8, 2, func(i int) logstest.Event {
			return failed("ValidationException", in("bedrock", "InvokeModel", object{"modelId": fmt.Sprint("vendor.model-", i)}))
		}},
		{"instances", anomalousImpact, 1, 0, func(int) logstest.Event {
			return in("ec2", "RunInstances", object{"instancesSet": object{"items": list{object{"minCount": 1, "maxCount": 50}}}})
		}},
		{"sign-ins", anomalousAccess, 14, 6, func(int) logstest.Event { return failed("Failed authentication", in("signin", "ConsoleLogin", nil)) }},
	} {
		want := ""
		if c.want != "" {
			want = c.want + " "
		}
		all := series(logstest.Start, 30*time.Second, times(c.n, c.make)...)
		e := New(Config{}, All()...)
		got := raised(t, e, all...)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := raised(t, e, all...); len(got) > 0 {
			t.Errorf("%s, the same log again: %v", c.name, got)
		}
		backwards := New(Config{}, All()...)
		late := make2(0)
		for i := range all {
			late = append(late, all[len(all)-1-i])
		}
		if got := raised(t, backwards, late...); (len(got) == 1) != (c.want != "") && c.n <= 30 {
			t.Errorf("%s, backwards: %v", c.name, got)
		}
		if got := raised(t, New(Config{}, All()...), series(logstest.Start, time.Second, times(c.few, c.make)...)...); len(got) > 0 {
			t.Errorf("few %s: %v", c.name, got)
		}
		if slow := raised(t, New(Config{}, All()...), series(logstest.Start, 31*time.Minute, times(min(c.n, 20), c.make)...)...); c.few > 1 && len(slow) > 0 {
			t.Errorf("%s over days: %v", c.name, slow)
		}
	}
}
